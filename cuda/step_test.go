package cuda_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
)

// stepProgram is a tape of recurrences whose products are steps, or nearly so: a state of some rows, times
// weights that may move, or change, gives gates; a Map of them, of all or of some, is the next state, or is
// not.
func stepProgram(seed uint64) *builder {
	rng := rand.New(rand.NewPCG(seed, 7))
	b := &builder{}
	one := func(n int) bool { return rng.IntN(n) == 0 }
	for range 1 + rng.IntN(2) {
		trip, m, units, gates := 1+rng.IntN(6), []int{1, 3, 17, 50}[rng.IntN(4)], 8*(1+rng.IntN(4)), 1+rng.IntN(3)
		k, n := units, gates*units
		if one(4) {
			k = 32
		}
		ldA, ldC := k, n
		if one(3) {
			ldA += 4 * rng.IntN(3)
		}
		if one(4) {
			ldC++
		}
		weights := b.floats("w", tape.State, k*n+trip)
		state := b.floats("h", tape.State, (trip+1)*m*max(ldA, units))
		other := b.floats("x", tape.State, m*n)
		c := b.floats("c", tape.State, m*ldC)
		p := &tape.Product{
			A: moved(state, 0, m*ldA), B: weights, C: c, Batch: 1, M: m, N: n, K: k, LdA: ldA, LdB: n, LdC: ldC, TransB: one(2),
		}
		if p.TransB {
			p.LdB = k
		}
		if one(6) {
			p.B.Step = []int{1}
		}
		var code []tape.Instr
		switch cell := stepCell(rng, p, state, other, units, gates); rng.IntN(6) {
		case 0:
			code = []tape.Instr{p, small(p)}
		case 1, 2: // it reads the product of the step before
			code = []tape.Instr{cell, p}
		default:
			code = []tape.Instr{p, cell}
		}
		if one(6) {
			touch := &tape.Copy{Shape: []int{4}, In: flat(moved(other, 0)),
				Out: flat(moved([]tape.Ref{weights, state, c}[rng.IntN(3)], 4))}
			code = slices.Insert(code, 1, tape.Instr(touch))
		}
		b.emit(&tape.Loop{Trip: trip, Body: code})
	}
	return b
}

// stepCell is a Map of the gates, into the next rows of the state, or over its own inputs.
func stepCell(rng *rand.Rand, p *tape.Product, state, other tape.Ref, units, gates int) *tape.Map {
	m := &tape.Map{Shape: []int{p.M, units}}
	for g := range gates {
		o := tape.Operand{Ref: p.C, Strides: []int{p.LdC, 1}}
		if o.Off = g * units; rng.IntN(12) == 0 {
			o.Off = 0
		}
		m.In = append(m.In, o)
	}
	m.In = append(m.In, tape.Operand{Ref: other, Strides: []int{units, 1}})
	sum := gates
	emit := func(op tape.Op) int {
		m.Code = append(m.Code, op)
		return len(m.In) + len(m.Code) - 1
	}
	for g := range gates {
		sum = emit(tape.Op{Fn: []tape.Fn{tape.Add, tape.Sub}[rng.IntN(2)], Args: [3]int{sum, g}})
	}
	eight, sixteen := emit(tape.Op{Fn: tape.Const, Value: 8}), emit(tape.Op{Fn: tape.Const, Value: 16})
	floor := emit(tape.Op{Fn: tape.Floor, Args: [3]int{
		emit(tape.Op{Fn: tape.Div, Args: [3]int{emit(tape.Op{Fn: tape.Add, Args: [3]int{sum, eight}}), sixteen}}),
	}})
	next := emit(tape.Op{Fn: tape.Sub, Args: [3]int{sum, emit(tape.Op{Fn: tape.Mul, Args: [3]int{floor, sixteen}})}})
	to := tape.Operand{Ref: moved(state, p.M*p.LdA, p.M*p.LdA), Strides: []int{units, 1}}
	switch rng.IntN(6) {
	case 0: // while other blocks still read it
		to = tape.Operand{Ref: p.A, Strides: []int{p.LdA, 1}}
	case 1, 2:
		to = tape.Operand{Ref: other, Strides: []int{units, 1}}
	}
	m.Result, m.Out = []int{next}, []tape.Operand{to}
	if gates == 1 && p.LdC == units && rng.IntN(2) == 0 { // over all elements in order
		m.Shape = []int{p.M * units}
		for _, os := range [][]tape.Operand{m.In, m.Out} {
			for i := range os {
				os[i].Strides = []int{1}
			}
		}
	}
	return m
}

// Steps are exact on small whole numbers, whatever reads or overwrites their operands.
func TestSteps(t *testing.T) {
	for _, precision := range precisions {
		r := &recorder{GPU: sim.New(sim.Config{})}
		stepsAreExact(t, cuda.New(r, cuda.Precision(precision)), 80)
		if n := r.kernels("step_"); n < 20 {
			t.Errorf("precision %d: there were %d kernels of steps in all programs", precision, n)
		}
	}
}

// stepsAreExact compares programs with the reference device.
func stepsAreExact(t *testing.T, d tape.Device, n uint64) {
	t.Helper()
	programs(t, d, n, stepProgram)
}

// programs compares programs on small whole numbers with the reference device.
func programs(t *testing.T, d tape.Device, n uint64, program func(seed uint64) *builder) {
	t.Helper()
	for seed := range n {
		b := program(seed)
		want, err := outcome(ref.New(), b, seed)
		if err != nil {
			t.Fatalf("program %d: %v", seed, err)
		}
		got, err := outcome(d, b, seed)
		if err != nil {
			t.Fatalf("program %d: %v", seed, err)
		}
		for s := range want {
			for i := range want[s] {
				if got[s][i] != want[s][i] {
					t.Fatalf("program %d: %s[%d] = %v, want %v\n%v", seed, b.Slots[s].Name, i, got[s][i], want[s][i], &b.Tape)
				}
			}
		}
	}
}

// recurrent is a language model whose steps have kernels of their own.
func recurrent(cell string) training {
	return training{cell + " of 32",
		languageModel(models.LMConfig{Vocab: 11, Cell: models.CellConfig{Kind: cell}, Hidden: 32, Layers: 2}, 1)}
}

// Models train with step kernels as on the reference device, as far as rounded products allow, with the same
// bits in every run; GPUs that are older, and devices that are told so, do without.
func TestModelsWithSteps(t *testing.T) {
	for name, tolerance := range map[string]float64{"fp32": 1e-5, "tf32": 2e-4, "bf16": 2e-3} {
		precision := cuda.Precision(precisions[name])
		for _, cell := range []string{"rnn", "lstm", "gru"} {
			c := recurrent(cell)
			t.Run(name+" "+cell, func(t *testing.T) {
				follows(t, c.open(t, cuda.New(sim.New(sim.Config{}), precision)), c.open(t, ref.New()), trainingSteps, tolerance)
				again := c.open(t, cuda.New(sim.New(sim.Config{}), precision, cuda.Capture(false)))
				follows(t, c.open(t, cuda.New(sim.New(sim.Config{}), precision)), again, trainingSteps, 0)
			})
		}
		count := func(c sim.Config, opts ...cuda.Option) sim.Stats {
			gpu := sim.New(c)
			step := recurrent("lstm").open(t, cuda.New(gpu, append(opts, precision)...))
			if _, _, err := step(); err != nil {
				t.Fatal(err)
			}
			return gpu.Stats()
		}
		const seq, layers = 6, 2
		own := count(sim.Config{})
		older := sim.Config{Compute: driver.Version{Major: 7, Minor: 5}}
		without := map[string]sim.Stats{"a device told so": count(sim.Config{}, cuda.StepKernels(false))}
		if name != "fp32" {
			without["an older GPU"] = count(older)
		} else if s := count(older); s.Kernels != own.Kernels || s.Products != own.Products {
			t.Errorf("an older GPU does %+v, another one %+v", s, own)
		}
		for what, s := range without {
			if s.Products != own.Products+2*seq*layers {
				t.Errorf("%s: %s: %d products beside %d with step kernels, want one more for each step and layer, "+
					"forward and backward",
					name, what, s.Products, own.Products)
			}
			cells, laidOut := (seq+seq-1)*layers, 2*layers // the first cell backward is alone
			if got := own.Kernels + cells - laidOut - 2*seq*layers; name != "bf16" && got != s.Kernels {
				t.Errorf("%s: %d kernels without those of steps, %d with them", what, s.Kernels, own.Kernels)
			}
		}
	}
}
