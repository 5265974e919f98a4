package trainer

import (
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// lmTrainer is the training program of a language model.
type lmTrainer struct {
	*Step
	inputs, targets  *port[int32]
	rate, loss, norm *port[float32]
	params, carried  G.Nodes
}

func newLMTrainer(c LMConfig, weights []checkpoint.Tensor) (*lmTrainer, error) {
	b := op.New(G.NewGraph())
	m, err := models.NewLM(b, c.Model)
	if err != nil {
		return nil, err
	}
	inputs, targets := tokens(b, "inputs", c.Seq, c.Batch), tokens(b, "targets", c.Seq, c.Batch)
	t := &lmTrainer{
		inputs:  newPort[int32](inputs),
		targets: newPort[int32](targets),
		params:  m.Params.Nodes(),
		carried: m.States(b, c.Batch),
	}
	logits, last := m.Logits(b, inputs, t.carried)
	t.Step, err = NewStep(b, StepConfig{
		Device:    c.Device,
		Loss:      b.Mean(b.CrossEntropy(logits, targets, nil, 0)),
		Params:    t.params,
		Carried:   carry(t.carried, last),
		Optimizer: c.Optimizer,
		Clip:      c.Clip,
	})
	if err != nil {
		return nil, err
	}
	t.rate, t.loss, t.norm = newPort[float32](t.Rate), newPort[float32](t.Loss), newPort[float32](t.Norm)
	return t, write(t.Program, "weights", t.params, weights)
}

// state is all that one training step hands to the next but the weights.
func (t *lmTrainer) state() G.Nodes { return append(append(G.Nodes{}, t.States...), t.carried...) }

func (t *lmTrainer) run(inputs, targets []int32, rate float64) (loss, norm float64, err error) {
	if err := t.inputs.set(t.Program, inputs); err != nil {
		return 0, 0, err
	}
	if err := t.targets.set(t.Program, targets); err != nil {
		return 0, 0, err
	}
	if err := t.rate.setNumber(t.Program, float32(rate)); err != nil {
		return 0, 0, err
	}
	if err := t.Run(); err != nil {
		return 0, 0, err
	}
	if loss, err = t.loss.number(t.Program); err != nil {
		return 0, 0, err
	}
	norm, err = t.norm.number(t.Program)
	return loss, norm, err
}

// forward is a program without derivative.
type forward struct {
	*graph.Program
	params, carried G.Nodes
	stale           bool // the weights on the device are not the newest
}

// lmEvaluator measures windows.
type lmEvaluator struct {
	forward
	inputs, targets, mask *G.Node
	nll, correct, top2    *G.Node
}

func newLMEvaluator(c LMConfig) (*lmEvaluator, error) {
	b := op.New(G.NewGraph())
	m, err := models.NewLM(b, c.Model)
	if err != nil {
		return nil, err
	}
	e := &lmEvaluator{
		forward: forward{params: m.Params.Nodes(), carried: m.States(b, c.Batch), stale: true},
		inputs:  tokens(b, "inputs", c.Seq, c.Batch),
		targets: tokens(b, "targets", c.Seq, c.Batch),
	}
	logits, last := m.Logits(b, e.inputs, e.carried)
	e.mask = G.NewMatrix(b.Graph(), logits.Dtype(), G.WithShape(c.Seq, c.Batch), G.WithName("mask"))
	hit := b.Eq(b.Cast(b.Argmax(logits), logits), b.Cast(e.targets, logits)) // T×B
	near := b.Lt(rank(b, logits, e.targets), b.Fill(logits, 2))              // T×B
	e.nll = b.Sum(b.CrossEntropy(logits, e.targets, e.mask, 0))
	e.correct = b.Sum(b.Mul(e.mask, hit))
	e.top2 = b.Sum(b.Mul(e.mask, near))
	if b.Err() != nil {
		return nil, b.Err()
	}
	e.Program, err = graph.Compile(graph.Config{Device: c.Device, Outputs: G.Nodes{e.nll, e.correct, e.top2}, Updates: carry(e.carried, last)})
	return e, err
}

// rank counts, for each row of logits, ...×V, the logits that are larger than the target's.
func rank(b *op.Builder, logits, targets *G.Node) *G.Node {
	shape := logits.Shape()
	axis := len(shape) - 1
	target := b.Sum(b.Mul(logits, b.OneHot(targets, shape[axis], logits)), axis) // ...
	return b.Sum(b.Gt(logits, b.Expand(target, axis)), axis)
}

func (e *lmEvaluator) run(inputs, targets []int32, mask []float32) (s Sums, err error) {
	if err := set(e.Program, e.inputs, inputs, e.targets, targets, e.mask, mask); err != nil {
		return s, err
	}
	if err := e.Run(); err != nil {
		return s, err
	}
	var correct, top2 float64
	for _, out := range []struct {
		n  *G.Node
		to *float64
	}{{e.nll, &s.NLL}, {e.correct, &correct}, {e.top2, &top2}} {
		if *out.to, err = number(e.Program, out.n); err != nil {
			return s, err
		}
	}
	s.Correct, s.Top2 = int(math.Round(correct)), int(math.Round(top2))
	for _, m := range mask {
		if m != 0 {
			s.Count++
		}
	}
	return s, nil
}

// lmSampler reads one token at a time.
type lmSampler struct {
	forward
	token, logits *G.Node
	out           []float32
}

func newLMSampler(c LMConfig) (*lmSampler, error) {
	b := op.New(G.NewGraph())
	m, err := models.NewLM(b, c.Model)
	if err != nil {
		return nil, err
	}
	s := &lmSampler{
		forward: forward{params: m.Params.Nodes(), carried: m.States(b, 1), stale: true},
		token:   tokens(b, "token", 1, 1),
		out:     make([]float32, c.Model.Vocab),
	}
	var last []*G.Node
	s.logits, last = m.Logits(b, s.token, s.carried)
	if b.Err() != nil {
		return nil, b.Err()
	}
	s.Program, err = graph.Compile(graph.Config{Device: c.Device, Outputs: G.Nodes{s.logits}, Updates: carry(s.carried, last)})
	return s, err
}

func (s *lmSampler) run(token int32) ([]float32, error) {
	if err := s.Set(s.token, []int32{token}); err != nil {
		return nil, err
	}
	if err := s.Run(); err != nil {
		return nil, err
	}
	return s.out, s.Get(s.logits, s.out)
}
