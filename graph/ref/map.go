package ref

import (
	"math"

	"github.com/unroll-ml/unroll/graph/internal/real"
	"github.com/unroll-ml/unroll/graph/tape"
)

// chunk is how many neighbours along the last axis a Map computes at once: a register of its program is that
// many numbers.
const chunk = 256

func (p *program[F]) mapping(m *tape.Map, steps []int) {
	if size(m.Shape) == 0 {
		return
	}
	width, last := 1, len(m.Shape)-1 // of the last axis; a number without axes is one element wide
	if last >= 0 {
		width = m.Shape[last]
	}
	regs := make([][]F, len(m.In)+len(m.Code))
	for r := range regs {
		regs[r] = make([]F, min(chunk, width))
	}
	for index, more := make([]int, len(m.Shape)), true; more; more = next(index, m.Shape, chunk) {
		n, start := 1, 0
		if last >= 0 {
			start = index[last]
			n = min(chunk, width-start)
		}
		for r, o := range m.In {
			p.load(regs[r][:n], o, o.At(steps)+offset(index, o.Strides))
		}
		for k, op := range m.Code {
			dst := regs[len(m.In)+k][:n]
			switch op.Fn {
			case tape.Const:
				fill(dst, F(op.Value))
			case tape.Iota:
				for i := range dst {
					dst[i] = F(index[op.Axis])
					if op.Axis == last {
						dst[i] = F(start + i)
					}
				}
			default:
				var args [3][]F
				for i := range op.Fn.Arity() {
					args[i] = regs[op.Args[i]][:n]
				}
				apply(op.Fn, dst, args[0], args[1], args[2])
			}
		}
		for i, o := range m.Out {
			p.store(o, o.At(steps)+offset(index, o.Strides), regs[m.Result[i]][:n])
		}
	}
}

// lastStride is the distance of neighbours along the last axis.
func lastStride(o tape.Operand) int {
	if len(o.Strides) == 0 {
		return 0
	}
	return o.Strides[len(o.Strides)-1]
}

func (p *program[F]) load(dst []F, o tape.Operand, at int) {
	stride := lastStride(o)
	if p.arena.dtype(o.Buf) == tape.Int32 {
		src := whole[int32](p.arena, o.Buf)
		for i := range dst {
			dst[i] = F(src[at+i*stride])
		}
		return
	}
	src := whole[F](p.arena, o.Buf)
	for i := range dst {
		dst[i] = src[at+i*stride]
	}
}

func (p *program[F]) store(o tape.Operand, at int, src []F) {
	stride := lastStride(o)
	if p.arena.dtype(o.Buf) == tape.Int32 {
		dst := whole[int32](p.arena, o.Buf)
		for i, x := range src {
			dst[at+i*stride] = int32(x)
		}
		return
	}
	dst := whole[F](p.arena, o.Buf)
	for i, x := range src {
		dst[at+i*stride] = x
	}
}

// apply computes dst[i] = fn(x[i], y[i], z[i]).
func apply[F float](fn tape.Fn, dst, x, y, z []F) {
	switch fn {
	case tape.Id:
		copy(dst, x)
	case tape.Neg:
		for i := range dst {
			dst[i] = -x[i]
		}
	case tape.Abs:
		unary(dst, x, math.Abs)
	case tape.Sign:
		unary(dst, x, sign)
	case tape.Floor:
		unary(dst, x, math.Floor)
	case tape.Ceil:
		unary(dst, x, math.Ceil)
	case tape.Sqrt:
		unary(dst, x, math.Sqrt)
	case tape.Exp:
		unary(dst, x, real.Exp)
	case tape.Log:
		unary(dst, x, real.Log)
	case tape.Log1p:
		unary(dst, x, math.Log1p)
	case tape.Expm1:
		unary(dst, x, math.Expm1)
	case tape.Sin:
		unary(dst, x, math.Sin)
	case tape.Cos:
		unary(dst, x, math.Cos)
	case tape.Tanh:
		unary(dst, x, math.Tanh)
	case tape.Sigmoid:
		unary(dst, x, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })
	case tape.Add:
		for i := range dst {
			dst[i] = x[i] + y[i]
		}
	case tape.Sub:
		for i := range dst {
			dst[i] = x[i] - y[i]
		}
	case tape.Mul:
		for i := range dst {
			dst[i] = x[i] * y[i]
		}
	case tape.Div:
		for i := range dst {
			dst[i] = x[i] / y[i]
		}
	case tape.Pow:
		for i := range dst {
			dst[i] = F(real.Pow(float64(x[i]), float64(y[i])))
		}
	case tape.Max:
		for i := range dst {
			dst[i] = max(x[i], y[i])
		}
	case tape.Min:
		for i := range dst {
			dst[i] = min(x[i], y[i])
		}
	case tape.Lt:
		compare(dst, x, y, func(x, y F) bool { return x < y })
	case tape.Le:
		compare(dst, x, y, func(x, y F) bool { return x <= y })
	case tape.Eq:
		compare(dst, x, y, func(x, y F) bool { return x == y })
	case tape.Ne:
		compare(dst, x, y, func(x, y F) bool { return x != y })
	case tape.Where:
		for i := range dst {
			if x[i] != 0 {
				dst[i] = y[i]
			} else {
				dst[i] = z[i]
			}
		}
	}
}

func unary[F float](dst, x []F, f func(float64) float64) {
	for i := range dst {
		dst[i] = F(f(float64(x[i])))
	}
}

func compare[F float](dst, x, y []F, f func(x, y F) bool) {
	for i := range dst {
		dst[i] = 0
		if f(x[i], y[i]) {
			dst[i] = 1
		}
	}
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x // 0 or NaN
}
