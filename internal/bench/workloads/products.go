package workloads

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// products is the bare product of a recurrent step, with as little around it as a recurrence can have. Each
// step needs the one before, and all multiply by the same weights:
//
//	z_t = h_{t-1}·U          B×4H
//	h_t = z_t[:, :H] + x_t   B×H
//
// U is H×4H. The result, instead of a loss, is z of all steps.
func products(b *op.Builder, s Size) (*Problem, error) {
	p := models.NewParams(b, tensor.Float32, 0)
	x := newBatch(b)
	xs, h0 := x.floats("rows", s.Steps, s.Batch, s.Hidden), zeros(b, s, "h0")
	u := p.Uniform("u", 1/math.Sqrt(float64(s.Hidden)), s.Hidden, 4*s.Hidden)
	run := b.Scan(op.Scan{Name: "products", Seqs: []*G.Node{xs}, States: h0}, func(b *op.Builder, in op.In) op.Out {
		z := b.Product(in.States[0], u)
		return op.Out{States: []*G.Node{b.Add(b.Slice(z, 1, 0, s.Hidden), in.Seqs[0])}, Outs: []*G.Node{z}}
	})
	return &Problem{Loss: run.Outs[0], Params: p.Nodes(), Inputs: x.inputs}, nil
}
