package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
	"github.com/unroll-ml/unroll/trainer/translate"
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
// across and those that were written down.
type attentionPage struct {
	path string
	r    *run.Run

	Run, Model, How string
	Sentences       []drawnSentence
	Left            int // more were translated than are drawn

	cells int
}

type drawnSentence struct {
	Number         int
	Source, Target string
	LogProb        float64
	Words          bool     // its tokens are long
	From           []string // the tokens of the source
	Rows           []drawnRow
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
	probe, err := os.CreateTemp(filepath.Dir(path), ".probe-*")
	if err != nil {
		return nil, pageError(path, err)
	}
	probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return nil, pageError(path, err)
	}
	return &attentionPage{path: path, r: r, How: how}, nil
}

// pageError says what to do if the page cannot be written.
func pageError(path string, err error) error {
	var in *fs.PathError
	if !errors.As(err, &in) || errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return fail(exitNoOutput, "--attention: %s cannot be written (%v): name another file", path, in.Err)
}

// add adds a sentence: its tokens, with the end, and what was written.
func (p *attentionPage) add(number int, line string, source []int32, t translate.Translation) {
	cells := len(source) * len(t.Weights)
	if p.Left > 0 || len(p.Sentences) == drawnSentences || p.cells+cells > drawnCells {
		p.Left++
		return
	}
	p.cells += cells
	s := drawnSentence{Number: number, Source: line, Target: t.Text, LogProb: t.LogProb}
	letters := []rune(line)
	for i, token := range source {
		name := shown(p.r.Vocab(), token)
		if token == datasets.Unknown && p.r.Vocab().Kind() == datasets.Char && len(letters) == len(source)-1 {
			name = string(letters[i])
		}
		s.From = append(s.From, name)
		s.Words = s.Words || utf8.RuneCountInString(name) > 2
	}
	for i, weights := range t.Weights {
		row := drawnRow{To: shown(p.r.Target(), t.Tokens[i])}
		for k, w := range weights {
			row.Cells = append(row.Cells, drawnCell{template.CSS(strconv.FormatFloat(w, 'f', 3, 64)), fmt.Sprintf("%.3f  %s looks at %s", w, row.To, s.From[k])})
		}
		s.Rows = append(s.Rows, row)
	}
	p.Sentences = append(p.Sentences, s)
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
	var b bytes.Buffer
	if err := attentionTemplate.Execute(&b, p); err != nil {
		return errors.WithStack(err)
	}
	if err := run.WriteFile(p.path, b.Bytes()); err != nil {
		return pageError(p.path, err)
	}
	return nil
}
