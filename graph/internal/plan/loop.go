package plan

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// emitLoop writes a Loop. Sequences are rows of what they come from and stacks are written row by row where
// they shall be.
//
// A carry whose values are stacked lives in its history: Trip+1 rows, the initial value and then the value
// after each step (in the other order if the stack is reversed). A step reads one row and writes the next; the
// stack of entry values and that of next values are the same memory, one row apart. Any other carry lives in
// one place, and is written there directly if the old value is not needed any more, else copied there at the
// end of the step.
func (s *scope) emitLoop(l *ir.Loop, v *ir.Value) {
	if l.Trip == 0 {
		for i, t := range v.Parts[:len(l.Stacks)] {
			s.at[key{v, i}] = s.place(key{v, i}, t)
		}
		for c := range l.Carries {
			s.at[key{v, len(l.Stacks) + c}] = s.view(v.Args[len(l.Seqs)+c])
		}
		return
	}
	loop := &tape.Loop{Trip: l.Trip}
	body := newScope(s.planner, s, loop, l.Body)
	seqs := len(l.Seqs)

	for i, reversed := range l.Seqs {
		body.at[keyOf(l.Body.Params[i])] = s.view(v.Args[i]).row(l.Trip, s.depth, reversed)
	}
	for i := seqs + l.Carries; i < len(l.Body.Params); i++ {
		body.at[keyOf(l.Body.Params[i])] = s.view(v.Args[i])
		body.fixed[l.Body.Params[i]] = v.Args[i]
	}

	stacked := make([]bool, len(l.Stacks)) // the stacks that are part of a history
	next := make([]view, l.Carries)        // where the next values of carries go
	for c := range l.Carries {
		param, init := l.Body.Params[seqs+c], v.Args[seqs+c]
		h, ok := s.history(l, v, c, stacked)
		if !ok {
			h.entry = dense(s.buffer(param.Type, s.loop), param.Shape)
			h.init, h.next, h.final = h.entry, h.entry, h.entry
		}
		s.start(init, h.init)
		body.at[keyOf(param)] = h.entry
		next[c] = h.next
		s.at[key{v, len(l.Stacks) + c}] = h.final
		if n := l.Body.Results[c]; ok {
			body.settle(n, h.next)
		} else {
			body.settleOver(n, h.next, param)
		}
	}
	rows := make([]view, len(l.Stacks))
	for i, reversed := range l.Stacks {
		if stacked[i] {
			continue
		}
		k := key{v, i}
		s.at[k] = s.place(k, v.Parts[i])
		rows[i] = s.at[k].row(l.Trip, s.depth, reversed)
		body.settle(l.Body.Results[l.Carries+i], rows[i])
	}

	body.run()

	for i := range l.Stacks {
		if !stacked[i] {
			r := l.Body.Results[l.Carries+i]
			body.deliver(r, rows[i])
		}
	}
	body.advance(next, l.Body.Results[:l.Carries], l.Body.Params[seqs:seqs+l.Carries])
	loop.Body = body.code
	s.code = append(s.code, loop)
}

// start puts the initial value of a carry where the first step finds it.
func (s *scope) start(init *ir.Value, place view) {
	if c := inline(init); c != nil {
		s.emitMap(init.Shape, &ir.Func{Results: []*ir.Value{c}}, nil, []view{place})
		return
	}
	s.move(s.view(init), place, init.Shape)
}

// advance moves the carries' next values to where the next step reads them. A value that is itself (a view of)
// a carry is copied aside first, since its place may be among those that are written.
func (s *scope) advance(next []view, values, carries []*ir.Value) {
	isCarry := map[*ir.Value]bool{}
	for _, c := range carries {
		isCarry[c] = true
	}
	from := make([]view, len(values))
	for i, v := range values {
		from[i] = s.view(v)
		if isCarry[root(v)] && !from[i].same(next[i], v.Shape) {
			aside := dense(s.buffer(v.Type, s.loop), v.Shape)
			s.move(from[i], aside, v.Shape)
			from[i] = aside
		}
	}
	for i, v := range values {
		if !s.delivered(v, next[i]) {
			s.move(from[i], next[i], v.Shape)
		}
	}
}

// history describes a carry: where its initial value goes, where a step finds it, where the step puts the next
// value (both seen from within the loop), and where the last one is in the end.
type history struct{ init, entry, next, final view }

// history lays out the carry c if it is stacked, marks the stacks that become part of it and says where they are.
func (s *scope) history(l *ir.Loop, v *ir.Value, c int, stacked []bool) (h history, ok bool) {
	param, value := l.Body.Params[len(l.Seqs)+c], l.Body.Results[c]
	reversed := false
	for i, rev := range l.Stacks {
		r := l.Body.Results[l.Carries+i]
		if stacked[i] || r != param && r != value || ok && rev != reversed {
			continue
		}
		if !ok {
			ok, reversed = true, rev
			shape := param.Shape.With(l.Trip + 1)
			rows := dense(s.buffer(ir.Type{Dtype: param.Dtype, Shape: shape}, s.loop), shape)
			early, late := rows, rows.slice(0, 1) // the first Trip rows, the last Trip rows
			row := func(i int) view {
				at := rows.slice(0, i)
				at.strides = at.strides[1:]
				return at
			}
			if reversed {
				h.entry, h.next = late.row(l.Trip, s.depth, true), early.row(l.Trip, s.depth, true)
				h.init, h.final = row(l.Trip), row(0)
			} else {
				h.entry, h.next = early.row(l.Trip, s.depth, false), late.row(l.Trip, s.depth, false)
				h.init, h.final = row(0), row(l.Trip)
			}
		}
		stacked[i] = true
		at := dense(h.init.buf, v.Parts[i].Shape)
		if (r == param) == reversed { // entry values of a reversed loop, next values of a forward one: the last Trip rows
			at = at.slice(0, 1)
		}
		s.at[key{v, i}] = at
	}
	return h, ok
}
