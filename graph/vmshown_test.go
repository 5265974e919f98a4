package graph_test

import (
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
)

// The node of a Tensordot over all axes is a scalar; Gorgonia's machines give it a vector of one. So must ours: in the
// node's value, as a result and as an inner node, to Read, to Set, and to an op of the user's.
func TestVMTensordotOfAllAxes(t *testing.T) {
	g := G.NewGraph()
	x, y := vector(g, "x", 1, 2), vector(g, "y", 3, 4)
	dot := G.Must(G.Tensordot([]int{0}, []int{0}, x, y))
	last := G.NewScalar(g, tensor.Float64, G.WithName("last"), G.WithValue(0.0))
	var read G.Value
	G.Read(dot, &read)
	G.Set(last, dot)
	var seen G.Value
	G.Must(G.ApplyOp(&rude{do: func(in ...G.Value) (G.Value, error) { seen = in[0]; return in[0], nil }}, dot))
	sum := G.Must(G.Add(dot, last))
	if _, err := G.Grad(sum, x, y); err != nil {
		t.Fatal(err)
	}
	for what, opts := range map[string][]graph.Option{"inner": nil, "result": {graph.WithOutputs(dot)}} {
		no(t, G.Let(last, 5.0))
		vm := newVM(t, g, opts...)
		for _, want := range []float64{16, 22} { // the second with what Set gave
			run(t, vm)
			for of, v := range map[string]G.Value{"the value": dot.Value(), "what was read": read, "an op's": seen} {
				data, ok := v.Data().([]float64)
				if !ok || !slices.Equal(data, []float64{11}) || !slices.Equal(v.Shape(), tensor.Shape{1}) {
					t.Errorf("%s: %s is %v of shape %v, want [11] of (1)", what, of, v.Data(), v.Shape())
				}
			}
			wants(t, what+": the sum", sum.Value(), want)
		}
		no(t, vm.Set(last, dot))
		run(t, vm)
		wants(t, what+": the sum after VM.Set", sum.Value(), 22)
		grad, err := x.Grad()
		no(t, err)
		wants(t, what+": the gradient", grad, 3, 4)
	}
}

// Gorgonia's type of DiagFlat is a matrix of what it takes, which is a matrix itself.
func TestVMDiagFlat(t *testing.T) {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"),
		G.WithValue(tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float64{1, 2}))))
	y := G.Must(G.DiagFlat(x))
	run(t, newVM(t, g))
	wants(t, "the diagonal", y.Value(), 1, 0, 0, 2)
}
