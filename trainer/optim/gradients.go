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
	own     G.Nodes // see Step.Own
	updates []graph.Update
}

// accumulate adds up the losses l and the gradients g of the parts of a batch, each multiplied by its weight n:
//
//	N' = N + n,  L' = L + n l,  G' = G + n g        loss = L'/N', grad = G'/N'
//
// N, L and G count as 0 where first is 1, whatever their states hold: they are of no use after the last part,
// and are not handed on. In the last part they become the sums over all processes, before the division.
//
// first and last are nil if this process has a single part.
func (c *StepConfig) accumulate(b *op.Builder, first, last *G.Node, grads G.Nodes) *sums {
	states := &States{b: b}
	s := &sums{}
	weight := c.Weight
	if weight == nil {
		weight = b.Fill(c.Loss, 1)
	}
	add := func(sum func() *G.Node, x *G.Node) *G.Node {
		if first == nil {
			return x
		}
		state := sum()
		total := b.Where(first, x, b.Add(state, x))
		s.updates = append(s.updates, graph.Update{State: state, Value: total})
		return total
	}
	scalar := func(name string) func() *G.Node {
		return func() *G.Node { return states.Scalar(name, c.Loss.Dtype()) }
	}
	totals := make(G.Nodes, len(grads), len(grads)+2)
	n, l := add(scalar("sum/weight"), weight), add(scalar("sum/loss"), b.Mul(weight, c.Loss))
	for i, g := range grads {
		totals[i] = add(func() *G.Node { return states.Like("sum", c.Params[i]) }, b.Mul(weight, g))
	}
	totals = append(totals, n, l) // last, so that gradients lie at multiples of their size
	if c.Sum != nil {
		squares, _ := norms(b, totals[:len(grads)])
		s.own = append(G.Nodes{b.Affine(l, 1, 0)}, squares...)
		totals = c.together(b, last, totals)
	}
	n, l = totals[len(grads)], totals[len(grads)+1]
	n = b.Where(n, n, b.Fill(n, 1))
	s.loss = b.Div(l, n)
	s.grads = each(totals[:len(grads)], func(g *G.Node) *G.Node { return b.Div(g, n) })
	return s
}

// together are the sums of some numbers over all processes, in the last part.
func (c *StepConfig) together(b *op.Builder, last *G.Node, of G.Nodes) G.Nodes {
	if last == nil {
		last = b.Fill(c.Loss, 1)
	}
	all := b.AllReduce(c.Sum, b.Concat(0, each(of, func(x *G.Node) *G.Node { return b.Reshape(x, -1) })...), last)
	from := 0
	return each(of, func(x *G.Node) *G.Node {
		to := from + x.Shape().TotalSize()
		sum := b.Reshape(b.Slice(all, 0, from, to), x.Shape()...)
		from = to
		return sum
	})
}
