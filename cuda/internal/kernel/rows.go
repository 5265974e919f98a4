package kernel

import (
	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/graph/tape"
)

// rowThreads is the size of the blocks that work on one row of n elements each.
func rowThreads(n int) int {
	switch {
	case n <= 128:
		return 32
	case n <= 1024:
		return 128
	}
	return 256
}

// rowsSpec is what the kernel of a Rows depends on. Its parameters are
//
//	the addresses of In, in order, the address of Out, Cols
//
// and of CrossEntropy and CrossEntropyGrad also those of Fault.
type rowsSpec struct {
	kind      tape.RowsKind
	float     Elem
	mask      bool
	smoothing float64
	uniform   float64 // smoothing / cols
	threads   int
}

// NewRows makes a tape.Rows ready, with at least one row: one block works on one row.
func NewRows(r *tape.Rows, float Elem) Launch {
	s := rowsSpec{kind: r.Kind, float: float, mask: r.Mask, smoothing: r.Smoothing, threads: rowThreads(r.Cols)}
	if r.Smoothing != 0 {
		s.uniform = r.Smoothing / float64(r.Cols)
	}
	write := map[tape.RowsKind]func(rowsSpec, *ptx.Builder){
		tape.Softmax: rowsSpec.softmax, tape.LogSoftmax: rowsSpec.logSoftmax,
		tape.SoftmaxGrad: rowsSpec.softmaxGrad, tape.LogSoftmaxGrad: rowsSpec.logSoftmaxGrad,
		tape.CrossEntropy: rowsSpec.crossEntropy, tape.CrossEntropyGrad: rowsSpec.crossEntropyGrad,
		tape.Argmax: rowsSpec.argmax,
	}[r.Kind]
	return Launch{
		Kernel:  newKernel(r.Kind.String(), s, s.threads, func(b *ptx.Builder) { write(s, b) }),
		Blocks:  [2]int{r.Rows, 1},
		Threads: s.threads,
	}
}

// row is a row in the hands of a block.
type row struct {
	rowsSpec
	*ptx.Builder
	number ptx.Value // U64
	tid    ptx.Value
	cols   ptx.Value // U32
	start  ptx.Value // U64: the number of its first element
}

func (s rowsSpec) row(b *ptx.Builder) *row {
	cols := b.Param("cols", ptx.U64)
	r := &row{rowsSpec: s, Builder: b, number: b.Convert(ptx.U64, b.Special(ptx.CtaidX)), tid: b.Special(ptx.TidX)}
	r.cols = b.Convert(ptx.U32, cols)
	r.start = b.Mul(r.number, cols)
	return r
}

// of is the address of the row in a matrix.
func (r *row) of(matrix ptx.Value) ptx.Value { return r.At(matrix, r.start, r.float.Size()) }

// each is the row's element of one number a row.
func (r *row) each(column ptx.Value) ptx.Value {
	return r.Load(r.float.register(), r.At(column, r.number, r.float.Size()), 0)
}

// at is the address of column j of a row.
func (r *row) at(row, j ptx.Value) ptx.Value { return r.At(row, j, r.float.Size()) }

func (r *row) load(row, j ptx.Value) ptx.Value {
	return r.Load(r.float.register(), r.at(row, j), 0)
}

// columns calls f for the columns of this thread.
func (r *row) columns(f func(j ptx.Value)) { r.For(r.tid, r.cols, ptx.Int(r.threads), f) }

// fold is f over term of all columns; every thread has it.
func (r *row) fold(start ptx.Value, f fold, term func(j ptx.Value) ptx.Value) ptx.Value {
	acc := r.Var(start)
	r.columns(func(j ptx.Value) { r.Set(acc, f(r.Builder, acc, term(j))) })
	return foldBlock(r.Builder, r.threads, acc, f)
}

func (r *row) sum(term func(j ptx.Value) ptx.Value) ptx.Value {
	return r.fold(zero(r.float.register()), (*ptx.Builder).Add, term)
}

// largest is what numbers are shifted by before they are exponentiated: NaN need not be seen here.
func (r *row) largest(term func(j ptx.Value) ptx.Value) ptx.Value {
	return r.fold(lowest(r.float.register()), (*ptx.Builder).Max, term)
}

func (r *row) exp(x ptx.Value) ptx.Value { return r.Fn(tape.Exp, x) }

func (s rowsSpec) softmax(b *ptx.Builder) {
	in := []ptx.Value{b.Pointer("x")}
	if s.mask {
		in = append(in, b.Pointer("mask"))
	}
	out := b.Pointer("out")
	r := s.row(b)
	for i := range in {
		in[i] = r.of(in[i])
	}
	r.softmax(in, r.of(out))
}

// softmax is that of the row at in[0], of the columns that in[1] keeps if there is a mask.
func (r *row) softmax(in []ptx.Value, out ptx.Value) {
	b, s, x := r.Builder, r.rowsSpec, in[0]
	// kept is value(x_j), or instead where the mask leaves column j out.
	kept := func(j, instead ptx.Value, value func(xj ptx.Value) ptx.Value) ptx.Value {
		v := value(r.load(x, j))
		if !s.mask {
			return v
		}
		return b.Select(b.Ne(r.load(in[1], j), ptx.Num(0)), v, instead)
	}
	t := s.float.register()
	largest := r.largest(func(j ptx.Value) ptx.Value {
		return kept(j, lowest(t), func(xj ptx.Value) ptx.Value { return xj })
	})
	exp := func(xj ptx.Value) ptx.Value { return r.exp(b.Sub(xj, largest)) }
	sum := r.sum(func(j ptx.Value) ptx.Value { return kept(j, zero(t), exp) })
	r.columns(func(j ptx.Value) {
		y := kept(j, zero(t), func(xj ptx.Value) ptx.Value { return b.Div(exp(xj), sum) })
		b.Store(r.at(out, j), 0, y)
	})
}

// logSum is the largest of a row and ln Σ exp(x - largest).
func (r *row) logSum(x ptx.Value) (largest, log ptx.Value) {
	largest = r.largest(func(j ptx.Value) ptx.Value { return r.load(x, j) })
	sum := r.sum(func(j ptx.Value) ptx.Value { return r.exp(r.Sub(r.load(x, j), largest)) })
	return largest, r.Fn(tape.Log, sum)
}

func (s rowsSpec) logSoftmax(b *ptx.Builder) {
	x, out := b.Pointer("x"), b.Pointer("out")
	r := s.row(b)
	r.logSoftmax(r.of(x), r.of(out))
}

func (r *row) logSoftmax(x, out ptx.Value) {
	largest, log := r.logSum(x)
	r.columns(func(j ptx.Value) { r.Store(r.at(out, j), 0, r.Sub(r.Sub(r.load(x, j), largest), log)) })
}

func (s rowsSpec) softmaxGrad(b *ptx.Builder) {
	y, g, out := b.Pointer("y"), b.Pointer("g"), b.Pointer("out")
	r := s.row(b)
	r.softmaxGrad(r.of(y), r.of(g), r.of(out))
}

func (r *row) softmaxGrad(y, g, out ptx.Value) {
	dot := r.sum(func(j ptx.Value) ptx.Value { return r.Mul(r.load(g, j), r.load(y, j)) })
	r.columns(func(j ptx.Value) { r.Store(r.at(out, j), 0, r.Mul(r.load(y, j), r.Sub(r.load(g, j), dot))) })
}

func (s rowsSpec) logSoftmaxGrad(b *ptx.Builder) {
	y, g, out := b.Pointer("y"), b.Pointer("g"), b.Pointer("out")
	r := s.row(b)
	r.logSoftmaxGrad(r.of(y), r.of(g), r.of(out))
}

func (r *row) logSoftmaxGrad(y, g, out ptx.Value) {
	sum := r.sum(func(j ptx.Value) ptx.Value { return r.load(g, j) })
	r.columns(func(j ptx.Value) {
		r.Store(r.at(out, j), 0, r.Sub(r.load(g, j), r.Mul(r.exp(r.load(y, j)), sum)))
	})
}
