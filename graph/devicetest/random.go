package devicetest

import "github.com/unroll-ml/unroll/graph/tape"

var randomChecks = []check{
	{"random", "element i of row n of a Random is Uniform(RandomWord(Keys[n], Stream, i)), to the bit, " +
		"whatever the width", randomWords},
}

func randomWords(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for i, width := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 33, 130, 1025} {
		for _, n := range []int{0, 1, 2, 7} {
			stream := []uint32{0, 1, 12345, 1 << 31, 0xffffffff}[(i+n)%5]
			keys := make([]int, 4*n)
			for k := range keys {
				keys[k] = int(int32(r.rng.Uint32())) >> (8 * (k % 3)) // large and small, of both signs
			}
			out := r.out(n * width)
			want := make([]float64, 0, n*width)
			for row := range n {
				key := [4]int32{int32(keys[4*row]), int32(keys[4*row+1]), int32(keys[4*row+2]), int32(keys[4*row+3])}
				for j := range width {
					want = append(want, tape.Uniform(tape.RandomWord(key, stream, j)))
				}
			}
			out.expect(want)
			r.emit(&tape.Random{Keys: r.ints(keys...).Ref, Out: out.Ref, N: n, Width: width, Stream: stream})
		}
	}
	return r.runEach(d)
}
