package cuda_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/devicetest"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

var precisions = map[string]driver.Precision{"fp32": driver.Float32, "tf32": driver.TF32, "bf16": driver.BFloat16}

// roundTo is x with so many bits of mantissa, the first one included.
func roundTo(x float64, bits int) float64 {
	frac, exp := math.Frexp(x)
	return math.Ldexp(math.RoundToEven(math.Ldexp(frac, bits)), exp-bits)
}

// A product rounds its operands as its precision says, and nothing else.
func TestPrecisionOfProducts(t *testing.T) {
	const m, k, n = 5, 19, 7
	bits := map[driver.Precision]int{driver.Float32: 24, driver.TF32: 11, driver.BFloat16: 8}
	for name, precision := range precisions {
		b := &builder{}
		x, y, z := b.floats("x", tape.Input, m*k), b.floats("y", tape.Input, k*n), b.floats("z", tape.Output, m*n)
		b.emit(&tape.Product{A: x, B: y, C: z, Batch: 1, M: m, N: n, K: k, LdA: k, LdB: n, LdC: n})
		p, _ := b.open(t, sim.Config{}, cuda.Precision(precision))
		rng := rand.New(rand.NewPCG(1, 1))
		draw := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			return x
		}
		xs, ys := draw(m*k), draw(k*n)
		write(t, p, 0, xs)
		write(t, p, 1, ys)
		run(t, p)
		got := read(t, p, 2, m*n)
		worst := 0.0
		for i := range m {
			for j := range n {
				sum, abs, exact := 0.0, 0.0, 0.0
				for l := range k {
					a, c := float64(xs[i*k+l]), float64(ys[l*n+j])
					exact += a * c
					x := roundTo(a, bits[precision]) * roundTo(c, bits[precision])
					sum += x
					abs += math.Abs(x)
				}
				if e := math.Abs(float64(got[i*n+j]) - sum); e > (k+2)*0x1p-24*abs {
					t.Errorf("%s: z[%d,%d] = %v, want %v", name, i, j, got[i*n+j], sum)
				}
				worst = max(worst, math.Abs(exact-float64(got[i*n+j])))
			}
		}
		if want := 0x1p-7 * 0x1p-4; precision == driver.BFloat16 && worst < want ||
			precision == driver.Float32 && worst > 1e-5 {
			t.Errorf("%s: the largest error is %g", name, worst)
		}
	}
}

// Products of bfloat16 keep what every device promises.
func TestBFloat16(t *testing.T) {
	devicetest.RunBFloat16(t, cuda.New(sim.New(sim.Config{}), cuda.Precision(driver.BFloat16)))
}

// Every precision is exact on small whole numbers: so products see the matrices that they must, whether those
// stay the same in a loop, and are converted once before it, or are written in it, or by the run before.
func TestPrecisionOfPrograms(t *testing.T) {
	for name, precision := range precisions {
		for seed := range uint64(40) {
			b := productProgram(seed)
			want, err := outcome(ref.New(), b, seed)
			if err != nil {
				t.Fatal(err)
			}
			got, err := outcome(cuda.New(sim.New(sim.Config{}), cuda.Precision(precision)), b, seed)
			if err != nil {
				t.Fatal(err)
			}
			for s := range want {
				for i := range want[s] {
					if got[s][i] != want[s][i] {
						t.Fatalf("%s: program %d: %s[%d] = %v, want %v\n%v", name, seed, b.Slots[s].Name, i, got[s][i],
							want[s][i], &b.Tape)
					}
				}
			}
		}
	}
}

// productProgram is a tape of products within loops, some of whose operands move, some of which are written at
// every step.
func productProgram(seed uint64) *builder {
	rng := rand.New(rand.NewPCG(seed, 3))
	const size = 4000
	b := &builder{}
	input := b.floats("x", tape.Input, size)
	var states []tape.Ref
	for i := range 3 {
		states = append(states, b.floats(fmt.Sprintf("s%d", i), tape.State, size))
	}
	instr := func(trips []int) []tape.Instr {
		c := rng.IntN(3)
		other := func() tape.Ref {
			if i := rng.IntN(3); i != c {
				return states[i]
			}
			return input
		}
		if rng.IntN(3) == 0 { // an operand changes
			return []tape.Instr{&tape.Copy{Shape: []int{30}, In: flat(moved(other(), rng.IntN(100))),
				Out: flat(moved(states[c], rng.IntN(100)))}}
		}
		dim := func() int { return 1 + rng.IntN(9) }
		p := &tape.Product{Batch: 1 + rng.IntN(2), M: dim(), N: dim(), K: dim(), TransA: rng.IntN(2) == 0,
			TransB: rng.IntN(2) == 0}
		p.LdA, p.LdB, p.LdC = 9+rng.IntN(3), 9+rng.IntN(2), p.N
		p.StrideA, p.StrideB, p.StrideC = rng.IntN(2)*100, rng.IntN(2)*100, p.M*p.LdC
		place := func(r tape.Ref) tape.Ref {
			r.Off = rng.IntN(50)
			for range trips {
				r.Step = append(r.Step, rng.IntN(2)*rng.IntN(60))
			}
			return r
		}
		p.A, p.B, p.C = place(other()), place(other()), place(states[c])
		return []tape.Instr{p, small(p)}
	}
	var code func(trips []int, n int) []tape.Instr
	code = func(trips []int, n int) (is []tape.Instr) {
		for range n {
			if len(trips) < 2 && rng.IntN(3) == 0 {
				trip := 1 + rng.IntN(3)
				is = append(is, &tape.Loop{Trip: trip, Body: code(append(trips[:len(trips):len(trips)], trip), 3)})
				continue
			}
			is = append(is, instr(trips)...)
		}
		return is
	}
	b.emit(code(nil, 8)...)
	return b
}

// small makes the result of a product small again: x - 16·floor((x+8)/16).
func small(p *tape.Product) tape.Instr {
	c := tape.Operand{Ref: p.C, Strides: []int{p.StrideC, p.LdC, 1}}
	return &tape.Map{
		Shape: []int{p.Batch, p.M, p.N}, In: []tape.Operand{c}, Out: []tape.Operand{c},
		Code: []tape.Op{
			{Fn: tape.Const, Value: 8}, {Fn: tape.Const, Value: 16}, {Fn: tape.Add, Args: [3]int{0, 1}}, {Fn: tape.Div, Args: [3]int{3, 2}},
			{Fn: tape.Floor, Args: [3]int{4}}, {Fn: tape.Mul, Args: [3]int{5, 2}}, {Fn: tape.Sub, Args: [3]int{0, 6}},
		},
		Result: []int{7},
	}
}

// outcome runs a tape three times, from small whole numbers, and reads all slots.
func outcome(d tape.Device, b *builder, seed uint64) ([][]float32, error) {
	p, err := d.Load(&b.Tape)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	rng := rand.New(rand.NewPCG(seed, 4))
	for s, slot := range b.Slots {
		x := make([]float32, slot.Shape[0])
		for i := range x {
			x[i] = float32(rng.IntN(17) - 8)
		}
		if err := p.Write(tape.SlotID(s), x); err != nil {
			return nil, err
		}
	}
	for range 3 {
		if err := p.Run(); err != nil {
			return nil, err
		}
	}
	all := make([][]float32, len(b.Slots))
	for s, slot := range b.Slots {
		all[s] = make([]float32, slot.Shape[0])
		if err := p.Read(tape.SlotID(s), all[s]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// What stays the same within a loop is converted once, not at every step.
func TestConvertedOnce(t *testing.T) {
	const steps, n = 6, 8
	b := &builder{}
	w, h := b.floats("w", tape.State, n*n), b.floats("h", tape.State, n*(steps+1))
	b.emit(
		&tape.Loop{Trip: steps, Body: []tape.Instr{
			&tape.Product{A: moved(h, 0, n), B: w, C: moved(h, n, n), Batch: 1, M: 1, N: n, K: n, LdA: n, LdB: n, LdC: n},
		}},
		add(w, w, w, n*n)) // an update: the next run sees other weights
	p, gpu := b.open(t, sim.Config{}, cuda.Precision(driver.BFloat16))
	identity := make([]float32, n*n)
	for i := range n {
		identity[i*n+i] = 1
	}
	history := make([]float32, n*(steps+1))
	history[3] = 1
	write(t, p, 0, identity)
	write(t, p, 1, history)
	run(t, p)
	if got := gpu.Stats().Kernels; got != 1+steps+1 { // the weights, h at every step, the update
		t.Errorf("%d kernels ran, want %d", got, steps+2)
	}
	run(t, p)
	if got := read(t, p, 1, n*(steps+1))[n*steps+3]; got != 1<<steps {
		t.Errorf("after a run with doubled weights h = %v, want %d", got, 1<<steps)
	}
}

// Weights are converted once for all that reads them before they are written, in loops or out of them, and
// once more for what reads them after.
func TestConvertedOncePerRun(t *testing.T) {
	const steps, n = 3, 8
	b := &builder{}
	w, x, y := b.floats("w", tape.State, n*n), b.floats("x", tape.State, n*(steps+1)), b.floats("y", tape.State, 2*n)
	product := func(a, c tape.Ref) *tape.Product {
		return &tape.Product{A: a, B: w, C: c, Batch: 1, M: 1, N: n, K: n, LdA: n, LdB: n, LdC: n}
	}
	b.emit(
		product(moved(x, 0), moved(x, n)),
		&tape.Loop{Trip: steps - 1, Body: []tape.Instr{product(moved(x, n, n), moved(x, 2*n, n))}},
		product(moved(x, steps*n), moved(y, 0)),
		add(w, w, w, n*n),
		product(moved(x, steps*n), moved(y, n)),
	)
	p, gpu := b.open(t, sim.Config{Strict: true, Shuffle: 1}, cuda.Precision(driver.BFloat16), cuda.StepKernels(false))
	twice := make([]float32, n*n)
	for i := range n {
		twice[i*n+i] = 2
	}
	start := make([]float32, n*(steps+1))
	start[5] = 1
	write(t, p, 0, twice)
	write(t, p, 1, start)
	write(t, p, 2, make([]float32, 2*n))
	weight := float32(2)
	for k := range 3 {
		before := gpu.Stats().Kernels
		run(t, p)
		got := read(t, p, 2, 2*n)
		at := float32(math.Pow(float64(weight), steps))
		if got[5] != at*weight || got[n+5] != at*2*weight {
			t.Errorf("run %d: y = %v and %v, want %v and %v", k, got[5], got[n+5], at*weight, at*2*weight)
		}
		weight *= 2
		if ran := gpu.Stats().Kernels - before; ran != 1+(steps+2)+1+1 { // w, every x, the update, w again
			t.Errorf("run %d: %d kernels, want %d", k, ran, 1+(steps+2)+1+1)
		}
	}
}
