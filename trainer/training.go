package trainer

import (
	"cmp"
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/trainer/optim"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// Training says how the weights of a model move: what all models have in common.
type Training struct {
	// of the initial weights and of all random numbers of training: dropout, and where teacher forcing is left out
	Seed      uint64
	Optimizer optim.Optimizer
	Clip      float64 // the largest norm of all gradients together; 0: no limit
	ClipValue float64 // the largest magnitude of an element of a gradient; 0: any

	// Accumulate is the number of parts that a batch is computed in, with the memory of one; 0 is 1. The result is that
	// of the whole batch. What is drawn in training, such as what dropout drops, is drawn for each part by its number.
	Accumulate int

	// World are the processes that share the parts: with W of them, Accumulate must be a multiple of W, and each computes
	// Accumulate/W that follow each other, by rank. All are given whole batches, the same ones, and look at their parts
	// alone; all then have the same weights. Train, TrainState, NonFinite and ResetTrain must be called by all of them, in
	// the same order. However many they are, a training is the same, but for the order in which parts are added up. nil: this
	// process computes all parts.
	World parallel.Communicator

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

// parts is into how many a batch is divided, by all processes together.
func (c *Training) parts() int { return max(c.Accumulate, 1) }

// ownParts are those of this process: n that follow each other, from first on.
func (c *Training) ownParts() (first, n int) {
	if c.World == nil {
		return 0, c.parts()
	}
	n = c.parts() / c.World.Size()
	return c.World.Rank() * n, n
}

// apart says whether other processes have parts of a batch.
func (c *Training) apart() bool { return c.World != nil && c.World.Size() > 1 }

// sum adds up the numbers of all processes; nil if this is the only one.
func (c *Training) sum() func(data any) error {
	if !c.apart() {
		return nil
	}
	world := c.World
	return func(data any) error { return world.Sum(data.([]float32)) }
}

// checkShare says whether all processes have equally many parts.
func (c *Training) checkShare() error {
	if !c.apart() || c.parts()%c.World.Size() == 0 {
		return nil
	}
	return &setting.Error{Setting: "Accumulate", Value: c.Accumulate,
		Want: fmt.Sprintf("a multiple of %d, the number of processes that share the parts of a batch", c.World.Size())}
}

// Check says what is wrong with the settings, but for Frozen: that depends on the parameters.
func (c *Training) Check() error {
	s := c.stepConfig(nil, nil, nil, nil)
	return cmp.Or(s.CheckSettings(), setting.AtLeast("Accumulate", c.Accumulate, 0), c.checkShare())
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
	_, own := c.ownParts()
	s := stepConfig{StepConfig: optim.StepConfig{
		Device: device, Loss: loss, Carried: carried, Optimizer: c.Optimizer, Clip: c.Clip, ClipValue: c.ClipValue,
		Accumulate: own > 1, Sum: c.sum(), Weight: weight, Average: c.Average, Scaling: c.Scaling, Rows: c.RowUpdates,
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
