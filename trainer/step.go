package trainer

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Step is a whole training step, compiled: the loss, its derivative, clipping, the optimizer.
type Step struct {
	*graph.Program
	Loss   *G.Node // scalar
	Norm   *G.Node // scalar: the norm of all gradients together, before clipping
	Rate   *G.Node // scalar input: the learning rate
	States G.Nodes // of the optimizer
}

// StepConfig says how to train.
type StepConfig struct {
	Device    tape.Device
	Loss      *G.Node
	Params    G.Nodes
	Carried   []graph.Update // states that the model carries from one step to the next
	Optimizer Optimizer
	Clip      float64 // the largest norm of all gradients together; 0: no clipping
}

// NewStep differentiates the loss, adds the optimizer and compiles all of it into one program.
func NewStep(b *op.Builder, c StepConfig) (*Step, error) {
	if b.Err() != nil {
		return nil, b.Err()
	}
	for _, p := range c.Params {
		if p.Deriv() != nil { // Gorgonia would give the derivative of the other loss again
			return nil, errors.Errorf("%s has a derivative already; differentiate each loss in a graph of its own", p.Name())
		}
	}
	grads, err := G.Grad(c.Loss, c.Params...)
	if err != nil {
		return nil, errors.Wrap(err, "the loss has no derivative")
	}
	s := &Step{Loss: c.Loss, Norm: globalNorm(b, grads)}
	if c.Clip > 0 {
		grads = clipped(b, grads, s.Norm, c.Clip)
	}
	s.Rate = G.NewScalar(b.Graph(), c.Loss.Dtype(), G.WithName("learning rate"))
	states := &States{b: b}
	updates := append(c.Optimizer.Updates(states, s.Rate, c.Params, grads), c.Carried...)
	if b.Err() != nil {
		return nil, b.Err()
	}
	s.States = states.nodes
	s.Program, err = graph.Compile(graph.Config{Device: c.Device, Outputs: G.Nodes{s.Loss, s.Norm}, Updates: updates})
	return s, err
}

// globalNorm is √(Σ g²) over all elements of all gradients.
func globalNorm(b *op.Builder, grads G.Nodes) *G.Node {
	var sum *G.Node
	for _, g := range grads {
		s := b.Sum(b.Mul(g, g))
		if sum == nil {
			sum = s
		} else {
			sum = b.Add(sum, s)
		}
	}
	return b.Sqrt(sum)
}

// clipped scales gradients so that their norm is at most limit (Pascanu et al., 2013), as PyTorch does:
//
//	g' = g min(1, limit / (norm + 1e-6))
func clipped(b *op.Builder, grads G.Nodes, norm *G.Node, limit float64) G.Nodes {
	scale := b.Min(b.Div(b.Fill(norm, limit), b.Affine(norm, 1, 1e-6)), b.Fill(norm, 1))
	out := make(G.Nodes, len(grads))
	for i, g := range grads {
		out[i] = b.Mul(g, scale)
	}
	return out
}
