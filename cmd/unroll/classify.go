package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
	"github.com/unroll-ml/unroll/trainer/runlog"
)

// classifyCmd classifies the lines of stdin.
type classifyCmd struct {
	Dir  string `arg:"" name:"RUN" help:"Folder that unroll train classify wrote, of texts."`
	Top  int    `default:"1" help:"Write the K likeliest labels, each with its probability, with tabs between."`
	JSON bool   `name:"json" help:"Write a JSON object a line, with the labels and their probabilities."`
	useFlags
}

// stdinName is what errors call the standard input.
const stdinName = "stdin"

// classified is what classify --json writes for a line.
type classified struct {
	Text    string  `json:"text"`
	Unknown int     `json:"unknown,omitempty"` // of its tokens
	Labels  []label `json:"labels"`            // the likeliest first
}

type label struct {
	Label       string       `json:"label"`
	Probability runlog.Float `json:"probability"`
}

func (k *classifyCmd) Run(a *app) error {
	if k.Top < 1 {
		return usage("--top is %d: it must be at least 1", k.Top)
	}
	if err := k.check(); err != nil {
		return err
	}
	r, err := k.open(a, k.Dir, run.TaskClassify)
	if err != nil {
		return err
	}
	if r.Vocab() == nil {
		return fail(exitData, "RUN: %s classifies images, and stdin has lines of text: measure it with unroll eval", k.Dir)
	}
	if err := k.compute(a, r); err != nil {
		return err
	}
	m, err := r.Classifier()
	if err != nil {
		return err
	}
	defer m.Close()
	return eachBlock(a, r, run.MostTexts, func(_ int, lines []string, unknown []int) (string, error) {
		labels, err := m.Classify(context.Background(), lines)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		for i, line := range lines {
			b.WriteString(k.write(line, unknown[i], labels[i]))
		}
		return b.String(), nil
	})
}

// write is what is written for a line.
func (k *classifyCmd) write(line string, unknown int, labels []run.Label) string {
	c := classified{Text: line, Unknown: unknown, Labels: []label{}}
	var fields []string
	for _, l := range labels[:min(k.Top, len(labels))] {
		c.Labels = append(c.Labels, label{l.Name, runlog.Float(l.Probability)})
		fields = append(fields, fmt.Sprintf("%s\t%.4f", l.Name, l.Probability))
	}
	if k.JSON {
		return jsonLine(c)
	}
	return strings.Join(fields, "\t") + "\n"
}

// eachBlock writes what f makes of lines of the standard input, as many at once as are there already, and most at most. They are read as the
// data of the run were. Lines are counted from 1, and first is the number of the first; unknown are how many tokens of each the run does not
// know, of which more is said at the end.
func eachBlock(a *app, r *run.Run, most int, f func(first int, lines []string, unknown []int) (string, error)) error {
	in := datasets.NewLines(stdinName, a.stdin)
	in.Column = r.Config().Data.Train.Column
	var known datasets.Coverage
	for number := 1; ; {
		var lines []string
		var unknown []int
		var failed error
		for failed == nil && (lines == nil || len(lines) < most && in.Ready()) {
			var line string
			if line, failed = in.Read(); failed == nil {
				before := known.Unknown
				known.Encode(r.Vocab(), line)
				lines, unknown = append(lines, line), append(unknown, known.Unknown-before)
			}
		}
		if len(lines) > 0 {
			made, err := f(number, lines, unknown)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(a.stdout, made); err != nil {
				return errors.WithStack(err)
			}
		}
		if failed == io.EOF {
			tellOfInput(notice(a.stderr), in, known)
			return nil
		}
		if failed != nil {
			return readError(failed)
		}
		number += len(lines)
	}
}

// tellOfInput says what of lines was not read, and what of them is unknown.
func tellOfInput(tell func(string), in *datasets.Lines, known datasets.Coverage) {
	if in.Tabs > 0 {
		tell(fmt.Sprintf("%s: %s tabs, of which column %d was read", stdinName, words.Count(in.Tabs, "line has", "lines have"), in.Column))
	}
	if what := run.UnknownWords(stdinName, known); what != "" {
		tell(what)
	}
}

// readError is the error of reading the standard input.
func readError(err error) error {
	var bad *datasets.Error
	if errors.As(err, &bad) {
		return err
	}
	return fail(exitIO, "%s cannot be read: %v", stdinName, errors.Cause(err))
}
