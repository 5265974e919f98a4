package graph_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/ref"
)

// integers of every type that Gorgonia computes with.
var integers = map[tensor.Dtype][2]any{
	tensor.Int:    {[]int{1, 2, 3, 4}, []int{2, 3, 4, 5}},
	tensor.Int64:  {[]int64{1, 2, 3, 4}, []int64{2, 3, 4, 5}},
	tensor.Int32:  {[]int32{1, 2, 3, 4}, []int32{2, 3, 4, 5}},
	tensor.Int16:  {[]int16{1, 2, 3, 4}, []int16{2, 3, 4, 5}},
	tensor.Int8:   {[]int8{1, 2, 3, 4}, []int8{2, 3, 4, 5}},
	tensor.Uint8:  {[]uint8{1, 2, 3, 4}, []uint8{2, 3, 4, 5}},
	tensor.Uint16: {[]uint16{1, 2, 3, 4}, []uint16{2, 3, 4, 5}},
	tensor.Uint32: {[]uint32{1, 2, 3, 4}, []uint32{2, 3, 4, 5}},
	tensor.Uint64: {[]uint64{1, 2, 3, 4}, []uint64{2, 3, 4, 5}},
}

func TestVMIntegers(t *testing.T) {
	for d, xs := range integers {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			g := G.NewGraph()
			in := func(name string, data any) *G.Node {
				v := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking(data))
				return G.NewMatrix(g, d, G.WithShape(2, 2), G.WithName(name), G.WithValue(v))
			}
			x, y := in("x", xs[0]), in("y", xs[1])
			sum, product := G.Must(G.Add(x, y)), G.Must(G.HadamardProd(x, y))
			moved := G.Must(G.Concat(0, G.Must(G.Transpose(x)), G.Must(G.Slice(y, G.S(0, 2)))))
			less := G.Must(G.Lt(x, y, false))
			run(t, newVM(t, g, graph.WithOutputs(sum, product, moved, less)))
			wants(t, "sum", sum.Value(), 3, 5, 7, 9)
			wants(t, "product", product.Value(), 2, 6, 12, 20)
			wants(t, "moved", moved.Value(), 1, 3, 2, 4, 2, 3, 4, 5)
			wants(t, "less", less.Value(), 1, 1, 1, 1)
			if got := reflect.TypeOf(sum.Value().Data()); got != reflect.SliceOf(d.Type) {
				t.Errorf("the sum is %v", got)
			}
		})
	}
}

// Numbers that this VM cannot hold are errors, never other numbers.
func TestVMIntegersThatDoNotFit(t *testing.T) {
	one := func(g *G.ExprGraph, d tensor.Dtype, data any) *G.Node {
		return G.NewVector(g, d, G.WithShape(1), G.WithName("big"),
			G.WithValue(tensor.New(tensor.WithShape(1), tensor.WithBacking(data))))
	}
	twice := func(x *G.Node) *G.Node { return G.Must(G.Add(x, x)) }
	for name, build := range map[string]func(g *G.ExprGraph) *G.Node{
		"int64":  func(g *G.ExprGraph) *G.Node { return twice(one(g, tensor.Int64, []int64{1 << 40})) },
		"int":    func(g *G.ExprGraph) *G.Node { return twice(one(g, tensor.Int, []int{-1 << 40})) },
		"uint32": func(g *G.ExprGraph) *G.Node { return twice(one(g, tensor.Uint32, []uint32{1 << 31})) },
		"uint64": func(g *G.ExprGraph) *G.Node { return twice(one(g, tensor.Uint64, []uint64{1<<64 - 1})) },
		"product of int": func(g *G.ExprGraph) *G.Node {
			x := one(g, tensor.Int, []int{100000})
			return G.Must(G.HadamardProd(x, x))
		},
		"float64 to int": func(g *G.ExprGraph) *G.Node {
			return G.Must(G.ConvType(one(g, tensor.Float64, []float64{3e9}), tensor.Float64, tensor.Int))
		},
	} {
		g := G.NewGraph()
		build(g)
		vm, err := graph.NewVM(g, graph.WithDevice(ref.New()))
		if err == nil {
			err = vm.RunAll()
		}
		if err == nil || !strings.Contains(err.Error(), "does not fit into int32") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVMOtherTypes(t *testing.T) {
	for _, d := range []tensor.Dtype{tensor.Complex128, tensor.Complex64, tensor.String} {
		g := G.NewGraph()
		G.Must(G.Reshape(G.NewVector(g, d, G.WithShape(2), G.WithName("odd")), tensor.Shape{2, 1}))
		if _, err := graph.NewVM(g); err == nil || !strings.Contains(err.Error(), "not supported") {
			t.Errorf("%v: %v", d, err)
		}
	}
}
