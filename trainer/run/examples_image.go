package run

import (
	"cmp"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
)

// imageExamples are images with a label each, of a folder of that name.
type imageExamples struct {
	*datasets.Images
	folder string
}

// readImages reads a folder of images.
func readImages(s *Source) (*rawExamples, error) {
	train, test, err := datasets.ReadIDXFolder(s.Paths[0], s.Format)
	if err != nil {
		return nil, err
	}
	x := &rawExamples{name: s.Paths[0], test: test, apart: train == nil}
	switch {
	case train == nil:
		train, x.test, x.sha256 = test, nil, test.SHA256
	case test == nil:
		x.sha256 = train.SHA256
	default:
		x.sha256 = sha256Hex([]byte(train.SHA256 + test.SHA256))
	}
	x.data = imageExamples{train, x.name}
	return x, nil
}

func (x imageExamples) shown(i int32) string        { return "image " + words.Thousands(int(i)+1) }
func (x imageExamples) missing(*SeriesModel) string { return "" }
func (x imageExamples) divided(*datasets.Division)  {}

func (x imageExamples) labels() (*datasets.Labels, error) {
	l := x.Labels()
	return l, atLeastTwo(l, x.folder)
}

// fit makes the model one that reads a row of pixels in each step, unless it is that of a run.
func (x imageExamples) fit(c *Config, _ []int32) (v *datasets.Vocab, notes []string, err error) {
	if c.From != nil {
		v, _ = c.vocabs()
		return v, nil, nil
	}
	m := &c.Model
	m.Input, m.Embed, m.Tokens, m.MinFreq, m.Normalize = x.Cols, 0, "", 0, ""
	return nil, nil, nil
}

func (x imageExamples) encode(
	c *Config, _ *datasets.Vocab, labels *datasets.Labels, _ []int32,
) (e encodedExamples, err error) {
	if x.Cols != c.Model.Input || c.Model.Series != nil {
		return e, badData("%s holds images of %d columns, and the model reads %s: use other data", x.folder, x.Cols,
			cmp.Or(columns(c), "texts"))
	}
	e.inputs = imageInputs{x.Images}
	e.classes, e.unknown, err = x.Classes(labels)
	return e, err
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

// imageInputs are the rows of pixels of images.
type imageInputs struct{ *datasets.Images }

func (x imageInputs) length(int32) (batches.Shape, error) { return batches.Shape{Source: x.Rows}, nil }

func (x imageInputs) fill(g batches.Group) (s trainer.Sequences, steps int, err error) {
	n := len(g.Examples)
	s = trainer.Sequences{Steps: g.Source, Batch: n, Vectors: make([]float32, g.Source*n*x.Cols)}
	x.Fill(g.Examples, s.Vectors)
	return s, g.Count() * g.Source, nil
}
