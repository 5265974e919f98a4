package trainer_test

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// A recurrence of one's own: is its derivative right?
func ExampleCheckGradients() {
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float64, 1)
	w, u, bias := p.Normal("W", 1, 3, 4), p.Normal("U", 0.5, 4, 4), p.Constant("b", 0.1, 4)
	xs := G.NewTensor(b.Graph(), tensor.Float64, 3, G.WithShape(5, 2, 3), G.WithName("xs"), // T×B×I
		G.WithValue(tensor.New(tensor.WithShape(5, 2, 3), tensor.WithBacking(tensor.Random(tensor.Float64, 30)))))

	run := b.Scan(op.Scan{Name: "own", Seqs: []*G.Node{xs}, States: []*G.Node{b.Fill(xs, 0, 2, 4)}},
		func(b *op.Builder, in op.In) op.Out {
			x, h := in.Seqs[0], in.States[0]
			h = b.Tanh(b.Add(b.Add(b.Product(x, w), b.Product(h, u)), bias))
			return op.Out{States: []*G.Node{h}}
		})
	loss := b.Mean(b.Square(run.States[0]))

	report, err := trainer.CheckGradients(b, loss, p.Nodes(), trainer.GradientCheck{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range report.Params {
		fmt.Println(e.Param, "is right:", e.Relative < 1e-6)
	}
	// Output:
	// W is right: true
	// U is right: true
	// b is right: true
}
