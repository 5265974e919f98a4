package devicetest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

var programChecks = []check{
	{"programs", "instructions take effect as if one after the other, in order, on one arena", randomPrograms},
}

// randomPrograms compares d with ref, to the bit, on tapes made up by chance: instructions of all kinds, at odd
// shapes and places, in nested loops with operands that move, over buffers that overlap in the arena. All
// numbers are integers of at most 8 in size, so that every sum of theirs is exact in whatever order.
func randomPrograms(d tape.Device, f tape.Dtype) error {
	oracle := ref.New()
	for seed := range uint64(120) {
		t := randomTape(f, seed)
		want, err := outcome(oracle, t, seed)
		if err != nil {
			return errors.Wrapf(err, "ref, program %d", seed)
		}
		got, err := outcome(d, t, seed)
		if err != nil {
			return errors.Wrapf(err, "program %d\n%v", seed, t)
		}
		for s := range want {
			for i, w := range want[s] {
				if g := got[s][i]; g != w {
					return errors.Errorf("program %d: %s[%d] = %v, want %v\n%v", seed, t.Slots[s].Name, i, g, w, t)
				}
			}
		}
	}
	return nil
}

// outcome runs t twice, with inputs of its own, and reads all slots.
func outcome(d tape.Device, t *tape.Tape, seed uint64) ([][]float64, error) {
	p, err := d.Load(t)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	rng := rand.New(rand.NewPCG(seed, 2))
	for s, slot := range t.Slots {
		if slot.Kind == tape.Output {
			continue
		}
		vals := make([]float64, size(slot.Shape))
		for i := range vals {
			vals[i] = float64(rng.IntN(17) - 8)
			if slot.Name == "index" {
				vals[i] = float64(rng.IntN(minRows))
			}
		}
		if err := p.Write(tape.SlotID(s), host(t.Dtype(tape.SlotID(s)), vals)); err != nil {
			return nil, err
		}
	}
	for range 2 {
		if err := p.Run(); err != nil {
			return nil, err
		}
	}
	all := make([][]float64, len(t.Slots))
	for s, slot := range t.Slots {
		data := host(t.Dtype(tape.SlotID(s)), make([]float64, size(slot.Shape)))
		if err := p.Read(tape.SlotID(s), data); err != nil {
			return nil, err
		}
		all[s] = unhost(data)
	}
	return all, nil
}

const (
	bufLen  = 1200 // elements of each float buffer
	minRows = 3    // of the tables that indices select from
)

// generator makes up instructions over the buffers of a tape.
type generator struct {
	*rand.Rand
	tape  *tape.Tape
	trips []int
	index tape.BufferID
	ints  tape.BufferID
	state []tape.BufferID // float buffers that instructions may write
	read  []tape.BufferID // float buffers that they may read
}

func randomTape(f tape.Dtype, seed uint64) *tape.Tape {
	r := newRig(f)
	t := &r.tape
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), tape: t}
	slot := func(name string, kind tape.SlotKind, dtype tape.Dtype, n int) tape.BufferID {
		b := r.buffer(dtype, n)
		t.Slots = append(t.Slots, tape.Slot{Name: name, Kind: kind, Shape: []int{n}, Buf: b})
		return b
	}
	g.index = slot("index", tape.Input, tape.Int32, 64)
	g.ints = slot("ints", tape.State, tape.Int32, 64)
	g.read = append(g.read, slot("x", tape.Input, f, bufLen))
	for i := range 2 {
		g.state = append(g.state, slot(fmt.Sprintf("s%d", i), tape.State, f, bufLen))
	}
	g.state = append(g.state, slot("y", tape.Output, f, bufLen))
	// Buffers without slots share a region of the arena, in which they overlap by chance.
	region := r.buffer(f, 3*bufLen)
	first := len(g.state)
	for range 5 {
		b := t.Buffers[region]
		b.Len = bufLen
		b.Offset += int64(g.IntN(2*bufLen*f.Size())) / tape.Align * tape.Align
		t.Buffers = append(t.Buffers, b)
		g.state = append(g.state, tape.BufferID(len(t.Buffers)-1))
	}
	g.read = append(g.read, g.state...)
	for _, b := range append([]tape.BufferID{region}, g.state[first-1:]...) { // what the host cannot write is 0 first
		n := t.Buffers[b].Len
		r.emit(&tape.Map{Shape: []int{n}, Code: []tape.Op{{Fn: tape.Const}}, Result: []int{0},
			Out: []tape.Operand{dense(tape.Ref{Buf: b}, n)}})
	}
	r.emit(g.code(8 + g.IntN(8))...)
	return t
}

// code is n instructions, after each of which all numbers are small again.
func (g *generator) code(n int) []tape.Instr {
	var code []tape.Instr
	for range n {
		if len(g.trips) < 2 && g.IntN(4) == 0 {
			l := &tape.Loop{Trip: g.IntN(5)}
			g.trips = append(g.trips, l.Trip)
			l.Body = g.code(2 + g.IntN(4))
			g.trips = g.trips[:len(g.trips)-1]
			code = append(code, l)
			continue
		}
		code = append(code, g.instr()...)
	}
	return code
}

// place is a Ref to n elements of a buffer, moving with the loops by chance.
func (g *generator) place(b tape.BufferID, n int) tape.Ref {
	spare := g.tape.Buffers[b].Len - n
	at := tape.Ref{Buf: b}
	for _, trip := range g.trips {
		step := 0
		if most := spare / 3 / max(trip, 1); g.IntN(2) == 0 && most > 0 {
			step = g.IntN(2*most+1) - most
		}
		at.Step = append(at.Step, step)
		reach := step * max(trip-1, 0)
		if reach < 0 {
			at.Off -= reach
		}
		spare -= max(reach, -reach)
	}
	at.Off += g.IntN(spare + 1)
	return at
}

// out is n elements of a float buffer to write. It moves, too.
func (g *generator) out(n int) tape.Ref { return g.place(g.state[g.IntN(len(g.state))], n) }

// in is n elements of a float buffer that shares no memory with the one of out.
func (g *generator) in(n int, out tape.BufferID) tape.Ref {
	for {
		b := g.read[g.IntN(len(g.read))]
		x, y := g.tape.Buffers[b], g.tape.Buffers[out]
		bytes := int64(bufLen * g.tape.Float.Size())
		if x.Offset+bytes <= y.Offset || y.Offset+bytes <= x.Offset {
			return g.place(b, n)
		}
	}
}

// small is x = x - 16·floor((x+8)/16), which lies in [-8, 8), exactly.
func small(at tape.Ref, shape, strides []int) tape.Instr {
	o := tape.Operand{Ref: at, Strides: strides}
	return &tape.Map{
		Shape: shape, In: []tape.Operand{o}, Out: []tape.Operand{o},
		Code: []tape.Op{
			{Fn: tape.Const, Value: 8}, {Fn: tape.Const, Value: 16}, {Fn: tape.Add, Args: [3]int{0, 1}}, {Fn: tape.Div, Args: [3]int{3, 2}},
			{Fn: tape.Floor, Args: [3]int{4}}, {Fn: tape.Mul, Args: [3]int{5, 2}}, {Fn: tape.Sub, Args: [3]int{0, 6}},
		},
		Result: []int{7},
	}
}

// instr is an instruction, and one that makes its results small if they may be large.
func (g *generator) instr() []tape.Instr {
	dim := func(most int) int { return 1 + g.IntN(most) }
	rows, cols := dim(17), dim(17)
	n := rows * cols
	switch g.IntN(11) {
	case 0, 1, 2:
		p := &tape.Product{Batch: dim(3), M: dim(12), N: dim(17), K: g.IntN(13), TransA: g.IntN(2) == 0,
			TransB: g.IntN(2) == 0, Acc: g.IntN(2) == 0}
		ra, ca, rb, cb := p.M, p.K, p.K, p.N
		if p.TransA {
			ra, ca = ca, ra
		}
		if p.TransB {
			rb, cb = cb, rb
		}
		p.LdA, p.LdB, p.LdC = ca+g.IntN(3), cb+g.IntN(3), p.N+g.IntN(3)
		p.StrideA, p.StrideB, p.StrideC = g.IntN(2)*ra*p.LdA, g.IntN(2)*rb*p.LdB, p.M*p.LdC
		p.C = g.out(p.Batch * p.StrideC)
		p.A, p.B = g.in(p.Batch*ra*p.LdA, p.C.Buf), g.in(p.Batch*rb*p.LdB, p.C.Buf)
		shape, strides := []int{p.Batch, p.M, p.N}, []int{p.StrideC, p.LdC, 1}
		code := []tape.Instr{p, small(p.C, shape, strides)}
		if g.IntN(3) > 0 {
			return code
		}
		need := g.place([]tape.BufferID{g.index, g.ints}[g.IntN(2)], p.Batch*p.M)
		p.Need = &need
		c := tape.Operand{Ref: p.C, Strides: strides}
		return slices.Insert(code, 1, tape.Instr(&tape.Map{
			Shape: shape, In: []tape.Operand{{Ref: need, Strides: []int{p.M, 1, 0}}, c}, Out: []tape.Operand{c},
			Code: []tape.Op{{Fn: tape.Const}, {Fn: tape.Where, Args: [3]int{0, 1, 2}}}, Result: []int{3},
		}))
	case 3:
		out := g.out(n)
		m := &tape.Map{
			Shape: []int{rows, cols}, Out: []tape.Operand{dense(out, rows, cols)},
			In: []tape.Operand{dense(g.in(n, out.Buf), rows, cols), {Ref: g.in(n, out.Buf), Strides: []int{1, rows}},
				{Ref: g.in(rows, out.Buf), Strides: []int{1, 0}}},
			Code: []tape.Op{
				{Fn: []tape.Fn{tape.Add, tape.Sub, tape.Mul, tape.Max}[g.IntN(4)], Args: [3]int{0, 1}},
				{Fn: []tape.Fn{tape.Lt, tape.Le, tape.Eq, tape.Ne}[g.IntN(4)], Args: [3]int{1, 2}},
				{Fn: tape.Where, Args: [3]int{4, 3, 2}},
			},
			Result: []int{5},
		}
		return []tape.Instr{m, small(out, m.Shape, m.Out[0].Strides)}
	case 4: // in place
		out := g.out(n)
		m := binary(tape.Sub, out, out, g.in(n, out.Buf), n)
		return []tape.Instr{m, small(out, m.Shape, m.Out[0].Strides)}
	case 5:
		outer, inner := dim(4), dim(9)
		out := g.out(outer * inner)
		r := &tape.Reduce{Fn: tape.ReduceFn(g.IntN(2)), In: g.in(outer*rows*inner, out.Buf), Out: out, Outer: outer, N: rows,
			Inner: inner}
		return []tape.Instr{r, small(out, []int{outer * inner}, []int{1})}
	case 6:
		out := g.out(n)
		return []tape.Instr{&tape.Copy{Shape: []int{rows, cols},
			In: tape.Operand{Ref: g.in(n, out.Buf), Strides: []int{1, rows}}, Out: dense(out, rows, cols)}}
	case 7:
		out := g.out(n)
		table := minRows + g.IntN(5)
		return []tape.Instr{&tape.Gather{Table: g.in(table*cols, out.Buf), Index: g.place(g.index, rows), Out: out, N: rows,
			Width: cols, Rows: table}}
	case 8:
		table := minRows + g.IntN(5)
		out := g.out(table * cols)
		s := &tape.ScatterAdd{Index: g.place(g.index, rows), In: g.in(n, out.Buf), Out: out, N: rows, Width: cols,
			Rows: table}
		return []tape.Instr{s, small(out, []int{table * cols}, []int{1})}
	case 9:
		table := minRows + g.IntN(5)
		out := g.out(table * cols)
		return []tape.Instr{&tape.Put{Index: g.place(g.index, rows), In: g.in(n, out.Buf), Out: out, N: rows, Width: cols,
			Rows: table}}
	default: // integers, and back
		to, out := g.place(g.ints, rows), g.out(rows)
		return []tape.Instr{
			&tape.Rows{Kind: tape.Argmax, In: []tape.Ref{g.in(n, out.Buf)}, Out: to, Rows: rows, Cols: cols},
			unary(tape.Neg, out, to, rows),
			small(out, []int{rows}, []int{1}),
		}
	}
}
