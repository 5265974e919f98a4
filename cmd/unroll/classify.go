package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer"
)

// classifyCmd classifies the lines of stdin.
type classifyCmd struct {
	Dir string `arg:"" name:"RUN" help:"Folder that unroll train classify wrote, of texts."`
	useFlags
}

// stdinName is what errors call the standard input.
const stdinName = "stdin"

func (k *classifyCmd) Run(a *app) error {
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
	m, _, err := k.classifier(r)
	if err != nil {
		return err
	}
	defer m.Close()
	return eachLine(a.stdin, a.stdout, func(line string) (string, error) {
		label, p, err := classifyLine(m, r, line)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s\t%.4f", label, p), nil
	})
}

// classifier builds the classifier of a run and loads the checkpoint that the flags name.
func (u *useFlags) classifier(r *trained) (*trainer.Classifier, position, error) {
	u.runOn(r.config)
	m, err := newClassifier(r.config)
	if err != nil {
		return nil, position{}, err
	}
	at, err := u.load(r, m)
	return m, at, err
}

// classifyLine gives the likeliest label of a text and its probability.
func classifyLine(m *trainer.Classifier, r *trained, line string) (label string, p float64, err error) {
	tokens, _ := r.vocab.EncodeLine(line)
	tokens = tokens[:min(len(tokens), r.config.Training.Longest)]
	x := trainer.Sequences{Steps: roundedLength(len(tokens)), Batch: 1}
	x.Tokens, x.Mask = make([]int32, x.Steps), make([]float32, x.Steps)
	for i, t := range tokens {
		x.Tokens[i], x.Mask[i] = t, 1
	}
	logits, err := m.Logits(x)
	if err != nil {
		return "", 0, err
	}
	ln := trainer.LogSoftmax(logits)
	best := 0
	for i, l := range ln {
		if l > ln[best] {
			best = i
		}
	}
	return r.labels.Name(int32(best)), math.Exp(ln[best]), nil
}

// roundedLength is the length of the program that reads so many tokens: the next power of two, so that there are few programs.
func roundedLength(tokens int) int {
	n := 8
	for n < tokens {
		n *= 2
	}
	return n
}

// eachLine writes for each line that it reads the line that f makes of it, at once, and for a blank line a blank line.
func eachLine(in io.Reader, to io.Writer, f func(line string) (string, error)) error {
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
		made := ""
		if len(bytes.TrimSpace(line)) > 0 {
			if made, err = f(string(line)); err != nil {
				w.Flush()
				return err
			}
		}
		w.WriteString(made)
		w.WriteByte('\n')
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
