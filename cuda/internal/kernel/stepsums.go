package kernel

import "github.com/unroll-ml/unroll/cuda/internal/ptx"

// tensorSums are fragments of a warp's result on tensor cores, by sixteen rows and eight columns.
type tensorSums struct {
	*stepWriter
	fragments [][][]ptx.Value
}

func (w *stepWriter) newTensorSums() *tensorSums {
	s := &tensorSums{stepWriter: w}
	for range w.rowsOfStrip() / 16 {
		var across [][]ptx.Value
		for range w.columns() / 8 {
			across = append(across, w.zeros(4))
		}
		s.fragments = append(s.fragments, across)
	}
	return s
}

// zeros are variables that begin with 0.
func (w *stepWriter) zeros(n int) (vs []ptx.Value) {
	for range n {
		vs = append(vs, w.Var(ptx.F32.Num(0)))
	}
	return vs
}

// add multiplies a chunk. A thread has terms that lie side by side in memory, and gives them to the tensor
// cores as if they were those of its place in a fragment, the same ones of A and of B: a sum does not change
// when its terms change places.
func (s *tensorSums) add(c stepChunk) {
	words := make([][]ptx.Value, len(c.a))
	for r, xs := range c.a {
		for i := range 4 {
			if s.elem == BF16 {
				words[r] = append(words[r], s.PairBF16(xs[2*i], xs[2*i+1]))
			} else {
				words[r] = append(words[r], s.RoundTF32(xs[i]))
			}
		}
	}
	multiply := s.MultiplyTF32
	if s.elem == BF16 {
		multiply = s.MultiplyBF16
	}
	for half := 0; half < 4; half += 2 {
		for m, across := range s.fragments {
			upper, lower := words[2*m], words[2*m+1]
			x := []ptx.Value{upper[half], lower[half], upper[half+1], lower[half+1]}
			for t, sum := range across {
				multiply(sum, x, c.b[t][half:half+2])
			}
		}
	}
}

func (s *tensorSums) column() ptx.Value { return s.Mul(s.member, ptx.Int(2)) }

func (s *tensorSums) each(f func(row, column int, xs ...ptx.Value)) {
	for m, across := range s.fragments {
		for t, sum := range across {
			f(16*m, 8*t, sum[0], sum[1])
			f(16*m+8, 8*t, sum[2], sum[3])
		}
	}
}

// fmaSums are sums of multiply-adds in the hands of threads: of rows that are four apart, and columns that are
// eight apart.
type fmaSums struct {
	*stepWriter
	of [][]ptx.Value // by row and column
}

func (w *stepWriter) newFMASums() *fmaSums {
	s := &fmaSums{stepWriter: w}
	for range w.rowsOfThread() {
		s.of = append(s.of, w.zeros(w.columns()/8))
	}
	return s
}

func (s *fmaSums) add(c stepChunk) {
	for k := range s.chunk() {
		for r, sums := range s.of {
			for t, sum := range sums {
				s.Set(sum, s.Fma(c.a[r][k], c.b[t][k], sum))
			}
		}
	}
}

func (s *fmaSums) column() ptx.Value { return s.member }

func (s *fmaSums) each(f func(row, column int, xs ...ptx.Value)) {
	for r, sums := range s.of {
		for t, sum := range sums {
			f(4*r, 8*t, sum)
		}
	}
}
