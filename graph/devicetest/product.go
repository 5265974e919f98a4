package devicetest

import (
	"math"
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

var productChecks = []check{
	{"product sizes", "Product is op(A)·op(B) for all M, N and K, each operand as it is or transposed, with or without Acc, within K·u·Σ|a||b|", productSizes},
	{"product layouts", "a Product's rows lie LdX elements apart, its matrices StrideX apart, a StrideX of 0 uses one matrix for the whole batch; what lies between is not touched", productLayouts},
	{"product large", "Product is as accurate where a device works in blocks and threads", productLarge},
	{"product empty", "with K = 0 the product is zero, and C += 0 leaves C; with M, N or Batch = 0 nothing is written", productEmpty},
	{"product need", "of a row of C whose number in Need is 0 nothing is promised but that it is finite, and other rows are as without", productNeed},
	{"product NaN", "every term of a product counts: 0·Inf and 0·NaN are NaN, an Inf stays an Inf", productNaN},
}

// productCase is a product to test; its leading dimensions exceed the width of the rows by gap, and the strides
// of the batch the size of the matrices by skip.
type productCase struct {
	batch, m, n, k int
	ta, tb, acc    bool
	gap, skip      int
	shareA, shareB bool // StrideA or StrideB is 0
	fill           func(a, b []float64)
	fillC          func(c []float64)
	exact          bool  // the sums are
	interleaved    bool  // the matrices of C lie side by side in one wide matrix
	sameAB         bool  // B is A
	need           []int // of each row of C; nil: all are needed
	intNeed        bool  // its numbers are integers
}

func (c productCase) with(ta, tb, acc bool) productCase {
	c.ta, c.tb, c.acc = ta, tb, acc
	return c
}

// add emits the product with its operands and what it must give on d.
func (c productCase) add(r *rig, d tape.Device) {
	p := &tape.Product{Batch: c.batch, M: c.m, N: c.n, K: c.k, TransA: c.ta, TransB: c.tb, Acc: c.acc}
	// layout lays out a batch of rows×cols matrices in n elements.
	layout := func(rows, cols int, share bool) (ld, stride, n int) {
		ld = cols + c.gap
		if share {
			return ld, 0, rows * ld
		}
		stride = rows*ld + c.skip
		return ld, stride, c.batch * stride
	}
	swap := func(trans bool, rows, cols int) (int, int) {
		if trans {
			return cols, rows
		}
		return rows, cols
	}
	rowsA, colsA := swap(c.ta, c.m, c.k)
	rowsB, colsB := swap(c.tb, c.k, c.n)
	var sizeA, sizeB, sizeC int
	p.LdA, p.StrideA, sizeA = layout(rowsA, colsA, c.shareA)
	p.LdB, p.StrideB, sizeB = layout(rowsB, colsB, c.shareB)
	p.LdC, p.StrideC, sizeC = layout(c.m, c.n, false)
	if c.interleaved {
		p.LdC, p.StrideC = c.batch*c.n+c.gap, c.n
		sizeC = c.m * p.LdC
	}

	// What lies between the rows and matrices is NaN.
	operand := func(rows, cols, ld, stride, size int) []float64 {
		xs := slices.Repeat([]float64{math.NaN()}, size)
		for b := range c.batch {
			for i := range rows {
				copy(xs[b*stride+i*ld:], r.rand(cols))
			}
		}
		return xs
	}
	a, b := operand(rowsA, colsA, p.LdA, p.StrideA, sizeA), operand(rowsB, colsB, p.LdB, p.StrideB, sizeB)
	if c.fill != nil {
		c.fill(a, b)
	}
	arrayA := r.in(a)
	arrayB := arrayA
	if c.sameAB {
		b = a
	} else {
		arrayB = r.in(b)
	}
	before := r.rand(sizeC)
	if c.fillC != nil {
		c.fillC(before)
	}
	arrayC := r.state(before)
	want, tol := slices.Clone(arrayC.vals), make([]float64, sizeC)
	for m := range c.batch {
		for i := range c.m {
			for j := range c.n {
				at := m*p.StrideC + i*p.LdC + j
				sum, abs := 0.0, 0.0
				if c.acc {
					sum, abs = want[at], math.Abs(want[at])
				}
				for k := range c.k {
					ia, ib := i*p.LdA+k, k*p.LdB+j
					if c.ta {
						ia = k*p.LdA + i
					}
					if c.tb {
						ib = j*p.LdB + k
					}
					x := asOperand(d, a[m*p.StrideA+ia]) * asOperand(d, b[m*p.StrideB+ib])
					sum += x
					abs += math.Abs(x)
				}
				// K products and K sums in any order, and the result.
				want[at] = sum
				if !c.exact {
					tol[at] = float64(c.k+2) * unit(r.float()) * abs
				}
				if c.need != nil && c.need[m*c.m+i] == 0 {
					want[at], tol[at] = 0, math.MaxFloat64 // anything finite
				}
			}
		}
	}
	arrayC.expectWithin(want, tol)
	p.A, p.B, p.C = arrayA.Ref, arrayB.Ref, arrayC.Ref
	if c.need != nil {
		p.Need = r.need(c.need, c.intNeed)
	}
	r.emit(p)
}

// need is where the numbers of rows lie, as integers or as floats: of those one is a zero below 0, one less than any
// normal number, one no number.
func (r *rig) need(rows []int, ints bool) *tape.Ref {
	if ints {
		return &r.ints(rows...).Ref
	}
	vals := make([]float64, len(rows))
	for i, n := range rows {
		vals[i] = float64(n)
		switch {
		case n == 0 && i%3 == 1:
			vals[i] = math.Copysign(0, -1)
		case n != 0 && i%3 == 1:
			vals[i] = 0x1p-140
		case n != 0 && i%3 == 2:
			vals[i] = math.NaN()
		}
	}
	return &r.in(vals).Ref
}

// runProducts tests some products in one tape.
func runProducts(d tape.Device, f tape.Dtype, cases []productCase) error {
	r := newRig(f)
	for _, c := range cases {
		c.add(r, d)
	}
	return r.runEach(d)
}

func productSizes(d tape.Device, f tape.Dtype) error { return runProducts(d, f, sizeCases()) }

func sizeCases() []productCase {
	var cases []productCase
	turn := 0
	add := func(m, n, k int) {
		c := productCase{batch: 1, m: m, n: n, k: k}.with(turn&1 != 0, turn&2 != 0, turn&4 != 0)
		cases = append(cases, c)
		turn++
	}
	for i := 1; i <= 67; i++ { // each extent alone, through every remainder of a kernel's block
		add(i, 9, 5)
		add(3, i, 6)
		add(5, 17, i)
	}
	rng := newRig(tape.Float32).rng
	odd := []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 66, 67}
	pick := func() int { return odd[rng.IntN(len(odd))] }
	for range 96 {
		add(pick(), pick(), pick())
	}
	for i := range 8 { // a vector times a matrix, a matrix times a vector, an outer product
		c := productCase{batch: 1}.with(i&1 != 0, i&2 != 0, i&4 != 0)
		for _, s := range [][3]int{{1, 131, 67}, {131, 1, 67}, {33, 35, 1}, {1, 1, 150}} {
			c.m, c.n, c.k = s[0], s[1], s[2]
			cases = append(cases, c)
		}
	}
	return cases
}

func productLayouts(d tape.Device, f tape.Dtype) error { return runProducts(d, f, layoutCases()) }

func layoutCases() []productCase {
	var cases []productCase
	sizes := [][3]int{{3, 5, 2}, {4, 16, 8}, {7, 33, 9}, {17, 3, 20}, {8, 8, 8}, {1, 19, 5}}
	for i := range 8 {
		for j, s := range sizes {
			c := productCase{batch: 1 + (i+j)%4, m: s[0], n: s[1], k: s[2], gap: (i + j) % 3 * 5, skip: j % 2 * 3}
			c = c.with(i&1 != 0, i&2 != 0, i&4 != 0)
			cases = append(cases, c)
			c.shareA = true
			cases = append(cases, c)
			c.shareB = true
			cases = append(cases, c)
			c.shareA, c.interleaved = false, true
			cases = append(cases, c)
		}
		square := productCase{batch: 2, m: 9, n: 9, k: 9, sameAB: true}
		cases = append(cases, square.with(i&1 != 0, i&2 != 0, i&4 != 0))
	}
	return cases
}

func productLarge(d tape.Device, f tape.Dtype) error { return runProducts(d, f, largeCases()) }

func largeCases() []productCase {
	var cases []productCase
	for i, s := range [][3]int{{130, 97, 70}, {5, 300, 600}, {70, 31, 530}, {3, 1100, 40}, {300, 8, 130}} {
		c := productCase{batch: 1, m: s[0], n: s[1], k: s[2], gap: i % 2}
		cases = append(cases, c.with(false, false, i%2 == 0), c.with(false, true, i%2 == 1), c.with(true, false, i%2 == 1))
	}
	return cases
}

func productEmpty(d tape.Device, f tape.Dtype) error { return runProducts(d, f, emptyCases()) }

func emptyCases() []productCase {
	var cases []productCase
	for i := range 8 {
		c := productCase{batch: 2, m: 3, n: 5, k: 4}.with(i&1 != 0, i&2 != 0, i&4 != 0)
		for _, extent := range []*int{&c.k, &c.m, &c.n, &c.batch} {
			old := *extent
			*extent = 0
			cases = append(cases, c)
			*extent = old
		}
	}
	return cases
}

func productNeed(d tape.Device, f tape.Dtype) error { return runProducts(d, f, needCases()) }

// needCases are products of which none, some or all rows are needed: any, or the first ones.
func needCases() []productCase {
	rng := newRig(tape.Float32).rng
	masks := []func(i, rows int) bool{
		func(int, int) bool { return false },
		func(int, int) bool { return true },
		func(int, int) bool { return rng.IntN(2) == 0 },
		func(int, int) bool { return rng.IntN(8) == 0 },
		func(i, rows int) bool { return i < rows/3 },
		func(i, rows int) bool { return i == rows-1 },
	}
	sizes := [][4]int{
		{1, 1, 37, 20}, {1, 3, 33, 9}, {1, 8, 70, 40}, {1, 67, 35, 31}, {1, 130, 97, 70}, {1, 40, 1, 30}, {1, 9, 40, 0},
		{3, 5, 17, 8}, {6, 20, 33, 30}, {2, 70, 130, 131}, {1, 20, 16, 800},
	}
	var cases []productCase
	for i, s := range sizes {
		for j, needed := range masks {
			c := productCase{batch: s[0], m: s[1], n: s[2], k: s[3], gap: (i + j) % 2 * 3, intNeed: j%2 == 0}
			turn := i*len(masks) + j
			c = c.with(turn%3 == 1, turn%5 < 3, turn%7 < 2)
			c.need = make([]int, c.batch*c.m)
			for row := range c.need {
				if needed(row%c.m, c.m) {
					c.need[row] = 1 - 2*(row%2)
				}
			}
			cases = append(cases, c)
			c.shareB = true
			cases = append(cases, c)
		}
	}
	return cases
}

func productNaN(d tape.Device, f tape.Dtype) error {
	var cases []productCase
	specials := []float64{math.NaN(), math.Inf(1), math.Inf(-1)}
	for i := range 8 {
		for _, s := range specials {
			c := productCase{batch: 1, m: 5, n: 19, k: 7}.with(i&1 != 0, i&2 != 0, i&4 != 0)
			c.fill = func(a, b []float64) { clear(a); b[len(b)/2] = s } // 0·s in one column or row of op(B)
			cases = append(cases, c)
			c.fill = func(a, b []float64) { clear(b); a[len(a)/2] = s }
			cases = append(cases, c)
			c.fill = func(a, b []float64) { a[3] = s; b[0] = 0 }
			cases = append(cases, c)
		}
	}
	return runProducts(d, f, cases)
}
