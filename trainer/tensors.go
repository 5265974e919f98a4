package trainer

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

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
		delete(byName, w.Name)
	}
	for _, g := range got {
		if _, left := byName[g.Name]; left {
			return errors.Errorf("%s: %q is not a part of the model", what, g.Name)
		}
	}
	return nil
}

func zero(p *graph.Program, nodes G.Nodes) error {
	for _, n := range nodes {
		if err := p.Set(n, make([]float32, n.Shape().TotalSize())); err != nil {
			return err
		}
	}
	return nil
}
