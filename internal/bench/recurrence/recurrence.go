// Package recurrence holds one recurrent model, a layer of LSTM with a squared loss, in two forms: as a Scan of
// unroll, and unrolled over time on stock Gorgonia. The benchmarks beside it compare what it costs to build and
// to run them.
//
// The stock form is what Gorgonia's users write: its own operations, gradients, tape machine and solver. It
// computes the gates with one product each, because at 128 units and more Gorgonia v0.9.18 merges the slices of
// a joint product silently.
package recurrence

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// Size is the size of the model.
type Size struct{ Steps, Batch, In, Hidden int }

const learningRate = 1e-3

var gates = [4]string{"i", "f", "g", "o"}

// Trainer runs training steps: forward, backward, Adam.
type Trainer interface {
	Step() error
	// Measure is a Step that also gives the loss before it and the norm of all gradients together.
	Measure() (loss, norm float64, err error)
	Close() error
}

// values draws the same numbers for the same name in both forms.
func values(name string, shape ...int) *tensor.Dense {
	seed := uint64(len(name))
	for _, c := range name {
		seed = seed*131 + uint64(c)
	}
	r := rand.New(rand.NewPCG(seed, 1))
	v := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	data := v.Data().([]float32)
	for i := range data {
		data[i] = float32(r.NormFloat64()) * 0.1
	}
	return v
}

func input(g *G.ExprGraph, name string, shape ...int) *G.Node {
	return G.NewTensor(g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name),
		G.WithValue(values(name, shape...)))
}

// weights declares W_k (In×Hidden), U_k (Hidden×Hidden) and b_k for each gate k.
func weights(g *G.ExprGraph, s Size, bias func(name string) *G.Node) (w, u, b [4]*G.Node, all G.Nodes) {
	for k, gate := range gates {
		w[k] = input(g, "W_"+gate, s.In, s.Hidden)
		u[k] = input(g, "U_"+gate, s.Hidden, s.Hidden)
		b[k] = bias("b_" + gate)
		all = append(all, w[k], u[k], b[k])
	}
	return w, u, b, all
}

// Scanned is the model as a Scan, compiled for a device.
type Scanned struct {
	step *optim.Step
	size Size
}

// NewScanned builds, differentiates and compiles the model with Adam.
func NewScanned(s Size, device tape.Device) (*Scanned, error) {
	b := op.New(G.NewGraph())
	w, u, bias, all := weights(b.Graph(), s, func(name string) *G.Node { return input(b.Graph(), name, s.Hidden) })
	xs := input(b.Graph(), "x", s.Steps, s.Batch, s.In)
	h0, c0 := input(b.Graph(), "h0", s.Batch, s.Hidden), input(b.Graph(), "c0", s.Batch, s.Hidden)
	scan := op.Scan{Name: "lstm", Seqs: []*G.Node{xs}, States: []*G.Node{h0, c0}}
	run := b.Scan(scan, func(b *op.Builder, in op.In) op.Out {
		x, h, c := in.Seqs[0], in.States[0], in.States[1]
		z := func(k int) *G.Node { return b.Add(b.Add(b.Product(x, w[k]), b.Product(h, u[k])), bias[k]) }
		i, f, g, o := b.Sigmoid(z(0)), b.Sigmoid(z(1)), b.Tanh(z(2)), b.Sigmoid(z(3))
		c = b.Add(b.Mul(f, c), b.Mul(i, g))
		return op.Out{States: []*G.Node{b.Mul(o, b.Tanh(c)), c}}
	})
	step, err := optim.NewStep(b, optim.StepConfig{
		Device: device, Loss: b.Mean(b.Square(run.States[0])), Params: all, Optimizer: optim.DefaultAdam,
	})
	if err != nil {
		return nil, err
	}
	return &Scanned{step, s}, step.Set(step.Rate, []float32{learningRate})
}

func (m *Scanned) Step() error { return m.step.Run() }

func (m *Scanned) Measure() (loss, norm float64, err error) {
	if err := m.step.Run(); err != nil {
		return 0, 0, err
	}
	var l, n [1]float32
	if err := m.step.Get(m.step.Loss, l[:]); err != nil {
		return 0, 0, err
	}
	err = m.step.Get(m.step.Norm, n[:])
	return float64(l[0]), float64(n[0]), err
}

// Tape is the compiled step, for reading.
func (m *Scanned) Tape() *tape.Tape { return m.step.Tape() }

func (m *Scanned) Close() error { return m.step.Close() }

// Stock is the model unrolled on Gorgonia's tape machine.
type Stock struct {
	vm     G.VM
	solver G.Solver
	loss   *G.Node
	params G.Nodes
}

// NewStock builds and differentiates the unrolled graph and compiles it with Gorgonia.
func NewStock(s Size) (m *Stock, err error) {
	defer func() { // Gorgonia's Must
		if p := recover(); p != nil {
			err = errors.Errorf("stock Gorgonia: %v", p)
		}
	}()
	must := func(n *G.Node, err error) *G.Node { return G.Must(n, err) }
	g := G.NewGraph()
	ones := tensor.Ones(tensor.Float32, s.Batch, 1)
	column := G.NewMatrix(g, tensor.Float32, G.WithShape(s.Batch, 1), G.WithName("ones"), G.WithValue(ones))
	w, u, bias, all := weights(g, s, func(name string) *G.Node {
		row := values(name, s.Hidden)
		if err := row.Reshape(1, s.Hidden); err != nil {
			panic(err)
		}
		return G.NewMatrix(g, tensor.Float32, G.WithShape(1, s.Hidden), G.WithName(name), G.WithValue(row))
	})
	xs := values("x", s.Steps, s.Batch, s.In).Data().([]float32)
	h, c := input(g, "h0", s.Batch, s.Hidden), input(g, "c0", s.Batch, s.Hidden)
	var rows [4]*G.Node // the biases, repeated for every row of the batch
	for k := range rows {
		rows[k] = must(G.Mul(column, bias[k]))
	}
	var sum *G.Node
	n := s.Batch * s.In
	for t := range s.Steps {
		x := G.NewMatrix(g, tensor.Float32, G.WithShape(s.Batch, s.In), G.WithName(fmt.Sprint("x", t)),
			G.WithValue(tensor.New(tensor.WithShape(s.Batch, s.In), tensor.WithBacking(xs[t*n:(t+1)*n:(t+1)*n]))))
		z := func(k int) *G.Node {
			return must(G.Add(must(G.Add(must(G.Mul(x, w[k])), must(G.Mul(h, u[k])))), rows[k]))
		}
		i, f, gg, o := must(G.Sigmoid(z(0))), must(G.Sigmoid(z(1))), must(G.Tanh(z(2))), must(G.Sigmoid(z(3)))
		c = must(G.Add(must(G.HadamardProd(f, c)), must(G.HadamardProd(i, gg))))
		h = must(G.HadamardProd(o, must(G.Tanh(c))))
		if term := must(G.Sum(must(G.Square(h)))); sum == nil {
			sum = term
		} else {
			sum = must(G.Add(sum, term))
		}
	}
	scale := G.NewConstant(float32(1 / float64(s.Steps*s.Batch*s.Hidden)))
	loss := must(G.HadamardProd(sum, scale))
	if _, err := G.Grad(loss, all...); err != nil {
		return nil, err
	}
	return &Stock{
		vm:     G.NewTapeMachine(g, G.BindDualValues(all...)),
		solver: G.NewAdamSolver(G.WithLearnRate(learningRate)),
		loss:   loss, params: all,
	}, nil
}

func (m *Stock) Step() error {
	if err := m.vm.RunAll(); err != nil {
		return err
	}
	defer m.vm.Reset()
	return m.solver.Step(G.NodesToValueGrads(m.params))
}

func (m *Stock) Measure() (loss, norm float64, err error) {
	if err := m.vm.RunAll(); err != nil {
		return 0, 0, err
	}
	defer m.vm.Reset()
	sum := 0.0
	for _, p := range m.params {
		g, err := p.Grad()
		if err != nil {
			return 0, 0, err
		}
		for _, x := range g.Data().([]float32) {
			sum += float64(x) * float64(x)
		}
	}
	loss = float64(m.loss.Value().Data().(float32))
	return loss, math.Sqrt(sum), m.solver.Step(G.NodesToValueGrads(m.params)) // which sets the gradients to zero
}

func (m *Stock) Close() error { return m.vm.Close() }
