package report

import (
	"fmt"
	"io"

	"github.com/unroll-ml/unroll/internal/cmdline"
	"github.com/unroll-ml/unroll/internal/terminal"
)

// Say says what the user should know, in one line; command, if there is one, is what the message ends with. On a
// terminal the line is broken between words, and the command stands by itself, to copy.
func Say(w io.Writer, message, command string) {
	width := terminal.Width(w)
	switch w := terminal.Prose(w); {
	case command == "":
		fmt.Fprintf(w, "unroll: %s\n", message)
	case width == 0:
		fmt.Fprintf(w, "unroll: %s %s\n", message, command)
	default:
		fmt.Fprintf(w, "unroll: %s\n  %s\n", message, cmdline.Fold(command, 2, width))
	}
}
