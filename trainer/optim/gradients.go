package optim

import (
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
)

// norms are Σ g² of each gradient, and √(Σ g²) over all elements of all gradients.
func norms(b *op.Builder, grads G.Nodes) (squares G.Nodes, norm *G.Node) {
	var sum *G.Node
	for _, g := range grads {
		s := b.Sum(b.Mul(g, g))
		squares = append(squares, s)
		if sum == nil {
			sum = s
		} else {
			sum = b.Add(sum, s)
		}
	}
	return squares, b.Sqrt(sum)
}

// finite is 1 if x is neither NaN nor infinite, else 0.
func finite(b *op.Builder, x *G.Node) *G.Node {
	largest := math.MaxFloat64
	if x.Dtype() == G.Float32 {
		largest = math.MaxFloat32
	}
	return b.Le(b.Abs(x), b.Fill(x, largest))
}

// clipped scales gradients so that their norm is at most limit (Pascanu et al., 2013), as PyTorch does:
//
//	g' = g min(1, limit / (norm + 1e-6))
func clipped(b *op.Builder, grads G.Nodes, norm *G.Node, limit float64) G.Nodes {
	scale := b.Min(b.Div(b.Fill(norm, limit), b.Affine(norm, 1, 1e-6)), b.Fill(norm, 1))
	return each(grads, func(g *G.Node) *G.Node { return b.Mul(g, scale) })
}

// sums are those of the parts of a batch.
type sums struct {
	loss    *G.Node // of the parts so far
	grads   G.Nodes
	updates []graph.Update
}

// accumulate adds up the losses l and the gradients g of the parts of a batch, each multiplied by its weight n:
//
//	N' = N + n,  L' = L + n l,  G' = G + n g        loss = L'/N', grad = G'/N'
//
// N, L and G count as 0 where first is 1, whatever their states hold: they are of no use after the last part,
// and are not handed on.
func accumulate(b *op.Builder, first, loss, weight *G.Node, params, grads G.Nodes) *sums {
	states := &States{b: b}
	s := &sums{}
	if weight == nil {
		weight = b.Fill(loss, 1)
	}
	add := func(sum, x *G.Node) *G.Node {
		total := b.Where(first, x, b.Add(sum, x))
		s.updates = append(s.updates, graph.Update{State: sum, Value: total})
		return total
	}
	n := add(states.Scalar("sum/weight", loss.Dtype()), weight)
	n = b.Where(n, n, b.Fill(n, 1))
	s.loss = b.Div(add(states.Scalar("sum/loss", loss.Dtype()), b.Mul(weight, loss)), n)
	for i, g := range grads {
		s.grads = append(s.grads, b.Div(add(states.Like("sum", params[i]), b.Mul(weight, g)), n))
	}
	return s
}
