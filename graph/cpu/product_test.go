package cpu

import (
	"fmt"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// TestBlocks multiplies matrices that need more than one block of rows, of columns and of terms, on all paths.
// The numbers are small integers, so that results are exact.
func TestBlocks(t *testing.T) {
	value := func(i int) float32 { return float32(i*7%11 - 5) }
	for _, path := range kernel.Paths() {
		for _, c := range []struct{ m, k, n, batch int }{
			{maxRows + 20, 3, 35, 1},
			{15, 2, maxCols + 70, 1},
			{33, 2*maxBlock + 5, 70, 1},
			{3, 2*maxBlock + 5, 70, 1},
			{20, maxBlock + 30, 50, 3},
			{20, 30, 40, 40},
			{1, 2*maxBlock + 5, 200, 1}, // a row by a packed matrix
			{1, 7, 333, 1},
			{1, 9, 5, 1},
			{150, maxBlock + 3, 1, 1}, // a column, which is a row of the transposed product
		} {
			for i := range 8 {
				ta, tb, written := i&1 != 0, i&2 != 0, i&4 != 0
				name := fmt.Sprintf("%s/%d×%d×%d×%d/%v,%v,%v", path, c.batch, c.m, c.k, c.n, ta, tb, written)
				b := &builder{tape.Tape{Float: tape.Float32}}
				p := &tape.Product{
					A: b.buffer(tape.State, c.batch*c.m*c.k), B: b.buffer(tape.State, c.batch*c.k*c.n),
					C:     b.buffer(tape.State, c.batch*c.m*c.n),
					Batch: c.batch, M: c.m, N: c.n, K: c.k, TransA: ta, TransB: tb, LdA: c.k, LdB: c.n, LdC: c.n,
					StrideA: c.m * c.k, StrideB: c.k * c.n, StrideC: c.m * c.n, Acc: true,
				}
				aRow, aK, bK, bCol := c.k, 1, c.n, 1
				if ta {
					p.LdA, aRow, aK = c.m, 1, c.m
				}
				if tb {
					p.LdB, bK, bCol = c.k, 1, c.k
				}
				if written { // by the tape: the operands cannot stay packed
					b.emit(touch(p.A), touch(p.B))
				}
				b.emit(p)
				prog, err := New(onPath(path), Threads(2)).Load(&b.Tape)
				if err != nil {
					t.Fatal(err)
				}
				data := make([][]float32, 3)
				for s := range data {
					data[s] = make([]float32, b.Slots[s].Shape[0])
					for i := range data[s] {
						data[s][i] = value(i + s)
					}
					if err := prog.Write(tape.SlotID(s), data[s]); err != nil {
						t.Fatal(err)
					}
				}
				if err := prog.Run(); err != nil {
					t.Fatal(err)
				}
				got := make([]float32, len(data[2]))
				if err := prog.Read(2, got); err != nil {
					t.Fatal(err)
				}
				for i, g := range got {
					item, row, col := i/p.StrideC, i/c.n%c.m, i%c.n
					if c.m*c.n*c.k*c.batch > 1e6 && i%7 != 0 {
						continue // enough of them
					}
					want := data[2][i]
					for k := range c.k {
						want += data[0][item*p.StrideA+row*aRow+k*aK] * data[1][item*p.StrideB+k*bK+col*bCol]
					}
					if g != want {
						t.Fatalf("%s: [%d,%d,%d] = %g, want %g", name, item, row, col, g, want)
					}
				}
				if err := prog.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
