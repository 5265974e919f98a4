package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Put replaces rows of a table: (table V×D..., index N..., rows N...×D...) -> V×D... Of rows with the same index the
// last counts. An update of a state that is a Put of it touches the rows alone that it replaces. An index outside of
// [0, V) is an error when the program runs.
func (b *Builder) Put(table, index, rows *G.Node) *G.Node { return b.apply(put{}, table, index, rows) }

// Last is for each index, N integers in [0, rows), the place of the last index that is equal: N integers.
func (b *Builder) Last(index *G.Node, rows int) *G.Node {
	if !b.usable("Last", index) {
		return b.broken()
	}
	return b.Gather(b.Put(b.Fill(index, 0, rows), index, b.Iota(index, 0, index.Shape()...)), index)
}

type put struct{}

func (put) String() string { return "Put" }
func (put) Type(in []ir.Type) (ir.Type, error) {
	table, index, rows := in[0], in[1], in[2]
	if len(table.Shape) > 0 && index.Dtype == tape.Int32 && rows.Dtype == table.Dtype &&
		rows.Shape.Equal(append(slices.Clone(index.Shape), table.Shape[1:]...)) {
		return table, nil
	}
	return ir.Type{}, errors.Errorf("%v cannot be put at index %v of table %v", rows, index, table)
}
func (put) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.New(ir.Put{}, in...) }

// Diff: what was replaced has none, and of rows with the same index the last has that of its place.
func (put) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	index, rows := in[1], in[2]
	n := index.Shape().TotalSize()
	flat := b.Reshape(index, n)
	last := b.Eq(b.Last(flat, g.Shape()[0]), b.Iota(flat, 0, n))
	ones := slices.Repeat([]int{1}, rows.Dims()-index.Dims())
	last = b.Reshape(last, append(slices.Clone([]int(index.Shape())), ones...)...)
	zero := b.Fill(g, 0, rows.Shape()...)
	return []*G.Node{b.Put(g, index, zero), nil, b.Where(last, b.Gather(g, index), zero)}
}
