package op

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Sum adds the elements of x over axes, which disappear; without axes over all of them, to a scalar. Axes count
// from the end if they are negative.
func (b *Builder) Sum(x *G.Node, axes ...int) *G.Node { return b.apply(sum{axes}, x) }

type sum struct{ axes []int }

func (o sum) String() string                     { return fmt.Sprintf("Sum%v", o.axes) }
func (o sum) Type(in []ir.Type) (ir.Type, error) { return reduced(in[0], o.axes) }
func (o sum) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	axes, _ := axesOf(in[0].Shape, o.axes)
	return b.Reduce(tape.Sum, in[0], axes...)
}

// Diff: every element has a part of 1 in its sum.
func (o sum) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	x := in[0]
	return []*G.Node{b.Broadcast(b.keep(g, x, o.axes), x.Shape()...)}
}
