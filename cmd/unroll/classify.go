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
)

// classifyCmd classifies the lines of stdin, or images.
type classifyCmd struct {
	Dir    string `arg:"" name:"RUN" help:"Folder that unroll train classify wrote."`
	IDX    string `name:"idx" placeholder:"PATH" help:"Classify the images of this file, or of this folder, in files as MNIST and EMNIST have them: those to measure on, or else those to train on. Their labels are not read."`
	Series string `placeholder:"FILE" help:"Classify the series of numbers in this file: .ts (UEA), .tsv (UCR) or .csv, plain or .gz. Labels that it has are not used."`
	Top    int    `default:"1" help:"Write the K likeliest labels, each with its probability, with tabs between."`
	JSON   bool   `name:"json" help:"Write a JSON object a line, with the labels and their probabilities."`
	useFlags
}

// stdinName is what errors call the standard input.
const stdinName = "stdin"

// classified is what classify --json writes for a line, or for an image.
type classified struct {
	Text    *string `json:"text,omitempty"`    // of a line
	Image   int     `json:"image,omitempty"`   // its number in the file, from 1
	Series  int     `json:"series,omitempty"`  // likewise
	Unknown int     `json:"unknown,omitempty"` // of its tokens
	Labels  []label `json:"labels"`            // the likeliest first
}

type label struct {
	Label       string    `json:"label"`
	Probability run.Float `json:"probability"`
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
	if (r.Config().Model.Series != nil) != (k.Series != "") {
		return k.otherData(r)
	}
	switch {
	case k.Series != "":
		return k.series(a, r)
	case r.Vocab() == nil && k.IDX == "":
		return fail(exitData, "RUN: %s classifies images, and stdin has lines of text: name images with --idx", k.Dir)
	case r.Vocab() != nil && k.IDX != "":
		return fail(exitData, "--idx: %s classifies texts, a line of stdin each: leave it out", k.Dir)
	}
	var images *datasets.Images
	if k.IDX != "" {
		images, err = datasets.ReadIDXImages(k.IDX, datasets.Format{Transpose: r.Config().Data.Train.Format.Transpose})
		if err != nil {
			return run.NewInputError("--idx", err)
		}
	}
	if err := k.compute(a, r); err != nil {
		return err
	}
	m, err := r.Classifier()
	if err != nil {
		return err
	}
	defer m.Close()
	if images != nil {
		return k.images(a.texts(), m, images)
	}
	in := newInput(a.stdin, r)
	a.inviteTyping()
	defer in.tell(notice(a.stderr))
	return eachBlock(in.Lines, a.texts(), run.MostTexts, func(_ int, lines []string) (string, error) {
		labels, err := m.Classify(context.Background(), lines)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		for i, line := range lines {
			b.WriteString(k.write(classified{Text: &line, Unknown: in.unknown(line)}, labels[i]))
		}
		return b.String(), nil
	})
}

// images writes what images are taken for, a line each.
func (k *classifyCmd) images(w io.Writer, m *run.Classifier, images *datasets.Images) error {
	for from := 0; from < images.Len(); from += run.MostTexts {
		labels, err := m.ClassifyImages(context.Background(), images, from, min(from+run.MostTexts, images.Len()))
		if err != nil {
			return err
		}
		for i := range labels {
			if _, err := io.WriteString(w, k.write(classified{Image: from + i + 1}, labels[i])); err != nil {
				return errors.WithStack(err)
			}
		}
	}
	return nil
}

// otherData says that what the flags name is not what the run classifies.
func (k *classifyCmd) otherData(r *run.Run) error {
	if k.Series == "" {
		return fail(exitData, "RUN: %s classifies series: name them with --series", k.Dir)
	}
	return fail(exitData, "--series: %s classifies no series: leave it out", k.Dir)
}

// series classifies the series of a file.
func (k *classifyCmd) series(a *app, r *run.Run) error {
	cases, err := casesFor(a, r, k.Series)
	if err != nil {
		return err
	}
	if err := k.compute(a, r); err != nil {
		return err
	}
	m, err := r.Classifier()
	if err != nil {
		return err
	}
	defer m.Close()
	labels, err := m.ClassifyCases(context.Background(), cases)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i, l := range labels {
		b.WriteString(k.write(classified{Series: i + 1}, l))
	}
	_, err = io.WriteString(a.texts(), b.String())
	return err
}

// write is what is written for a line or an image; c has all but the labels.
func (k *classifyCmd) write(c classified, labels []run.Label) string {
	c.Labels = []label{}
	var fields []string
	for _, l := range labels[:min(k.Top, len(labels))] {
		c.Labels = append(c.Labels, label{l.Name, run.Float(l.Probability)})
		fields = append(fields, fmt.Sprintf("%s\t%.4f", l.Name, l.Probability))
	}
	if k.JSON {
		return jsonLine(c)
	}
	return strings.Join(fields, "\t") + "\n"
}

// input are the lines of the standard input, read as the data of a run were, and how much of them the run knows.
type input struct {
	*datasets.Lines
	vocab *datasets.Vocab
	known datasets.Coverage
}

// inviteTyping says that the command waits for somebody to type.
func (a *app) inviteTyping() {
	if isTerminal(a.stdin) {
		notice(a.stderr)("reading stdin: type a text and Enter; Ctrl-D ends")
	}
}

func newInput(from io.Reader, r *run.Run) *input {
	in := &input{Lines: datasets.NewLines(stdinName, from), vocab: r.Vocab()}
	in.Column = r.Config().Data.Train.Column
	return in
}

// unknown is how many tokens of a line the run does not know.
func (in *input) unknown(line string) int {
	before := in.known.Unknown
	in.known.Encode(in.vocab, line)
	return in.known.Unknown - before
}

// tell says what of the lines was not read, and what of them is unknown.
func (in *input) tell(tell func(string)) {
	if in.Tabs > 0 {
		tell(fmt.Sprintf("%s: %s tabs, of which column %d was read", stdinName, words.Count(in.Tabs, "line has", "lines have"), in.Column))
	}
	if what := run.UnknownWords(stdinName, in.known); what != "" {
		tell(what)
	}
}

// eachBlock writes what f makes of lines, as many at once as are there already, and most at most. Lines are
// counted from 1, and first is the number of the first.
func eachBlock(in *datasets.Lines, to io.Writer, most int, f func(first int, lines []string) (string, error)) error {
	for number := 1; ; {
		var lines []string
		var failed error
		for failed == nil && (lines == nil || len(lines) < most && in.Ready()) {
			var line string
			if line, failed = in.Read(); failed == nil {
				lines = append(lines, line)
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
			return readError(failed)
		}
		number += len(lines)
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
