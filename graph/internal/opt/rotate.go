package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// rotate lets the step that reads a carry add up what the step before has left for it:
//
//	c' = z*c + y·U    ->    p' = z*(p+q), q' = y·U        with c = p + q
//
// A sum with a product at the end of a step is an elementwise function that has to wait for the product; at the
// start of the next step it is one more term of an elementwise function that is computed there anyhow. The
// gradients of gated cells are such carries. It pays if elementwise functions alone read the carry and nothing
// else wants the sum.
func rotate(f *ir.Func) (*ir.Func, error) {
	b := builderFor(f)
	edits := map[*ir.Value]*parts{}
	for _, v := range f.Values() {
		if _, ok := v.Op.(*ir.Loop); ok {
			if p := takeApart(v); p.rotate(folder{b}) {
				edits[v] = p
			}
		}
	}
	return rewriteLoops(f, b, edits)
}

func (p *parts) rotate(c folder) bool {
	values := p.op.Body.Values()
	uses := p.op.Body.Users()
	inner := innerSums(values, uses)
	other := map[*ir.Value]bool{} // read by other than elementwise functions
	for _, r := range p.op.Body.Results {
		other[r] = true
	}
	for _, v := range values {
		for _, a := range v.Args {
			other[a] = other[a] || !isElem(v)
		}
	}
	var carries []carry
	for _, k := range p.carries {
		if !isSum(k.next) || uses[k.next] != 1 || other[k.param] || uses[k.param] == 0 {
			carries = append(carries, k)
			continue
		}
		var products, rest []*ir.Value
		var collect func(v *ir.Value)
		collect = func(v *ir.Value) {
			for _, a := range v.Args {
				if _, ok := a.Op.(ir.Product); ok && uses[a] == 1 {
					products = append(products, a)
				} else if inner[a] {
					collect(a)
				} else {
					rest = append(rest, a)
				}
			}
		}
		collect(k.next)
		if len(products) == 0 {
			carries = append(carries, k)
			continue
		}
		nexts := products
		if len(rest) > 0 {
			nexts = append([]*ir.Value{c.sum(k.next.Op, rest)}, products...)
		}
		var now, final []*ir.Value
		for i, n := range nexts {
			part := carry{ir.NewParam(-1, k.param.Type, k.param.Name), constOf(0, k.param.Type), n, p.results}
			p.results++
			if i == 0 {
				part.init = k.init
			}
			carries = append(carries, part)
			now, final = append(now, part.param), append(final, p.final(part))
		}
		p.sub[k.param] = c.sum(k.next.Op, now)
		p.instead[k.out] = c.sum(k.next.Op, final)
	}
	changed := len(carries) > len(p.carries)
	p.carries = carries
	return changed
}
