package graph_test

import (
	"math"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
)

// counted is an input with the numbers 0, 1, 2, ...
func counted(g *G.ExprGraph, name string, shape ...int) *G.Node {
	return G.NewTensor(g, G.Float64, len(shape), G.WithShape(shape...), G.WithName(name), G.WithInit(G.RangedFrom(0)))
}

// Values that are wrong in Gorgonia.
func TestRepairedValues(t *testing.T) {
	for name, c := range map[string]struct {
		build func(g *G.ExprGraph) *G.Node
		want  []float64
	}{
		"mean pool of a narrow image": {func(g *G.ExprGraph) *G.Node {
			return G.Must(G.AveragePool2D(counted(g, "x", 1, 1, 2, 3), tensor.Shape{2, 2}, []int{0, 0}, []int{1, 1}))
		}, []float64{2, 3}},
		"mean pool of a padded image": {func(g *G.ExprGraph) *G.Node {
			return G.Must(G.AveragePool2D(counted(g, "x", 1, 1, 2, 2), tensor.Shape{2, 2}, []int{1, 1}, []int{2, 2}))
		}, []float64{0, 0.25, 0.5, 0.75}},
		"columns by index": {func(g *G.ExprGraph) *G.Node {
			i := G.NewVector(g, tensor.Int, G.WithShape(2), G.WithName("i"),
				G.WithValue(tensor.New(tensor.WithBacking([]int{2, 0}))))
			return G.Must(G.ByIndices(counted(g, "x", 2, 3, 2), i, 1))
		}, []float64{4, 5, 0, 1, 10, 11, 6, 7}},
		"sparsemax of columns": {func(g *G.ExprGraph) *G.Node {
			return G.Must(G.Sparsemax(G.Must(G.Mul(counted(g, "x", 2, 3), G.NewConstant(0.1))), 0))
		}, []float64{0.35, 0.35, 0.35, 0.65, 0.65, 0.65}},
	} {
		t.Run(name, func(t *testing.T) {
			g := G.NewGraph()
			y := c.build(g)
			run(t, newVM(t, g))
			wants(t, name, y.Value(), c.want...)
		})
	}
}

// The derivative of a Dropout is what it multiplied by; in evaluation that is 1.
func TestDropoutDerivative(t *testing.T) {
	for _, p := range []float64{0, 0.2, 0.5, 0.9} {
		for _, eval := range []bool{false, true} {
			m := newStockModel(tensor.Float64, func(m *stockModel) *G.Node {
				y := G.Must(G.Dropout(m.param("x", 10, 20), p))
				G.WithName("dropped")(y)
				return linear(m, y)
			})
			x, y, w := m.params[0], m.g.ByName("dropped")[0], m.g.ByName("weights")[0]
			x.Value().Data().([]float64)[0] = 0
			var opts []graph.Option
			if eval {
				opts = append(opts, graph.EvalMode())
			}
			vm := newVM(t, m.g, opts...)
			kept := 0
			for range 3 {
				run(t, vm)
				xs, ys, ws, gs := numbers(t, x.Value()), numbers(t, y.Value()), numbers(t, w.Value()), m.gradients(t)
				for i := range xs {
					factor := ys[i] / xs[i]
					if i == 0 {
						factor = gs[0] / ws[0] // what 0 is multiplied by shows nowhere else
					}
					want := 1 / (1 - p)
					if eval {
						want = 1
					}
					if math.Abs(factor) > 1e-9 && math.Abs(factor-want) > 1e-9 || math.Abs(gs[i]-factor*ws[i]) > 1e-9 {
						t.Fatalf("p=%v eval=%v: element %d is multiplied by %v and has the gradient %v of %v",
							p, eval, i, factor, gs[i], ws[i])
					}
					if factor != 0 {
						kept++
					}
				}
			}
			if expected := 600 * (1 - p); !eval && math.Abs(float64(kept)-expected) > 80 || eval && kept != 600 {
				t.Errorf("p=%v eval=%v: %d of 600 kept", p, eval, kept)
			}
		}
	}
}

// What cannot be repaired is refused, in NewVM and in Compile.
func TestWrongDerivativesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		build func(m *stockModel) *G.Node
		says  string
	}{
		"outer product": {func(m *stockModel) *G.Node {
			return G.Must(G.Sum(G.Must(G.Square(G.Must(G.OuterProd(m.param("x", 3), m.param("y", 3)))))))
		}, "OuterProd"},
		"outer product with itself": {func(m *stockModel) *G.Node {
			x := m.param("x", 3)
			return G.Must(G.Sum(G.Must(G.Square(G.Must(G.OuterProd(x, x))))))
		}, "OuterProd"},
		"log-sum-exp": {func(m *stockModel) *G.Node {
			return G.Must(G.Square(G.Must(G.LogSumExp(m.param("x", 3), 0))))
		}, "LogSumExp"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newStockModel(tensor.Float64, c.build)
			_, err := graph.NewVM(m.g, graph.WithDevice(ref.New()))
			_, err2 := graph.Compile(graph.Config{Device: ref.New(), Outputs: G.Nodes{m.params[0].Deriv()}})
			for _, err := range []error{err, err2} {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v; expected it to speak of %s", err, c.says)
				}
			}
		})
	}
	t.Run("a dropout in a scan", func(t *testing.T) {
		g := G.NewGraph()
		b := op.New(g)
		xs, h0 := counted(g, "xs", 3, 4), counted(g, "h0", 4)
		r := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{h0}}, func(b *op.Builder, in op.In) op.Out {
			return op.Out{States: []*G.Node{b.Add(in.States[0], G.Must(G.Dropout(in.Seqs[0], 0.5)))}}
		})
		cost := G.Must(G.Sum(r.Final[0]))
		no(t, b.Err())
		_, err := graph.NewVM(g, graph.WithDevice(ref.New()))
		no(t, err)
		_, err = G.Grad(cost, xs)
		no(t, err)
		if _, err := graph.NewVM(g, graph.WithDevice(ref.New())); err == nil || !strings.Contains(err.Error(), "op.Builder") {
			t.Errorf("%v; expected it to speak of op.Builder", err)
		}
	})
	t.Run("an outer product alone", func(t *testing.T) {
		g := G.NewGraph()
		y := G.Must(G.OuterProd(vector(g, "x", 1, 2), vector(g, "y", 3, 4)))
		run(t, newVM(t, g))
		wants(t, "product", y.Value(), 3, 4, 6, 8)
	})
}

// The nodes that Gorgonia makes of these derivatives have the right values themselves.
func TestRepairedNodes(t *testing.T) {
	g := G.NewGraph()
	x := vector(g, "x", 1, 4)
	y := G.Must(G.InverseSqrt(x))
	z := G.Must(G.Log2(x))
	cost := G.Must(G.Add(G.Must(G.Sum(y)), G.Must(G.Sum(z))))
	if _, err := G.Grad(cost, x); err != nil {
		t.Fatal(err)
	}
	run(t, newVM(t, g))
	wants(t, "gradient", x.Deriv().Value(), -0.5+1/math.Ln2, -0.0625+0.25/math.Ln2)
	for _, n := range lower.Sorted(G.Nodes{x.Deriv()}) {
		if n.Value() == nil {
			t.Errorf("%s has no value", n.Name())
		}
	}
}

// In float32 the same derivatives are repaired.
func TestRepairedInFloat32(t *testing.T) {
	for _, name := range []string{
		"log2", "log2 of a number", "inverse sqrt", "inverse sqrt of a number", "softmax of a column", "columns by index",
		"3d by index", "sparsemax 0", "mean pool, padded", "dropout of nothing",
	} {
		gradient := func(d tensor.Dtype) []float64 {
			m := newStockModel(d, func(m *stockModel) *G.Node { return linear(m, differentiable[name](m)) })
			run(t, newVM(t, m.g))
			return m.gradients(t)
		}
		near(t, name, gradient(tensor.Float32), gradient(tensor.Float64), 1e-5)
	}
}

// Without Gorgonia's stabilisation, Log leaves the SoftMax what it is.
func TestLogOfSoftMax(t *testing.T) {
	G.UseNonStable()
	defer G.UseStabilization()
	g := G.NewGraph()
	x := vector(g, "x", 1, 2, 3)
	p := G.Must(G.SoftMax(x))
	loss := G.Must(G.Neg(G.Must(G.Mean(G.Must(G.Log(p))))))
	var read G.Value
	G.Read(p, &read)
	if _, err := G.Grad(loss, x); err != nil {
		t.Fatal(err)
	}
	run(t, newVM(t, g))
	want := []float64{0.09003057317038046, 0.24472847105479764, 0.6652409557748218}
	wants(t, "probabilities", read, want...)
	wants(t, "probabilities", p.Value(), want...)
	wants(t, "gradient", x.Deriv().Value(), want[0]-1/3.0, want[1]-1/3.0, want[2]-1/3.0)
}
