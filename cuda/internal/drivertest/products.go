package drivertest

import (
	"math"

	"github.com/unroll-ml/unroll/cuda/driver"
)

func products(r *rig) {
	b, err := r.gpu.NewBLAS(r.stream)
	r.must(err)
	r.finally(b.Close)
	for _, precision := range []driver.Precision{driver.Float32, driver.TF32, driver.BFloat16, driver.Float64} {
		for _, c := range []driver.Matrices{
			{Batch: 1, M: 1, N: 1, K: 1},
			{Batch: 1, M: 5, N: 7, K: 3},
			{Batch: 1, M: 64, N: 32, K: 48},
			{Batch: 3, M: 4, N: 6, K: 5},
			{Batch: 4, M: 8, N: 8, K: 8, StrideA: -1, StrideB: -1}, // one matrix for all
		} {
			for i := range 8 {
				c.Precision, c.TransA, c.TransB, c.Beta = precision, i&1 != 0, i&2 != 0, float64(i>>2)
				oneProduct(r, b, c)
			}
		}
	}
	// An fp32 product must not round its inputs to TF32.
	const n = 64
	x, one := make([]float32, n*n), make([]float32, n*n)
	for i := range x {
		x[i] = 1 + float32(i)*0x1p-20
		if i%(n+1) == 0 {
			one[i] = 1
		}
	}
	p, q, out := upload(r, x), upload(r, one), r.alloc(4*n*n)
	r.must(b.Product(driver.Matrices{Batch: 1, M: n, N: n, K: n, A: p, B: q, C: out, LdA: n, LdB: n, LdC: n}))
	r.equal("a matrix times the unit", download[float32](r, out, n*n), x)
	for _, wrong := range []driver.Matrices{
		{Batch: 1, M: 1, N: 1, K: 1, LdA: 1, LdB: 1, LdC: 1, Beta: 2},
		{Batch: 1, M: 0, N: 1, K: 1, LdA: 1, LdB: 1, LdC: 1},
		{Batch: 1, M: 1, N: 1, K: 2, LdA: 1, LdB: 1, LdC: 1},
		{Precision: driver.Float64 + 1, Batch: 1, M: 1, N: 1, K: 1, LdA: 1, LdB: 1, LdC: 1},
	} {
		wrong.A, wrong.B, wrong.C = p, q, out
		if err := b.Product(wrong); err == nil {
			r.Errorf("Product(%+v) succeeds", wrong)
		}
	}
}

// oneProduct multiplies small whole numbers, which every precision holds, so that the result is exact; rows are
// longer than they need be, and what lies between them must stay.
func oneProduct(r *rig, b driver.BLAS, c driver.Matrices) {
	const gap = 3
	rowsA, colsA, rowsB, colsB := c.M, c.K, c.K, c.N
	if c.TransA {
		rowsA, colsA = colsA, rowsA
	}
	if c.TransB {
		rowsB, colsB = colsB, rowsB
	}
	c.LdA, c.LdB, c.LdC = colsA+gap, colsB+1, c.N+2
	stride := func(s, rows, ld int) int {
		if s < 0 {
			return 0
		}
		return rows*ld + 5
	}
	c.StrideA, c.StrideB, c.StrideC = stride(c.StrideA, rowsA, c.LdA), stride(c.StrideB, rowsB, c.LdB),
		stride(0, c.M, c.LdC)
	numbers := func(n, seed int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64((i*7+seed)%17 - 8)
		}
		return x
	}
	a := numbers(c.StrideA*(c.Batch-1)+rowsA*c.LdA, 1)
	x := numbers(c.StrideB*(c.Batch-1)+rowsB*c.LdB, 5)
	y := numbers(c.StrideC*(c.Batch-1)+c.M*c.LdC, 9)
	if c.Beta == 0 {
		y[0] = math.NaN() // overwritten, whatever it holds
	}
	c.A, c.B, c.C = uploadAs(r, c.Precision, true, a), uploadAs(r, c.Precision, true, x),
		uploadAs(r, c.Precision, false, y)
	r.must(b.Product(c))
	at := func(m []float64, trans bool, i, j, ld int) float64 {
		if trans {
			i, j = j, i
		}
		return m[i*ld+j]
	}
	for n := range c.Batch {
		for i := range c.M {
			for j := range c.N {
				sum := 0.0
				for k := range c.K {
					sum += at(a[n*c.StrideA:], c.TransA, i, k, c.LdA) * at(x[n*c.StrideB:], c.TransB, k, j, c.LdB)
				}
				to := &y[n*c.StrideC+i*c.LdC+j]
				if c.Beta == 0 {
					*to = sum
				} else {
					*to += sum
				}
			}
		}
	}
	got := downloadAs(r, c.Precision, c.C, len(y))
	for i := range y {
		if got[i] != y[i] {
			r.Fatalf("%+v: element %d is %v, want %v", c, i, got[i], y[i])
		}
	}
}

func uploadAs(r *rig, p driver.Precision, input bool, x []float64) driver.Ptr {
	switch {
	case p == driver.Float64:
		return upload(r, x)
	case p == driver.BFloat16 && input:
		y := make([]uint16, len(x))
		for i := range x {
			y[i] = uint16(math.Float32bits(float32(x[i])) >> 16)
		}
		return upload(r, y)
	}
	y := make([]float32, len(x))
	for i := range x {
		y[i] = float32(x[i])
	}
	return upload(r, y)
}

func downloadAs(r *rig, p driver.Precision, at driver.Ptr, n int) []float64 {
	if p == driver.Float64 {
		return download[float64](r, at, n)
	}
	x := make([]float64, n)
	for i, v := range download[float32](r, at, n) {
		x[i] = float64(v)
	}
	return x
}

func capturedProduct(r *rig) {
	b, err := r.gpu.NewBLAS(r.stream)
	r.must(err)
	r.finally(b.Close)
	x := upload(r, []float32{1, 2, 3, 4})
	y := upload(r, make([]float32, 4))
	g, err := r.stream.Capture(func() error {
		return b.Product(driver.Matrices{Batch: 1, M: 2, N: 2, K: 2, A: x, B: x, C: y, LdA: 2, LdB: 2, LdC: 2, Beta: 1})
	})
	r.must(err)
	r.finally(g.Close)
	r.must(g.Launch(r.stream))
	r.must(g.Launch(r.stream))
	r.equal("twice the square of a matrix", download[float32](r, y, 4), []float32{14, 20, 30, 44})
}
