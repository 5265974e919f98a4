package main

import (
	"io"

	"github.com/unroll-ml/unroll/internal/terminal"
)

// texts is where texts go that may hold what others wrote.
func (a *app) texts() io.Writer { return terminal.Texts(a.stdout) }

// prose is where lines go that people read.
func (a *app) prose() io.Writer { return terminal.Prose(a.stdout) }

// stdinName is what errors call the standard input.
const stdinName = "stdin"

// inviteTyping says that the command waits for somebody to type.
func (a *app) inviteTyping() {
	if terminal.Is(a.stdin) {
		notice(a.stderr)("reading stdin: type a text and Enter; Ctrl-D ends")
	}
}

// say says on stderr what the user should know.
func (a *app) say(notes []string) {
	for _, note := range notes {
		notice(a.stderr)(note)
	}
}
