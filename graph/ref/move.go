package ref

import (
	"math"

	"github.com/unroll-ml/unroll/graph/tape"
)

// copy moves words, not numbers: the payload of a NaN comes through.
func (p *program[F]) copy(c *tape.Copy, steps []int) {
	if p.arena.dtype(c.In.Buf).Size() == 8 {
		copyWords[uint64](p.arena, c, steps)
	} else {
		copyWords[uint32](p.arena, c, steps)
	}
}

func copyWords[T any](a *arena, c *tape.Copy, steps []int) {
	if size(c.Shape) == 0 {
		return
	}
	dst, src := whole[T](a, c.Out.Buf), whole[T](a, c.In.Buf)
	to, from := c.Out.At(steps), c.In.At(steps)
	for index, more := make([]int, len(c.Shape)), true; more; more = next(index, c.Shape, 1) {
		dst[to+offset(index, c.Out.Strides)] = src[from+offset(index, c.In.Strides)]
	}
}

func (p *program[F]) gather(g *tape.Gather, steps []int) error {
	if p.arena.dtype(g.Table.Buf) == tape.Int32 {
		return gather[int32](p.arena, g, steps)
	}
	return gather[F](p.arena, g, steps)
}

func gather[T any](a *arena, g *tape.Gather, steps []int) error {
	table := dense[T](a, g.Table, steps, g.Rows*g.Width)
	out := dense[T](a, g.Out, steps, g.N*g.Width)
	for n, row := range dense[int32](a, g.Index, steps, g.N) {
		if err := checkIndex(g, n, row, g.Rows); err != nil {
			return err
		}
		copy(out[n*g.Width:][:g.Width], table[int(row)*g.Width:])
	}
	return nil
}

func (p *program[F]) scatterAdd(s *tape.ScatterAdd, steps []int) error {
	in := dense[F](p.arena, s.In, steps, s.N*s.Width)
	out := dense[F](p.arena, s.Out, steps, s.Rows*s.Width)
	clear(out)
	for n, row := range dense[int32](p.arena, s.Index, steps, s.N) {
		if err := checkIndex(s, n, row, s.Rows); err != nil {
			return err
		}
		for i := range s.Width {
			out[int(row)*s.Width+i] += in[n*s.Width+i]
		}
	}
	return nil
}

func (p *program[F]) put(s *tape.Put, steps []int) error {
	if p.arena.dtype(s.In.Buf) == tape.Int32 {
		return put[int32](p.arena, s, steps)
	}
	return put[F](p.arena, s, steps)
}

func put[T any](a *arena, s *tape.Put, steps []int) error {
	in := dense[T](a, s.In, steps, s.N*s.Width)
	out := dense[T](a, s.Out, steps, s.Rows*s.Width)
	for n, row := range dense[int32](a, s.Index, steps, s.N) {
		if err := checkIndex(s, n, row, s.Rows); err != nil {
			return err
		}
		copy(out[int(row)*s.Width:][:s.Width], in[n*s.Width:])
	}
	return nil
}

func (p *program[F]) random(r *tape.Random, steps []int) {
	keys := dense[int32](p.arena, r.Keys, steps, r.N*4)
	out := dense[F](p.arena, r.Out, steps, r.N*r.Width)
	for n := range r.N {
		key := [4]int32(keys[n*4:])
		for i := range r.Width {
			out[n*r.Width+i] = F(tape.Uniform(tape.RandomWord(key, r.Stream, i)))
		}
	}
}

func (p *program[F]) reduce(r *tape.Reduce, steps []int) {
	in := dense[F](p.arena, r.In, steps, r.Outer*r.N*r.Inner)
	out := dense[F](p.arena, r.Out, steps, r.Outer*r.Inner)
	if len(out) == 0 {
		return
	}
	for o := range r.Outer {
		for i := range r.Inner {
			acc := 0.0
			if r.Fn == tape.ReduceMax {
				acc = math.Inf(-1)
			}
			for n := range r.N {
				x := float64(in[(o*r.N+n)*r.Inner+i])
				if r.Fn == tape.Sum {
					acc += x
				} else {
					acc = max(acc, x)
				}
			}
			out[o*r.Inner+i] = F(acc)
		}
	}
}
