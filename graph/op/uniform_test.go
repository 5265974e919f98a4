package op

import (
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/tape"
)

// uniforms is the plain formula of a draw of the given shape for each key.
func uniforms(keys array, stream uint32, shape []int) array {
	n := len(keys.shape) - 1
	return fillArray(append(keys.shape[:n:n], shape...), func(i []int) float64 {
		var key [4]int32
		for k := range key {
			key[k] = int32(keys.at(append(i[:n:n], k)...))
		}
		at := 0
		for k, d := range shape {
			at = at*d + i[n+k]
		}
		return tape.Uniform(tape.RandomWord(key, stream, at))
	})
}

func init() {
	cases["Uniform"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node { return b.Uniform(in[0], in[1], 3, 5) },
		want:  func(in []array) array { return uniforms(in[0], 0, []int{3, 5}) },
		at: [][]input{
			{ints(-9, 9, 4), floats(0, 1)},
			{ints(-9, 9, 2, 4), floats(0, 1, 2)},
			{ints(-9, 9, 3, 1, 4), floats(0, 1)},
		},
		constants: true,
	}
	cases["Uniform of no key"] = opCase{
		build: func(b *Builder, in []*G.Node) *G.Node {
			return b.Uniform(in[0], G.NewScalar(b.Graph(), G.Float32), 3, 5)
		},
		bad: [][]input{{ints(-9, 9, 2, 3)}, {ints(-9, 9)}, {floats(-9, 9, 4)}},
	}
}

// Two draws of one program differ; the same program built again draws the same.
func TestStreams(t *testing.T) {
	draws := func() []array {
		b, in := inputs(tape.Float64, []input{ints(0, 9, 4), floats(0, 1)})
		x, y := b.Uniform(in[0], in[1], 6), b.Uniform(in[0], in[1], 6)
		return plainly.compute(t, tape.Float64, in, draw([]input{ints(0, 9, 4), floats(0, 1)}), x, y)
	}
	first, again := draws(), draws()
	for i := range first {
		near(t, "drawn again", again[i], first[i], 0)
	}
	if first[0].data[0] == first[1].data[0] {
		t.Error("two draws are the same")
	}
}
