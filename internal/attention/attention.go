// Package attention draws where the attention of a sequence-to-sequence model looked: a page of HTML.
package attention

import (
	"bufio"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

//go:embed attention.html
var html string

var page = template.Must(template.New("attention").Parse(html))

// What a page has at most: more is slow to show. A cell is about 50 bytes of the page.
const (
	Sentences = 500
	Cells     = 500_000 // over all sentences
)

// Page is an HTML page that shows where the attention looked: for each sentence a table of shades, the source's
// tokens across and those that were written down. In memory is one sentence; those before it wait in a file for
// what comes first in the page and is known last: how many are drawn.
type Page struct {
	top
	path           string
	source, target *datasets.Vocab // of the tokens
	in             *os.Root        // the folder of path
	drawn          *os.File        // the sentences, as they will stand in the page
	cells          int
}

// top is what comes first.
type top struct {
	Run, Model, How string
	Lines           []sentenceLine
	Left            int // more were translated than are drawn
}

type sentenceLine struct {
	Number int
	Source string
}

type sentence struct {
	sentenceLine
	Target  string
	LogProb float64
	Words   bool     // its tokens are long
	From    []string // the tokens of the source
	Rows    []row
}

type row struct {
	To    string // the token that was written
	Cells []cell
}

type cell struct {
	Shade template.CSS // the weight, from 0 to 1
	Hover string
}

// UnwritableError says that a page cannot be written where it was to be.
type UnwritableError struct {
	Path string
	Err  error
}

func (e *UnwritableError) Error() string {
	return fmt.Sprintf("%s cannot be written: %v", e.Path, e.Err)
}

// Unwrap is the reason.
func (e *UnwritableError) Unwrap() error { return e.Err }

// unwritable is such an error, unless there is none.
func unwritable(path string, err error) error {
	if err == nil {
		return nil
	}
	return &UnwritableError{path, err}
}

// NewPage makes sure that a page can be written to a file, before the work begins. The vocabularies name the
// tokens of the sources and of their translations, which are found as the options say. Close the page. Errors of all
// methods, too, are *UnwritableError.
func NewPage(path string, source, target *datasets.Vocab, o translate.Options) (*Page, error) {
	in, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, unwritable(path, err)
	}
	drawn, err := safefile.CreateTemp(in, ".drawn-")
	if err != nil {
		return nil, unwritable(path, err)
	}
	p := &Page{top: top{How: how(o)}, path: path, source: source, target: target, in: in, drawn: drawn}
	p.removeDrawn() // so that nothing is left if the process is killed; Windows removes it no earlier than close does
	return p, nil
}

// how says in words how translations are found.
func how(o translate.Options) string {
	switch {
	case o.Sampling != nil:
		return fmt.Sprintf("drawn at random, temperature %g", o.Sampling.Temperature)
	case o.Beam.Width > 1:
		return fmt.Sprintf("beam search of width %d", o.Beam.Width)
	}
	return "the likeliest token at every step"
}

// Close frees what the page took.
func (p *Page) Close() {
	p.drawn.Close()
	p.removeDrawn()
	p.in.Close()
}

func (p *Page) removeDrawn() { p.in.Remove(filepath.Base(p.drawn.Name())) }

// Full says whether no sentence will be drawn any more.
func (p *Page) Full() bool {
	return p.Left > 0 || len(p.Lines) == Sentences || p.cells >= Cells
}

// Add draws a sentence: its tokens, with the end, and what was written.
func (p *Page) Add(number int, line string, source []int32, t translate.Translation) error {
	cells := len(source) * len(t.Tokens)
	if p.Full() || p.cells+cells > Cells {
		p.Left++
		return nil
	}
	p.cells += cells
	s := sentence{sentenceLine: sentenceLine{number, line}, Target: t.Text, LogProb: t.LogProb}
	p.Lines = append(p.Lines, s.sentenceLine)
	s.draw(p, source, t)
	to := bufio.NewWriter(p.drawn)
	err := page.ExecuteTemplate(to, "sentence", s)
	if err == nil {
		err = to.Flush()
	}
	return unwritable(p.path, err)
}

// draw makes the table.
func (s *sentence) draw(p *Page, source []int32, t translate.Translation) {
	s.From = Source(p.source, s.Source, source)
	for _, name := range s.From {
		s.Words = s.Words || words.Width(name) > 2
	}
	for i, weights := range t.Weights {
		r := row{To: Shown(p.target, t.Tokens[i])}
		for k, w := range weights {
			shade := template.CSS(strconv.FormatFloat(w, 'f', 3, 64))
			r.Cells = append(r.Cells, cell{shade, fmt.Sprintf("%.3f  %s looks at %s", w, r.To, s.From[k])})
		}
		s.Rows = append(s.Rows, r)
	}
}

// Source names the tokens of a line that was read: characters that the vocabulary does not have as they are in
// the line.
func Source(v *datasets.Vocab, line string, tokens []int32) (names []string) {
	letters := []rune(line)
	for i, token := range tokens {
		name := Shown(v, token)
		if token == datasets.Unknown && v.Kind() == datasets.Char && len(letters) == len(tokens)-1 {
			name = string(letters[i])
		}
		names = append(names, name)
	}
	return names
}

// Shown is the name of a token in which nothing is invisible; ■ is the end.
func Shown(v *datasets.Vocab, token int32) string {
	if token == datasets.End {
		return "■"
	}
	return strings.NewReplacer(" ", "␣", "\n", "⏎", "\t", "⇥").Replace(v.Name(token))
}

// Write writes the page of the model in the folder of a run, of which model says in words what it is: all of it
// or nothing.
func (p *Page) Write(folder, model string) error {
	p.Run, p.Model = folder, model
	return unwritable(p.path, checkpoint.In(p.in).Write(filepath.Base(p.path), func(to io.Writer) error {
		if err := page.ExecuteTemplate(to, "top", p.top); err != nil {
			return err
		}
		if _, err := p.drawn.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(to, p.drawn); err != nil {
			return err
		}
		return page.ExecuteTemplate(to, "end", nil)
	}))
}
