package kernel

import (
	"math"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Float64 is the kernels for float64: portable on every machine.
func Float64() *Set[float64] { return &portable64 }

var (
	portable32 = portable[float32]()
	portable64 = portable[float64]()
)

func portable[T Float]() Set[T] {
	s := Set[T]{
		Path: Portable,
		Tile: tile[T], MR: 4, NR: 4,
		Row: row[T], RowPanels: 1,
		Pack:      pack[T],
		Transpose: transpose[T],
		Draw:      draw[T],
		Affine:    affine[T],
		ExpSum:    expSum[T],
		Sum:       sum[T],
		Dot:       dot[T],
		Max:       maxOf[T],
		Flops:     4,
	}
	for _, f := range tape.Fns() {
		s.Apply[f] = apply[T](f)
		switch s.Cost[f] = 0.5; f {
		case tape.Exp, tape.Log, tape.Sigmoid:
			s.Cost[f] = 7
		case tape.Tanh, tape.Log1p, tape.Expm1, tape.Sin, tape.Cos, tape.Pow:
			s.Cost[f] = 20
		}
	}
	return s
}

// apply is the loop for f.
func apply[T Float](f tape.Fn) func(n int, dst, x, y, z *T) {
	switch f {
	case tape.Id:
		return func(n int, dst, x, _, _ *T) { copy(vec(dst, n), vec(x, n)) }
	case tape.Neg:
		return unary(func(x T) T { return -x })
	case tape.Sign:
		return unary(sign[T])
	case tape.Add:
		return func(n int, dst, x, y, _ *T) {
			d, b := vec(dst, n), vec(y, n)
			for i, a := range vec(x, n) {
				d[i] = a + b[i]
			}
		}
	case tape.Sub:
		return func(n int, dst, x, y, _ *T) {
			d, b := vec(dst, n), vec(y, n)
			for i, a := range vec(x, n) {
				d[i] = a - b[i]
			}
		}
	case tape.Mul:
		return func(n int, dst, x, y, _ *T) {
			d, b := vec(dst, n), vec(y, n)
			for i, a := range vec(x, n) {
				d[i] = a * b[i]
			}
		}
	case tape.Div:
		return func(n int, dst, x, y, _ *T) {
			d, b := vec(dst, n), vec(y, n)
			for i, a := range vec(x, n) {
				d[i] = a / b[i]
			}
		}
	case tape.Max:
		return binary(func(x, y T) T { return max(x, y) })
	case tape.Min:
		return binary(func(x, y T) T { return min(x, y) })
	case tape.Lt:
		return binary(func(x, y T) T { return truth[T](x < y) })
	case tape.Le:
		return binary(func(x, y T) T { return truth[T](x <= y) })
	case tape.Eq:
		return binary(func(x, y T) T { return truth[T](x == y) })
	case tape.Ne:
		return binary(func(x, y T) T { return truth[T](x != y) })
	case tape.Where:
		return func(n int, dst, x, y, z *T) {
			d, a, b := vec(dst, n), vec(y, n), vec(z, n)
			for i, c := range vec(x, n) {
				if c != 0 {
					d[i] = a[i]
				} else {
					d[i] = b[i]
				}
			}
		}
	}
	switch f.Arity() { // all others are computed in float64, and rounded
	case 1:
		return unary(func(x T) T { return T(f.Of(float64(x), 0, 0)) })
	case 2:
		return binary(func(x, y T) T { return T(f.Of(float64(x), float64(y), 0)) })
	}
	return nil
}

func unary[T Float](f func(T) T) func(n int, dst, x, y, z *T) {
	return func(n int, dst, x, _, _ *T) {
		d := vec(dst, n)
		for i, a := range vec(x, n) {
			d[i] = f(a)
		}
	}
}

func binary[T Float](f func(x, y T) T) func(n int, dst, x, y, z *T) {
	return func(n int, dst, x, y, _ *T) {
		d, b := vec(dst, n), vec(y, n)
		for i, a := range vec(x, n) {
			d[i] = f(a, b[i])
		}
	}
}

func sign[T Float](x T) T {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x // 0 or NaN
}

func truth[T Float](b bool) T {
	if b {
		return 1
	}
	return 0
}

func affine[T Float](n int, dst, x *T, scale, shift T) {
	d := vec(dst, n)
	for i, a := range vec(x, n) {
		d[i] = a*scale + shift
	}
}

func expSum[T Float](n int, dst, x *T, shift T) T {
	d, total := vec(dst, n), T(0)
	for i, a := range vec(x, n) {
		d[i] = T(math.Exp(float64(a - shift)))
		total += d[i]
	}
	return total
}

func sum[T Float](n int, x *T) T {
	total := T(0)
	for _, a := range vec(x, n) {
		total += a
	}
	return total
}

func dot[T Float](n int, x, y *T) T {
	total, b := T(0), vec(y, n)
	for i, a := range vec(x, n) {
		total += a * b[i]
	}
	return total
}

func maxOf[T Float](n int, x *T) T {
	m := inf[T](-1)
	for _, a := range vec(x, n) {
		m = max(m, a)
	}
	return m
}

func pack[T Float](dst *T, width, n, k int, src *T, srcI, srcK int) {
	if k == 0 || n == 0 {
		return
	}
	d, s := vec(dst, k*width), vec(src, (n-1)*srcI+(k-1)*srcK+1)
	for p := range k {
		row := d[p*width:][:width]
		for i := range n {
			row[i] = s[i*srcI+p*srcK]
		}
		clear(row[n:])
	}
}

func transpose[T Float](n, k int, dst *T, dstP int, src *T, srcI int) {
	if n == 0 || k == 0 {
		return
	}
	d, s := vec(dst, (k-1)*dstP+n), vec(src, (n-1)*srcI+k)
	const block = 16 // rows and columns of both that stay in the first cache
	for p0 := 0; p0 < k; p0 += block {
		for i := range n {
			row := s[i*srcI:]
			for p := p0; p < min(k, p0+block); p++ {
				d[p*dstP+i] = row[p]
			}
		}
	}
}

func draw[T Float](n int, dst *T, block, stream uint32, key *[4]int32) {
	for row := vec(dst, n); len(row) > 0; block++ {
		words := tape.Philox(
			[4]uint32{block, stream, uint32(key[2]), uint32(key[3])},
			[2]uint32{uint32(key[0]), uint32(key[1])})
		some := row[:min(4, len(row))]
		for i := range some {
			some[i] = T(tape.Uniform(words[i]))
		}
		row = row[len(some):]
	}
}
