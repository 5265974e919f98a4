package ptx_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/graph/tape"
)

var update = flag.Bool("update", false, "write testdata anew")

// golden compares text with a file. ptxas.sh compiles these files.
func golden(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s is not what is written now: look at the difference that go test -update makes, and compile "+
			"it with ptxas.sh", file)
	}
}

// numeric are the types of numbers.
var numeric = []ptx.Type{ptx.U32, ptx.S32, ptx.U64, ptx.S64, ptx.F32, ptx.F64}

// everyInstruction writes each instruction that a Builder has, in each type that it has it for.
func everyInstruction(b *ptx.Builder) {
	p := b.Pointer("p")
	n := b.Param("n", ptx.S64)
	b.Param("x", ptx.F64)
	at := 0
	keep := func(xs ...ptx.Value) {
		for _, x := range xs {
			if x.Type() == ptx.Pred {
				x = b.Convert(ptx.U32, x)
			}
			b.Store(p, at, x)
			at += 8
		}
	}
	for _, t := range numeric {
		b.Comment("%v", t)
		x, y, z := b.Load(t, p, 0), b.Load(t, p, 8), b.Load(t, p, -16)
		keep(b.Add(x, y), b.Sub(x, y), b.Mul(x, ptx.Int(3)), b.Div(x, y), b.Min(x, y), b.Max(ptx.Int(1), y))
		for _, c := range []ptx.Condition{ptx.LT, ptx.LE, ptx.GT, ptx.GE, ptx.EQ, ptx.NE} {
			keep(b.Compare(c, x, y))
		}
		keep(b.Select(b.Lt(x, y), x, t.Int(7)))
		if t.IsFloat() {
			keep(b.Fma(x, y, z), b.Fma(x, ptx.Num(0.1), ptx.Num(-2)), b.Sqrt(x), b.Rcp(x), b.Neg(x), b.Abs(x), b.MinNaN(x, y),
				b.MaxNaN(x, y))
			keep(b.Copysign(x, y), b.Floor(x), b.Ceil(x), b.Round(x), b.Trunc(x), b.IsNaN(x))
			for _, c := range []ptx.Condition{ptx.LTU, ptx.LEU, ptx.GTU, ptx.GEU, ptx.EQU, ptx.Ordered, ptx.Unordered} {
				keep(b.Compare(c, x, y))
			}
		} else {
			keep(b.Rem(x, y), b.MulHi(x, y), b.Mad(x, y, z), b.And(x, y), b.Or(x, y), b.Xor(x, y), b.Not(x),
				b.Shl(x, ptx.Int(3)), b.Shr(x, ptx.Int(3)))
			b.AtomicMin(p, 8, x)
		}
		if t == ptx.F32 {
			keep(b.RcpApprox(x), b.Ex2(x), b.Lg2(x), b.RoundBF16(x))
		}
		if t == ptx.U32 || t == ptx.S32 {
			keep(b.MulWide(x, y), b.MulWide(x, ptx.Int(12)), b.MadWide(x, ptx.Int(4), b.MulWide(x, x)),
				b.Shl(x, b.And(y, ptx.Int(7))))
		}
		for _, u := range numeric {
			keep(b.Convert(u, x))
			if u.Size() == t.Size() {
				keep(b.Bits(u, x))
			}
		}
		keep(b.ShuffleXor(x, 16), b.ShuffleDown(x, 1))
		shared := b.Shared(t, 256)
		mine := b.At(shared, b.Special(ptx.TidX), t.Size())
		b.Store(mine, 0, x)
		b.Barrier()
		keep(b.Load(t, mine, 0))
		for w := 2; w*t.Size() <= 16; w *= 2 {
			b.Store(shared, 0, b.LoadVector(t, w, p, 32)...)
			b.Store(p, at, b.LoadVector(t, w, shared, 16)...)
			at += 16
		}
	}
	b.Comment("conditions, halves, special registers")
	q, r := b.Lt(n, ptx.Int(3)), b.Gt(n, ptx.Int(-3))
	keep(b.And(q, r), b.Or(q, r), b.Xor(q, r), b.Not(q))
	v := b.Var(q)
	b.Set(v, r)
	keep(v)
	lo, hi := b.Split(n)
	keep(b.Join(ptx.U64, hi, lo), b.Convert(ptx.F32, q))
	b.Store16(p, 2, b.Load16(p, 6))
	for _, s := range []ptx.Special{ptx.TidX, ptx.TidY, ptx.TidZ, ptx.NtidX, ptx.NtidY, ptx.NtidZ, ptx.CtaidX,
		ptx.CtaidY, ptx.CtaidZ,
		ptx.NctaidX, ptx.NctaidY, ptx.NctaidZ, ptx.LaneID} {
		keep(b.Special(s))
	}
	keep(ptx.U64.Bits(1<<63+1), ptx.S64.Int(-1<<63), ptx.U32.Bits(0xFFFFFFFF), ptx.S32.Int(-1<<31),
		ptx.F32.Bits(0x7FC00000), ptx.F64.Num(0.1))
}

// everyBranch writes each way to branch.
func everyBranch(b *ptx.Builder) {
	b.MaxThreads(256)
	n, p := b.Param("n", ptx.S64), b.Pointer("p")
	scratch := b.DynamicShared()
	tid := b.Special(ptx.TidX)
	sum := b.Var(ptx.F32.Num(0))
	b.GridStride(n, func(i ptx.Value) {
		x := b.Load(ptx.F32, b.At(p, i, 4), 0)
		b.If(b.Gt(x, ptx.Num(0)), func() { b.Set(sum, b.Add(sum, x)) })
		b.IfElse(b.Lt(x, ptx.Num(-1)), func() { b.Set(sum, b.Mul(sum, ptx.Num(2))) },
			func() { b.Set(sum, b.Sub(sum, ptx.Num(1))) })
	})
	b.Store(b.At(scratch, tid, 4), 0, sum)
	b.Barrier()
	half := b.Var(b.Shr(b.Special(ptx.NtidX), ptx.Int(1)))
	b.While(func() ptx.Value { return b.Gt(half, ptx.Int(0)) }, func() {
		b.If(b.Lt(tid, half), func() {
			mine := b.At(scratch, tid, 4)
			b.Store(mine, 0, b.Add(b.Load(ptx.F32, mine, 0), b.Load(ptx.F32, b.At(mine, half, 4), 0)))
		})
		b.Barrier()
		b.Set(half, b.Shr(half, ptx.Int(1)))
	})
	b.If(b.Ne(tid, ptx.Int(0)), b.Return)
	b.For(ptx.Int(0), n, ptx.Int(2), func(i ptx.Value) { b.Store(b.At(p, i, 4), 0, b.Load(ptx.F32, scratch, 0)) })
}

// everyMatrix writes what is for tensor cores.
func everyMatrix(b *ptx.Builder) {
	p := b.Pointer("p")
	c := make([]ptx.Value, 4)
	for i := range c {
		c[i] = b.Var(ptx.F32.Num(float64(i)))
	}
	x := b.LoadVector(ptx.F32, 4, p, 0)
	var tf32, bf16 []ptx.Value
	for i := range x {
		tf32 = append(tf32, b.RoundTF32(x[i]))
		bf16 = append(bf16, b.PairBF16(x[i], x[3-i]))
	}
	b.MultiplyTF32(c, tf32, tf32[1:3])
	b.MultiplyBF16(c, bf16, bf16[1:3])
	b.Store(p, 16, c...)
}

func TestEveryMatrix(t *testing.T) {
	var m ptx.Module
	m.Kernel("matrices", everyMatrix)
	text, err := m.PTX()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/matrices.ptx", text)
}

func TestEveryInstruction(t *testing.T) {
	var m ptx.Module
	m.Kernel("instructions", everyInstruction)
	m.Kernel("branches", everyBranch)
	text, err := m.PTX()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/every.ptx", text)
}

func TestEveryFunction(t *testing.T) {
	var m ptx.Module
	for _, typ := range []ptx.Type{ptx.F32, ptx.F64} {
		m.Kernel("functions_"+typ.String(), func(b *ptx.Builder) {
			p := b.Pointer("p")
			var args []ptx.Value
			for i := range 3 {
				args = append(args, b.Load(typ, p, i*typ.Size()))
			}
			for i, fn := range tape.Fns()[tape.Id:] {
				b.Comment("%v", fn)
				b.Store(p, (3+i)*typ.Size(), b.Fn(fn, args[:fn.Arity()]...))
			}
		})
	}
	text, err := m.PTX()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/functions.ptx", text)
}

// The functions that cells are made of neither divide nor branch: a thread's chain of instructions is what a
// step of a recurrence takes.
func TestCellFunctionsAreStraight(t *testing.T) {
	for _, fn := range []tape.Fn{tape.Tanh, tape.Sigmoid} {
		for _, typ := range []ptx.Type{ptx.F32, ptx.F64} {
			var m ptx.Module
			m.Kernel("k", func(b *ptx.Builder) {
				p := b.Pointer("p")
				b.Store(p, 0, b.Fn(fn, b.Load(typ, p, 0)))
			})
			text, err := m.PTX()
			if err != nil || strings.Contains(text, "div.") || strings.Contains(text, "bra") {
				t.Errorf("%v of %v: %v\n%s", fn, typ, err, text)
			}
		}
	}
}

// A kernel that may begin early waits before the first branch or access to global memory, but for what it reads early.
func TestEveryEarly(t *testing.T) {
	var m ptx.Module
	m.Early()
	m.Kernel("reads", func(b *ptx.Builder) {
		p, weights := b.Pointer("p"), b.Pointer("weights")
		tid := b.Special(ptx.TidX)
		var w ptx.Value
		b.Early(func() { w = b.Load(ptx.F32, b.At(weights, tid, 4), 0) })
		shared := b.Shared(ptx.F32, 32)
		b.Store(b.At(shared, tid, 4), 0, w)
		b.Barrier()
		at := b.At(p, tid, 4)
		b.Store(at, 0, b.Add(b.Load(ptx.F32, at, 0), w))
	})
	m.Kernel("branches", func(b *ptx.Builder) {
		p := b.Pointer("p")
		b.If(b.Eq(b.Special(ptx.TidX), ptx.Int(0)), func() { b.Store(p, 0, ptx.F32.Num(1)) })
	})
	m.Kernel("nothing", func(b *ptx.Builder) { b.Pointer("p") })
	text, err := m.PTX()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/early.ptx", text)
}
