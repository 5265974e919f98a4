package tape

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// Verify checks that t keeps the rules of this package, so that a device that loads it need not check them again:
//
//   - buffers lie aligned in the arena; slots lie in their buffers; what the host has written (inputs and states) shares no
//     memory with another buffer, and inputs are never written by the tape;
//   - at every step of the enclosing loops each operand stays within its buffer and has the element type that its instruction
//     asks for;
//   - dimensions are not negative, leading dimensions are at least as wide as the rows, an output holds no element twice;
//   - a Map's operations use registers that are written before;
//   - no output is seen to overlap another operand of its instruction, save where the instruction's doc allows it. Only
//     contiguous operands are looked at.
//
// A function or an instruction that this package does not know is an *UnsupportedError. Verify never panics.
func Verify(t *Tape) error {
	if t == nil {
		return errors.New("there is no tape")
	}
	v := verifier{tape: t}
	v.buffers()
	v.slots()
	v.code(t.Code)
	return v.err
}

// A verifier walks a tape and keeps the first error.
type verifier struct {
	tape  *Tape
	inBuf []bool // by buffer: of an Input slot
	path  []int  // index of the current instruction in each enclosing body, outermost first
	trips []int  // of the enclosing loops, outermost first
	err   error

	// Of the current instruction.
	instr    Instr
	accesses []access
}

// axis is a dimension of an operand: n places, stride elements apart.
type axis struct{ n, stride int }

func dense(dims ...int) []axis { return strided(dims, Strides(dims)) }

func strided(shape, strides []int) []axis {
	as := make([]axis, len(shape))
	for i := range as {
		as[i] = axis{shape[i], strides[i]}
	}
	return as
}

// Strides are the strides of a dense row-major array.
func Strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

func (v *verifier) fail(format string, args ...any) {
	if v.err != nil {
		return
	}
	where := "tape"
	if v.instr != nil {
		where = fmt.Sprintf("tape: instruction %s: %v", strings.Trim(fmt.Sprint(v.path), "[]"), v.instr)
	}
	v.err = errors.Errorf("%s: %s", where, fmt.Sprintf(format, args...))
}

func (v *verifier) unsupported(why string) {
	if v.err == nil {
		v.err = &UnsupportedError{Device: "any", Instr: fmt.Sprint(v.instr), Why: why}
	}
}

func (v *verifier) buffers() {
	t := v.tape
	if t.Float != Float32 && t.Float != Float64 {
		v.fail("float type is %v, must be f32 or f64", t.Float)
	}
	for i, b := range t.Buffers {
		switch {
		case b.Dtype != t.Float && b.Dtype != Int32:
			v.fail("b%d is of type %v in a tape of %v", i, b.Dtype, t.Float)
		case b.Len < 0:
			v.fail("b%d has a negative length, %d", i, b.Len)
		case b.Offset < 0 || b.Offset%Align != 0:
			v.fail("b%d lies at byte %d of the arena, which is not a multiple of %d", i, b.Offset, Align)
		case b.Offset > t.Arena || int64(b.Len) > (t.Arena-b.Offset)/int64(b.Dtype.Size()):
			v.fail("b%d of %d×%v at byte %d ends outside of the arena of %d bytes", i, b.Len, b.Dtype, b.Offset, t.Arena)
		}
	}
}

func (v *verifier) slots() {
	if v.err != nil {
		return
	}
	t := v.tape
	v.inBuf = make([]bool, len(t.Buffers))
	for _, s := range t.Slots {
		if s.Kind > Output {
			v.fail("slot %q is of an unknown kind, %d", s.Name, uint8(s.Kind))
			return
		}
		if s.Buf < 0 || int(s.Buf) >= len(t.Buffers) {
			v.fail("slot %q names buffer b%d of %d", s.Name, s.Buf, len(t.Buffers))
			return
		}
		n := 1.0 // float64 does not overflow, and is exact for all that fits
		for _, d := range s.Shape {
			if d < 0 {
				v.fail("slot %q has a negative dimension, shape %v", s.Name, s.Shape)
			}
			n *= float64(d)
		}
		if n > float64(t.Buffers[s.Buf].Len) {
			v.fail("slot %q of shape %v is larger than its buffer b%d of %d elements", s.Name, s.Shape, s.Buf,
				t.Buffers[s.Buf].Len)
		}
		if s.Kind == Output {
			continue
		}
		if s.Kind == Input {
			v.inBuf[s.Buf] = true
		}
		lo, hi := t.Buffers[s.Buf].bytes()
		for i, o := range t.Buffers {
			if olo, ohi := o.bytes(); BufferID(i) != s.Buf && max(lo, olo) < min(hi, ohi) {
				v.fail("%v slot %q in b%d keeps its contents between runs but shares memory with b%d", s.Kind, s.Name, s.Buf, i)
			}
		}
	}
}

// bytes is the stretch of the arena that b covers.
func (b Buffer) bytes() (lo, hi int64) {
	return b.Offset, b.Offset + int64(b.Len)*int64(b.Dtype.Size())
}

func (v *verifier) code(code []Instr) {
	v.path = append(v.path, 0)
	for i, in := range code {
		v.path[len(v.path)-1] = i
		v.instruction(in)
		if v.err != nil {
			return
		}
	}
	v.path = v.path[:len(v.path)-1]
}

func (v *verifier) instruction(in Instr) {
	v.instr, v.accesses = in, v.accesses[:0]
	if in == nil || reflect.ValueOf(in).Kind() == reflect.Pointer && reflect.ValueOf(in).IsNil() {
		v.instr = nil
		v.fail("instruction %v is nil", v.path)
		return
	}
	switch in := in.(type) {
	case *Product:
		v.product(in)
	case *Map:
		v.mapping(in)
	case *Reduce:
		if in.Fn > ReduceMax {
			v.unsupported(fmt.Sprintf("unknown reduction %d", uint8(in.Fn)))
		}
		v.floats("in", in.In, false, dense(in.Outer, in.N, in.Inner))
		v.floats("out", in.Out, true, dense(in.Outer, in.Inner))
	case *Rows:
		v.rows(in)
	case *Gather:
		v.ints("index", in.Index, false, dense(in.N))
		v.any("table", in.Table, false, dense(in.Rows, in.Width))
		v.any("out", in.Out, true, dense(in.N, in.Width))
		v.sameType("table", in.Table, "out", in.Out)
	case *ScatterAdd:
		v.ints("index", in.Index, false, dense(in.N))
		v.floats("in", in.In, false, dense(in.N, in.Width))
		v.floats("out", in.Out, true, dense(in.Rows, in.Width))
	case *Put:
		v.ints("index", in.Index, false, dense(in.N))
		v.any("in", in.In, false, dense(in.N, in.Width))
		v.any("out", in.Out, true, dense(in.Rows, in.Width))
		v.sameType("in", in.In, "out", in.Out)
	case *Random:
		v.ints("keys", in.Keys, false, dense(in.N, 4))
		v.floats("out", in.Out, true, dense(in.N, in.Width))
	case *Copy:
		v.operand("in", in.In, false, in.Shape)
		v.operand("out", in.Out, true, in.Shape)
		v.sameType("in", in.In.Ref, "out", in.Out.Ref)
	case *Loop:
		if in.Trip < 0 {
			v.fail("negative trip count")
			return
		}
		v.trips = append(v.trips, in.Trip)
		v.code(in.Body)
		v.trips = v.trips[:len(v.trips)-1]
		return
	case *Host:
		if in.Fn == nil {
			v.fail("no function")
		}
		for i, a := range in.In {
			v.any(fmt.Sprintf("in[%d]", i), a.Ref, false, dense(a.Shape...))
		}
		for i, a := range in.Out {
			v.any(fmt.Sprintf("out[%d]", i), a.Ref, true, dense(a.Shape...))
		}
	case *AllReduce:
		if in.Sum == nil {
			v.fail("no function")
		}
		v.floats("in", in.In, false, dense(in.N))
		v.floats("when", in.When, false, nil)
		v.floats("out", in.Out, true, dense(in.N))
	default:
		v.unsupported(fmt.Sprintf("unknown instruction %T", in))
	}
	v.overlaps()
}

func (v *verifier) product(p *Product) {
	matrix := func(name string, r Ref, write, trans bool, rows, cols, ld, stride int) {
		if trans {
			rows, cols = cols, rows
		}
		if ld < cols {
			v.fail("%s has rows of %d elements but a leading dimension of %d", name, cols, ld)
		}
		v.floats(name, r, write, strided([]int{p.Batch, rows, cols}, []int{stride, ld, 1}))
	}
	matrix("A", p.A, false, p.TransA, p.M, p.K, p.LdA, p.StrideA)
	matrix("B", p.B, false, p.TransB, p.K, p.N, p.LdB, p.StrideB)
	matrix("C", p.C, true, false, p.M, p.N, p.LdC, p.StrideC)
	if p.Need != nil {
		v.any("need", *p.Need, false, dense(p.Batch, p.M))
	}
}

func (v *verifier) mapping(m *Map) {
	for i, o := range m.In {
		v.operand(fmt.Sprintf("in[%d]", i), o, false, m.Shape)
	}
	for i, o := range m.Out {
		v.operand(fmt.Sprintf("out[%d]", i), o, true, m.Shape)
	}
	if len(m.Out) == 0 {
		v.fail("no output")
	}
	for k, op := range m.Code {
		if op.Fn >= numFn {
			v.unsupported("unknown function " + op.Fn.String())
			return
		}
		if op.Fn == Iota && (op.Axis < 0 || op.Axis >= len(m.Shape)) {
			v.fail("op %d is iota along axis %d of %d", k, op.Axis, len(m.Shape))
		}
		for _, a := range op.Args[:op.Fn.Arity()] {
			if a < 0 || a >= len(m.In)+k {
				v.fail("op %d reads register r%d before it is written", k, a)
			}
		}
	}
	if len(m.Result) != len(m.Out) {
		v.fail("%d results for %d outputs", len(m.Result), len(m.Out))
	}
	for _, r := range m.Result {
		if r < 0 || r >= len(m.In)+len(m.Code) {
			v.fail("the result r%d is never written", r)
		}
	}
}

func (v *verifier) rows(r *Rows) {
	full, each := dense(r.Rows, r.Cols), dense(r.Rows)
	out, mask := full, each
	masked := false // whether the kind may have a mask
	var in []string
	switch r.Kind {
	case Softmax:
		in, masked, mask = []string{"x"}, true, full
	case LogSoftmax:
		in = []string{"x"}
	case SoftmaxGrad, LogSoftmaxGrad:
		in = []string{"y", "dy"}
	case CrossEntropy:
		in, masked, out = []string{"x", "target"}, true, each
	case CrossEntropyGrad:
		in, masked = []string{"x", "target", "g"}, true
	case Argmax:
		in, out = []string{"x"}, each
		if r.Cols == 0 && r.Rows > 0 {
			v.fail("no column is the largest of none")
		}
	default:
		v.unsupported(fmt.Sprintf("unknown function of rows %d", uint8(r.Kind)))
		return
	}
	if r.Mask && !masked {
		v.fail("takes no mask")
	}
	if r.Mask {
		in = append(in, "mask")
	}
	if len(r.In) != len(in) {
		v.fail("has %d operands, wants %v", len(r.In), in)
		return
	}
	for i, name := range in {
		switch name {
		case "x", "y", "dy":
			v.floats(name, r.In[i], false, full)
		case "target":
			v.ints(name, r.In[i], false, each)
		case "g":
			v.floats(name, r.In[i], false, each)
		case "mask":
			v.floats(name, r.In[i], false, mask)
		}
	}
	if r.Kind == Argmax {
		v.ints("out", r.Out, true, out)
	} else {
		v.floats("out", r.Out, true, out)
	}
	if !(r.Smoothing >= 0 && r.Smoothing <= 1) {
		v.fail("smoothing lies outside of [0, 1]")
	}
}

func (v *verifier) operand(name string, o Operand, write bool, shape []int) {
	if len(o.Strides) != len(shape) {
		v.fail("%s has %d strides for %d dimensions", name, len(o.Strides), len(shape))
		return
	}
	v.any(name, o.Ref, write, strided(shape, o.Strides))
}

func (v *verifier) floats(name string, r Ref, write bool, axes []axis) {
	if v.any(name, r, write, axes); v.err == nil && v.tape.Buffers[r.Buf].Dtype != v.tape.Float {
		v.fail("%s is of type %v, wants %v", name, v.tape.Buffers[r.Buf].Dtype, v.tape.Float)
	}
}

func (v *verifier) ints(name string, r Ref, write bool, axes []axis) {
	if v.any(name, r, write, axes); v.err == nil && v.tape.Buffers[r.Buf].Dtype != Int32 {
		v.fail("%s is of type %v, wants %v", name, v.tape.Buffers[r.Buf].Dtype, Int32)
	}
}

func (v *verifier) sameType(a string, ra Ref, b string, rb Ref) {
	if v.err != nil {
		return
	}
	if da, db := v.tape.Buffers[ra.Buf].Dtype, v.tape.Buffers[rb.Buf].Dtype; da != db {
		v.fail("%s is of type %v but %s of type %v", a, da, b, db)
	}
}

// any checks an operand of any type.
func (v *verifier) any(name string, r Ref, write bool, axes []axis) {
	if v.err != nil {
		return
	}
	if r.Buf < 0 || int(r.Buf) >= len(v.tape.Buffers) {
		v.fail("%s names buffer b%d of %d", name, r.Buf, len(v.tape.Buffers))
		return
	}
	if len(r.Step) > len(v.trips) {
		v.fail("%s has steps for %d loops but lies in %d", name, len(r.Step), len(v.trips))
		return
	}
	empty := false
	for _, a := range axes {
		if a.n < 0 {
			v.fail("%s has a negative dimension, %d", name, a.n)
		}
		empty = empty || a.n == 0
	}
	if write && v.inBuf[r.Buf] {
		v.fail("%s writes b%d, an input", name, r.Buf)
	}
	if write && !empty && twice(axes) {
		v.fail("%s holds an element twice: dimensions and strides %v", name, axes)
	}
	if slices.Contains(v.trips, 0) {
		return // never runs
	}
	lo, hi := float64(r.Off), float64(r.Off) // as in slots: float64 does not overflow
	reach := func(n, stride int) {
		d := float64(n-1) * float64(stride)
		lo += min(d, 0)
		hi += max(d, 0)
	}
	for i, s := range r.Step {
		reach(v.trips[i], s)
	}
	if empty {
		hi-- // reads nothing, so that the end of the buffer is a good place too
	} else {
		for _, a := range axes {
			reach(a.n, a.stride)
		}
	}
	if n := v.tape.Buffers[r.Buf].Len; lo < 0 || hi >= float64(n) {
		v.fail("%s reaches from element %.0f to %.0f of b%d, which has %d", name, lo, hi, r.Buf, n)
	}
	if !empty {
		axes = slices.DeleteFunc(slices.Clone(axes), func(a axis) bool { return a.n == 1 })
		v.accesses = append(v.accesses, access{name, r, write, axes})
	}
}

// twice reports whether two indices may name the same element: sorted by stride, each axis must step over all
// the smaller ones.
func twice(axes []axis) bool {
	as := slices.Clone(axes)
	slices.SortFunc(as, func(a, b axis) int { return abs(a.stride) - abs(b.stride) })
	reach := 0.0
	for _, a := range as {
		if a.n == 1 {
			continue
		}
		if math.Abs(float64(a.stride)) <= reach {
			return true
		}
		reach += float64(a.n-1) * math.Abs(float64(a.stride))
	}
	return false
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}
