package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/lower"
)

// RowsOf takes a gradient apart that is known to be zero but for some rows: that of a table which is only looked up,
// in one Gather or several. It gives the rows, N×D..., and their indices, N; those of one index are to be added.
// Otherwise ok is false.
func (b *Builder) RowsOf(grad *G.Node) (index, rows *G.Node, ok bool) {
	if b.err != nil || grad == nil {
		return nil, nil, false
	}
	if n, is := grad.Op().(*node); is {
		if _, is := n.rule.(scatterAdd); !is {
			return nil, nil, false
		}
		in := lower.Children(grad)
		count := in[0].Shape().TotalSize()
		return b.Reshape(in[0], count), b.Reshape(in[1], append([]int{count}, grad.Shape()[1:]...)...), true
	}
	x, y := lower.Sum(grad) // as Gorgonia adds gradients
	if x == nil {
		return nil, nil, false
	}
	i, r, first := b.RowsOf(x)
	j, s, second := b.RowsOf(y)
	if !first || !second {
		return nil, nil, false
	}
	return b.Concat(0, i, j), b.Concat(0, r, s), true
}
