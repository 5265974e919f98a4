package trainer

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
)

// LM trains a language model on windows of T×B tokens. The layers' states are carried from one window to the next, and gradients
// are not: truncated backpropagation through time (Williams and Peng, 1990).
type LM struct {
	step            *Step
	inputs, targets *G.Node
	params, carried G.Nodes
}

// LMConfig says how a language model is trained.
type LMConfig struct {
	Model     models.LMConfig
	Seq       int // T: steps of a window
	Batch     int // B: sequences side by side
	Optimizer Optimizer
	Clip      float64
	Device    tape.Device
}

// NewLM declares the model, differentiates it and compiles the training step.
func NewLM(c LMConfig) (*LM, error) {
	b := op.New(G.NewGraph())
	m, err := models.NewLM(b, c.Model)
	if err != nil {
		return nil, err
	}
	if c.Seq < 1 || c.Batch < 1 {
		return nil, errors.Errorf("a window of %d steps of %d sequences: both must be at least 1", c.Seq, c.Batch)
	}
	t := &LM{
		inputs:  tokens(b, "inputs", c.Seq, c.Batch),
		targets: tokens(b, "targets", c.Seq, c.Batch),
		params:  m.Params.Nodes(),
	}
	states := m.States(b, c.Batch)
	logits, last := m.Logits(b, t.inputs, states)
	loss := b.Mean(b.CrossEntropy(logits, t.targets, nil, 0))
	var carried []graph.Update
	for i, s := range states {
		carried = append(carried, graph.Update{State: s, Value: last[i]})
		t.carried = append(t.carried, s)
	}
	t.step, err = NewStep(b, StepConfig{
		Device: c.Device, Loss: loss, Params: t.params, Carried: carried, Optimizer: c.Optimizer, Clip: c.Clip,
	})
	return t, err
}

func tokens(b *op.Builder, name string, steps, batch int) *G.Node {
	return G.NewMatrix(b.Graph(), tensor.Int32, G.WithShape(steps, batch), G.WithName(name))
}

// Train runs one training step on a window: inputs and targets are T×B, row-major. The loss is in nats per token.
func (t *LM) Train(inputs, targets []int32, rate float64) (loss, norm float64, err error) {
	for _, in := range []struct {
		n    *G.Node
		data any
	}{{t.inputs, inputs}, {t.targets, targets}, {t.step.Rate, []float32{float32(rate)}}} {
		if err := t.step.Set(in.n, in.data); err != nil {
			return 0, 0, err
		}
	}
	if err := t.step.Run(); err != nil {
		return 0, 0, err
	}
	var l, n [1]float32
	if err := t.step.Get(t.step.Loss, l[:]); err != nil {
		return 0, 0, err
	}
	if err := t.step.Get(t.step.Norm, n[:]); err != nil {
		return 0, 0, err
	}
	return float64(l[0]), float64(n[0]), nil
}

// ResetState forgets the state carried from the last window.
func (t *LM) ResetState() error { return zero(t.step.Program, t.carried) }

// Tensor is a named array, row-major.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// Params are the parameters of the model.
func (t *LM) Params() ([]Tensor, error) { return read(t.step.Program, t.params) }

// OptimizerState is what the optimizer keeps between steps.
func (t *LM) OptimizerState() ([]Tensor, error) { return read(t.step.Program, t.step.States) }

// CarriedState is the state of the layers after the last window.
func (t *LM) CarriedState() ([]Tensor, error) { return read(t.step.Program, t.carried) }

// Load sets parameters, and optimizer and carried state where they are given.
func (t *LM) Load(params, optimizer, carried []Tensor) error {
	if err := write(t.step.Program, "parameter", t.params, params); err != nil {
		return err
	}
	if optimizer != nil {
		if err := write(t.step.Program, "optimizer state", t.step.States, optimizer); err != nil {
			return err
		}
	}
	if carried != nil {
		return write(t.step.Program, "carried state", t.carried, carried)
	}
	return nil
}

// Close frees the device's memory.
func (t *LM) Close() error { return t.step.Close() }

func read(p *graph.Program, nodes G.Nodes) ([]Tensor, error) {
	ts := make([]Tensor, len(nodes))
	for i, n := range nodes {
		ts[i] = Tensor{n.Name(), n.Shape(), make([]float32, n.Shape().TotalSize())}
		if err := p.Get(n, ts[i].Data); err != nil {
			return nil, err
		}
	}
	return ts, nil
}

// write sets nodes from tensors of the same names and shapes, all of them.
func write(p *graph.Program, what string, nodes G.Nodes, ts []Tensor) error {
	byName := map[string]Tensor{}
	for _, t := range ts {
		byName[t.Name] = t
	}
	for _, n := range nodes {
		t, ok := byName[n.Name()]
		if !ok {
			return errors.Errorf("%s %q is missing", what, n.Name())
		}
		if !n.Shape().Eq(tensor.Shape(t.Shape)) {
			return errors.Errorf("%s %q has shape %v, the model wants %v", what, n.Name(), t.Shape, []int(n.Shape()))
		}
		if err := p.Set(n, t.Data); err != nil {
			return err
		}
	}
	if len(ts) != len(nodes) {
		for _, n := range nodes {
			delete(byName, n.Name())
		}
		for name := range byName {
			return errors.Errorf("%s %q is not one of the model", what, name)
		}
	}
	return nil
}

func zero(p *graph.Program, nodes G.Nodes) error {
	for _, n := range nodes {
		if err := p.Set(n, make([]float32, n.Shape().TotalSize())); err != nil {
			return err
		}
	}
	return nil
}

// LMEvaluator measures a language model on windows of T×B tokens, with the state carried from one to the next.
type LMEvaluator struct {
	program                *graph.Program
	inputs, targets, mask  *G.Node
	loss, hits, hits2      *G.Node
	params, carried, state G.Nodes
}

// Score is what a language model achieved on a number of tokens.
type Score struct {
	Loss   float64 // nats, summed over the tokens
	Hits   float64 // tokens that were the most probable
	Hits2  float64 // tokens that were among the two most probable
	Tokens int
}

// Add adds o to s.
func (s *Score) Add(o Score) {
	s.Loss += o.Loss
	s.Hits += o.Hits
	s.Hits2 += o.Hits2
	s.Tokens += o.Tokens
}

// NewLMEvaluator compiles the model without derivative.
func NewLMEvaluator(c models.LMConfig, seq, batch int, device tape.Device) (*LMEvaluator, error) {
	b := op.New(G.NewGraph())
	m, err := models.NewLM(b, c)
	if err != nil {
		return nil, err
	}
	e := &LMEvaluator{
		inputs: tokens(b, "inputs", seq, batch), targets: tokens(b, "targets", seq, batch), mask: tokens(b, "mask", seq, batch),
		params: m.Params.Nodes(), carried: m.States(b, batch),
	}
	logits, last := m.Logits(b, e.inputs, e.carried)
	mask := b.Cast(e.mask, logits)
	each := b.CrossEntropy(logits, e.targets, e.mask, 0)                                           // T×B
	e.loss = b.Sum(each)                                                                           //
	e.hits = b.Sum(b.Mul(mask, b.Eq(b.Cast(b.Argmax(logits), logits), b.Cast(e.targets, logits)))) //
	e.hits2 = b.Sum(b.Mul(mask, b.Lt(rank(b, logits, e.targets), b.Fill(logits, 2))))
	var updates []graph.Update
	for i, s := range e.carried {
		updates = append(updates, graph.Update{State: s, Value: last[i]})
	}
	if b.Err() != nil {
		return nil, b.Err()
	}
	e.program, err = graph.Compile(graph.Config{Device: device, Outputs: G.Nodes{e.loss, e.hits, e.hits2}, Updates: updates})
	return e, err
}

// rank counts, for each row of logits, ...×V, the logits that are larger than the target's.
func rank(b *op.Builder, logits, targets *G.Node) *G.Node {
	shape := logits.Shape()
	axis := len(shape) - 1
	target := b.Sum(b.Mul(logits, b.OneHot(targets, shape[axis], logits)), axis) // ...
	return b.Sum(b.Gt(logits, b.Expand(target, axis)), axis)
}

// Load sets the parameters and forgets the carried state.
func (e *LMEvaluator) Load(params []Tensor) error {
	if err := write(e.program, "parameter", e.params, params); err != nil {
		return err
	}
	return zero(e.program, e.carried)
}

// Eval scores a window: inputs, targets and mask are T×B, row-major; only tokens whose mask is 1 count. Loss is in nats.
func (e *LMEvaluator) Eval(inputs, targets, mask []int32) (Score, error) {
	var s Score
	for _, in := range []struct {
		n    *G.Node
		data []int32
	}{{e.inputs, inputs}, {e.targets, targets}, {e.mask, mask}} {
		if err := e.program.Set(in.n, in.data); err != nil {
			return s, err
		}
	}
	if err := e.program.Run(); err != nil {
		return s, err
	}
	for _, out := range []struct {
		n  *G.Node
		to *float64
	}{{e.loss, &s.Loss}, {e.hits, &s.Hits}, {e.hits2, &s.Hits2}} {
		var x [1]float32
		if err := e.program.Get(out.n, x[:]); err != nil {
			return s, err
		}
		*out.to = float64(x[0])
	}
	for _, m := range mask {
		s.Tokens += int(m)
	}
	return s, nil
}

// Close frees the device's memory.
func (e *LMEvaluator) Close() error { return e.program.Close() }

// LMSampler gives the logits of the next token, one token at a time.
type LMSampler struct {
	program         *graph.Program
	token, logits   *G.Node
	params, carried G.Nodes
	out             []float32
}

// NewLMSampler compiles the model for one step of one sequence.
func NewLMSampler(c models.LMConfig, device tape.Device) (*LMSampler, error) {
	b := op.New(G.NewGraph())
	m, err := models.NewLM(b, c)
	if err != nil {
		return nil, err
	}
	s := &LMSampler{token: tokens(b, "token", 1, 1), params: m.Params.Nodes(), carried: m.States(b, 1), out: make([]float32, c.Vocab)}
	var last []*G.Node
	s.logits, last = m.Logits(b, s.token, s.carried)
	var updates []graph.Update
	for i, n := range s.carried {
		updates = append(updates, graph.Update{State: n, Value: last[i]})
	}
	if b.Err() != nil {
		return nil, b.Err()
	}
	s.program, err = graph.Compile(graph.Config{Device: device, Outputs: G.Nodes{s.logits}, Updates: updates})
	return s, err
}

// Load sets the parameters and forgets the carried state.
func (s *LMSampler) Load(params []Tensor) error {
	if err := write(s.program, "parameter", s.params, params); err != nil {
		return err
	}
	return zero(s.program, s.carried)
}

// Next takes one more token and gives the logits of the one after it; the slice is valid until the next call.
func (s *LMSampler) Next(token int32) ([]float32, error) {
	if err := s.program.Set(s.token, []int32{token}); err != nil {
		return nil, err
	}
	if err := s.program.Run(); err != nil {
		return nil, err
	}
	return s.out, s.program.Get(s.logits, s.out)
}

// Close frees the device's memory.
func (s *LMSampler) Close() error { return s.program.Close() }
