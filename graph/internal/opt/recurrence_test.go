package opt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/ir/irtest"
	"github.com/unroll-ml/unroll/graph/tape"
)

// recurrence is a step and its vector-Jacobian product, from which training builds the three loops in which a
// Scan and its derivative arrive.
type recurrence struct {
	step func(b *ir.Builder, x *ir.Value, h, w []*ir.Value) []*ir.Value // the new states
	// vjp is, from the gradients of the new states, those of x, of h and of w, computing again what it needs.
	vjp func(b *ir.Builder, x *ir.Value, h, w, g []*ir.Value) (dx *ir.Value, dh, dw []*ir.Value)
}

// training is the forward pass, whose first result is the stack of the first state, and the gradients, of the
// sum of that stack times g, of x, of each initial state and of each weight. Parameters are x, g, the initial
// states and the weights.
func (r recurrence) training(b *ir.Builder, f *ir.Func, x, g *ir.Value, h0, w []*ir.Value) {
	trip := x.Shape[0]
	forward := func(l *loopSpec) (h, next []*ir.Value) {
		var consts []*ir.Value
		xt := l.seq(x, false)
		for _, s := range h0 {
			h = append(h, l.carry(s))
		}
		for _, c := range w {
			consts = append(consts, l.constant(c))
		}
		l.next = r.step(b, xt, h, consts)
		return h, l.next
	}
	l := newLoop(b, "cell", trip)
	_, next := forward(l)
	for _, s := range next {
		l.stack(s, false)
	}
	f.Results = append(f.Results, l.build()[0])

	e := newLoop(b, "cell", trip)
	h, _ := forward(e)
	for _, s := range h {
		e.stack(s, false)
	}
	entries := e.build()

	back := newLoop(b, "cell backwards", trip)
	back.back = true
	xt, gt := back.seq(x, true), back.seq(g, true)
	var hs, grads, sums, consts []*ir.Value
	for i := range h0 {
		hs = append(hs, back.seq(entries[i], true))
		grads = append(grads, back.carry(b.Like(0, h0[i])))
	}
	for _, c := range w {
		sums = append(sums, back.carry(b.Like(0, c)))
		consts = append(consts, back.constant(c))
	}
	into := append([]*ir.Value{b.Add(gt, grads[0])}, grads[1:]...)
	dx, dh, dw := r.vjp(b, xt, hs, consts, into)
	back.next = dh
	for i := range dw {
		back.next = append(back.next, b.Add(sums[i], dw[i]))
	}
	back.stack(dx, true)
	f.Results = append(f.Results, back.build()...)
}

// rnn is h' = tanh(x·W + h·U + b).
var rnn = recurrence{
	step: func(b *ir.Builder, x *ir.Value, h, w []*ir.Value) []*ir.Value {
		z := b.Add(b.Add(b.Product(x, w[0], false, false), b.Product(h[0], w[1], false, false)), w[2])
		return []*ir.Value{b.Elem(tape.Tanh, z)}
	},
	vjp: func(b *ir.Builder, x *ir.Value, h, w, g []*ir.Value) (*ir.Value, []*ir.Value, []*ir.Value) {
		z := b.Add(b.Add(b.Product(x, w[0], false, false), b.Product(h[0], w[1], false, false)), w[2])
		y := b.Elem(tape.Tanh, z)
		dz := b.Mul(g[0], b.Sub(b.Like(1, y), b.Mul(y, y)))
		return b.Product(dz, w[0], false, true), []*ir.Value{b.Product(dz, w[1], false, true)}, []*ir.Value{
			b.Product(x, dz, true, false), b.Product(h[0], dz, true, false), b.Reduce(tape.Sum, dz, 0),
		}
	},
}

// lstm is i, f, g, o = split(z), c' = σ(f)*c + σ(i)*tanh(g), h' = σ(o)*tanh(c'), where z is given, with its derivative.
func lstm(sum func(b *ir.Builder, x, h *ir.Value, w []*ir.Value) *ir.Value,
	product func(b *ir.Builder, x, h *ir.Value, w []*ir.Value, dz *ir.Value) (dx, dh *ir.Value,
		dw []*ir.Value)) recurrence {
	type gates struct{ i, f, g, o, c, tc, h *ir.Value }
	cell := func(b *ir.Builder, z, c *ir.Value) (s gates) {
		n := c.Shape[1]
		gate := func(k int, fn tape.Fn) *ir.Value { return b.Elem(fn, b.Slice(z, 1, k*n, (k+1)*n)) }
		s.i, s.f, s.g, s.o = gate(0, tape.Sigmoid), gate(1, tape.Sigmoid), gate(2, tape.Tanh), gate(3, tape.Sigmoid)
		s.c = b.Add(b.Mul(s.f, c), b.Mul(s.i, s.g))
		s.tc = b.Elem(tape.Tanh, s.c)
		s.h = b.Mul(s.o, s.tc)
		return s
	}
	return recurrence{
		step: func(b *ir.Builder, x *ir.Value, h, w []*ir.Value) []*ir.Value {
			s := cell(b, sum(b, x, h[0], w), h[1])
			return []*ir.Value{s.h, s.c}
		},
		vjp: func(b *ir.Builder, x *ir.Value, h, w, g []*ir.Value) (*ir.Value, []*ir.Value, []*ir.Value) {
			s := cell(b, sum(b, x, h[0], w), h[1])
			one := b.Like(1, s.h)
			dtanh := func(y *ir.Value) *ir.Value { return b.Sub(one, b.Mul(y, y)) }
			dsigmoid := func(y *ir.Value) *ir.Value { return b.Mul(y, b.Sub(one, y)) }
			dc := b.Add(g[1], b.Mul(b.Mul(g[0], s.o), dtanh(s.tc)))
			n := h[1].Shape[1]
			var dz *ir.Value
			for k, d := range []*ir.Value{
				b.Mul(b.Mul(dc, s.g), dsigmoid(s.i)), b.Mul(b.Mul(dc, h[1]), dsigmoid(s.f)),
				b.Mul(b.Mul(dc, s.i), dtanh(s.g)), b.Mul(b.Mul(g[0], s.tc), dsigmoid(s.o)),
			} {
				p := b.New(ir.Pad{Axis: 1, Before: k * n, After: (3 - k) * n}, d)
				if dz == nil {
					dz = p
				} else {
					dz = b.Add(dz, p)
				}
			}
			dx, dh, dw := product(b, x, h[0], w, dz)
			return dx, []*ir.Value{dh, b.Mul(dc, s.f)}, dw
		},
	}
}

// lstmTwo is the cell with z = x·W + h·U + b.
var lstmTwo = lstm(
	func(b *ir.Builder, x, h *ir.Value, w []*ir.Value) *ir.Value {
		return b.Add(b.Add(b.Product(x, w[0], false, false), b.Product(h, w[1], false, false)), w[2])
	},
	func(b *ir.Builder, x, h *ir.Value, w []*ir.Value, dz *ir.Value) (dx, dh *ir.Value, dw []*ir.Value) {
		return b.Product(dz, w[0], false, true), b.Product(dz, w[1], false, true), []*ir.Value{
			b.Product(x, dz, true, false), b.Product(h, dz, true, false), b.Reduce(tape.Sum, dz, 0),
		}
	})

// lstmOne is the cell with z = [x h]·W + b, as books write it.
var lstmOne = lstm(
	func(b *ir.Builder, x, h *ir.Value, w []*ir.Value) *ir.Value {
		return b.Add(b.Product(b.Concat(1, x, h), w[0], false, false), w[1])
	},
	func(b *ir.Builder, x, h *ir.Value, w []*ir.Value, dz *ir.Value) (dx, dh *ir.Value, dw []*ir.Value) {
		xh := b.Concat(1, x, h)
		dxh := b.Product(dz, w[0], false, true)
		n := x.Shape[1]
		return b.Slice(dxh, 1, 0, n), b.Slice(dxh, 1, n, dxh.Shape[1]), []*ir.Value{b.Product(xh, dz, true, false),
			b.Reduce(tape.Sum, dz, 0)}
	})

const steps, rowsB, inputs, hidden = 4, 3, 2, 5

var recurrences = []struct {
	name  string
	build func(b *ir.Builder, f *ir.Func)
	want  []string // what the optimised program consists of; see Census
}{
	{"rnn", func(b *ir.Builder, f *ir.Func) {
		x, g := f.AddParam(f64(steps, rowsB, inputs), "x"), f.AddParam(f64(steps, rowsB, hidden), "g")
		h := []*ir.Value{f.AddParam(f64(rowsB, hidden), "h0")}
		w := []*ir.Value{f.AddParam(f64(inputs, hidden), "W"), f.AddParam(f64(hidden, hidden), "U"),
			f.AddParam(f64(hidden), "b")}
		rnn.training(b, f, x, g, h, w)
	}, []string{
		"4 product, 2 loop, 1 reduce", // x·W, dx, dW, dU; db
		"1 product, 1 fused",          // h·U; tanh
		"1 product, 1 fused",          // dz·Uᵀ; dz
	}},
	{"lstm", func(b *ir.Builder, f *ir.Func) {
		x, g := f.AddParam(f64(steps, rowsB, inputs), "x"), f.AddParam(f64(steps, rowsB, hidden), "g")
		h := []*ir.Value{f.AddParam(f64(rowsB, hidden), "h0"), f.AddParam(f64(rowsB, hidden), "c0")}
		w := []*ir.Value{f.AddParam(f64(inputs, 4*hidden), "W"), f.AddParam(f64(hidden, 4*hidden), "U"),
			f.AddParam(f64(4*hidden), "b")}
		lstmTwo.training(b, f, x, g, h, w)
	}, []string{
		"4 product, 2 loop, 1 reduce",
		"1 product, 1 fused",
		"1 product, 1 fused",
	}},
	{"lstm of a concatenation", func(b *ir.Builder, f *ir.Func) {
		x, g := f.AddParam(f64(steps, rowsB, inputs), "x"), f.AddParam(f64(steps, rowsB, hidden), "g")
		h := []*ir.Value{f.AddParam(f64(rowsB, hidden), "h0"), f.AddParam(f64(rowsB, hidden), "c0")}
		w := []*ir.Value{f.AddParam(f64(inputs+hidden, 4*hidden), "W"), f.AddParam(f64(4*hidden), "b")}
		lstmOne.training(b, f, x, g, h, w)
	}, []string{
		"4 product, 2 loop, 1 reduce",
		"1 product, 1 fused",
		"1 product, 1 fused",
	}},
}

// Census counts the operations of f, without views, and then those of the bodies of its loops.
func Census(f *ir.Func) []string {
	counts := map[string]int{}
	var bodies []string
	for _, v := range f.Values() {
		switch op := v.Op.(type) {
		case ir.Product:
			counts["product"]++
		case *ir.Loop:
			counts["loop"]++
			bodies = append(bodies, Census(op.Body)...)
		case ir.Reduce:
			counts["reduce"]++
		case *ir.Fused:
			counts["fused"]++
		case ir.Elem:
			counts["elem"]++
		case ir.Rows:
			counts["rows"]++
		case ir.Gather:
			counts["gather"]++
		case ir.ScatterAdd:
			counts["scatteradd"]++
		case ir.Random:
			counts["random"]++
		}
	}
	s := ""
	for _, name := range []string{"product", "loop", "reduce", "rows", "gather", "scatteradd", "random", "elem", "fused"} {
		if counts[name] > 0 {
			if s != "" {
				s += ", "
			}
			s += fmt.Sprintf("%d %s", counts[name], name)
		}
	}
	return append([]string{s}, bodies...)
}

// TestRecurrences checks that training a recurrence becomes what one writes by hand.
func TestRecurrences(t *testing.T) {
	for _, c := range recurrences {
		t.Run(c.name, func(t *testing.T) {
			f := build(t, c.build)
			checkGradients(t, f)
			g, err := Run(f)
			if err != nil {
				t.Fatal(err)
			}
			sameNumbers(t, f, g)
			if got := fmt.Sprintf("%q", Census(g)); got != fmt.Sprintf("%q", c.want) {
				t.Errorf("got  %s\nwant %q\n%v", got, c.want, g)
			}
		})
	}
}

// checkGradients compares the gradients that a training program computes with finite differences of its own
// forward pass, so that the programs of these tests are what they say they are. The parameters are x, g,
// states, weights; the results are the stack, dx, then the gradients of states and weights.
func checkGradients(t *testing.T, f *ir.Func) {
	t.Helper()
	args := arguments(f, rand.New(rand.NewPCG(3, 4)))
	eval := func() [][]float64 {
		rs, err := irtest.Eval(f, args)
		if err != nil {
			t.Fatal(err)
		}
		return rs
	}
	loss := func() float64 {
		sum := 0.0
		for i, y := range eval()[0] {
			sum += y * args[1][i]
		}
		return sum
	}
	grads := eval()[1:]
	for i, k := range append([]int{0}, indices(len(f.Params))[2:]...) {
		for j := range args[k] {
			const d = 1e-5
			x := args[k][j]
			args[k][j] = x + d
			up := loss()
			args[k][j] = x - d
			down := loss()
			args[k][j] = x
			if want, got := (up-down)/(2*d), grads[i][j]; math.Abs(want-got) > 1e-6*max(1, math.Abs(want)) {
				t.Fatalf("gradient of %q, element %d: %v, finite differences give %v", f.Params[k].Name, j, got, want)
			}
		}
	}
}
