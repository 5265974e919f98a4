package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// args tidies what goes into loops and what comes out:
//
//	a sequence or constant that is a Const           is a Const in the body
//	a sequence that repeats x                        is the constant x; so is a carry that never changes
//	a constant that is broadcast(x)                  is broadcast in the body
//	sequences, constants, stacks that are the same   are one
//	a stack of a sequence's elements, same order     is the sequence
//	a stack of what does not change                  is broadcast(x), and the carry that becomes it is x
//	the last element of the stack of a carry         is its final value
func args(f *ir.Func) (*ir.Func, error) {
	b := builderFor(f)
	edits := map[*ir.Value]*parts{}
	for _, v := range f.Values() {
		if _, ok := v.Op.(*ir.Loop); ok {
			p := takeApart(v)
			changed := p.tidyArgs(b)
			if p.tidyResults(b) || changed {
				edits[v] = p
			}
		}
	}
	f, err := rewriteLoops(f, b, edits)
	if err != nil {
		return nil, err
	}
	return rewrite(f, lastElement)
}

func (p *parts) tidyArgs(b *ir.Builder) bool {
	changed := false
	replace := func(param, by *ir.Value) {
		p.sub[param] = by
		changed = true
	}
	type source struct {
		arg *ir.Value
		rev bool
	}
	seqs := map[source]*ir.Value{}
	for _, s := range p.seqs {
		src := source{s.arg, s.rev}
		if k, ok := constValue(s.arg); ok {
			replace(s.param, constOf(k, s.param.Type))
		} else if first := seqs[src]; first != nil {
			replace(s.param, first)
		} else if x := repeated(b, s.arg, s.param); x != nil {
			replace(s.param, b.Broadcast(p.addConst(x, s.param.Name), s.param.Shape...))
		} else {
			seqs[src] = s.param
		}
	}
	left := p.carries[:0]
	for _, c := range p.carries {
		if c.next == c.param {
			replace(c.param, p.addConst(c.init, c.param.Name))
			p.instead[c.out] = c.init
			continue
		}
		left = append(left, c)
	}
	p.carries = left
	consts := map[*ir.Value]*ir.Value{}
	for _, c := range p.consts {
		switch op := c.arg.Op.(type) {
		case ir.Const, ir.Iota:
			replace(c.param, c.arg)
			continue
		case ir.Broadcast:
			x := p.addConst(c.arg.Args[0], c.param.Name)
			replace(c.param, b.New(op, x))
			continue
		}
		if first := consts[c.arg]; first != nil && first != c.param {
			replace(c.param, first)
			continue
		}
		consts[c.arg] = c.param
	}
	return changed
}

// repeated is what every element of the sequence is a broadcast of, or nil.
func repeated(b *ir.Builder, arg, param *ir.Value) *ir.Value {
	if _, ok := arg.Op.(ir.Broadcast); !ok {
		return nil
	}
	x := arg.Args[0]
	switch {
	case len(x.Shape) < len(arg.Shape):
		return x
	case x.Shape[0] == 1:
		return b.Reshape(x, x.Shape[1:]...)
	}
	return nil
}

func (p *parts) tidyResults(b *ir.Builder) bool {
	changed := false
	outer := p.steady(b)
	left := p.stacks[:0]
	type source struct {
		value *ir.Value
		rev   bool
	}
	first := map[source]int{}
	for _, s := range p.stacks {
		v := p.follow(s.value)
		src := source{v, s.rev}
		t := v.Shape.With(p.op.Trip)
		if i, ok := first[src]; ok {
			p.instead[s.out] = p.result(i, v.Dtype, t)
		} else if arg := p.seqArg(v, s.rev); arg != nil {
			p.instead[s.out] = arg
		} else if x := outer(v); x != nil {
			p.instead[s.out] = b.Broadcast(x, t...)
		} else {
			first[src] = s.out
			left = append(left, s)
			continue
		}
		changed = true
	}
	p.stacks = left
	if p.op.Trip == 0 {
		return changed
	}
	var carries []carry
	for _, c := range p.carries {
		if x := outer(c.next); x != nil && !p.reach(p.roots())[c.param] {
			p.instead[c.out] = x
			changed = true
			continue
		}
		carries = append(carries, c)
	}
	p.carries = carries
	return changed
}

// roots are the values of the body that its results are.
func (p *parts) roots() []*ir.Value {
	var vs []*ir.Value
	for _, c := range p.carries {
		vs = append(vs, c.next)
	}
	for _, s := range p.stacks {
		vs = append(vs, s.value)
	}
	return vs
}

// seqArg is the sequence whose elements v is, in the order rev.
func (p *parts) seqArg(v *ir.Value, rev bool) *ir.Value {
	for _, s := range p.seqs {
		if s.param == v && s.rev == rev {
			return s.arg
		}
	}
	return nil
}

// steady gives the value outside of the loop that equals a value of the body at every step, or nil.
func (p *parts) steady(b *ir.Builder) func(v *ir.Value) *ir.Value {
	done := map[*ir.Value]*ir.Value{}
	for _, s := range p.seqs {
		done[s.param] = nil
	}
	for _, c := range p.carries {
		done[c.param] = nil
	}
	for _, c := range p.consts {
		done[c.param] = c.arg
	}
	var outer func(v *ir.Value) *ir.Value
	outer = func(v *ir.Value) *ir.Value {
		v = p.follow(v)
		if w, ok := done[v]; ok {
			return w
		}
		done[v] = nil
		args := make([]*ir.Value, len(v.Args))
		for i, a := range v.Args {
			if args[i] = outer(a); args[i] == nil {
				return nil
			}
		}
		if callsHost(v.Op) {
			return nil
		}
		done[v] = b.New(v.Op, args...).Named(v.Name)
		return done[v]
	}
	return outer
}

// lastElement is the final value of a carry where the last element of its stack is asked for.
func lastElement(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
	s, ok := v.Op.(ir.Slice)
	if !ok || s.Axis != 0 || s.To != s.From+1 {
		return nil
	}
	p, ok := args[0].Op.(ir.Proj)
	if !ok {
		return nil
	}
	loop := args[0].Args[0]
	l, ok := loop.Op.(*ir.Loop)
	if !ok || p.Index >= len(l.Stacks) {
		return nil
	}
	last := l.Trip - 1
	if l.Stacks[p.Index] {
		last = 0
	}
	if s.From != last {
		return nil
	}
	value := l.Body.Results[l.Carries+p.Index]
	for i, next := range l.Body.Results[:l.Carries] {
		if next == value {
			return b.Reshape(b.Proj(loop, len(l.Stacks)+i), v.Shape...)
		}
	}
	return nil
}
