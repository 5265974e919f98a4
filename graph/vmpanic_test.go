package graph_test

import (
	"strings"
	"testing"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
)

// Random nodes have no arguments: what is done to them, and to derivatives that they are part of, must not look for
// any.
func TestVMOnRandomNodes(t *testing.T) {
	for name, build := range map[string]func(noise *G.Node) *G.Node{
		"sum":       func(n *G.Node) *G.Node { return G.Must(G.Sum(n)) },
		"sum of 1":  func(n *G.Node) *G.Node { return G.Must(G.Sum(G.Must(G.Sum(n, 1)))) },
		"max":       func(n *G.Node) *G.Node { return G.Must(G.Sum(G.Must(G.Max(n, 0)))) },
		"mean":      func(n *G.Node) *G.Node { return G.Must(G.Mean(n)) },
		"transpose": func(n *G.Node) *G.Node { return G.Must(G.Sum(G.Must(G.Transpose(n)), 0, 1)) },
		"reshape":   func(n *G.Node) *G.Node { return G.Must(G.Sum(G.Must(G.Reshape(n, tensor.Shape{6})))) },
		"slice":     func(n *G.Node) *G.Node { return G.Must(G.Sum(G.Must(G.Slice(n, G.S(1))))) },
		"concat":    func(n *G.Node) *G.Node { return G.Must(G.Sum(G.Must(G.Concat(0, n, n)))) },
		"product":   func(n *G.Node) *G.Node { return G.Must(G.Sum(G.Must(G.Mul(n, G.Must(G.Transpose(n)))))) },
		"softmax":   func(n *G.Node) *G.Node { return G.Must(G.Sum(G.Must(G.SoftMax(n)))) },
		"itself":    func(n *G.Node) *G.Node { return n },
	} {
		t.Run(name, func(t *testing.T) {
			g := G.NewGraph()
			scale := G.NewScalar(g, G.Float64, G.WithName("scale"), G.WithValue(2.0))
			noise := G.GaussianRandomNode(g, G.Float64, 0, 1, 2, 3)
			y := build(noise)
			cost := G.Must(G.Sum(G.Must(G.HadamardProd(scale, y))))
			if _, err := G.Grad(cost, scale); err != nil {
				t.Fatal(err)
			}
			vm := newVM(t, g, graph.WithOutputs(y))
			run(t, vm)
			sum := 0.0
			for _, x := range numbers(t, y.Value()) {
				sum += x
			}
			wants(t, "cost", cost.Value(), 2*sum)
			wants(t, "gradient", scale.Deriv().Value(), sum)
		})
	}
}

// rude is an op that misbehaves where it is told to.
type rude struct {
	G.Iop
	do       func(in ...G.Value) (G.Value, error)
	training func() error
	prints   func() string
}

func (o *rude) Do(in ...G.Value) (G.Value, error) {
	if o.do == nil {
		return in[0], nil
	}
	return o.do(in...)
}
func (o *rude) Hashcode() uint32 { return 12346 }
func (o *rude) SetTraining(bool) error {
	if o.training == nil {
		return nil
	}
	return o.training()
}
func (o *rude) String() string {
	if o.prints == nil {
		return "rude"
	}
	return o.prints()
}

func TestVMRudeOps(t *testing.T) {
	var none map[string]int
	give := func(v G.Value, err error) func(...G.Value) (G.Value, error) {
		return func(...G.Value) (G.Value, error) { return v, err }
	}
	for name, c := range map[string]struct {
		op   *rude
		says string
	}{
		"Do panics":               {&rude{do: func(...G.Value) (G.Value, error) { panic("no") }}, "panic: no"},
		"Do panics with an error": {&rude{do: func(...G.Value) (G.Value, error) { panic(errors.New("no")) }}, "panic: no"},
		"Do faults":               {&rude{do: func(...G.Value) (G.Value, error) { none["x"] = 1; return nil, nil }}, "nil map"},
		"Do fails":                {&rude{do: give(nil, errors.New("will not"))}, "will not"},
		"Do gives nothing":        {&rude{do: give(nil, nil)}, "no value"},
		"Do gives another type":   {&rude{do: give(tensor.New(tensor.WithBacking([]string{"a", "b"})), nil)}, "[]string"},
		"Do gives another size":   {&rude{do: give(tensor.New(tensor.WithBacking([]float64{1, 2, 3})), nil)}, "shape (3)"},
		"Do gives a number":       {&rude{do: give(G.NewF64(1), nil)}, "shape ()"},
		"the mode panics":         {&rude{training: func() error { panic("not in this mode") }}, "not in this mode"},
		"the mode fails":          {&rude{training: func() error { return errors.New("wrong mode") }}, "wrong mode"},
		"it panics and cannot print": {&rude{
			do:     func(...G.Value) (G.Value, error) { panic("no") },
			prints: func() string { panic("nor this") },
		}, "panic: no"},
	} {
		t.Run(name, func(t *testing.T) {
			prints := c.op.prints
			c.op.prints = nil // Gorgonia prints it while the graph is built
			g := G.NewGraph()
			y := G.Must(G.ApplyOp(c.op, vector(g, "x", 1, 2)))
			name := "(%0)"
			if prints == nil {
				name = "culprit"
				G.WithName(name)(y)
			}
			c.op.prints = prints
			vm, err := graph.NewVM(g, graph.WithDevice(cpu.New(cpu.Threads(1))))
			if err == nil {
				defer vm.Close()
				err = vm.RunAll()
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), name) {
				t.Errorf("%v; expected an error that names %s and speaks of %q", err, name, c.says)
			}
		})
	}
	if _, err := graph.NewVM(nil); err == nil {
		t.Error("a graph that is nil is accepted")
	}
}

// Graphs in which nothing is computed run.
func TestVMWithoutOps(t *testing.T) {
	g := G.NewGraph()
	run(t, newVM(t, g))
	x := vector(g, "x", 1, 2)
	run(t, newVM(t, g))
	wants(t, "x", x.Value(), 1, 2)
}
