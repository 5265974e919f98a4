package run

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
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

// rawExamples are the examples of a classifier before they are encoded.
type rawExamples struct {
	name, sha256 string
	table        *datasets.Table  // nil: images or series
	cases        *series.Cases    // nil: texts or images
	images       *datasets.Images // nil: texts or series, or a folder that has images for measuring alone
	test         *datasets.Images // those that a folder of images has for measuring; may be nil
	strict       bool             // examples whose label is unknown are left out, not counted as wrong
	notes        []string         // what was taken for what, and what was left out
}

// readExamples reads what a setting, or a file, of that name names.
func readExamples(name string, s *Source) (*rawExamples, error) {
	x := &rawExamples{name: s.Paths[0]}
	var table *datasets.Table
	var err error
	switch s.Kind {
	case KindTable:
		table, err = datasets.ReadTable(s.Paths[0], s.Format)
	case KindFolder:
		table, err = datasets.ReadFolder(s.Paths[0], s.Format)
	case KindSeries:
		x.cases, err = readCases(s)
	default:
		x.images, x.test, err = datasets.ReadIDXFolder(s.Paths[0], s.Format)
	}
	if err != nil {
		return nil, NewInputError(name, err)
	}
	if table != nil {
		x = tableExamples(table)
		s.Column = table.Column
	}
	x.strict = s.Format.SkipBad
	switch {
	case table != nil:
	case x.cases != nil:
		x = caseExamples(x.cases)
	case x.images != nil && x.test != nil:
		x.sha256 = sha256Hex([]byte(x.images.SHA256 + x.test.SHA256))
	case x.test != nil:
		x.sha256 = x.test.SHA256
	default:
		x.sha256 = x.images.SHA256
	}
	return x, nil
}

// tableExamples are those of a table.
func tableExamples(t *datasets.Table) *rawExamples {
	return &rawExamples{name: t.Name, table: t, sha256: t.SHA256,
		notes: append(slices.Clone(t.Notes), leftOut(t.Name, t.Skipped)...)}
}

// caseExamples are those of a file of series.
func caseExamples(c *series.Cases) *rawExamples {
	return &rawExamples{name: c.Name, cases: c, sha256: c.SHA256, notes: slices.Clone(c.Notes)}
}

// exampleSet are examples of any kind.
type exampleSet interface {
	Len() int
	Label(i int) string
}

type (
	tableRows []datasets.Row
	caseRows  []series.Case
)

func (r tableRows) Len() int           { return len(r) }
func (r tableRows) Label(i int) string { return r[i].Label }
func (r caseRows) Len() int            { return len(r) }
func (r caseRows) Label(i int) string  { return r[i].Label }

// set is all of them.
func (x *rawExamples) set() exampleSet {
	switch {
	case x.table != nil:
		return tableRows(x.table.Rows)
	case x.cases != nil:
		return caseRows(x.cases.Cases)
	}
	return x.images
}

// divide gives the examples to train on and those to measure on: a part, or the images that are there for
// measuring. Equal texts stay together.
func (x *rawExamples) divide(c *Config) (train, valid part, err error) {
	train, valid = part{rawExamples: x}, part{rawExamples: x}
	if x.test != nil {
		return x.all(), x.toMeasure(), nil
	}
	if err := c.Data.checkReading(); err != nil {
		return train, valid, err
	}
	all := x.set()
	d := datasets.Division{Name: x.name, Part: c.Data.validShare(), Seed: c.Training.Seed, Len: all.Len(),
		Class: all.Label}
	if x.table != nil {
		d.Key = func(i int) (string, error) { return x.table.Rows[i].Text, nil }
	}
	train.which, valid.which, err = d.Split()
	return train, valid, err
}

// part are some of the examples.
type part struct {
	*rawExamples
	which []int32
}

// apart says whether it is of images that are there for measuring.
func (p part) apart() bool { return p.table == nil && p.cases == nil && p.images == p.test }

func (x *rawExamples) origin() (name, sha256 string) { return x.name, x.sha256 }

// toMeasure are the images that are there for measuring, or else all examples.
func (x *rawExamples) toMeasure() part {
	if x.test == nil {
		return x.all()
	}
	test := *x
	test.images = x.test
	return test.all()
}

// toLearn says why there is nothing to learn from.
func (x *rawExamples) toLearn() error {
	switch {
	case x.cases != nil:
		return labelled(x.cases)
	case x.table == nil && x.images == nil:
		return &datasets.Error{File: x.name,
			What: "it has images to measure on alone: choose a folder that has train-images-idx3-ubyte"}
	}
	return nil
}

// labelled says why series have no classes.
func labelled(c *series.Cases) error {
	switch {
	case c.Unlabelled:
		return &datasets.Error{File: c.Name, What: "its series have no labels: name a file that has them"}
	case c.Regression:
		return &datasets.Error{File: c.Name, What: "its labels are numbers to predict, not classes: use a regressor, " +
			"as train regress makes it"}
	}
	return nil
}

// all is the whole.
func (x *rawExamples) all() part { return part{x, numbers(x.set().Len())} }

// numbers are 0, ..., n-1.
func numbers(n int) []int32 {
	which := make([]int32, n)
	for i := range which {
		which[i] = int32(i)
	}
	return which
}

func (p part) texts() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, i := range p.which {
			if !yield(p.table.Rows[i].Text) {
				return
			}
		}
	}
}

// singles names the classes that have a single example.
func (x *rawExamples) singles(l *datasets.Labels) string {
	all, counts := x.set(), map[string]int{}
	for i := range all.Len() {
		counts[all.Label(i)]++
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

// labels are those of all examples, whatever the part.
func (x *rawExamples) labels() (*datasets.Labels, error) {
	if x.table != nil {
		return x.table.Labels()
	}
	var l *datasets.Labels
	var err error
	if x.cases != nil {
		l, err = datasets.OrderedLabels(x.cases.Names())
	} else {
		l = x.images.Labels()
	}
	switch {
	case err != nil:
		return nil, &datasets.Error{File: x.name, What: err.Error()}
	case l.Len() < 2:
		return nil, &datasets.Error{File: x.name,
			What: "every example has the same label, so there is nothing to learn: use other data"}
	}
	return l, nil
}

// examples are ready for a classifier, in batches.
type examples struct {
	name    string
	plan    *batches.Plan
	tokens  *batches.Classification // nil: images or series
	inputs  *caseInputs             // nil: texts or images
	images  *datasets.Images
	classes []int32 // of images and of series
	which   []int32
	weights []float64 // of classes, in the loss; nil: 1
	longest int       // steps
	cut     int       // how many are longer than what is read of them
	shown   func(i int32) string

	known   datasets.Coverage       // of texts
	unknown *datasets.UnknownLabels // of examples that are not in the plan
	wrong   int                     // how many of those count as wrong
}

// perClass counts the examples of so many classes.
func (x *examples) perClass(classes int) []int {
	counts := make([]int, classes)
	for _, i := range x.which {
		counts[x.class(i)]++
	}
	return counts
}

// ready encodes a part as the model of a config wants it.
func (p part) encode(c *Config, vocab *datasets.Vocab, labels *datasets.Labels) (*examples, error) {
	x := &examples{name: p.name, images: p.images, shown: p.shown}
	shape := func(int32) (batches.Shape, error) { return batches.Shape{Source: p.images.Rows}, nil }
	var err error
	switch {
	case p.table != nil:
		if vocab == nil && c.Model.Series != nil {
			return nil, badData("%s holds texts, and the model reads series: name series with `series`", p.name)
		}
		if vocab == nil {
			return nil, badData("%s holds texts, and the model reads images: name images with `idx`", p.name)
		}
		x.tokens = &batches.Classification{Sequences: make([][]int32, len(p.table.Rows))}
		if x.tokens.Classes, x.unknown, err = p.table.Classes(labels); err != nil {
			return nil, err
		}
		for _, i := range p.which {
			tokens := x.known.Encode(vocab, p.table.Rows[i].Text)
			if len(tokens) > c.Training.Longest {
				tokens = tokens[:c.Training.Longest]
				x.cut++
			}
			x.tokens.Sequences[i] = tokens
		}
		shape = x.tokens.Length
	case p.cases != nil:
		if err := labelled(p.cases); err != nil {
			return nil, err
		}
		if x.inputs, err = c.caseInputs(p.cases, p.which); err != nil {
			return nil, err
		}
		if x.classes, x.unknown, err = labels.Classes(p.name, len(p.cases.Cases), p.set().Label); err != nil {
			return nil, err
		}
		shape = x.inputs.length
	default:
		if p.images.Cols != c.Model.Input || c.Model.Series != nil {
			return nil, badData("%s holds images of %d columns, and the model reads %s: use other data", p.name, p.images.Cols,
				cmp.Or(columns(c), "texts"))
		}
		if x.classes, x.unknown, err = p.images.Classes(labels); err != nil {
			return nil, err
		}
	}
	if x.unknown.Examples > 0 {
		p.which = slices.DeleteFunc(slices.Clone(p.which), func(i int32) bool { return x.class(i) == datasets.NoClass })
		if !p.strict {
			x.wrong = x.unknown.Examples
		}
	}
	x.which = p.which
	if x.plan, err = batches.NewPlan(c.batches(len(p.which)), p.which, shape); err != nil {
		return nil, &datasets.Error{File: p.name, What: err.Error()}
	}
	for _, s := range x.plan.Shapes() {
		x.longest = max(x.longest, s.Source)
	}
	return x, nil
}

// class is the class of an example.
func (x *examples) class(i int32) int32 {
	if x.tokens != nil {
		return x.tokens.Classes[i]
	}
	return x.classes[i]
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

func columns(c *Config) string {
	switch {
	case c.Model.Input == 0:
		return ""
	case c.Model.Series != nil:
		return "series"
	}
	return "those of " + words.Thousands(c.Model.Input)
}

// classifyBatch is a batch for trainer.Classifier.
type classifyBatch struct {
	trainer.Sequences
	classes []int32
	weights []float32
	tokens  int // without padding
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
func (x *examples) read(g batches.Group) (*classifyBatch, error) {
	n := len(g.Examples)
	b := &classifyBatch{Sequences: trainer.Sequences{Steps: g.Source, Batch: n}}
	if x.tokens != nil {
		l, err := x.tokens.Fill(g)
		if err != nil {
			return nil, err
		}
		b.Tokens, b.Mask, b.classes, b.weights = l.Tokens, l.Mask, l.Classes, l.Weights
		for _, m := range l.Mask {
			b.tokens += int(m)
		}
		return b, nil
	}
	b.classes, b.weights = make([]int32, n), make([]float32, n)
	if x.inputs != nil {
		b.Sequences, b.tokens = x.inputs.fill(g)
	} else {
		b.Vectors, b.tokens = make([]float32, g.Source*n*x.images.Cols), g.Count()*g.Source
		x.images.Fill(g.Examples, b.Vectors)
	}
	for i, e := range g.Examples {
		if e >= 0 {
			b.classes[i], b.weights[i] = x.classes[e], 1
		}
	}
	return b, nil
}

// validate measures a classifier on the examples, and counts what they are taken for.
func (x *examples) validate(
	ctx context.Context, m trainer.Classifiers,
) (measured Metrics, confusion *metrics.Confusion, err error) {
	type judged struct {
		trainer.Sums
		Taken  []int
		Tokens int
	}
	var total trainer.Sums
	tokens, groups := 0, x.plan.InOrder()
	confusion = metrics.NewConfusion(m[0].Classes())
	err = parallel.Share(ctx, len(groups), func(i int) (j judged, err error) {
		b, err := x.fill(groups[i])
		if err != nil {
			return j, err
		}
		j.Tokens = b.tokens
		j.Sums, j.Taken, err = m.Judge(b.Sequences, b.classes, b.weights)
		return j, err
	}, func(i int, j judged) error {
		total.Add(j.Sums)
		tokens += j.Tokens
		for row, e := range groups[i].Examples {
			if e >= 0 {
				confusion.Add(int(x.class(e)), j.Taken[row])
			}
		}
		return nil
	})
	if err != nil {
		return measured, nil, err
	}
	measured = exampleMetrics(total)
	measured.Tokens, measured.MacroF1 = tokens, some(confusion.MacroF1())
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
