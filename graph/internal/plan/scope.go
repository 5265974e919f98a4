package plan

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// key names what has a place: a value, or a result of a value with several (then i is its index).
type key struct {
	v *ir.Value
	i int
}

func keyOf(v *ir.Value) key {
	if p, ok := v.Op.(ir.Proj); ok {
		return key{v.Args[0], p.Index}
	}
	return key{v, -1}
}

// scope plans one function: the program, or the body of a loop.
type scope struct {
	*planner
	outer *scope
	loop  *tape.Loop // whose body this is; nil for the program
	depth int        // of loops around
	f     *ir.Func
	order []*ir.Value
	pos   map[*ir.Value]int // in order
	last  map[*ir.Value]int // the last position that reads a value, through views; len(order) if a result does

	at    map[key]view      // where values are
	home  map[key]view      // where values that are still to be computed shall be written
	also  map[key][]view    // and where else
	over  map[key]*ir.Value // the parameter whose old value is at a home until then
	solid map[*ir.Value]view
	fixed map[*ir.Value]*ir.Value // parameters that are the same at every step, and what they are around the loop
	code  []tape.Instr
}

func newScope(p *planner, outer *scope, loop *tape.Loop, f *ir.Func) *scope {
	s := &scope{
		planner: p, outer: outer, loop: loop, f: f,
		order: f.Values(),
		pos:   map[*ir.Value]int{}, last: map[*ir.Value]int{},
		at: map[key]view{}, home: map[key]view{}, also: map[key][]view{}, over: map[key]*ir.Value{},
		solid: map[*ir.Value]view{},
		fixed: map[*ir.Value]*ir.Value{},
	}
	if outer != nil {
		s.depth = outer.depth + 1
	}
	for i, v := range s.order {
		s.pos[v] = i
		if !isView(v) {
			for _, a := range v.Args {
				s.last[root(a)] = i
			}
		}
	}
	for _, r := range f.Results {
		s.last[root(r)] = len(s.order)
	}
	return s
}

// isView reports whether v has no memory of its own (as far as its argument's strides allow).
func isView(v *ir.Value) bool {
	switch v.Op.(type) {
	case ir.Broadcast, ir.Reshape, ir.Transpose, ir.Slice:
		return true
	}
	return false
}

// root is the value that v is a view of.
func root(v *ir.Value) *ir.Value {
	for isView(v) {
		v = v.Args[0]
	}
	return v
}

// producer is the value whose instruction writes v: v itself, or the tuple that it is part of.
func producer(v *ir.Value) *ir.Value {
	if _, ok := v.Op.(ir.Proj); ok {
		return v.Args[0]
	}
	return v
}

// settle asks for v to be written to place, if v is computed in this scope by an instruction that can write
// there. If somebody asked before, v is written to both where that is an instruction of several results. Whoever
// asks must still deliver the value, which costs nothing where it came about.
func (s *scope) settle(v *ir.Value, place view) {
	v, place = unshaped(v, place)
	k := keyOf(v)
	if _, here := s.pos[v]; !here || !canWrite(v, place) {
		return
	}
	home, taken := s.home[k]
	switch {
	case !taken:
		s.home[k] = place
	case isMap(v) && alongside(home, place, v.Shape):
		s.also[k] = append(s.also[k], place)
	}
}

// unshaped is the value that v is a reshape of, and its place if that of v is known.
func unshaped(v *ir.Value, place view) (*ir.Value, view) {
	for {
		if _, ok := v.Op.(ir.Reshape); !ok {
			return v, place
		}
		at, ok := place.reshape(v.Shape, v.Args[0].Shape)
		if !ok {
			return v, place
		}
		v, place = v.Args[0], at
	}
}

// isMap reports whether v is computed by a Map.
func isMap(v *ir.Value) bool {
	switch producer(v).Op.(type) {
	case ir.Elem, *ir.Fused:
		return true
	}
	return false
}

// alongside reports whether a Map that writes a value to one place may as well write it to the other: rows of
// both are neighbours in memory, as what transposes is better copied.
func alongside(p, q view, s ir.Shape) bool {
	dims, strides := collapse(s, p.strides, q.strides)
	last := len(dims) - 1
	return last < 0 || strides[0][last] == 1 && strides[1][last] == 1
}

// settleOver is settle for the place of a parameter whose old value is not needed any more when v is written.
func (s *scope) settleOver(v *ir.Value, place view, param *ir.Value) {
	k := keyOf(v)
	if _, taken := s.home[k]; !taken && s.inPlace(param, v) {
		s.settle(v, place)
		s.over[k] = param
	}
}

// canWrite reports whether the instruction that computes v can write to a view like place.
func canWrite(v *ir.Value, place view) bool {
	switch p := producer(v); p.Op.(type) {
	case ir.Elem, *ir.Fused:
		return !place.repeats(v.Shape)
	case ir.Product:
		r := len(v.Shape)
		trans, _, ok := place.matrix(v.Shape[r-2], v.Shape[r-1])
		return ok && !trans
	case ir.Concat, ir.Pad:
		return !place.repeats(v.Shape)
	case ir.Reduce, ir.Rows, ir.Gather, ir.ScatterAdd, ir.Put, ir.Random, *ir.Host, *ir.AllReduce:
		return place.isDense(v.Shape)
	case *ir.Loop:
		return !place.repeats(v.Shape)
	}
	return false
}

// inPlace reports whether v may be written over param, of the same type: whether nothing reads the old value
// after v is written.
func (s *scope) inPlace(param, v *ir.Value) bool {
	p := producer(v)
	at, here := s.pos[p]
	if !here || root(v) != v {
		return false
	}
	if last, read := s.last[param]; !read || last < at {
		return true
	} else if last > at {
		return false
	}
	switch p.Op.(type) {
	case ir.Elem, *ir.Fused: // reads each element before it writes it
		for _, a := range p.Args {
			if root(a) == param && a != param {
				return false
			}
		}
		return true
	case ir.Put: // replaces rows where they are
		return p.Args[0] == param && root(p.Args[1]) != param && root(p.Args[2]) != param
	}
	return false
}

// run emits the code of all values.
func (s *scope) run() {
	// From the results back: a part of a concatenation is written straight into it.
	for i := len(s.order) - 1; i >= 0; i-- {
		v := s.order[i]
		if c, ok := v.Op.(ir.Concat); ok {
			place := s.place(key{v, -1}, v.Type)
			s.at[key{v, -1}] = place
			from := 0
			for _, a := range v.Args {
				if param := s.over[key{v, -1}]; param != nil { // a part is written earlier than the whole
					s.settleOver(a, place.slice(c.Axis, from), param)
				} else {
					s.settle(a, place.slice(c.Axis, from))
				}
				from += a.Shape[c.Axis]
			}
		}
	}
	for _, v := range s.order {
		if s.err != nil {
			return
		}
		s.emit(v)
	}
}

// place is where the result k shall be written: its home, or new memory.
func (s *scope) place(k key, t ir.Type) view {
	if h, ok := s.home[k]; ok {
		return h
	}
	return dense(s.buffer(t, s.loop), t.Shape)
}

// view is where v is; a constant is written to memory when this is first asked.
func (s *scope) view(v *ir.Value) view {
	if at, ok := s.at[keyOf(v)]; ok {
		return at
	}
	switch v.Op.(type) {
	case ir.Const, ir.Iota:
		place := s.place(keyOf(v), v.Type)
		s.emitMap(v.Shape, &ir.Func{Results: []*ir.Value{v}}, nil, []view{place})
		s.at[keyOf(v)] = place
		return place
	}
	s.fail(errors.Errorf("%v is used before it is computed", v.Op))
	return dense(s.buffer(v.Type, s.loop), v.Shape)
}

// dense is where the elements of v lie one after the other: v's own place, or a copy.
func (s *scope) dense(v *ir.Value) view {
	at := s.view(v)
	if at.isDense(v.Shape) {
		at.strides = rowMajor(v.Shape)
		return at
	}
	if x := s.fixed[v]; x != nil {
		return s.outer.dense(x) // once, before the loop
	}
	if c, ok := s.solid[v]; ok {
		return c
	}
	c := dense(s.buffer(v.Type, s.loop), v.Shape)
	s.move(at, c, v.Shape)
	s.solid[v] = c
	return c
}

// deliver sees to it that v, which was computed, is at place.
func (s *scope) deliver(v *ir.Value, place view) {
	if !s.delivered(v, place) {
		s.move(s.view(v), place, v.Shape)
	}
}

// delivered reports whether v was written to place beside its home.
func (s *scope) delivered(v *ir.Value, place view) bool {
	v, place = unshaped(v, place)
	return slices.ContainsFunc(s.also[keyOf(v)], func(w view) bool { return w.same(place, v.Shape) })
}

// move copies from one place to another unless they are the same.
func (s *scope) move(from, to view, shape ir.Shape) {
	if from.same(to, shape) || shape.Size() == 0 {
		return
	}
	dims, strides := collapse(shape, from.strides, to.strides)
	from.strides, to.strides = strides[0], strides[1]
	s.code = append(s.code, &tape.Copy{Shape: dims, In: from.operand(), Out: to.operand()})
}
