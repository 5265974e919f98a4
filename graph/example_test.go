package graph_test

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
)

// A running sum that forgets half of itself at every step, h' = a·h + x with a = 1/2, and how its last value
// depends on each x and on a.
func ExampleCompile() {
	g := G.NewGraph()
	b := op.New(g)
	xs := G.NewVector(g, G.Float64, G.WithShape(4), G.WithName("x"),
		G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 2, 3, 4}))))
	h0 := G.NewScalar(g, G.Float64, G.WithName("h0"), G.WithValue(0.0))
	a := G.NewScalar(g, G.Float64, G.WithName("a"), G.WithValue(0.5))

	run := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{h0}}, func(b *op.Builder, in op.In) op.Out {
		return op.Out{States: []*G.Node{b.Add(b.Mul(a, in.States[0]), in.Seqs[0])}}
	})
	last := run.Final[0]
	if b.Err() != nil {
		fmt.Println(b.Err())
		return
	}
	grads, err := G.Grad(last, xs, a)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := graph.Compile(graph.Config{Device: cpu.New(), Outputs: G.Nodes{run.States[0], grads[0], grads[1]}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	if err := p.Run(); err != nil {
		fmt.Println(err)
		return
	}
	h, dx, da := make([]float64, 4), make([]float64, 4), make([]float64, 1)
	for _, out := range []struct {
		n    *G.Node
		data []float64
	}{{run.States[0], h}, {grads[0], dx}, {grads[1], da}} {
		if err := p.Get(out.n, out.data); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("h       ", h)
	fmt.Println("∂h₄/∂x  ", dx)
	fmt.Println("∂h₄/∂a  ", da)
	// Output:
	// h        [1 2.5 4.25 6.125]
	// ∂h₄/∂x   [0.125 0.25 0.5 1]
	// ∂h₄/∂a   [5.75]
}
