// Package trainer trains models.
//
// The optimizer is part of the graph: an update of a parameter is an expression like any other, compiled into the same tape as the
// model and its derivative, so that parameters and optimizer state never leave the device. The package knows models only by
// their parameters and their loss; it knows nothing of files (packages checkpoint and runlog) and of the terminal.
package trainer

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
)

// Optimizer says how parameters move, as graph expressions.
type Optimizer interface {
	// Updates gives the new values of params, and of whatever states the optimizer declares for itself, from the gradients and
	// the learning rate, a scalar node.
	Updates(s *States, lr *G.Node, params, grads G.Nodes) []graph.Update
}

// States declares the states of an optimizer: inputs, zero at first, that live on the device.
type States struct {
	b     *op.Builder
	nodes G.Nodes
}

// Like declares a state with the type of a parameter; its name is kind, a slash and the parameter's name.
func (s *States) Like(kind string, param *G.Node) *G.Node {
	return s.declare(kind+"/"+param.Name(), param.Dtype(), param.Shape())
}

// Scalar declares a state of one number.
func (s *States) Scalar(name string, dtype tensor.Dtype) *G.Node { return s.declare(name, dtype, nil) }

func (s *States) declare(name string, dtype tensor.Dtype, shape tensor.Shape) *G.Node {
	var n *G.Node
	if len(shape) == 0 {
		n = G.NewScalar(s.b.Graph(), dtype, G.WithName(name))
	} else {
		n = G.NewTensor(s.b.Graph(), dtype, len(shape), G.WithShape(shape...), G.WithName(name))
	}
	s.nodes = append(s.nodes, n)
	return n
}

// SGD is gradient descent with momentum μ, as PyTorch's SGD has it:
//
//	m' = μ m + g        (no m if μ = 0)
//	w' = w - lr m'
type SGD struct{ Momentum float64 }

// Updates implements Optimizer.
func (o SGD) Updates(s *States, lr *G.Node, params, grads G.Nodes) []graph.Update {
	b := s.b
	var us []graph.Update
	for i, w := range params {
		g := grads[i]
		if o.Momentum != 0 {
			m := s.Like("momentum", w)
			g = b.Add(b.Affine(m, o.Momentum, 0), g)
			us = append(us, graph.Update{State: m, Value: g})
		}
		us = append(us, graph.Update{State: w, Value: b.Sub(w, b.Mul(lr, g))})
	}
	return us
}

// Adam is the optimizer of Kingma and Ba (2015), algorithm 1:
//
//	t' = t + 1
//	m' = β₁ m + (1-β₁) g
//	v' = β₂ v + (1-β₂) g²
//	w' = w - lr (m' / (1-β₁^t')) / (√(v' / (1-β₂^t')) + ε)
type Adam struct{ Beta1, Beta2, Epsilon float64 }

// DefaultAdam has the constants of the paper.
var DefaultAdam = Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}

// Updates implements Optimizer.
func (o Adam) Updates(s *States, lr *G.Node, params, grads G.Nodes) []graph.Update {
	b := s.b
	t := s.Scalar("adam/step", params[0].Dtype())
	next := b.Affine(t, 1, 1)
	us := []graph.Update{{State: t, Value: next}}
	// 1-βᵗ = -(e^(t ln β) - 1), which keeps its digits where βᵗ is close to 1.
	c1 := b.Neg(b.Expm1(b.Affine(next, math.Log(o.Beta1), 0)))
	c2 := b.Neg(b.Expm1(b.Affine(next, math.Log(o.Beta2), 0)))
	for i, w := range params {
		m, v, g := s.Like("adam/m", w), s.Like("adam/v", w), grads[i]
		m1 := b.Add(b.Affine(m, o.Beta1, 0), b.Affine(g, 1-o.Beta1, 0))
		v1 := b.Add(b.Affine(v, o.Beta2, 0), b.Affine(b.Mul(g, g), 1-o.Beta2, 0))
		step := b.Div(b.Div(m1, c1), b.Affine(b.Sqrt(b.Div(v1, c2)), 1, o.Epsilon))
		us = append(us,
			graph.Update{State: m, Value: m1},
			graph.Update{State: v, Value: v1},
			graph.Update{State: w, Value: b.Sub(w, b.Mul(lr, step))})
	}
	return us
}
