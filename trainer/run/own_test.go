package run

import (
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// mgu is the minimal gated unit, a cell that package models does not have:
//
//	f  = σ(x·W_f + h·U_f + b_f)
//	h' = (1-f) ⊙ h + f ⊙ tanh(x·W_h + (f ⊙ h)·U_h + b_h)
type mgu struct{ Wf, Uf, Bf, Wh, Uh, Bh *G.Node }

func (mgu) NewCell(p *models.Params, in, hidden int) (models.Cell, error) {
	k := 1 / math.Sqrt(float64(hidden))
	return mgu{
		p.Uniform("W_f", k, in, hidden), p.Uniform("U_f", k, hidden, hidden), p.Constant("b_f", 1, hidden),
		p.Uniform("W_h", k, in, hidden), p.Uniform("U_h", k, hidden, hidden), p.Constant("b_h", 0, hidden),
	}, nil
}

func (mgu) States() int { return 1 }

func (c mgu) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	h := states[0]
	f := b.Sigmoid(b.Add(b.Add(b.Product(x, c.Wf), b.Product(h, c.Uf)), c.Bf))
	n := b.Tanh(b.Add(b.Add(b.Product(x, c.Wh), b.Product(b.Mul(f, h), c.Uh)), c.Bh))
	return []*G.Node{b.Add(b.Mul(b.Affine(f, -1, 1), h), b.Mul(f, n))}
}
