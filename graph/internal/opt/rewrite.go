package opt

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// rewriter rebuilds a function from its results down. Values whose arguments stay the same and for which visit
// has nothing to say are kept, so that a pass that changes nothing returns the function that it was given.
type rewriter struct {
	b     *ir.Builder
	visit func(v *ir.Value, args []*ir.Value) *ir.Value // what stands in v's place, or nil: the same operation on args
	first func(v *ir.Value) *ir.Value                   // the same, asked before the arguments are rebuilt
	edits map[*ir.Value]*parts                          // loops to be taken apart and built anew
	sub   map[*ir.Value]*ir.Value                       // old values and the old values that stand in their place
	done  map[*ir.Value]*ir.Value
	outs  map[*ir.Value]map[int]*ir.Value // results of the loops in edits
}

func newRewriter(b *ir.Builder) *rewriter {
	return &rewriter{b: b, done: map[*ir.Value]*ir.Value{}, outs: map[*ir.Value]map[int]*ir.Value{}}
}

// rewrite rebuilds f with visit.
func rewrite(f *ir.Func, visit func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value) (*ir.Func, error) {
	b := builderFor(f)
	r := newRewriter(b)
	r.visit = func(v *ir.Value, args []*ir.Value) *ir.Value { return visit(b, v, args) }
	return r.fn(f)
}

// rewriteLoops rebuilds f with the edited loops in the place of the old ones.
func rewriteLoops(f *ir.Func, b *ir.Builder, edits map[*ir.Value]*parts) (*ir.Func, error) {
	if len(edits) == 0 {
		return f, b.Err()
	}
	r := newRewriter(b)
	r.edits = edits
	return r.fn(f)
}

func (r *rewriter) fn(f *ir.Func) (*ir.Func, error) {
	results := make([]*ir.Value, len(f.Results))
	for i, v := range f.Results {
		results[i] = r.value(v)
	}
	if err := r.b.Err(); err != nil {
		return nil, err
	}
	if slices.Equal(results, f.Results) {
		return f, nil
	}
	return &ir.Func{Params: f.Params, Results: results}, nil
}

// value is what stands in the place of the old value v.
func (r *rewriter) value(v *ir.Value) *ir.Value {
	for w := r.sub[v]; w != nil; w = r.sub[v] {
		v = w
	}
	if w, ok := r.done[v]; ok {
		return w
	}
	w := r.make(v)
	r.done[v] = w
	return w
}

func (r *rewriter) make(v *ir.Value) *ir.Value {
	if p, ok := v.Op.(ir.Proj); ok {
		if e := r.edits[v.Args[0]]; e != nil {
			return r.result(e, v.Args[0], p.Index)
		}
	}
	if r.first != nil {
		if w := r.first(v); w != nil {
			return w
		}
	}
	args := r.values(v.Args)
	if r.visit != nil {
		if w := r.visit(v, args); w != nil {
			return w
		}
	}
	if slices.Equal(args, v.Args) {
		return v
	}
	return r.b.New(v.Op, args...).Named(v.Name)
}

// result is what stands in the place of result i of an edited loop.
func (r *rewriter) result(e *parts, loop *ir.Value, i int) *ir.Value {
	if w, ok := e.instead[i]; ok {
		return r.value(w)
	}
	outs := r.outs[loop]
	if outs == nil {
		outs = e.build(r.b, r.values)
		r.outs[loop] = outs
	}
	if outs[i] == nil {
		return r.b.Fail(errors.Errorf("%v has lost its result %d", loop.Op, i))
	}
	return outs[i]
}

func (r *rewriter) values(vs []*ir.Value) []*ir.Value {
	out := make([]*ir.Value, len(vs))
	for i, v := range vs {
		out[i] = r.value(v)
	}
	return out
}

// inBodies is pass applied to the bodies of loops, innermost first, and then to the function itself. It
// remembers the functions in which there was nothing to do: after a change to one body, the tidying passes need
// not look at the others again.
func inBodies(pass func(*ir.Func) (*ir.Func, error)) func(*ir.Func) (*ir.Func, error) {
	idle := map[*ir.Func]bool{}
	var deep func(f *ir.Func) (*ir.Func, error)
	deep = func(f *ir.Func) (*ir.Func, error) {
		if idle[f] {
			return f, nil
		}
		g, err := rewriteBodies(f, func(p *parts) (*ir.Func, error) {
			body, err := deep(p.op.Body)
			return body, errors.Wrap(err, p.op.String())
		})
		if err != nil {
			return nil, err
		}
		g, err = pass(g)
		if err != nil {
			return nil, err
		}
		idle[f] = g == f
		return g, nil
	}
	return deep
}

// rewriteBodies rebuilds the bodies of f's loops.
func rewriteBodies(f *ir.Func, pass func(p *parts) (*ir.Func, error)) (*ir.Func, error) {
	bodies := map[*ir.Value]*ir.Func{}
	for _, v := range f.Values() {
		if _, ok := v.Op.(*ir.Loop); ok {
			p := takeApart(v)
			body, err := pass(p)
			if err != nil {
				return nil, err
			}
			if body != p.op.Body {
				bodies[v] = body
			}
		}
	}
	if len(bodies) == 0 {
		return f, nil
	}
	return rewrite(f, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
		body := bodies[v]
		if body == nil {
			return nil
		}
		l := *v.Op.(*ir.Loop)
		l.Body = body
		return b.New(&l, args...).Named(v.Name)
	})
}

// builderFor is a builder of the float type that f computes in.
func builderFor(f *ir.Func) *ir.Builder {
	if t, ok := floatOf(f); ok {
		return &ir.Builder{Float: t}
	}
	return &ir.Builder{Float: tape.Float32}
}

func floatOf(f *ir.Func) (ir.Dtype, bool) {
	isFloat := func(v *ir.Value) bool { return v.Parts == nil && v.Dtype != tape.Int32 }
	for _, values := range []func() []*ir.Value{func() []*ir.Value { return f.Params }, f.Values} {
		vs := values()
		if i := slices.IndexFunc(vs, isFloat); i >= 0 {
			return vs[i].Dtype, true
		}
	}
	return 0, false
}
