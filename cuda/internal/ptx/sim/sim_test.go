package sim_test

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// kernel compiles one that is written by package ptx.
func kernel(t testing.TB, write func(b *ptx.Builder)) *sim.Function {
	t.Helper()
	var m ptx.Module
	m.Kernel("kernel", write)
	text, err := m.PTX()
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, text)
}

// compile compiles a text that has a kernel of the name kernel.
func compile(t testing.TB, text string) *sim.Function {
	t.Helper()
	m, err := sim.Compile(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	f, err := m.Function("kernel")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// upload reserves memory for data and writes it there.
func upload[T any](t testing.TB, m *sim.Memory, data []T) uint64 {
	t.Helper()
	bytes, err := binary.Append(nil, binary.LittleEndian, data)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := m.Alloc(int64(len(bytes)))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(addr, bytes); err != nil {
		t.Fatal(err)
	}
	return addr
}

// download reads n elements of device memory.
func download[T any](t testing.TB, m *sim.Memory, addr uint64, n int) []T {
	t.Helper()
	data := make([]T, n)
	bytes := make([]byte, binary.Size(data))
	if err := m.Read(bytes, addr); err != nil {
		t.Fatal(err)
	}
	if _, err := binary.Decode(bytes, binary.LittleEndian, data); err != nil {
		t.Fatal(err)
	}
	return data
}

func memory() *sim.Memory { return sim.NewMemory(1<<30, true) }

func line(n int) sim.Dim { return sim.Dim{X: n, Y: 1, Z: 1} }

func TestAxpy(t *testing.T) {
	f := kernel(t, func(b *ptx.Builder) {
		n, a := b.Param("n", ptx.S64), b.Param("a", ptx.F64)
		x, y := b.Pointer("x"), b.Pointer("y")
		b.GridStride(n, func(i ptx.Value) {
			at := b.At(y, i, 8)
			b.Store(at, 0, b.Fma(a, b.Load(ptx.F64, b.At(x, i, 8), 0), b.Load(ptx.F64, at, 0)))
		})
	})
	const n, a = 1001, 0.1
	xs, ys := make([]float64, n), make([]float64, n)
	for i := range xs {
		xs[i], ys[i] = float64(i), 1/float64(i+1)
	}
	m := memory()
	x, y := upload(t, m, xs), upload(t, m, ys)
	if _, err := f.Launch(&sim.Launch{Grid: line(3), Block: line(96), Args: []uint64{n, math.Float64bits(a), x, y},
		Memory: m}); err != nil {
		t.Fatal(err)
	}
	for i, got := range download[float64](t, m, y, n) {
		if want := math.FMA(a, xs[i], ys[i]); got != want {
			t.Fatalf("y[%d] = %v, want %v", i, got, want)
		}
	}
}

func TestEveryInstructionIsKnown(t *testing.T) {
	for _, file := range []string{"every", "matrices"} {
		text, err := os.ReadFile("../testdata/" + file + ".ptx")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sim.Compile(string(text)); err != nil {
			t.Fatal(err)
		}
	}
}
