package op

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// MaxOver is the largest of the elements of x over axes, which disappear; without axes of all of them. NaN if
// one of them is NaN.
func (b *Builder) MaxOver(x *G.Node, axes ...int) *G.Node { return b.apply(maxOver{axes}, x) }

type maxOver struct{ axes []int }

func (o maxOver) String() string                     { return fmt.Sprintf("MaxOver%v", o.axes) }
func (o maxOver) Type(in []ir.Type) (ir.Type, error) { return reduced(in[0], o.axes) }
func (o maxOver) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	axes, _ := axesOf(in[0].Shape, o.axes)
	return b.Reduce(tape.ReduceMax, in[0], axes...)
}

// Diff: the gradient goes to the largest element, in equal parts where there are several: the centre of the
// subdifferential.
func (o maxOver) Diff(b *Builder, in []*G.Node, y, g *G.Node) []*G.Node {
	x := in[0]
	largest := b.Eq(x, b.keep(y, x, o.axes)) // 1 or 0
	part := b.Div(g, b.Sum(largest, o.axes...))
	return []*G.Node{b.Mul(largest, b.keep(part, x, o.axes))}
}
