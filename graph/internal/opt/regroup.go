package opt

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// regroup adds, in loops, what does not change from step to step before the rest, so that hoist does it once:
//
//	(x_t + b) + (h_t + c) = (x_t + h_t) + (b + c)
//
// It is the one pass that changes the order of a sum of a few terms.
func regroup(f *ir.Func) (*ir.Func, error) {
	return rewriteBodies(f, func(p *parts) (*ir.Func, error) {
		classes := p.classes()
		uses := p.op.Body.Users()
		inner := innerSums(p.op.Body.Values(), uses)
		r := newRewriter(builderFor(p.op.Body))
		c := folder{r.b}
		r.first = func(v *ir.Value) *ir.Value {
			if !isSum(v) || inner[v] || classes[v] == steady {
				return nil
			}
			var fixed, rest []*ir.Value
			var collect func(v *ir.Value)
			collect = func(v *ir.Value) {
				for _, a := range v.Args {
					switch {
					case classes[a] == steady:
						fixed = append(fixed, a)
					case inner[a]:
						collect(a)
					default:
						rest = append(rest, a)
					}
				}
			}
			collect(v)
			if len(fixed) < 2 {
				return nil
			}
			return c.make(v.Op, c.sum(v.Op, r.values(rest)), c.sum(v.Op, r.values(fixed)))
		}
		return r.fn(p.op.Body)
	})
}

// innerSums are the additions that only another one reads.
func innerSums(values []*ir.Value, uses map[*ir.Value]int) map[*ir.Value]bool {
	inner := map[*ir.Value]bool{}
	for _, v := range values {
		if isSum(v) {
			for _, a := range v.Args {
				inner[a] = isSum(a) && uses[a] == 1
			}
		}
	}
	return inner
}

// isSum reports whether v is an addition of floats.
func isSum(v *ir.Value) bool {
	e, ok := v.Op.(ir.Elem)
	return ok && e.Fn == tape.Add && v.Dtype != tape.Int32 && v.Args[0].Dtype == v.Dtype && v.Args[1].Dtype == v.Dtype
}

func (c folder) sum(add ir.Op, terms []*ir.Value) *ir.Value {
	s := terms[0]
	for _, t := range terms[1:] {
		s = c.make(add, s, t)
	}
	return s
}
