package graph_test

import (
	"fmt"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/ref"
)

// layouts are the matrix 1 2 3; 4 5 6 as it may lie in memory.
var layouts = map[string]func(t *testing.T) tensor.Tensor{
	"row-major":    func(*testing.T) tensor.Tensor { return matrix(2, 3, 1, 2, 3, 4, 5, 6) },
	"column-major": func(*testing.T) tensor.Tensor { return fortran(2, 3, 1, 2, 3, 4, 5, 6) },
	"transposed, lazily": func(t *testing.T) tensor.Tensor {
		m := matrix(3, 2, 1, 4, 2, 5, 3, 6)
		no(t, m.T())
		return m
	},
	"column-major, transposed lazily": func(t *testing.T) tensor.Tensor {
		m := fortran(3, 2, 1, 4, 2, 5, 3, 6)
		no(t, m.T())
		return m
	},
	"transposed": func(t *testing.T) tensor.Tensor {
		m := matrix(3, 2, 1, 4, 2, 5, 3, 6)
		no(t, m.T())
		no(t, m.Transpose())
		return m
	},
	"columns of a wider one": func(t *testing.T) tensor.Tensor {
		return sliced(t, matrix(2, 4, 1, 2, 3, 0, 4, 5, 6, 0), nil, G.S(0, 3))
	},
	"last rows of a longer one": func(t *testing.T) tensor.Tensor {
		return sliced(t, matrix(3, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6), G.S(1, 3))
	},
	"rows of a longer column-major one": func(t *testing.T) tensor.Tensor {
		return sliced(t, fortran(3, 3, 1, 2, 3, 4, 5, 6, 0, 0, 0), G.S(0, 2))
	},
	"every other column": func(t *testing.T) tensor.Tensor {
		return sliced(t, matrix(2, 6, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0), nil, G.S(0, 6, 2))
	},
	"sparse": func(*testing.T) tensor.Tensor {
		return tensor.CSRFromCoord(tensor.Shape{2, 3}, []int{0, 0, 0, 1, 1, 1}, []int{0, 1, 2, 0, 1, 2},
			[]float64{1, 2, 3, 4, 5, 6})
	},
	"masked, nothing hidden": func(*testing.T) tensor.Tensor {
		return tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}, make([]bool, 6)))
	},
}

func matrix(rows, cols int, xs ...float64) *tensor.Dense {
	return tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(xs))
}

// fortran brings the numbers, given in rows, to column-major order.
func fortran(rows, cols int, xs ...float64) *tensor.Dense {
	return tensor.New(tensor.WithShape(rows, cols), tensor.AsFortran(xs))
}

func sliced(t *testing.T, m *tensor.Dense, at ...tensor.Slice) tensor.Tensor {
	t.Helper()
	v, err := m.Slice(at...)
	no(t, err)
	return v
}

func no(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestVMReadsEveryLayout(t *testing.T) {
	for name, value := range layouts {
		t.Run(name, func(t *testing.T) {
			for way, give := range map[string]func(x *G.Node) error{
				"WithValue": func(x *G.Node) error { G.WithValue(value(t))(x); return nil },
				"Let":       func(x *G.Node) error { return G.Let(x, value(t)) },
				"UnsafeLet": func(x *G.Node) error { return G.UnsafeLet(x, value(t)) },
			} {
				if name == "sparse" && way != "UnsafeLet" {
					continue // Gorgonia refuses it
				}
				g := G.NewGraph()
				x := G.NewMatrix(g, G.Float64, G.WithShape(2, 3), G.WithName("x"))
				w := vector(g, "w", 1, 10, 100)
				y := G.Must(G.Mul(x, w))
				cost := G.Must(G.Sum(G.Must(G.Square(y))))
				if name != "sparse" {
					_, err := G.Grad(cost, x)
					no(t, err)
				}
				no(t, give(x))
				run(t, newVM(t, g, graph.WithOutputs(y)))
				wants(t, way+": product", y.Value(), 321, 654)
				if name != "sparse" {
					wants(t, way+": gradient", x.Deriv().Value(), 642, 6420, 64200, 1308, 13080, 130800)
				}
			}
		})
	}
	t.Run("constant", func(t *testing.T) {
		g := G.NewGraph()
		y := G.Must(G.Mul(G.NewConstant(fortran(2, 3, 1, 2, 3, 4, 5, 6)), vector(g, "w", 1, 10, 100)))
		run(t, newVM(t, g))
		wants(t, "product", y.Value(), 321, 654)
	})
	t.Run("program", func(t *testing.T) {
		for name, value := range layouts {
			g := G.NewGraph()
			x := G.NewMatrix(g, G.Float64, G.WithShape(2, 3), G.WithName("x"))
			y := G.Must(G.Mul(x, vector(g, "w", 1, 10, 100)))
			no(t, G.UnsafeLet(x, value(t)))
			p, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: G.Nodes{y}})
			no(t, err)
			no(t, p.Run())
			got := make([]float64, 2)
			no(t, p.Get(y, got))
			near(t, name, got, []float64{321, 654}, 0)
		}
	})
}

// Gorgonia's solvers compute in the memory of the value and of its gradient, element by element.
func TestSolversOnEveryLayout(t *testing.T) {
	for name, value := range layouts {
		if name == "sparse" {
			continue
		}
		for solverName, solver := range solvers {
			t.Run(name+"/"+solverName, func(t *testing.T) {
				after := func(v G.Value) []float64 {
					g := G.NewGraph()
					x := G.NewMatrix(g, G.Float64, G.WithShape(2, 3), G.WithName("x"), G.WithValue(v))
					cost := G.Must(G.Sum(G.Must(G.Square(G.Must(G.Mul(x, vector(g, "w", 1, 0.5, 0.25)))))))
					_, err := G.Grad(cost, x)
					no(t, err)
					vm, s := newVM(t, g), solver()
					for range 3 {
						run(t, vm)
						no(t, s.Step([]G.ValueGrad{x}))
					}
					return numbers(t, x.Value())
				}
				near(t, "parameters", after(value(t)), after(matrix(2, 3, 1, 2, 3, 4, 5, 6)), 1e-12)
			})
		}
	}
}

// What is read goes into the value that the reader holds, if it can hold it, and never in another order.
func TestReadIntoEveryLayout(t *testing.T) {
	for name, value := range layouts {
		if name == "sparse" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			g := G.NewGraph()
			x := G.NewMatrix(g, G.Float64, G.WithShape(2, 3), G.WithName("x"), G.WithValue(matrix(2, 3, 1, 2, 3, 4, 5, 6)))
			var into G.Value = value(t)
			G.Read(G.Must(G.Neg(x)), &into)
			run(t, newVM(t, g))
			wants(t, "what was read", into, -1, -2, -3, -4, -5, -6)
			if fmt.Sprint(into.Shape()) != "(2, 3)" {
				t.Errorf("shape %v", into.Shape())
			}
		})
	}
}

func TestVMRefusesMaskedElements(t *testing.T) {
	g := G.NewGraph()
	v := tensor.New(tensor.WithShape(3), tensor.WithBacking([]float64{1, 2, 3}, []bool{false, true, false}))
	G.Must(G.Sum(G.NewVector(g, G.Float64, G.WithShape(3), G.WithName("holey"), G.WithValue(v))))
	vm, err := graph.NewVM(g, graph.WithDevice(ref.New()))
	if err == nil {
		err = vm.RunAll()
	}
	if err == nil || !strings.Contains(err.Error(), "masked") || !strings.Contains(err.Error(), "holey") {
		t.Errorf("%v; expected an error that names the input and its mask", err)
	}
}
