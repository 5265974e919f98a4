package graph_test

import (
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/ref"
)

// newVM compiles for the reference device.
func newVM(t *testing.T, g *G.ExprGraph, opts ...graph.Option) *graph.VM {
	t.Helper()
	vm, err := graph.NewVM(g, append([]graph.Option{graph.WithDevice(ref.New(ref.Poison()))}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Close() })
	return vm
}

func run(t *testing.T, vm G.VM) {
	t.Helper()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
}

func vector(g *G.ExprGraph, name string, xs ...float64) *G.Node {
	return G.NewVector(g, G.Float64, G.WithShape(len(xs)), G.WithName(name),
		G.WithValue(tensor.New(tensor.WithBacking(xs))))
}

func wants(t *testing.T, what string, v G.Value, want ...float64) {
	t.Helper()
	if v == nil {
		t.Fatalf("%s has no value", what)
	}
	near(t, what, numbers(t, v), want, 1e-12)
}

func TestVMBinds(t *testing.T) {
	g := G.NewGraph()
	x, y := vector(g, "x", 1, 2, 3), vector(g, "y", 4, 5, 6)
	var read, readInner G.Value
	product := G.Must(G.HadamardProd(x, y))
	inner := G.Must(G.Square(product))
	total := G.Must(G.Sum(inner))
	cost := G.Must(G.Div(total, G.NewConstant(3.0)))
	positive := G.Must(G.Gt(inner, G.NewConstant(50.0), false))
	G.Read(cost, &read)
	G.Read(product, &readInner)
	if _, err := G.Grad(cost, x); err != nil {
		t.Fatal(err)
	}
	step := G.Must(G.Sub(x, G.Must(G.Mul(x.Deriv(), G.NewConstant(0.1)))))
	vm := newVM(t, g, graph.ResultsOnly(), graph.WithOutputs(inner))
	run(t, vm)

	wants(t, "cost", cost.Value(), (16+100+324)/3.0)
	wants(t, "inner", inner.Value(), 16, 100, 324)
	wants(t, "what was read", read, (16+100+324)/3.0)
	wants(t, "what was read inside", readInner, 4, 10, 18)
	grad, err := x.Grad()
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "gradient", grad, 2*4*4/3.0, 2*10*5/3.0, 2*18*6/3.0)
	wants(t, "derivative", x.Deriv().Value(), 2*4*4/3.0, 2*10*5/3.0, 2*18*6/3.0)
	wants(t, "step", step.Value(), 1-3.2/3, 2-10/3.0, 3-21.6/3)
	if b, ok := positive.Value().Data().([]bool); !ok || b[0] || !b[1] || !b[2] {
		t.Errorf("positive is %v", positive.Value())
	}
	if total.Value() != nil {
		t.Errorf("a node that was not asked for has the value %v", total.Value())
	}

	// A second run leaves the values of the first alone; but what was read is written anew, as on Gorgonia's machine.
	first, held := cost.Value(), read
	if err := G.Let(y, tensor.New(tensor.WithBacking([]float64{0, 0, 1}))); err != nil {
		t.Fatal(err)
	}
	vm.Reset()
	run(t, vm)
	wants(t, "the first cost", first, (16+100+324)/3.0)
	wants(t, "the first gradient", grad, 2*4*4/3.0, 2*10*5/3.0, 2*18*6/3.0)
	wants(t, "the second cost", cost.Value(), 3)
	wants(t, "what was read", held, 3)
}

// Several runs do not add up their gradients.
func TestVMGradientsAreOfOneRun(t *testing.T) {
	g := G.NewGraph()
	x := vector(g, "x", 1, 2)
	if _, err := G.Grad(G.Must(G.Sum(G.Must(G.Square(x)))), x); err != nil {
		t.Fatal(err)
	}
	vm := newVM(t, g)
	for range 3 {
		run(t, vm)
		grad, err := x.Grad()
		if err != nil {
			t.Fatal(err)
		}
		wants(t, "gradient", grad, 2, 4)
	}
}

func TestVMSet(t *testing.T) {
	g := G.NewGraph()
	x := vector(g, "x", 1, 2)
	G.Set(x, G.Must(G.Mul(x, G.NewConstant(3.0))))
	vm := newVM(t, g)
	run(t, vm)
	wants(t, "x", x.Value(), 3, 6)
	run(t, vm)
	wants(t, "x", x.Value(), 9, 18)
}

// Gorgonia allows slices to be moved between runs.
func TestVMMovesSlices(t *testing.T) {
	g := G.NewGraph()
	x := vector(g, "x", 1, 2, 3, 4, 5)
	s := G.Must(G.Slice(x, G.S(0, 2)))
	y := G.Must(G.Sum(s))
	vm := newVM(t, g)
	run(t, vm)
	wants(t, "sum", y.Value(), 3)
	if err := G.UnsafeLet(s, G.S(2, 4)); err != nil {
		t.Fatal(err)
	}
	run(t, vm)
	wants(t, "sum", y.Value(), 7)
	if err := G.UnsafeLet(s, G.S(2, 5)); err != nil {
		t.Fatal(err)
	}
	if err := vm.RunAll(); err == nil || !strings.Contains(err.Error(), "[2]") {
		t.Errorf("a slice of another length: %v", err)
	}
}

func TestVMModes(t *testing.T) {
	g := G.NewGraph()
	x := vector(g, "x", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)
	y := G.Must(G.Dropout(x, 0.5))
	zeros := func() (n int) {
		for _, y := range numbers(t, y.Value()) {
			if y == 0 {
				n++
			}
		}
		return n
	}
	run(t, newVM(t, g))
	if zeros() == 0 {
		t.Error("nothing was dropped in training")
	}
	run(t, newVM(t, g, graph.EvalMode()))
	if zeros() != 0 {
		t.Error("something was dropped in evaluation")
	}
}

func TestVMDefaultDevice(t *testing.T) {
	g := G.NewGraph()
	x := vector(g, "x", 1, 2)
	y := G.Must(G.Sum(x))
	vm, err := graph.NewVM(g)
	if err != nil {
		t.Fatal(err)
	}
	run(t, vm)
	wants(t, "sum", y.Value(), 3)
	for range 2 {
		if err := vm.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := vm.RunAll(); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("running a closed VM: %v", err)
	}
}

// Gorgonia's machine runs a graph after a VM did.
func TestVMThenStock(t *testing.T) {
	for name, build := range models {
		ours, fresh := newStockModel(G.Float64, build), newStockModel(G.Float64, build)
		run(t, newVM(t, ours.g))
		run(t, G.NewTapeMachine(ours.g))
		run(t, G.NewTapeMachine(fresh.g))
		near(t, name, numbers(t, ours.cost.Value()), numbers(t, fresh.cost.Value()), 1e-12)
	}
}

// A SoftMax that was asked for twice is refused until the user says that it is one.
func TestVMAlike(t *testing.T) {
	g := G.NewGraph()
	x := vector(g, "x", 1, 2, 3)
	p, q := G.Must(G.SoftMax(x)), G.Must(G.SoftMax(x))
	y := G.Must(G.Add(p, q))
	if _, err := graph.NewVM(g); err == nil || !strings.Contains(err.Error(), "graph.Alike") {
		t.Fatalf("%v; expected it to speak of graph.Alike", err)
	}
	run(t, newVM(t, g, graph.Alike(p)))
	wants(t, "p+q", y.Value(), 2*0.09003057317038046, 2*0.24472847105479764, 2*0.6652409557748218)
	// Their product is then a square, and no p·ln p.
	g = G.NewGraph()
	x = vector(g, "x", 1, 2, 3)
	p, q = G.Must(G.SoftMax(x)), G.Must(G.SoftMax(x))
	y = G.Must(G.Sum(G.Must(G.HadamardProd(p, q))))
	if _, err := G.Grad(y, x); err != nil {
		t.Fatal(err)
	}
	if _, err := graph.NewVM(g); err == nil || !strings.Contains(err.Error(), "graph.Alike of the softmax") {
		t.Fatalf("%v; expected it to speak of graph.Alike of the softmax", err)
	}
	run(t, newVM(t, g, graph.Alike(p)))
	wants(t, "Σ p·q", y.Value(), 0.5105430578904047)
	gradient, err := x.Grad()
	if err != nil {
		t.Fatal(err)
	}
	// 2 p (p - Σ p²)
	wants(t, "the derivative", gradient, -0.07571796004928927, -0.1301047948406817, 0.20582275488997104)
}

func TestVMErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(g *G.ExprGraph)
		says  string
	}{
		{"an input without a value", func(g *G.ExprGraph) {
			G.Must(G.Sum(G.NewVector(g, G.Float64, G.WithShape(3), G.WithName("missing"))))
		}, "input missing[3] has no value"},
		{"an input without a shape", func(g *G.ExprGraph) {
			G.Must(G.Add(vector(g, "x", 1, 2), G.NewVector(g, G.Float64, G.WithName("shapeless"))))
		}, "shapeless has no shape"},
		{"a value of another shape", func(g *G.ExprGraph) {
			G.Must(G.Sum(G.NewMatrix(g, G.Float64, G.WithShape(2, 3), G.WithName("bent"),
				G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}), tensor.WithShape(3, 2))))))
		}, "bent[2 3] has a value of shape [3 2]"},
		{"a node that Gorgonia has freed", func(g *G.ExprGraph) {
			a := G.Must(G.Add(vector(g, "x", 1, 2), G.NewConstant(1.0)))
			G.Must(G.Tanh(a))
			G.ReturnNode(a)
		}, "returned to Gorgonia's pool"},
		{"two float types", func(g *G.ExprGraph) {
			G.Must(G.Sum(vector(g, "x", 1, 2)))
			G.Must(G.Sum(G.NewVector(g, G.Float32, G.WithShape(3), G.WithName("y"))))
		}, "one floating-point type"},
		{"merged slices", func(g *G.ExprGraph) {
			x := G.NewMatrix(g, G.Float64, G.WithShape(2, 512), G.WithName("x"))
			part := func(k int) *G.Node { return G.Must(G.Slice(x, nil, G.S(k*256, k*256+256))) }
			G.Must(G.Add(part(0), part(1)))
		}, "merged"},
		{"inputs of one name", func(g *G.ExprGraph) { G.Must(G.Add(vector(g, "x", 1, 2), vector(g, "x", 3, 4))) }, `2 inputs have the name "x"`},
		{"an index too large", func(g *G.ExprGraph) {
			i := G.NewVector(g, G.Int, G.WithShape(2), G.WithName("i"), G.WithValue(tensor.New(tensor.WithBacking([]int{0, 7}))))
			G.Must(G.ByIndices(vector(g, "x", 1, 2), i, 0))
		}, "7"},
		{"an op that panics", func(g *G.ExprGraph) {
			G.Must(G.ApplyOp(panicky{}, vector(g, "x", 1, 2)))
		}, "panic: no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := G.NewGraph()
			c.build(g)
			vm, err := graph.NewVM(g, graph.WithDevice(ref.New()))
			if err == nil {
				defer vm.Close()
				err = vm.RunAll()
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; expected an error that speaks of %q", err, c.says)
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
}

// panicky is an op that only Gorgonia could run, if it did not panic.
type panicky struct{ G.Iop }

func (panicky) Do(...G.Value) (G.Value, error) { panic("no") }
func (panicky) Hashcode() uint32               { return 12345 }
