package sim_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// The places of elements in fragments, as NVIDIA's manual of PTX has them ("Matrix Fragments for mma.m16n8k8"
// and "mma.m16n8k16"): element i of the fragment of a lane, counted from the lowest bits of its first register.

func placeA(bf16 bool, lane, i int) (row, col int) {
	group, thread := lane>>2, lane%4
	if !bf16 { // a0 and a2 are of row groupID, a0 and a1 of column threadID_in_group
		return group + 8*(i%2), thread + 4*(i/2)
	}
	if row = group + 8; i < 2 || i >= 4 && i < 6 {
		row = group
	}
	if col = thread*2 + i&1; i >= 4 {
		col += 8
	}
	return row, col
}

func placeB(bf16 bool, lane, i int) (row, col int) {
	group, thread := lane>>2, lane%4
	if !bf16 {
		return thread + 4*i, group
	}
	if row = thread*2 + i&1; i >= 2 {
		row += 8
	}
	return row, group
}

func placeC(lane, i int) (row, col int) {
	if row = lane >> 2; i >= 2 {
		row += 8
	}
	return row, lane%4*2 + i&1
}

// multiplication is a kernel that multiplies the fragments of one warp: C += A·B, of numbers that it rounds.
func multiplication(bf16 bool) func(b *ptx.Builder) {
	perRegister := 1
	if bf16 {
		perRegister = 2
	}
	return func(b *ptx.Builder) {
		lane := b.Special(ptx.LaneID)
		fragment := func(name string, registers int) (regs []ptx.Value) {
			at := b.At(b.Pointer(name), lane, 4*perRegister*registers)
			for i := range registers {
				x := b.Load(ptx.F32, at, 4*perRegister*i)
				if bf16 {
					regs = append(regs, b.PairBF16(x, b.Load(ptx.F32, at, 4*(2*i+1))))
				} else {
					regs = append(regs, b.RoundTF32(x))
				}
			}
			return regs
		}
		x, y := fragment("a", 4), fragment("b", 2)
		at := b.At(b.Pointer("c"), lane, 16)
		var c []ptx.Value
		for i := range 4 {
			c = append(c, b.Var(b.Load(ptx.F32, at, 4*i)))
		}
		if bf16 {
			b.MultiplyBF16(c, x, y)
		} else {
			b.MultiplyTF32(c, x, y)
		}
		b.Store(at, 0, c...)
	}
}

// rounded is x with so many bits of mantissa, the first one included; of two nearest the even one, or the larger.
func rounded(x float64, bits int, even bool) float64 {
	frac, exp := math.Frexp(x)
	round := math.Round
	if even {
		round = math.RoundToEven
	}
	return math.Ldexp(round(math.Ldexp(frac, bits)), exp-bits)
}

// A warp's fragments make the product of the matrices that lie in them.
func TestMatrices(t *testing.T) {
	for _, bf16 := range []bool{false, true} {
		depth, bits := 8, 11
		if bf16 {
			depth, bits = 16, 8
		}
		rng := rand.New(rand.NewPCG(1, 5))
		draw := func(rows, cols int) [][]float32 {
			x := make([][]float32, rows)
			for i := range x {
				x[i] = make([]float32, cols)
				for j := range x[i] {
					x[i][j] = float32(rng.NormFloat64())
				}
			}
			return x
		}
		a, b, c := draw(16, depth), draw(depth, 8), draw(16, 8)
		a[3][5], b[5][2] = 1+0x1p-11, 1+0x1p-8 // halfway between two TF32; between two bfloat16
		fa, fb, fc := make([]float32, 32*depth/2), make([]float32, 32*depth/4), make([]float32, 32*4)
		for lane := range 32 {
			for i := range depth / 2 {
				row, col := placeA(bf16, lane, i)
				fa[lane*depth/2+i] = a[row][col]
			}
			for i := range depth / 4 {
				row, col := placeB(bf16, lane, i)
				fb[lane*depth/4+i] = b[row][col]
			}
			for i := range 4 {
				row, col := placeC(lane, i)
				fc[4*lane+i] = c[row][col]
			}
		}
		m := memory()
		at := upload(t, m, fc)
		f := kernel(t, multiplication(bf16))
		if _, err := f.Launch(&sim.Launch{Grid: line(1), Block: line(32),
			Args: []uint64{upload(t, m, fa), upload(t, m, fb), at}, Memory: m}); err != nil {
			t.Fatal(err)
		}
		for k, got := range download[float32](t, m, at, len(fc)) {
			row, col := placeC(k/4, k%4)
			want, size := float64(c[row][col]), math.Abs(float64(c[row][col]))
			for l := range depth {
				x := rounded(float64(a[row][l]), bits, bf16) * rounded(float64(b[l][col]), bits, bf16)
				want += x
				size += math.Abs(x)
			}
			if math.Abs(float64(got)-want) > 0x1p-23*size {
				t.Errorf("bf16 %v: C[%d,%d] = %v, want %v", bf16, row, col, got, want)
			}
		}
	}
}

// Numbers are rounded to nearest; infinities and NaN stay what they are.
func TestRoundingForMatrices(t *testing.T) {
	inf := float32(math.Inf(1))
	in := []float32{1 + 0x1p-11, 1 + 0x1p-10 + 0x1p-11, -1 - 0x1p-11, 1 + 0x1p-11 - 0x1p-20, 1 + 0x1p-8,
		1 + 0x1p-7 + 0x1p-8, inf, -inf, math.MaxFloat32, 0x1p-140}
	tf32 := []float32{1 + 0x1p-10, 1 + 0x1p-9, -1 - 0x1p-10, 1, 1 + 0x1p-8, 1 + 0x1p-7 + 0x1p-8, inf, -inf, inf, 0}
	bf16 := []float32{1, 1, -1, 1, 1, 1 + 0x1p-6, inf, -inf, inf, 0}
	f := kernel(t, func(b *ptx.Builder) {
		lane := b.Special(ptx.LaneID)
		x := b.Load(ptx.F32, b.At(b.Pointer("x"), lane, 4), 0)
		pair := b.PairBF16(x, b.Neg(x))
		b.Store(b.At(b.Pointer("y"), lane, 16), 0, b.RoundTF32(x), b.Shl(pair, ptx.Int(16)),
			b.And(pair, ptx.U32.Bits(0xFFFF0000)), ptx.U32.Int(0))
	})
	m := memory()
	y := upload(t, m, make([]float32, 4*len(in)+4))
	args := []uint64{upload(t, m, append(in, float32(math.NaN()))), y}
	if _, err := f.Launch(&sim.Launch{Grid: line(1), Block: line(len(in) + 1), Args: args, Memory: m}); err != nil {
		t.Fatal(err)
	}
	got := download[float32](t, m, y, 4*len(in)+4)
	for i, x := range in {
		if g := got[4*i:]; g[0] != tf32[i] || g[1] != bf16[i] || g[2] != -bf16[i] {
			t.Errorf("%v is %v as TF32, %v and %v as bfloat16, want %v and ±%v", x, g[0], g[1], g[2], tf32[i], bf16[i])
		}
	}
	if g := got[4*len(in):]; g[0] == g[0] || g[1] == g[1] || g[2] == g[2] {
		t.Errorf("NaN is %v, %v, %v", g[0], g[1], g[2])
	}
}

// What hardware would compute wrongly, or not at all, is a fault.
func TestMistakesWithMatrices(t *testing.T) {
	tf32 := func(change func(b *ptx.Builder, x ptx.Value) ptx.Value) func(b *ptx.Builder) {
		return func(b *ptx.Builder) {
			x := b.Convert(ptx.F32, b.Special(ptx.LaneID))
			c := b.Var(ptx.F32.Num(0))
			y := change(b, b.Mul(x, ptx.Num(1.1)))
			multiply := func() {
				b.MultiplyTF32([]ptx.Value{c, b.Var(c), b.Var(c), b.Var(c)}, []ptx.Value{y, y, y, y}, []ptx.Value{y, y})
			}
			b.If(b.Lt(x, ptx.Num(40)), multiply)
			b.If(b.Lt(x, ptx.Num(31)), multiply)
		}
	}
	for want, write := range map[string]func(b *ptx.Builder){
		"unrounded":  tf32(func(b *ptx.Builder, x ptx.Value) ptx.Value { return b.Bits(ptx.U32, x) }),
		"divergence": tf32((*ptx.Builder).RoundTF32),
	} {
		_, err := kernel(t, write).Launch(&sim.Launch{Grid: line(1), Block: line(32), Memory: memory()})
		if f := (*sim.Fault)(nil); !errors.As(err, &f) || string(f.Kind) != want {
			t.Errorf("%v, want a fault: %s", err, want)
		}
	}
	var m ptx.Module
	m.Kernel("kernel", multiplication(true))
	text, err := m.PTX()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sim.Compile(strings.Replace(text, "sm_80", "sm_75", 1)); err == nil ||
		!strings.Contains(err.Error(), "is of sm_80, and the module is for sm_75") {
		t.Errorf("a module for sm_75: %v", err)
	}
}
