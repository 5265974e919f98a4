package kernel

import (
	"fmt"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// regionWriter writes a stage of a Region's kernel.
type regionWriter struct {
	stretchSpec
	*ptx.Builder
	float           Elem
	threads         int
	tid             ptx.Value
	row             ptx.Value   // the block's, U64
	in, out, totals []ptx.Value // addresses: of the row's inputs, outputs, sums or operands of a function
	fault           fault
}

func (s regionSpec) write(b *ptx.Builder) {
	var ws []*regionWriter
	row, tid := b.Convert(ptx.U64, b.Special(ptx.CtaidX)), b.Special(ptx.TidX)
	for k, st := range s.stages {
		w := &regionWriter{stretchSpec: st, Builder: b, float: s.float, threads: s.threads, tid: tid, row: row}
		n := 0
		pointers := func(what string, operands []mapOperand) (at []ptx.Value) {
			for i, o := range operands {
				p := b.Pointer(fmt.Sprintf("stage%d%s%d", k, what, i))
				if stride := st.rows[n]; stride != 0 {
					p = b.At(p, b.Mul(b.Convert(ptx.S64, row), ptx.Int(stride)), o.elem.Size())
				}
				at = append(at, p)
				n++
			}
			return at
		}
		w.in, w.out = pointers("in", st.cell.in), pointers("out", st.cell.out)
		outs := st.others
		for _, sum := range st.sums {
			outs = append(outs, sum.out)
		}
		w.totals = pointers("to", outs)
		if w.way == rowsOf && w.of.checks() {
			w.fault = newFault(b, fmt.Sprint("stage", k))
		}
		ws = append(ws, w)
	}
	for k, w := range ws {
		if k > 0 {
			b.Barrier()
		}
		switch w.way {
		case each:
			w.each()
		case along:
			w.teams(w.along)
		case across:
			w.across()
		case rowsOf:
			w.teams(w.function)
		}
	}
}

// items is how many items a line has.
func (w *regionWriter) items() int { return w.cols / w.cell.vector }

// compute computes items, which are given by line and number in the line: all are loaded before the first is
// computed, and what is stored is stored then. It gives what is to be summed, of each item.
func (w *regionWriter) compute(index [][]ptx.Value) (terms [][][]ptx.Value) {
	var items []*mapItem
	var regs [][][]ptx.Value
	for _, at := range index {
		v := &mapItem{mapSpec: w.cell, b: w.Builder, index: at, offsets: map[string]ptx.Value{}}
		var loaded [][]ptx.Value
		for i, o := range w.cell.in {
			loaded = append(loaded, v.load(o, w.in[i]))
		}
		items, regs = append(items, v), append(regs, loaded)
	}
	for k, v := range items {
		results := v.results(regs[k])
		for i, o := range w.cell.out {
			v.store(o, w.out[i], results[i])
		}
		terms = append(terms, results[w.results:])
	}
	return terms
}

// several calls f for start, start+step, ... below the constant n, first for several numbers at once, then for
// those that are left one by one. The start is below the step.
func (w *regionWriter) several(start ptx.Value, n, step int, f func(is []ptx.Value)) {
	turn := step * w.group
	full := n / turn * turn
	w.share(start, full, turn, func(i ptx.Value) {
		is := []ptx.Value{i}
		for g := 1; g < w.group; g++ {
			is = append(is, w.Add(i, ptx.Int(g*step)))
		}
		f(is)
	})
	w.share(start, n-full, step, func(i ptx.Value) {
		if full > 0 {
			i = w.Add(i, ptx.Int(full))
		}
		f([]ptx.Value{i})
	})
}

// share calls f for start, start+step, ... below the constant n. The start is below the step.
func (w *regionWriter) share(start ptx.Value, n, step int, f func(i ptx.Value)) {
	switch {
	case n == step:
		f(start)
	case n > step:
		w.For(start, ptx.U32.Int(n), ptx.Int(step), f)
	case n > 0:
		w.If(w.Lt(start, ptx.Int(n)), func() { f(start) })
	}
}

func (w *regionWriter) each() {
	w.several(w.tid, w.lines*w.items(), w.threads, func(is []ptx.Value) {
		var index [][]ptx.Value
		for _, i := range is {
			line, item := divide(w.Builder, i, w.items())
			index = append(index, []ptx.Value{line, item})
		}
		w.compute(index)
	})
}

// A team is the threads that work on one line.
type team struct {
	*regionWriter
	size   int
	member ptx.Value
	line   ptx.Value
}

// teams calls f for each line, in the hands of a team.
func (w *regionWriter) teams(f func(t *team)) {
	if w.teamed() {
		f(&team{w, w.threads, w.tid, w.Var(ptx.U32.Int(0))})
		return
	}
	number, lane := divide(w.Builder, w.tid, warp)
	w.share(number, w.lines, w.threads/warp, func(line ptx.Value) { f(&team{w, warp, lane, line}) })
}

// at is where the line of an operand begins.
func (t *team) at(first ptx.Value, o mapOperand) ptx.Value {
	if o.strides[0] == 0 {
		return first
	}
	return t.At(first, t.Mul(t.Convert(ptx.S32, t.line), ptx.Int(o.strides[0])), o.elem.Size())
}

// fold is the fold of all members' x; every one has it.
func (t *team) fold(x ptx.Value, f fold) ptx.Value { return foldBlock(t.Builder, t.size, x, f) }

func (w *regionWriter) along(t *team) {
	var accs []ptx.Value
	for _, s := range w.sums {
		accs = append(accs, w.Var(w.reduction(s).start()))
	}
	w.several(t.member, w.items(), t.size, func(is []ptx.Value) {
		var index [][]ptx.Value
		for _, i := range is {
			index = append(index, []ptx.Value{t.line, i})
		}
		for _, terms := range w.compute(index) {
			for k, s := range w.sums {
				for _, x := range terms[k] {
					w.Set(accs[k], w.reduction(s).fold()(w.Builder, accs[k], x))
				}
			}
		}
	})
	for k, s := range w.sums {
		total := t.fold(accs[k], w.reduction(s).fold())
		w.If(w.Eq(t.member, ptx.Int(0)), func() {
			w.Store(t.at(w.totals[k], s.out), 0, total)
		})
	}
}

func (w *regionWriter) reduction(s sumSpec) reduceSpec { return reduceSpec{s.fn, w.float} }

func (w *regionWriter) across() {
	w.share(w.tid, w.items(), w.threads, func(item ptx.Value) {
		var accs [][]ptx.Value
		for _, s := range w.sums {
			acc := make([]ptx.Value, w.cell.vector)
			for i := range acc {
				acc[i] = w.Var(w.reduction(s).start())
			}
			accs = append(accs, acc)
		}
		w.several(w.Var(ptx.U32.Int(0)), w.lines, 1, func(lines []ptx.Value) {
			var index [][]ptx.Value
			for _, line := range lines {
				index = append(index, []ptx.Value{line, item})
			}
			for _, terms := range w.compute(index) {
				for k, s := range w.sums {
					for i, x := range terms[k] {
						w.Set(accs[k][i], w.reduction(s).fold()(w.Builder, accs[k][i], x))
					}
				}
			}
		})
		v := &mapItem{mapSpec: w.cell, b: w.Builder, index: []ptx.Value{w.tid, item}, offsets: map[string]ptx.Value{}}
		for k, s := range w.sums {
			v.store(s.out, w.totals[k], accs[k])
		}
	})
}

// function is a function of a line.
func (w *regionWriter) function(t *team) {
	r := &row{rowsSpec: w.of, Builder: w.Builder, tid: t.member, cols: ptx.U32.Int(w.cols), fault: w.fault}
	r.threads = t.size
	r.number = w.Mad(w.row, ptx.Int(w.lines), w.Convert(ptx.U64, t.line))
	var others []ptx.Value
	for i, o := range w.others {
		others = append(others, t.at(w.totals[i], o))
	}
	x := func(j ptx.Value) ptx.Value {
		v := &mapItem{mapSpec: w.cell, b: w.Builder, index: []ptx.Value{t.line, j}, offsets: map[string]ptx.Value{}}
		var regs [][]ptx.Value
		for i, o := range w.cell.in {
			regs = append(regs, v.load(o, w.in[i]))
		}
		return v.results(regs)[0][0]
	}
	r.function(x, others[:len(others)-1], others[len(others)-1])
}
