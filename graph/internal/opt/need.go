package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// need tells products which rows of their results a select leaves out, so that nobody computes them:
//
//	where(mask, tanh(x + h·U), h)    ->    where(mask, tanh(x + product(h·U where mask)), h)
//
// Sequences of different lengths that are read at once are such: the state of one that has ended stays as it is. What
// of a value is used is found from its users back: through elementwise functions, functions of rows, and products, of
// whose left operand the same rows are used; and out of a loop along its sequences, to products that were moved before
// it. A product of which somebody uses all rows, as a derivative does of all gates, stays as it is.
//
// Nothing that a program gives changes: what is left out is dropped by a select, and never multiplied by 0.
func need(f *ir.Func) (*ir.Func, error) {
	return demandOf(f, slices.Repeat([]demand{{all: true}}, len(f.Results))).rewrite(builderFor(f))
}

// demand is what of a value is used: nothing, all, or some rows. A row is as many elements that follow each other as
// there are to an element of mask; it is used where that is not 0.
type demand struct {
	all  bool
	mask *ir.Value // not a reshape
}

func (d demand) none() bool { return !d.all && d.mask == nil }

// or is what two users need together.
func (d demand) or(e demand) demand {
	switch {
	case d.none() || d == e:
		return e
	case e.none():
		return d
	}
	return demand{all: true}
}

// leading is how many dimensions of a shape have an element for each row; more than there are if rows are not made of
// whole dimensions.
func (d demand) leading(s ir.Shape) int {
	n, rows := 1, d.mask.Shape.Size()
	for i, dim := range s {
		if n == rows {
			return i
		}
		n *= dim
	}
	if n == rows {
		return len(s)
	}
	return len(s) + 1
}

// within is d if rows are made of the dimensions of a shape from axis on, or from before it; else all.
func (d demand) within(s ir.Shape, axis int) demand {
	if d.mask != nil && d.leading(s) > axis {
		return demand{all: true}
	}
	return d
}

// demands is what is used of the values of a function.
type demands struct {
	f      *ir.Func
	of     map[*ir.Value]demand
	parts  map[*ir.Value][]demand // of values with several results
	bodies map[*ir.Value]*demands // of loops
}

// demandOf finds what is used of f's values if so much is of its results.
func demandOf(f *ir.Func, results []demand) *demands {
	d := &demands{f, map[*ir.Value]demand{}, map[*ir.Value][]demand{}, map[*ir.Value]*demands{}}
	for i, r := range f.Results {
		d.want(r, results[i])
	}
	for _, v := range slices.Backward(f.Values()) {
		switch op := v.Op.(type) {
		case ir.Proj:
			parts := d.ofParts(v.Args[0])
			parts[op.Index] = parts[op.Index].or(d.of[v])
		case ir.Tuple:
			for i, a := range v.Args {
				d.want(a, d.ofParts(v)[i])
			}
		case *ir.Fused:
			d.elements(v, op.Body, d.ofParts(v))
		case ir.Elem:
			params := make([]*ir.Value, len(v.Args))
			for i, a := range v.Args {
				params[i] = ir.NewParam(i, a.Type, "")
			}
			alone := &ir.Value{Op: op, Args: params, Type: v.Type}
			d.elements(v, &ir.Func{Params: params, Results: []*ir.Value{alone}}, []demand{d.of[v]})
		case *ir.Loop:
			d.loop(v, op, d.ofParts(v))
		default:
			for i, a := range v.Args {
				d.want(a, ofArgument(v, i, d.of[v]))
			}
		}
	}
	return d
}

func (d *demands) want(v *ir.Value, e demand) { d.of[v] = d.of[v].or(e) }

func (d *demands) ofParts(v *ir.Value) []demand {
	if d.parts[v] == nil {
		d.parts[v] = make([]demand, len(v.Parts))
	}
	return d.parts[v]
}

// ofArgument is what v uses of its argument i.
func ofArgument(v *ir.Value, i int, d demand) demand {
	x, last := v.Args[i], len(v.Shape)-1
	if d.mask == nil {
		return d
	}
	switch op := v.Op.(type) {
	case ir.Reshape:
		return d
	case ir.Slice:
		return d.within(v.Shape, op.Axis)
	case ir.Pad:
		return d.within(v.Shape, op.Axis)
	case ir.Concat:
		return d.within(v.Shape, op.Axis)
	case ir.Broadcast:
		same := 0
		for len(x.Shape) == len(v.Shape) && same < len(x.Shape) && x.Shape[same] == v.Shape[same] {
			same++
		}
		return d.within(v.Shape, same)
	case ir.Transpose:
		same := 0
		for same < len(op.Perm) && op.Perm[same] == same {
			same++
		}
		return d.within(v.Shape, same)
	case ir.Reduce:
		if len(op.Axes) > 0 {
			return d.within(v.Shape, op.Axes[0])
		}
		return d
	case ir.Rows:
		if i == 0 {
			return d.within(v.Shape, len(x.Shape)-1)
		}
	case ir.Product:
		if i == 0 && !op.TransA {
			return d.within(v.Shape, last)
		}
	}
	return demand{all: true}
}

// elements finds what elementwise functions, the body, use of the arguments of v. A mask is a condition of which all is
// used, so that masks are what they would be without this pass, and none depends on a product that it is the mask of.
func (d *demands) elements(v *ir.Value, body *ir.Func, results []demand) {
	masks := map[*ir.Value]*ir.Value{}
	for i, p := range body.Params {
		masks[p] = rowMask(v.Args[i])
	}
	of := map[*ir.Value]demand{}
	want := func(v *ir.Value, e demand) { of[v] = of[v].or(e) }
	for i, r := range body.Results {
		want(r, results[i])
	}
	for _, v := range slices.Backward(body.Values()) {
		for i, a := range v.Args {
			e := of[v]
			if op, ok := v.Op.(ir.Elem); ok && op.Fn == tape.Where && i == 1 && e.all && masks[v.Args[0]] != nil {
				e = demand{mask: masks[v.Args[0]]}
			}
			want(a, e)
		}
	}
	for i, p := range body.Params {
		d.want(v.Args[i], of[p])
	}
}

// rowMask is the value of which v repeats each element for a row, or nil.
func rowMask(v *ir.Value) *ir.Value {
	x := v
	if _, ok := v.Op.(ir.Broadcast); ok {
		x = v.Args[0]
		missing := len(v.Shape) - len(x.Shape)
		dim := func(i int) int {
			if i < missing {
				return 1
			}
			return x.Shape[i-missing]
		}
		i := 0
		for i < len(v.Shape) && dim(i) == v.Shape[i] {
			i++
		}
		for ; i < len(v.Shape); i++ {
			if dim(i) != 1 {
				return nil
			}
		}
	}
	return unreshaped(x)
}

func unreshaped(v *ir.Value) *ir.Value {
	for {
		if _, ok := v.Op.(ir.Reshape); !ok {
			return v
		}
		v = v.Args[0]
	}
}

// loop finds what a loop uses of its arguments: of a sequence the rows that a step uses of its element, if the mask
// runs through the loop beside it.
func (d *demands) loop(v *ir.Value, l *ir.Loop, results []demand) {
	all := demand{all: true}
	wanted := slices.Repeat([]demand{all}, len(l.Body.Results))
	for i, reversed := range l.Stacks {
		if e := results[i]; e.mask != nil {
			for s, r := range l.Seqs {
				if r == reversed && unreshaped(v.Args[s]) == e.mask {
					wanted[l.Carries+i] = demand{mask: l.Body.Params[s]}
				}
			}
		} else {
			wanted[l.Carries+i] = e
		}
	}
	body := demandOf(l.Body, wanted)
	d.bodies[v] = body
	for i, a := range v.Args {
		e := body.of[l.Body.Params[i]]
		if e.mask != nil {
			at := slices.Index(l.Body.Params[:len(l.Seqs)], e.mask)
			e = all
			if i < len(l.Seqs) && at >= 0 && l.Seqs[at] == l.Seqs[i] {
				e = demand{mask: unreshaped(v.Args[at])}
			}
		}
		d.want(a, e)
	}
}

// rewrite gives products what is found.
func (d *demands) rewrite(b *ir.Builder) (*ir.Func, error) {
	r := newRewriter(b)
	r.visit = func(v *ir.Value, args []*ir.Value) *ir.Value {
		switch op := v.Op.(type) {
		case ir.Product:
			if m := d.maskOf(v, op); m != nil {
				op.Need = true
				rows := b.Reshape(r.value(m), v.Shape[:len(v.Shape)-1]...)
				return b.New(op, args[0], args[1], rows).Named(v.Name)
			}
		case *ir.Loop:
			body, err := d.bodies[v].rewrite(b)
			if err != nil {
				return b.Fail(err)
			}
			if body != op.Body {
				l := *op
				l.Body = body
				return b.New(&l, args...).Named(v.Name)
			}
		}
		return nil
	}
	return r.fn(d.f)
}

// maskOf is that of a product, or nil.
func (d *demands) maskOf(v *ir.Value, p ir.Product) *ir.Value {
	m := d.of[v].mask
	if p.Need || m == nil || m.Shape.Size() != v.Shape[:len(v.Shape)-1].Size() {
		return nil
	}
	return m
}
