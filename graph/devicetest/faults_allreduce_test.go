package devicetest

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

func allReduceFaults() []fault {
	return []fault{
		{check: "allreduce", name: "sums before all else", load: func(d tape.Device, t *tape.Tape) (tape.Program, error) {
			c := *t
			c.Code = slices.Clone(t.Code)
			slices.SortStableFunc(c.Code, func(a, b tape.Instr) int {
				_, sumA := a.(*tape.AllReduce)
				_, sumB := b.(*tape.AllReduce)
				return int(truth(sumB) - truth(sumA))
			})
			return d.Load(&c)
		}},
		{check: "allreduce", name: "sums all but the last number", rewrite: edit(func(_ *tape.Tape, a *tape.AllReduce) {
			sum, n := a.Sum, a.N
			a.Sum = func(data any) error {
				xs := unhost(data)
				last := xs[n-1]
				err := sum(data)
				xs = unhost(data)
				xs[n-1] = last
				copyTo(data, xs)
				return err
			}
		})},
		{check: "allreduce when", name: "sums always", rewrite: replace(
			func(_ *tape.Tape, a *tape.AllReduce, _ int) []tape.Instr {
				h := a.Host()
				h.In = h.In[:1]
				h.Fn = func(out, in []any) error {
					copyTo(out[0], unhost(in[0]))
					return a.Sum(out[0])
				}
				return []tape.Instr{h}
			})},
		{check: "allreduce when", name: "leaves Out as it was", rewrite: replace(
			func(t *tape.Tape, a *tape.AllReduce, _ int) []tape.Instr {
				if a.In.Buf == a.Out.Buf {
					return nil
				}
				h := a.Host()
				h.Out = nil
				h.Fn = func(_, _ []any) error { return nil }
				return []tape.Instr{h}
			})},
		{check: "allreduce order", name: "sums the last first", load: func(d tape.Device, t *tape.Tape) (tape.Program, error) {
			c := *t
			c.Code = slices.Clone(t.Code)
			slices.Reverse(c.Code)
			return d.Load(&c)
		}},
		{check: "allreduce error", name: "takes no notice of the error", rewrite: edit(func(_ *tape.Tape, a *tape.AllReduce) {
			sum := a.Sum
			a.Sum = func(data any) error { _ = sum(data); return nil }
		})},
	}
}
