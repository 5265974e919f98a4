package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
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
	Text   string  `json:"text"`
	Labels []label `json:"labels"` // the likeliest first
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
	return eachBlock(a.stdin, a.stdout, run.MostTexts, func(_ int, lines []string) (string, error) {
		labels, err := m.Classify(context.Background(), lines)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		for i, line := range lines {
			b.WriteString(k.write(line, labels[i]))
		}
		return b.String(), nil
	})
}

// write is what is written for a line.
func (k *classifyCmd) write(line string, labels []run.Label) string {
	c := classified{Text: line, Labels: []label{}}
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

// eachBlock writes what f makes of lines, as many at once as are there already, and most at most. Lines are counted from 1, and first is the
// number of the first.
func eachBlock(in io.Reader, to io.Writer, most int, f func(first int, lines []string) (string, error)) error {
	r := bufio.NewReaderSize(in, 64<<10)
	for number := 1; ; {
		var lines []string
		var failed error
		for failed == nil && (lines == nil || len(lines) < most && holdsLine(r)) {
			var line []byte
			if line, failed = readLine(r, number+len(lines)); failed == nil {
				lines = append(lines, string(line))
			}
		}
		if len(lines) > 0 {
			made, err := f(number, lines)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(to, made); err != nil {
				return errors.WithStack(err)
			}
		}
		if failed == io.EOF {
			return nil
		}
		if failed != nil {
			return failed
		}
		number += len(lines)
	}
}

// holdsLine says whether a whole line can be read without waiting for whoever writes it, who may wait for an answer.
func holdsLine(r *bufio.Reader) bool {
	ready, _ := r.Peek(r.Buffered())
	return bytes.IndexByte(ready, '\n') >= 0
}

// readLine reads a line of UTF-8 of at most datasets.MaxLineBytes, without its end.
func readLine(r *bufio.Reader, number int) ([]byte, error) {
	var line []byte
	for {
		more, err := r.ReadSlice('\n')
		line = append(line, more...)
		switch {
		case len(line) > datasets.MaxLineBytes:
			return nil, &datasets.Error{File: stdinName, Line: number, What: fmt.Sprintf("the line is longer than %d bytes, the most that is read: cut it", datasets.MaxLineBytes)}
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && len(line) == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, fail(exitIO, "%s: line %d cannot be read: %v", stdinName, number, errors.Cause(err))
		case !utf8.Valid(line):
			return nil, &datasets.Error{File: stdinName, Line: number, What: "not UTF-8 text: convert it"}
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}
