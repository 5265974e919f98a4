package graph_test

import (
	"errors"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
)

// gradients compiles the loss of h' = tanh(x + h·U) over many steps, and its derivative.
func gradients(t *testing.T, c graph.Config) (p *graph.Program, bits func() [][]float32, err error) {
	t.Helper()
	const steps, batch, hidden = 400, 24, 16
	b := op.New(G.NewGraph())
	input := func(name string, shape ...int) *G.Node {
		v := make([]float32, tensor.Shape(shape).TotalSize())
		for i := range v {
			v[i] = float32((i*7)%11-5) / 20
		}
		value := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
		return G.NewTensor(b.Graph(), G.Float32, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(value))
	}
	xs, h0, u := input("xs", steps, batch, hidden), input("h0", batch, hidden), input("U", hidden, hidden)
	run := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{h0}}, func(b *op.Builder, in op.In) op.Out {
		return op.Out{States: []*G.Node{b.Tanh(b.Add(in.Seqs[0], b.Product(in.States[0], u)))}}
	})
	loss := b.Mean(b.Square(run.States[0]))
	grads, err := G.Grad(loss, u, h0)
	if err != nil {
		t.Fatal(err)
	}
	c.Device, c.Outputs = cpu.New(cpu.Threads(1)), append(G.Nodes{loss}, grads...)
	p, err = graph.Compile(c)
	return p, func() (all [][]float32) {
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		for _, n := range c.Outputs {
			x := make([]float32, n.Shape().TotalSize())
			if err := p.Get(n, x); err != nil {
				t.Fatal(err)
			}
			all = append(all, x)
		}
		return all
	}, err
}

// A program that may take less memory than it would takes less, and gives the same bits; too little is refused with
// how little is enough.
func TestMemory(t *testing.T) {
	plain, want, err := gradients(t, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := plain.Bytes()
	if err != nil || plain.Recompute() != 0 {
		t.Fatalf("%d steps at a time, %v", plain.Recompute(), err)
	}
	if p, _, err := gradients(t, graph.Config{Memory: all}); err != nil || p.Recompute() != 0 {
		t.Errorf("all fits into %d bytes, but %v", all, err)
	}
	allowed := all / 2
	p, bits, err := gradients(t, graph.Config{Memory: allowed})
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := p.Bytes()
	// 16 is the power of two nearest to √400, but the gradient of U is a sum in chunks of 64 steps: 64·24 > 1024 rows.
	if k := p.Recompute(); err != nil || bytes > allowed || k != 64 {
		t.Errorf("%d steps at a time, want 64, in %d of %d bytes, %v", k, bytes, allowed, err)
	}
	if got := bits(); !slices.EqualFunc(got, want(), slices.Equal[[]float32]) {
		t.Errorf("the loss and gradients differ from those without recomputation")
	}

	_, _, err = gradients(t, graph.Config{Memory: 1000})
	var small *graph.MemoryError
	if !errors.As(err, &small) || small.Allowed != 1000 || small.Least > allowed {
		t.Fatalf("got %v, want a MemoryError", err)
	}
	if _, _, err := gradients(t, graph.Config{Memory: small.Least}); err != nil {
		t.Errorf("what is said to be enough is not: %v", err)
	}
	if _, _, err := gradients(t, graph.Config{Memory: small.Least - 1}); !errors.As(err, &small) {
		t.Errorf("less than what is said to be the least is enough: %v", err)
	}
	for _, c := range []graph.Config{{Recompute: -1}, {Memory: -1}, {Plain: true, Recompute: 4}} {
		if _, _, err := gradients(t, c); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}

// Segments of any length give the same bits, those with steps left over, too.
func TestRecompute(t *testing.T) {
	_, want, err := gradients(t, graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []int{1, 7, 16, 133, 399, 400, 1000} {
		p, bits, err := gradients(t, graph.Config{Recompute: k})
		if err != nil {
			t.Fatal(err)
		}
		if got := bits(); p.Recompute() != k || !slices.EqualFunc(got, want(), slices.Equal[[]float32]) {
			t.Errorf("with segments of %d steps the loss and gradients differ", k)
		}
	}
}
