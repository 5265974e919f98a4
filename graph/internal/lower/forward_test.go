package lower_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/tape"
)

// forward are graphs of ops that are not differentiable in Gorgonia, or not by symbols, or not rightly.
var forward = []struct {
	name  string
	build func(g *graph) *G.Node
}{
	{"sign", func(g *graph) *G.Node { return G.Must(G.Sign(g.values([]float64{-2, 0, math.Copysign(0, -1), 3}, 4))) }},
	{"sign of 0", func(g *graph) *G.Node { return G.Must(G.Sign(g.values([]float64{0}))) }},
	{"sign of -0", func(g *graph) *G.Node { return G.Must(G.Sign(g.values([]float64{math.Copysign(0, -1)}))) }},
	{"sign of -2", func(g *graph) *G.Node { return G.Must(G.Sign(g.values([]float64{-2}))) }},
	{"sign of -Inf", func(g *graph) *G.Node { return G.Must(G.Sign(g.values([]float64{math.Inf(-1)}))) }},
	{"ceil", unary(G.Ceil, -3, 3)},
	{"floor", unary(G.Floor, -3, 3)},
	{"softplus of large numbers", unary(G.Softplus, -60, 60)},
	{"number softplus", number(G.Softplus, 0, 1)},
	{"number sigmoid", number(G.Sigmoid, 0, 1)},
	{"number ceil", number(G.Ceil, 0, 1)},
	{"min", func(g *graph) *G.Node { return G.Must(G.MinBetween(g.input(-1, 1, 3, 5), g.input(-1, 1, 3, 5))) }},
	{"max", func(g *graph) *G.Node { return G.Must(G.MaxBetween(g.input(-1, 1, 3, 5), g.input(-1, 1, 3, 5))) }},
	{"min of a vector and a column", func(g *graph) *G.Node { return G.Must(G.MinBetween(g.input(-1, 1, 4), g.vector(4, 1))) }},
	{"max of a column and a vector", func(g *graph) *G.Node { return G.Must(G.MaxBetween(g.vector(4, 1), g.input(-1, 1, 4))) }},
	{"max of a row and a vector", func(g *graph) *G.Node { return G.Must(G.MaxBetween(g.vector(1, 4), g.input(-1, 1, 4))) }},
	{"outer product", func(g *graph) *G.Node { return G.Must(G.OuterProd(g.input(-1, 1, 3), g.input(-1, 1, 5))) }},
	{"to int", unary(func(n *G.Node) (*G.Node, error) { return G.ConvType(n, n.Dtype(), tensor.Int) }, -9, 9)},
	{"from int", func(g *graph) *G.Node { return G.Must(G.ConvType(g.index(3, -1, 4), tensor.Int, g.dtype)) }},
	{"sum of ints", func(g *graph) *G.Node { return G.Must(G.Add(g.index(3, -1, 1<<30), g.index(7, 2, 1<<29))) }},
	{"stride", func(g *graph) *G.Node { return G.Must(G.Slice(g.input(-1, 1, 9, 2), G.S(1, 7, 2))) }},
	{"table", func(g *graph) *G.Node {
		return G.Must(G.Add(g.input(-1, 1, 3), G.NewConstant(g.value([]float64{1, 2, 3}, 3), G.WithName("table"))))
	}},
	{"column vector", func(g *graph) *G.Node {
		v := G.NewVector(g.ExprGraph, g.dtype, G.WithShape(4, 1), G.WithName("v"),
			G.WithValue(g.value([]float64{1, 2, 3, 4}, 4)))
		return G.Must(G.Mul(g.input(-1, 1, 3, 4), v))
	}},
	{"vector of columns", func(g *graph) *G.Node {
		v := G.NewVector(g.ExprGraph, g.dtype, G.WithShape(4, 1), G.WithName("v"),
			G.WithValue(g.value([]float64{1, 2, 3, 4}, 4)))
		return G.Must(G.Add(v, g.input(-1, 1, 4)))
	}},

	// Ops that are called on the host.
	{"convolution", func(g *graph) *G.Node {
		return G.Must(G.Conv2d(g.input(-1, 1, 2, 3, 5, 5), g.input(-1, 1, 4, 3, 2, 2), tensor.Shape{2, 2}, []int{1, 1},
			[]int{1, 1}, []int{1, 1}))
	}},
	{"pooling", func(g *graph) *G.Node {
		return G.Must(G.MaxPool2D(g.input(-1, 1, 2, 3, 4, 4), tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
	}},
	{"average pooling", func(g *graph) *G.Node { return G.Must(G.GlobalAveragePool2D(g.input(-1, 1, 2, 3, 4, 4))) }},
	{"sparsemax", func(g *graph) *G.Node { return G.Must(G.Sparsemax(g.input(-1, 1, 3, 5))) }},
}

// vector is a vector that is stored as a column or a row; its numbers lie between -1 and 1.
func (g *graph) vector(shape ...int) *G.Node {
	v := g.input(-1, 1, tensor.Shape(shape).TotalSize()).Value()
	return G.NewVector(g.ExprGraph, g.dtype, G.WithShape(shape...), G.WithName(fmt.Sprint("v", len(g.inputs))),
		G.WithValue(v))
}

func TestForward(t *testing.T) {
	for _, op := range forward {
		for _, dtype := range dtypes {
			t.Run(op.name+"/"+dtype.String(), func(t *testing.T) {
				g := newGraph(dtype)
				compare(t, g, op.build(g))
			})
		}
	}
}

func TestComparisons(t *testing.T) {
	xs, ys := []float64{1, 2, 3, math.NaN(), 5}, []float64{2, 2, 2, 1, math.Inf(1)}
	for name, f := range map[string]func(a, b *G.Node, same bool) (*G.Node, error){
		"<": G.Lt, ">": G.Gt, "<=": G.Lte, ">=": G.Gte, "==": G.Eq, "!=": G.Ne,
	} {
		for _, same := range []bool{false, true} {
			for _, dtype := range dtypes {
				for kind, operands := range map[string]func(g *graph) (a, b *G.Node){
					"tensors":           func(g *graph) (a, b *G.Node) { return g.values(xs, 5), g.values(ys, 5) },
					"tensor and number": func(g *graph) (a, b *G.Node) { return g.values(xs, 5), g.values([]float64{2}) },
					"number and tensor": func(g *graph) (a, b *G.Node) { return g.values([]float64{2}), g.values(xs, 5) },
					"numbers":           func(g *graph) (a, b *G.Node) { return g.values([]float64{2}), g.values([]float64{3}) },
				} {
					how := "bool"
					if same {
						how = "same"
					}
					t.Run(strings.Join([]string{name, kind, how, dtype.String()}, "/"), func(t *testing.T) {
						g := newGraph(dtype)
						a, b := operands(g)
						n, err := f(a, b, same)
						if err != nil {
							t.Fatal(err)
						}
						compare(t, g, n)
					})
				}
			}
		}
	}
}

// Gorgonia's own machine skips At, because it takes it for a statement.
func TestAt(t *testing.T) {
	g := newGraph(G.Float64)
	x := g.input(-1, 1, 3, 4)
	vs, err := ours(G.Nodes{G.Must(G.At(x, 2, 1))})
	if err != nil {
		t.Fatal(err)
	}
	if want := numbers(t, x.Value())[2*4+1]; vs[0].Data() != want {
		t.Errorf("got %v, want %v", vs[0].Data(), want)
	}
}

func TestDropoutOnHost(t *testing.T) {
	g := newGraph(G.Float32)
	x := g.input(1, 2, 100, 10)
	y := G.Must(G.Dropout(x, 0.25))
	vs, err := ours(G.Nodes{y})
	if err != nil {
		t.Fatal(err)
	}
	zeros := 0
	in := numbers(t, x.Value())
	for i, y := range numbers(t, vs[0]) {
		switch {
		case y == 0:
			zeros++
		case math.Abs(y-in[i]/0.75) > 1e-6:
			t.Fatalf("element %d is %v of %v", i, y, in[i])
		}
	}
	if zeros < 150 || zeros > 350 {
		t.Errorf("%d of 1000 dropped, expected about 250", zeros)
	}
}

func TestRandomNode(t *testing.T) {
	g := newGraph(G.Float64)
	r := G.UniformRandomNode(g.ExprGraph, G.Float64, 3, 4, 50)
	vs, err := ours(G.Nodes{G.Must(G.Add(r, g.input(0, 1)))})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[float64]bool{}
	for _, x := range numbers(t, vs[0]) {
		seen[x] = true
		if x < 3 || x > 5 {
			t.Errorf("%v", x)
		}
	}
	if len(seen) < 50 {
		t.Errorf("%d different numbers", len(seen))
	}
}

func TestErrorsNameTheNode(t *testing.T) {
	g := newGraph(G.Float64)
	x := g.input(-1, 1, 3, 5)
	var into G.Value
	for _, c := range []struct {
		name string
		node *G.Node
		says string
	}{
		{"statement", G.Read(x, &into), "statement"},
		{"other element type", G.NewVector(g.ExprGraph, tensor.Complex128, G.WithShape(3), G.WithName("waves")), "waves"},
	} {
		f, err := lower.Func(tape.Float64, lower.Leaves(G.Nodes{c.node}), G.Nodes{c.node})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v; expected an error that speaks of %q", c.name, f, err, c.says)
		}
	}
}
