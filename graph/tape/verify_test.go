package tape

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// The buffers of the tapes below.
const (
	fx BufferID = iota // input, 100 floats
	fs                 // state, 100 floats
	ft                 // 100 floats
	fu                 // 100 floats, the last 36 of them shared with fv
	fv
	ix // input, 100 integers
	iy // 100 integers
)

func newTape(code ...Instr) *Tape {
	return &Tape{
		Float: Float32,
		Buffers: []Buffer{
			{Float32, 100, 0}, {Float32, 100, 448}, {Float32, 100, 896}, {Float32, 100, 1344}, {Float32, 100, 1600},
			{Int32, 100, 2048}, {Int32, 100, 2496},
		},
		Arena: 2944,
		Slots: []Slot{{"x", Input, []int{10, 10}, fx}, {"s", State, []int{100}, fs}, {"y", Output, []int{3}, ft},
			{"i", Input, []int{100}, ix}},
		Code: code,
	}
}

func at(b BufferID, off int, step ...int) Ref { return Ref{b, off, step} }

func op(r Ref, strides ...int) Operand { return Operand{r, strides} }

func loop(trip int, body ...Instr) *Loop { return &Loop{trip, body} }

// neg is out = -in over n neighbours.
func neg(out, in Ref, n int) *Map {
	return &Map{[]int{n}, []Operand{op(in, 1)}, []Op{{Fn: Neg}}, []int{1}, []Operand{op(out, 1)}}
}

// product is a 5×4 · 4×3 product.
func product(change func(p *Product)) *Product {
	p := &Product{A: at(fx, 0), B: at(fs, 0), C: at(ft, 0), Batch: 1, M: 5, K: 4, N: 3, LdA: 4, LdB: 3, LdC: 3}
	change(p)
	return p
}

func TestVerifyAccepts(t *testing.T) {
	for name, tp := range map[string]*Tape{
		"nothing":                 newTape(),
		"all of a buffer":         newTape(neg(at(ft, 0), at(fx, 0), 100)),
		"steps to both ends":      newTape(loop(10, neg(at(ft, 90, -10), at(fx, 0, 10), 10))),
		"nested steps":            newTape(loop(3, loop(4, neg(at(ft, 90, -20, -10), at(fx, 0, 0, 30), 10)))),
		"few steps":               newTape(loop(3, loop(4, neg(at(ft, 0, 10), at(fx, 0), 80)))),
		"a loop that never runs":  newTape(loop(0, neg(at(ft, 1000), at(fx, -7), 10))),
		"an empty Map at the end": newTape(neg(at(ft, 100), at(fx, 100), 0)),
		"a number":                newTape(&Map{nil, nil, []Op{{Fn: Const}}, []int{0}, []Operand{op(at(ft, 99))}}),
		"in place":                newTape(neg(at(fs, 5), at(fs, 5), 10)),
		"in place, moving":        newTape(loop(3, neg(at(fs, 5, 10), at(fs, 5, 10), 10))),
		"in place over one axis of two": newTape(&Map{
			[]int{10, 1}, []Operand{op(at(fs, 0), 1, 7)}, nil, []int{0}, []Operand{op(at(fs, 0), 1, 3)}}),
		"in place by way of the arena": newTape(neg(at(fv, 0), at(fu, 64), 36)),
		"other places of a buffer":     newTape(neg(at(fs, 0), at(fs, 10), 10)),
		"other parts of shared memory": newTape(neg(at(fv, 0), at(fu, 0), 64)),
		"interleaved":                  newTape(&Copy{[]int{50}, op(at(fs, 0), 2), op(at(fs, 1), 2)}),
		"a transposition":              newTape(&Copy{[]int{10, 10}, op(at(fx, 0), 1, 10), op(at(ft, 0), 10, 1)}),
		"reversed":                     newTape(&Copy{[]int{10, 10}, op(at(fx, 99), -10, -1), op(at(ft, 9), 10, -1)}),
		"broadcast":                    newTape(&Copy{[]int{50, 2}, op(at(fx, 99), 0, 0), op(at(ft, 0), 2, 1)}),
		"product":                      newTape(product(func(*Product) {})),
		"product transposed":           newTape(product(func(p *Product) { p.TransA, p.TransB, p.LdA, p.LdB = true, true, 5, 4 })),
		"product of heads":             newTape(product(func(p *Product) { p.Batch, p.LdC, p.StrideC = 4, 20, 5 })),
		"product with K = 0":           newTape(product(func(p *Product) { p.K, p.LdA = 0, 0 })),
		"product of some rows":         newTape(product(func(p *Product) { p.Need = ptr(at(ix, 95)) }), product(func(p *Product) { p.Need = ptr(at(fs, 95)) })),
		"softmax in place":             newTape(&Rows{Kind: Softmax, In: []Ref{at(fs, 0), at(fx, 0)}, Out: at(fs, 0), Rows: 10, Cols: 10, Mask: true}),
		"gather of integers":           newTape(&Gather{at(ix, 0), at(ix, 0), at(iy, 0), 10, 5, 20}),
		"allreduce in place":           newTape(&AllReduce{at(fs, 5), at(fs, 5), at(fx, 99), 95, noSum}),
		"host":                         newTape(&Host{Name: "f", In: []HostArg{{at(ix, 0), []int{2, 50}}}, Out: []HostArg{{at(ft, 99), nil}}, Fn: func(_, _ []any) error { return nil }}),
	} {
		if err := Verify(tp); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func noSum(any) error { return nil }

func ptr(r Ref) *Ref { return &r }

// edited is a tape with a change.
func edited(change func(t *Tape), code ...Instr) *Tape {
	t := newTape(code...)
	change(t)
	return t
}

func mapping(change func(m *Map)) *Tape {
	m := &Map{[]int{4, 5}, []Operand{op(at(fx, 0), 5, 1)}, []Op{{Fn: Neg}, {Fn: Add, Args: [3]int{0, 1}}}, []int{2},
		[]Operand{op(at(ft, 0), 5, 1)}}
	change(m)
	return newTape(m)
}

func rows(change func(r *Rows)) *Tape {
	r := &Rows{Kind: CrossEntropyGrad, In: []Ref{at(fx, 0), at(ix, 0), at(fs, 0), at(fs, 50)}, Out: at(ft, 0), Rows: 10,
		Cols: 10, Mask: true}
	change(r)
	return newTape(r)
}

func TestVerifyRejects(t *testing.T) {
	const huge = math.MaxInt
	for _, c := range []struct {
		want string // part of the error
		tape *Tape
	}{
		{"float type", edited(func(t *Tape) { t.Float = Int32 })},
		{"of type f64 in a tape of f32", edited(func(t *Tape) { t.Buffers[2].Dtype = Float64 })},
		{"of type Dtype(9)", edited(func(t *Tape) { t.Buffers[2].Dtype = 9 })},
		{"negative length", edited(func(t *Tape) { t.Buffers[2].Len = -1 })},
		{"not a multiple of 64", edited(func(t *Tape) { t.Buffers[2].Offset += 32 })},
		{"not a multiple of 64", edited(func(t *Tape) { t.Buffers[2].Offset = -64 })},
		{"outside of the arena", edited(func(t *Tape) { t.Buffers[6].Len = 113 })},
		{"outside of the arena", edited(func(t *Tape) { t.Buffers[6].Len = huge })},
		{"outside of the arena", edited(func(t *Tape) { t.Buffers[6].Offset = math.MaxInt64 / 64 * 64 })},
		{"outside of the arena", edited(func(t *Tape) { t.Arena = -1 })},
		{"unknown kind", edited(func(t *Tape) { t.Slots[0].Kind = 3 })},
		{"names buffer b7 of 7", edited(func(t *Tape) { t.Slots[0].Buf = 7 })},
		{"names buffer b-1", edited(func(t *Tape) { t.Slots[0].Buf = -1 })},
		{"negative dimension", edited(func(t *Tape) { t.Slots[0].Shape = []int{-10, -10} })},
		{"larger than its buffer", edited(func(t *Tape) { t.Slots[0].Shape = []int{101} })},
		{"larger than its buffer", edited(func(t *Tape) { t.Slots[0].Shape = []int{1 << 32, 1 << 32} })},
		{"shares memory with b4", edited(func(t *Tape) { t.Slots[1].Buf = fu })},
		{"shares memory with b3", edited(func(t *Tape) { t.Slots[0].Buf = fv })},

		{"no tape", nil},
		{"is nil", newTape(nil)},
		{"is nil", newTape((*Product)(nil))},
		{"is nil", newTape(loop(2, (*Loop)(nil)))},
		{"instruction 1 0: ", newTape(neg(at(ft, 0), at(fx, 0), 1), loop(2, neg(at(ft, 100), at(fx, 0), 1)))},
		{"negative trip count", newTape(loop(-1))},
		{"names buffer b9", newTape(neg(at(9, 0), at(fx, 0), 1))},
		{"writes b0, an input", newTape(neg(at(fx, 0), at(fs, 0), 1))},
		{"steps for 2 loops but lies in 1", newTape(loop(2, neg(at(ft, 0), at(fx, 0, 1, 0), 1)))},
		{"out[0] reaches from element 91 to 100", newTape(neg(at(ft, 91), at(fx, 0), 10))},
		{"in[0] reaches from element -1 to", newTape(neg(at(ft, 0), at(fx, -1), 10))},
		{"in[0] reaches from element 0 to 100", newTape(loop(11, neg(at(ft, 0), at(fx, 0, 10), 1)))},
		{"in[0] reaches from element -10 to", newTape(loop(11, neg(at(ft, 0), at(fx, 90, -10), 1)))},
		{"in[0] reaches from", newTape(loop(3, neg(at(ft, 0), at(fx, 50, huge), 1)))},
		{"out[0] reaches from element 101", newTape(neg(at(ft, 101), at(fx, 0), 0))},

		{"no output", mapping(func(m *Map) { m.Out, m.Result = nil, nil })},
		{"1 strides for 2 dimensions", mapping(func(m *Map) { m.In[0].Strides = []int{1} })},
		{"negative dimension", mapping(func(m *Map) { m.Shape = []int{4, -5} })},
		{"holds an element twice", mapping(func(m *Map) { m.Out[0].Strides = []int{0, 1} })},
		{"holds an element twice", mapping(func(m *Map) { m.Out[0].Strides = []int{4, 1} })},
		{"reaches from", mapping(func(m *Map) { m.In[0].Strides = []int{32, 1} })},
		{"unknown function Fn(77)", mapping(func(m *Map) { m.Code[1].Fn = 77 })},
		{"op 1 reads register r2", mapping(func(m *Map) { m.Code[1].Args[1] = 2 })},
		{"op 0 reads register r-1", mapping(func(m *Map) { m.Code[0].Args[0] = -1 })},
		{"iota along axis 2 of 2", mapping(func(m *Map) { m.Code[0] = Op{Fn: Iota, Axis: 2} })},
		{"2 results for 1 outputs", mapping(func(m *Map) { m.Result = []int{0, 1} })},
		{"result r3 is never written", mapping(func(m *Map) { m.Result = []int{3} })},
		{"out[0] overlaps in[0]", mapping(func(m *Map) { m.In[0].Ref, m.Out[0].Ref = at(fs, 1), at(fs, 0) })},
		{"out[0] overlaps in[0]", mapping(func(m *Map) { m.In[0].Ref, m.Out[0].Ref = at(fv, 0), at(fu, 50) })},
		{"out[0] overlaps out[1]", mapping(func(m *Map) { m.Out, m.Result = []Operand{m.Out[0], m.Out[0]}, []int{1, 2} })},
		{"out[0] overlaps in[0]", newTape(loop(3, neg(at(fs, 0, 10), at(fs, 0), 5)))},
		{"out[0] overlaps in[0]", newTape(loop(3, neg(at(fs, 0, 10), at(fs, 20), 5)))},

		{"A reaches", newTape(product(func(p *Product) { p.A.Off = 81 }))},
		{"B has rows of 3", newTape(product(func(p *Product) { p.LdB = 2 }))},
		{"B has rows of 4", newTape(product(func(p *Product) { p.TransB = true }))},
		{"C has rows of 3", newTape(product(func(p *Product) { p.LdC = 0 }))},
		{"C holds an element twice", newTape(product(func(p *Product) { p.Batch = 2 }))},
		{"C reaches", newTape(product(func(p *Product) { p.Batch, p.StrideC = 7, 15 }))},
		{"negative dimension", newTape(product(func(p *Product) { p.M = -1 }))},
		{"A reaches", newTape(product(func(p *Product) { p.M, p.LdA = 1<<40, 1<<40 }))},
		{"A is of type i32", newTape(product(func(p *Product) { p.A = at(ix, 0) }))},
		{"C overlaps A", newTape(product(func(p *Product) { p.A, p.C = at(fs, 50), at(fs, 50) }))},

		{"unknown reduction 2", newTape(&Reduce{2, at(fx, 0), at(ft, 0), 1, 1, 1})},
		{"in reaches", newTape(&Reduce{Sum, at(fx, 0), at(ft, 0), 5, 7, 3})},
		{"out reaches", newTape(&Reduce{Sum, at(fx, 0), at(ft, 0), 101, 0, 1})},

		{"unknown function of rows 7", rows(func(r *Rows) { r.Kind = 7 })},
		{"has 4 operands, wants [x target g]", rows(func(r *Rows) { r.Mask = false })},
		{"takes no mask", rows(func(r *Rows) { r.Kind = Argmax })},
		{"target is of type f32", rows(func(r *Rows) { r.In[1] = at(fs, 0) })},
		{"mask is of type i32", rows(func(r *Rows) { r.In[3] = at(ix, 0) })},
		{"mask reaches", rows(func(r *Rows) { r.In[3].Off = 91 })},
		{"g reaches", rows(func(r *Rows) { r.In[2].Off = 91 })},
		{"smoothing", rows(func(r *Rows) { r.Smoothing = 1.5 })},
		{"smoothing", rows(func(r *Rows) { r.Smoothing = math.NaN() })},
		{"out overlaps mask", newTape(&Rows{Kind: Softmax, In: []Ref{at(fx, 0), at(fs, 0)}, Out: at(fs, 0), Rows: 10, Cols: 10, Mask: true})},
		{"out overlaps y", newTape(&Rows{Kind: SoftmaxGrad, In: []Ref{at(fs, 0), at(fx, 0)}, Out: at(fs, 0), Rows: 10, Cols: 10})},
		{"out is of type f32", newTape(&Rows{Kind: Argmax, In: []Ref{at(fx, 0)}, Out: at(ft, 0), Rows: 10, Cols: 10})},
		{"largest of none", newTape(&Rows{Kind: Argmax, In: []Ref{at(fx, 0)}, Out: at(iy, 0), Rows: 10, Cols: 0})},

		{"table is of type i32 but out of type f32", newTape(&Gather{at(ix, 0), at(ix, 0), at(ft, 0), 1, 1, 1})},
		{"index is of type f32", newTape(&Gather{at(fx, 0), at(fx, 0), at(ft, 0), 1, 1, 1})},
		{"table reaches", newTape(&Gather{at(fx, 0), at(ix, 0), at(ft, 0), 1, 10, 11})},
		{"table reaches", newTape(&Gather{at(fx, 0), at(ix, 0), at(ft, 0), 1, 1 << 32, 1 << 32})},
		{"out reaches", newTape(&ScatterAdd{at(ix, 0), at(fx, 0), at(ft, 0), 1, 10, 11})},
		{"in is of type i32", newTape(&ScatterAdd{at(ix, 0), at(ix, 0), at(ft, 0), 1, 1, 1})},
		{"out reaches", newTape(&Put{at(ix, 0), at(fx, 0), at(ft, 0), 1, 10, 11})},
		{"in is of type i32 but out of type f32", newTape(&Put{at(ix, 0), at(ix, 0), at(ft, 0), 1, 1, 1})},
		{"out overlaps in", newTape(&Put{at(ix, 0), at(fs, 0), at(fs, 0), 1, 1, 1})},
		{"keys reaches", newTape(&Random{Keys: at(ix, 0), Out: at(ft, 0), N: 26, Width: 1})},
		{"out is of type i32", newTape(&Random{Keys: at(ix, 0), Out: at(iy, 0), N: 1, Width: 1})},
		{"in is of type f32 but out of type i32", newTape(&Copy{[]int{1}, op(at(fx, 0), 1), op(at(iy, 0), 1)})},
		{"out overlaps in", newTape(&Copy{[]int{5}, op(at(fs, 0), 1), op(at(fs, 0), 1)})},
		{"no function", newTape(&Host{Name: "f"})},
		{"out[0] reaches", newTape(&Host{Name: "f", Out: []HostArg{{at(ft, 0), []int{101}}}, Fn: func(_, _ []any) error { return nil }})},
		{"no function", newTape(&AllReduce{at(fx, 0), at(ft, 0), at(fx, 0), 1, nil})},
		{"in is of type i32", newTape(&AllReduce{at(ix, 0), at(ft, 0), at(fx, 0), 1, noSum})},
		{"out reaches", newTape(&AllReduce{at(fx, 0), at(ft, 1), at(fx, 0), 100, noSum})},
		{"when reaches", newTape(&AllReduce{at(fx, 0), at(ft, 0), at(fx, 100), 1, noSum})},
		{"out overlaps in", newTape(&AllReduce{at(fs, 1), at(fs, 0), at(fx, 0), 2, noSum})},
		{"out overlaps when", newTape(&AllReduce{at(fx, 0), at(fs, 0), at(fs, 1), 2, noSum})},
		{"unknown instruction", newTape(struct{ *Copy }{&Copy{}})},
	} {
		switch err := Verify(c.tape); {
		case err == nil:
			t.Errorf("no error, want %q, for\n%v", c.want, c.tape)
		case !strings.Contains(err.Error(), c.want):
			t.Errorf("error %q, want %q", err, c.want)
		}
	}
}

func TestVerifyUnsupported(t *testing.T) {
	tp := mapping(func(m *Map) { m.Code[0].Fn = numFn })
	if u := (*UnsupportedError)(nil); !errors.As(Verify(tp), &u) {
		t.Errorf("an unknown function is %v, want an *UnsupportedError", Verify(tp))
	}
}
