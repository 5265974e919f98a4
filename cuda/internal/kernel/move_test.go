package kernel

import (
	"fmt"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/graph/tape"
)

func init() {
	checks = append(checks, check{"gather", gathers}, check{"scatteradd", scatters}, check{"put", puts},
		check{"check", indexChecks}, check{"random", randoms}, check{"transpose", transposes})
}

// spoil makes some indices bad and gives the word that they leave.
func spoil(indices []int32, bad []int, before, rows int) uint64 {
	fault := uint64(NoFault)
	for k, i := range bad {
		if i < len(indices) {
			indices[i] = []int32{int32(rows), -1, int32(rows) + 5}[k%3]
			fault = min(fault, uint64(before+i)<<32|uint64(uint32(indices[i])))
		}
	}
	return fault
}

var bads = [][]int{nil, {0}, {3, 1, 40}, {66}}

func gathers(r *rig) error {
	for _, width := range []int{1, 3, 4, 8, 34, 64} {
		for _, bad := range bads {
			for _, n := range []int{1, 7, 140} {
				r.clear()
				const rows, before = 9, 1000
				table, index := r.wholes(rows*width), r.indices(n, rows)
				index[0] = rows - 1
				fault := spoil(index, bad, before, rows)
				was := r.wholes(n * width)
				want := append([]float32(nil), was...)
				for i, row := range index {
					if row >= 0 && row < rows {
						copy(want[i*width:][:width], table[int(row)*width:])
					}
				}
				l, items := NewGather(B32, n, width, 16)
				s := gatherSpec{elem: B32, items: items / n, vector: n * width / items, wide: true}
				widened := Launch{newKernel("gather", s, l.Threads, func(b *ptx.Builder) { s.write(b, l.Threads) }),
					l.Blocks, l.Threads}
				for _, l := range []Launch{l, widened} {
					out, word := r.put(was), r.put([]uint64{NoFault})
					err := first(r.launch(l, r.put(table), r.put(index), out, uint64(items), rows, word, before),
						equal(r, "out", out, want), equal(r, "fault", word, []uint64{fault}))
					if err != nil {
						return fmt.Errorf("%d rows of %d: %w", n, width, err)
					}
				}
			}
		}
	}
	return nil
}

// scatters adds numbers of sizes such that another order gives another sum.
func scatters(r *rig) error {
	for _, width := range []int{1, 33, 70, 300} {
		for _, bad := range bads {
			// runs longer than what is loaded at once, and all lengths of what is left
			for _, n := range []int{1, 35, 70, 140, 300} {
				r.clear()
				const rows, before = 6, 1000
				index, in := r.indices(n, rows-1), r.normals(n*width) // the last row gets nothing
				for i := range in {
					in[i] *= []float32{1, 1e8, 1e-4}[r.rng.IntN(3)]
				}
				fault := spoil(index, bad, before, rows)
				want := make([]float32, rows*width)
				for k, row := range index {
					for j := range width {
						if row >= 0 && row < rows {
							want[int(row)*width+j] += in[k*width+j]
						}
					}
				}
				k := NewScatterAdd(F32, n, width)
				sorted, out, word := r.space(n*SortedBytes), r.put(make([]float32, rows*width)), r.put([]uint64{NoFault})
				err := first(
					r.launch(k.Rank, r.put(index), sorted, uint64(n), rows, word, before),
					r.launch(k.Add, sorted, r.put(in), out, uint64(width)),
					equal(r, "out", out, want), equal(r, "fault", word, []uint64{fault}))
				if err != nil {
					return fmt.Errorf("%d rows of %d: %w", n, width, err)
				}
			}
		}
	}
	return nil
}

// puts replaces rows, some of them several times.
func puts(r *rig) error {
	for _, width := range []int{1, 33, 300} {
		for _, bad := range bads {
			for _, n := range []int{1, 35, 140} {
				r.clear()
				const rows, before = 6, 1000
				index, in, want := r.indices(n, rows-1), r.normals(n*width), r.normals(rows*width) // the last row stays
				out := r.put(want)
				fault := spoil(index, bad, before, rows)
				for k, row := range index {
					if row >= 0 && row < rows {
						copy(want[int(row)*width:][:width], in[k*width:])
					}
				}
				k := NewPut(B32, n, width)
				sorted, word := r.space(n*SortedBytes), r.put([]uint64{NoFault})
				err := first(
					r.launch(k.Rank, r.put(index), sorted, uint64(n), rows, word, before),
					r.launch(k.Put, sorted, r.put(in), out, uint64(width)),
					equal(r, "out", out, want), equal(r, "fault", word, []uint64{fault}))
				if err != nil {
					return fmt.Errorf("%d rows of %d: %w", n, width, err)
				}
			}
		}
	}
	return nil
}

func indexChecks(r *rig) error {
	for _, bad := range bads {
		for _, n := range []int{1, 35, 70, 140} {
			r.clear()
			const rows, before = 6, 1000
			index := r.indices(n, rows)
			index[n-1] = rows - 1
			fault := spoil(index, bad, before, rows)
			word := r.put([]uint64{NoFault})
			err := first(r.launch(NewCheck(n), r.put(index), uint64(n), rows, word, before),
				equal(r, "fault", word, []uint64{fault}))
			if err != nil {
				return fmt.Errorf("%d indices: %w", n, err)
			}
		}
	}
	return nil
}

func randoms(r *rig) error {
	for _, width := range []int{1, 2, 3, 4, 11, 32} {
		r.clear()
		const n = 9
		keys := make([]int32, 4*n)
		for i := range keys {
			keys[i] = int32(r.rng.Uint32())
		}
		const stream = 0xdeadbeef
		var want []float32
		for row := range n {
			for j := range width {
				want = append(want, float32(tape.Uniform(tape.RandomWord([4]int32(keys[4*row:]), stream, j))))
			}
		}
		l, items := NewRandom(F32, n, width)
		out := r.space(4 * n * width)
		if err := first(r.launch(l, r.put(keys), out, uint64(items), stream), equal(r, "out", out, want)); err != nil {
			return fmt.Errorf("rows of %d: %w", width, err)
		}
	}
	return nil
}

// transposes has tiles that are full and tiles that are not, one matrix and several, with gaps between rows.
func transposes(r *rig) error {
	for _, s := range [][3]int{{1, 16, 16}, {1, 33, 70}, {3, 64, 32}, {2, 40, 97}} {
		r.clear()
		batch, rows, cols := s[0], s[1], s[2]
		strideIn, strideOut := rows+2, cols+3
		batchIn, batchOut := cols*strideIn+5, rows*strideOut+1
		t, ok := NewTranspose(B32, []int{batch, rows, cols}, []int{batchIn, 1, strideIn}, []int{batchOut, strideOut, 1})
		if !ok {
			return fmt.Errorf("%v is no transposition", s)
		}
		x, want := r.wholes(batch*batchIn), make([]float32, batch*batchOut)
		for b := range batch {
			for i := range rows {
				for j := range cols {
					want[b*batchOut+i*strideOut+j] = x[b*batchIn+i+j*strideIn]
				}
			}
		}
		out := r.put(make([]float32, batch*batchOut))
		err := first(
			r.launch(t.Launch, r.put(x), out, uint64(t.Rows), uint64(t.Cols), uint64(t.StrideIn), uint64(t.StrideOut),
				uint64(t.BatchIn), uint64(t.BatchOut)),
			equal(r, "out", out, want))
		if err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
	}
	if _, ok := NewTranspose(B32, []int{40, 40}, []int{40, 1}, []int{50, 1}); ok {
		return fmt.Errorf("a copy of rows is taken for a transposition")
	}
	return nil
}
