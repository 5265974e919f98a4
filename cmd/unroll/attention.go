package main

import (
	"bufio"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

//go:embed attention.html
var attentionHTML string

var attentionTemplate = template.Must(template.New("attention").Parse(attentionHTML))

// What a page has at most: more is slow to show. A cell is about 50 bytes of the page.
const (
	drawnSentences = 500
	drawnCells     = 500_000 // over all sentences
)

// attentionPage is an HTML page that shows where the attention looked: for each sentence a table of shades, the source's tokens
// across and those that were written down. In memory is one sentence; those before it wait in a file for what comes first in the
// page and is known last: how many are drawn.
type attentionPage struct {
	path  string
	r     *run.Run
	drawn *os.File // the sentences, as they will stand in the page

	Run, Model, How string
	Lines           []drawnLine
	Left            int // more were translated than are drawn

	cells int
}

type drawnLine struct {
	Number int
	Source string
}

type drawnSentence struct {
	drawnLine
	Target  string
	LogProb float64
	Words   bool     // its tokens are long
	From    []string // the tokens of the source
	Rows    []drawnRow
}

type drawnRow struct {
	To    string // the token that was written
	Cells []drawnCell
}

type drawnCell struct {
	Shade template.CSS // the weight, from 0 to 1
	Hover string
}

// newAttentionPage makes sure that there is something to draw and that the file can be written, before the work begins.
func newAttentionPage(path string, r *run.Run, how string) (*attentionPage, error) {
	if r.Config().Model.Attention == run.NoAttention {
		return nil, usage("--attention draws where the attention looked, and the model of %s has none: leave it out, or train a model with --attention %s", r.Dir(), run.Attentions[1])
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fail(exitNoOutput, "--attention: %s is no file that can be replaced: name another", path)
	}
	drawn, err := safefile.CreateTemp(filepath.Dir(path), ".drawn-")
	if err != nil {
		return nil, pageError(path, err)
	}
	os.Remove(drawn.Name()) // so that nothing is left if the process is killed; Windows removes it no earlier than close does
	return &attentionPage{path: path, r: r, drawn: drawn, How: how}, nil
}

func (p *attentionPage) close() {
	p.drawn.Close()
	os.Remove(p.drawn.Name())
}

// pageError says what to do if the page cannot be written.
func pageError(path string, err error) error {
	var in *fs.PathError
	if !errors.As(err, &in) || errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return fail(exitNoOutput, "--attention: %s cannot be written (%v): name another file", path, in.Err)
}

// full says whether no sentence will be drawn any more.
func (p *attentionPage) full() bool {
	return p.Left > 0 || len(p.Lines) == drawnSentences || p.cells >= drawnCells
}

// add draws a sentence: its tokens, with the end, and what was written.
func (p *attentionPage) add(number int, line string, source []int32, t translate.Translation) error {
	cells := len(source) * len(t.Tokens)
	if p.full() || p.cells+cells > drawnCells {
		p.Left++
		return nil
	}
	p.cells += cells
	s := drawnSentence{drawnLine: drawnLine{number, line}, Target: t.Text, LogProb: t.LogProb}
	p.Lines = append(p.Lines, s.drawnLine)
	s.draw(p.r, source, t)
	to := bufio.NewWriter(p.drawn)
	err := attentionTemplate.ExecuteTemplate(to, "sentence", s)
	if err == nil {
		err = to.Flush()
	}
	if err != nil {
		return pageError(p.path, err)
	}
	return nil
}

// draw makes the table.
func (s *drawnSentence) draw(r *run.Run, source []int32, t translate.Translation) {
	letters := []rune(s.Source)
	for i, token := range source {
		name := shown(r.Vocab(), token)
		if token == datasets.Unknown && r.Vocab().Kind() == datasets.Char && len(letters) == len(source)-1 {
			name = string(letters[i])
		}
		s.From = append(s.From, name)
		s.Words = s.Words || utf8.RuneCountInString(name) > 2
	}
	for i, weights := range t.Weights {
		row := drawnRow{To: shown(r.Target(), t.Tokens[i])}
		for k, w := range weights {
			row.Cells = append(row.Cells, drawnCell{template.CSS(strconv.FormatFloat(w, 'f', 3, 64)), fmt.Sprintf("%.3f  %s looks at %s", w, row.To, s.From[k])})
		}
		s.Rows = append(s.Rows, row)
	}
}

// shown is the name of a token in which nothing is invisible.
func shown(v *datasets.Vocab, token int32) string {
	if token == datasets.End {
		return "■"
	}
	return strings.NewReplacer(" ", "␣", "\n", "⏎", "\t", "⇥").Replace(v.Name(token))
}

// write writes the page: all of it or nothing.
func (p *attentionPage) write(at run.Position) error {
	m := &p.r.Config().Model
	p.Run = p.r.Dir()
	p.Model = fmt.Sprintf("%s of %d units, attention %s, after step %s", m.Cell, m.Hidden, m.Attention, words.Thousands(at.Step))
	err := run.Write(p.path, func(to io.Writer) error {
		if err := attentionTemplate.ExecuteTemplate(to, "top", p); err != nil {
			return err
		}
		if _, err := p.drawn.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(to, p.drawn); err != nil {
			return err
		}
		return attentionTemplate.ExecuteTemplate(to, "end", nil)
	})
	if err != nil {
		return pageError(p.path, err)
	}
	return nil
}
