package op

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// part takes one result out of a node that holds several.
type part struct {
	index int
	parts []ir.Type
}

func (o part) String() string                                { return fmt.Sprintf("Part(%d)", o.index) }
func (o part) Type([]ir.Type) (ir.Type, error)               { return o.parts[o.index], nil }
func (o part) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Proj(in[0], o.index) }
func (o part) lastInput() []ir.Type                          { return o.parts }
func (o part) Differentiable(int) bool                       { return o.parts[o.index].Dtype != tape.Int32 }

// Diff: the gradient of the whole is that of the part, and zero for all other parts.
func (o part) Diff(b *Builder, _ []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.apply(partGrad(o), g)}
}

// partGrad is a node of several values that are all zero but one: the derivative of part. Gorgonia adds such nodes up.
type partGrad struct {
	index int
	parts []ir.Type
}

func (o partGrad) String() string                  { return fmt.Sprintf("PartGrad(%d)", o.index) }
func (o partGrad) Type([]ir.Type) (ir.Type, error) { return packedType(o.parts) }
func (o partGrad) results() []ir.Type              { return o.parts }
func (o partGrad) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	vs := make([]*ir.Value, len(o.parts))
	for i, t := range o.parts {
		vs[i] = b.New(ir.Const{Of: t})
	}
	vs[o.index] = in[0]
	return b.Tuple(vs...)
}

// Diff: the part of the gradient.
func (o partGrad) Diff(b *Builder, _ []*G.Node, _, g *G.Node) []*G.Node {
	return []*G.Node{b.apply(part(o), g)}
}
