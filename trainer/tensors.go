package trainer

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
)

// read copies the values of float32 nodes from the device.
func read(p *graph.Program, nodes G.Nodes) ([]graph.Tensor, error) {
	ts := make([]graph.Tensor, len(nodes))
	for i, n := range nodes {
		ts[i] = graph.Tensor{Name: n.Name(), Shape: n.Shape(), Data: make([]float32, n.Shape().TotalSize())}
		if err := p.Get(n, ts[i].Data); err != nil {
			return nil, err
		}
	}
	return ts, nil
}

// write sets nodes from tensors of the same names and shapes: all of them, and no others.
func write(p *graph.Program, what string, nodes G.Nodes, ts []graph.Tensor) error {
	if err := graph.MatchTensors(what, shapes(nodes), ts); err != nil {
		return err
	}
	data := map[string]any{}
	for _, t := range ts {
		data[t.Name] = t.Data
	}
	for _, n := range nodes {
		if err := p.Set(n, data[n.Name()]); err != nil {
			return errors.Wrap(err, what)
		}
	}
	return nil
}

// begin gives states the values that they have before the first step: zero, unless they were declared with another.
func begin(p *graph.Program, nodes G.Nodes) error {
	for _, n := range nodes {
		data := make([]float32, n.Shape().TotalSize())
		if v := n.Value(); v != nil {
			data[0] = v.Data().(float32) // see States.ScalarFrom
		}
		if err := p.Set(n, data); err != nil {
			return err
		}
	}
	return nil
}

// part is the k-th of n parts of a batch that is stored in rows, such as the steps of sequences: the k-th part
// of every row.
func part[T any](xs []T, rows, k, n int) []T {
	if n == 1 {
		return xs
	}
	width := len(xs) / rows / n
	out := make([]T, 0, rows*width)
	for r := range rows {
		out = append(out, xs[(r*n+k)*width:][:width]...)
	}
	return out
}
