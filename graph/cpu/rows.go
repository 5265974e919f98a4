package cpu

import (
	"math"
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// rows is a tape.Rows.
type rows[T kernel.Float] struct {
	k        *kernel.Set[T]
	tape     *tape.Rows
	in       []place
	out      place
	at       [4]unsafe.Pointer // of the inputs
	mask     unsafe.Pointer    // or nil
	dst      unsafe.Pointer
	parts    int
	part     func(member, part int)
	row      func(r *rows[T], i int, scratch []T)
	scratch  int // elements
	minusInf []T
	m        *machine
}

func (l *loader[T]) rows(r *tape.Rows) []step {
	if r.Rows == 0 || r.Cols == 0 && r.Kind != tape.CrossEntropy {
		return nil
	}
	s := &rows[T]{k: l.kernels, tape: r, out: newPlace(l.tape, r.Out)}
	for _, in := range r.In {
		s.in = append(s.in, newPlace(l.tape, in))
	}
	cost := 2 + float64(l.kernels.Cost[tape.Exp])
	s.scratch = r.Cols
	switch r.Kind {
	case tape.Softmax:
		s.row = (*rows[T]).softmax
		if r.Mask {
			s.row = (*rows[T]).maskedSoftmax
			s.minusInf = aligned[T](r.Cols)
			fill(s.minusInf, T(math.Inf(-1)))
		}
	case tape.LogSoftmax:
		s.row = (*rows[T]).logSoftmax
	case tape.SoftmaxGrad:
		s.row = (*rows[T]).softmaxGrad
	case tape.LogSoftmaxGrad:
		s.row = (*rows[T]).logSoftmaxGrad
	case tape.CrossEntropy:
		s.row = (*rows[T]).crossEntropy
	case tape.CrossEntropyGrad:
		s.row = (*rows[T]).crossEntropyGrad
	case tape.Argmax:
		s.row = (*rows[T]).argmax
	}
	s.parts = l.parts(cost*float64(r.Rows*r.Cols), r.Rows)
	s.part = s.compute
	l.scratch = max(l.scratch, s.scratch*int(unsafe.Sizeof(T(0))))
	return []step{s}
}

func (r *rows[T]) run(m *machine) error {
	r.m, r.dst, r.mask = m, r.out.in(m), nil
	for i := range r.in {
		r.at[i] = r.in[i].in(m)
	}
	if r.tape.Mask {
		r.mask = r.at[len(r.in)-1]
	}
	if r.tape.Kind == tape.CrossEntropy || r.tape.Kind == tape.CrossEntropyGrad {
		for i, t := range unsafe.Slice((*int32)(r.at[1]), r.tape.Rows) {
			if r.weight(i) != 0 && (t < 0 || int(t) >= r.tape.Cols) {
				return &tape.IndexError{Instr: r.tape.String(), Pos: i, Index: int(t), Rows: r.tape.Cols}
			}
		}
	}
	m.team.do(r.parts, r.part)
	return nil
}

func (r *rows[T]) compute(member, part int) {
	from, to := share(r.tape.Rows, r.parts, part)
	scratch := scratchOf[T](r.m, member, 0, r.scratch)
	for i := from; i < to; i++ {
		r.row(r, i, scratch)
	}
}

// matrix is row i of input k, and result that of the output.
func (r *rows[T]) matrix(k, i int) *T { return offset((*T)(r.at[k]), i*r.tape.Cols) }
func (r *rows[T]) result(i int) *T    { return offset((*T)(r.dst), i*r.tape.Cols) }

// number is element i of input k.
func (r *rows[T]) number(k, i int) T { return *offset((*T)(r.at[k]), i) }
func (r *rows[T]) target(i int) int  { return int(*offset((*int32)(r.at[1]), i)) }

// weight is the mask of row i, 1 without a mask.
func (r *rows[T]) weight(i int) T {
	if r.mask == nil {
		return 1
	}
	return *offset((*T)(r.mask), i)
}

func (r *rows[T]) softmax(i int, _ []T) {
	n, x, y := r.tape.Cols, r.matrix(0, i), r.result(i)
	total := r.k.ExpSum(n, y, x, r.k.Max(n, x))
	r.k.Affine(n, y, y, 1/total, 0)
}

// maskedSoftmax puts -Inf for what the mask hides, which takes it out of the maximum and the sum.
func (r *rows[T]) maskedSoftmax(i int, scratch []T) {
	n, x, y, mask := r.tape.Cols, r.matrix(0, i), r.result(i), r.matrix(1, i)
	where, shown := r.k.Apply[tape.Where], unsafe.SliceData(scratch)
	where(n, shown, mask, x, unsafe.SliceData(r.minusInf))
	total := r.k.ExpSum(n, shown, shown, r.k.Max(n, shown))
	r.k.Affine(n, shown, shown, 1/total, 0)
	clear(unsafe.Slice(y, n))
	where(n, y, mask, shown, y)
}

// logSum returns the largest of x, and ln Σ exp(x - largest). They are not added up, for x - largest is exact
// where x is large.
func (r *rows[T]) logSum(x *T, scratch []T) (largest T, log float64) {
	n := r.tape.Cols
	largest = r.k.Max(n, x)
	return largest, math.Log(float64(r.k.ExpSum(n, unsafe.SliceData(scratch), x, largest)))
}

func (r *rows[T]) logSoftmax(i int, scratch []T) {
	n, x, y := r.tape.Cols, r.matrix(0, i), r.result(i)
	largest, log := r.logSum(x, scratch)
	r.k.Affine(n, y, x, 1, -largest)
	r.k.Affine(n, y, y, 1, T(-log))
}

func (r *rows[T]) softmaxGrad(i int, _ []T) {
	n, y, g, dx := r.tape.Cols, r.matrix(0, i), r.matrix(1, i), r.result(i)
	r.k.Affine(n, dx, g, 1, -r.k.Dot(n, g, y))
	r.k.Apply[tape.Mul](n, dx, dx, y, dx)
}

func (r *rows[T]) logSoftmaxGrad(i int, _ []T) {
	n, y, g, dx := r.tape.Cols, r.matrix(0, i), r.matrix(1, i), r.result(i)
	total := r.k.Sum(n, g)
	r.k.ExpSum(n, dx, y, 0)
	r.k.Affine(n, dx, dx, -total, 0)
	r.k.Apply[tape.Add](n, dx, dx, g, dx)
}

// crossEntropy uses that the q_j sum to 1: with s = ln Σ exp(x) it is (1-ε)·(s - x_t) + ε·mean(s - x).
func (r *rows[T]) crossEntropy(i int, scratch []T) {
	n, x, loss := r.tape.Cols, r.matrix(0, i), offset((*T)(r.dst), i)
	weight, eps := float64(r.weight(i)), r.tape.Smoothing
	if weight == 0 {
		*loss = 0
		return
	}
	largest, log := r.logSum(x, scratch)
	v := (1 - eps) * (log + float64(largest-*offset(x, r.target(i))))
	if eps != 0 {
		below := unsafe.SliceData(scratch)
		r.k.Affine(n, below, x, 1, -largest)
		v += eps * (log - float64(r.k.Sum(n, below))/float64(n))
	}
	*loss = T(v * weight)
}

func (r *rows[T]) crossEntropyGrad(i int, _ []T) {
	n, x, dx := r.tape.Cols, r.matrix(0, i), r.result(i)
	weight, eps := r.weight(i), T(r.tape.Smoothing)
	if weight == 0 {
		clear(unsafe.Slice(dx, n))
		return
	}
	scale := r.number(2, i) * weight
	total := r.k.ExpSum(n, dx, x, r.k.Max(n, x))
	r.k.Affine(n, dx, dx, scale/total, -scale*eps/T(n))
	*offset(dx, r.target(i)) -= scale * (1 - eps)
}

// argmax looks for the first element that equals the largest, or is NaN as that is.
func (r *rows[T]) argmax(i int, _ []T) {
	n, x := r.tape.Cols, r.matrix(0, i)
	largest := r.k.Max(n, x)
	for j, v := range unsafe.Slice(x, n) {
		if v == largest || v != v {
			*offset((*int32)(r.dst), i) = int32(j)
			return
		}
	}
}
