package trainer

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// TaggerConfig says how a tagger is trained.
type TaggerConfig struct {
	Model models.TaggerConfig
	Training
	Device tape.Device // nil: the CPU
}

// Tagger is a tagger in use. For each shape of a batch there are two programs, one that trains and one that tags: see
// Learner.
type Tagger struct {
	*Learner[taggerUse]
	model models.TaggerConfig
}

// SentenceShape is what a batch of sentences is like.
type SentenceShape struct {
	Steps, Batch int // T, B
	Different    int // U: places for different words
	Letters      int // L: places for characters of a word
}

// Sentences is a batch of B sentences of T words, of which at most U are different. Of a model that does not read
// words, U and L are 0, and so is what belongs to them.
type Sentences struct {
	SentenceShape
	Words    []int32   // T×B
	Which    []int32   // T×B: which of the U words
	Chars    []int32   // L×U
	CharMask []float32 // L×U: 1 for a character, 0 after the end of a word
	Mask     []float32 // T×B: 1 for a word, 0 after the end of a sentence
	Tags     []int32   // T×B: 0 after the end of a sentence; nil: they are not known
	Weights  []float32 // B: how much a sentence counts in the mean loss, 0 for rows that are none; nil: 1
}

// taggerUse is what a program is compiled for: only in training something is dropped.
type taggerUse struct {
	SentenceShape
	training bool
}

// NewTagger declares the model and draws its initial weights.
func NewTagger(c TaggerConfig) (*Tagger, error) {
	some := SentenceShape{Steps: 1, Batch: 1}
	if c.Model.Chars > 0 {
		some.Different, some.Letters = 1, 1
	}
	l, err := NewLearner(LearnerConfig[taggerUse]{
		Declare: c.declare, Shape: taggerUse{some, true}, Training: c.Training, Device: c.Device,
	})
	if err != nil {
		return nil, err
	}
	return &Tagger{l, c.Model}, nil
}

// declare declares the model for batches of a shape: the loss is the mean of -ln p over words.
func (c TaggerConfig) declare(b *op.Builder, p *models.Params, use taggerUse) (*Graph, error) {
	m, err := models.NewTagger(p, c.Model)
	if err != nil {
		return nil, err
	}
	g := &Graph{}
	floats := func(name string, shape ...int) *G.Node {
		n := G.NewTensor(b.Graph(), tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name))
		g.Inputs = append(g.Inputs, n)
		return n
	}
	integers := func(name string, steps, batch int) *G.Node {
		n := tokens(b, name, steps, batch)
		g.Inputs = append(g.Inputs, n)
		return n
	}
	in := models.TaggerInput{Words: integers("words", use.Steps, use.Batch), Mask: floats("mask", use.Steps, use.Batch)}
	if c.Model.Chars > 0 {
		in.Which = integers("which", use.Steps, use.Batch)
		in.Chars = integers("chars", use.Letters, use.Different)
		in.CharMask = floats("char mask", use.Letters, use.Different)
	}
	tags, weights := integers("tags", use.Steps, use.Batch), floats("weights", use.Batch)
	if use.training && c.Model.Dropout > 0 {
		g.Key = keyNode(b)
		in.Keys = b.Keys(g.Key, use.Steps)
	}
	scores, _ := m.Scores(b, in)
	nll := m.NLL(b, scores, tags, in.Mask) // B
	g.Weight = b.Sum(b.Mul(in.Mask, weights))
	g.Loss = b.Div(b.Sum(b.Mul(nll, weights)), b.Max(g.Weight, b.Fill(g.Weight, 1)))
	g.Outputs = G.Nodes{nll, b.Cast(m.Best(b, scores, in.Mask), scores)}
	return g, nil
}

// Train runs a training step, the step-th counted from 0, with the given learning rate, on a batch in
// Training.Accumulate parts of the same shape. It gives the mean loss in nats per word and the norm of all gradients
// together before clipping, both at the weights before the step.
func (m *Tagger) Train(step int, rate float64, parts ...Sentences) (loss, norm float64, err error) {
	values := make([][]any, len(parts))
	for i, x := range parts {
		if x.SentenceShape != parts[0].SentenceShape {
			return 0, 0, errors.Errorf("parts of a batch have the shapes %+v and %+v: they must have the same",
				parts[0].SentenceShape, x.SentenceShape)
		}
		if x.Tags == nil {
			return 0, 0, errors.New("there are no tags to learn: they are nil")
		}
		if values[i], err = m.values(x); err != nil {
			return 0, 0, err
		}
	}
	if len(parts) == 0 {
		return 0, 0, errors.New("a batch without parts")
	}
	return m.Learner.Train(taggerUse{parts[0].SentenceShape, true}, step, rate, values...)
}

// Tag gives the likeliest tags, T×B, and -ln p of the tags of the batch, B, which means nothing if there are none.
// Numbers that are not finite are a *decode.NotFiniteError.
func (m *Tagger) Tag(x Sentences) (tags []int32, nll []float32, err error) {
	values, err := m.values(x)
	if err != nil {
		return nil, nil, err
	}
	_, outputs, err := m.Run(taggerUse{x.SentenceShape, false}, values...)
	if err != nil {
		return nil, nil, err
	}
	tags = make([]int32, len(outputs[1]))
	for i, tag := range outputs[1] {
		tags[i] = int32(tag)
	}
	return tags, outputs[0], decode.CheckFinite(outputs[0])
}

// Tags is the number of tags.
func (m *Tagger) Tags() int { return m.model.Tags }

// values are those of the inputs, in the order in which they are declared.
func (m *Tagger) values(x Sentences) ([]any, error) {
	if err := m.check(x); err != nil {
		return nil, err
	}
	if x.Tags == nil {
		x.Tags = make([]int32, x.Steps*x.Batch)
	}
	if x.Weights == nil {
		x.Weights = make([]float32, x.Batch)
		for i := range x.Weights {
			x.Weights[i] = 1
		}
	}
	values := []any{x.Words, x.Mask}
	if m.model.Chars > 0 {
		values = append(values, x.Which, x.Chars, x.CharMask)
	}
	return append(values, x.Tags, x.Weights), nil
}

// check says what is wrong with the sizes of a batch.
func (m *Tagger) check(x Sentences) error {
	n, spelled, letters := x.Steps*x.Batch, 0, 0
	if m.model.Chars > 0 {
		spelled, letters = n, x.Different*x.Letters
	}
	if x.Steps < 1 || x.Batch < 1 || x.Different < 0 || x.Letters < 0 || (letters > 0) != (m.model.Chars > 0) {
		return errors.Errorf("a batch of the shape %+v: it needs words, and characters if the model reads them",
			x.SentenceShape)
	}
	for _, f := range []struct {
		name      string
		has, want int
		none      bool
	}{
		{"words", len(x.Words), n, false}, {"which", len(x.Which), spelled, false},
		{"characters", len(x.Chars), letters, false}, {"the mask of characters", len(x.CharMask), letters, false},
		{"the mask", len(x.Mask), n, false}, {"tags", len(x.Tags), n, x.Tags == nil},
		{"weights", len(x.Weights), x.Batch, x.Weights == nil},
	} {
		if f.has != f.want && !f.none {
			return errors.Errorf("a batch of the shape %+v has %d numbers for %s, want %d", x.SentenceShape, f.has, f.name,
				f.want)
		}
	}
	for i, tag := range x.Tags {
		if tag < 0 || int(tag) >= m.model.Tags {
			return errors.Errorf("word %d of sentence %d has tag %d of %d", i/x.Batch, i%x.Batch, tag, m.model.Tags)
		}
	}
	return nil
}
