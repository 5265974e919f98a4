package graph_test

import (
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// differentiable are graphs of one op of Gorgonia's each, whose derivative must be that of the value.
var differentiable = map[string]func(m *stockModel) *G.Node{
	"add":     two(G.Add),
	"sub":     two(G.Sub),
	"product": two(G.HadamardProd),
	"quotient": func(m *stockModel) *G.Node {
		return G.Must(G.HadamardDiv(m.param("x", 3, 4), m.positive("y", 3, 4)))
	},
	"power":            func(m *stockModel) *G.Node { return G.Must(G.Pow(m.positive("x", 3, 4), m.param("y", 3, 4))) },
	"min":              two(G.MinBetween),
	"max":              two(G.MaxBetween),
	"abs":              one(G.Abs),
	"sin":              one(G.Sin),
	"cos":              one(G.Cos),
	"exp":              one(G.Exp),
	"log":              positive(G.Log),
	"log2":             positive(G.Log2),
	"log2 of a number": func(m *stockModel) *G.Node { return G.Must(G.Log2(m.positive("x"))) },
	"log2 of log2": positive(func(x *G.Node) (*G.Node, error) {
		return G.Log2(G.Must(G.Add(G.Must(G.Square(G.Must(G.Log2(x)))), x)))
	}),
	"neg":                 one(G.Neg),
	"square":              one(G.Square),
	"sqrt":                positive(G.Sqrt),
	"inverse":             positive(G.Inverse),
	"inverse sqrt":        positive(G.InverseSqrt),
	"inverse sqrt, twice": positive(func(x *G.Node) (*G.Node, error) { return G.InverseSqrt(G.Must(G.InverseSqrt(x))) }),
	"inverse sqrt of a number": func(m *stockModel) *G.Node {
		return G.Must(G.InverseSqrt(m.positive("x")))
	},
	"cube":          one(G.Cube),
	"tanh":          one(G.Tanh),
	"sigmoid":       one(G.Sigmoid),
	"log1p":         one(G.Log1p),
	"expm1":         one(G.Expm1),
	"softplus":      one(G.Softplus),
	"rectify":       one(G.Rectify),
	"mish":          one(G.Mish),
	"leaky":         one(func(x *G.Node) (*G.Node, error) { return G.LeakyRelu(x, 0.1) }),
	"log sigmoid":   one(func(x *G.Node) (*G.Node, error) { return G.Log(G.Must(G.Sigmoid(x))) }),
	"norm":          one(func(x *G.Node) (*G.Node, error) { return G.Norm(x, 1, 2) }),
	"sum":           one(func(x *G.Node) (*G.Node, error) { return G.Sum(x, 1) }),
	"sum of 3d":     func(m *stockModel) *G.Node { return G.Must(G.Sum(m.param("x", 2, 3, 4), 0, 2)) },
	"mean":          one(func(x *G.Node) (*G.Node, error) { return G.Mean(x, 0) }),
	"max of rows":   one(func(x *G.Node) (*G.Node, error) { return G.Max(x, 1) }),
	"max of all":    one(func(x *G.Node) (*G.Node, error) { return G.Max(x) }),
	"softmax":       one(func(x *G.Node) (*G.Node, error) { return G.SoftMax(x) }),
	"softmax 0":     one(func(x *G.Node) (*G.Node, error) { return G.SoftMax(x, 0) }),
	"log softmax 0": one(func(x *G.Node) (*G.Node, error) { return G.LogSoftMax(x, 0) }),
	"softmax of a column": func(m *stockModel) *G.Node {
		return G.Must(G.SoftMax(m.param("x", 4, 1)))
	},
	"log softmax of a column": func(m *stockModel) *G.Node { return G.Must(G.LogSoftMax(m.param("x", 4, 1))) },
	"softmax of a row":        func(m *stockModel) *G.Node { return G.Must(G.SoftMax(m.param("x", 1, 4))) },
	"softmax of 3d":           func(m *stockModel) *G.Node { return G.Must(G.SoftMax(m.param("x", 2, 3, 4), 1)) },
	"sparsemax":               one(func(x *G.Node) (*G.Node, error) { return G.Sparsemax(x) }),
	"sparsemax 0":             one(func(x *G.Node) (*G.Node, error) { return G.Sparsemax(x, 0) }),
	"sparsemax of a vector":   func(m *stockModel) *G.Node { return G.Must(G.Sparsemax(m.param("x", 5))) },

	"matrices":       func(m *stockModel) *G.Node { return G.Must(G.Mul(m.param("x", 3, 4), m.param("y", 4, 2))) },
	"matrix, vector": func(m *stockModel) *G.Node { return G.Must(G.Mul(m.param("x", 3, 4), m.param("y", 4))) },
	"vector, matrix": func(m *stockModel) *G.Node { return G.Must(G.Mul(m.param("x", 3), m.param("y", 3, 2))) },
	"vectors":        func(m *stockModel) *G.Node { return G.Must(G.Mul(m.param("x", 3), m.param("y", 3))) },
	"batched":        batched(false, false),
	"batched, left":  batched(true, false),
	"batched, right": batched(false, true),
	"batched, both":  batched(true, true),
	"tensordot": func(m *stockModel) *G.Node {
		return G.Must(G.Tensordot([]int{1}, []int{0}, m.param("x", 3, 4), m.param("y", 4, 2)))
	},
	"tensordot of two": func(m *stockModel) *G.Node {
		return G.Must(G.Tensordot([]int{1, 2}, []int{1, 0}, m.param("x", 2, 3, 4), m.param("y", 4, 3, 2)))
	},

	"rows by index": func(m *stockModel) *G.Node {
		return G.Must(G.ByIndices(m.param("x", 4, 3), m.indices(2, 0, 2), 0))
	},
	"columns by index": func(m *stockModel) *G.Node {
		return G.Must(G.ByIndices(m.param("x", 3, 4), m.indices(2, 0, 2), 1))
	},
	"vector by index": func(m *stockModel) *G.Node { return G.Must(G.ByIndices(m.param("x", 4), m.indices(2, 0, 2), 0)) },
	"3d by index": func(m *stockModel) *G.Node {
		return G.Must(G.ByIndices(m.param("x", 2, 4, 3), m.indices(2, 0, 2), 1))
	},
	"3d by index, last": func(m *stockModel) *G.Node {
		return G.Must(G.ByIndices(m.param("x", 2, 3, 4), m.indices(2, 0, 2), 2))
	},
	"index of one":   func(m *stockModel) *G.Node { return G.Must(G.ByIndices(m.param("x", 1, 3), m.indices(0, 0), 0)) },
	"slice":          one(func(x *G.Node) (*G.Node, error) { return G.Slice(x, nil, G.S(1, 3)) }),
	"slice of a row": one(func(x *G.Node) (*G.Node, error) { return G.Slice(x, G.S(1)) }),
	"slice, strided": one(func(x *G.Node) (*G.Node, error) { return G.Slice(x, nil, G.S(0, 4, 2)) }),
	"concat":         two(func(x, y *G.Node) (*G.Node, error) { return G.Concat(1, x, y, x) }),
	"reshape":        one(func(x *G.Node) (*G.Node, error) { return G.Reshape(x, tensor.Shape{2, 6}) }),
	"transpose":      func(m *stockModel) *G.Node { return G.Must(G.Transpose(m.param("x", 2, 3, 4), 2, 0, 1)) },
	"broadcast": func(m *stockModel) *G.Node {
		return G.Must(G.BroadcastAdd(m.param("x", 3, 4), m.param("y", 1, 4), nil, []byte{0}))
	},

	"convolution": func(m *stockModel) *G.Node {
		return G.Must(G.Conv2d(m.param("x", 2, 2, 4, 5), m.param("w", 3, 2, 2, 2),
			tensor.Shape{2, 2}, []int{1, 0}, []int{1, 2}, []int{1, 1}))
	},
	"convolution, dilated": func(m *stockModel) *G.Node {
		return G.Must(G.Conv2d(m.param("x", 1, 1, 5, 5), m.param("w", 1, 1, 2, 2),
			tensor.Shape{2, 2}, []int{0, 0}, []int{1, 1}, []int{2, 2}))
	},
	"max pool":               pool(G.MaxPool2D, []int{2, 2}, []int{0, 0}, []int{2, 2}),
	"max pool, overlapping":  pool(G.MaxPool2D, []int{3, 2}, []int{1, 1}, []int{1, 1}),
	"mean pool":              pool(G.AveragePool2D, []int{2, 2}, []int{0, 0}, []int{2, 2}),
	"mean pool, overlapping": pool(G.AveragePool2D, []int{3, 2}, []int{0, 0}, []int{1, 1}),
	"mean pool, padded":      pool(G.AveragePool2D, []int{2, 3}, []int{1, 1}, []int{2, 1}),
	"upsample":               func(m *stockModel) *G.Node { return G.Must(G.Upsample2D(m.param("x", 2, 1, 2, 3), 2)) },
	"batch norm":             func(m *stockModel) *G.Node { return batchNorm(m, m.param("x", 3, 2, 2, 2)) },
	"batch norm of rows":     func(m *stockModel) *G.Node { return batchNorm1d(m, m.param("x", 4, 3)) },
	"group norm":             func(m *stockModel) *G.Node { return groupNorm(m, m.param("x", 2, 4, 2, 2)) },
	"CTC loss":               ctc,
	"dropout of nothing":     one(func(x *G.Node) (*G.Node, error) { return G.Dropout(x, 0) }),
	"conversion": one(func(x *G.Node) (*G.Node, error) {
		return G.KeepDims(x, false, func(x *G.Node) (*G.Node, error) { return G.Sum(x, 0) })
	}),
	"binary cross-entropy": func(m *stockModel) *G.Node {
		return G.Must(G.BinaryXent(G.Must(G.Sigmoid(m.param("x", 3, 4))), m.input("y", 3, 4)))
	},
	"number times tensor":   func(m *stockModel) *G.Node { return G.Must(G.Mul(m.positive("x"), m.param("y", 3, 4))) },
	"a softmax and its log": func(m *stockModel) *G.Node { return G.Must(G.Log(G.Must(G.SoftMax(m.param("x", 3, 4))))) },
	"log-sum-exp, by hand":  one(func(x *G.Node) (*G.Node, error) { return G.Log(G.Must(G.Sum(G.Must(G.Exp(x)), 1))) }),
	"two users of one tensor": one(func(x *G.Node) (*G.Node, error) {
		return G.Add(G.Must(G.Log2(G.Must(G.Add(G.Must(G.Square(x)), G.NewConstant(1.0))))), x)
	}),
}

func one(f func(*G.Node) (*G.Node, error)) func(*stockModel) *G.Node {
	return func(m *stockModel) *G.Node { return G.Must(f(m.param("x", 3, 4))) }
}

func two(f func(x, y *G.Node) (*G.Node, error)) func(*stockModel) *G.Node {
	return func(m *stockModel) *G.Node { return G.Must(f(m.param("x", 3, 4), m.param("y", 3, 4))) }
}

func positive(f func(*G.Node) (*G.Node, error)) func(*stockModel) *G.Node {
	return func(m *stockModel) *G.Node { return G.Must(f(m.positive("x", 3, 4))) }
}

// positive is exp of a parameter.
func (m *stockModel) positive(name string, shape ...int) *G.Node {
	return G.Must(G.Exp(m.param(name, shape...)))
}

func (m *stockModel) indices(xs ...int) *G.Node {
	return G.NewVector(m.g, tensor.Int, G.WithShape(len(xs)), G.WithName("indices"),
		G.WithValue(tensor.New(tensor.WithBacking(xs))))
}

func batched(left, right bool) func(*stockModel) *G.Node {
	return func(m *stockModel) *G.Node {
		a, b := []int{2, 3, 4}, []int{2, 4, 5}
		if left {
			a = []int{2, 4, 3}
		}
		if right {
			b = []int{2, 5, 4}
		}
		return G.Must(G.BatchedMatMul(m.param("x", a...), m.param("y", b...), left, right))
	}
}

func pool(
	f func(*G.Node, tensor.Shape, []int, []int) (*G.Node, error), kernel, pad, stride []int,
) func(*stockModel) *G.Node {
	return func(m *stockModel) *G.Node { return G.Must(f(m.param("x", 2, 2, 5, 6), kernel, pad, stride)) }
}

func TestDerivativesAreThoseOfTheValues(t *testing.T) {
	for name, build := range differentiable {
		t.Run(name, func(t *testing.T) {
			m := newStockModel(tensor.Float64, func(m *stockModel) *G.Node { return linear(m, build(m)) })
			vm := newVM(t, m.g)
			for range 2 {
				run(t, vm)
				got := m.gradients(t)
				near(t, "gradient", got, m.differences(t, vm), 1e-6)
				m.perturb()
			}
		})
	}
}
