// Package terminal is what a command writes to and reads from, which may be a terminal.
//
// It must not know what is written.
package terminal

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/unroll-ml/unroll/internal/words"
)

// Is says of a reader or a writer whether it is a terminal. Tests replace it.
var Is = func(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width is how many characters fit into a line of the terminal that a writer writes to; 0: not known, or it is none.
// Tests replace it.
var Width = func(w io.Writer) int {
	f, ok := under(w).(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// under is the writer that those of this package write to.
func under(w io.Writer) io.Writer {
	for {
		switch x := w.(type) {
		case *Output:
			w = x.To
		case Visible:
			w = x.To
		case prose:
			w = x.to
		default:
			return w
		}
	}
}

// Output writes to To until the first error, tells Gone of that, once, and then accepts everything: work does not end
// because its output has no reader any more.
type Output struct {
	To     io.Writer
	Gone   func(error)
	gaveUp bool
}

// Write implements io.Writer.
func (d *Output) Write(p []byte) (int, error) {
	if !d.gaveUp {
		if _, err := d.To.Write(p); err != nil {
			d.gaveUp = true
			d.Gone(err)
		}
	}
	return len(p), nil
}

// Visible writes texts to a terminal, which should show what others wrote and not obey it.
type Visible struct{ To io.Writer }

// Write implements io.Writer.
func (v Visible) Write(p []byte) (int, error) {
	_, err := io.WriteString(v.To, words.Visible(string(p)))
	return len(p), err
}

// Texts is where texts go that may hold what others wrote: labels, words, names. Files and other programs get them as
// they are.
func Texts(w io.Writer) io.Writer {
	if Is(under(w)) {
		return Visible{w}
	}
	return w
}

// Prose is where lines go that people read. On a terminal each line that is too long for it is broken between words, and
// what others wrote in them is shown and not obeyed; files and other programs get the lines as they are. What is written
// at once must be whole lines.
func Prose(w io.Writer) io.Writer {
	if Is(under(w)) {
		return prose{w}
	}
	return w
}

type prose struct{ to io.Writer }

func (p prose) Write(b []byte) (int, error) {
	_, err := io.WriteString(p.to, words.Wrap(words.Visible(string(b)), Width(p.to)))
	return len(b), err
}
