package lower_test

import (
	"fmt"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ops are graphs of one stock op each. All but those named in forward are differentiated too.
var ops = []struct {
	name  string
	build func(g *graph) *G.Node
}{
	// Elementwise, two arguments: equal shapes, numbers against tensors, vectors against columns.
	{"add", func(g *graph) *G.Node { return G.Must(G.Add(g.input(-1, 1, 3, 5), g.input(-1, 1, 3, 5))) }},
	{"sub", func(g *graph) *G.Node { return G.Must(G.Sub(g.input(-1, 1, 3, 5), g.input(-1, 1, 3, 5))) }},
	{"mul", func(g *graph) *G.Node { return G.Must(G.HadamardProd(g.input(-1, 1, 7), g.input(-1, 1, 7))) }},
	{"div", func(g *graph) *G.Node { return G.Must(G.HadamardDiv(g.input(-1, 1, 2, 3, 5), g.input(1, 2, 2, 3, 5))) }},
	{"pow", func(g *graph) *G.Node { return G.Must(G.Pow(g.input(1, 2, 3, 5), g.input(1, 2, 3, 5))) }},
	{"number + tensor", func(g *graph) *G.Node { return G.Must(G.Add(g.input(-1, 1), g.input(-1, 1, 3, 5))) }},
	{"tensor + number", func(g *graph) *G.Node { return G.Must(G.Add(g.input(-1, 1, 3, 5), g.input(-1, 1))) }},
	{"number - tensor", func(g *graph) *G.Node { return G.Must(G.Sub(g.input(-1, 1), g.input(-1, 1, 3, 5))) }},
	{"tensor - number", func(g *graph) *G.Node { return G.Must(G.Sub(g.input(-1, 1, 3, 5), g.input(-1, 1))) }},
	{"number * tensor", func(g *graph) *G.Node { return G.Must(G.Mul(g.input(-1, 1), g.input(-1, 1, 3, 5))) }},
	{"number / tensor", func(g *graph) *G.Node { return G.Must(G.HadamardDiv(g.input(-1, 1), g.input(1, 2, 5))) }},
	{"tensor / number", func(g *graph) *G.Node { return G.Must(G.HadamardDiv(g.input(-1, 1, 5), g.input(1, 2))) }},
	{"tensor ^ number", func(g *graph) *G.Node { return G.Must(G.Pow(g.input(1, 2, 5), g.input(1, 2))) }},
	{"number + number", func(g *graph) *G.Node { return G.Must(G.Add(g.input(-1, 1), g.input(-1, 1))) }},
	{"number / number", func(g *graph) *G.Node { return G.Must(G.Div(g.input(-1, 1), g.input(1, 2))) }},
	{"number ^ number", func(g *graph) *G.Node { return G.Must(G.Pow(g.input(1, 2), g.input(1, 2))) }},
	{"broadcast row", func(g *graph) *G.Node {
		return G.Must(G.BroadcastAdd(g.input(-1, 1, 3, 5), g.input(-1, 1, 1, 5), nil, []byte{0}))
	}},
	{"broadcast vector", func(g *graph) *G.Node {
		return G.Must(G.BroadcastAdd(g.input(-1, 1, 3, 5), g.input(-1, 1, 5), nil, []byte{0}))
	}},
	{"broadcast column", func(g *graph) *G.Node {
		return G.Must(G.BroadcastHadamardProd(g.input(-1, 1, 3, 1), g.input(-1, 1, 3, 5), []byte{1}, nil))
	}},
	{"broadcast 3d", func(g *graph) *G.Node {
		return G.Must(G.BroadcastSub(g.input(-1, 1, 2, 3, 5), g.input(-1, 1, 2, 1, 5), nil, []byte{1}))
	}},

	// Elementwise, one argument.
	{"abs", unary(G.Abs, -1, 1)},
	{"sin", unary(G.Sin, -3, 3)},
	{"cos", unary(G.Cos, -3, 3)},
	{"exp", unary(G.Exp, -3, 3)},
	{"log", unary(G.Log, 0.1, 3)},
	{"log2", unary(G.Log2, 0.1, 3)},
	{"neg", unary(G.Neg, -1, 1)},
	{"square", unary(G.Square, -1, 1)},
	{"sqrt", unary(G.Sqrt, 0.1, 3)},
	{"inverse", unary(G.Inverse, 0.1, 3)},
	{"inverse sqrt", unary(G.InverseSqrt, 0.1, 3)},
	{"cube", unary(G.Cube, -1, 1)},
	{"tanh", unary(G.Tanh, -3, 3)},
	{"sigmoid", unary(G.Sigmoid, -3, 3)},
	{"log1p", unary(G.Log1p, -0.5, 3)},
	{"expm1", unary(G.Expm1, -1, 1)},
	{"softplus", unary(G.Softplus, -13, 13)},
	{"rectify", unary(G.Rectify, -1, 1)},
	{"leaky", unary(func(n *G.Node) (*G.Node, error) { return G.LeakyRelu(n, 0.1) }, -1, 1)},
	{"mish", unary(G.Mish, -1, 1)},
	{"number abs", number(G.Abs, -1, -0.5)},
	{"number exp", number(G.Exp, -1, 1)},
	{"number tanh", number(G.Tanh, -1, 1)},
	{"number square", number(G.Square, -1, 1)},
	{"1 - sigmoid", unary(func(n *G.Node) (*G.Node, error) { return G.Sub(constant(n, 1), G.Must(G.Sigmoid(n))) }, -1, 1)},
	{"log(1 + exp)", unary(func(n *G.Node) (*G.Node, error) { return G.Log(G.Must(G.Add(constant(n, 1), G.Must(G.Exp(n))))) }, -1, 1)},
	{"binary cross-entropy", func(g *graph) *G.Node { return G.Must(G.BinaryXent(g.input(0.1, 0.9, 3, 5), g.input(0, 1, 3, 5))) }},

	// Products.
	{"matrix * matrix", func(g *graph) *G.Node { return G.Must(G.Mul(g.input(-1, 1, 3, 5), g.input(-1, 1, 5, 7))) }},
	{"matrix * vector", func(g *graph) *G.Node { return G.Must(G.Mul(g.input(-1, 1, 3, 5), g.input(-1, 1, 5))) }},
	{"vector * matrix", func(g *graph) *G.Node { return G.Must(G.Mul(g.input(-1, 1, 3), g.input(-1, 1, 3, 5))) }},
	{"vector * vector", func(g *graph) *G.Node { return G.Must(G.Mul(g.input(-1, 1, 5), g.input(-1, 1, 5))) }},
	{"row * matrix", func(g *graph) *G.Node { return G.Must(G.Mul(g.input(-1, 1, 1, 5), g.input(-1, 1, 5, 3))) }},
	{"batched", func(g *graph) *G.Node {
		return G.Must(G.BatchedMatMul(g.input(-1, 1, 2, 3, 5), g.input(-1, 1, 2, 5, 7)))
	}},
	{"batched transposed", func(g *graph) *G.Node {
		return G.Must(G.BatchedMatMul(g.input(-1, 1, 2, 5, 3), g.input(-1, 1, 2, 7, 5), true, true))
	}},
	{"batched 4d", func(g *graph) *G.Node {
		return G.Must(G.BatchedMatMul(g.input(-1, 1, 2, 3, 4, 5), g.input(-1, 1, 2, 3, 5, 2)))
	}},
	{"tensordot", func(g *graph) *G.Node {
		return G.Must(G.Tensordot([]int{1, 2}, []int{1, 0}, g.input(-1, 1, 2, 3, 5), g.input(-1, 1, 5, 3, 7)))
	}},

	// Reductions.
	{"sum all", func(g *graph) *G.Node { return G.Must(G.Sum(g.input(-1, 1, 3, 5))) }},
	{"sum 0", func(g *graph) *G.Node { return G.Must(G.Sum(g.input(-1, 1, 3, 5), 0)) }},
	{"sum 1", func(g *graph) *G.Node { return G.Must(G.Sum(g.input(-1, 1, 3, 5), 1)) }},
	{"sum vector", func(g *graph) *G.Node { return G.Must(G.Sum(g.input(-1, 1, 7))) }},
	{"sum 3d middle", func(g *graph) *G.Node { return G.Must(G.Sum(g.input(-1, 1, 2, 3, 5), 1)) }},
	{"sum 3d last", func(g *graph) *G.Node { return G.Must(G.Sum(g.input(-1, 1, 2, 3, 5), 2)) }},
	{"sum 3d two", func(g *graph) *G.Node { return G.Must(G.Sum(g.input(-1, 1, 2, 3, 5), 0, 2)) }},
	{"mean", func(g *graph) *G.Node { return G.Must(G.Mean(g.input(-1, 1, 3, 5))) }},
	{"mean 1", func(g *graph) *G.Node { return G.Must(G.Mean(g.input(-1, 1, 3, 5), 1)) }},
	{"max 1", func(g *graph) *G.Node { return G.Must(G.Max(g.input(-1, 1, 3, 5), 1)) }},
	{"max all", func(g *graph) *G.Node { return G.Must(G.Max(g.input(-1, 1, 3, 5))) }},
	{"max 3d", func(g *graph) *G.Node { return G.Must(G.Max(g.input(-1, 1, 2, 3, 5), 1)) }},
	{"norm", func(g *graph) *G.Node { return G.Must(G.Norm(g.input(-1, 1, 3, 5), 1, 2)) }},
	{"softmax", func(g *graph) *G.Node { return G.Must(G.SoftMax(g.input(-1, 1, 3, 5))) }},
	{"softmax 0", func(g *graph) *G.Node { return G.Must(G.SoftMax(g.input(-1, 1, 3, 5), 0)) }},
	{"softmax vector", func(g *graph) *G.Node { return G.Must(G.SoftMax(g.input(-1, 1, 7))) }},
	{"softmax column", func(g *graph) *G.Node { return G.Must(G.SoftMax(g.input(-1, 1, 7, 1))) }},
	{"softmax row", func(g *graph) *G.Node { return G.Must(G.SoftMax(g.input(-1, 1, 1, 7))) }},
	{"softmax 3d middle", func(g *graph) *G.Node { return G.Must(G.SoftMax(g.input(-1, 1, 2, 3, 5), 1)) }},
	{"log softmax", func(g *graph) *G.Node { return G.Must(G.LogSoftMax(g.input(-1, 1, 3, 5))) }},
	{"log softmax 0", func(g *graph) *G.Node { return G.Must(G.LogSoftMax(g.input(-1, 1, 3, 5), 0)) }},
	{"log of softmax", func(g *graph) *G.Node { return G.Must(G.Log(G.Must(G.SoftMax(g.input(-1, 1, 3, 5))))) }},
	{"logsumexp", func(g *graph) *G.Node {
		return G.Must(G.Sum(G.Must(G.Log(G.Must(G.Sum(G.Must(G.Exp(g.input(-1, 1, 3, 5))), 1))))))
	}},

	// Shapes.
	{"reshape", func(g *graph) *G.Node { return G.Must(G.Reshape(g.input(-1, 1, 3, 4), tensor.Shape{2, 6})) }},
	{"transpose", func(g *graph) *G.Node { return G.Must(G.Transpose(g.input(-1, 1, 3, 5))) }},
	{"transpose 3d", func(g *graph) *G.Node { return G.Must(G.Transpose(g.input(-1, 1, 2, 3, 5), 2, 0, 1)) }},
	{"transpose column", func(g *graph) *G.Node { return G.Must(G.Transpose(g.input(-1, 1, 3, 1))) }},
	{"slice rows", func(g *graph) *G.Node { return G.Must(G.Slice(g.input(-1, 1, 5, 3), G.S(1, 4))) }},
	{"slice row", func(g *graph) *G.Node { return G.Must(G.Slice(g.input(-1, 1, 5, 3), G.S(2))) }},
	{"slice columns", func(g *graph) *G.Node { return G.Must(G.Slice(g.input(-1, 1, 3, 5), nil, G.S(1, 3))) }},
	{"slice column", func(g *graph) *G.Node { return G.Must(G.Slice(g.input(-1, 1, 3, 5), nil, G.S(4))) }},
	{"slice both", func(g *graph) *G.Node { return G.Must(G.Slice(g.input(-1, 1, 3, 5), G.S(0, 2), G.S(1, 4))) }},
	{"slice vector", func(g *graph) *G.Node { return G.Must(G.Slice(g.input(-1, 1, 7), G.S(2, 5))) }},
	{"slice element", func(g *graph) *G.Node { return G.Must(G.Slice(g.input(-1, 1, 7), G.S(2))) }},
	{"slice 3d", func(g *graph) *G.Node { return G.Must(G.Slice(g.input(-1, 1, 4, 3, 5), G.S(1))) }},
	{"slice 3d last", func(g *graph) *G.Node { return G.Must(G.Slice(g.input(-1, 1, 4, 3, 5), nil, nil, G.S(1, 3))) }},
	{"concat 0", func(g *graph) *G.Node { return G.Must(G.Concat(0, g.input(-1, 1, 2, 3), g.input(-1, 1, 4, 3))) }},
	{"concat 1", func(g *graph) *G.Node { return G.Must(G.Concat(1, g.input(-1, 1, 3, 2), g.input(-1, 1, 3, 4))) }},
	{"concat three", func(g *graph) *G.Node {
		return G.Must(G.Concat(1, g.input(-1, 1, 3, 2), g.input(-1, 1, 3, 1), g.input(-1, 1, 3, 4)))
	}},
	{"concat vectors", func(g *graph) *G.Node { return G.Must(G.Concat(0, g.input(-1, 1, 3), g.input(-1, 1, 5))) }},
	{"concat 3d", func(g *graph) *G.Node { return G.Must(G.Concat(2, g.input(-1, 1, 2, 3, 5), g.input(-1, 1, 2, 3, 4))) }},
	{"rows", func(g *graph) *G.Node { return G.Must(G.ByIndices(g.input(-1, 1, 5, 3), g.index(4, 0, 4, 2), 0)) }},
	{"rows of a vector", func(g *graph) *G.Node { return G.Must(G.ByIndices(g.input(-1, 1, 5), g.index(4, 0, 2), 0)) }},
	{"rows 3d", func(g *graph) *G.Node { return G.Must(G.ByIndices(g.input(-1, 1, 5, 2, 3), g.index(4, 0, 4, 2), 0)) }},
	{"columns by index", func(g *graph) *G.Node { return G.Must(G.ByIndices(g.input(-1, 1, 3, 5), g.index(4, 0, 2), 1)) }},
}

func unary(f func(*G.Node) (*G.Node, error), from, to float64) func(*graph) *G.Node {
	return func(g *graph) *G.Node { return G.Must(f(g.input(from, to, 3, 5))) }
}

func number(f func(*G.Node) (*G.Node, error), from, to float64) func(*graph) *G.Node {
	return func(g *graph) *G.Node { return G.Must(f(g.input(from, to))) }
}

func constant(like *G.Node, x float64) *G.Node {
	if like.Dtype() == tensor.Float32 {
		return G.NewConstant(float32(x))
	}
	return G.NewConstant(x)
}

func (g *graph) index(xs ...int) *G.Node {
	name := fmt.Sprintf("index%d", len(g.AllNodes()))
	return G.NewVector(g.ExprGraph, tensor.Int, G.WithShape(len(xs)), G.WithName(name),
		G.WithValue(tensor.New(tensor.WithBacking(xs))))
}

var dtypes = []tensor.Dtype{tensor.Float64, tensor.Float32}

func TestOps(t *testing.T) {
	for _, op := range ops {
		for _, dtype := range dtypes {
			t.Run(op.name+"/"+dtype.String(), func(t *testing.T) {
				g := newGraph(dtype)
				compare(t, g, op.build(g))
			})
		}
	}
}

// repaired are ops of which Gorgonia's derivative is not that of the value; package graph tests ours against
// differences.
var repaired = []string{"log2", "inverse sqrt", "softmax column", "rows of a vector", "columns by index"}

func TestGradients(t *testing.T) {
	for _, op := range ops {
		if slices.Contains(repaired, op.name) {
			continue
		}
		for _, dtype := range dtypes {
			t.Run(op.name+"/"+dtype.String(), func(t *testing.T) {
				g := newGraph(dtype)
				cost := g.weighted(op.build(g))
				grads, err := G.Grad(cost, g.inputs...)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, g, append(grads, cost)...)
			})
		}
	}
}
