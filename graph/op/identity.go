package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Identity is a node of its own for the value of x.
func (b *Builder) Identity(x *G.Node) *G.Node { return b.apply(identity{}, x) }

type identity struct{}

func (identity) String() string                                { return "Identity" }
func (identity) Type(in []ir.Type) (ir.Type, error)            { return in[0], nil }
func (identity) Lower(_ *ir.Builder, in []*ir.Value) *ir.Value { return in[0] }

// Diff: dx.
func (identity) Diff(_ *Builder, _ []*G.Node, _, g *G.Node) []*G.Node { return []*G.Node{g} }
