package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/internal/words"
)

// newReporter chooses how to report: JSON objects, a progress bar on a terminal, or lines of text. everyLine
// asks for a line for each step that is to be shown; otherwise there is at most one a second.
func newReporter(w io.Writer, asJSON, everyLine bool) report.Reporter {
	if asJSON {
		return report.JSON(w)
	}
	f, ok := w.(*bestEffortWriter)
	if !ok || !f.terminal() {
		return report.Lines(w, everyLine)
	}
	if os.Getenv("TERM") == "dumb" {
		return report.Lines(words.Visibly(w), everyLine)
	}
	return report.Bar(words.Visibly(w), w, f.width, everyLine)
}

// bestEffortWriter writes until the first error, says once that it gave up, and then accepts everything:
// training does not end because its output has no reader any more.
type bestEffortWriter struct {
	w      io.Writer
	gaveUp bool
	gone   func(error)
}

func (d *bestEffortWriter) Write(p []byte) (int, error) {
	if !d.gaveUp {
		if _, err := d.w.Write(p); err != nil {
			d.gaveUp = true
			d.gone(err)
		}
	}
	return len(p), nil
}

// width is how many characters fit into a line of the terminal; 0: not known.
func (d *bestEffortWriter) width() int {
	f, ok := d.w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

func (d *bestEffortWriter) terminal() bool {
	return isTerminal(d.w)
}

// texts is where texts go that may hold what others wrote: labels, words, names. Files and other programs get
// them as they are.
func (a *app) texts() io.Writer { return textsTo(a.stdout) }

func textsTo(w io.Writer) io.Writer {
	if isTerminal(w) {
		return words.Visibly(w)
	}
	return w
}

// isTerminal says so of a reader or a writer. It is replaced by tests.
var isTerminal = func(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// stdinName is what errors call the standard input.
const stdinName = "stdin"

// inviteTyping says that the command waits for somebody to type.
func (a *app) inviteTyping() {
	if isTerminal(a.stdin) {
		notice(a.stderr)("reading stdin: type a text and Enter; Ctrl-D ends")
	}
}

// say says on stderr what the user should know.
func (a *app) say(notes []string) {
	for _, note := range notes {
		notice(a.stderr)(note)
	}
}
