package trainer

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
)

// port is an input or an output of a program with host memory of its own. A slice that goes to a program as an
// interface value is boxed, which allocates; a port's slice is boxed once, so that a training step allocates
// nothing.
type port[T int32 | float32] struct {
	node  *G.Node
	data  []T
	boxed any // data
}

// settable is a program or a training step.
type settable interface {
	Set(input *G.Node, data any) error
}

func newPort[T int32 | float32](n *G.Node) *port[T] {
	data := make([]T, n.Shape().TotalSize())
	return &port[T]{n, data, data}
}

// setPart gives the input the k-th of n parts of a batch that is stored row by row: the k-th part of every row.
func (p *port[T]) setPart(to settable, xs []T, rows, k, n int) error {
	if len(xs) != n*len(p.data) {
		return to.Set(p.node, xs) // an error that says so
	}
	width := len(p.data) / rows
	for r := range rows {
		copy(p.data[r*width:][:width], xs[(r*n+k)*width:])
	}
	return to.Set(p.node, p.boxed)
}

// setNumber gives a scalar input a value.
func (p *port[T]) setNumber(to settable, x T) error {
	p.data[0] = x
	return to.Set(p.node, p.boxed)
}

// number reads a scalar output.
func (p *port[T]) number(from *graph.Program) (float64, error) {
	err := from.Get(p.node, p.boxed)
	return float64(p.data[0]), err
}
