package op_test

import (
	"fmt"
	"log"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// compute gives the value of a node of n elements, on the CPU.
func compute(n *G.Node, inputs map[*G.Node][]float32) []float32 {
	p, err := graph.Compile(graph.Config{Outputs: G.Nodes{n}})
	check(err)
	defer p.Close()
	for in, data := range inputs {
		check(p.Set(in, data))
	}
	check(p.Run())
	y := make([]float32, n.Shape().TotalSize())
	check(p.Get(n, y))
	return y
}

// A recurrence of one number, h' = w·h + x, over four steps; and its derivative through all of them.
func ExampleBuilder_Scan() {
	g := G.NewGraph()
	b := op.New(g)
	xs := G.NewMatrix(g, G.Float32, G.WithShape(4, 1), G.WithName("xs")) // T×1
	h0 := G.NewVector(g, G.Float32, G.WithShape(1), G.WithName("h0"))
	w := G.NewVector(g, G.Float32, G.WithShape(1), G.WithName("w"))

	run := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{h0}}, func(b *op.Builder, in op.In) op.Out {
		x, h := in.Seqs[0], in.States[0]
		return op.Out{States: []*G.Node{b.Add(b.Mul(w, h), x)}} // w is a node of the graph around the scan
	})
	last := b.Sum(run.Final[0])
	check(b.Err())
	grads, err := G.Grad(last, w)
	check(err)

	inputs := map[*G.Node][]float32{xs: {1, 1, 1, 1}, h0: {0}, w: {2}}
	fmt.Println("h      ", compute(run.States[0], inputs))
	fmt.Println("dh_4/dw", compute(grads[0], inputs)) // h_4 = w³ + w² + w + 1
	// Output:
	// h       [1 3 7 15]
	// dh_4/dw [17]
}

// An operation that is made of others, with a derivative of its own: x / (1+|x|).
func ExampleBuilder_Custom() {
	softsign := op.Custom{
		Name: "Softsign",
		Compose: func(b *op.Builder, in []*G.Node) *G.Node {
			return b.Div(in[0], b.Affine(b.Abs(in[0]), 1, 1))
		},
		Gradient: func(b *op.Builder, in []*G.Node, out, grad *G.Node) []*G.Node {
			return []*G.Node{b.Div(grad, b.Square(b.Affine(b.Abs(in[0]), 1, 1)))}
		},
	}
	g := G.NewGraph()
	b := op.New(g)
	x := G.NewVector(g, G.Float32, G.WithShape(3), G.WithName("x"))
	y := b.Custom(softsign, x)
	check(b.Err())
	fmt.Println(compute(y, map[*G.Node][]float32{x: {-1, 0, 3}}))
	// Output: [-0.5 0 0.75]
}

// An operation that no composition computes, in Go: the error function.
func ExampleBuilder_Custom_host() {
	erf := op.Custom{
		Name: "Erf",
		Host: func(out op.Array, in []op.Array) error {
			for i, x := range in[0].Data {
				out.Data[i] = math.Erf(x)
			}
			return nil
		},
		Gradient: func(b *op.Builder, in []*G.Node, out, grad *G.Node) []*G.Node { // 2/√π · e^(-x²)
			return []*G.Node{b.Mul(grad, b.Affine(b.Exp(b.Neg(b.Square(in[0]))), 2/math.Sqrt(math.Pi), 0))}
		},
	}
	g := G.NewGraph()
	b := op.New(g)
	x := G.NewVector(g, G.Float32, G.WithShape(3), G.WithName("x"))
	y := b.Custom(erf, x)
	check(b.Err())
	grads, err := G.Grad(b.Sum(y), x)
	check(err)
	inputs := map[*G.Node][]float32{x: {-1, 0, 1}}
	fmt.Printf("%.4f\n%.4f\n", compute(y, inputs), compute(grads[0], inputs))
	// Output:
	// [-0.8427 0.0000 0.8427]
	// [0.4151 1.1284 0.4151]
}
