package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer"
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
	r, err := openTrained(k.Dir, taskClassify)
	if err != nil {
		return err
	}
	if r.vocab == nil {
		return fail(exitData, "RUN: %s classifies images, and stdin has lines of text: measure it with unroll eval", k.Dir)
	}
	m, _, err := k.classifier(a, r)
	if err != nil {
		return err
	}
	defer m.Close()
	return eachLine(a.stdin, a.stdout, func(_ int, line string) (string, error) {
		c := classified{Text: line, Labels: []label{}}
		if strings.TrimSpace(line) != "" {
			labels, err := classifyLine(m, r, line)
			if err != nil {
				return "", err
			}
			c.Labels = labels[:min(k.Top, len(labels))]
		}
		if k.JSON {
			return jsonLine(c), nil
		}
		var fields []string
		for _, l := range c.Labels {
			fields = append(fields, fmt.Sprintf("%s\t%.4f", l.Label, l.Probability))
		}
		return strings.Join(fields, "\t") + "\n", nil
	})
}

// classifier builds the classifier of a run and loads the checkpoint that the flags name.
func (u *useFlags) classifier(a *app, r *trained) (*trainer.Classifier, position, error) {
	if err := u.runOn(a, r.config); err != nil {
		return nil, position{}, err
	}
	m, err := newClassifier(r.config)
	if err != nil {
		return nil, position{}, err
	}
	at, err := u.load(r, m)
	return m, at, err
}

// classifyLine gives the labels of a text and their probabilities, the likeliest first.
func classifyLine(m *trainer.Classifier, r *trained, line string) ([]label, error) {
	tokens, _ := r.vocab.EncodeLine(line)
	tokens = tokens[:min(len(tokens), r.config.Training.Longest)]
	x := trainer.Sequences{Steps: roundedLength(len(tokens)), Batch: 1}
	x.Tokens, x.Mask = make([]int32, x.Steps), make([]float32, x.Steps)
	for i, t := range tokens {
		x.Tokens[i], x.Mask[i] = t, 1
	}
	logits, err := m.Logits(x)
	if err != nil {
		return nil, err
	}
	labels := make([]label, len(logits))
	for i, ln := range trainer.LogSoftmax(logits) {
		labels[i] = label{r.labels.Name(int32(i)), runlog.Float(math.Exp(ln))}
	}
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(b.Probability, a.Probability) })
	return labels, nil
}

// roundedLength is the length of the program that reads so many tokens: the next power of two, so that there are few programs.
func roundedLength(tokens int) int {
	n := 8
	for n < tokens {
		n *= 2
	}
	return n
}

// eachLine writes what f makes of each line that it reads, at once. Lines are counted from 1.
func eachLine(in io.Reader, to io.Writer, f func(number int, line string) (string, error)) error {
	r := bufio.NewReaderSize(in, 64<<10)
	w := bufio.NewWriter(to)
	for number := 1; ; number++ {
		line, err := readLine(r, number)
		if err == io.EOF {
			return w.Flush()
		}
		if err != nil {
			w.Flush()
			return err
		}
		made, err := f(number, string(line))
		if err != nil {
			w.Flush()
			return err
		}
		w.WriteString(made)
		if r.Buffered() == 0 { // whoever writes the lines may wait for the answer
			if err := w.Flush(); err != nil {
				return errors.WithStack(err)
			}
		}
	}
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
