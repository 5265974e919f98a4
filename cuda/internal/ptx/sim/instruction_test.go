package sim_test

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// Each instruction beside the arithmetic of Go, on numbers at which either could go wrong and on random ones.
// What Go computes is converted to the bits of a register of type ptx.Type; all NaN are one.

type operands [3]uint64

// edges are the bits of numbers of a type.
func edges(typ ptx.Type) []uint64 {
	var xs []uint64
	switch typ {
	case ptx.F32:
		for _, x := range special[float32]() {
			xs = append(xs, uint64(math.Float32bits(x)))
		}
		for _, x := range []float32{
			0.5, 1.5, 2.5, -0.5, 8388609, 16777217, 2147483520, 2147483648, 4294967040, 4294967296, 9.223372e18, 1.8446744e19,
		} {
			xs = append(xs, uint64(math.Float32bits(x)))
		}
	case ptx.F64:
		for _, x := range special[float64]() {
			xs = append(xs, math.Float64bits(x))
		}
		for _, x := range []float64{0.5, 1.5, 2.5, -0.5, 2147483647.5, -2147483648.5, 4294967295.5, 1 << 53, 1 << 63,
			-1 << 63, 1 << 64, 3.4028235e38, 3.4028236e38, 1e-45} {
			xs = append(xs, math.Float64bits(x))
		}
	default:
		for _, x := range []uint64{0, 1, 2, 3, 5, 7, 31, 32, 33, 63, 64, 100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 1<<31 - 1,
			1 << 31, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63} {
			xs = append(xs, x, -x, ^x)
		}
	}
	r := rand.New(rand.NewPCG(1, uint64(typ)))
	for range 40 {
		switch x := r.Uint64(); typ {
		case ptx.F32:
			xs = append(xs, uint64(math.Float32bits(float32(r.NormFloat64()*math.Exp(10*r.NormFloat64())))), x&0xFFFFFFFF)
		case ptx.F64:
			xs = append(xs, math.Float64bits(r.NormFloat64()*math.Exp(10*r.NormFloat64())), x)
		default:
			xs = append(xs, x, x>>r.IntN(64))
		}
	}
	if typ.Size() == 4 {
		for i := range xs {
			xs[i] = uint64(uint32(xs[i]))
		}
	}
	return xs
}

// combine makes n operands of each type: all pairs, or as many triples.
func combine(types []ptx.Type) []operands {
	var all []operands
	switch a := edges(types[0]); len(types) {
	case 1:
		for _, x := range a {
			all = append(all, operands{x})
		}
	default:
		b, c := edges(types[1]), edges(types[len(types)-1])
		for i, x := range a {
			for j, y := range b {
				all = append(all, operands{x, y, c[(7*i+13*j)%len(c)]})
			}
		}
	}
	return all
}

// check runs an instruction on many operands and compares.
func check(
	t *testing.T, name string, types []ptx.Type, write func(b *ptx.Builder, x []ptx.Value) ptx.Value,
	want func(x operands) uint64,
) {
	t.Helper()
	var result ptx.Type
	f := kernel(t, func(b *ptx.Builder) {
		n, in, out := b.Param("n", ptx.S64), b.Pointer("in"), b.Pointer("out")
		b.GridStride(n, func(i ptx.Value) {
			at := b.At(in, i, 24)
			var xs []ptx.Value
			for k, typ := range types {
				xs = append(xs, b.Load(typ, at, 8*k))
			}
			y := write(b, xs)
			if y.Type() == ptx.Pred {
				y = b.Convert(ptx.U32, y)
			}
			result = y.Type()
			b.Store(b.At(out, i, 8), 0, y)
		})
	})
	all := combine(types)
	m := memory()
	in, out := upload(t, m, all), upload(t, m, make([]uint64, len(all)))
	if _, err := f.Launch(&sim.Launch{Grid: line(3), Block: line(64), Args: []uint64{uint64(len(all)), in, out},
		Memory: m}); err != nil {
		t.Fatal(err)
	}
	bad := 0
	for i, got := range download[uint64](t, m, out, len(all)) {
		if w := want(all[i]); !same(result, got, w) {
			t.Errorf("%s of %v: %s = %s, want %s", name, types, show(types, all[i]), text(result, got), text(result, w))
			if bad++; bad > 5 {
				return
			}
		}
	}
}

func same(typ ptx.Type, a, b uint64) bool {
	switch typ {
	case ptx.F32:
		x, y := math.Float32frombits(uint32(a)), math.Float32frombits(uint32(b))
		return uint32(a) == uint32(b) || x != x && y != y
	case ptx.F64:
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		return a == b || x != x && y != y
	}
	if typ.Size() == 4 {
		return uint32(a) == uint32(b)
	}
	return a == b
}

func text(typ ptx.Type, x uint64) string {
	switch typ {
	case ptx.F32:
		return fmt.Sprint(math.Float32frombits(uint32(x)))
	case ptx.F64:
		return fmt.Sprint(math.Float64frombits(x))
	}
	return fmt.Sprintf("%#x", x)
}

func show(types []ptx.Type, x operands) string {
	s := ""
	for i, typ := range types {
		s += text(typ, x[i]) + " "
	}
	return s
}

// Operations on integers are computed in 64 bits and cut to the width of the type.
func TestIntegers(t *testing.T) {
	for _, typ := range []ptx.Type{ptx.U32, ptx.S32, ptx.U64, ptx.S64} {
		width := uint(8 * typ.Size())
		signed := typ == ptx.S32 || typ == ptx.S64
		ext := func(x uint64) int64 { return int64(x<<(64-width)) >> (64 - width) } // with the sign
		zext := func(x uint64) uint64 { return x << (64 - width) >> (64 - width) }
		less := func(x, y uint64) bool {
			if signed {
				return ext(x) < ext(y)
			}
			return zext(x) < zext(y)
		}
		binary := func(name string, write func(b *ptx.Builder, x, y ptx.Value) ptx.Value, want func(x, y uint64) uint64) {
			check(t, name, []ptx.Type{typ, typ}, func(b *ptx.Builder, x []ptx.Value) ptx.Value { return write(b, x[0], x[1]) },
				func(x operands) uint64 { return want(x[0], x[1]) })
		}
		binary("add", (*ptx.Builder).Add, func(x, y uint64) uint64 { return x + y })
		binary("sub", (*ptx.Builder).Sub, func(x, y uint64) uint64 { return x - y })
		binary("mul", (*ptx.Builder).Mul, func(x, y uint64) uint64 { return x * y })
		binary("and", (*ptx.Builder).And, func(x, y uint64) uint64 { return x & y })
		binary("or", (*ptx.Builder).Or, func(x, y uint64) uint64 { return x | y })
		binary("xor", (*ptx.Builder).Xor, func(x, y uint64) uint64 { return x ^ y })
		choose := func(p bool, x, y uint64) uint64 {
			if p {
				return x
			}
			return y
		}
		binary("min", (*ptx.Builder).Min, func(x, y uint64) uint64 { return choose(less(x, y), x, y) })
		binary("max", (*ptx.Builder).Max, func(x, y uint64) uint64 { return choose(less(x, y), y, x) })
		binary("lt", (*ptx.Builder).Lt, func(x, y uint64) uint64 { return choose(less(x, y), 1, 0) })
		binary("le", (*ptx.Builder).Le, func(x, y uint64) uint64 { return choose(less(y, x), 0, 1) })
		binary("gt", (*ptx.Builder).Gt, func(x, y uint64) uint64 { return choose(less(y, x), 1, 0) })
		binary("ge", (*ptx.Builder).Ge, func(x, y uint64) uint64 { return choose(less(x, y), 0, 1) })
		binary("eq", (*ptx.Builder).Eq, func(x, y uint64) uint64 { return choose(x == y, 1, 0) })
		binary("ne", (*ptx.Builder).Ne, func(x, y uint64) uint64 { return choose(x == y, 0, 1) })
		notZero := func(op func(b *ptx.Builder, x, y ptx.Value) ptx.Value) func(b *ptx.Builder, x, y ptx.Value) ptx.Value {
			return func(b *ptx.Builder, x, y ptx.Value) ptx.Value { return op(b, x, b.Max(y, ptx.Int(1))) }
		}
		quotient := func(x, y uint64) (uint64, uint64) {
			if signed {
				d := max(ext(y), 1)
				return uint64(ext(x) / d), uint64(ext(x) % d)
			}
			d := max(zext(y), 1)
			return zext(x) / d, zext(x) % d
		}
		binary("div", notZero((*ptx.Builder).Div), func(x, y uint64) uint64 { q, _ := quotient(x, y); return q })
		binary("rem", notZero((*ptx.Builder).Rem), func(x, y uint64) uint64 { _, r := quotient(x, y); return r })
		binary("mul.hi", (*ptx.Builder).MulHi, func(x, y uint64) uint64 {
			p, q := new(big.Int).SetUint64(zext(x)), new(big.Int).SetUint64(zext(y))
			if signed {
				p, q = big.NewInt(ext(x)), big.NewInt(ext(y))
			}
			p.Rsh(p.Mul(p, q), width)
			return new(big.Int).And(p, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
		})
		check(t, "mad", []ptx.Type{typ, typ, typ},
			func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Mad(x[0], x[1], x[2]) },
			func(x operands) uint64 { return x[0]*x[1] + x[2] })
		check(t, "not", []ptx.Type{typ}, func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Not(x[0]) },
			func(x operands) uint64 { return ^x[0] })
		check(t, "shl", []ptx.Type{typ, ptx.U32}, func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Shl(x[0], x[1]) },
			func(x operands) uint64 { return zext(x[0]) << uint32(x[1]) })
		check(t, "shr", []ptx.Type{typ, ptx.U32}, func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Shr(x[0], x[1]) },
			func(x operands) uint64 {
				if signed {
					return uint64(ext(x[0]) >> uint32(x[1]))
				}
				return zext(x[0]) >> uint32(x[1])
			})
		check(t, "selp", []ptx.Type{typ, typ},
			func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Select(b.Lt(x[0], ptx.Int(5)), x[0], x[1]) },
			func(x operands) uint64 { return choose(less(x[0], 5), x[0], x[1]) })
		if signed {
			check(t, "neg", []ptx.Type{typ}, func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Neg(x[0]) },
				func(x operands) uint64 { return -x[0] })
			check(t, "abs", []ptx.Type{typ}, func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Abs(x[0]) },
				func(x operands) uint64 { return choose(ext(x[0]) < 0, -x[0], x[0]) })
		}
		if width == 32 {
			full := func(x uint64) uint64 {
				if signed {
					return uint64(ext(x))
				}
				return zext(x)
			}
			binary("mul.wide", (*ptx.Builder).MulWide, func(x, y uint64) uint64 { return full(x) * full(y) })
			z := map[bool]ptx.Type{false: ptx.U64, true: ptx.S64}[signed]
			check(t, "mad.wide", []ptx.Type{typ, typ, z},
				func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.MadWide(x[0], x[1], x[2]) },
				func(x operands) uint64 { return full(x[0])*full(x[1]) + x[2] })
		} else {
			check(t, "halves", []ptx.Type{typ}, func(b *ptx.Builder, x []ptx.Value) ptx.Value {
				lo, hi := b.Split(x[0])
				return b.Join(ptx.U64, hi, lo)
			}, func(x operands) uint64 { return bits.RotateLeft64(x[0], 32) })
		}
		for _, to := range []ptx.Type{ptx.U32, ptx.S32, ptx.U64, ptx.S64} {
			check(t, "cvt to "+to.String(), []ptx.Type{typ},
				func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Convert(to, x[0]) },
				func(x operands) uint64 {
					if signed {
						return uint64(ext(x[0]))
					}
					return zext(x[0])
				})
		}
		check(t, "cvt to f32", []ptx.Type{typ},
			func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Convert(ptx.F32, x[0]) },
			func(x operands) uint64 {
				if signed {
					return uint64(math.Float32bits(float32(ext(x[0]))))
				}
				return uint64(math.Float32bits(float32(zext(x[0]))))
			})
		check(t, "cvt to f64", []ptx.Type{typ},
			func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Convert(ptx.F64, x[0]) },
			func(x operands) uint64 {
				if signed {
					return math.Float64bits(float64(ext(x[0])))
				}
				return math.Float64bits(float64(zext(x[0])))
			})
	}
}

func truth(p bool) uint64 {
	if p {
		return 1
	}
	return 0
}

func TestFloats(t *testing.T) {
	t.Run("f32", func(t *testing.T) {
		floats(t, ptx.F32, func(x uint64) float32 { return math.Float32frombits(uint32(x)) },
			func(x float32) uint64 { return uint64(math.Float32bits(x)) })
	})
	t.Run("f64", func(t *testing.T) { floats(t, ptx.F64, math.Float64frombits, math.Float64bits) })
}

func floats[F float32 | float64](t *testing.T, typ ptx.Type, f func(uint64) F, bits func(F) uint64) {
	binary := func(name string, write func(b *ptx.Builder, x, y ptx.Value) ptx.Value, want func(x, y F) F) {
		check(t, name, []ptx.Type{typ, typ}, func(b *ptx.Builder, x []ptx.Value) ptx.Value { return write(b, x[0], x[1]) },
			func(x operands) uint64 { return bits(want(f(x[0]), f(x[1]))) })
	}
	binary("add", (*ptx.Builder).Add, func(x, y F) F { return x + y })
	binary("sub", (*ptx.Builder).Sub, func(x, y F) F { return x - y })
	binary("mul", (*ptx.Builder).Mul, func(x, y F) F { return x * y })
	binary("div", (*ptx.Builder).Div, func(x, y F) F { return x / y })
	number := func(x, y, z F) F { // z, but the other where one of x and y is NaN
		if x != x {
			return y
		}
		if y != y {
			return x
		}
		return z
	}
	binary("min", (*ptx.Builder).Min, func(x, y F) F { return number(x, y, min(x, y)) })
	binary("max", (*ptx.Builder).Max, func(x, y F) F { return number(x, y, max(x, y)) })
	binary("min.NaN", (*ptx.Builder).MinNaN, func(x, y F) F { return min(x, y) })
	binary("max.NaN", (*ptx.Builder).MaxNaN, func(x, y F) F { return max(x, y) })
	binary("copysign", (*ptx.Builder).Copysign, func(x, y F) F { return F(math.Copysign(float64(x), float64(y))) })
	check(t, "fma", []ptx.Type{typ, typ, typ},
		func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Fma(x[0], x[1], x[2]) },
		func(x operands) uint64 { return bits(exactFMA(f(x[0]), f(x[1]), f(x[2]))) })

	for c, want := range map[ptx.Condition]func(x, y F) bool{
		ptx.LT: func(x, y F) bool { return x < y }, ptx.LE: func(x, y F) bool { return x <= y },
		ptx.GT: func(x, y F) bool { return x > y }, ptx.GE: func(x, y F) bool { return x >= y },
		ptx.EQ: func(x, y F) bool { return x == y }, ptx.NE: func(x, y F) bool { return x != y },
		ptx.LTU: func(x, y F) bool { return !(x >= y) }, ptx.LEU: func(x, y F) bool { return !(x > y) },
		ptx.GTU: func(x, y F) bool { return !(x <= y) }, ptx.GEU: func(x, y F) bool { return !(x < y) },
		ptx.EQU:       func(x, y F) bool { return x == y || x != x || y != y },
		ptx.Ordered:   func(x, y F) bool { return x == x && y == y },
		ptx.Unordered: func(x, y F) bool { return x != x || y != y },
	} {
		check(t, string(c), []ptx.Type{typ, typ},
			func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Compare(c, x[0], x[1]) },
			func(x operands) uint64 { return truth(want(f(x[0]), f(x[1]))) })
	}
	unary := func(name string, write func(b *ptx.Builder, x ptx.Value) ptx.Value, want func(x float64) float64) {
		check(t, name, []ptx.Type{typ}, func(b *ptx.Builder, x []ptx.Value) ptx.Value { return write(b, x[0]) },
			func(x operands) uint64 { return bits(F(want(float64(f(x[0]))))) })
	}
	unary("neg", (*ptx.Builder).Neg, func(x float64) float64 { return -x })
	unary("abs", (*ptx.Builder).Abs, math.Abs)
	unary("sqrt", (*ptx.Builder).Sqrt, math.Sqrt)
	unary("rcp", (*ptx.Builder).Rcp, func(x float64) float64 { return 1 / x })
	unary("floor", (*ptx.Builder).Floor, math.Floor)
	unary("ceil", (*ptx.Builder).Ceil, math.Ceil)
	unary("round", (*ptx.Builder).Round, math.RoundToEven)
	unary("trunc", (*ptx.Builder).Trunc, math.Trunc)

	for _, to := range []ptx.Type{ptx.U32, ptx.S32, ptx.U64, ptx.S64} {
		width := 8 * to.Size()
		lo, hi := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), uint(width))
		if to == ptx.S32 || to == ptx.S64 {
			hi.Rsh(hi, 1)
			lo.Neg(hi)
		}
		hi.Sub(hi, big.NewInt(1))
		check(t, "cvt to "+to.String(), []ptx.Type{typ},
			func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Convert(to, x[0]) },
			func(x operands) uint64 {
				v := float64(f(x[0]))
				n := new(big.Int)
				switch {
				case v != v: // as PTX ISA 9.0 has it
					if to.Size() == 8 || typ.Size() == 8 {
						n.Lsh(big.NewInt(1), uint(width-1))
					}
				case math.IsInf(v, 1):
					n = hi
				case math.IsInf(v, -1):
					n = lo
				default:
					big.NewFloat(v).Int(n)
					if n.Cmp(lo) < 0 {
						n = lo
					}
					if n.Cmp(hi) > 0 {
						n = hi
					}
				}
				if n.Sign() < 0 {
					return uint64(n.Int64())
				}
				return n.Uint64()
			})
	}
	for _, to := range []ptx.Type{ptx.F32, ptx.F64} {
		check(t, "cvt to "+to.String(), []ptx.Type{typ},
			func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Convert(to, x[0]) },
			func(x operands) uint64 {
				v := float64(f(x[0]))
				if to == ptx.F32 {
					return uint64(math.Float32bits(float32(v)))
				}
				return math.Float64bits(v)
			})
	}
	integer := map[ptx.Type]ptx.Type{ptx.F32: ptx.S32, ptx.F64: ptx.U64}[typ]
	check(t, "bits", []ptx.Type{typ}, func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.Bits(integer, x[0]) },
		func(x operands) uint64 { return x[0] })
}

// exactFMA is x*y + z rounded once, in arithmetic of any precision where that is finite.
func exactFMA[F float32 | float64](x, y, z F) F {
	rough := float64(x)*float64(y) + float64(z)
	if math.IsInf(float64(z), 0) && !math.IsInf(float64(x), 0) && !math.IsInf(float64(y), 0) && x == x && y == y {
		return z // whose sum with a finite product it is, however large
	}
	if math.IsInf(float64(x), 0) || math.IsInf(float64(y), 0) || math.IsInf(float64(z), 0) || rough != rough ||
		x == 0 || y == 0 {
		return F(rough)
	}
	exact := func(v F) *big.Float { return new(big.Float).SetPrec(4000).SetFloat64(float64(v)) }
	sum := exact(x)
	sum.Mul(sum, exact(y)).Add(sum, exact(z))
	if sum.Sign() == 0 {
		return F(rough)
	}
	if _, single := any(x).(float32); single {
		r, _ := sum.Float32()
		return F(r)
	}
	r, _ := sum.Float64()
	return F(r)
}

// The .approx instructions err, and by no more than they may: relatively, or absolutely for logarithms near 0.
func TestApproximations(t *testing.T) {
	for _, c := range []struct {
		name   string
		write  func(b *ptx.Builder, x ptx.Value) ptx.Value
		want   func(x float64) float64
		lo, hi float64
		tol    float64
		scale  func(y float64) float64
	}{
		{"rcp", (*ptx.Builder).RcpApprox, func(x float64) float64 { return 1 / x }, -100, 100, 0x1.8p-23, math.Abs},
		{"ex2", (*ptx.Builder).Ex2, math.Exp2, -100, 100, 0x1p-22, math.Abs},
		{"lg2", (*ptx.Builder).Lg2, math.Log2, 2, 1000, 0x1p-22, math.Abs},
		{"lg2", (*ptx.Builder).Lg2, math.Log2, 0.5, 2, 0x1p-22, func(float64) float64 { return 1 }},
	} {
		f := kernel(t, func(b *ptx.Builder) {
			n, p := b.Param("n", ptx.S64), b.Pointer("p")
			b.GridStride(n, func(i ptx.Value) {
				at := b.At(p, i, 4)
				b.Store(at, 0, c.write(b, b.Load(ptx.F32, at, 0)))
			})
		})
		xs := make([]float32, 2000)
		for i := range xs {
			xs[i] = float32(c.lo + (c.hi-c.lo)*(float64(i)+0.5)/float64(len(xs)))
		}
		m := memory()
		p := upload(t, m, xs)
		if _, err := f.Launch(&sim.Launch{Grid: line(2), Block: line(32), Args: []uint64{uint64(len(xs)), p},
			Memory: m}); err != nil {
			t.Fatal(err)
		}
		worst, exact := 0., 0
		for i, y := range download[float32](t, m, p, len(xs)) {
			want := c.want(float64(xs[i]))
			worst = max(worst, math.Abs(float64(y)-want)/c.scale(want))
			if y == float32(want) {
				exact++
			}
		}
		if worst > c.tol || worst < c.tol/3 || exact > len(xs)/2 {
			t.Errorf("%s errs by %.3g, want at most %.3g and not much less; %d of %d are exact", c.name, worst, c.tol,
				exact, len(xs))
		}
	}
}

// Rounding to bfloat16 is to the nearest, to even where two are.
func TestRoundBF16(t *testing.T) {
	check(t, "bf16", []ptx.Type{ptx.F32}, func(b *ptx.Builder, x []ptx.Value) ptx.Value { return b.RoundBF16(x[0]) },
		func(x operands) uint64 {
			v := math.Float32frombits(uint32(x[0]))
			if v != v {
				return 0x7FFF
			}
			// A bfloat16 is the upper half of a float32: the candidates are the one below v in magnitude and the next.
			down := uint32(x[0]) &^ 0xFFFF
			up := down + 0x10000
			below, above := math.Float32frombits(down), float64(math.Float32frombits(up))
			if math.IsInf(float64(v), 0) {
				return uint64(down >> 16)
			}
			if math.IsInf(above, 0) {
				above = math.Copysign(0x1p128, float64(v)) // where the next number would be
			}
			low, high := math.Abs(float64(v)-float64(below)), math.Abs(above-float64(v))
			if low > high || low == high && down>>16&1 == 1 {
				down = up
			}
			return uint64(down >> 16)
		})
}

// Memory: every width and every vector, with offsets, and 2 bytes alone.
func TestLoadsAndStores(t *testing.T) {
	f := kernel(t, func(b *ptx.Builder) {
		in, out := b.Pointer("in"), b.Pointer("out")
		v4 := b.LoadVector(ptx.U32, 4, in, 16)
		b.Store(out, 0, v4[3], v4[2], v4[1], v4[0])
		v2 := b.LoadVector(ptx.F64, 2, in, 32)
		b.Store(out, 16, v2[1], v2[0])
		b.Store(out, 32, b.Load(ptx.U64, in, 8))
		b.Store(out, 40, b.Load(ptx.F32, in, 4), b.Load(ptx.F32, in, 0))
		b.Store16(out, 48, b.Load16(in, 50))
		b.Store16(out, 50, b.Load16(in, 48))
		b.Store(out, 52, b.Load(ptx.S32, b.At(in, ptx.Int(3), 4), -12))
		shared := b.Shared(ptx.F64, 4)
		b.Store(shared, 8, b.Load(ptx.F64, in, 0))
		b.Store(shared, 16, v2...)
		b.Store(out, 56, b.Load(ptx.F64, shared, 8))
		b.Store(out, 64, b.LoadVector(ptx.F64, 2, shared, 16)...)
	})
	in := make([]uint16, 32)
	for i := range in {
		in[i] = uint16(i)
	}
	m := memory()
	p, q := upload(t, m, in), upload(t, m, make([]uint16, 40))
	if _, err := f.Launch(&sim.Launch{Grid: line(1), Block: line(1), Args: []uint64{p, q}, Memory: m}); err != nil {
		t.Fatal(err)
	}
	want := []uint16{14, 15, 12, 13, 10, 11, 8, 9, 20, 21, 22, 23, 16, 17, 18, 19, 4, 5, 6, 7, 2, 3, 0, 1, 25, 24, 0, 1,
		0, 1, 2, 3, 16, 17, 18, 19, 20, 21, 22, 23}
	if got := download[uint16](t, m, q, 40); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
