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
	return Launch{
		Kernel:  newKernel(r.Kind.String(), s, s.threads, s.write),
		Blocks:  [2]int{r.Rows, 1},
		Threads: s.threads,
	}
}

// rowsOperand is an input of a function of rows, or its result: a line of numbers a row, or one number.
type rowsOperand struct {
	name string
	line bool
	size int
}

// operands are those of the function, the result last.
func (s rowsSpec) operands() (of []rowsOperand) {
	line := func(name string) { of = append(of, rowsOperand{name, true, s.float.Size()}) }
	each := func(name string, size int) { of = append(of, rowsOperand{name, false, size}) }
	line("x")
	switch s.kind {
	case tape.SoftmaxGrad, tape.LogSoftmaxGrad:
		line("g")
	case tape.CrossEntropy:
		each("target", 4)
	case tape.CrossEntropyGrad:
		each("target", 4)
		each("g", s.float.Size())
	}
	if s.mask && s.kind == tape.Softmax {
		line("mask")
	} else if s.mask {
		each("mask", s.float.Size())
	}
	switch s.kind {
	case tape.CrossEntropy:
		each("out", s.float.Size())
	case tape.Argmax:
		each("out", 4)
	default:
		line("out")
	}
	return of
}

// checks reports whether the function has indices to check.
func (s rowsSpec) checks() bool {
	return s.kind == tape.CrossEntropy || s.kind == tape.CrossEntropyGrad
}

func (s rowsSpec) write(b *ptx.Builder) {
	var at []ptx.Value
	for _, o := range s.operands() {
		at = append(at, b.Pointer(o.name))
	}
	cols := b.Param("cols", ptx.U64)
	r := &row{rowsSpec: s, Builder: b, number: b.Convert(ptx.U64, b.Special(ptx.CtaidX)), tid: b.Special(ptx.TidX)}
	r.cols = b.Convert(ptx.U32, cols)
	start := b.Mul(r.number, cols)
	if s.checks() {
		r.fault = newFault(b, "")
	}
	for i, o := range s.operands() {
		if o.line {
			at[i] = b.At(at[i], start, o.size)
		} else {
			at[i] = b.At(at[i], r.number, o.size)
		}
	}
	r.function(r.line(at[0]), at[1:len(at)-1], at[len(at)-1])
}

// row is a row in the hands of a team of threads, which is a block, or a warp.
type row struct {
	rowsSpec
	*ptx.Builder
	number ptx.Value // U64
	tid    ptx.Value // in the team
	cols   ptx.Value // U32
	fault  fault
}

// line is the numbers of a row, by their column.
type line func(j ptx.Value) ptx.Value

// line is that at an address.
func (r *row) line(at ptx.Value) line {
	return func(j ptx.Value) ptx.Value { return r.Load(r.float.register(), r.at(at, j), 0) }
}

// at is the address of column j of a row.
func (r *row) at(row, j ptx.Value) ptx.Value { return r.At(row, j, r.float.Size()) }

// function writes the function of the row x: in are the addresses of what else belongs to the row, out is that of
// its result.
func (r *row) function(x line, in []ptx.Value, out ptx.Value) {
	switch r.kind {
	case tape.Softmax:
		r.softmax(x, in, out)
	case tape.LogSoftmax:
		r.logSoftmax(x, out)
	case tape.SoftmaxGrad:
		r.softmaxGrad(x, r.line(in[0]), out)
	case tape.LogSoftmaxGrad:
		r.logSoftmaxGrad(x, r.line(in[0]), out)
	case tape.CrossEntropy:
		r.crossEntropy(x, in, out)
	case tape.CrossEntropyGrad:
		r.crossEntropyGrad(x, in, out)
	case tape.Argmax:
		r.argmax(x, out)
	}
}

// columns calls f for the columns of this thread.
func (r *row) columns(f func(j ptx.Value)) { r.For(r.tid, r.cols, ptx.Int(r.threads), f) }

// fold is f over term of all columns; every thread has it.
func (r *row) fold(start ptx.Value, f fold, term line) ptx.Value {
	acc := r.Var(start)
	r.columns(func(j ptx.Value) { r.Set(acc, f(r.Builder, acc, term(j))) })
	return foldBlock(r.Builder, r.threads, acc, f)
}

func (r *row) sum(term line) ptx.Value {
	return r.fold(zero(r.float.register()), (*ptx.Builder).Add, term)
}

// largest is what numbers are shifted by before they are exponentiated: NaN need not be seen here.
func (r *row) largest(term line) ptx.Value {
	return r.fold(lowest(r.float.register()), (*ptx.Builder).Max, term)
}

func (r *row) exp(x ptx.Value) ptx.Value { return r.Fn(tape.Exp, x) }

// softmax is that of the columns that in[0] keeps, if there is a mask.
func (r *row) softmax(x line, in []ptx.Value, out ptx.Value) {
	b, t := r.Builder, r.float.register()
	// kept is value(x_j), or instead where the mask leaves column j out.
	kept := func(j, instead ptx.Value, value func(xj ptx.Value) ptx.Value) ptx.Value {
		v := value(x(j))
		if !r.mask {
			return v
		}
		return b.Select(b.Ne(r.line(in[0])(j), ptx.Num(0)), v, instead)
	}
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
func (r *row) logSum(x line) (largest, log ptx.Value) {
	largest = r.largest(x)
	sum := r.sum(func(j ptx.Value) ptx.Value { return r.exp(r.Sub(x(j), largest)) })
	return largest, r.Fn(tape.Log, sum)
}

func (r *row) logSoftmax(x line, out ptx.Value) {
	largest, log := r.logSum(x)
	r.columns(func(j ptx.Value) { r.Store(r.at(out, j), 0, r.Sub(r.Sub(x(j), largest), log)) })
}

func (r *row) softmaxGrad(y, g line, out ptx.Value) {
	dot := r.sum(func(j ptx.Value) ptx.Value { return r.Mul(g(j), y(j)) })
	r.columns(func(j ptx.Value) { r.Store(r.at(out, j), 0, r.Mul(y(j), r.Sub(g(j), dot))) })
}

func (r *row) logSoftmaxGrad(y, g line, out ptx.Value) {
	sum := r.sum(g)
	r.columns(func(j ptx.Value) {
		r.Store(r.at(out, j), 0, r.Sub(g(j), r.Mul(r.exp(y(j)), sum)))
	})
}
