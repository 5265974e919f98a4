// Package apply has trained models answer what people give them: lines of text and sentences as they come, images and
// series of files. Answers are written as text, as tables or as JSON, as soon as they are there.
//
// It must know neither flags nor exit codes. Settings that its remarks name are in backquotes, as in package run.
package apply

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// ReadError says that what is to be answered cannot be read.
type ReadError struct {
	Name string // of the reader
	Err  error
}

func (e *ReadError) Error() string { return fmt.Sprintf("%s cannot be read: %v", e.Name, e.Err) }

// Lines are the lines of a reader, read as the data of a run were, and how much of them the run knows.
type Lines struct {
	*datasets.Lines
	name  string
	vocab *datasets.Vocab
	known datasets.Coverage
}

// NewLines are the lines of a reader with a name, for a run.
func NewLines(name string, from io.Reader, r *run.Run) *Lines {
	l := &Lines{Lines: datasets.NewLines(name, from), name: name, vocab: r.Vocab()}
	l.Column = r.Config().Data.Train.Column
	return l
}

// unknown is how many tokens of a line the run does not know.
func (l *Lines) unknown(line string) int {
	before := l.known.Unknown
	l.known.Encode(l.vocab, line)
	return l.known.Unknown - before
}

// Notes say what of the lines was not read, and what of them is unknown.
func (l *Lines) Notes() (notes []string) {
	if l.Tabs > 0 {
		notes = append(notes, fmt.Sprintf("%s: %s tabs, of which column %d was read",
			l.name, words.Count(l.Tabs, "line has", "lines have"), l.Column))
	}
	if l.Doubt != "" {
		notes = append(notes, fmt.Sprintf("%s: the first line %s; each line was read as a text", l.name, l.Doubt))
	}
	if what := run.UnknownWords(l.name, l.known); what != "" {
		notes = append(notes, what)
	}
	return notes
}

// each answers all lines; see eachBlock.
func (l *Lines) each(to io.Writer, most int, answer func(first int, lines []string) (string, error)) error {
	return eachBlock(l.name, l.Lines, to, most, answer)
}

// source gives items one after the other. Ready says whether the next is there already.
type source[T any] interface {
	Read() (T, error)
	Ready() bool
}

// eachBlock writes the answers to items, as many at once as are there already, and most at most: who waits for an
// answer gets it, and a file is read in blocks. Items are counted from 1, and first is the number of the first.
func eachBlock[T any](
	name string, from source[T], to io.Writer, most int, answer func(first int, some []T) (string, error),
) error {
	for number := 1; ; {
		var some []T
		var failed error
		for failed == nil && (some == nil || len(some) < most && from.Ready()) {
			var item T
			if item, failed = from.Read(); failed == nil {
				some = append(some, item)
			}
		}
		if len(some) > 0 {
			text, err := answer(number, some)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(to, text); err != nil {
				return errors.WithStack(err)
			}
		}
		var bad *datasets.Error
		switch {
		case failed == io.EOF:
			return nil
		case errors.As(failed, &bad):
			return failed
		case failed != nil:
			return &ReadError{name, errors.Cause(failed)}
		}
		number += len(some)
	}
}

// jsonLine is a JSON object on a line.
func jsonLine(x any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(x); err != nil { // strings and numbers always encode
		panic(err)
	}
	return b.String()
}
