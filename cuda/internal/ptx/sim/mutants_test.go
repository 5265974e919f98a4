package sim_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/mutate"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Special and random arguments tell the functions from nearly all of their mutants. What is left was looked at:
// it computes the same (a clamp that another one makes superfluous, another way to split a power of two, NaN
// taken from a copy of x), or errs by less than rounding.
func TestFunctionsAgainstMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of mutants")
	}
	made, survived := 0, 0
	for _, fn := range []tape.Fn{tape.Exp, tape.Expm1, tape.Log, tape.Log1p, tape.Sin, tape.Cos, tape.Tanh, tape.Sigmoid} {
		var m ptx.Module
		m.Kernel("kernel", func(b *ptx.Builder) {
			n, p := b.Param("n", ptx.S64), b.Pointer("p")
			b.GridStride(n, func(i ptx.Value) {
				at := b.At(p, i, 4)
				b.Store(at, 0, b.Fn(fn, b.Load(ptx.F32, at, 0)))
			})
		})
		text, err := m.PTX()
		if err != nil {
			t.Fatal(err)
		}
		xs := special[float32]()
		r := rand.New(rand.NewPCG(1, uint64(fn)))
		for range 300 {
			xs = append(xs, float32(r.NormFloat64()), float32(100*r.NormFloat64()), float32(math.Exp(20*r.NormFloat64())))
		}
		detect := func(text string) error { return functionIs(text, fn, xs) }
		if err := detect(text); err != nil {
			t.Fatal(err)
		}
		var inside []mutate.Mutant
		for _, m := range mutate.All(text) {
			if m.Function != "" {
				inside = append(inside, m)
			}
		}
		report := mutate.Run(inside, detect)
		t.Logf("%v\n%v", fn, report)
		made, survived = made+len(inside), survived+len(report.Survivors)
	}
	if rate := 1 - float64(survived)/float64(made); rate < 0.9 {
		t.Errorf("%.1f%% of the mutants were found, want 90%%", 100*rate)
	}
}

// functionIs runs a text on arguments in place and compares with the formula.
func functionIs(text string, fn tape.Fn, xs []float32) error {
	m, err := sim.Compile(text)
	if err != nil {
		return err
	}
	f, err := m.Function("kernel")
	if err != nil {
		return err
	}
	mem := sim.NewMemory(1<<20, true)
	bytes, err := binary.Append(nil, binary.LittleEndian, xs)
	if err != nil {
		return err
	}
	p, err := mem.Alloc(int64(len(bytes)))
	if err != nil {
		return err
	}
	if err := mem.Write(p, bytes); err != nil {
		return err
	}
	if _, err := f.Launch(&sim.Launch{Grid: line(1), Block: line(256), Args: []uint64{uint64(len(xs)), p}, Memory: mem,
		Budget: 5000}); err != nil {
		return err
	}
	if err := mem.Read(bytes, p); err != nil {
		return err
	}
	for i, x := range xs {
		got, want := float64(math.Float32frombits(binary.LittleEndian.Uint32(bytes[4*i:]))),
			float64(float32(formulas[fn](float64(x), 0)))
		if (fn == tape.Sin || fn == tape.Cos) && math.Abs(float64(x)) > 0x1p31 && !math.IsInf(float64(x), 0) {
			if math.Abs(got) <= 1 {
				continue
			}
		}
		scale := math.Abs(want)
		if fn == tape.Sin || fn == tape.Cos {
			scale = 1
		}
		near := got == want || got != got && want != want ||
			!math.IsInf(want, 0) && math.Abs(got-want) <= 0x1.8p-23*scale+0x1p-149
		if !near || want == 0 && math.Signbit(got) != math.Signbit(want) {
			return fmt.Errorf("%v(%v) = %v, want %v", fn, x, got, want)
		}
	}
	return nil
}
