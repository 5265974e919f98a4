package optim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
)

// Step is a whole training step, compiled: the loss, its derivative, clipping, the optimizer.
//
// A step whose loss or gradient is not finite is not applied: all states keep their bits.
type Step struct {
	*graph.Program
	Loss    *G.Node // scalar
	Norm    *G.Node // scalar: the norm of all gradients together, before clipping
	Squares G.Nodes // scalars: of each parameter's gradient the squared norm, before clipping
	Rate    *G.Node // scalar input: the learning rate
	First   *G.Node // scalar input: see StepConfig.Accumulate; else nil
	Last    *G.Node // likewise
	Scale   *G.Node // scalar: see StepConfig.Scaling; else nil
	Own     G.Nodes // scalars, with StepConfig.Sum: of this process alone the sum of n·loss, and as Squares those of n·gradient
	States  G.Nodes // of the optimizer, of the average and of the scaling

	rated bool // whether Rate was set
}

// Set is Program.Set.
func (s *Step) Set(input *G.Node, data any) error {
	err := s.Program.Set(input, data)
	s.rated = s.rated || input == s.Rate && err == nil
	return err
}

// Run takes a step. Before the first the learning rate must be set.
func (s *Step) Run() error {
	if !s.rated {
		return errors.New("the learning rate was not set: Set(step.Rate, []float32{0.001}) or another")
	}
	return s.Program.Run()
}

// StepConfig says how to train.
type StepConfig struct {
	Device    tape.Device // nil: the CPU
	Loss      *G.Node
	Params    G.Nodes
	Carried   []graph.Update // states that the model carries from one step to the next
	Optimizer Optimizer
	Recompute int     // see graph.Config
	Memory    int64   // likewise
	Clip      float64 // the largest norm of all gradients together; 0: no clipping
	ClipValue float64 // the largest magnitude of an element of a gradient, after Clip; 0: any

	// Accumulate makes a step of several runs, one for each part of a batch. First is 1 in the first run, Last
	// in the last, else they are 0. The step is that of the whole batch: its loss is the mean of the parts'
	// losses, weighted by Weight (nil: equally), a scalar, the number of what a part's loss is the mean of,
	// such as tokens. Loss, Norm and Squares are those of the step after its last run. States in Carried move
	// on in every run.
	Accumulate bool
	Weight     *G.Node

	// Sum adds up the numbers of several processes that take the step together, each with parts of its own of the batch:
	// see tape.AllReduce. The step is that of the whole batch, and the same on all of them, to the bit. nil: this process
	// has the whole batch.
	Sum func(data any) error

	// Average is the decay d, in (0, 1), of an exponential moving average a/n of the parameters w (Polyak and
	// Juditsky, 1992), which states of the step hold: n, named AverageWeight, and for each parameter a, named
	// AverageOf its name; 0: none. With each step
	//
	//	n' = d n + (1-d)
	//	a' = d a + (1-d) w'
	Average float64

	// Rows updates a parameter that is a table which is only looked up, an embedding, by rows: those alone that
	// a batch reads are moved, and so are the states that the optimizer keeps of them. The moments of a row
	// that nobody reads do not decay, and it has no weight decay: lazy Adam, and so on. A step then costs
	// nothing for other rows. With SGD without momentum and with Adagrad it is the same, and done without being
	// asked for. The norm, and so Clip, is that of the whole gradient. Not with Accumulate or Average.
	Rows bool

	// Scaling multiplies the loss, so that small gradients do not vanish in narrow formats. The zero value: no.
	Scaling LossScaling
}

// check says what is wrong with the configuration, but for the loss.
func (c *StepConfig) check() error {
	if len(c.Params) == 0 {
		return setting.Set("Params", false, "at least one parameter")
	}
	known := map[*G.Node]bool{}
	for i, p := range c.Params {
		switch {
		case p == nil:
			return setting.Set(fmt.Sprintf("Params[%d]", i), false, "a parameter")
		case p.Op() != nil || p.Dtype() != c.Params[0].Dtype() || p.Dtype() != tensor.Float32 && p.Dtype() != tensor.Float64:
			return errors.Errorf("%s is no parameter: it must be an input of numbers, all of one type", graph.Describe(p))
		case known[p]:
			return errors.Errorf("%s is a parameter twice", graph.Describe(p))
		case p.Deriv() != nil: // Gorgonia would give the derivative of the other loss again
			return errors.Errorf("%s has a derivative already; differentiate each loss in a graph of its own", p.Name())
		}
		known[p] = true
	}
	for i, u := range c.Carried {
		if u.State == nil || u.Value == nil {
			return setting.Set(fmt.Sprintf("Carried[%d]", i), false, "a state and its new value, both nodes")
		}
	}
	return c.CheckSettings()
}

// CheckSettings says what is wrong with all that is no node: it can be asked before there is a graph.
func (c *StepConfig) CheckSettings() error {
	return cmp.Or(
		checkOptimizer(c.Optimizer),
		checkClip("Clip", c.Clip),
		checkClip("ClipValue", c.ClipValue),
		setting.Fraction("Average", c.Average),
		c.Scaling.check(),
		c.checkRows(),
	)
}

// divided says whether what is run once is a part of a batch.
func (c *StepConfig) divided() bool { return c.Accumulate || c.Sum != nil }

func (c *StepConfig) checkRows() error {
	if c.Rows && (c.divided() || c.Average > 0) {
		return &setting.Error{Setting: "Rows", Value: true,
			Want: "left out with Accumulate, Average, or several processes, which touch all weights"}
	}
	return nil
}

func checkClip(name string, x float64) error {
	if setting.AtLeast(name, x, 0) == nil {
		return nil
	}
	return &setting.Error{Setting: name, Value: x, Want: "larger than 0, or 0 for no clipping"}
}

// checkLoss says what is wrong with the loss, and with what it is weighted by.
func (c *StepConfig) checkLoss() error {
	switch {
	case c.Loss == nil:
		return setting.Set("Loss", false, "a scalar node")
	case c.Loss.Dims() != 0 || c.Loss.Dtype() != c.Params[0].Dtype():
		return errors.Errorf("the loss %s must be a scalar of the parameters' type: take Mean or Sum of it",
			graph.Describe(c.Loss))
	case c.Weight != nil && c.Weight.Dims() != 0:
		return errors.Errorf("the weight %s must be a scalar", graph.Describe(c.Weight))
	}
	return nil
}

// NewStep differentiates the loss, adds the optimizer and compiles all of it into one program.
func NewStep(b *op.Builder, c StepConfig) (*Step, error) {
	if err := cmp.Or(b.Err(), c.check()); err != nil {
		return nil, errors.Wrap(err, "training step")
	}
	if err := c.checkLoss(); err != nil {
		return nil, errors.Wrap(err, "training step")
	}
	s := &Step{Loss: c.Loss, Rate: G.NewScalar(b.Graph(), c.Loss.Dtype(), G.WithName("learning rate"))}
	states := &States{b: b}
	objective := c.Loss
	scaling, err := c.Scaling.declare(states, c.Loss.Dtype())
	if err != nil {
		return nil, err
	}
	if scaling != nil {
		objective = b.Mul(c.Loss, scaling.scale)
		s.Scale = b.Affine(scaling.scale, 1, 0)
	}
	if b.Err() != nil {
		return nil, b.Err()
	}
	grads, err := G.Grad(objective, c.Params...)
	if err != nil {
		return nil, c.underived(b.Graph(), err)
	}
	var sums *sums
	if c.Accumulate {
		s.First = G.NewScalar(b.Graph(), c.Loss.Dtype(), G.WithName("first part"))
		s.Last = G.NewScalar(b.Graph(), c.Loss.Dtype(), G.WithName("last part"))
	}
	if c.divided() {
		sums = c.accumulate(b, s.First, s.Last, grads)
		s.Loss, s.Own, grads = sums.loss, sums.own, sums.grads
	}
	weights, grads := c.rows(states, grads)
	if scaling != nil {
		grads = each(grads, func(g *G.Node) *G.Node { return b.Div(g, scaling.scale) })
	}
	s.Squares, s.Norm = norms(b, grads)
	ok := b.Mul(finite(b, s.Loss), finite(b, s.Norm))
	if c.Clip > 0 {
		grads = clipped(b, grads, s.Norm, c.Clip)
	}
	if c.ClipValue > 0 {
		grads = each(grads, func(g *G.Node) *G.Node { return b.Clamp(g, -c.ClipValue, c.ClipValue) })
	}
	updates := states.whole(ok, c.move(b, states, s.Rate, weights, grads))
	carried := when(b, ok, c.Carried)
	if scaling != nil {
		updates = append(updates, scaling.updates(b, ok)...)
	}
	if sums != nil { // only the last run moves anything, but for the sums and what the model carries
		if s.Last != nil {
			updates = when(b, s.Last, updates)
		}
		updates = append(updates, sums.updates...)
		carried = when(b, finite(b, c.Loss), c.Carried)
	}
	if b.Err() != nil {
		return nil, b.Err()
	}
	s.States = states.nodes
	// Own comes first: it is computed before the sum over processes, which then needs no memory of its own.
	outputs := slices.Concat(s.Own, G.Nodes{s.Loss, s.Norm}, s.Squares)
	if s.Scale != nil {
		outputs = append(outputs, s.Scale)
	}
	s.Program, err = graph.Compile(graph.Config{
		Device: c.Device, Outputs: outputs, Updates: append(updates, carried...), Recompute: c.Recompute, Memory: c.Memory,
	})
	return s, err
}

// underived says why the loss has no derivative: usually it does not depend on a parameter that was declared, which
// Gorgonia's error does not tell from others.
func (c *StepConfig) underived(g *G.ExprGraph, err error) error {
	needed := map[int64]bool{}
	for todo := []int64{c.Loss.ID()}; len(todo) > 0; todo = todo[1:] {
		if needed[todo[0]] {
			continue
		}
		needed[todo[0]] = true
		for children := g.From(todo[0]); children.Next(); {
			todo = append(todo, children.Node().ID())
		}
	}
	var unused []string
	for _, p := range c.Params {
		if !needed[p.ID()] {
			unused = append(unused, p.Name())
		}
	}
	if len(unused) == 0 {
		return errors.Wrap(err, "the loss has no derivative")
	}
	return errors.Errorf("the loss does not depend on %s: leave out what it has no use for, or let it stay as it is, "+
		"which Training.Frozen says", strings.Join(unused, ", "))
}

// DeclareStates declares what will be Step.States, without a loss and its derivative: their names, shapes, and values
// at first.
func (c *StepConfig) DeclareStates(b *op.Builder) (G.Nodes, error) {
	if err := cmp.Or(b.Err(), c.check()); err != nil {
		return nil, err
	}
	states := &States{b: b}
	dtype := c.Params[0].Dtype()
	if _, err := c.Scaling.declare(states, dtype); err != nil {
		return nil, err
	}
	c.move(b, states, G.NewScalar(b.Graph(), dtype, G.WithName("learning rate")), c.Params, c.Params)
	return states.nodes, b.Err()
}

// move are the updates of parameters, of the optimizer and of the average.
func (c *StepConfig) move(b *op.Builder, s *States, rate *G.Node, weights, grads G.Nodes) []graph.Update {
	params := make([]Param, len(weights))
	for i, w := range weights {
		params[i] = Param{Weight: w, Grad: grads[i], Rate: rate}
	}
	us := c.Optimizer.Updates(b, s, params)
	if c.Average > 0 {
		us = append(us, average(b, s, c.Average, c.Params, us)...)
	}
	return us
}

// when makes updates that change nothing where cond is 0.
func when(b *op.Builder, cond *G.Node, updates []graph.Update) []graph.Update {
	us := make([]graph.Update, len(updates))
	for i, u := range updates {
		us[i] = graph.Update{State: u.State, Value: b.Where(cond, u.Value, u.State)}
	}
	return us
}

func each(nodes G.Nodes, f func(*G.Node) *G.Node) G.Nodes {
	out := make(G.Nodes, len(nodes))
	for i, n := range nodes {
		out[i] = f(n)
	}
	return out
}
