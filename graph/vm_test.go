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
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// model is a stock graph with a cost and parameters.
type stockModel struct {
	g      *G.ExprGraph
	dtype  tensor.Dtype
	rng    *rand.Rand
	cost   *G.Node
	params G.Nodes
}

func newStockModel(dtype tensor.Dtype, build func(m *stockModel) (cost *G.Node)) *stockModel {
	m := &stockModel{g: G.NewGraph(), dtype: dtype, rng: rand.New(rand.NewPCG(7, 8))}
	m.cost = build(m)
	if _, err := G.Grad(m.cost, m.params...); err != nil {
		panic(err)
	}
	return m
}

func (m *stockModel) input(name string, shape ...int) *G.Node {
	return G.NewTensor(m.g, m.dtype, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(m.random(shape...)))
}

func (m *stockModel) random(shape ...int) G.Value {
	n := tensor.Shape(shape).TotalSize()
	xs, ys := make([]float64, n), make([]float32, n)
	for i := range xs {
		xs[i] = m.rng.Float64() - 0.5
		ys[i] = float32(xs[i])
	}
	if m.dtype == tensor.Float32 {
		return lower.Wrap(ys, shape)
	}
	return lower.Wrap(xs, shape)
}

func (m *stockModel) param(name string, shape ...int) *G.Node {
	p := m.input(name, shape...)
	m.params = append(m.params, p)
	return p
}

func affine(m *stockModel, name string, x *G.Node, out int) *G.Node {
	w, b := m.param("w"+name, x.Shape()[1], out), m.param("b"+name, 1, out)
	return G.Must(G.BroadcastAdd(G.Must(G.Mul(x, w)), b, nil, []byte{0}))
}

// mlp is two layers, a softmax and the mean negative log likelihood.
func mlp(m *stockModel) *G.Node {
	x, y := m.input("x", 5, 3), m.input("y", 5, 4)
	h := G.Must(G.Rectify(affine(m, "1", x, 7)))
	p := G.Must(G.SoftMax(affine(m, "2", h, 4)))
	nll := G.Must(G.Neg(G.Must(G.HadamardProd(y, G.Must(G.Log(G.Must(G.Add(p, m.number(2)))))))))
	return G.Must(G.Mean(nll))
}

func (m *stockModel) number(x float64) *G.Node {
	if m.dtype == tensor.Float32 {
		return G.NewConstant(float32(x))
	}
	return G.NewConstant(x)
}

// rnn is unrolled over five steps and has a scale that is a number.
func rnn(m *stockModel) *G.Node {
	w, u, b, scale := m.param("w", 3, 6), m.param("u", 6, 6), m.param("b", 1, 6), m.param("scale")
	h := m.input("h", 4, 6)
	for t := range 5 {
		x := m.input(fmt.Sprint("x", t), 4, 3)
		z := G.Must(G.Add(G.Must(G.Mul(x, w)), G.Must(G.Mul(h, u))))
		h = G.Must(G.Tanh(G.Must(G.BroadcastAdd(z, b, nil, []byte{0}))))
	}
	return G.Must(G.Mean(G.Must(G.Square(G.Must(G.Mul(h, scale))))))
}

// lstm has fused gates, sliced, and two biases whose gradients are one node.
func lstm(batch, hidden, steps int) func(*stockModel) *G.Node {
	return func(m *stockModel) *G.Node {
		const in = 4
		w, u := m.param("w", in, 4*hidden), m.param("u", hidden, 4*hidden)
		b1, b2 := m.param("b1", batch, 4*hidden), m.param("b2", batch, 4*hidden)
		h, c := m.input("h", batch, hidden), m.input("c", batch, hidden)
		for t := range steps {
			x := m.input(fmt.Sprint("x", t), batch, in)
			z := G.Must(G.Add(G.Must(G.Add(G.Must(G.Mul(x, w)), G.Must(G.Mul(h, u)))), G.Must(G.Add(b1, b2))))
			gate := func(k int) *G.Node { return G.Must(G.Slice(z, nil, G.S(k*hidden, (k+1)*hidden))) }
			i, f := G.Must(G.Sigmoid(gate(0))), G.Must(G.Sigmoid(gate(1)))
			o, g := G.Must(G.Sigmoid(gate(2))), G.Must(G.Tanh(gate(3)))
			c = G.Must(G.Add(G.Must(G.HadamardProd(f, c)), G.Must(G.HadamardProd(i, g))))
			h = G.Must(G.HadamardProd(o, G.Must(G.Tanh(c))))
		}
		return G.Must(G.Mean(G.Must(G.Square(h))))
	}
}

var models = map[string]func(*stockModel) *G.Node{
	"mlp": mlp, "rnn": rnn, "lstm": lstm(3, 5, 4), "lstm of 64": lstm(2, 64, 2),
}

// train takes steps with a solver, and gives the losses, then the first gradients and the last parameters.
func train(t *testing.T, m *stockModel, vm G.VM, solver G.Solver) (losses []float64, values [][]float64) {
	t.Helper()
	defer vm.Close()
	for step := range 6 {
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		losses = append(losses, numbers(t, m.cost.Value())...)
		for _, p := range m.params {
			if step == 0 {
				g, err := p.Grad()
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, numbers(t, g))
			}
		}
		if err := solver.Step(G.NodesToValueGrads(m.params)); err != nil {
			t.Fatal(err)
		}
		vm.Reset()
	}
	for _, p := range m.params {
		values = append(values, numbers(t, p.Value()))
	}
	return losses, values
}

func numbers(t *testing.T, v G.Value) (xs []float64) {
	t.Helper()
	data, err := lower.Flatten(v)
	if err != nil {
		t.Fatal(err)
	}
	switch d := data.(type) {
	case []float64:
		xs = append(xs, d...)
	case []float32:
		for _, x := range d {
			xs = append(xs, float64(x))
		}
	case []int32:
		for _, x := range d {
			xs = append(xs, float64(x))
		}
	}
	return xs
}

func near(t *testing.T, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, expected %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tol*max(1, math.Abs(want[i]))) {
			t.Fatalf("%s: number %d is %v, stock has %v", what, i, got[i], want[i])
		}
	}
}

var solvers = map[string]func() G.Solver{
	"adam":     func() G.Solver { return G.NewAdamSolver(G.WithLearnRate(0.01)) },
	"vanilla":  func() G.Solver { return G.NewVanillaSolver(G.WithLearnRate(0.1), G.WithClip(0.5)) },
	"momentum": func() G.Solver { return G.NewMomentum(G.WithLearnRate(0.1)) },
	"rmsprop":  func() G.Solver { return G.NewRMSPropSolver(G.WithLearnRate(0.01)) },
}

func TestVMTrainsLikeStock(t *testing.T) {
	for name, build := range models {
		for solverName, solver := range solvers {
			for _, dtype := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
				for _, device := range []tape.Device{ref.New(ref.Poison()), cpu.New(cpu.Threads(1))} {
					t.Run(strings.Join([]string{name, solverName, dtype.String(), device.Name()}, "/"), func(t *testing.T) {
						ours, stock := newStockModel(dtype, build), newStockModel(dtype, build)
						vm, err := graph.NewVM(ours.g, graph.WithDevice(device))
						if err != nil {
							t.Fatal(err)
						}
						got, gotValues := train(t, ours, vm, solver())
						want, wantValues := train(t, stock, G.NewTapeMachine(stock.g, G.BindDualValues(stock.params...)), solver())
						tol, compared := 1e-10, len(wantValues)
						if dtype == tensor.Float32 {
							// Adam and RMSProp divide gradients by their size: the rounding of the smallest
							// shows in parameters.
							tol, compared = 1e-5, len(ours.params)
						}
						near(t, "loss", got, want, tol)
						for i := range compared {
							near(t, fmt.Sprint("gradients, then parameters: ", i), gotValues[i], wantValues[i], tol)
						}
					})
				}
			}
		}
	}
}

// BenchmarkVM takes a training step of an unrolled LSTM without the solver's part.
func BenchmarkVM(b *testing.B) {
	for _, steps := range []int{16, 64} {
		m := newStockModel(tensor.Float32, lstm(16, 64, steps))
		machines := map[string]func() G.VM{
			"stock": func() G.VM { return G.NewTapeMachine(m.g, G.BindDualValues(m.params...)) },
		}
		for name, opts := range map[string][]graph.Option{"ours": nil, "ours, results only": {graph.ResultsOnly()}} {
			machines[name] = func() G.VM {
				vm, err := graph.NewVM(m.g, append(opts, graph.WithDevice(cpu.New(cpu.Threads(1))))...)
				if err != nil {
					b.Fatal(err)
				}
				return vm
			}
		}
		for name, machine := range machines {
			b.Run(fmt.Sprintf("%s/%d", name, steps), func(b *testing.B) {
				vm := machine()
				defer vm.Close()
				for b.Loop() {
					if err := vm.RunAll(); err != nil {
						b.Fatal(err)
					}
					vm.Reset()
				}
				if ours, ok := vm.(*graph.VM); ok {
					b.ReportMetric(float64(ours.Program().Tape().Arena), "arena-bytes")
				}
			})
		}
	}
}
