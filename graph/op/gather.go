package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Gather looks up rows of a table: (table V×D..., index N...) -> N...×D.... An embedding is a Gather. An index
// outside of [0, V) is an error when the program runs.
func (b *Builder) Gather(table, index *G.Node) *G.Node { return b.apply(gather{}, table, index) }

type gather struct{}

func (gather) String() string { return "Gather" }
func (gather) Type(in []ir.Type) (ir.Type, error) {
	table, index := in[0], in[1]
	if len(table.Shape) == 0 || index.Dtype != tape.Int32 {
		return ir.Type{}, errors.Errorf("table %v cannot be looked up by index %v", table, index)
	}
	return ir.Type{Dtype: table.Dtype, Shape: append(slices.Clone(index.Shape), table.Shape[1:]...)}, nil
}
func (gather) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.New(ir.Gather{}, in...) }

// Diff: each row of the gradient is added to the table's row that it came from.
func (gather) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	table, index := in[0], in[1]
	return []*G.Node{b.ScatterAdd(index, g, table.Shape()[0]), nil}
}
