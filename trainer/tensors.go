package trainer

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// read copies the values of float32 nodes from the device.
func read(p *graph.Program, nodes G.Nodes) ([]checkpoint.Tensor, error) {
	ts := make([]checkpoint.Tensor, len(nodes))
	for i, n := range nodes {
		ts[i] = checkpoint.Tensor{Name: n.Name(), Shape: n.Shape(), Data: make([]float32, n.Shape().TotalSize())}
		if err := p.Get(n, ts[i].Data); err != nil {
			return nil, err
		}
	}
	return ts, nil
}

// write sets nodes from tensors of the same names and shapes: all of them, and no others.
func write(p *graph.Program, what string, nodes G.Nodes, ts []checkpoint.Tensor) error {
	want := make([]checkpoint.Tensor, len(nodes))
	for i, n := range nodes {
		want[i] = checkpoint.Tensor{Name: n.Name(), Shape: n.Shape()}
	}
	if err := match(what, want, ts); err != nil {
		return err
	}
	for _, n := range nodes {
		i := slices.IndexFunc(ts, func(t checkpoint.Tensor) bool { return t.Name == n.Name() })
		if err := p.Set(n, ts[i].Data); err != nil {
			return errors.Wrap(err, what)
		}
	}
	return nil
}

// match checks that two lists of tensors have the same names and shapes, in any order, and names the first difference.
func match(what string, want, got []checkpoint.Tensor) error {
	byName := map[string]checkpoint.Tensor{}
	for _, t := range got {
		byName[t.Name] = t
	}
	for _, w := range want {
		g, ok := byName[w.Name]
		if !ok {
			return errors.Errorf("%s: %q is missing", what, w.Name)
		}
		if !slices.Equal(g.Shape, w.Shape) {
			return errors.Errorf("%s: %q has shape %v, the model wants %v", what, w.Name, g.Shape, w.Shape)
		}
		if data, ok := g.Data.([]float32); !ok || len(data) != tensor.Shape(w.Shape).TotalSize() {
			return errors.Errorf("%s: %q has data of type %T, or not as much as shape %v wants", what, w.Name, g.Data, w.Shape)
		}
		delete(byName, w.Name)
	}
	for _, g := range got {
		if _, left := byName[g.Name]; left {
			return errors.Errorf("%s: %q is not a part of the model", what, g.Name)
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

// part is the k-th of n parts of a batch that is stored in rows, such as the steps of sequences: the k-th part of every row.
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
