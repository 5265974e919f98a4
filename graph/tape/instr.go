package tape

import (
	"fmt"
	"strings"
)

// Instr is one instruction. The set is closed: *Product, *Map, *Reduce, *Rows, *Gather, *ScatterAdd, *Put, *Random,
// *Copy, *Loop, *Host and *AllReduce. Outputs never overlap inputs within one instruction unless its doc says that they
// may.
type Instr interface {
	fmt.Stringer
	// Refs calls f with each place that the instruction itself (not a loop's body) reads or writes.
	Refs(f func(r Ref, write bool))
	instr()
}

// Product is C = op(A)·op(B), or C += op(A)·op(B), for each of Batch matrices.
//
// op(A) is M×K, op(B) is K×N, C is M×N. op(A)[i,k] is A[i*LdA+k], or A[k*LdA+i] if TransA; B likewise, with LdB.
// C[i,j] is C[i*LdC+j]. Matrix b of a batch lies b*StrideX elements on; a stride of 0 uses one matrix for all.
// Ld is at least the width of the stored rows. With K = 0 the product is zero.
//
// Need, if there is one, leaves work undone: Batch×M dense numbers, floats or Int32, one for each row of C. Of a row whose
// number is 0 nothing is used: a device may leave any finite numbers there, or compute it. Other rows are as without.
type Product struct {
	A, B, C                   Ref
	Batch, M, N, K            int
	TransA, TransB            bool
	LdA, LdB, LdC             int
	StrideA, StrideB, StrideC int
	Acc                       bool
	Need                      *Ref // nil: all rows of C are needed
}

// Operand is a strided view with the shape of its instruction: element i, j, ... lies at Ref + i*Strides[0] +
// j*Strides[1] ... A stride of 0 broadcasts, and strides may be negative. An output has each place at most
// once.
type Operand struct {
	Ref
	Strides []int
}

// Op is one operation of a Map's scalar program.
type Op struct {
	Fn    Fn
	Args  [3]int  // registers, the first Fn.Arity() of them
	Value float64 // of Const
	Axis  int     // of Iota
}

// Map computes elementwise functions over Shape: for every index it loads In[0], In[1], ... into registers 0,
// 1, ... (Int32 elements are converted to the tape's float type), runs Code, whose k-th op writes register
// len(In)+k, and stores registers Result[0], Result[1], ... to Out[0], Out[1], ... (converted by truncation
// where Out is Int32).
//
// An output may coincide with an input if both have the same Ref and Strides: every index is loaded before it
// is stored. There is at least one output. All arithmetic is in the tape's float type: Add, Sub, Mul, Div and
// Sqrt are correctly rounded, Exp, Tanh and their like are within 2e-6 (Float32) or 1e-13 (Float64), absolute
// or relative. What NaN and numbers that do not fit become as Int32 is not specified.
type Map struct {
	Shape  []int
	In     []Operand
	Code   []Op
	Result []int
	Out    []Operand
}

// ReduceFn is a way to reduce many numbers to one.
type ReduceFn uint8

const (
	Sum       ReduceFn = iota // 0 for none
	ReduceMax                 // -Inf for none; NaN if any is NaN
)

func (f ReduceFn) String() string { return name("ReduceFn", int(f), "sum", "max") }

// Reduce is Out[o,i] = Fn over n of In[o,n,i]; In is dense Outer×N×Inner, Out is dense Outer×Inner, both floats.
type Reduce struct {
	Fn              ReduceFn
	In, Out         Ref
	Outer, N, Inner int
}

// RowsKind is a function of the rows of a matrix.
type RowsKind uint8

const (
	// (x [, mask]) -> y: y = exp(x) / Σ exp(x) over the columns whose mask is not 0; others are 0; no column: all 0
	Softmax          RowsKind = iota
	LogSoftmax                // (x) -> y: y = x - ln Σ exp(x)
	SoftmaxGrad               // (y, g) -> dx: y * (g - Σ g*y); y is what Softmax gave
	LogSoftmaxGrad            // (y, g) -> dx: g - exp(y) * Σ g; y is what LogSoftmax gave
	CrossEntropy              // (x, target [, mask]) -> loss, one number a row
	CrossEntropyGrad          // (x, target, g [, mask]) -> dx; g is one number a row
	Argmax                    // (x) -> index of the largest, one Int32 a row; the first of equals; NaN counts as largest
)

var rowsNames = [...]string{"softmax", "logsoftmax", "softmaxgrad", "logsoftmaxgrad", "crossentropy",
	"crossentropygrad", "argmax"}

func (k RowsKind) String() string { return name("RowsKind", int(k), rowsNames[:]...) }

// Rows applies a function to each row of a dense Rows×Cols matrix. The operands and the result are dense:
// Rows×Cols, or one element a row where RowsKind says so. Targets are Int32; masks are floats, with the shape
// of x for Softmax, one element a row otherwise. Argmax needs at least one column. Smoothing lies in [0, 1].
//
// CrossEntropy of a row x with target t, at Smoothing ε, over the V columns, is
//
//	-Σ_j q_j ln softmax(x)_j    with q_j = (1-ε)[j = t] + ε/V
//
// times the row's mask (1 where there is no mask); where the mask is 0 the loss and its derivative are exactly
// 0, whatever x and t hold. CrossEntropyGrad is (softmax(x) - q) * g * mask. A target outside [0, Cols) in a
// row that is not masked out is an *IndexError.
//
// The Out of Softmax, LogSoftmax and CrossEntropyGrad may be the same place as x.
type Rows struct {
	Kind       RowsKind
	In         []Ref
	Out        Ref
	Rows, Cols int
	Mask       bool // the last of In is a mask
	Smoothing  float64
}

// Gather is Out[n] = Table[Index[n]]: N rows of Width elements from a table of Rows rows. An index outside [0,
// Rows) is an *IndexError. Table and Out have the same type, Index is Int32; all are dense.
type Gather struct {
	Table, Index, Out Ref
	N, Width, Rows    int
}

// ScatterAdd is Out = 0, then Out[Index[n]] += In[n] for n = 0, 1, ..., N-1 in this order: the derivative of Gather.
// In is N×Width, Out is Rows×Width, both floats; an index outside [0, Rows) is an *IndexError.
type ScatterAdd struct {
	Index, In, Out Ref
	N, Width, Rows int
}

// Put is Out[Index[n]] = In[n] for n = 0, 1, ..., N-1 in this order, so that of equal indices the last counts;
// all other rows stay as they are. In is N×Width, Out is Rows×Width, both of the same type; an index outside
// [0, Rows) is an *IndexError.
type Put struct {
	Index, In, Out Ref
	N, Width, Rows int
}

// Random writes uniform numbers in [0, 1): Out is dense N×Width; row n is drawn with the key Keys[n], four
// Int32 numbers (seed low, seed high, step, time), and does not depend on anything else but Stream. See Philox.
type Random struct {
	Keys, Out Ref
	N, Width  int
	Stream    uint32
}

// Copy copies a strided view to another of the same element type, bit for bit.
type Copy struct {
	Shape   []int
	In, Out Operand
}

// Loop runs Body Trip times, at steps 0, 1, ..., Trip-1.
type Loop struct {
	Trip int
	Body []Instr
}

// HostArg is a dense array that a Host function reads or writes.
type HostArg struct {
	Ref
	Shape []int
}

// Host calls a Go function on host memory: the way out for operations that have no instruction. Fn gets dense
// []float32, []float64 or []int32 slices, reads in and fills out, and must keep none of them.
type Host struct {
	Name string
	In   []HostArg
	Out  []HostArg
	Fn   func(out, in []any) error
}

// AllReduce adds up numbers of several processes, which run equal programs: N floats, dense. Where When, one float, is
// not 0, Out is Σ In over the processes; where it is 0, Out is In, and no process waits for another.
//
// Sum makes the sums: it gets Out, in which this process's numbers are, as a dense []float32 or []float64 on the host,
// adds the others' to it, and must keep nothing of it. Its error ends the run. It waits for the other processes, so
// theirs must come to the same AllReduces in the same order, with the same When; it gives all of them the same bits.
// A device that was given a way of its own to reach the other processes may make the sums itself, and not call it.
//
// Out may be the same place as In.
type AllReduce struct {
	In, Out, When Ref
	N             int
	Sum           func(data any) error
}

// Host is the same for devices that have no collective of their own: a function that gets In and When, and gives Out.
func (a *AllReduce) Host() *Host {
	return &Host{
		Name: "allreduce",
		In:   []HostArg{{a.In, []int{a.N}}, {a.When, nil}},
		Out:  []HostArg{{a.Out, []int{a.N}}},
		Fn: func(out, in []any) error {
			var when float64
			switch x := in[1].(type) {
			case []float32:
				copy(out[0].([]float32), in[0].([]float32))
				when = float64(x[0])
			case []float64:
				copy(out[0].([]float64), in[0].([]float64))
				when = x[0]
			}
			if when == 0 {
				return nil
			}
			return a.Sum(out[0])
		},
	}
}

func (*Product) instr()    {}
func (*Map) instr()        {}
func (*Reduce) instr()     {}
func (*Rows) instr()       {}
func (*Gather) instr()     {}
func (*ScatterAdd) instr() {}
func (*Put) instr()        {}
func (*Random) instr()     {}
func (*Copy) instr()       {}
func (*Loop) instr()       {}
func (*Host) instr()       {}
func (*AllReduce) instr()  {}

func (p *Product) Refs(f func(Ref, bool)) {
	f(p.A, false)
	f(p.B, false)
	if p.Need != nil {
		f(*p.Need, false)
	}
	f(p.C, true)
}
func (m *Map) Refs(f func(Ref, bool)) {
	for _, o := range m.In {
		f(o.Ref, false)
	}
	for _, o := range m.Out {
		f(o.Ref, true)
	}
}
func (r *Reduce) Refs(f func(Ref, bool)) { f(r.In, false); f(r.Out, true) }
func (r *Rows) Refs(f func(Ref, bool)) {
	for _, in := range r.In {
		f(in, false)
	}
	f(r.Out, true)
}
func (g *Gather) Refs(f func(Ref, bool))     { f(g.Table, false); f(g.Index, false); f(g.Out, true) }
func (s *ScatterAdd) Refs(f func(Ref, bool)) { f(s.Index, false); f(s.In, false); f(s.Out, true) }
func (p *Put) Refs(f func(Ref, bool))        { f(p.Index, false); f(p.In, false); f(p.Out, true) }
func (r *Random) Refs(f func(Ref, bool))     { f(r.Keys, false); f(r.Out, true) }
func (c *Copy) Refs(f func(Ref, bool))       { f(c.In.Ref, false); f(c.Out.Ref, true) }
func (l *Loop) Refs(func(Ref, bool))         {}
func (h *Host) Refs(f func(Ref, bool)) {
	for _, a := range h.In {
		f(a.Ref, false)
	}
	for _, a := range h.Out {
		f(a.Ref, true)
	}
}

func (a *AllReduce) Refs(f func(Ref, bool)) { f(a.In, false); f(a.When, false); f(a.Out, true) }

func (r Ref) String() string {
	s := fmt.Sprintf("b%d", r.Buf)
	if r.Off != 0 {
		s += fmt.Sprintf("+%d", r.Off)
	}
	for i, k := range r.Step {
		if k != 0 {
			s += fmt.Sprintf("%+d·s%d", k, i)
		}
	}
	return s
}

func (o Operand) String() string { return fmt.Sprintf("%v%v", o.Ref, o.Strides) }

func (p *Product) String() string {
	t := func(r Ref, trans bool) string {
		if trans {
			return r.String() + "ᵀ"
		}
		return r.String()
	}
	eq := "="
	if p.Acc {
		eq = "+="
	}
	batch := ""
	if p.Batch != 1 {
		batch = fmt.Sprintf("%d×", p.Batch)
	}
	need := ""
	if p.Need != nil {
		need = fmt.Sprintf(" where %v", *p.Need)
	}
	return fmt.Sprintf("product %v %s %s · %s  %s%d×%d×%d%s", p.C, eq, t(p.A, p.TransA), t(p.B, p.TransB), batch, p.M, p.K,
		p.N, need)
}

func (m *Map) String() string {
	var b strings.Builder
	b.WriteString("map ")
	for i, o := range m.Out {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%v = r%d", o, m.Result[i])
	}
	fmt.Fprintf(&b, "  over %v", m.Shape)
	for i, o := range m.In {
		fmt.Fprintf(&b, "; r%d = %v", i, o)
	}
	for i, op := range m.Code {
		fmt.Fprintf(&b, "; r%d = %v", len(m.In)+i, op)
	}
	return b.String()
}

func (o Op) String() string {
	switch o.Fn {
	case Const:
		return fmt.Sprint(o.Value)
	case Iota:
		return fmt.Sprintf("iota(%d)", o.Axis)
	}
	args := make([]string, o.Fn.Arity())
	for i := range args {
		args[i] = fmt.Sprintf("r%d", o.Args[i])
	}
	return fmt.Sprintf("%v(%s)", o.Fn, strings.Join(args, ", "))
}

func (r *Reduce) String() string {
	return fmt.Sprintf("reduce %v = %v %v  %d×[%d]×%d", r.Out, r.Fn, r.In, r.Outer, r.N, r.Inner)
}
func (r *Rows) String() string {
	s := fmt.Sprintf("rows %v = %v %v  %d×%d", r.Out, r.Kind, r.In, r.Rows, r.Cols)
	if r.Mask {
		s += " masked"
	}
	if r.Smoothing != 0 {
		s += fmt.Sprintf(" smoothing %g", r.Smoothing)
	}
	return s
}
func (g *Gather) String() string {
	return fmt.Sprintf("gather %v = %v[%v]  %d of %d rows of %d", g.Out, g.Table, g.Index, g.N, g.Rows, g.Width)
}
func (s *ScatterAdd) String() string {
	return fmt.Sprintf("scatteradd %v[%v] += %v  %d into %d rows of %d", s.Out, s.Index, s.In, s.N, s.Rows, s.Width)
}
func (p *Put) String() string {
	return fmt.Sprintf("put %v[%v] = %v  %d of %d rows of %d", p.Out, p.Index, p.In, p.N, p.Rows, p.Width)
}
func (r *Random) String() string {
	return fmt.Sprintf("random %v = uniform(%v, stream %d)  %d×%d", r.Out, r.Keys, r.Stream, r.N, r.Width)
}
func (c *Copy) String() string { return fmt.Sprintf("copy %v = %v  %v", c.Out, c.In, c.Shape) }
func (l *Loop) String() string { return fmt.Sprintf("loop %d", l.Trip) }
func (h *Host) String() string {
	refs := func(as []HostArg) (rs []Ref) {
		for _, a := range as {
			rs = append(rs, a.Ref)
		}
		return rs
	}
	return fmt.Sprintf("host %v = %s%v", refs(h.Out), h.Name, refs(h.In))
}

func (a *AllReduce) String() string {
	return fmt.Sprintf("allreduce %v = sum(%v) if %v  %d", a.Out, a.In, a.When, a.N)
}

// String is a readable listing: slots, then instructions, loop bodies indented.
func (t *Tape) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "tape %v, %d buffers, arena %d bytes\n", t.Float, len(t.Buffers), t.Arena)
	for _, s := range t.Slots {
		fmt.Fprintf(&b, "  %-6v b%d %v%v %q\n", s.Kind, s.Buf, t.Buffers[s.Buf].Dtype, s.Shape, s.Name)
	}
	list(&b, t.Code, "  ")
	return b.String()
}

func list(b *strings.Builder, code []Instr, indent string) {
	for _, in := range code {
		fmt.Fprintf(b, "%s%v\n", indent, in)
		if l, ok := in.(*Loop); ok {
			list(b, l.Body, indent+"  ")
		}
	}
}
