package side

import (
	"fmt"

	"github.com/unroll-ml/unroll/graph/tape"
)

// kernel is an instruction that is measured. make puts it, with operands of these dimensions, into a subject.
type kernel struct {
	kind, name string
	full, tiny []int // dimensions: to be timed, and to be checked
	loop       bool  // timed within a loop, where a device may keep what does not change
	make       func(s *subject, d []int) tape.Instr
}

// kernels are all kinds of instructions, at sizes of the reference workloads, or larger than caches.
var kernels = []kernel{
	product("square", 1024, 1024, 1024, none),
	product("a step of an LSTM", 50, 512, 2048, inLoop),
	product("its gradient", 50, 2048, 512, inLoop|transB),
	product("a step of a GRU", 128, 512, 1536, inLoop),
	product("inputs of all steps", 2500, 512, 2048, none),
	product("gradient of weights", 512, 2500, 2048, transA),
	{kind: "product", name: "attention: 128 of 1×24×1024", full: []int{128, 1, 24, 1024}, tiny: []int{3, 1, 5, 17}, make: batched},

	{kind: "map", name: "x + y of 16M", full: []int{1 << 24}, tiny: []int{1001}, make: sum},
	{kind: "map", name: "tanh of 16M", full: []int{1 << 24}, tiny: []int{1001}, make: tanh},
	{kind: "map", name: "Adam, 8M weights", full: []int{1 << 23}, tiny: []int{1001}, make: adam},
	{kind: "map", name: "a cell of an LSTM, 50×512", full: []int{50, 512}, tiny: []int{3, 17}, loop: true, make: cell},

	reduce("sums of rows, 4096×4096", tape.Sum, []int{4096, 4096, 1}, []int{5, 33, 1}),
	reduce("sums of columns, 4096×4096", tape.Sum, []int{1, 4096, 4096}, []int{1, 33, 5}),
	reduce("largest of rows, 4096×4096", tape.ReduceMax, []int{4096, 4096, 1}, []int{5, 33, 1}),

	rows(tape.Softmax), rows(tape.SoftmaxGrad), rows(tape.LogSoftmax), rows(tape.LogSoftmaxGrad),
	rows(tape.CrossEntropy), rows(tape.CrossEntropyGrad), rows(tape.Argmax),

	{kind: "gather", name: "3072 of 8000 rows of 256", full: []int{3072, 8000, 256}, tiny: []int{7, 5, 9}, make: gather},
	{kind: "scatteradd", name: "3072 into 8000 rows of 256", full: []int{3072, 8000, 256}, tiny: []int{7, 5, 9}, make: scatterAdd},
	{kind: "random", name: "2500×512", full: []int{2500, 512}, tiny: []int{5, 7}, make: random},
	{kind: "copy", name: "16M", full: []int{1 << 24}, tiny: []int{1001}, make: plainCopy},
	{kind: "copy", name: "transposed, 4096×4096", full: []int{4096, 4096}, tiny: []int{33, 17}, make: transposed},
	{kind: "loop", name: "1000 steps of one addition", full: []int{1000}, tiny: []int{10}, make: additions},
}

// form is a variety of products.
type form uint8

const (
	none   form = 0
	inLoop form = 1 << iota
	transA
	transB
)

// product is M×K by K×N.
func product(what string, m, k, n int, f form) kernel {
	suffix := ""
	if f&transA != 0 {
		suffix = ", Aᵀ"
	}
	if f&transB != 0 {
		suffix = ", Bᵀ"
	}
	return kernel{
		kind: "product", name: fmt.Sprintf("%d×%d×%d%s: %s", m, k, n, suffix, what), loop: f&inLoop != 0,
		full: []int{m, k, n}, tiny: []int{7, 33, 19},
		make: func(s *subject, d []int) tape.Instr {
			p := &tape.Product{Batch: 1, M: d[0], K: d[1], N: d[2], TransA: f&transA != 0, TransB: f&transB != 0, LdA: d[1],
				LdB: d[2], LdC: d[2]}
			if p.TransA {
				p.LdA = d[0]
			}
			if p.TransB {
				p.LdB = d[1]
			}
			p.A, p.B, p.C = s.floats("a", d[0]*d[1]), s.floats("b", d[1]*d[2]), s.out(d[0]*d[2])
			return p
		},
	}
}

func batched(s *subject, d []int) tape.Instr {
	b, m, k, n := d[0], d[1], d[2], d[3]
	return &tape.Product{
		Batch: b, M: m, K: k, N: n, LdA: k, LdB: n, LdC: n, StrideA: m * k, StrideB: k * n, StrideC: m * n,
		A: s.floats("a", b*m*k), B: s.floats("b", b*k*n), C: s.out(b * m * n),
	}
}

func sum(s *subject, d []int) tape.Instr {
	return &tape.Map{
		Shape: d, In: []tape.Operand{dense(s.floats("x", d[0]), d...), dense(s.floats("y", d[0]), d...)},
		Out:  []tape.Operand{dense(s.out(d[0]), d...)},
		Code: []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}}, Result: []int{2},
	}
}

func tanh(s *subject, d []int) tape.Instr {
	return &tape.Map{
		Shape: d, In: []tape.Operand{dense(s.floats("x", d[0]), d...)}, Out: []tape.Operand{dense(s.out(d[0]), d...)},
		Code: []tape.Op{{Fn: tape.Tanh}}, Result: []int{1},
	}
}

// adam is a step of Adam (Kingma & Ba, 2015) without its correction for the first steps: w, m and v from w, m,
// v and the gradient g.
//
//	m' = β₁ m + (1-β₁) g      v' = β₂ v + (1-β₂) g²      w' = w - η m' / (√v' + ε)
func adam(s *subject, d []int) tape.Instr {
	n := d[0]
	w, m, g := s.floats("w", n), s.floats("m", n), s.floats("g", n)
	v := s.buffer("v", tape.State, tape.Float32, n, nil)
	var c scalars
	blend := func(beta float64, old, x int) int {
		return c.op(4, tape.Add, c.op(4, tape.Mul, c.number(4, beta), old), c.op(4, tape.Mul, c.number(4, 1-beta), x))
	}
	m1, v1 := blend(0.9, 1, 2), blend(0.999, 3, c.op(4, tape.Mul, 2, 2))
	step := c.op(4, tape.Div, m1, c.op(4, tape.Add, c.op(4, tape.Sqrt, v1), c.number(4, 1e-8)))
	w1 := c.op(4, tape.Sub, 0, c.op(4, tape.Mul, c.number(4, 1e-3), step))
	return &tape.Map{
		Shape: d, In: []tape.Operand{dense(w, n), dense(m, n), dense(g, n), dense(v, n)},
		Out:  []tape.Operand{dense(w, n), dense(m, n), dense(v, n)},
		Code: c, Result: []int{w1, m1, v1},
	}
}

// cell is what follows the products in a step of an LSTM, from B×4H sums and the state before.
func cell(s *subject, d []int) tape.Instr {
	b, h := d[0], d[1]
	z, before := s.floats("z", b*4*h), s.floats("c", b*h)
	in := make([]tape.Operand, 5)
	for k := range 4 {
		in[k] = tape.Operand{Ref: tape.Ref{Buf: z.Buf, Off: k * h}, Strides: []int{4 * h, 1}}
	}
	in[4] = dense(before, d...)
	var c scalars
	i, f, o, g := c.op(5, tape.Sigmoid, 0), c.op(5, tape.Sigmoid, 1), c.op(5, tape.Sigmoid, 2), c.op(5, tape.Tanh, 3)
	c1 := c.op(5, tape.Add, c.op(5, tape.Mul, f, 4), c.op(5, tape.Mul, i, g))
	h1 := c.op(5, tape.Mul, o, c.op(5, tape.Tanh, c1))
	return &tape.Map{Shape: d, In: in, Code: c, Result: []int{h1, c1},
		Out: []tape.Operand{dense(s.out(b*h), d...), dense(s.out(b*h), d...)}}
}

func reduce(name string, fn tape.ReduceFn, full, tiny []int) kernel {
	return kernel{kind: "reduce", name: name, full: full, tiny: tiny, make: func(s *subject, d []int) tape.Instr {
		return &tape.Reduce{Fn: fn, Outer: d[0], N: d[1], Inner: d[2], In: s.floats("x", d[0]*d[1]*d[2]),
			Out: s.out(d[0] * d[2])}
	}}
}

// rows is a function of the rows of the logits of a translation.
func rows(kind tape.RowsKind) kernel {
	return kernel{kind: "rows", name: fmt.Sprintf("%v, 2944×6000", kind), full: []int{2944, 6000}, tiny: []int{5, 37},
		make: func(s *subject, d []int) tape.Instr {
			r := &tape.Rows{Kind: kind, Rows: d[0], Cols: d[1], In: []tape.Ref{s.floats("x", d[0]*d[1])}}
			n := d[0] * d[1]
			switch kind {
			case tape.SoftmaxGrad, tape.LogSoftmaxGrad:
				r.In = append(r.In, s.floats("g", n))
			case tape.CrossEntropy:
				r.In, n = append(r.In, s.indices("target", d[0], d[1])), d[0]
			case tape.CrossEntropyGrad:
				r.In = append(r.In, s.indices("target", d[0], d[1]), s.floats("g", d[0]))
			case tape.Argmax:
				r.Out = s.buffer("out", tape.State, tape.Int32, d[0], nil)
				return r
			}
			r.Out = s.out(n)
			return r
		}}
}

func gather(s *subject, d []int) tape.Instr {
	n, r, width := d[0], d[1], d[2]
	return &tape.Gather{N: n, Rows: r, Width: width, Table: s.floats("table", r*width), Index: s.indices("index", n, r),
		Out: s.out(n * width)}
}

func scatterAdd(s *subject, d []int) tape.Instr {
	n, r, width := d[0], d[1], d[2]
	return &tape.ScatterAdd{N: n, Rows: r, Width: width, In: s.floats("in", n*width), Index: s.indices("index", n, r),
		Out: s.out(r * width)}
}

func random(s *subject, d []int) tape.Instr {
	return &tape.Random{N: d[0], Width: d[1], Keys: s.indices("keys", 4*d[0], 1<<20), Out: s.out(d[0] * d[1])}
}

func plainCopy(s *subject, d []int) tape.Instr {
	return &tape.Copy{Shape: d, In: dense(s.floats("x", d[0]), d...), Out: dense(s.out(d[0]), d...)}
}

func transposed(s *subject, d []int) tape.Instr {
	x, n := s.floats("x", d[0]*d[1]), d[0]*d[1]
	return &tape.Copy{Shape: d, In: tape.Operand{Ref: x, Strides: []int{1, d[0]}}, Out: dense(s.out(n), d...)}
}

// additions is a loop that does next to nothing: what is left is what a step costs.
func additions(s *subject, d []int) tape.Instr {
	x := dense(s.buffer("x", tape.State, tape.Float32, 1, func() any { return []float32{1} }), 1)
	y := dense(s.buffer("y", tape.State, tape.Float32, 1, nil), 1)
	return &tape.Loop{Trip: d[0], Body: []tape.Instr{&tape.Map{
		Shape: []int{1}, In: []tape.Operand{y, x}, Out: []tape.Operand{y},
		Code: []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}}, Result: []int{2},
	}}}
}
