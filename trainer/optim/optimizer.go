// Package optim has optimizers, learning-rate schedules and the training step.
//
// The optimizer is part of the graph: an update of a parameter is an expression like any other, compiled into
// the same tape as the model and its derivative, so that parameters and optimizer state never leave the device.
// The package knows models only by their parameters and their loss; it knows nothing of files and of the
// terminal.
package optim

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// Optimizer says how parameters move, as graph expressions.
type Optimizer interface {
	// Updates gives the new values of parameters, and of whatever states the optimizer declares for itself.
	Updates(b *op.Builder, s *States, params []Param) []graph.Update
}

// checker is implemented by optimizers that know what is wrong with their settings.
type checker interface{ Check() error }

// checkOptimizer says what is wrong with an optimizer.
func checkOptimizer(o Optimizer) error {
	if o == nil {
		return setting.Set("Optimizer", false, "an optimizer, such as optim.DefaultAdam")
	}
	if c, ok := o.(checker); ok {
		return c.Check()
	}
	return nil
}

// Param is a parameter that an optimizer moves, or, with updates of rows, those of its rows that a batch reads.
type Param struct {
	Weight *G.Node // w, by its name
	Grad   *G.Node // g, the gradient of the loss
	Rate   *G.Node // lr, the learning rate, a scalar
}

// States declares states of a training step: inputs that live on the device, zero at first unless it is said otherwise.
type States struct {
	b     *op.Builder
	nodes G.Nodes
	parts map[*G.Node]part // what stands for a parameter or a state
}

// Like declares a state with the type of a parameter; its name is kind, a slash and the parameter's name. For rows of
// a parameter it gives those rows of a state of all of it.
func (s *States) Like(kind string, param *G.Node) *G.Node {
	if p, ok := s.parts[param]; ok {
		return s.taken(s.Like(kind, p.state), p.index)
	}
	return s.declare(stateName(kind, param.Name()), param.Dtype(), param.Shape())
}

func stateName(kind, param string) string { return kind + "/" + param }

// Scalar declares a state of one number.
func (s *States) Scalar(name string, dtype tensor.Dtype) *G.Node { return s.declare(name, dtype, nil) }

// ScalarFrom declares a state of one number that is x at first.
func (s *States) ScalarFrom(x float64, name string, dtype tensor.Dtype) (*G.Node, error) {
	n := s.declare(name, dtype, nil)
	var v any = x
	if dtype == tensor.Float32 {
		v = float32(x)
	}
	return n, G.Let(n, v)
}

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
