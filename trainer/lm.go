package trainer

import (
	"cmp"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// LMConfig says how a language model is trained and measured.
type LMConfig struct {
	Model models.LMConfig
	Seq   int // T: steps of a window
	Batch int // B: sequences side by side, in a part of a batch
	Training
	Device tape.Device // nil: the CPU
}

// Check says what is wrong with how the model is trained; package models knows what is wrong with the model.
func (c *LMConfig) Check() error {
	return cmp.Or(setting.AtLeast("Seq", c.Seq, 1), setting.AtLeast("Batch", c.Batch, 1), c.Training.Check())
}

// LM is a language model in use: programs on one device that train it, measure it and draw from it, each compiled when
// it is first called for. They have the weights in common; training, measuring and drawing each carry a state of their
// own from call to call, zero at first.
//
// Windows are T×B, row-major: element t*B+b is step t of sequence b. Those to train on have Training.Accumulate
// times as many sequences.
type LM struct {
	config LMConfig
	*shared
	aid    aider
	train  map[tailRows]*lmTrainer
	eval   *lmEvaluator
	sample *lmSampler
}

// NewLM declares the model and draws its initial weights.
func NewLM(c LMConfig) (*LM, error) {
	if err := c.Check(); err != nil {
		return nil, errors.Wrap(err, "language model")
	}
	s, err := newModel(c.Training, c.Device, func(b *op.Builder, p *models.Params) (G.Nodes, error) {
		m, err := models.NewLM(p, c.Model)
		if err != nil {
			return nil, err
		}
		return newLMStates(b, m, c).nodes, nil
	})
	if err != nil {
		return nil, err
	}
	return &LM{config: c, shared: s, aid: aider{c.Model.Softmax, c.Model.Vocab, c.Seed},
		train: map[tailRows]*lmTrainer{}}, nil
}

// Train runs a training step on a window, the step-th counted from 0, with the given learning rate. It gives
// the mean loss in nats per token and the norm of all gradients together before clipping, both at the weights
// before the step. Gradients do not reach into the window before: truncated backpropagation through time
// (Williams and Peng, 1990).
func (m *LM) Train(inputs, targets []int32, step int, rate float64) (loss, norm float64, err error) {
	if want := m.config.Seq * m.config.Batch * m.parts(); len(inputs) != want || len(targets) != want {
		return 0, 0, errors.Errorf("a window of %d tokens and %d targets: want %d of each", len(inputs), len(targets), want)
	}
	t, err := obtain(m.train, m.aid.rows(targets, m.config.Seq, m.parts()), m.newTrainer)
	if err != nil {
		return 0, 0, err
	}
	return m.shared.train(t.trainProgram, rate, func(k, n int) error {
		if err := t.draw(m.config.Seed, step*n+k); err != nil {
			return err
		}
		if err := t.fill(m.config.Seq, inputs, targets, k, n); err != nil {
			return err
		}
		return m.aid.fill(t.Program, t.aid, t.targets.data, step)
	})
}

// ResetTrain forgets the state that training carries, not the optimizer's.
func (m *LM) ResetTrain() error { return m.shared.reset() }

// Sums are sums over the tokens of a window, or of a text, that the mask does not leave out.
type Sums struct {
	NLL     float64 // of -ln p(target)
	Correct int     // targets with the largest logit
	Top2    int     // targets with one of the two largest
	Count   int
	Unknown int // of Count, targets for which there is no right answer: neither Correct nor Top2 has them
}

// Known is the number of targets of which Correct and Top2 are parts.
func (s Sums) Known() int { return s.Count - s.Unknown }

// Add adds the sums over other tokens.
func (s *Sums) Add(other Sums) {
	s.NLL += other.NLL
	s.Correct += other.Correct
	s.Top2 += other.Top2
	s.Count += other.Count
	s.Unknown += other.Unknown
}

// Eval measures a window. Where mask is 0 nothing is counted.
func (m *LM) Eval(inputs, targets []int32, mask []float32) (Sums, error) {
	if m.eval == nil {
		var err error
		if m.eval, err = m.newEvaluator(); err != nil {
			return Sums{}, err
		}
	}
	if err := m.sync(&m.eval.applied); err != nil {
		return Sums{}, err
	}
	return m.eval.run(inputs, targets, mask)
}

// ResetEval forgets the state that Eval carries.
func (m *LM) ResetEval() error {
	if m.eval == nil {
		return nil
	}
	if err := m.open(); err != nil {
		return err
	}
	return begin(m.eval.Program, m.eval.carried)
}

// Next takes one token and gives the logits of the token after it; the slice is valid until the next call.
// Logits that are not finite are a *decode.NotFiniteError.
func (m *LM) Next(token int32) ([]float32, error) {
	if m.sample == nil {
		var err error
		if m.sample, err = m.newSampler(); err != nil {
			return nil, err
		}
	}
	if err := m.sync(&m.sample.applied); err != nil {
		return nil, err
	}
	logits, err := m.sample.run(token)
	if err != nil {
		return nil, err
	}
	return logits, decode.CheckFinite(logits)
}

// ResetSample forgets the state that Next carries.
func (m *LM) ResetSample() error {
	if m.sample == nil {
		return nil
	}
	if err := m.open(); err != nil {
		return err
	}
	return begin(m.sample.Program, m.sample.carried)
}

// SampleState is a copy of the state that Next carries: B×H of each state of each layer, B = 1. nil is the zero state.
func (m *LM) SampleState() ([][]float32, error) {
	if m.sample == nil {
		return nil, nil
	}
	if err := m.open(); err != nil {
		return nil, err
	}
	state := make([][]float32, len(m.sample.carried))
	for i, n := range m.sample.carried {
		state[i] = make([]float32, n.Shape().TotalSize())
		if err := m.sample.Get(n, state[i]); err != nil {
			return nil, err
		}
	}
	return state, nil
}

// SetSampleState makes a state that SampleState gave the one that Next goes on from.
func (m *LM) SetSampleState(state [][]float32) error {
	if m.sample == nil || state == nil {
		return m.ResetSample()
	}
	if err := m.open(); err != nil {
		return err
	}
	if len(state) != len(m.sample.carried) {
		return errors.Errorf("a language model of %d states cannot go on from %d", len(m.sample.carried), len(state))
	}
	for i, n := range m.sample.carried {
		if err := m.sample.Set(n, state[i]); err != nil {
			return err
		}
	}
	return nil
}

func tokens(b *op.Builder, name string, steps, batch int) *G.Node {
	return G.NewMatrix(b.Graph(), tensor.Int32, G.WithShape(steps, batch), G.WithName(name))
}

// carry makes updates of the model's states.
func carry(states, last []*G.Node) []graph.Update {
	us := make([]graph.Update, len(states))
	for i, s := range states {
		us[i] = graph.Update{State: s, Value: last[i]}
	}
	return us
}

// set sets several inputs.
func set(p *graph.Program, inputs ...any) error {
	for i := 0; i < len(inputs); i += 2 {
		if err := p.Set(inputs[i].(*G.Node), inputs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// number reads a scalar output.
func number(p *graph.Program, n *G.Node) (float64, error) {
	var x [1]float32
	err := p.Get(n, x[:])
	return float64(x[0]), err
}
