package trainer

import (
	"cmp"
	"slices"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// Training says how the weights of a model move: what all models have in common.
type Training struct {
	// of the initial weights and of all random numbers of training: dropout, and where teacher forcing is left out
	Seed      uint64
	Optimizer optim.Optimizer
	Clip      float64 // the largest norm of all gradients together; 0: no limit
	ClipValue float64 // the largest magnitude of an element of a gradient; 0: any

	// Accumulate is the number of parts that a batch is computed in, one after the other, with the memory of
	// one; 0 is 1. The result is that of the whole batch.
	Accumulate int

	// Average is the decay of an exponential moving average of the weights, in [0, 1); 0: none. The average is
	// what is measured, used and saved, and the weights that training goes on from are a part of the training
	// state.
	Average float64

	// RowUpdates updates tables that are only looked up, embeddings, by the rows that a batch reads: see
	// optim.StepConfig.Rows.
	RowUpdates bool

	Scaling optim.LossScaling // of the loss; the zero value: none

	// Recompute is K: only every K-th state of a recurrence is kept, and what else its derivative needs is computed
	// again. Long sequences then take little memory, and a third more time; the numbers are the same to the bit. 0: all
	// is kept.
	Recompute int

	// Memory is how many bytes of the device a program of the model may take; 0: any. K is then chosen, if need be.
	Memory int64

	// Frozen are the names of parameters that stay as they are: they have neither gradients nor states of the
	// optimizer.
	Frozen []string
}

// parts is into how many a batch is divided.
func (c *Training) parts() int { return max(c.Accumulate, 1) }

// Check says what is wrong with the settings, but for Frozen: that depends on the parameters.
func (c *Training) Check() error {
	s := c.stepConfig(nil, nil, nil, nil)
	return cmp.Or(s.CheckSettings(), setting.AtLeast("Accumulate", c.Accumulate, 0))
}

// check is Check for a model with these parameters.
func (c *Training) check(params G.Nodes) error {
	for _, name := range c.Frozen {
		if !slices.ContainsFunc(params, func(n *G.Node) bool { return n.Name() == name }) {
			return &setting.Error{Setting: "Frozen", Value: name, Want: "the name of a parameter, such as " + params[0].Name()}
		}
	}
	return c.Check()
}

// frozen says whether a parameter stays as it is.
func (c *Training) frozen(name string) bool { return slices.Contains(c.Frozen, name) }

// stepConfig is how a step is compiled.
type stepConfig struct {
	optim.StepConfig
	fixed G.Nodes // parameters that stay as they are
}

// stepConfig is how a step is compiled: see shared.step.
func (c *Training) stepConfig(
	device tape.Device, loss, weight *G.Node, params G.Nodes, carried ...graph.Update,
) stepConfig {
	s := stepConfig{StepConfig: optim.StepConfig{
		Device: device, Loss: loss, Carried: carried, Optimizer: c.Optimizer, Clip: c.Clip, ClipValue: c.ClipValue,
		Accumulate: c.parts() > 1, Weight: weight, Average: c.Average, Scaling: c.Scaling, Rows: c.RowUpdates,
		Recompute: c.Recompute, Memory: c.Memory,
	}}
	for _, n := range params {
		if c.frozen(n.Name()) {
			s.fixed = append(s.fixed, n)
		} else {
			s.Params = append(s.Params, n)
		}
	}
	return s
}
