package cpu

import (
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

const (
	// What gemm packs at a time, at most: rows of A and columns of B.
	maxRows = 4096
	maxCols = 8192

	// groupPanels is how many panels of A a part works on at most: they stay in the second cache while panels
	// of B pass by.
	groupPanels = 16

	// smallB is how many bytes of packed B stay in the second cache of every core: then the threads share out
	// rows of C, and each finds its rows there when the next instruction wants them.
	smallB = 1 << 20

	// fewRows is for how many rows of A it does not pay to pack B for one product.
	fewRows = 8

	// smallItem is how many elements a matrix product of a batch may pack to be left to one thread.
	smallItem = 1 << 18
)

// matrices is the addresses of one product: A[i,p] is a[i*aRow+p*aK], B[p,j] is b[p*bK+j*bCol], C[i,j] is c[i*cRow+j].
type matrices struct {
	m, n, k   int
	aRow, aK  int
	bK, bCol  int
	cRow      int
	strideA   int
	strideB   int
	strideC   int
	batch     int
	acc       bool
	transpose bool // A and B have changed places
}

func newMatrices(p *tape.Product) matrices {
	x := matrices{
		m: p.M, n: p.N, k: p.K, batch: p.Batch, acc: p.Acc,
		aRow: p.LdA, aK: 1, bK: p.LdB, bCol: 1, cRow: p.LdC,
		strideA: p.StrideA, strideB: p.StrideB, strideC: p.StrideC,
	}
	if p.TransA {
		x.aRow, x.aK = 1, p.LdA
	}
	if p.TransB {
		x.bK, x.bCol = 1, p.LdB
	}
	if x.n == 1 && (x.m == 1 || x.cRow == 1) { // a column is a row of Bᵀ·Aᵀ, however short
		x.m, x.n = x.n, x.m
		x.aRow, x.aK, x.bK, x.bCol = x.bCol, x.bK, x.aK, x.aRow
		x.strideA, x.strideB = x.strideB, x.strideA
		x.cRow, x.transpose = x.n, true
	}
	return x
}

func (l *loader[T]) product(p *tape.Product) []step {
	x := newMatrices(p)
	if x.batch == 0 || x.m == 0 || x.n == 0 {
		return nil
	}
	refA, refB := p.A, p.B
	if x.transpose {
		refA, refB = refB, refA
	}
	a, b, c := newPlace(l.tape, refA), newPlace(l.tape, refB), newPlace(l.tape, p.C)
	if x.k == 0 {
		if x.acc {
			return nil
		}
		return []step{&zero[T]{x: x, c: c}}
	}
	need := l.newNeed(p, &x)
	if w := l.asInt8(&x, refB); w != nil {
		return []step{l.newInt8Product(x, w, a, c, need)}
	}
	if s := l.rowProduct(x, refB, a, c, need); s != nil {
		return []step{s}
	}
	depth := l.kernels.Depth(x.k)
	opA := operand{n: x.m, k: x.k, depth: depth, width: panelRows(x.m, l.kernels.MR), srcI: x.aRow, srcK: x.aK}
	opB := operand{n: x.n, k: x.k, depth: depth, width: l.kernels.NR, srcI: x.bCol, srcK: x.bK}
	var packA, packB *packed[T]
	if x.batch == 1 || x.strideB == 0 {
		packB = l.pack(l.kernels, refB, opB)
	}
	flops := 2 * float64(x.batch) * float64(x.m) * float64(x.n) * float64(x.k)
	cost := max(flops/float64(l.kernels.Flops), 0.1*float64(x.batch*x.n*x.k))
	if packB == nil && l.kernels.Pairs == 0 && x.m <= fewRows && (x.bCol == 1 || x.aK == 1 && x.bK == 1) {
		return []step{l.newSkinny(x, a, b, c, need, cost)}
	}
	if x.batch == 1 || x.strideA == 0 {
		packA = l.pack(l.kernels, refA, opA)
	}
	g := gemm[T]{kernels: l.kernels, threads: l.threads, inLoop: l.inLoop(), x: x, need: need, opA: opA, opB: opB,
		packA: packA, packB: packB}
	if x.batch > 1 && g.sizeA()+g.sizeB() <= smallItem {
		return []step{l.newBatched(g, a, b, c, cost)}
	}
	if packA == nil {
		l.gemmA = max(l.gemmA, g.sizeA())
	}
	if packB == nil {
		l.gemmB = max(l.gemmB, g.sizeB())
	}
	g.init()
	s := &whole[T]{gemm: &g, a: a, b: b, c: c}
	l.gemms = append(l.gemms, s.gemm)
	return []step{s}
}

// panelRows is how many rows each panel of A has, at most most: all about the same number, since the time of a
// tile with very few rows is not less in proportion; and few panels are even in number, so that two threads can
// share them.
func panelRows(m, most int) int {
	panels := (m + most - 1) / most
	if panels > 1 && panels < 8 {
		panels += panels % 2
	}
	return (m + panels - 1) / panels
}

// zero is a product of nothing.
type zero[T kernel.Float] struct {
	x matrices
	c place
}

func (z *zero[T]) run(m *machine) error {
	for b := range z.x.batch {
		for i := range z.x.m {
			clear(unsafe.Slice(offset((*T)(z.c.in(m)), b*z.x.strideC+i*z.x.cRow), z.x.n))
		}
	}
	return nil
}

// whole is a product that the whole team works on, one matrix after the other.
type whole[T kernel.Float] struct {
	gemm    *gemm[T]
	a, b, c place
}

func (w *whole[T]) run(m *machine) error {
	a, b, c := (*T)(w.a.in(m)), (*T)(w.b.in(m)), (*T)(w.c.in(m))
	x := &w.gemm.x
	w.gemm.need.locate(m)
	for i := range x.batch {
		w.gemm.multiply(m.team, i, offset(a, i*x.strideA), offset(b, i*x.strideB), offset(c, i*x.strideC))
	}
	return nil
}

// batched is a product of many small matrices, each of which one member computes.
type batched[T kernel.Float] struct {
	gemms   []gemm[T] // of each member
	a, b, c place
	at      [3]*T
	parts   int
	part    func(member, part int)
	m       *machine
}

func (l *loader[T]) newBatched(g gemm[T], a, b, c place, cost float64) *batched[T] {
	s := &batched[T]{gemms: make([]gemm[T], l.threads), a: a, b: b, c: c, parts: l.parts(cost, g.x.batch)}
	g.threads = 1
	for i := range s.gemms {
		s.gemms[i] = g
		s.gemms[i].init()
	}
	var t T
	l.scratch = max(l.scratch, (g.sizeA()+g.sizeB())*int(unsafe.Sizeof(t)))
	s.part = s.items
	return s
}

func (s *batched[T]) run(m *machine) error {
	s.at = [3]*T{(*T)(s.a.in(m)), (*T)(s.b.in(m)), (*T)(s.c.in(m))}
	s.m = m
	s.gemms[0].need.locate(m)
	m.team.do(s.parts, s.part)
	return nil
}

func (s *batched[T]) items(member, part int) {
	g := &s.gemms[member]
	memory := scratchOf[T](s.m, member, 0, g.sizeA()+g.sizeB())
	g.bufA, g.bufB = unsafe.SliceData(memory), unsafe.SliceData(memory[g.sizeA():])
	from, to := share(g.x.batch, s.parts, part)
	for i := from; i < to; i++ {
		g.multiply(nil, i, offset(s.at[0], i*g.x.strideA), offset(s.at[1], i*g.x.strideB), offset(s.at[2], i*g.x.strideC))
	}
}
