package op

import (
	"fmt"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// ScatterAdd adds the rows of x at their index: (index N..., x N...×D...) -> rows×D..., zero where no index points to.
func (b *Builder) ScatterAdd(index, x *G.Node, rows int) *G.Node {
	return b.apply(scatterAdd{rows}, index, x)
}

type scatterAdd struct{ rows int }

func (o scatterAdd) String() string { return fmt.Sprintf("ScatterAdd to %d rows", o.rows) }
func (o scatterAdd) Type(in []ir.Type) (ir.Type, error) {
	index, x := in[0], in[1]
	n := len(index.Shape)
	if index.Dtype != tape.Int32 || x.Dtype == tape.Int32 || len(x.Shape) < n || !x.Shape[:n].Equal(index.Shape) ||
		o.rows < 1 {
		return ir.Type{}, errors.Errorf("%v cannot be added at index %v of %d rows", x, index, o.rows)
	}
	return ir.Type{Dtype: x.Dtype, Shape: x.Shape[n:].With(o.rows)}, nil
}
func (o scatterAdd) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(ir.ScatterAdd{Rows: o.rows}, in...)
}

// Diff: each row has the gradient of where it was added.
func (o scatterAdd) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{nil, b.Gather(g, in[0])}
}
