package ptx_test

import (
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Each mistake is named, with the kernel, the operation and the place in the source, and nothing panics after it.
func TestMistakes(t *testing.T) {
	var other ptx.Value
	for _, c := range []struct {
		want  string
		write func(b *ptx.Builder, i, f, p ptx.Value) // an S32, an F32, a pointer
	}{
		{"kernel k: add: operands s32, f32: convert one of them (mistakes_test.go:", func(b *ptx.Builder, i, f, p ptx.Value) { b.Add(i, f) }},
		{"add: there is no such instruction for pred", func(b *ptx.Builder, i, f, p ptx.Value) { q := b.Lt(i, i); b.Add(q, q) }},
		{"add: all operands are constants without a type", func(b *ptx.Builder, i, f, p ptx.Value) { b.Add(ptx.Int(1), ptx.Num(2)) }},
		{"add: operand 2 is the zero Value", func(b *ptx.Builder, i, f, p ptx.Value) { b.Add(i, ptx.Value{}) }},
		{"mul: the constant 2.5 is no s32", func(b *ptx.Builder, i, f, p ptx.Value) { b.Mul(i, ptx.Num(2.5)) }},
		{"mul: the constant 4294967296 is no s32", func(b *ptx.Builder, i, f, p ptx.Value) { b.Mul(i, ptx.Int(1<<32)) }},
		{"add: the constant -1 is no u64", func(b *ptx.Builder, i, f, p ptx.Value) { b.Add(p, ptx.Int(-1)) }},
		{"add: operand 1, %r1, belongs to kernel elsewhere", func(b *ptx.Builder, i, f, p ptx.Value) { b.Add(other, i) }},
		{"rem: there is no such instruction for f32", func(b *ptx.Builder, i, f, p ptx.Value) { b.Rem(f, f) }},
		{"fma: there is no such instruction for s32", func(b *ptx.Builder, i, f, p ptx.Value) { b.Fma(i, i, i) }},
		{"mul.wide: there is no such instruction for u64", func(b *ptx.Builder, i, f, p ptx.Value) { b.MulWide(p, p) }},
		{"mad.wide: there is no such instruction for u64", func(b *ptx.Builder, i, f, p ptx.Value) { b.MadWide(i, i, p) }},
		{"ex2.approx: there is no such instruction for f64", func(b *ptx.Builder, i, f, p ptx.Value) { b.Ex2(b.Convert(ptx.F64, f)) }},
		{"shl: there is no such instruction for f32", func(b *ptx.Builder, i, f, p ptx.Value) { b.Shl(f, ptx.Int(1)) }},
		{"shl: there is no such instruction for u64", func(b *ptx.Builder, i, f, p ptx.Value) { b.Shl(i, p) }},
		{"setp.ltu: integers are always ordered", func(b *ptx.Builder, i, f, p ptx.Value) { b.Compare(ptx.LTU, i, i) }},
		{`there is no condition "<"`, func(b *ptx.Builder, i, f, p ptx.Value) { b.Compare("<", i, i) }},
		{"selp: there is no such instruction for s32", func(b *ptx.Builder, i, f, p ptx.Value) { b.Select(i, f, f) }},
		{"bra: there is no such instruction for s32", func(b *ptx.Builder, i, f, p ptx.Value) { b.If(i, func() {}) }},
		{"cvt: s32 to pred", func(b *ptx.Builder, i, f, p ptx.Value) { b.Convert(ptx.Pred, i) }},
		{"cvt: 1 is a constant: give it type f32 at once", func(b *ptx.Builder, i, f, p ptx.Value) { b.Convert(ptx.F32, ptx.S32.Int(1)) }},
		{"mov: s32 and f64 differ in width", func(b *ptx.Builder, i, f, p ptx.Value) { b.Bits(ptx.F64, i) }},
		{"mov: f32 does not have 64 bits", func(b *ptx.Builder, i, f, p ptx.Value) { u := b.Bits(ptx.U32, f); b.Join(ptx.F32, u, u) }},
		{"was not made by Var", func(b *ptx.Builder, i, f, p ptx.Value) { b.Set(i, ptx.Int(1)) }},
		{"ld: there is no such instruction for s32", func(b *ptx.Builder, i, f, p ptx.Value) { b.Load(ptx.F32, i, 0) }},
		{"ld: elements of type pred", func(b *ptx.Builder, i, f, p ptx.Value) { b.Load(ptx.Pred, p, 0) }},
		{"ld: the address is a constant", func(b *ptx.Builder, i, f, p ptx.Value) { b.Load(ptx.F32, ptx.U64.Int(16), 0) }},
		{"ld: no vectors of 3 f32", func(b *ptx.Builder, i, f, p ptx.Value) { b.LoadVector(ptx.F32, 3, p, 0) }},
		{"ld: no vectors of 4 f64", func(b *ptx.Builder, i, f, p ptx.Value) { b.LoadVector(ptx.F64, 4, p, 0) }},
		{"st: operands f32, s32", func(b *ptx.Builder, i, f, p ptx.Value) { b.Store(p, 0, f, i) }},
		{"st: nothing to store", func(b *ptx.Builder, i, f, p ptx.Value) { b.Store(p, 0) }},
		{"index: a 64-bit index of shared memory", func(b *ptx.Builder, i, f, p ptx.Value) { b.At(b.Shared(ptx.F32, 1), p, 4) }},
		{"shared: 0 elements of f32", func(b *ptx.Builder, i, f, p ptx.Value) { b.Shared(ptx.F32, 0) }},
		{"red: shared memory", func(b *ptx.Builder, i, f, p ptx.Value) { b.AtomicMin(b.Shared(ptx.S32, 1), 0, i) }},
		{"red: there is no such instruction for f32", func(b *ptx.Builder, i, f, p ptx.Value) { b.AtomicMin(p, 0, f) }},
		{"mma: fragments of 1, 4 and 2 registers", func(b *ptx.Builder, i, f, p ptx.Value) {
			u := b.RoundTF32(f)
			b.MultiplyTF32([]ptx.Value{b.Var(f)}, []ptx.Value{u, u, u, u}, []ptx.Value{u, u})
		}},
		{"mma: %f1 was not made by Var", func(b *ptx.Builder, i, f, p ptx.Value) {
			u := b.RoundTF32(f)
			b.MultiplyTF32([]ptx.Value{f, f, f, f}, []ptx.Value{u, u, u, u}, []ptx.Value{u, u})
		}},
		{"cvt: there is no such instruction for s32", func(b *ptx.Builder, i, f, p ptx.Value) { b.RoundTF32(i) }},
		{"shfl: by 32", func(b *ptx.Builder, i, f, p ptx.Value) { b.ShuffleXor(f, 32) }},
		{"param: x is f32; parameters have 8 bytes", func(b *ptx.Builder, i, f, p ptx.Value) { b.Param("x", ptx.F32) }},
		{"param: there are two of the name p", func(b *ptx.Builder, i, f, p ptx.Value) { b.Pointer("p") }},
		{`param: "1st" is no name`, func(b *ptx.Builder, i, f, p ptx.Value) { b.Pointer("1st") }},
		{"max threads: 2000 is not in [1, 1024]", func(b *ptx.Builder, i, f, p ptx.Value) { b.MaxThreads(2000) }},
		{"exp: 2 arguments", func(b *ptx.Builder, i, f, p ptx.Value) { b.Fn(tape.Exp, f, f) }},
		{"iota: 0 arguments", func(b *ptx.Builder, i, f, p ptx.Value) { b.Fn(tape.Iota) }},
		{"exp: there is no such instruction for s32", func(b *ptx.Builder, i, f, p ptx.Value) { b.Fn(tape.Exp, i) }},
	} {
		var m ptx.Module
		m.Kernel("elsewhere", func(b *ptx.Builder) { other = b.Special(ptx.TidX) })
		m.Kernel("k", func(b *ptx.Builder) {
			p := b.Pointer("p")
			i, f := b.Load(ptx.S32, p, 0), b.Load(ptx.F32, p, 4)
			c.write(b, i, f, p)
			first := b.Err()
			b.Add(i, f) // is not the first any more
			if b.Err() != first {
				t.Errorf("%v, then %v", first, b.Err())
			}
			everyInstruction(b) // goes on
		})
		if text, err := m.PTX(); err == nil || text != "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func TestMistakenModules(t *testing.T) {
	nothing := func(*ptx.Builder) {}
	var twice, unnamed ptx.Module
	twice.Kernel("k", nothing)
	twice.Kernel("k", nothing)
	unnamed.Kernel("a kernel", nothing)
	for want, m := range map[string]*ptx.Module{
		"kernel k: kernel: there are two of this name": &twice,
		`"a kernel" is no name`:                        &unnamed,
	} {
		if _, err := m.PTX(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestConstants(t *testing.T) {
	for want, v := range map[string]ptx.Value{
		"0f3FC00000": ptx.F32.Num(1.5), "0d3FF8000000000000": ptx.F64.Num(1.5), "0f40400000": ptx.F32.Int(3), "-5": ptx.S32.Int(-5),
		"4294967295": ptx.U32.Bits(1<<32 - 1), "18446744073709551615": ptx.U64.Bits(1<<64 - 1), "-1": ptx.S64.Bits(1<<64 - 1), "-2147483648": ptx.S32.Bits(1 << 31),
		"0f7FC00001": ptx.F32.Bits(0x7FC00001), "0d7FF0000000000001": ptx.F64.Bits(0x7FF0000000000001),
	} {
		if v.String() != want {
			t.Errorf("%v is written %v, want %s", v.Type(), v, want)
		}
	}
}
