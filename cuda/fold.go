package cuda

import (
	"slices"

	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// sum is a Map and the Reduce that adds up all its results, which nobody else reads: they are never written.
type sum struct {
	*tape.Map
	reduce *tape.Reduce
}

func (s *sum) Refs(f func(r tape.Ref, write bool)) {
	for _, o := range s.In {
		f(o.Ref, false)
	}
	f(s.reduce.Out, true)
}

func (s *sum) String() string { return s.Map.String() + "; " + s.reduce.String() }

// sums puts together what can be a sum in code outside of loops, if there are several of a kind: one alone is added
// up as any Reduce, in the same order.
func (l *lowering) sums(code []tape.Instr) []tape.Instr {
	sums, kinds := map[int]*sum{}, map[string]int{}
	for i := 1; i < len(code); i++ {
		m, isMap := code[i-1].(*tape.Map)
		r, isReduce := code[i].(*tape.Reduce)
		if isMap && isReduce && l.sumsUp(m, r) && l.unread(m.Out[0].Buf, []tape.Instr{m, r}) {
			sums[i] = &sum{m, r}
			kinds[l.kindOf(sums[i])]++
		}
	}
	var out []tape.Instr
	for i, in := range code {
		if s := sums[i]; s != nil && kinds[l.kindOf(s)] > 1 {
			out[len(out)-1] = s // in the place of its Map
			continue
		}
		out = append(out, in)
	}
	return out
}

// kindOf tells sums apart that cannot share a kernel.
func (l *lowering) kindOf(s *sum) string { return l.mapped(s.Map, kernel.NewPart).FoldKey() }

// sumsUp reports whether r is the sum of all that m computes.
func (l *lowering) sumsUp(m *tape.Map, r *tape.Reduce) bool {
	o := m.Out[0]
	readsItself := slices.ContainsFunc(m.In, func(in tape.Operand) bool { return in.Buf == o.Buf })
	return len(m.Out) == 1 && !readsItself && l.tape.Buffers[o.Buf].Dtype == l.tape.Float &&
		contiguous(m.Shape, o.Strides) &&
		r.Fn == tape.Sum && r.Outer == 1 && r.Inner == 1 && r.N == volume(m.Shape) && r.N > 0 && r.In.Buf == o.Buf &&
		r.In.Off == o.Off
}

// every calls f with all instructions, those of loops included.
func every(code []tape.Instr, f func(in tape.Instr)) {
	for _, in := range code {
		if lp, ok := in.(*tape.Loop); ok {
			every(lp.Body, f)
		} else {
			f(in)
		}
	}
}

// fold makes the launches of a group of sums.
func (l *lowering) fold(group []*sum) []work {
	var maps []kernel.Mapped
	t, sums := &table{}, &table{}
	for _, s := range group {
		e := l.mapped(s.Map, kernel.NewPart)
		maps = append(maps, e.Mapped)
		t.words = append(append(t.words, number(e.Items)), e.args[:len(e.Used)]...)
	}
	f := kernel.NewFold(maps)
	t.parts = f.Parts
	for k, s := range group {
		sums.words = append(sums.words, number(f.Sums[k][0]), number(f.Sums[k][1]), l.place(s.reduce.Out))
	}
	parts := l.borrow(0, len(f.Parts)*l.float.Size())
	first, at := l.put(t)
	described, _ := l.put(sums)
	return []work{
		l.launch(group[0], f.First, first, at, parts),
		l.launch(group[0], f.Second, parts, described),
	}
}
