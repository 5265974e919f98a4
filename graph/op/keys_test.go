package op

import (
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	cases["Keys"] = opCase{
		build: one(func(b *Builder, key *G.Node) *G.Node { return b.Keys(key, 5) }),
		want: func(in []array) array {
			return fillArray([]int{5, 4}, func(i []int) float64 {
				if i[1] == 3 {
					return float64(i[0])
				}
				return in[0].at(i[1])
			})
		},
		at:  [][]input{{ints(-9, 9, 4)}},
		bad: [][]input{{ints(-9, 9)}, {floats(-9, 9, 4)}},
	}
}

// The step of a scan over keys draws what one draw with all keys does.
func TestKeysOfAScan(t *testing.T) {
	spec := []input{ints(0, 9, 4), floats(-1, 1, 5, 2, 3)}
	b, in := inputs(tape.Float64, spec)
	keys := b.Keys(in[0], 5)
	scanned := b.Scan(Scan{Seqs: []*G.Node{in[1], keys}}, func(b *Builder, in In) Out {
		return Out{Outs: []*G.Node{b.Dropout(in.Seqs[0], 0.4, in.Seqs[1])}}
	}).Outs[0]
	whole := New(b.Graph()).Dropout(in[1], 0.4, keys)
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	got := plainly.compute(t, tape.Float64, in, draw(spec), scanned, whole)
	near(t, "scanned", got[0], got[1], 0)
}
