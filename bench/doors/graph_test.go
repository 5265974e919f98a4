package doors

import (
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
)

// doubled is a graph of one operation on an input of two numbers.
func doubled() (x, y *G.Node) {
	g := G.NewGraph()
	x = G.NewVector(g, G.Float32, G.WithShape(2), G.WithName("x"))
	return x, op.New(g).Affine(x, 2, 0)
}

func program(t *testing.T) (p *graph.Program, x, y *G.Node) {
	t.Helper()
	x, y = doubled()
	p, err := graph.Compile(graph.Config{Outputs: G.Nodes{y}})
	if err != nil {
		t.Fatal(err)
	}
	return p, x, y
}

func init() {
	doors = append(doors, door{"graph", map[string]func(t *testing.T) call{
		"Compile": func(*testing.T) call {
			x, y := doubled()
			c := graph.Config{Device: ref.New(), Outputs: G.Nodes{y}, Updates: []graph.Update{{State: x, Value: y}}}
			return call{func(c graph.Config) error {
				p, err := graph.Compile(c)
				if err != nil {
					return err
				}
				return p.Run()
			}, []any{c}}
		},
		"Program.Set": func(t *testing.T) call {
			p, x, _ := program(t)
			return call{p.Set, []any{x, []float32{1, 2}}}
		},
		"Program.Get": func(t *testing.T) call {
			p, _, y := program(t)
			return call{p.Get, []any{y, make([]float32, 2)}}
		},
		"Program.Bytes": func(t *testing.T) call {
			p, _, _ := program(t)
			return call{p.Bytes, nil}
		},
		"Program.Run": func(t *testing.T) call {
			p, _, _ := program(t)
			return call{p.Run, nil}
		},
		"MatchTensors": func(*testing.T) call {
			return call{graph.MatchTensors, []any{"weights", contents().Weights, contents().Weights}}
		},
		"NewVM": func(*testing.T) call {
			_, y := doubled()
			return call{graph.NewVM, []any{y.Graph(),
				[]graph.Option{graph.WithDevice(ref.New()), graph.WithOutputs(y), graph.EvalMode()}}}
		},
		"VM.Let": func(t *testing.T) call {
			vm, x, _ := machine(t)
			return call{vm.Let, []any{x, x.Value()}}
		},
		"VM.Set": func(t *testing.T) call {
			vm, x, y := machine(t)
			if err := vm.RunAll(); err != nil {
				t.Fatal(err)
			}
			return call{vm.Set, []any{x, y}}
		},
		"VM.RunAll": func(t *testing.T) call {
			vm, _, _ := machine(t)
			return call{vm.RunAll, nil}
		},
	}})
}

// machine is a VM of doubled, whose input has a value.
func machine(t *testing.T) (vm *graph.VM, x, y *G.Node) {
	t.Helper()
	x, y = doubled()
	G.WithValue(tensor.New(tensor.WithBacking([]float32{1, 2})))(x)
	vm, err := graph.NewVM(y.Graph())
	if err != nil {
		t.Fatal(err)
	}
	return vm, x, y
}
