package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/unroll-ml/unroll/graph/tape"
)

func init() { checks = append(checks, check{"step", steps}, check{"step operand", packs}) }

// stepCase is a Step with gates that lie in another order in the product than the cell has them, some columns
// of which it does not read.
type stepCase struct {
	m, k, units, gates int
	elem               Elem
	transposed         bool
}

func (c stepCase) columns(gate int) int { return (c.gates - gate) * c.units }

// step computes, of gates z and a state h in memory, z₀·h + 2z₁ + 4z₂ + ... + the number of the row, and h
// again, and keeps z₀.
func (c stepCase) step(ldA int) Step {
	s := Step{Elem: c.elem, M: c.m, K: c.k, LdA: ldA, Map: Map{Compute: F32, Shape: []int{c.m, c.units}}}
	row := []int{c.units, 1}
	s.Map.In = append(s.Map.In, Operand{Elem: F32, Strides: []int{1, c.m}, Align: 4}) // h, transposed
	s.Columns = append(s.Columns, -1)
	for g := range c.gates {
		s.Map.In = append(s.Map.In, Operand{Elem: F32, Strides: row, Align: 4})
		s.Columns = append(s.Columns, c.columns(g))
	}
	s.Map.In = append(s.Map.In, Operand{Elem: F32, Strides: row, Align: 4}) // nobody needs it
	s.Columns = append(s.Columns, -1)
	n := len(s.Map.In)
	emit := func(op tape.Op) int {
		s.Map.Code = append(s.Map.Code, op)
		return n + len(s.Map.Code) - 1
	}
	sum := emit(tape.Op{Fn: tape.Mul, Args: [3]int{0, 1}})
	for g := 1; g < c.gates; g++ {
		weight := emit(tape.Op{Fn: tape.Const, Value: float64(int(1) << g)})
		sum = emit(tape.Op{Fn: tape.Add, Args: [3]int{sum, emit(tape.Op{Fn: tape.Mul, Args: [3]int{1 + g, weight}})}})
	}
	sum = emit(tape.Op{Fn: tape.Add, Args: [3]int{sum, emit(tape.Op{Fn: tape.Iota, Axis: 0})}})
	s.Map.Result = []int{sum, 0, 1}
	for range s.Map.Result {
		s.Map.Out = append(s.Map.Out, Operand{Elem: F32, Strides: row, Align: 4})
	}
	return s
}

func (c stepCase) check(r *rig) error {
	s, ok := NewStep(c.step(c.ldA()))
	if !ok {
		return fmt.Errorf("there is no kernel")
	}
	return c.run(r, s.Launch)
}

func (c stepCase) ldA() int { return c.k + 4 }

// run compares what a launch computes with the product and the Map.
func (c stepCase) run(r *rig, l Launch) error {
	r.clear()
	ldA, n := c.ldA(), (c.gates+1)*c.units
	strideK, strideN := 1, c.k
	if c.transposed {
		strideK, strideN = n, 1
	}
	a, b, h := r.wholes(c.m*ldA), r.wholes(c.k*n), r.wholes(c.m*c.units)
	var want [3][]float32
	for i := range c.m {
		for u := range c.units {
			z := make([]float32, c.gates)
			for g := range z {
				for k := range c.k {
					z[g] += a[i*ldA+k] * b[k*strideK+(c.columns(g)+u)*strideN]
				}
			}
			sum := z[0]*h[i+u*c.m] + float32(i)
			for g := 1; g < c.gates; g++ {
				sum += z[g] * float32(int(1)<<g)
			}
			want[0], want[1], want[2] = append(want[0], sum), append(want[1], h[i+u*c.m]), append(want[2], z[0])
		}
	}
	packed := r.put(c.layOut(b, strideK, strideN, n))
	out := [3]uint64{}
	for i := range out {
		out[i] = r.space(4 * len(want[i]))
	}
	return first(r.launch(l, r.put(a), packed, r.put(h), out[0], out[1], out[2]),
		equal(r, "the result", out[0], want[0]), equal(r, "h", out[1], want[1]), equal(r, "z", out[2], want[2]))
}

// layOut is B as a Step reads it: by eight columns, chunks of terms, columns, terms; the bits of the nearest
// bfloat16, the even one of two, or of the nearest TF32, the larger of two; or the numbers themselves, in chunks
// of four.
func (c stepCase) layOut(b []float32, strideK, strideN, n int) any {
	chunk := stepSpec{elem: c.elem}.chunk()
	var words []uint32
	var halves []uint16
	for i := range c.k * n {
		if c.elem == F32 {
			words = append(words, math.Float32bits(b[(i/32*4%c.k+i%4)*strideK+(i/4%8+i/(8*c.k)*8)*strideN]))
			continue
		}
		thread, j := i%chunk/(chunk/4), i%(chunk/4)
		term, column := i/(8*chunk)*chunk%c.k+4*thread+16*(j/4)+j%4, i/chunk%8+i/(8*c.k)*8
		bits := math.Float32bits(b[term*strideK+column*strideN])
		word, half := (bits+1<<12)&^(1<<13-1), uint16((bits+0x7FFF+bits>>16&1)>>16)
		if x := math.Float32frombits(bits); x != x {
			word, half = 0x7FFFFFFF, 0x7FFF
		}
		words, halves = append(words, word), append(halves, half)
	}
	if c.elem == BF16 {
		return halves
	}
	return words
}

// packs lays out numbers that must be rounded.
func packs(r *rig) error {
	const n = 24
	for _, c := range []stepCase{{k: 48, elem: TF32}, {k: 96, elem: BF16}, {k: 20, elem: F32}} {
		r.clear()
		b := r.normals(c.k * n)
		for i := range 4 { // in each place of those that a thread rounds
			b[i], b[4+i], b[8+i] = float32(math.NaN()), 1+0x1p-8, 1+0x3p-8
		}
		for _, strides := range [][2]int{{1, c.k}, {n, 1}} {
			pack := NewPackStep(c.elem, c.k, n, strides[0], strides[1], 16)
			packed := r.space(c.k * n * c.elem.Size())
			r.halves = c.elem == BF16
			err := r.launch(pack.Launch, r.put(b), packed, uint64(pack.Items))
			if r.halves = false; err != nil {
				return err
			}
			switch want := c.layOut(b, strides[0], strides[1], n).(type) {
			case []uint16:
				err = equal(r, "B", packed, want)
			case []uint32:
				err = equal(r, "B", packed, want)
			}
			if err != nil {
				return fmt.Errorf("%+v: %w", c, err)
			}
		}
	}
	return nil
}

func steps(r *rig) error {
	for _, c := range []stepCase{
		{m: 13, k: 48, units: 8, gates: 2, elem: TF32},
		{m: 50, k: 96, units: 24, gates: 3, elem: BF16},
		{m: 50, k: 256, units: 16, gates: 4, elem: TF32, transposed: true},
		{m: 64, k: 640, units: 32, gates: 1, elem: BF16, transposed: true},
		{m: 70, k: 1024, units: 8, gates: 2, elem: TF32},
		{m: 13, k: 20, units: 8, gates: 2, elem: F32},
		{m: 50, k: 64, units: 24, gates: 3, elem: F32, transposed: true},
		{m: 70, k: 512, units: 32, gates: 1, elem: F32},
	} {
		if err := c.check(r); err != nil {
			return fmt.Errorf("%+v: %w", c, err)
		}
	}
	return nil
}

// However the work is shared out, the result is the same: each fifth of the ways is tried.
func TestStepTiles(t *testing.T) {
	r, tried := newRig(), 0
	for _, elem := range []Elem{F32, TF32, BF16} {
		c := stepCase{m: 50, k: 128, units: 32, gates: 2, elem: elem}
		spec, _, _ := specialiseStep(c.step(c.ldA()))
		for i, s := range spec.tiles() {
			if i%5 != 0 {
				continue
			}
			if err := c.run(r, s.launch()); err != nil {
				t.Errorf("%v %+v: %v", elem, s.stepTile, err)
			}
			tried++
		}
	}
	if tried < 30 {
		t.Errorf("%d ways were tried", tried)
	}
}

// A Step that does not fit, or that a library does better, is left alone.
func TestNoStep(t *testing.T) {
	good := stepCase{m: 50, k: 96, units: 16, gates: 2, elem: TF32}
	if _, ok := NewStep(good.step(96)); !ok {
		t.Errorf("%+v has no kernel", good)
	}
	for why, change := range map[string]func(s *Step){
		"too many rows":                 func(s *Step) { s.M = 129; s.Map.Shape[0] = 129 },
		"a part of a chunk of terms":    func(s *Step) { s.K = 100 },
		"rows that are not aligned":     func(s *Step) { s.LdA = 98 },
		"a gate that begins at odds":    func(s *Step) { s.Columns[1] = 12 },
		"units that fill no fragment":   func(s *Step) { s.Map.Shape[1] = 20 },
		"nothing of the product":        func(s *Step) { s.Columns[1], s.Columns[2] = -1, -1 },
		"much to read":                  func(s *Step) { s.K, s.LdA = 1<<15, 1<<15 },
		"the type that has no products": func(s *Step) { s.Map.Compute = F64 },
	} {
		s := good.step(96)
		if change(&s); why != "" {
			if _, ok := NewStep(s); ok {
				t.Errorf("%s: there is a kernel", why)
			}
		}
	}
}
