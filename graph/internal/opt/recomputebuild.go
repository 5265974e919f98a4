package opt

import (
	"maps"
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// stripResults is what a cut strip has become, around it.
type stripResults struct {
	stacks map[int]*ir.Value // of all steps
	values map[*ir.Value]*ir.Value
	finals []*ir.Value

	main, last *ring
}

// top is what v has become, of all steps.
func (s *segmenter) top(v *ir.Value) *ir.Value {
	if w := s.done[v]; w != nil {
		return w
	}
	w := s.make(v)
	s.done[v] = w
	return w
}

func (s *segmenter) make(v *ir.Value) *ir.Value {
	if p, ok := v.Op.(ir.Proj); ok {
		if o := s.of[v.Args[0]]; o != nil && o.cut {
			r := s.results(o)
			if p.Index < len(o.op.Stacks) {
				return r.stacks[p.Index]
			}
			return r.finals[p.Index-len(o.op.Stacks)]
		}
	}
	if o := s.home[v]; o != nil {
		return s.results(o).values[v]
	}
	args := make([]*ir.Value, len(v.Args))
	same := true
	for i, a := range v.Args {
		args[i] = s.top(a)
		same = same && args[i] == a
	}
	switch sum := s.sums[v]; {
	case sum != nil:
		return sum.add(s.b, v, s.b.Like(0, v), args, sum.strip.op.Trip)
	case same:
		return v
	}
	return s.b.New(v.Op, args...).Named(v.Name)
}

// results cuts a strip.
func (s *segmenter) results(o *strip) *stripResults {
	if o.stripResults != nil {
		return o.stripResults
	}
	r := &stripResults{stacks: map[int]*ir.Value{}, values: map[*ir.Value]*ir.Value{}}
	o.stripResults = r
	l := o.op
	var carries []*ir.Value // those of the loop, then the long sums
	for i := range l.Carries {
		carries = append(carries, s.top(o.loop.Args[len(l.Seqs)+i]))
	}
	for _, h := range o.hosted {
		if h.sum != nil {
			carries = append(carries, s.b.Like(0, h.value))
		}
	}
	if l.Back {
		r.last = s.newRing(o, false, carries)
		r.main = s.newRing(o, true, r.last.carries)
		carries = r.main.carries
	} else {
		r.main = s.newRing(o, true, carries)
		r.last = s.newRing(o, false, r.main.carries)
		carries = r.last.carries
	}
	r.finals = carries[:l.Carries]
	for i, row := range o.rows() {
		parts := []*ir.Value{r.main.rows[i], r.last.rows[i]}
		if l.Back != row.rev {
			slices.Reverse(parts)
		}
		all := s.b.Concat(0, parts...)
		if row.value != nil {
			r.values[row.value] = all
		} else {
			r.stacks[row.stack] = all
		}
	}
	sums := carries[l.Carries:]
	for _, h := range o.hosted {
		if h.sum != nil {
			r.values[h.value], sums = sums[0], sums[1:]
		}
	}
	return r
}

// row is what a strip gives for each step: a stack, or a value that is computed there.
type row struct {
	stack int
	value *ir.Value
	rev   bool
}

func (o *strip) rows() (rs []row) {
	for i, rev := range o.op.Stacks {
		if o.stacks[i] {
			rs = append(rs, row{i, nil, rev})
		}
	}
	for _, h := range o.hosted {
		if h.sum == nil {
			rs = append(rs, row{0, h.value, h.rev})
		}
	}
	return rs
}

// ring is a loop over segments: those of k steps, or the one of the steps that are left.
type ring struct {
	carries []*ir.Value // after it
	rows    []*ir.Value // of its steps
	starts  []*ir.Value // the carries at the starts of segments that are computed again, in the order of o's steps
	lent    []*ir.Value // of steps that are not: what the way back reads of them
}

func (s *segmenter) newRing(o *strip, main bool, init []*ir.Value) *ring {
	steps, n := s.k, (o.op.Trip-s.rest(o))/s.k
	if !main {
		steps, n = s.rest(o), 1
	}
	y := &segmentBody{s: s, strip: o, main: main, steps: steps, loopBody: newLoopBody(n)}
	results := y.loop(s.b, o.op.Label+" in segments", init, y.run)
	r := &ring{carries: results[:len(init)]}
	results = results[len(init):]
	for _, x := range results[:len(o.rows())] {
		r.rows = append(r.rows, s.b.Reshape(x, x.Shape[2:].With(x.Shape[0]*x.Shape[1])...))
	}
	if results = results[len(o.rows()):]; main {
		r.starts = results
	} else {
		r.lent = results
	}
	return r
}

// segmentBody is what a loop over segments does in one of them.
type segmentBody struct {
	s     *segmenter
	strip *strip
	main  bool
	steps int
	*loopBody
	carries []*ir.Value
	blocks  map[block]*ir.Value
	inner   map[*strip]map[int]*ir.Value
	finals  []*ir.Value
}

// block is rows of a value.
type block struct {
	value *ir.Value
	rev   bool
}

// run gives the carries after the segment, and what is stacked of it: rows, and what the way back needs.
func (y *segmentBody) run(carries []*ir.Value) (next []*ir.Value, stacks []stacked) {
	y.blocks, y.inner = map[block]*ir.Value{}, map[*strip]map[int]*ir.Value{}
	o := y.strip
	y.carries = carries[:o.op.Carries]
	y.compute(o)
	for _, row := range o.rows() {
		x := y.inner[o][row.stack]
		if row.value != nil {
			x = y.rows(row.value, row.rev)
		}
		stacks = append(stacks, stacked{x, row.rev})
	}
	switch {
	case y.main && o.kept:
		for _, c := range y.carries {
			stacks = append(stacks, stacked{c, false})
		}
	case !y.main:
		for _, i := range o.lending() {
			stacks = append(stacks, stacked{y.inner[o][i], false})
		}
	}
	next = append(next, y.finals...)
	sums := carries[o.op.Carries:]
	for _, h := range o.hosted {
		if h.sum != nil {
			args := make([]*ir.Value, len(h.value.Args))
			for i, a := range h.value.Args {
				args[i] = y.rows(a, h.rev)
			}
			next, sums = append(next, h.sum.add(y.s.b, h.value, sums[0], args, y.steps)), sums[1:]
		}
	}
	return next, stacks
}

// rows is the rows of v of the segment.
func (y *segmentBody) rows(v *ir.Value, rev bool) *ir.Value {
	at := block{v, rev}
	if w := y.blocks[at]; w != nil {
		return w
	}
	w := y.makeRows(v, rev)
	y.blocks[at] = w
	return w
}

func (y *segmentBody) makeRows(v *ir.Value, rev bool) *ir.Value {
	s, trip := y.s, y.strip.op.Trip
	if o, i := s.stackOf(v); o != nil && (o == y.strip || y.strip.needs[o][i] && s.recomputes(want{y.strip, rev}, o, i)) {
		return y.compute(o)[i]
	}
	if s.taken(v, y.strip) {
		return y.part(v, rev)
	}
	over, _ := rowwise(v, trip)
	args := make([]*ir.Value, len(v.Args))
	for i, a := range v.Args {
		if over[i] {
			args[i] = y.rows(a, rev)
		} else {
			args[i] = y.fixed(a)
		}
	}
	return stretch(s.b, v, args, y.steps, trip)
}

// part is the rows of the segment of what is there for all steps.
func (y *segmentBody) part(v *ir.Value, rev bool) *ir.Value {
	s, l := y.s, y.strip.op
	x := piece(s.b, s.top(v), l.Trip, s.rest(y.strip), l.Back != rev, y.main)
	return y.seq(inSegments(s.b, x, y.trip), rev)
}

// fixed is a value that is the same in all segments.
func (y *segmentBody) fixed(v *ir.Value) *ir.Value {
	w := y.s.top(v)
	if _, ok := w.Op.(ir.Const); ok {
		return w
	}
	return y.constant(w)
}

// compute runs the steps of o, the strip itself or one that is computed again, and gives the stacks that are wanted.
func (y *segmentBody) compute(o *strip) map[int]*ir.Value {
	if done := y.inner[o]; done != nil {
		return done
	}
	if o != y.strip && !y.main {
		return y.lent(o)
	}
	var args []*ir.Value
	for i, rev := range o.op.Seqs {
		args = append(args, y.rows(o.loop.Args[i], rev != (o != y.strip)))
	}
	if o == y.strip {
		args = append(args, y.carries...)
	} else {
		args = append(args, y.start(o)...)
	}
	for _, a := range o.loop.Args[len(args):] {
		args = append(args, y.fixed(a))
	}
	l := *o.op
	l.Trip, l.Stacks = y.steps, nil
	l.Body = &ir.Func{Params: o.op.Body.Params, Results: o.op.Body.Results[:l.Carries:l.Carries]}
	var which []int
	for i, rev := range o.op.Stacks {
		if y.strip.needs[o][i] || !y.main && o.lent[i] {
			which = append(which, i)
			l.Stacks = append(l.Stacks, rev)
			l.Body.Results = append(l.Body.Results, o.op.Body.Results[l.Carries+i])
		}
	}
	b := y.s.b
	l.Body = withoutUnread(b, l.Body)
	loop := b.New(&l, args...).Named(o.loop.Name)
	stacks := map[int]*ir.Value{}
	for j, i := range which {
		stacks[i] = b.Proj(loop, j)
	}
	if o == y.strip {
		for i := range l.Carries {
			y.finals = append(y.finals, b.Proj(loop, len(which)+i))
		}
	}
	y.inner[o] = stacks
	return stacks
}

// withoutUnread is f without the results of elementwise functions that nobody reads.
func withoutUnread(b *ir.Builder, f *ir.Func) *ir.Func {
	read := map[*ir.Value][]int{} // by Fused: the results that are read
	for _, v := range f.Values() {
		if p, ok := v.Op.(ir.Proj); ok && !slices.Contains(read[v.Args[0]], p.Index) {
			read[v.Args[0]] = append(read[v.Args[0]], p.Index)
		}
	}
	g, err := rewrite(f, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
		switch op := v.Op.(type) {
		case *ir.Fused:
			body := &ir.Func{Params: op.Body.Params}
			for _, i := range read[v] {
				body.Results = append(body.Results, op.Body.Results[i])
			}
			return b.New(&ir.Fused{Shape: op.Shape, Body: body}, args...)
		case ir.Proj:
			if _, ok := v.Args[0].Op.(*ir.Fused); ok {
				return b.Proj(args[0], slices.Index(read[v.Args[0]], op.Index)).Named(v.Name)
			}
		}
		return nil
	})
	if err != nil {
		b.Fail(err)
		return f
	}
	return g
}

// start is the carries with which o, which goes the other way, comes to the segment.
func (y *segmentBody) start(o *strip) (cs []*ir.Value) {
	for _, x := range y.s.results(o).main.starts {
		cs = append(cs, y.seq(x, true))
	}
	return cs
}

// lent is the stacks of the last steps of o, which goes the other way.
func (y *segmentBody) lent(o *strip) map[int]*ir.Value {
	stacks := map[int]*ir.Value{}
	for j, i := range o.lending() {
		stacks[i] = y.seq(y.s.results(o).last.lent[j], true)
	}
	y.inner[o] = stacks
	return stacks
}

// lending is the stacks that ways back want of o.
func (o *strip) lending() []int { return slices.Sorted(maps.Keys(o.lent)) }

// piece is the part of x, of so many steps, that a loop over segments runs through (main), or the rest of the rows;
// the rest comes first or last.
func piece(b *ir.Builder, x *ir.Value, steps, rest int, restFirst, main bool) *ir.Value {
	m := x.Shape[0] / steps
	from, to := 0, (steps-rest)*m
	if restFirst {
		from, to = rest*m, steps*m
	}
	if !main && restFirst {
		from, to = 0, rest*m
	} else if !main {
		from, to = (steps-rest)*m, steps*m
	}
	return b.Slice(x, 0, from, to)
}

// inSegments is x with n equal parts of its rows as a leading dimension.
func inSegments(b *ir.Builder, x *ir.Value, n int) *ir.Value {
	return b.Reshape(x, append(ir.Shape{n, x.Shape[0] / n}, x.Shape[1:]...)...)
}

// loopBody collects the sequences and constants of a loop while its body is built.
type loopBody struct {
	trip         int
	seqs, consts []binding
}

type binding struct {
	param, arg *ir.Value
	rev        bool
}

// stacked is a value of the body of which there will be a stack.
type stacked struct {
	value *ir.Value
	rev   bool
}

func newLoopBody(trip int) *loopBody { return &loopBody{trip: trip} }

func (y *loopBody) bind(bs *[]binding, arg *ir.Value, t ir.Type, rev bool) *ir.Value {
	for _, c := range *bs {
		if c.arg == arg && c.rev == rev {
			return c.param
		}
	}
	param := ir.NewParam(-1, t, arg.Name)
	*bs = append(*bs, binding{param, arg, rev})
	return param
}

func (y *loopBody) seq(arg *ir.Value, rev bool) *ir.Value {
	return y.bind(&y.seqs, arg, ir.Type{Dtype: arg.Dtype, Shape: arg.Shape[1:]}, rev)
}

func (y *loopBody) constant(arg *ir.Value) *ir.Value { return y.bind(&y.consts, arg, arg.Type, false) }

// loop makes the loop, and gives the carries after it, then the stacks.
func (y *loopBody) loop(b *ir.Builder, label string, init []*ir.Value,
	body func(carries []*ir.Value) (next []*ir.Value, stacks []stacked)) []*ir.Value {
	carries := make([]binding, len(init))
	params := make([]*ir.Value, len(init))
	for i, x := range init {
		params[i] = ir.NewParam(-1, x.Type, x.Name)
		carries[i] = binding{param: params[i], arg: x}
	}
	next, stacks := body(params)
	l := &ir.Loop{Trip: y.trip, Label: label, Carries: len(init), Body: &ir.Func{Results: next}}
	var args []*ir.Value
	for _, group := range [][]binding{y.seqs, carries, y.consts} {
		for _, c := range group {
			c.param.Op = ir.Param{Index: len(args), Of: c.param.Type}
			args = append(args, c.arg)
			l.Body.Params = append(l.Body.Params, c.param)
		}
	}
	for _, c := range y.seqs {
		l.Seqs = append(l.Seqs, c.rev)
	}
	for _, x := range stacks {
		l.Stacks = append(l.Stacks, x.rev)
		l.Body.Results = append(l.Body.Results, x.value)
	}
	loop := b.New(l, args...)
	results := make([]*ir.Value, 0, len(init)+len(stacks))
	for i := range init {
		results = append(results, b.Proj(loop, len(stacks)+i))
	}
	for i := range stacks {
		results = append(results, b.Proj(loop, i))
	}
	return results
}
