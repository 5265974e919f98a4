package op

import (
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	cases["Gather"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Gather(in[0], in[1]) },
		want: func(in []array) array {
			table, index := in[0], in[1]
			n := len(index.shape)
			return fillArray(slices.Concat(index.shape, table.shape[1:]), func(i []int) float64 {
				row := int(index.at(i[:n]...))
				return table.at(append([]int{row}, i[n:]...)...)
			})
		},
		at: [][]input{
			{floats(-1, 1, 5, 3), ints(0, 4, 7)},
			{floats(-1, 1, 5, 3), ints(0, 4, 2, 3)},
			{floats(-1, 1, 5, 3), ints(0, 4)},
			{floats(-1, 1, 4), ints(0, 3, 2, 2)},
			{floats(-1, 1, 1, 2), ints(0, 0, 3)},
			{floats(-1, 1, 3, 2, 2), ints(0, 2, 2, 1)},
			{ints(-9, 9, 3, 2), ints(0, 2, 5)},
		},
		bad: [][]input{{floats(-1, 1), ints(0, 1, 2)}, {floats(-1, 1, 3, 2), floats(0, 1, 2)}},
	}
}

// Gorgonia's int serves as well as int32.
func TestGatherByInt(t *testing.T) {
	b, in := inputs(tape.Float64, []input{floats(-1, 1, 3, 2)})
	index := G.NewVector(b.Graph(), G.Int, G.WithShape(2), G.WithName("index"),
		G.WithValue(tensor.New(tensor.WithBacking([]int{2, 0}))))
	y := b.Gather(in[0], index)
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	table := draw([]input{floats(-1, 1, 3, 2)})
	want := array{[]int{2, 2}, append(slices.Clone(table[0].data[4:]), table[0].data[:2]...)}
	near(t, "rows", onGorgonia(t, b.Graph(), in, table, y)[0], want, 0)
}
