package devicetest

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

func moveFaults() []fault {
	return []fault{
		{check: "copy", name: "takes its output as dense", rewrite: edit(func(_ *tape.Tape, c *tape.Copy) {
			if len(c.Shape) == 2 && c.Out.Strides[1] > 1 && c.Out.Strides[0] == 1 {
				c.Out = dense(c.Out.Ref, c.Shape...)
			}
		})},
		{check: "copy bits", name: "copies by way of arithmetic",
			rewrite: replace(func(t *tape.Tape, c *tape.Copy, _ int) []tape.Instr {
				return []tape.Instr{&tape.Map{
					Shape: c.Shape, In: []tape.Operand{c.In}, Out: []tape.Operand{c.Out},
					Code: []tape.Op{{Fn: tape.Const, Value: 0}, {Fn: tape.Add, Args: [3]int{0, 1}}}, Result: []int{2},
				}}
			})},
		{check: "gather", name: "gathers the rows in reverse",
			rewrite: replace(func(_ *tape.Tape, g *tape.Gather, _ int) (code []tape.Instr) {
				for n := range g.N {
					one := *g
					one.N = 1
					one.Index.Off += n
					one.Out.Off += (g.N - 1 - n) * g.Width
					code = append(code, &one)
				}
				return code
			})},
		{check: "scatteradd", name: "does not clear its output", rewrite: scatter(func(out, in []float64, index, width int) {
			for i, x := range in {
				out[index*width+i] += x
			}
		}, false)},
		{check: "scatteradd", name: "adds in float64", rewrite: scatter(func(out, in []float64, index, width int) {
			for i, x := range in {
				out[index*width+i] += x * (1 + 0x1p-50) // and so not to the bit in Float64 either
			}
		}, true)},
		{check: "put", name: "writes the last rows first",
			rewrite: replace(func(_ *tape.Tape, p *tape.Put, _ int) (code []tape.Instr) {
				for n := range p.N {
					one := *p
					one.N = 1
					one.Index.Off += p.N - 1 - n
					one.In.Off += (p.N - 1 - n) * p.Width
					code = append(code, &one)
				}
				return code
			})},
		{check: "index error", name: "clamps indices",
			rewrite: replace(func(_ *tape.Tape, g *tape.Gather, _ int) []tape.Instr {
				return onHost([]tape.HostArg{arg(g.Out, g.N, g.Width)}, []tape.HostArg{arg(g.Table, g.Rows, g.Width),
					arg(g.Index, g.N)}, func(out, in [][]float64) {
					for n, row := range in[1] {
						copy(out[0][n*g.Width:][:g.Width], in[0][int(min(max(row, 0), float64(g.Rows-1)))*g.Width:])
					}
				})
			})},
		{check: "random", name: "ignores the stream", rewrite: edit(func(_ *tape.Tape, r *tape.Random) { r.Stream = 0 })},
		{check: "random", name: "draws all rows with the first key",
			rewrite: replace(func(_ *tape.Tape, r *tape.Random, _ int) (code []tape.Instr) {
				for n := range r.N {
					one := *r
					one.N = 1
					one.Out.Off += n * r.Width
					code = append(code, &one)
				}
				return code
			})},
	}
}

// scatter computes ScatterAdd on the host.
func scatter(add func(out, in []float64, index, width int), clearFirst bool) rewriter {
	return replace(func(_ *tape.Tape, s *tape.ScatterAdd, _ int) []tape.Instr {
		return onHost([]tape.HostArg{arg(s.Out, s.Rows, s.Width)}, []tape.HostArg{arg(s.Index, s.N),
			arg(s.In, s.N, s.Width)}, func(out, in [][]float64) {
			if clearFirst {
				clear(out[0])
			}
			for n, row := range in[0] {
				add(out[0], in[1][n*s.Width:][:s.Width], int(row), s.Width)
			}
		})
	})
}

// moves rewrites how every operand moves in loops.
func moves(f func(r *tape.Ref)) rewriter {
	return func(_ *tape.Tape, in tape.Instr, _ int) []tape.Instr {
		m, ok := in.(*tape.Map)
		if !ok {
			return []tape.Instr{in}
		}
		c := *m
		for _, ops := range []*[]tape.Operand{&c.In, &c.Out} {
			*ops = slices.Clone(*ops)
			for i := range *ops {
				o := &(*ops)[i]
				o.Step = slices.Clone(o.Step)
				f(&o.Ref)
			}
		}
		return []tape.Instr{&c}
	}
}

func loopFaults() []fault {
	return []fault{
		{check: "loop moves", name: "stands still where a step is negative", rewrite: moves(func(r *tape.Ref) {
			for i, s := range r.Step {
				r.Step[i] = max(s, 0)
			}
		})},
		{check: "loop carries", name: "runs loops from the last step to the first",
			rewrite: replace(func(_ *tape.Tape, l *tape.Loop, depth int) []tape.Instr {
				reversed := &tape.Loop{Trip: l.Trip}
				for _, in := range l.Body {
					reversed.Body = append(reversed.Body, moves(func(r *tape.Ref) {
						if depth < len(r.Step) {
							r.Off += (l.Trip - 1) * r.Step[depth]
							r.Step[depth] *= -1
						}
					})(nil, in, depth)...)
				}
				return []tape.Instr{reversed}
			})},
		{check: "loop nested", name: "moves by the outermost loop only", rewrite: moves(func(r *tape.Ref) { r.Step = r.Step[:min(len(r.Step), 1)] })},
		{check: "loop nested", name: "moves by the innermost loop only", rewrite: moves(func(r *tape.Ref) {
			for i := range max(len(r.Step), 1) - 1 {
				r.Step[i] = 0
			}
		})},
		{check: "loop empty", name: "runs every loop at least once", rewrite: edit(func(_ *tape.Tape, l *tape.Loop) { l.Trip = max(l.Trip, 1) })},
		{check: "loop instructions", name: "gathers with the first step's indices", rewrite: edit(func(_ *tape.Tape, g *tape.Gather) { g.Index.Step = nil })},
		{check: "loop instructions", name: "draws with the first step's keys", rewrite: edit(func(_ *tape.Tape, r *tape.Random) { r.Keys.Step = nil })},
		{check: "loop instructions", name: "reduces the first step's numbers", rewrite: edit(func(_ *tape.Tape, r *tape.Reduce) { r.In.Step = nil })},
		{check: "loop instructions", name: "copies the first step's numbers", rewrite: edit(func(_ *tape.Tape, c *tape.Copy) { c.In.Step = nil })},
		{check: "loop instructions", name: "scatters to the first step's place", rewrite: edit(func(_ *tape.Tape, s *tape.ScatterAdd) { s.Out.Step = nil })},
	}
}

// packOnce makes every loop use a copy of the B, or the A, of its products that is made before the loop, where
// the operand does not move and fresh does not see it written.
func packOnce(ofA bool, fresh func(t *tape.Tape, l *tape.Loop, b tape.BufferID) bool) rewriter {
	return replace(func(t *tape.Tape, l *tape.Loop, depth int) []tape.Instr {
		var before []tape.Instr
		loop := &tape.Loop{Trip: l.Trip}
		for _, in := range l.Body {
			p, ok := in.(*tape.Product)
			if !ok {
				loop.Body = append(loop.Body, in)
				continue
			}
			c := *p
			operand, n := &c.B, extentB(p)
			if ofA {
				operand, n = &c.A, extentA(p)
			}
			if n > 0 && operand.Fixed(depth) && !fresh(t, l, operand.Buf) {
				pack, from := scratch(t, t.Float, n), *operand
				from.Step = from.Step[:min(depth, len(from.Step))]
				before = append(before, &tape.Copy{Shape: []int{n}, In: dense(from, n), Out: dense(pack, n)})
				*operand = pack
			}
			loop.Body = append(loop.Body, &c)
		}
		return append(before, loop)
	})
}

// writes reports whether code writes a buffer that touches holds for.
func writes(code []tape.Instr, touches func(b tape.BufferID) bool) bool {
	found := false
	for _, in := range code {
		in.Refs(func(r tape.Ref, write bool) { found = found || write && touches(r.Buf) })
		if l, ok := in.(*tape.Loop); ok {
			found = found || writes(l.Body, touches)
		}
	}
	return found
}

func packFaults() []fault {
	never := func(*tape.Tape, *tape.Loop, tape.BufferID) bool { return false }
	byID := func(_ *tape.Tape, l *tape.Loop, b tape.BufferID) bool {
		return writes(l.Body, func(w tape.BufferID) bool { return w == b })
	}
	byStart := func(t *tape.Tape, l *tape.Loop, b tape.BufferID) bool {
		return writes(l.Body, func(w tape.BufferID) bool { return t.Buffers[w].Offset == t.Buffers[b].Offset })
	}
	return []fault{
		{check: "pack fixed", name: "packs a part of B",
			rewrite: replace(func(_ *tape.Tape, p *tape.Product, depth int) []tape.Instr {
				c := *p
				c.K = min(p.K, p.K-5*depth)
				return []tape.Instr{&c}
			})},
		{check: "pack rewritten", name: "packs B once per loop", rewrite: packOnce(false, never)},
		{check: "pack rewritten", name: "packs A once per loop", rewrite: packOnce(true, never)},
		{check: "pack aliased", name: "packs once where no instruction writes the buffer of B", rewrite: packOnce(false, byID)},
		{check: "pack aliased", name: "packs once where no instruction writes the start of A", rewrite: packOnce(true, byStart)},
		{check: "pack nested", name: "packs once for both of two nested loops", rewrite: packTwice()},
		{check: "pack views", name: "packs one matrix per buffer", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.B.Off = 0 })},
		{check: "pack runs", name: "packs B once per program",
			rewrite: replace(func(t *tape.Tape, p *tape.Product, _ int) []tape.Instr {
				var kept []float64
				pack, n := scratch(t, t.Float, extentB(p)), extentB(p)
				c := *p
				c.B = pack
				return append(onHost([]tape.HostArg{arg(pack, n)}, []tape.HostArg{arg(p.B, n)}, func(out, in [][]float64) {
					if kept == nil {
						kept = in[0]
					}
					copy(out[0], kept)
				}), &c)
			})},
		{check: "programs", name: "runs what names other buffers in another order", rewrite: early()},
	}
}

// packTwice moves the copy of an operand out of the inner loop, and then out of the outer one.
func packTwice() rewriter {
	return replace(func(t *tape.Tape, l *tape.Loop, depth int) []tape.Instr {
		if depth > 0 {
			return packOnce(false, func(*tape.Tape, *tape.Loop, tape.BufferID) bool { return false })(t, l, depth)
		}
		outer := &tape.Loop{Trip: l.Trip}
		var before []tape.Instr
		for _, in := range l.Body {
			if c, ok := in.(*tape.Copy); ok {
				before = append(before, c)
			} else {
				outer.Body = append(outer.Body, in)
			}
		}
		return append(before, outer)
	})
}

// early runs each instruction of a loop as early as it can, before all that name no buffer in common with it,
// whatever memory they share.
func early() rewriter {
	buffers := func(in tape.Instr) (bs []tape.BufferID) {
		in.Refs(func(r tape.Ref, _ bool) { bs = append(bs, r.Buf) })
		return bs
	}
	apart := func(a, b tape.Instr) bool {
		as, bs := buffers(a), buffers(b)
		return len(as) > 0 && len(bs) > 0 &&
			!slices.ContainsFunc(as, func(id tape.BufferID) bool { return slices.Contains(bs, id) })
	}
	return edit(func(_ *tape.Tape, l *tape.Loop) {
		l.Body = slices.Clone(l.Body)
		for i := range l.Body {
			for k := i; k > 0 && apart(l.Body[k-1], l.Body[k]); k-- {
				l.Body[k-1], l.Body[k] = l.Body[k], l.Body[k-1]
			}
		}
	})
}
