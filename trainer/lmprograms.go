package trainer

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// lmStates are the states that a language model carries from window to window in training.
type lmStates struct {
	nodes G.Nodes   // inputs: B×H each; if batches are computed in K > 1 parts, K×B×H
	parts int       // K: those of this process
	part  *G.Node   // 1 integer, an input: which part is computed; nil if K is 1
	entry []*G.Node // of that part, B×H each
}

func newLMStates(b *op.Builder, m *models.LM, c LMConfig) *lmStates {
	_, own := c.ownParts()
	s := &lmStates{parts: own, entry: m.States(b, c.Batch)}
	if s.parts == 1 {
		s.nodes = s.entry
		return s
	}
	s.part = G.NewVector(b.Graph(), tensor.Int32, G.WithShape(1), G.WithName("part"))
	for i, h := range s.entry {
		all := G.NewTensor(b.Graph(), h.Dtype(), 3, G.WithShape(append([]int{s.parts}, h.Shape()...)...),
			G.WithName(h.Name()))
		s.nodes = append(s.nodes, all)
		s.entry[i] = b.Reshape(b.Gather(all, s.part), h.Shape()...)
	}
	return s
}

// carry makes updates of the states from those of the part after its last token.
func (s *lmStates) carry(b *op.Builder, last []*G.Node) []graph.Update {
	if s.parts == 1 {
		return carry(s.nodes, last)
	}
	us := make([]graph.Update, len(s.nodes))
	mine := b.Eq(b.Iota(s.part, 0, s.parts, 1, 1), s.part) // K×1×1
	for i, all := range s.nodes {
		us[i] = graph.Update{State: all, Value: b.Where(mine, b.Expand(last[i], 0), all)}
	}
	return us
}

// lmTrainer is a training program of a language model.
type lmTrainer struct {
	*trainProgram
	inputs, targets *port[int32]
	parts           int          // of this process
	part            *port[int32] // nil: it has one
	key             *port[int32] // nil: nothing is dropped
	aid             aidPorts
}

// newLMGraph declares the model.
func newLMGraph(c LMConfig) (*op.Builder, *models.LM, error) {
	b := op.New(G.NewGraph())
	m, err := models.NewLM(models.DeclareParams(b, tensor.Float32), c.Model)
	return b, m, err
}

func (m *LM) newTrainer(rows tailRows) (*lmTrainer, error) {
	c := m.config
	b, net, err := newLMGraph(c)
	if err != nil {
		return nil, err
	}
	inputs, targets := tokens(b, "inputs", c.Seq, c.Batch), tokens(b, "targets", c.Seq, c.Batch)
	states := newLMStates(b, net, c)
	t := &lmTrainer{parts: states.parts, inputs: newPort[int32](inputs), targets: newPort[int32](targets)}
	if states.part != nil {
		t.part = newPort[int32](states.part)
	}
	var keys *G.Node
	if c.Model.Dropout > 0 {
		key := keyNode(b)
		t.key, keys = newPort[int32](key), b.Keys(key, c.Seq)
	}
	aid, ports := m.aid.declare(b, rows)
	t.aid = ports
	losses, last := net.Losses(b, models.Input{X: inputs, States: states.entry, Keys: keys}, targets, aid)
	loss := b.Mean(losses)
	if t.trainProgram, err = m.step(b, loss, nil, net.Params.Nodes(), states.carry(b, last)...); err != nil {
		return nil, err
	}
	return t, nil
}

// draw says what a run drops: the same for equal seeds.
func (t *lmTrainer) draw(seed uint64, run int) error {
	if t.key == nil {
		return nil
	}
	return t.key.setPart(t.Program, key(seed, run), 1, 0, 1)
}

// fill takes the k-th of n parts of a window of so many steps.
func (t *lmTrainer) fill(steps int, inputs, targets []int32, k, n int) error {
	if err := t.inputs.setPart(t.Program, inputs, steps, k, n); err != nil {
		return err
	}
	if err := t.targets.setPart(t.Program, targets, steps, k, n); err != nil {
		return err
	}
	if t.part == nil {
		return nil
	}
	t.part.data[0] = int32(k % t.parts)
	return t.Set(t.part.node, t.part.boxed)
}

// forward is a program without derivative that carries states.
type forward struct {
	applied
	carried G.Nodes
}

// lmEvaluator measures windows.
type lmEvaluator struct {
	forward
	inputs, targets, mask *G.Node
	nll, correct, top2    *G.Node
}

func (m *LM) newEvaluator() (*lmEvaluator, error) {
	c := m.config
	b, net, err := newLMGraph(c)
	if err != nil {
		return nil, err
	}
	e := &lmEvaluator{
		forward: forward{carried: net.States(b, c.Batch)},
		inputs:  tokens(b, "inputs", c.Seq, c.Batch),
		targets: tokens(b, "targets", c.Seq, c.Batch),
	}
	logits, last := net.Logits(b, models.Input{X: e.inputs, States: e.carried})
	e.mask = G.NewMatrix(b.Graph(), logits.Dtype(), G.WithShape(c.Seq, c.Batch), G.WithName("mask"))
	tops := metrics.Tops(b, logits, e.targets, 1, 2) // T×B each
	e.nll = b.Sum(b.CrossEntropy(logits, e.targets, e.mask, 0))
	e.correct = b.Sum(b.Mul(e.mask, tops[0]))
	e.top2 = b.Sum(b.Mul(e.mask, tops[1]))
	if e.applied, err = m.apply(b, net.Params.Nodes(), G.Nodes{e.nll, e.correct, e.top2},
		carry(e.carried, last)...); err != nil {
		return nil, err
	}
	return e, nil
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

func (m *LM) newSampler() (*lmSampler, error) {
	b, net, err := newLMGraph(m.config)
	if err != nil {
		return nil, err
	}
	s := &lmSampler{
		forward: forward{carried: net.States(b, 1)},
		token:   tokens(b, "token", 1, 1),
		out:     make([]float32, m.config.Model.Vocab),
	}
	var last []*G.Node
	s.logits, last = net.Logits(b, models.Input{X: s.token, States: s.carried})
	if s.applied, err = m.apply(b, net.Params.Nodes(), G.Nodes{s.logits}, carry(s.carried, last)...); err != nil {
		return nil, err
	}
	return s, nil
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
