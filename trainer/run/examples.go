package run

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/metrics"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// The kinds of data of a classifier.
const (
	KindTable  = "table"  // a text, a tab and its label a line
	KindFolder = "folder" // a file LABEL.txt for each label, with a text a line
	KindIDX    = "idx"    // images, in files as MNIST has them; a row of an image is a step
	KindSeries = "series" // series of numbers, in files as the archives UEA and UCR have them
)

// absolute makes paths absolute.
func absolute(paths []string) ([]string, error) {
	abs := make([]string, len(paths))
	for i, p := range paths {
		if abs[i] = p; p == inMemory {
			continue
		}
		var err error
		if abs[i], err = filepath.Abs(p); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	return abs, nil
}

// exampleData are examples of one kind, before they are encoded: textExamples, seriesExamples or imageExamples.
type exampleData interface {
	Len() int
	Label(i int) string
	shown(i int32) string              // what people see of an example
	missing(s *SeriesModel) string     // what becomes of values that are missing; "": none is
	labels() (*datasets.Labels, error) // of all of them

	// divided completes how they are divided.
	divided(d *datasets.Division)
	// fit writes into a configuration what these of them say of the model that learns them.
	fit(c *Config, which []int32) (v *datasets.Vocab, notes []string, err error)
	// encode gives these of them as the model of a configuration reads them.
	encode(c *Config, vocab *datasets.Vocab, labels *datasets.Labels, which []int32) (encodedExamples, error)
}

// encodedExamples are examples as a classifier reads them, by their numbers.
type encodedExamples struct {
	inputs  exampleInputs
	classes []int32                 // datasets.NoClass: the model does not have it
	unknown *datasets.UnknownLabels // the labels of those
	known   datasets.Coverage       // of texts
	cut     int                     // how many are longer than what is read of them
}

// exampleInputs are the inputs of examples.
type exampleInputs interface {
	length(i int32) (batches.Shape, error)
	// fill makes the inputs of a batch, and counts their steps without padding.
	fill(g batches.Group) (x trainer.Sequences, steps int, err error)
}

// rawExamples are the examples of a classifier before they are encoded.
type rawExamples struct {
	name, sha256 string
	data         exampleData
	test         *datasets.Images // those that a folder of images has for measuring besides; else nil
	apart        bool             // the data are such images
	strict       bool             // examples whose label is unknown are left out, not counted as wrong
	notes        []string         // what was taken for what, and what was left out
}

// readExamples reads what a setting, or a file, of that name names.
func readExamples(name string, s *Source) (x *rawExamples, err error) {
	switch s.Kind {
	case KindSeries:
		x, err = readSeriesExamples(s)
	case KindIDX:
		x, err = readImages(s)
	default:
		x, err = readTexts(s)
	}
	if err != nil {
		return nil, NewInputError(name, err)
	}
	x.strict = s.Format.SkipBad
	return x, nil
}

// divide gives the examples to train on and those to measure on: a part, or the images that are there for
// measuring.
func (x *rawExamples) divide(c *Config) (train, valid part, err error) {
	if x.test != nil {
		return x.all(), x.toMeasure(), nil
	}
	train, valid = part{rawExamples: x}, part{rawExamples: x}
	if err := c.Data.checkReading(); err != nil {
		return train, valid, err
	}
	d := datasets.Division{Name: x.name, Part: c.Data.validShare(), Seed: c.Training.Seed, Len: x.data.Len(),
		Class: x.data.Label}
	x.data.divided(&d)
	train.which, valid.which, err = d.Split()
	return train, valid, err
}

// part are some of the examples.
type part struct {
	*rawExamples
	which []int32
}

func (x *rawExamples) origin() (name, sha256 string) { return x.name, x.sha256 }

// toMeasure are the images that are there for measuring, or else all examples.
func (x *rawExamples) toMeasure() part {
	if x.test == nil {
		return x.all()
	}
	test := *x
	test.data, test.test, test.apart = imageExamples{x.test, x.name}, nil, true
	return test.all()
}

// toLearn says why there is nothing to learn from.
func (x *rawExamples) toLearn() error {
	if x.apart {
		return &datasets.Error{File: x.name,
			What: "it has images to measure on alone: choose a folder that has train-images-idx3-ubyte"}
	}
	if s, ok := x.data.(seriesExamples); ok {
		return s.labelled()
	}
	return nil
}

// all is the whole.
func (x *rawExamples) all() part { return part{x, numbers(x.data.Len())} }

// numbers are 0, ..., n-1.
func numbers(n int) []int32 {
	which := make([]int32, n)
	for i := range which {
		which[i] = int32(i)
	}
	return which
}

// singles names the classes that have a single example.
func (x *rawExamples) singles(l *datasets.Labels) string {
	counts := map[string]int{}
	for i := range x.data.Len() {
		counts[x.data.Label(i)]++
	}
	n, first := 0, ""
	for class := range int32(l.Len()) {
		if name := l.Name(class); counts[name] == 1 {
			if n++; n == 1 {
				first = name
			}
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %s a single example, such as %q", x.name, words.Count(n, "class has", "classes have"), first)
}

// atLeastTwo says that labels must be different.
func atLeastTwo(l *datasets.Labels, name string) error {
	if l.Len() < 2 {
		return &datasets.Error{File: name,
			What: "every example has the same label, so there is nothing to learn: use other data"}
	}
	return nil
}

// examples are ready for a classifier, in batches.
type examples struct {
	encodedExamples
	name    string
	plan    *batches.Plan
	which   []int32   // those in the plan
	weights []float64 // of classes, in the loss; nil: 1
	longest int       // steps
	wrong   int       // how many that are not in the plan count as wrong
	shown   func(i int32) string
}

// perClass counts the examples of so many classes.
func (x *examples) perClass(classes int) []int {
	counts := make([]int, classes)
	for _, i := range x.which {
		counts[x.classes[i]]++
	}
	return counts
}

// encode encodes a part as the model of a configuration wants it.
func (p part) encode(c *Config, vocab *datasets.Vocab, labels *datasets.Labels) (*examples, error) {
	x := &examples{name: p.name, which: p.which, shown: p.data.shown}
	var err error
	if x.encodedExamples, err = p.data.encode(c, vocab, labels, p.which); err != nil {
		return nil, err
	}
	if x.unknown.Examples > 0 {
		x.which = slices.DeleteFunc(slices.Clone(p.which), func(i int32) bool { return x.classes[i] == datasets.NoClass })
		if !p.strict {
			x.wrong = x.unknown.Examples
		}
	}
	if x.plan, err = batches.NewPlan(c.batches(len(x.which)), x.which, x.inputs.length); err != nil {
		return nil, &datasets.Error{File: p.name, What: err.Error()}
	}
	for _, s := range x.plan.Shapes() {
		x.longest = max(x.longest, s.Source)
	}
	return x, nil
}

// unknownLabels says what becomes of examples with labels that the model does not have.
func (x *examples) unknownLabels(l *datasets.Labels) string {
	switch {
	case x.unknown.Examples == 0:
		return ""
	case x.wrong == 0:
		return x.name + ": " + x.unknown.Words(l) + ": left out"
	}
	return x.name + ": " + x.unknown.Words(l) + ": counted as wrong, and left out of the loss, F1 and what examples are taken for"
}

// classifyBatch is a batch for trainer.Classifier.
type classifyBatch struct {
	trainer.Sequences
	classes []int32
	weights []float32
	steps   int // without padding
}

// fill makes a batch.
func (x *examples) fill(g batches.Group) (*classifyBatch, error) {
	b, err := x.read(g)
	if err != nil {
		return nil, err
	}
	if x.weights != nil {
		for i, class := range b.classes {
			b.weights[i] *= float32(x.weights[class])
		}
	}
	return b, nil
}

// read makes a batch in which examples weigh 1.
func (x *examples) read(g batches.Group) (b *classifyBatch, err error) {
	n := len(g.Examples)
	b = &classifyBatch{classes: make([]int32, n), weights: make([]float32, n)}
	for i, e := range g.Examples {
		if e >= 0 {
			b.classes[i], b.weights[i] = x.classes[e], 1
		}
	}
	b.Sequences, b.steps, err = x.inputs.fill(g)
	return b, err
}

// validate measures a classifier on the examples, and counts what they are taken for.
func (x *examples) validate(
	ctx context.Context, m trainer.Classifiers,
) (measured Metrics, confusion *metrics.Confusion, err error) {
	type judged struct {
		trainer.Sums
		Taken []int
		Steps int
	}
	var total trainer.Sums
	steps, groups := 0, x.plan.InOrder()
	confusion = metrics.NewConfusion(m[0].Classes())
	err = parallel.Share(ctx, len(groups), func(i int) (j judged, err error) {
		b, err := x.fill(groups[i])
		if err != nil {
			return j, err
		}
		j.Steps = b.steps
		j.Sums, j.Taken, err = m.Judge(b.Sequences, b.classes, b.weights)
		return j, err
	}, func(i int, j judged) error {
		total.Add(j.Sums)
		steps += j.Steps
		for row, e := range groups[i].Examples {
			if e >= 0 {
				confusion.Add(int(x.classes[e]), j.Taken[row])
			}
		}
		return nil
	})
	if err != nil {
		return measured, nil, err
	}
	measured = exampleMetrics(total)
	measured.Tokens, measured.MacroF1 = steps, some(confusion.MacroF1())
	measured.addWrong(x.wrong)
	return measured, confusion, nil
}

// VocabKinds are what Model.Tokens may name.
func VocabKinds() []string {
	var names []string
	for _, k := range datasets.Kinds {
		names = append(names, string(k))
	}
	return slices.Clip(names)
}

// leftOut says what a reader left out, if it left out anything.
func leftOut(name string, s datasets.Skipped) []string {
	if s.Count == 0 {
		return nil
	}
	return []string{fmt.Sprintf("left out of %s: %s, the first because: %v", name,
		words.Count(s.Count, "line that cannot be used", "lines that cannot be used"), s.First)}
}
