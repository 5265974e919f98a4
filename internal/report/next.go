package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/cmdline"
	"github.com/unroll-ml/unroll/internal/terminal"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Command is a command line that somebody may want to run next.
type Command struct {
	Line string
	What string // it does; "" where that is plain
}

// WriteNext shows commands to copy: each after what it does, and in several lines, as a shell reads them, where it does
// not fit into one of the terminal.
func WriteNext(w io.Writer, commands []Command) error {
	var b strings.Builder
	b.WriteString("next:\n")
	for _, c := range commands {
		if c.What != "" {
			fmt.Fprintf(&b, "  # %s\n", c.What)
		}
		fmt.Fprintf(&b, "  %s\n", cmdline.Fold(c.Line, 2, terminal.Width(w)))
	}
	_, err := io.WriteString(w, b.String())
	return errors.WithStack(err)
}

// Next are commands for what can be done with a run that was trained; example is what its model can be tried with, and
// calledAs what a person types to run the command.
func Next(calledAs string, c *run.Config, dir, example string) (commands []Command) {
	dir, example = cmdline.Quote(dir), cmdline.Quote(example)
	add := func(line, what string) { commands = append(commands, Command{line, what}) }
	add(calledAs+" eval "+dir, "")
	onTask := c.Data.Train != nil && c.Data.Train.Kind == run.KindTask
	switch c.Task {
	case run.TaskLM:
		add(calledAs+" sample "+dir+" --prompt "+example, "")
	case run.TaskClassify:
		switch {
		case c.Model.Series != nil:
			add(calledAs+" classify "+dir+" --series FILE", "series, in files as that of the training data")
		case c.Model.Vocab == 0:
			add(calledAs+" classify "+dir+" --idx DIR", "images, in files as those of the training data")
		default:
			add(calledAs+" classify "+dir, "reads a text a line, and writes its label and the probability of that")
		}
	case run.TaskRegress:
		if !onTask {
			add(calledAs+" regress "+dir+" --series FILE", "writes the number of each series")
		}
	case run.TaskTag:
		add(calledAs+" tag "+dir, "reads a word a line or CoNLL-U, and writes it with its tags")
	case run.TaskForecast:
		add(calledAs+" forecast "+dir+" > forecasts.csv", "")
	case run.TaskSeq2Seq:
		translate := "echo " + example + " | " + calledAs + " translate " + dir
		add(translate, "a source a line, and its translation")
		if c.Model.Attention != run.NoAttention {
			add(translate+" --attention look.html", "also where it looked")
		}
		if onTask {
			add(calledAs+" train seq2seq --pairs FILE", "on your own: a source, a tab and its target a line")
		}
	}
	return commands
}
