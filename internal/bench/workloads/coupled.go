package workloads

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// coupled is a cell that no library has a kernel for: an LSTM whose input gate is what its forget gate leaves
// (Greff et al., 2017).
//
//	[f g o] = x·Wᵀ + h·Uᵀ + b
//	c' = σ(f) ⊙ c + (1 - σ(f)) ⊙ tanh(g)
//	h' = σ(o) ⊙ tanh(c')
type coupled struct{ w, u, bias *G.Node }

func newCoupled(p *models.Params, layer, in, hidden int) *coupled {
	bound := 1 / math.Sqrt(float64(hidden))
	name := func(what string) string { return fmt.Sprintf("rnn.%s_l%d", what, layer) }
	return &coupled{
		w:    p.Uniform(name("weight_ih"), bound, 3*hidden, in),
		u:    p.Uniform(name("weight_hh"), bound, 3*hidden, hidden),
		bias: p.Uniform(name("bias"), bound, 3*hidden),
	}
}

func (*coupled) States() int { return 2 }

func (cell *coupled) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	h, c := states[0], states[1]
	var zx *G.Node
	if x.Dtype() == tensor.Int32 {
		zx = b.Gather(b.Transpose(cell.w), x)
	} else {
		zx = b.Product(x, cell.w, op.TransY)
	}
	z := b.Split(b.Add(b.Add(zx, b.Product(h, cell.u, op.TransY)), cell.bias), 1, 3)
	f, g, o := b.Sigmoid(z[0]), b.Tanh(z[1]), b.Sigmoid(z[2])
	c = b.Add(b.Mul(f, c), b.Mul(b.Affine(f, -1, 1), g))
	return []*G.Node{b.Mul(o, b.Tanh(c)), c}
}

// coupledModel is languageModel with layers of coupled.
func coupledModel(b *op.Builder, s Size) (*Problem, error) {
	p := models.NewParams(b, tensor.Float32, 0)
	x := newBatch(b)
	xs, targets := x.tokens("tokens", s.In, s.Steps, s.Batch), x.tokens("targets", s.In, s.Steps, s.Batch)
	in := s.In
	for l := range s.Layers {
		states := zeros(b, s, fmt.Sprint("h0_l", l), fmt.Sprint("c0_l", l))
		xs, _ = models.Layer{Name: "coupled", Cell: newCoupled(p, l, in, s.Hidden)}.Apply(b,
			models.Input{X: xs, States: states})
		in = s.Hidden
	}
	logits := models.NewLinear(p, "output", s.Hidden, s.In).Apply(b, xs)
	return &Problem{Loss: b.Mean(b.CrossEntropy(logits, targets, nil, 0)), Params: p.Nodes(), Inputs: x.inputs}, nil
}
