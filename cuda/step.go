package cuda

import (
	"slices"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Products within a loop whose second operand stays the same during it are computed by a kernel of our own
// where that is faster (kernel.NewStep), together with the Map that follows if that reads the product by whole
// columns, as recurrent cells do.

// step is such a product, with its Map or without.
type step struct {
	*tape.Product
	cell   *tape.Map // nil: there is none
	launch kernel.Stepped
	in     []tape.Ref // what the kernel reads beside the product's operands
	out    []tape.Ref
}

func (s *step) Refs(f func(r tape.Ref, write bool)) {
	f(s.A, false)
	f(s.B, false)
	for _, r := range s.in {
		f(r, false)
	}
	for _, r := range s.out {
		f(r, true)
	}
}

func (s *step) String() string {
	if s.cell == nil {
		return s.Product.String()
	}
	return s.Product.String() + "; " + s.cell.String()
}

// steps puts together what can be a step in the body of a loop.
func (l *lowering) steps(code []tape.Instr) (out []tape.Instr) {
	if !l.stepKernels || l.precision == driver.Float64 {
		return code
	}
	done := make([]bool, len(code))
	for i, in := range code {
		if done[i] {
			continue
		}
		if p, ok := in.(*tape.Product); ok && l.steppable(p) {
			s, cell := l.stepAt(code, i, p)
			if cell > 0 {
				done[cell] = true
			}
			if s != nil {
				in = s
			}
		}
		out = append(out, in)
	}
	return out
}

// stepAt is the step that begins with the product p, which is code[i], and the index of its Map; 0: it has
// none. The Map may stand further down if it can as well run at once.
func (l *lowering) stepAt(code []tape.Instr, i int, p *tape.Product) (s *step, cell int) {
	for j := i + 1; j < len(code); j++ {
		m, ok := code[j].(*tape.Map)
		if !ok || !reads(m, p.C.Buf) {
			continue
		}
		if l.independent(m, code[i+1:j]) {
			if s := l.stepWith(p, m); s != nil {
				return s, j
			}
		}
		break
	}
	return l.stepAlone(p), 0
}

func reads(m *tape.Map, b tape.BufferID) bool {
	return slices.ContainsFunc(m.In, func(o tape.Operand) bool { return o.Buf == b })
}

// independent reports whether an instruction of a body can change places with others of it.
func (l *lowering) independent(in tape.Instr, of []tape.Instr) bool {
	mine := l.accesses(in, len(l.trips))
	return !slices.ContainsFunc(of, func(other tape.Instr) bool { return conflict(mine, l.accesses(other, len(l.trips))) })
}

// leastTurned is how many steps a loop has at least that is turned: Maps of the first and products of the last
// stay alone.
const leastTurned = 4

// turned is a loop as several, one after the other. Where the Map at the beginning of a step reads the product
// at the end of the step before, as cells' derivatives do, the two are put into one step.
func (l *lowering) turned(in *tape.Loop, f *frame) []*tape.Loop {
	if len(l.trips) > 0 || in.Trip < leastTurned || !stepwise(in.Body) {
		return []*tape.Loop{in}
	}
	l.trips, l.frames = append(l.trips, in.Trip), append(l.frames, f)
	defer func() { l.trips, l.frames = l.trips[:0], l.frames[:len(l.frames)-1] }()
	var first, rest []tape.Instr
	for i, x := range in.Body {
		m, ok := x.(*tape.Map)
		ok = ok && l.independent(m, rest) && slices.ContainsFunc(in.Body[i+1:], func(later tape.Instr) bool {
			p, ok := later.(*tape.Product)
			return ok && reads(m, p.C.Buf)
		})
		if ok {
			first = append(first, x)
		} else {
			rest = append(rest, x)
		}
	}
	around := append(slices.Clip(rest), later(first, 1)...)
	if len(first) == 0 || len(l.steps(around)) == len(l.steps(in.Body)) {
		return []*tape.Loop{in}
	}
	return []*tape.Loop{{Trip: 1, Body: first}, {Trip: in.Trip - 1, Body: around}, {Trip: 1, Body: later(rest, in.Trip-1)}}
}

// steppable reports whether a product's operands are such as kernel.Step takes them.
func (l *lowering) steppable(p *tape.Product) bool {
	return p.Batch == 1 && !p.Acc && !p.TransA && p.N%8 == 0 && p.N > 0 && l.place(p.A).align() >= 16 &&
		l.still(p.B) != nil
}

// wholeC is the result of a product as an operand of a Map.
func wholeC(p *tape.Product) tape.Operand { return tape.Operand{Ref: p.C, Strides: []int{p.LdC, 1}} }

func (l *lowering) stepAlone(p *tape.Product) *step {
	return l.newStep(p, nil, &tape.Map{Shape: []int{p.M, p.N}, In: []tape.Operand{wholeC(p)}, Result: []int{0},
		Out: []tape.Operand{wholeC(p)}}, []int{0})
}

// stepWith is a product and the Map that reads its result, nil if they are not of one step.
func (l *lowering) stepWith(p *tape.Product, m *tape.Map) *step {
	m, ok := byRows(m, p)
	if !ok || m.Shape[0] != p.M {
		return nil
	}
	c := extentOf(l.tape, p.C.Buf)
	read := []access{l.access(tape.Operand{Ref: p.A, Strides: []int{p.LdA, 1}}, []int{p.M, p.K}, false)}
	for _, o := range m.Out { // blocks that are not done still read A
		if extentOf(l.tape, o.Buf).overlaps(c) || conflict(read, []access{l.access(o, m.Shape, true)}) {
			return nil
		}
	}
	var gates []int
	columns := make([]int, len(m.In))
	for i, o := range m.In {
		columns[i] = -1
		if !extentOf(l.tape, o.Buf).overlaps(c) {
			continue
		}
		column := o.Off - p.C.Off
		if o.Buf != p.C.Buf || tape.Ref.String(tape.Ref{Step: o.Step}) != tape.Ref.String(tape.Ref{Step: p.C.Step}) ||
			column < 0 || column+m.Shape[1] > p.N || !slices.Equal(o.Strides, wholeC(p).Strides) {
			return nil
		}
		columns[i] = column
		if !slices.Contains(gates, column) {
			gates = append(gates, column)
		}
	}
	if len(gates)*m.Shape[1] != p.N {
		return nil
	}
	whole := *m // and the product's result, which somebody else may read
	whole.Out, whole.Result = slices.Clone(m.Out), slices.Clone(m.Result)
	slices.Sort(gates)
	for k, g := range gates {
		if g != k*m.Shape[1] {
			return nil
		}
		o := wholeC(p)
		o.Off += g
		whole.Out, whole.Result = append(whole.Out, o), append(whole.Result, slices.Index(columns, g))
	}
	return l.newStep(p, m, &whole, columns)
}

// byRows is a Map over rows as long as the gates of a product: itself, or one over all elements of the
// product's result in order.
func byRows(m *tape.Map, p *tape.Product) (*tape.Map, bool) {
	if len(m.Shape) == 2 {
		return m, true
	}
	usesIndex := slices.ContainsFunc(m.Code, func(op tape.Op) bool { return op.Fn == tape.Iota })
	if len(m.Shape) != 1 || m.Shape[0] != p.M*p.N || p.LdC != p.N || usesIndex {
		return nil, false
	}
	rows := func(os []tape.Operand) (to []tape.Operand) {
		for _, o := range os {
			to = append(to, tape.Operand{Ref: o.Ref, Strides: []int{o.Strides[0] * p.N, o.Strides[0]}})
		}
		return to
	}
	return &tape.Map{Shape: []int{p.M, p.N}, In: rows(m.In), Code: m.Code, Result: m.Result, Out: rows(m.Out)}, true
}

// newStep makes a step ready, of which m is all that is done with the product; nil if there is no kernel for it.
func (l *lowering) newStep(p *tape.Product, cell, m *tape.Map, columns []int) *step {
	operands := func(os []tape.Operand) (ks []kernel.Operand) {
		for _, o := range os {
			ks = append(ks, kernel.Operand{Elem: elem(l.tape.Buffers[o.Buf].Dtype), Strides: o.Strides})
		}
		return ks
	}
	k, ok := kernel.NewStep(kernel.Step{
		Elem: l.stepElem(), M: p.M, K: p.K, LdA: p.LdA, Columns: columns,
		Map: kernel.Map{Compute: l.float, Shape: m.Shape, In: operands(m.In), Out: operands(m.Out), Code: m.Code,
			Result: m.Result},
	})
	if !ok {
		return nil
	}
	s := &step{Product: p, cell: cell, launch: k}
	for _, i := range k.Used {
		s.in = append(s.in, m.In[i].Ref)
	}
	for _, o := range m.Out {
		s.out = append(s.out, o.Ref)
	}
	return s
}

// step makes the launch of a step. The product's second operand is laid out anew once, before the loop.
func (l *lowering) step(s *step) []work {
	args := []place{l.place(s.A), l.fragments(s.Product)}
	for _, r := range append(s.in, s.out...) {
		args = append(args, l.place(r))
	}
	w := l.launch(s, s.launch.Launch, args...)
	w.reads = s.launch.Reads
	return []work{w}
}

// stepElem is what the operands of steps are rounded to.
func (l *lowering) stepElem() kernel.Elem {
	switch l.precision {
	case driver.TF32:
		return kernel.TF32
	case driver.BFloat16:
		return kernel.BF16
	}
	return kernel.F32
}

// fragments is the second operand of a step as its kernel reads it.
func (l *lowering) fragments(p *tape.Product) place {
	m := matrices{rows: p.K, cols: p.N, ld: p.LdB, batch: 1}
	strideK, strideN := p.LdB, 1
	if p.TransB {
		m.rows, m.cols, strideK, strideN = p.N, p.K, 1, p.LdB
	}
	key := l.packKey(p.B, m)
	key.fragments, key.transposed = true, p.TransB
	bytes := p.K * p.N * l.stepElem().Size()
	if to, ok := l.packs[key]; ok {
		l.reads(key.frame, to, bytes)
		return to
	}
	from := l.place(p.B)
	k := kernel.NewPackStep(l.stepElem(), p.K, p.N, strideK, strideN, from.align())
	to := l.keep(bytes)
	l.packs[key] = to
	l.before(key.frame, l.launch(p, k.Launch, from, to, number(k.Items)), p.B, to, bytes)
	return to
}
