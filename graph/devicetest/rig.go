package devicetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// A rig is a tape with the contents of its slots before a run, and those expected after it.
//
// Each array lies within a buffer with margins on both sides, so that a device that writes too far is seen, and
// one that reads too far meets NaN. What no expectation names must be unchanged after the run.
type rig struct {
	tape   tape.Tape
	arrays []*array
	rng    *rand.Rand
}

// array is a dense piece of a slot, or of a buffer without a slot.
type array struct {
	tape.Ref
	name  string
	dtype tape.Dtype
	slot  tape.SlotID
	kind  tape.SlotKind
	data  any       // the whole slot before the run, margins included; nil for a buffer without a slot
	vals  []float64 // the array before the run
	want  []float64 // the array after the run
	tol   []float64 // by how much each element may differ, nil for not at all
	zeros bool      // whether the sign of a zero counts
}

func newRig(f tape.Dtype) *rig {
	return &rig{tape: tape.Tape{Float: f}, rng: rand.New(rand.NewPCG(1, uint64(f)))}
}

// margins before and after an array, in elements: aligned and unaligned ones take turns. Their number has no
// divisor in common with that of an instruction's operands, so that each operand meets each.
var margins = [...]int{16, 3, 0, 7, 32, 1, 5}

func (r *rig) float() tape.Dtype { return r.tape.Float }

// buffer appends a buffer at the end of the arena.
func (r *rig) buffer(dtype tape.Dtype, n int) tape.BufferID {
	r.tape.Buffers = append(r.tape.Buffers, tape.Buffer{Dtype: dtype, Len: n, Offset: r.tape.Arena})
	r.tape.Arena += (int64(n*dtype.Size()) + tape.Align - 1) / tape.Align * tape.Align
	return tape.BufferID(len(r.tape.Buffers) - 1)
}

func (r *rig) slot(kind tape.SlotKind, dtype tape.Dtype, vals []float64) *array {
	before := margins[len(r.arrays)%len(margins)]
	after := margins[(len(r.arrays)+1)%len(margins)]
	n := before + len(vals) + after
	a := &array{
		Ref:   tape.Ref{Buf: r.buffer(dtype, n), Off: before},
		name:  fmt.Sprintf("%v%d", kind, len(r.arrays)),
		dtype: dtype, slot: tape.SlotID(len(r.tape.Slots)), kind: kind,
	}
	edge := math.NaN()
	if dtype == tape.Int32 {
		edge = math.MaxInt32
	}
	all := slices.Repeat([]float64{edge}, n)
	copy(all[before:], vals)
	a.data = host(dtype, all)
	a.vals = unhost(a.data)[before:][:len(vals)]
	r.tape.Slots = append(r.tape.Slots, tape.Slot{Name: a.name, Kind: kind, Shape: []int{n}, Buf: a.Buf})
	r.arrays = append(r.arrays, a)
	return a
}

// in is an input of the float type.
func (r *rig) in(vals []float64) *array { return r.slot(tape.Input, r.float(), vals) }

// ints is an input of integers.
func (r *rig) ints(vals ...int) *array {
	xs := make([]float64, len(vals))
	for i, v := range vals {
		xs[i] = float64(v)
	}
	return r.slot(tape.Input, tape.Int32, xs)
}

// state is a state of the float type.
func (r *rig) state(vals []float64) *array { return r.slot(tape.State, r.float(), vals) }

// out is a state of n elements that hold old contents of no meaning.
func (r *rig) out(n int) *array {
	return r.slot(tape.State, r.float(), slices.Repeat([]float64{-77}, n))
}

// outInts is out for integers.
func (r *rig) outInts(n int) *array {
	return r.slot(tape.State, tape.Int32, slices.Repeat([]float64{-77}, n))
}

// temp is a buffer without a slot.
func (r *rig) temp(dtype tape.Dtype, n int) *array {
	return &array{Ref: tape.Ref{Buf: r.buffer(dtype, n)}, name: "temp", dtype: dtype}
}

func (r *rig) emit(code ...tape.Instr) { r.tape.Code = append(r.tape.Code, code...) }

// rand is n numbers in [-1, 1), exact in the float type.
func (r *rig) rand(n int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = round(r.float(), 2*r.rng.Float64()-1)
	}
	return xs
}

// expect says what a holds after the run, to the bit but for the sign of a zero.
func (a *array) expect(want []float64) { a.expectWithin(want, nil) }

func (a *array) expectWithin(want, tol []float64) { a.want, a.tol = want, tol }

// at is the place i elements into the array, moving by steps.
func (a *array) at(i int, steps ...int) tape.Ref {
	return tape.Ref{Buf: a.Buf, Off: a.Off + i, Step: steps}
}

// ref is the place of the first element, moving by steps.
func (a *array) ref(steps ...int) tape.Ref { return a.at(0, steps...) }

// run loads the tape, runs it twice from the same slots, and compares.
func (r *rig) run(d tape.Device) error {
	listing := r.tape.String()
	p, err := d.Load(&r.tape)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	var first []any
	for range 2 {
		if err := r.write(p); err != nil {
			return err
		}
		if err := p.Run(); err != nil {
			return errors.Wrap(err, "Run")
		}
		got, err := r.read(p)
		if err != nil {
			return err
		}
		if first == nil {
			first = got
		}
		for i, a := range r.arrays {
			if err := a.compare(got[i]); err != nil {
				return errors.Wrapf(err, "%v", r.writer(r.tape.Code, a.Buf))
			}
			if !sameBits(got[i], first[i]) {
				return errors.Errorf("%v: %s has other bits after a second run from the same inputs and states",
					r.writer(r.tape.Code, a.Buf), a.name)
			}
		}
	}
	if r.tape.String() != listing {
		return errors.New("the device has changed the tape")
	}
	return errors.Wrap(p.Close(), "Close")
}

// runEach runs the tape, and then each of its instructions, which must not depend on each other, in a tape of
// its own: what a device reserves for one is then not there for another.
func (r *rig) runEach(d tape.Device) error {
	if err := r.run(d); err != nil {
		return err
	}
	for _, in := range r.tape.Code {
		used := map[tape.BufferID]bool{}
		in.Refs(func(ref tape.Ref, _ bool) { used[ref.Buf] = true })
		alone := &rig{tape: tape.Tape{Float: r.float(), Code: []tape.Instr{in}}}
		for id, b := range r.tape.Buffers {
			if !used[tape.BufferID(id)] {
				b.Len = 0
			}
			alone.buffer(b.Dtype, b.Len)
		}
		for _, a := range r.arrays {
			if used[a.Buf] {
				c := *a
				c.slot = tape.SlotID(len(alone.tape.Slots))
				alone.tape.Slots = append(alone.tape.Slots, r.tape.Slots[a.slot])
				alone.arrays = append(alone.arrays, &c)
			}
		}
		if err := alone.run(d); err != nil {
			return errors.Wrap(err, "in a tape of its own")
		}
	}
	return nil
}

// writer is the first instruction that writes a buffer, nil if there is none.
func (r *rig) writer(code []tape.Instr, b tape.BufferID) tape.Instr {
	for _, in := range code {
		found := false
		in.Refs(func(ref tape.Ref, write bool) { found = found || write && ref.Buf == b })
		if found {
			return in
		}
		if l, ok := in.(*tape.Loop); ok {
			if in := r.writer(l.Body, b); in != nil {
				return in
			}
		}
	}
	return nil
}

func (r *rig) write(p tape.Program) error {
	for _, a := range r.arrays {
		if a.kind == tape.Output {
			continue
		}
		if err := p.Write(a.slot, a.data); err != nil {
			return errors.Wrap(err, "Write")
		}
	}
	return nil
}

// read reads all slots.
func (r *rig) read(p tape.Program) ([]any, error) {
	got := make([]any, len(r.arrays))
	for i, a := range r.arrays {
		got[i] = host(a.dtype, make([]float64, len(unhost(a.data))))
		if err := p.Read(a.slot, got[i]); err != nil {
			return nil, errors.Wrap(err, "Read")
		}
	}
	return got, nil
}

// compare checks the contents of the whole slot.
func (a *array) compare(data any) error {
	got, before := unhost(data), unhost(a.data)
	n := len(a.vals)
	if a.kind != tape.Output {
		changed := func(lo, hi int) error {
			for i := lo; i < hi; i++ {
				if !same(got[i], before[i]) {
					return errors.Errorf("%s[%d] was written: it is %v, was %v", a.name, i-a.Off, got[i], before[i])
				}
			}
			return nil
		}
		if a.want == nil {
			return changed(0, len(got))
		}
		if err := changed(0, a.Off); err != nil {
			return err
		}
		if err := changed(a.Off+n, len(got)); err != nil {
			return err
		}
	}
	for i, w := range a.want {
		tol := 0.0
		if a.tol != nil {
			tol = a.tol[i]
		}
		g := got[a.Off+i]
		if a.zeros && g == 0 && w == 0 && math.Signbit(g) != math.Signbit(w) {
			return errors.Errorf("%s[%d] is a zero of the wrong sign, %v", a.name, i, g)
		}
		if !same(g, w) && (math.IsInf(w, 0) || !(math.Abs(g-w) <= tol)) {
			return errors.Errorf("%s[%d] = %v, want %v ± %.3g", a.name, i, g, w, tol)
		}
	}
	return nil
}

// same is equality by which NaN equals itself.
func same(a, b float64) bool { return a == b || a != a && b != b }

// host converts numbers to a slice of a slot's type.
func host(dtype tape.Dtype, vals []float64) any {
	switch dtype {
	case tape.Float32:
		return convert[float32](vals)
	case tape.Float64:
		return slices.Clone(vals)
	}
	return convert[int32](vals)
}

// unhost converts a slice of a slot's type to numbers, of which it returns a copy.
func unhost(data any) []float64 {
	switch xs := data.(type) {
	case []float32:
		return convert[float64](xs)
	case []int32:
		return convert[float64](xs)
	}
	return slices.Clone(data.([]float64))
}

func convert[To, From float32 | float64 | int32](xs []From) []To {
	ys := make([]To, len(xs))
	for i, x := range xs {
		ys[i] = To(x)
	}
	return ys
}

func sameBits(a, b any) bool {
	switch a := a.(type) {
	case []float32:
		return slices.EqualFunc(a, b.([]float32),
			func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
	case []float64:
		return slices.EqualFunc(a, b.([]float64),
			func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
	}
	return slices.Equal(a.([]int32), b.([]int32))
}

// round is x as a number of type f.
func round(f tape.Dtype, x float64) float64 {
	if f == tape.Float32 {
		return float64(float32(x))
	}
	return x
}

// unit is the unit roundoff u of a float type: an operation that is rounded once is within u·|result|.
func unit(f tape.Dtype) float64 {
	if f == tape.Float32 {
		return 0x1p-24
	}
	return 0x1p-53
}

// fnTol is how far Exp, Tanh and their like may be off, absolute or relative. The contract says it for Float32;
// a Float64 tape is there for checks of derivatives, which need all but the last few digits.
func fnTol(f tape.Dtype) float64 {
	if f == tape.Float32 {
		return 2e-6
	}
	return 1e-13
}

// dense is an operand with the strides of a dense array of the given shape.
func dense(ref tape.Ref, shape ...int) tape.Operand {
	return tape.Operand{Ref: ref, Strides: tape.Strides(shape)}
}

// size is the number of elements of a shape.
func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// each calls f with every index of a shape, row-major.
func each(shape []int, f func(index []int)) {
	index := make([]int, len(shape))
	var visit func(axis int)
	visit = func(axis int) {
		if axis == len(shape) {
			f(index)
			return
		}
		for index[axis] = range shape[axis] {
			visit(axis + 1)
		}
	}
	visit(0)
}

// offset is the distance of an element from the first of a strided view.
func offset(index, strides []int) int {
	at := 0
	for i, s := range strides {
		at += index[i] * s
	}
	return at
}

// unary is out = fn(in) over n elements.
func unary(fn tape.Fn, out, in tape.Ref, n int) *tape.Map {
	return &tape.Map{
		Shape: []int{n}, In: []tape.Operand{dense(in, n)}, Out: []tape.Operand{dense(out, n)},
		Code: []tape.Op{{Fn: fn}}, Result: []int{1},
	}
}

// binary is out = fn(x, y) over n elements.
func binary(fn tape.Fn, out, x, y tape.Ref, n int) *tape.Map {
	return &tape.Map{
		Shape: []int{n}, In: []tape.Operand{dense(x, n), dense(y, n)}, Out: []tape.Operand{dense(out, n)},
		Code: []tape.Op{{Fn: fn, Args: [3]int{0, 1}}}, Result: []int{2},
	}
}
