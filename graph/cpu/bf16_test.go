package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/devicetest"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Products of bfloat16 keep their contract, and have the bits of the reference device, on every path and for any number
// of threads.
func TestBFloat16(t *testing.T) {
	for _, path := range kernel.Paths() {
		for _, threads := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", path, threads), func(t *testing.T) {
				if testing.Short() && threads == 1 {
					t.Skip("only several threads in short mode")
				}
				d := New(onPath(path), Threads(threads), BFloat16())
				devicetest.RunBFloat16(t, d)
				devicetest.RunSameProducts(t, d, ref.New(ref.BFloat16()))
			})
		}
	}
}

// Products that need several blocks of rows, columns and terms, of packed and of other operands, have the bits of the
// reference device.
func TestBlocksBFloat16(t *testing.T) {
	oracle := ref.New(ref.BFloat16())
	for _, c := range []struct{ m, k, n, batch int }{
		{maxRows + 20, 3, 35, 1},
		{15, 2, maxCols + 70, 1},
		{33, 2*maxBlock + 5, 70, 1},
		{3, 4*maxBlock + 5, 70, 1},
		{20, maxBlock + 31, 50, 3},
		{20, 31, 40, 40},
		{1, 2*maxBlock + 5, 200, 1}, // a row by a packed matrix
		{1, 7, 333, 1},
		{1, 9, 5, 1},
		{1, 33, 20, 9},
		{150, maxBlock + 3, 1, 1}, // a column, which is a row of the transposed product
	} {
		for i := range 8 {
			b := blockProduct(c.m, c.k, c.n, c.batch, i&1 != 0, i&2 != 0, i&4 != 0, i&3 != 0)
			want := productBits(t, oracle, b)
			for _, path := range kernel.Paths() {
				for _, threads := range []int{1, 2} {
					got := productBits(t, New(onPath(path), Threads(threads), BFloat16()), b)
					for at, w := range want {
						if got[at] != w {
							t.Fatalf("%s, %d threads, %v: element %d is %08x, want %08x", path, threads, b.Code, at, got[at], w)
						}
					}
				}
			}
		}
	}
}

// blockProduct is a tape of one product, whose operands are written by the tape if so said, and cannot stay packed.
func blockProduct(m, k, n, batch int, ta, tb, written, acc bool) *builder {
	b := &builder{tape.Tape{Float: tape.Float32}}
	p := &tape.Product{
		A: b.buffer(tape.State, batch*m*k), B: b.buffer(tape.State, batch*k*n), C: b.buffer(tape.State, batch*m*n),
		Batch: batch, M: m, N: n, K: k, TransA: ta, TransB: tb, LdA: k, LdB: n, LdC: n,
		StrideA: m * k, StrideB: k * n, StrideC: m * n, Acc: acc,
	}
	if ta {
		p.LdA = m
	}
	if tb {
		p.LdB = k
	}
	if written {
		b.emit(touch(p.A), touch(p.B))
	}
	b.emit(p)
	return b
}

// productBits runs such a tape on random numbers, and gives the bits of the product.
func productBits(t *testing.T, d tape.Device, b *builder) []uint32 {
	t.Helper()
	p, err := d.Load(&b.Tape)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	random := rand.New(rand.NewPCG(3, 4))
	var data []float32
	for s := range 3 {
		data = make([]float32, b.Slots[s].Shape[0])
		for i := range data {
			data[i] = float32(random.NormFloat64())
		}
		if err := p.Write(tape.SlotID(s), data); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	if err := p.Read(2, data); err != nil {
		t.Fatal(err)
	}
	bits := make([]uint32, len(data))
	for i, x := range data {
		bits[i] = math.Float32bits(x)
	}
	return bits
}
