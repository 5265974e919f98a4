package lower_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/internal/plan"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// graph builds stock graphs whose inputs have values.
type graph struct {
	*G.ExprGraph
	dtype  tensor.Dtype
	rng    *rand.Rand
	inputs G.Nodes
}

func newGraph(dtype tensor.Dtype) *graph {
	return &graph{ExprGraph: G.NewGraph(), dtype: dtype, rng: rand.New(rand.NewPCG(1, 2))}
}

// input is a new input of random numbers between from and to.
func (g *graph) input(from, to float64, shape ...int) *G.Node {
	n := 1
	for _, d := range shape {
		n *= d
	}
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = from + (to-from)*g.rng.Float64()
	}
	return g.values(xs, shape...)
}

// values is a new input.
func (g *graph) values(xs []float64, shape ...int) *G.Node {
	name := fmt.Sprintf("in%d", len(g.inputs))
	in := G.NewTensor(g.ExprGraph, g.dtype, len(shape), G.WithShape(shape...), G.WithName(name),
		G.WithValue(g.value(xs, shape...)))
	g.inputs = append(g.inputs, in)
	return in
}

func (g *graph) value(xs []float64, shape ...int) G.Value {
	var data any = xs
	if g.dtype == tensor.Float32 {
		fs := make([]float32, len(xs))
		for i, x := range xs {
			fs[i] = float32(x)
		}
		data = fs
	}
	return lower.Wrap(data, shape)
}

// weighted is the sum of n's elements with weights that all differ: a cost whose derivative tells n's elements apart.
func (g *graph) weighted(n *G.Node) *G.Node {
	w := make([]float64, max(1, n.Shape().TotalSize()))
	for i := range w {
		w[i] = math.Sin(float64(3*i + 1))
	}
	c := G.NewConstant(g.value(w, n.Shape()...), G.WithName("weights"))
	return G.Must(G.Sum(G.Must(G.HadamardProd(n, c))))
}

// stock runs the graph on Gorgonia's own machine and gives the values of nodes at the time that they were computed.
func stock(t *testing.T, g *G.ExprGraph, nodes G.Nodes) []G.Value {
	t.Helper()
	vs := make([]G.Value, len(nodes))
	for i, n := range nodes {
		if n.Op() != nil && len(lower.Children(n)) > 0 {
			G.Read(n, &vs[i])
		}
	}
	saved := map[*G.Node]G.Value{} // the machine computes in the memory of inputs
	for _, n := range g.Inputs() {
		if v := n.Value(); v != nil {
			c, err := G.CloneValue(v)
			if err != nil {
				t.Fatal(err)
			}
			saved[n] = c
		}
	}
	m := G.NewTapeMachine(g)
	defer m.Close()
	if err := m.RunAll(); err != nil {
		t.Fatalf("stock: %v", err)
	}
	for n, v := range saved {
		if err := G.UnsafeLet(n, v); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range nodes {
		if vs[i] == nil {
			vs[i] = n.Value()
		}
	}
	return vs
}

// ours translates nodes and runs them on the reference device.
func ours(nodes G.Nodes) ([]G.Value, error) {
	float := tape.Float64
	leaves := lower.Leaves(nodes)
	for _, n := range append(leaves, nodes...) {
		if n.Type() != nil && n.Dtype() == tensor.Float32 {
			float = tape.Float32
		}
	}
	f, err := lower.Func(float, leaves, nodes)
	if err != nil {
		return nil, err
	}
	if err := f.Verify(); err != nil {
		return nil, err
	}
	var c plan.Config
	for _, n := range leaves {
		c.Params = append(c.Params, n.Name())
	}
	for _, n := range nodes {
		c.Results = append(c.Results, plan.Result{Name: n.Name(), Updates: -1})
	}
	tp, err := plan.Tape(f, float, c)
	if err != nil {
		return nil, err
	}
	p, err := ref.New(ref.Poison()).Load(tp)
	if err != nil {
		return nil, err
	}
	for i, n := range leaves {
		data, err := lower.Flatten(n.Value())
		if err != nil {
			return nil, err
		}
		if err := p.Write(tape.SlotID(i), data); err != nil {
			return nil, err
		}
	}
	if err := p.Run(); err != nil {
		return nil, err
	}
	vs := make([]G.Value, len(nodes))
	for i, n := range nodes {
		data := lower.Zeros(f.Results[i].Type)
		if err := p.Read(tape.SlotID(len(leaves)+i), data); err != nil {
			return nil, err
		}
		if vs[i], err = lower.WrapAs(data, ir.Shape(n.Shape()), n.Dtype()); err != nil {
			return nil, err
		}
	}
	return vs, nil
}

// byDo calls the Do method of one node after the other, on memory of its own.
func byDo(t *testing.T, nodes G.Nodes) []G.Value {
	t.Helper()
	values := map[*G.Node]G.Value{}
	for _, n := range lower.Sorted(nodes) {
		children := lower.Children(n)
		if len(children) == 0 {
			values[n] = n.Value()
			continue
		}
		args := make([]G.Value, len(children))
		for i, c := range children {
			v, err := G.CloneValue(values[c])
			if err != nil {
				t.Fatal(err)
			}
			args[i] = v
		}
		v, err := n.Op().Do(args...)
		if err != nil {
			t.Fatal(err)
		}
		values[n] = v
	}
	vs := make([]G.Value, len(nodes))
	for i, n := range nodes {
		vs[i] = values[n]
	}
	return vs
}

// compare checks that Gorgonia's machine and the translation agree on nodes.
func compare(t *testing.T, g *graph, nodes ...*G.Node) {
	t.Helper()
	got, err := ours(nodes)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, g.dtype, nodes, got, stock(t, g.ExprGraph, nodes))
}

func agree(t *testing.T, dtype tensor.Dtype, nodes G.Nodes, got, want []G.Value) {
	t.Helper()
	tol := 1e-10
	if dtype == tensor.Float32 {
		tol = 1e-5
	}
	for i, n := range nodes {
		if !want[i].Shape().Eq(got[i].Shape()) {
			t.Errorf("%s: shape %v, stock has %v", n.Name(), got[i].Shape(), want[i].Shape())
		}
		a, b := numbers(t, got[i]), numbers(t, want[i])
		if len(a) != len(b) {
			t.Fatalf("%s: %d elements, stock has %d", n.Name(), len(a), len(b))
		}
		for k := range a {
			if a[k] != b[k] && !(math.Abs(a[k]-b[k]) <= tol*max(1, math.Abs(b[k]))) {
				t.Errorf("%s%v: element %d is %v, stock has %v", n.Name(), n.Shape(), k, a[k], b[k])
				break
			}
		}
	}
}

func numbers(t *testing.T, v G.Value) []float64 {
	t.Helper()
	data, err := lower.Flatten(v)
	if err != nil {
		t.Fatal(err)
	}
	var xs []float64
	switch d := data.(type) {
	case []float64:
		xs = d
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
