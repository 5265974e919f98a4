package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// parts is a Loop taken apart, so that parameters and results can come and go without anyone counting positions.
//
// Everything in it refers to values of the function before the pass: arguments and replaced results to values
// around the loop, the rest to values of the body. A pass edits parts, may use the loop's present results and
// those that it adds (see stackOf) in new expressions around the loop, and rewriteLoops then builds the new
// function.
type parts struct {
	loop    *ir.Value
	op      *ir.Loop
	seqs    []seq
	carries []carry
	consts  []constant
	stacks  []stack
	sub     map[*ir.Value]*ir.Value // values of the body and what stands in their place
	instead map[int]*ir.Value       // results of the loop and what stands in their place
	results int                     // how many there are, with those added
}

type seq struct {
	param, arg *ir.Value
	rev        bool
}

type carry struct {
	param, init, next *ir.Value
	out               int // which result of the loop is its final value
}

type constant struct{ param, arg *ir.Value }

type stack struct {
	value *ir.Value
	rev   bool
	out   int // which result of the loop it is
}

// takeApart gives the parts of a value whose operation is a Loop.
func takeApart(loop *ir.Value) *parts {
	l := loop.Op.(*ir.Loop)
	p := &parts{loop: loop, op: l, sub: map[*ir.Value]*ir.Value{}, instead: map[int]*ir.Value{}, results: len(loop.Parts)}
	for i, param := range l.Body.Params {
		arg := loop.Args[i]
		switch c := i - len(l.Seqs); {
		case c < 0:
			p.seqs = append(p.seqs, seq{param, arg, l.Seqs[i]})
		case c < l.Carries:
			p.carries = append(p.carries, carry{param, arg, l.Body.Results[c], len(l.Stacks) + c})
		default:
			p.consts = append(p.consts, constant{param, arg})
		}
	}
	for i, rev := range l.Stacks {
		p.stacks = append(p.stacks, stack{l.Body.Results[l.Carries+i], rev, i})
	}
	return p
}

// addSeq gives the body a parameter that runs through arg.
func (p *parts) addSeq(arg *ir.Value, rev bool, name string) *ir.Value {
	for _, s := range p.seqs {
		if s.arg == arg && s.rev == rev {
			return s.param
		}
	}
	param := ir.NewParam(-1, ir.Type{Dtype: arg.Dtype, Shape: arg.Shape[1:]}, name)
	p.seqs = append(p.seqs, seq{param, arg, rev})
	return param
}

// addConst gives the body a parameter that is arg at every step.
func (p *parts) addConst(arg *ir.Value, name string) *ir.Value {
	for _, c := range p.consts {
		if c.arg == arg {
			return c.param
		}
	}
	param := ir.NewParam(-1, arg.Type, name)
	p.consts = append(p.consts, constant{param, arg})
	return param
}

// stackOf is the loop's result that holds v of every step, with element i from step i, or from step Trip-1-i if
// rev. There is a new result if no present one holds it.
func (p *parts) stackOf(v *ir.Value, rev bool) *ir.Value {
	for _, s := range p.stacks {
		if s.value == v && s.rev == rev {
			return p.result(s.out, v.Dtype, v.Shape.With(p.op.Trip))
		}
	}
	p.stacks = append(p.stacks, stack{v, rev, p.results})
	p.results++
	return p.result(p.results-1, v.Dtype, v.Shape.With(p.op.Trip))
}

// final is the loop's result that is the last value of a carry.
func (p *parts) final(c carry) *ir.Value { return p.result(c.out, c.param.Dtype, c.param.Shape) }

// result makes a Proj without ir.New: the loop as it stands may not have that result yet.
func (p *parts) result(i int, t ir.Dtype, s ir.Shape) *ir.Value {
	return &ir.Value{Op: ir.Proj{Index: i}, Args: []*ir.Value{p.loop}, Type: ir.Type{Dtype: t, Shape: s}}
}

// build makes the new loop and gives its results under their numbers. Sequences and constants that nothing
// needs are left out.
func (p *parts) build(b *ir.Builder, outer func([]*ir.Value) []*ir.Value) map[int]*ir.Value {
	var roots []*ir.Value
	for _, c := range p.carries {
		roots = append(roots, c.next)
	}
	for _, s := range p.stacks {
		roots = append(roots, s.value)
	}
	needed := p.reach(roots)

	l := &ir.Loop{Trip: p.op.Trip, Carries: len(p.carries), Label: p.op.Label, Back: p.op.Back, Body: &ir.Func{}}
	inner := newRewriter(b)
	var args []*ir.Value
	bind := func(param, arg *ir.Value) {
		i := len(args)
		args = append(args, arg)
		q := param
		if param.Op.(ir.Param).Index != i {
			q = ir.NewParam(i, param.Type, param.Name)
		}
		l.Body.Params = append(l.Body.Params, q)
		inner.done[param] = q
	}
	for _, s := range p.seqs {
		if needed[s.param] {
			bind(s.param, s.arg)
			l.Seqs = append(l.Seqs, s.rev)
		}
	}
	for _, c := range p.carries {
		bind(c.param, c.init)
	}
	for _, c := range p.consts {
		if needed[c.param] {
			bind(c.param, c.arg)
		}
	}
	inner.sub = p.sub
	l.Body.Results = inner.values(roots)
	for _, s := range p.stacks {
		l.Stacks = append(l.Stacks, s.rev)
	}
	loop := b.New(l, outer(args)...).Named(p.loop.Name)
	outs := map[int]*ir.Value{}
	if b.Err() != nil {
		return outs
	}
	for i, s := range p.stacks {
		outs[s.out] = b.Proj(loop, i)
	}
	for i, c := range p.carries {
		outs[c.out] = b.Proj(loop, len(p.stacks)+i)
	}
	return outs
}

// follow is what stands in the place of the body's value v.
func (p *parts) follow(v *ir.Value) *ir.Value {
	for w := p.sub[v]; w != nil; w = p.sub[v] {
		v = w
	}
	return v
}

// reach is all values of the body that roots need, after replacement.
func (p *parts) reach(roots []*ir.Value) map[*ir.Value]bool {
	seen := map[*ir.Value]bool{}
	var visit func(v *ir.Value)
	visit = func(v *ir.Value) {
		v = p.follow(v)
		if seen[v] {
			return
		}
		seen[v] = true
		for _, a := range v.Args {
			visit(a)
		}
	}
	for _, r := range roots {
		visit(r)
	}
	return seen
}
