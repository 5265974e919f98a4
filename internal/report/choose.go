package report

import (
	"os"

	"github.com/unroll-ml/unroll/internal/terminal"
)

// New chooses how to report: JSON objects, a progress bar on a terminal, or lines of text. everyLine asks for a line for
// each step that is to be shown; otherwise there is at most one a second.
func New(w *terminal.Output, asJSON, everyLine bool) Reporter {
	switch {
	case asJSON:
		return JSON(w)
	case !terminal.Is(w.To):
		return Lines(w, everyLine)
	case os.Getenv("TERM") == "dumb":
		return Lines(terminal.Prose(w), everyLine)
	}
	return Bar(terminal.Prose(w), w, func() int { return terminal.Width(w) }, everyLine)
}
