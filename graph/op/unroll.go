package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Unroll is Scan the plain way: the step's nodes, once for each of the T steps. It gives the same numbers as
// Scan with a graph that grows with T, and runs on Gorgonia's own tape machine: the proof that both are right,
// and the other side of benchmarks.
func (b *Builder) Unroll(s Scan, step Step) Scanned {
	if b.err != nil {
		return b.brokenScan(s)
	}
	trip, err := s.steps()
	if err != nil {
		b.fail(errors.Wrapf(err, "Unroll %q", s.Name))
		return b.brokenScan(s)
	}
	seqs := s.Seqs
	if s.Mask != nil {
		seqs = append(slices.Clip(seqs), s.Mask)
	}
	in := In{States: s.States, Consts: s.Consts}
	states, outs := make([][]*G.Node, len(s.States)), [][]*G.Node(nil)
	first := b.root().streams // of every step, so that it draws what the step of a Scan draws
	for i := range trip {
		b.root().streams = first
		t := i
		if s.Reverse {
			t = trip - 1 - i
		}
		in.Seqs = nil
		for _, x := range seqs {
			in.Seqs = append(in.Seqs, b.Reshape(b.Slice(x, 0, t, t+1), x.Shape()[1:]...))
		}
		out, err := b.masked(s, step, in)
		if err != nil {
			b.fail(errors.Wrapf(err, "Unroll %q, step %d", s.Name, i))
			return b.brokenScan(s)
		}
		in.States = out.States
		for k, n := range out.States {
			states[k] = append(states[k], n)
		}
		if outs == nil {
			outs = make([][]*G.Node, len(out.Outs))
		}
		for k, n := range out.Outs {
			outs[k] = append(outs[k], n)
		}
	}
	stack := func(steps [][]*G.Node) []*G.Node {
		rs := make([]*G.Node, len(steps))
		for k, ns := range steps {
			rows := make([]*G.Node, len(ns))
			for i, n := range ns {
				rows[i] = b.Reshape(n, append([]int{1}, n.Shape()...)...)
			}
			if s.Reverse {
				slices.Reverse(rows)
			}
			rs[k] = b.Concat(0, rows...)
		}
		return rs
	}
	return Scanned{stack(states), stack(outs), in.States}
}
