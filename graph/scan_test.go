package graph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// recurrences are the steps that the tests of Scan run: each gives the scan, the step, and the weights that it
// mentions.
var recurrences = map[string]func(m *model) (op.Scan, op.Step){
	"vanilla RNN": func(m *model) (op.Scan, op.Step) {
		w, u, bias := m.weight("W", m.in, m.hidden), m.weight("U", m.hidden, m.hidden), m.weight("b", m.hidden)
		step := func(b *op.Builder, in op.In) op.Out {
			h := b.Tanh(b.Add(b.Add(b.Product(in.Seqs[0], w), b.Product(in.States[0], u)), bias))
			return op.Out{States: []*G.Node{h}}
		}
		return op.Scan{Seqs: []*G.Node{m.x}, States: []*G.Node{m.weight("h0", m.batch, m.hidden)}}, step
	},
	"LSTM": func(m *model) (op.Scan, op.Step) {
		w, u, bias := m.weight("W", m.in, 4*m.hidden), m.weight("U", m.hidden, 4*m.hidden), m.weight("b", 4*m.hidden)
		step := func(b *op.Builder, in op.In) op.Out {
			h, c := in.States[0], in.States[1]
			z := b.Split(b.Add(b.Add(b.Product(in.Seqs[0], w), b.Product(h, u)), bias), 1, 4)
			i, f, g, o := b.Sigmoid(z[0]), b.Sigmoid(z[1]), b.Tanh(z[2]), b.Sigmoid(z[3])
			c = b.Add(b.Mul(f, c), b.Mul(i, g))
			h = b.Mul(o, b.Tanh(c))
			return op.Out{States: []*G.Node{h, c}}
		}
		return op.Scan{Seqs: []*G.Node{m.x}, States: []*G.Node{m.weight("h0", m.batch, m.hidden),
			m.weight("c0", m.batch, m.hidden)}}, step
	},
	"constant per sequence": func(m *model) (op.Scan, op.Step) {
		w, u, v := m.weight("W", m.in, m.hidden), m.weight("U", m.hidden, m.hidden), m.weight("V", m.hidden, 2)
		context := m.weight("context", m.batch, m.hidden)
		step := func(b *op.Builder, in op.In) op.Out {
			h := b.Tanh(b.Add(b.Add(b.Product(in.Seqs[0], w), b.Product(in.States[0], u)), in.Consts[0]))
			return op.Out{States: []*G.Node{h}, Outs: []*G.Node{b.Product(b.Mul(h, in.Consts[0]), v)}}
		}
		return op.Scan{Seqs: []*G.Node{m.x}, States: []*G.Node{m.weight("h0", m.batch, m.hidden)},
			Consts: []*G.Node{context}}, step
	},
	"masked": func(m *model) (op.Scan, op.Step) {
		w, u := m.weight("W", m.in, m.hidden), m.weight("U", m.hidden, m.hidden)
		step := func(b *op.Builder, in op.In) op.Out {
			h := b.Tanh(b.Add(b.Product(in.Seqs[0], w), b.Product(in.States[0], u)))
			return op.Out{States: []*G.Node{h}, Outs: []*G.Node{b.Square(h)}}
		}
		return op.Scan{Seqs: []*G.Node{m.x}, States: []*G.Node{m.weight("h0", m.batch, m.hidden)}, Mask: m.mask}, step
	},
	"states that swap, one that stays, an output that is a state": func(m *model) (op.Scan, op.Step) {
		p, q, stay := m.weight("p", m.batch, m.hidden), m.weight("q", m.batch, m.hidden), m.weight("stay", m.hidden)
		w := m.weight("W", m.in, m.hidden)
		step := func(b *op.Builder, in op.In) op.Out {
			p, q, stay := in.States[0], in.States[1], in.States[2]
			return op.Out{States: []*G.Node{q, b.Add(b.Mul(p, b.Tanh(stay)), b.Product(in.Seqs[0], w)), stay},
				Outs: []*G.Node{p, q}}
		}
		return op.Scan{Seqs: []*G.Node{m.x}, States: []*G.Node{p, q, stay}}, step
	},
	"dropout": func(m *model) (op.Scan, op.Step) {
		w, u := m.weight("W", m.in, m.hidden), m.weight("U", m.hidden, m.hidden)
		keys := m.b.Keys(m.key(), m.steps)
		step := func(b *op.Builder, in op.In) op.Out {
			x := b.Dropout(in.Seqs[0], 0.2, in.Seqs[1])
			h := b.Tanh(b.Add(b.Product(x, w), b.Product(b.Dropout(in.States[0], 0.1, in.Seqs[1]), u)))
			return op.Out{States: []*G.Node{h}}
		}
		return op.Scan{Seqs: []*G.Node{m.x, keys}, States: []*G.Node{m.weight("h0", m.batch, m.hidden)}}, step
	},
	"scan within a scan": func(m *model) (op.Scan, op.Step) {
		w, u := m.weight("W", 1, m.hidden), m.weight("U", m.hidden, m.hidden)
		step := func(b *op.Builder, in op.In) op.Out { // over the features of x, one by one
			features := b.Reshape(b.Transpose(in.Seqs[0], 1, 0), m.in, m.batch, 1)
			inner := b.Scan(op.Scan{Name: "inner", Seqs: []*G.Node{features}, States: in.States},
				func(b *op.Builder, in op.In) op.Out {
					return op.Out{States: []*G.Node{b.Tanh(b.Add(b.Product(in.Seqs[0], w), b.Product(in.States[0], u)))}}
				})
			return op.Out{States: inner.Final}
		}
		return op.Scan{Seqs: []*G.Node{m.x}, States: []*G.Node{m.weight("h0", m.batch, m.hidden)}}, step
	},
}

// model is one recurrence with a loss over all that the scan gives.
type model struct {
	g                        *G.ExprGraph
	b                        *op.Builder
	dtype                    tensor.Dtype
	steps, batch, in, hidden int
	x, mask                  *G.Node
	weights                  G.Nodes
	rand                     *rand.Rand
	loss                     *G.Node
	grads                    G.Nodes
}

func (m *model) weight(name string, shape ...int) *G.Node {
	n := m.input(name, func() float64 { return m.rand.NormFloat64() / 3 }, shape...)
	m.weights = append(m.weights, n)
	return n
}

// key is a key of random numbers.
func (m *model) key() *G.Node {
	v := tensor.New(tensor.WithShape(4), tensor.WithBacking([]int32{11, 22, 33, 0}))
	return G.NewVector(m.g, tensor.Int32, G.WithShape(4), G.WithName("key"), G.WithValue(v))
}

func (m *model) input(name string, draw func() float64, shape ...int) *G.Node {
	v := tensor.New(tensor.Of(m.dtype), tensor.WithShape(shape...))
	for i := range v.Size() {
		if m.dtype == tensor.Float32 {
			v.Data().([]float32)[i] = float32(draw())
		} else {
			v.Data().([]float64)[i] = draw()
		}
	}
	return G.NewTensor(m.g, m.dtype, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
}

// build makes the model with Scan or with Unroll.
func build(t *testing.T, name string, dtype tensor.Dtype, steps int, reverse, unrolled bool) *model {
	t.Helper()
	g := G.NewGraph()
	m := &model{g: g, b: op.New(g), dtype: dtype, steps: steps, batch: 3, in: 4, hidden: 5,
		rand: rand.New(rand.NewPCG(1, 2))}
	m.x = m.weight("x", steps, m.batch, m.in)
	i := 0
	m.mask = m.input("mask", func() float64 { // rows of different lengths
		i++
		if (i-1)/m.batch <= steps*(1+(i-1)%m.batch)/m.batch {
			return 1
		}
		return 0
	}, steps, m.batch)
	scan, step := recurrences[name](m)
	scan.Name, scan.Reverse = name, reverse
	b := m.b
	run := b.Scan
	if unrolled {
		run = b.Unroll
	}
	r := run(scan, step)
	for k, n := range append(append(append([]*G.Node{}, r.States...), r.Outs...), r.Final...) {
		term := b.Sum(b.Mul(b.Affine(n, 1, 0.1*float64(k+1)), n)) // different for each result, none zero
		if m.loss == nil {
			m.loss = term
		} else {
			m.loss = b.Add(m.loss, term)
		}
	}
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	var err error
	if m.grads, err = G.Grad(m.loss, m.weights...); err != nil {
		t.Fatal(err)
	}
	return m
}

// onStock runs the model on Gorgonia's tape machine: the loss, then all gradients.
func (m *model) onStock(t *testing.T) [][]float64 {
	t.Helper()
	vm := G.NewTapeMachine(m.g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	var out [][]float64
	for _, n := range append(G.Nodes{m.loss}, m.grads...) {
		data, err := lower.Flatten(n.Value())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, float64s(data))
	}
	return out
}

// compiled runs the model through the compiler: the loss, then all gradients.
func (m *model) compiled(t *testing.T, d tape.Device, plain bool) [][]float64 {
	t.Helper()
	outputs := append(G.Nodes{m.loss}, m.grads...)
	p, err := graph.Compile(graph.Config{Device: d, Outputs: outputs, Plain: plain})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	var out [][]float64
	for _, n := range outputs {
		ty, err := lower.TypeOf(n)
		if err != nil {
			t.Fatal(err)
		}
		data := lower.Zeros(ty)
		if err := p.Get(n, data); err != nil {
			t.Fatal(err)
		}
		out = append(out, float64s(data))
	}
	return out
}

func float64s(data any) []float64 {
	switch x := data.(type) {
	case []float64:
		return x
	case []float32:
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = float64(v)
		}
		return y
	}
	panic(fmt.Sprintf("unexpected %T", data))
}

// checkSame compares results; a difference counts relative to the largest element of its tensor, because the
// rounding errors of a gradient grow with the terms that are summed, which may cancel each other in single
// elements.
func checkSame(t *testing.T, what string, want, got [][]float64, tolerance float64) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s: %d results, want %d", what, len(got), len(want))
	}
	for i := range want {
		if len(want[i]) != len(got[i]) {
			t.Fatalf("%s: result %d has %d elements, want %d", what, i, len(got[i]), len(want[i]))
		}
		largest := 1.0
		for _, w := range want[i] {
			largest = max(largest, math.Abs(w))
		}
		for j, w := range want[i] {
			if d := math.Abs(w-got[i][j]) / largest; !(d <= tolerance) {
				t.Fatalf("%s: result %d, element %d: %v, want %v", what, i, j, got[i][j], w)
			}
		}
	}
}

func TestScanEqualsUnroll(t *testing.T) {
	for name := range recurrences {
		for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
			tolerance := 1e-10
			if dtype == tensor.Float32 {
				tolerance = 1e-5
			}
			for _, steps := range []int{1, 2, 7, 32} {
				for _, reverse := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%v/T=%d/reverse=%t", name, dtype, steps, reverse), func(t *testing.T) {
						want := build(t, name, dtype, steps, reverse, true).onStock(t)
						scanned := build(t, name, dtype, steps, reverse, false)
						poisoned := ref.New(ref.Poison())
						checkSame(t, "Scan, optimised, on ref", want, scanned.compiled(t, poisoned, false), tolerance)
						checkSame(t, "Scan, optimised, on cpu", want, scanned.compiled(t, cpu.New(), false), tolerance)
						checkSame(t, "Scan, not optimised, on ref", want, scanned.compiled(t, poisoned, true), tolerance)
						if steps <= 7 {
							checkSame(t, "Scan on Gorgonia's tape machine", want, scanned.onStock(t), tolerance)
							unrolled := build(t, name, dtype, steps, reverse, true)
							checkSame(t, "Unroll, optimised, on cpu", want, unrolled.compiled(t, cpu.New(), false), tolerance)
						}
					})
				}
			}
		}
	}
}

// The size of the program, and so the time to compile it, does not depend on the number of steps.
func TestCodeDoesNotGrowWithSteps(t *testing.T) {
	for name := range recurrences {
		var sizes []int
		for _, steps := range []int{4, 64} {
			m := build(t, name, tensor.Float32, steps, false, false)
			p, err := graph.Compile(graph.Config{Device: cpu.New(), Outputs: append(G.Nodes{m.loss}, m.grads...)})
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, strings.Count(p.Tape().String(), "\n"), len(m.g.AllNodes()))
			p.Close()
		}
		if sizes[0] != sizes[2] || sizes[1] != sizes[3] {
			t.Errorf("%s: %d lines of tape and %d nodes at T=4, %d and %d at T=64", name, sizes[0], sizes[1], sizes[2], sizes[3])
		}
	}
}
