package main

import (
	"cmp"
	"iter"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/batches"
	"github.com/unroll-ml/unroll/trainer"
)

// The kinds of data of a classifier: the flags that name them.
const (
	kindTable  = "table"
	kindFolder = "folder"
	kindIDX    = "idx"
)

// classifyFlags name data of a classifier.
type classifyFlags struct {
	Table  string `placeholder:"FILE" help:"${use} this table: a text, a tab and its label a line, plain or .gz."`
	Folder string `placeholder:"DIR" help:"${use} this folder: a file LABEL.txt for each label, with a text a line."`
	IDX    string `name:"idx" placeholder:"DIR" help:"${use} the images of this folder, in files as MNIST has them; a row of an image is a step."`
}

// sources are what the flags may name, without a path where they do not.
func (f *classifyFlags) sources() []sourceConfig {
	return []sourceConfig{
		{Kind: kindTable, Paths: []string{f.Table}}, {Kind: kindFolder, Paths: []string{f.Folder}}, {Kind: kindIDX, Paths: []string{f.IDX}},
	}
}

// oneSource is the one whose first path is given; nil if none is. prefix is that of the flags.
func oneSource(prefix string, sources ...sourceConfig) (*sourceConfig, error) {
	var found *sourceConfig
	for _, s := range sources {
		if s.Paths[0] == "" {
			continue
		}
		if found != nil {
			return nil, usage("--%s%s and --%s%s both name data: leave one of them out", prefix, found.Kind, prefix, s.Kind)
		}
		found = &s
	}
	return found, nil
}

// absolute makes paths absolute.
func absolute(paths []string) ([]string, error) {
	abs := make([]string, len(paths))
	for i, p := range paths {
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
	table        *datasets.Table  // nil: images
	images       *datasets.Images // nil: texts
	test         *datasets.Images // those that a folder of images has for measuring; may be nil
	skipped      []string         // what was left out
}

// readExamples reads what a flag, or a file that is called so, names.
func readExamples(what string, s *sourceConfig) (*rawExamples, error) {
	x := &rawExamples{name: s.Paths[0]}
	var err error
	switch s.Kind {
	case kindTable:
		x.table, err = datasets.ReadTable(s.Paths[0], datasets.Format{SkipBad: s.SkipBad})
	case kindFolder:
		x.table, err = datasets.ReadFolder(s.Paths[0], datasets.Format{SkipBad: s.SkipBad})
	default:
		x.images, x.test, err = datasets.ReadIDXFolder(s.Paths[0])
	}
	if err != nil {
		return nil, inputError(what, err)
	}
	if x.table != nil {
		x.sha256, x.skipped = x.table.SHA256, leftOut(x.table.Name, x.table.Skipped)
		return x, nil
	}
	x.sha256 = x.images.SHA256
	if x.test != nil {
		x.sha256 = sha256Hex([]byte(x.images.SHA256 + x.test.SHA256))
	}
	return x, nil
}

// divide gives the examples to train on and those to measure on: a part, or the images that are there for measuring. Equal texts
// stay together.
func (x *rawExamples) divide(c *config) (train, held part, err error) {
	train, held = part{rawExamples: x}, part{rawExamples: x}
	if x.test != nil {
		test := *x
		test.images = x.test
		return x.all(), test.all(), nil
	}
	d := datasets.Division{Name: x.name, Part: c.Data.heldOut(), Seed: c.Training.Seed}
	if x.table != nil {
		d.Len = len(x.table.Rows)
		d.Key = func(i int) (string, error) { return x.table.Rows[i].Text, nil }
		d.Class = func(i int) string { return x.table.Rows[i].Label }
	} else {
		d.Len, d.Class = x.images.Len(), x.images.Label
	}
	train.which, held.which, err = d.Split()
	return train, held, err
}

// part are some of the examples.
type part struct {
	*rawExamples
	which []int32
}

func (x *rawExamples) origin() (name, sha256 string) { return x.name, x.sha256 }

// all is the whole.
func (x *rawExamples) all() part {
	n := 0
	if x.table != nil {
		n = len(x.table.Rows)
	} else {
		n = x.images.Len()
	}
	return part{x, numbers(n)}
}

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

// labels are those of all examples, whatever the part.
func (x *rawExamples) labels() (*datasets.Labels, error) {
	if x.table != nil {
		return x.table.Labels()
	}
	l := x.images.Labels()
	if l.Len() < 2 {
		return nil, &datasets.Error{File: x.name, What: "every image has the same label, so there is nothing to learn: use other data"}
	}
	return l, nil
}

// examples are ready for a classifier, in batches.
type examples struct {
	name    string
	plan    *batches.Plan
	tokens  *batches.Classification // nil: images
	images  *datasets.Images
	classes []int32 // of images
	unknown *datasets.UnknownLabels
	longest int // steps
	cut     int // how many are longer than what is read of them
}

// ready encodes a part as the model of a config wants it.
func (p part) ready(c *config, vocab *datasets.Vocab, labels *datasets.Labels) (*examples, error) {
	x := &examples{name: p.name, images: p.images}
	shape := func(int32) (batches.Shape, error) { return batches.Shape{Source: p.images.Rows}, nil }
	var err error
	if p.table != nil {
		if vocab == nil {
			return nil, fail(exitData, "%s holds texts, and the model reads images: name images with --idx", p.name)
		}
		x.tokens = &batches.Classification{Sequences: make([][]int32, len(p.table.Rows))}
		if x.tokens.Classes, x.unknown, err = p.table.Classes(labels); err != nil {
			return nil, err
		}
		for _, i := range p.which {
			tokens, _ := vocab.EncodeLine(p.table.Rows[i].Text)
			if len(tokens) > c.Training.Longest {
				tokens = tokens[:c.Training.Longest]
				x.cut++
			}
			x.tokens.Sequences[i] = tokens
		}
		shape = x.tokens.Length
	} else {
		if p.images.Cols != c.Model.Input {
			return nil, fail(exitData, "%s holds images of %d columns, and the model reads %s: use other data", p.name, p.images.Cols, cmp.Or(columns(c), "texts"))
		}
		if x.classes, x.unknown, err = p.images.Classes(labels); err != nil {
			return nil, err
		}
	}
	if x.unknown.Examples > 0 {
		return nil, fail(exitData, "%s: %s: correct them, or train with them", p.name, x.unknown.Words(labels))
	}
	if x.plan, err = batches.NewPlan(batches.Config{Batch: c.Training.Batch, Buckets: c.Training.Buckets}, p.which, shape); err != nil {
		return nil, &datasets.Error{File: p.name, What: err.Error()}
	}
	for _, s := range x.plan.Shapes() {
		x.longest = max(x.longest, s.Source)
	}
	return x, nil
}

func columns(c *config) string {
	if c.Model.Input == 0 {
		return ""
	}
	return "those of " + thousands(c.Model.Input)
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
	b.Vectors, b.classes, b.weights = make([]float32, g.Source*n*x.images.Cols), make([]int32, n), make([]float32, n)
	x.images.Fill(g.Examples, b.Vectors)
	for i, e := range g.Examples {
		if e >= 0 {
			b.classes[i], b.weights[i] = x.classes[e], 1
		}
	}
	b.tokens = g.Count() * g.Source
	return b, nil
}

// measure measures a classifier on the examples.
func (x *examples) measure(m *trainer.Classifier, stop func() bool) (metrics, error) {
	var total trainer.Sums
	tokens := 0
	for _, g := range x.plan.InOrder() {
		if stop() {
			return metrics{}, errStopped
		}
		b, err := x.fill(g)
		if err != nil {
			return metrics{}, err
		}
		s, err := m.Eval(b.Sequences, b.classes, b.weights)
		if err != nil {
			return metrics{}, err
		}
		total.Add(s)
		tokens += b.tokens
	}
	measured := exampleMetrics(total)
	measured.Tokens = tokens
	return measured, nil
}

// vocabKinds are what --tokens may name.
func vocabKinds() []string {
	var names []string
	for _, k := range datasets.Kinds {
		names = append(names, string(k))
	}
	return slices.Clip(names)
}
