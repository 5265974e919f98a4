package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// zero drops what is multiplied by a Const 0:
//
//	0*x = 0    0/x = 0    0·A = 0    scatteradd(i, 0) = 0    softmaxgrad(y, 0) = 0 ...
//
// and carries of loops that start as a Const and, by these rules, stay what they are. These zeros are gradients
// of what does not reach the loss: of an output that nobody reads, of a final state. They are exact by
// construction, so that they count as zero also where the other factor is infinite or NaN. That is the one
// liberty that this pass takes and that fold does not.
func zero(f *ir.Func) (*ir.Func, error) {
	b := builderFor(f)
	edits := map[*ir.Value]*parts{}
	for _, v := range f.Values() {
		if _, ok := v.Op.(*ir.Loop); ok {
			if p := takeApart(v); steadyCarries(p, b.Float) {
				edits[v] = p
			}
		}
	}
	f, err := rewriteLoops(f, b, edits)
	if err != nil {
		return nil, err
	}
	return rewrite(f, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
		if len(args) == 0 || v.Parts != nil {
			return nil
		}
		ns := make([]number, len(args))
		for i, a := range args {
			if c, ok := a.Op.(ir.Const); ok {
				ns[i] = known(c.Value)
			}
		}
		if n := uniform(v.Op, v.Type, b.Float, ns, true); n.known {
			return b.New(ir.Const{Value: n.value, Of: v.Type})
		}
		return nil
	})
}

// zeroElem reports whether fn of args is 0 because a factor is.
func zeroElem(fn tape.Fn, args []number) bool {
	switch fn {
	case tape.Mul:
		return args[0] == known(0) || args[1] == known(0)
	case tape.Div:
		return args[0] == known(0) && args[1] != known(0)
	case tape.Where:
		return args[1] == known(0) && args[2] == known(0)
	}
	return false
}

// zeroRows reports whether a gradient of rows is 0 because the gradient that it is computed from is.
func zeroRows(op ir.Rows, args []number) bool {
	switch op.Kind {
	case tape.SoftmaxGrad, tape.LogSoftmaxGrad:
		return args[1] == known(0)
	case tape.CrossEntropyGrad:
		return args[2] == known(0)
	}
	return false
}

// steadyCarries replaces the carries that start as a Const and, if all of them are what they were, are so after
// a step: by induction they never change. It reports whether there are any.
func steadyCarries(p *parts, float ir.Dtype) bool {
	steady := map[*ir.Value]number{}
	for _, c := range p.carries {
		if k, ok := c.init.Op.(ir.Const); ok {
			steady[c.param] = known(k.Value)
		}
	}
	for n := -1; n != len(steady); {
		n = len(steady)
		if n == 0 {
			return false
		}
		numbers := bodyNumbers(p, steady, float)
		for _, c := range p.carries {
			if was, ok := steady[c.param]; ok && numbers[c.next] != was {
				delete(steady, c.param)
			}
		}
	}
	left := p.carries[:0]
	for _, c := range p.carries {
		if n, ok := steady[c.param]; ok {
			p.sub[c.param] = constOf(n.value, c.param.Type)
			p.instead[c.out] = c.init
			continue
		}
		left = append(left, c)
	}
	p.carries = left
	return true
}

// bodyNumbers is what is known of the body's values if the given parameters are what they are said to be.
func bodyNumbers(p *parts, given map[*ir.Value]number, float ir.Dtype) map[*ir.Value]number {
	numbers := map[*ir.Value]number{}
	for _, v := range p.op.Body.Values() {
		if v.Parts != nil {
			continue
		}
		if _, ok := v.Op.(ir.Param); ok {
			numbers[v] = given[v]
			continue
		}
		args := make([]number, len(v.Args))
		for i, a := range v.Args {
			args[i] = numbers[a]
		}
		numbers[v] = uniform(v.Op, v.Type, float, args, true)
	}
	return numbers
}

// constOf is a Const, which is always well formed.
func constOf(c float64, t ir.Type) *ir.Value {
	return &ir.Value{Op: ir.Const{Value: c, Of: t}, Type: t}
}
