package devicetest

import (
	"math"
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

func productFaults() []fault {
	return []fault{
		{check: "product sizes", name: "ignores Acc", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.Acc = false })},
		{check: "product sizes", name: "always accumulates", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.Acc = true })},
		{check: "product sizes", name: "forgets the last of K where K is not even", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.K -= p.K % 2 * min(p.K/5, 1) })},
		{check: "product sizes", name: "forgets a remainder of columns", rewrite: edit(func(_ *tape.Tape, p *tape.Product) {
			if p.N%16 == 15 {
				p.N--
			}
		})},
		{check: "product sizes", name: "computes with fewer digits", rewrite: naive(func(a, b float64) float64 { return a * b * (1 + 2e-6) })},
		{check: "product layouts", name: "takes B as dense", rewrite: edit(func(_ *tape.Tape, p *tape.Product) {
			if p.LdB = p.N; p.TransB {
				p.LdB = p.K
			}
		})},
		{check: "product layouts", name: "does only the first of a batch", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.Batch = min(p.Batch, 1) })},
		{check: "product layouts", name: "writes zeros between the rows of C",
			rewrite: replace(func(_ *tape.Tape, p *tape.Product, _ int) []tape.Instr {
				if p.LdC == p.N || p.Batch > 1 || p.M < 2 {
					return nil
				}
				gap := p.C
				gap.Off += p.N
				return []tape.Instr{p, &tape.Map{
					Shape: []int{p.M - 1, p.LdC - p.N}, Code: []tape.Op{{Fn: tape.Const}}, Result: []int{0},
					Out: []tape.Operand{{Ref: gap, Strides: []int{p.LdC, 1}}},
				}}
			})},
		{check: "product layouts", name: "uses the first B for all of a batch", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.StrideB = 0 })},
		{check: "product large", name: "forgets what lies past the first block of K", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.K = min(p.K, 512) })},
		{check: "product empty", name: "leaves C where K is 0", rewrite: drop(func(p *tape.Product) bool { return p.K == 0 })},
		{check: "product need", name: "leaves out the rows of the other matrices that the first does not need",
			rewrite: need(func(p *tape.Product, row int) int { return row % p.M })},
		{check: "product need", name: "takes Need for that of the row before",
			rewrite: need(func(p *tape.Product, row int) int { return max(row-1, 0) })},
		{check: "product need", name: "leaves NaN in rows that are not needed",
			rewrite: needed(func(p *tape.Product, row int) int { return row }, math.NaN())},
		{check: "product NaN", name: "skips zeros", rewrite: naive(func(a, b float64) float64 {
			if a == 0 || b == 0 {
				return 0
			}
			return a * b
		})},
		{check: "product NaN", name: "skips zeros of A only", rewrite: naive(func(a, b float64) float64 {
			if a == 0 {
				return 0
			}
			return a * b
		})},
	}
}

// need has zeros in the rows of a Product whose number in Need, at the place that of gives, is 0.
func need(of func(p *tape.Product, row int) int) rewriter { return needed(of, 0) }

// needed has x in these rows.
func needed(of func(p *tape.Product, row int) int, x float64) rewriter {
	return replace(func(_ *tape.Tape, p *tape.Product, _ int) []tape.Instr {
		if p.Need == nil || p.Batch*p.M == 0 || p.N == 0 {
			return nil
		}
		rows := p.Batch * p.M
		code := []tape.Instr{p}
		for row := range rows {
			c, n := p.C, *p.Need
			c.Off += row/p.M*p.StrideC + row%p.M*p.LdC
			n.Off += of(p, row)
			place := tape.Operand{Ref: c, Strides: []int{1}}
			code = append(code, &tape.Map{
				Shape: []int{p.N}, In: []tape.Operand{{Ref: n, Strides: []int{0}}, place}, Out: []tape.Operand{place},
				Code:   []tape.Op{{Fn: tape.Const, Value: x}, {Fn: tape.Where, Args: [3]int{0, 1, 2}}},
				Result: []int{3},
			})
		}
		return code
	})
}

func fnFaults() []fault {
	type add = func(fn tape.Fn, args ...int) int
	type num = func(v float64) int
	off := func(fn tape.Fn, by float64) rewriter {
		return instead(fn, func(x, y, _ int, add add, num num) int {
			r := add(fn, x, y)
			return add(tape.Add, r, add(tape.Mul, r, num(by)))
		})
	}
	flush := func(fn tape.Fn) rewriter {
		return instead(fn, func(x, y, _ int, add add, num num) int {
			r := add(fn, x, y)
			return add(tape.Where, add(tape.Lt, add(tape.Abs, r), num(0x1p-126)), add(tape.Mul, r, num(0)), r)
		})
	}
	fs := []fault{
		{check: "fn exact", name: "negates by 0-x", rewrite: instead(tape.Neg, func(x, _, _ int, add add, num num) int { return add(tape.Sub, num(0), x) })},
		{check: "fn exact", name: "drops a NaN in Max", rewrite: instead(tape.Max, func(x, y, _ int, add add, _ num) int { return add(tape.Where, add(tape.Lt, x, y), y, x) })},
		{check: "fn exact", name: "drops a NaN in Min", rewrite: instead(tape.Min, func(x, y, _ int, add add, _ num) int { return add(tape.Where, add(tape.Lt, y, x), y, x) })},
		{check: "fn exact", name: "takes Lt for Le", rewrite: instead(tape.Lt, func(x, y, _ int, add add, _ num) int { return add(tape.Le, x, y) })},
		{check: "fn exact", name: "has Ne false for NaN", rewrite: instead(tape.Ne, func(x, y, _ int, add add, _ num) int { return add(tape.Add, add(tape.Lt, x, y), add(tape.Lt, y, x)) })},
		{check: "fn exact", name: "has a Sign of 0 for NaN",
			rewrite: instead(tape.Sign, func(x, _, _ int, add add, num num) int {
				return add(tape.Sub, add(tape.Lt, num(0), x), add(tape.Lt, x, num(0)))
			})},
		{check: "fn exact", name: "divides by a reciprocal", rewrite: instead(tape.Div, func(x, y, _ int, add add, num num) int { return add(tape.Mul, x, add(tape.Div, num(1), y)) })},
		{check: "fn exact", name: "flushes denormal sums", rewrite: flush(tape.Add)},
		{check: "fn exact", name: "flushes denormal products", rewrite: flush(tape.Mul)},
		{check: "fn accurate", name: "overflows in Sigmoid",
			rewrite: instead(tape.Sigmoid, func(x, _, _ int, add add, num num) int {
				e := add(tape.Exp, x)
				return add(tape.Div, e, add(tape.Add, num(1), e))
			})},
		{check: "fn accurate", name: "overflows in Tanh",
			rewrite: instead(tape.Tanh, func(x, _, _ int, add add, num num) int {
				e := add(tape.Exp, add(tape.Mul, num(2), x))
				return add(tape.Div, add(tape.Sub, e, num(1)), add(tape.Add, e, num(1)))
			})},
		{check: "fn accurate", name: "has NaN for 1 to the power of NaN",
			rewrite: instead(tape.Pow, func(x, y, _ int, add add, num num) int {
				return add(tape.Add, add(tape.Pow, x, y), add(tape.Mul, y, num(0)))
			})},
		{check: "fn accurate", name: "computes powers of positive numbers only", rewrite: instead(tape.Pow, func(x, y, _ int, add add, _ num) int { return add(tape.Exp, add(tape.Mul, y, add(tape.Log, x))) })},
		{check: "fn where", name: "computes Where by products",
			rewrite: instead(tape.Where, func(x, y, z int, add add, num num) int {
				c := add(tape.Ne, x, num(0))
				return add(tape.Add, add(tape.Mul, c, y), add(tape.Mul, add(tape.Sub, num(1), c), z))
			})},
		{check: "fn where", name: "takes NaN for false",
			rewrite: instead(tape.Where, func(x, y, z int, add add, num num) int {
				return add(tape.Where, add(tape.Lt, num(0), add(tape.Abs, x)), y, z)
			})},
		{check: "fn nullary", name: "counts along the last axis only", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			m.Code = slices.Clone(m.Code)
			for i := range m.Code {
				if m.Code[i].Fn == tape.Iota {
					m.Code[i].Axis = len(m.Shape) - 1
				}
			}
		})},
		{check: "fn nullary", name: "rounds constants to 3 digits", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			m.Code = slices.Clone(m.Code)
			for i, op := range m.Code {
				if op.Fn == tape.Const && math.Abs(op.Value) < 100 {
					m.Code[i].Value = math.Round(op.Value*1000) / 1000
				}
			}
		})},
		{check: "fn int", name: "rounds to the nearest integer", rewrite: edit(func(t *tape.Tape, m *tape.Map) {
			if t.Buffers[m.Out[0].Buf].Dtype == tape.Int32 {
				n := len(m.In) + len(m.Code)
				m.Code = append(slices.Clone(m.Code), tape.Op{Fn: tape.Const, Value: 0.5},
					tape.Op{Fn: tape.Add, Args: [3]int{m.Result[0], n}}, tape.Op{Fn: tape.Floor, Args: [3]int{n + 1}})
				m.Result = []int{n + 2}
			}
		})},
	}
	for _, fn := range tape.Fns() {
		if !fn.Rounded() {
			fs = append(fs, fault{check: "fn accurate", name: "computes " + fn.String() + " to 5 digits",
				rewrite: off(fn, 1e-5)})
		}
	}
	return fs
}

func mapFaults() []fault {
	flat := func(m *tape.Map) bool { return len(m.Shape) == 1 && m.Shape[0] > 0 }
	return []fault{
		{check: "map sizes", name: "forgets the last element of an odd length",
			rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
				if flat(m) && m.Shape[0]%8 == 7 {
					m.Shape = []int{m.Shape[0] - 1}
				}
			})},
		{check: "map sizes", name: "writes whole vectors",
			rewrite: replace(func(t *tape.Tape, m *tape.Map, _ int) []tape.Instr {
				rest := m.Out[0].Ref
				rest.Off += m.Shape[0]
				n := min(-m.Shape[0]&7, t.Buffers[rest.Buf].Len-rest.Off)
				return []tape.Instr{m, &tape.Map{
					Shape: []int{n}, Code: []tape.Op{{Fn: tape.Const}}, Result: []int{0}, Out: []tape.Operand{dense(rest, n)},
				}}
			})},
		{check: "map held", name: "leaves what lies where a result goes", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			m.In = slices.Clone(m.In)
			if len(m.Out) == 2 {
				m.In[2] = m.Out[0]
			}
		})},
		{check: "map views", name: "takes the last axis as dense", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			m.In = slices.Clone(m.In)
			for i, o := range m.In {
				if n := len(o.Strides); n > 0 && o.Strides[n-1] > 1 {
					m.In[i].Strides = append(slices.Clone(o.Strides[:n-1]), 1)
				}
			}
		})},
		{check: "map views", name: "broadcasts all that goes backward", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			m.In = slices.Clone(m.In)
			for i, o := range m.In {
				m.In[i].Strides = slices.Clone(o.Strides)
				for k, s := range o.Strides {
					m.In[i].Strides[k] = max(s, 0)
				}
			}
		})},
		{check: "map programs", name: "stores only the first result", rewrite: edit(func(_ *tape.Tape, m *tape.Map) { m.Out, m.Result = m.Out[:1], m.Result[:1] })},
		{check: "map programs", name: "gives the last register as every result",
			rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
				m.Result = slices.Repeat([]int{len(m.In) + len(m.Code) - 1}, len(m.Result))
			})},
		{check: "map in place", name: "stores one output before it computes the next",
			rewrite: replace(func(_ *tape.Tape, m *tape.Map, _ int) (code []tape.Instr) {
				for i := range m.Out {
					one := *m
					one.Out, one.Result = m.Out[i:i+1], m.Result[i:i+1]
					code = append(code, &one)
				}
				return code
			})},
		{check: "map empty", name: "has no Map without dimensions", rewrite: drop(func(m *tape.Map) bool { return len(m.Shape) == 0 })},
		{check: "map empty", name: "takes an extent of 0 for 1", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			if slices.Equal(m.Shape, []int{0}) { // of an operand that has an element
				m.Shape, m.In = []int{1}, m.Out
			}
		})},
		{check: "reduce", name: "gives nothing for no numbers", rewrite: drop(func(r *tape.Reduce) bool { return r.N == 0 })},
		{check: "reduce", name: "takes the largest for the sum", rewrite: edit(func(_ *tape.Tape, r *tape.Reduce) { r.Fn = tape.ReduceMax })},
		{check: "reduce", name: "forgets the last of an odd number", rewrite: edit(func(_ *tape.Tape, r *tape.Reduce) {
			if r.Inner == 1 && r.Outer == 1 {
				r.N -= r.N % 2
			}
		})},
		{check: "reduce special", name: "drops a NaN", rewrite: largest(func(acc, x float64) float64 {
			if x > acc {
				return x
			}
			return acc
		})},
		{check: "reduce special", name: "starts from the smallest finite number", rewrite: largest(func(acc, x float64) float64 { return max(acc, x, -math.MaxFloat32) })},
	}
}

// largest computes ReduceMax by f.
func largest(f func(acc, x float64) float64) rewriter {
	return replace(func(_ *tape.Tape, r *tape.Reduce, _ int) []tape.Instr {
		if r.Fn != tape.ReduceMax {
			return nil
		}
		return onHost([]tape.HostArg{arg(r.Out, r.Outer, r.Inner)}, []tape.HostArg{arg(r.In, r.Outer, r.N, r.Inner)},
			func(out, in [][]float64) {
				for o := range r.Outer {
					for i := range r.Inner {
						acc := math.Inf(-1)
						for n := range r.N {
							acc = f(acc, in[0][(o*r.N+n)*r.Inner+i])
						}
						out[0][o*r.Inner+i] = acc
					}
				}
			})
	})
}
