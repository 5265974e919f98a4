package trainer

import (
	"cmp"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// Seq2SeqConfig says how a sequence-to-sequence model is trained.
type Seq2SeqConfig struct {
	Model models.Seq2SeqConfig

	// TeacherForcing is the probability with which a token that the decoder reads in training is the target's,
	// in [0, 1], and not its own choice.
	TeacherForcing float64

	// TeacherDecay is what TeacherForcing is multiplied by at each step; nil: 1.
	TeacherDecay models.Decay

	Training
	Device tape.Device // nil: the CPU
}

// Seq2Seq is a sequence-to-sequence model in use. For each shape of a batch there are programs that train,
// measure and translate, each compiled when it is first called for. They have the weights in common; on a
// device that cannot share them they are copied when a step has another shape than the one before.
type Seq2Seq struct {
	config Seq2SeqConfig
	*shared
	aid    aider
	train  map[trainShape]*seq2seqTrainer
	eval   map[pairShape]*seq2seqEvaluator
	beam   map[beamShape]*beamDecoder
	recent []beamShape // of beam, that which was used last at the end
	keep   int         // bytes that those of beam may have for themselves, see mostBeamBytes
	room   decode.Room // of beam, which take turns
}

// Translations is a batch of B sources and their targets. Both end with the end token, and padding follows it.
// A row that is no example has a target of padding alone.
type Translations struct {
	SourceSteps, TargetSteps, Batch int
	Source                          []int32 // S×B
	Target                          []int32 // T×B
}

// pairShape is what a program is compiled for.
type pairShape struct{ source, target, batch int }

// trainShape is what a training program is compiled for.
type trainShape struct {
	pairShape
	rows tailRows
}

// beamShape is what a search is compiled for: steps of the sources, how many they are, and rows for each.
type beamShape struct{ source, batch, width int }

// Check says what is wrong with how the model is trained; package models knows what is wrong with the model.
func (c *Seq2SeqConfig) Check() error {
	return cmp.Or(setting.Within("TeacherForcing", c.TeacherForcing, 0, 1), c.Training.Check())
}

// NewSeq2Seq declares the model and draws its initial weights.
func NewSeq2Seq(c Seq2SeqConfig) (*Seq2Seq, error) {
	if err := c.Check(); err != nil {
		return nil, errors.Wrap(err, "sequence-to-sequence model")
	}
	s, err := newModel(c.Training, c.Device, func(_ *op.Builder, p *models.Params) (G.Nodes, error) {
		return nil, c.Model.Declare(p)
	})
	if err != nil {
		return nil, err
	}
	return &Seq2Seq{
		config: c, shared: s, aid: aider{c.Model.Softmax, c.Model.Target, c.Seed},
		train: map[trainShape]*seq2seqTrainer{}, eval: map[pairShape]*seq2seqEvaluator{}, beam: map[beamShape]*beamDecoder{},
		keep: mostBeamBytes,
	}, nil
}

// Train runs a training step, the step-th counted from 0, with the given learning rate. It gives the mean loss
// in nats per token, with label smoothing, and the norm of all gradients together before clipping, both at the
// weights before the step.
func (m *Seq2Seq) Train(x Translations, step int, rate float64) (loss, norm float64, err error) {
	if err := x.check(); err != nil {
		return 0, 0, err
	}
	at, parts := x.shape(), m.parts()
	if x.Batch%parts != 0 {
		return 0, 0, errors.Errorf("a batch of %d pairs cannot be divided into %d equal parts", x.Batch, parts)
	}
	at.batch /= parts
	t, err := obtain(m.train, trainShape{at, m.aid.rows(x.Target, x.TargetSteps, parts)}, m.newTrainer)
	if err != nil {
		return 0, 0, err
	}
	return m.shared.train(t.trainProgram, rate, func(k, n int) error {
		target := part(x.Target, x.TargetSteps, k, n)
		inputs := []any{t.source, part(x.Source, x.SourceSteps, k, n), t.target, target}
		if t.key != nil {
			inputs = append(inputs, t.key, key(m.config.Seed, step*n+k))
		}
		if t.ratio != nil {
			inputs = append(inputs, t.ratio, []float32{float32(m.config.teacherForcing(step))})
		}
		if err := set(t.Program, inputs...); err != nil {
			return err
		}
		return m.aid.fill(t.Program, t.aid, target, step)
	})
}

// teacherForcing is the probability at a step.
func (c *Seq2SeqConfig) teacherForcing(step int) float64 {
	if c.TeacherDecay == nil {
		return c.TeacherForcing
	}
	return c.TeacherForcing * c.TeacherDecay(step)
}

// Eval measures how well each token of the targets is predicted from the source and the target's tokens before
// it: sums over the tokens, the end token included. Unknown tokens count in the loss, but are neither right nor
// wrong. There is neither label smoothing nor dropout.
func (m *Seq2Seq) Eval(x Translations) (Sums, error) {
	if err := x.check(); err != nil {
		return Sums{}, err
	}
	e, err := obtain(m.eval, x.shape(), m.newEvaluator)
	if err != nil {
		return Sums{}, err
	}
	if err := m.shared.sync(&e.applied); err != nil {
		return Sums{}, err
	}
	return e.run(x)
}

// Greedy translates a batch of sources, S×B, taking the likeliest token at every step. It gives at most steps
// tokens of each, T×B, the end token included; padding follows it. Scores that are not finite are a
// *decode.NotFiniteError.
func (m *Seq2Seq) Greedy(source []int32, batch, steps int) ([]int32, error) {
	if err := checkSources(source, batch); err != nil {
		return nil, err
	}
	if steps < 1 {
		return nil, errors.Errorf("translations of at most %d tokens: it must be at least 1", steps)
	}
	beam := decode.Beam{Width: 1, MaxLength: steps, WithoutWeights: true}
	found, err := m.Search(source, batch, beam)
	if err != nil {
		return nil, errors.Wrap(err, "greedy decoding")
	}
	tokens := slices.Repeat([]int32{m.config.Model.Tokens.Padding}, steps*batch)
	for row, best := range found {
		for i, token := range best[0].Tokens {
			tokens[i*batch+row] = token
		}
	}
	return tokens, nil
}

// Search translates a batch of sources, S×B, which may be padded, by beam search: for each the best hypotheses,
// the best first.
func (m *Seq2Seq) Search(source []int32, batch int, c decode.Beam) ([][]decode.Hypothesis, error) {
	c.Tokens = m.config.Model.Tokens
	d, lengths, err := m.read(source, batch, c.Width)
	if err != nil {
		return nil, err
	}
	return c.Search(d.stepper, lengths)
}

// check says what is wrong with a batch.
func (x *Translations) check() error {
	if err := checkSources(x.Source, x.Batch); err != nil {
		return err
	}
	if len(x.Source) != x.SourceSteps*x.Batch || x.TargetSteps < 1 || len(x.Target) != x.TargetSteps*x.Batch {
		return errors.Errorf("a batch of %d pairs of %d and %d steps has %d and %d tokens", x.Batch, x.SourceSteps,
			x.TargetSteps, len(x.Source), len(x.Target))
	}
	return nil
}

// checkSources says whether there are so many sources of one length.
func checkSources(source []int32, batch int) error {
	if batch < 1 || len(source) < batch || len(source)%batch != 0 {
		return errors.Errorf("%d tokens are no batch of %d sources", len(source), batch)
	}
	return nil
}

func (x *Translations) shape() pairShape { return pairShape{x.SourceSteps, x.TargetSteps, x.Batch} }
