package lower_test

import (
	"fmt"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/lower"
)

// lstm is one step of an LSTM whose gates are slices of one product, as many programs write it.
func lstm(g *graph, hidden int) (cost *G.Node) {
	x, h, c := g.input(-1, 1, 3, 5), g.input(-1, 1, 3, hidden), g.input(-1, 1, 3, hidden)
	w, u := g.input(-0.1, 0.1, 5, 4*hidden), g.input(-0.1, 0.1, hidden, 4*hidden)
	z := G.Must(G.Add(G.Must(G.Mul(x, w)), G.Must(G.Mul(h, u))))
	gate := func(k int) *G.Node { return G.Must(G.Slice(z, nil, G.S(k*hidden, (k+1)*hidden))) }
	i, f := G.Must(G.Sigmoid(gate(0))), G.Must(G.Sigmoid(gate(1)))
	o, candidate := G.Must(G.Sigmoid(gate(2))), G.Must(G.Tanh(gate(3)))
	c = G.Must(G.Add(G.Must(G.HadamardProd(f, c)), G.Must(G.HadamardProd(i, candidate))))
	return G.Must(G.Sum(G.Must(G.HadamardProd(o, G.Must(G.Tanh(c))))))
}

// gru slices both of its products.
func gru(g *graph, hidden int) (cost *G.Node) {
	x, h := g.input(-1, 1, 3, 5), g.input(-1, 1, 3, hidden)
	zx, zh := G.Must(G.Mul(x, g.input(-1, 1, 5, 3*hidden))), G.Must(G.Mul(h, g.input(-1, 1, hidden, 3*hidden)))
	gate := func(z *G.Node, k int) *G.Node { return G.Must(G.Slice(z, nil, G.S(k*hidden, (k+1)*hidden))) }
	r := G.Must(G.Sigmoid(G.Must(G.Add(gate(zx, 0), gate(zh, 0)))))
	u := G.Must(G.Sigmoid(G.Must(G.Add(gate(zx, 1), gate(zh, 1)))))
	n := G.Must(G.Tanh(G.Must(G.Add(gate(zx, 2), G.Must(G.HadamardProd(r, gate(zh, 2)))))))
	return G.Must(G.Sum(G.Must(G.Add(n, G.Must(G.HadamardProd(u, G.Must(G.Sub(h, n))))))))
}

// rnn reads the given time steps of one input, T×I.
func rnn(g *graph, T int, steps []int) (cost *G.Node) {
	x := g.input(-1, 1, T, 4)
	w, u := g.input(-1, 1, 4, 3), g.input(-1, 1, 3, 3)
	h := g.input(-1, 1, 3)
	for _, t := range steps {
		xt := G.Must(G.Slice(x, G.S(t)))
		h = G.Must(G.Tanh(G.Must(G.Add(G.Must(G.Mul(xt, w)), G.Must(G.Mul(h, u))))))
	}
	return G.Must(G.Sum(h))
}

func upTo(n int) []int {
	ts := make([]int, n)
	for i := range ts {
		ts[i] = i
	}
	return ts
}

var merges = []struct {
	name  string
	build func(g *graph) (cost *G.Node)
	says  string // in the error; empty: there is none
}{
	{"lstm 32", func(g *graph) *G.Node { return lstm(g, 32) }, ""},
	{"lstm 64", func(g *graph) *G.Node { return lstm(g, 64) }, ""},
	{"lstm 127", func(g *graph) *G.Node { return lstm(g, 127) }, ""},
	{"lstm 128", func(g *graph) *G.Node { return lstm(g, 128) }, "Split"},
	{"lstm 256", func(g *graph) *G.Node { return lstm(g, 256) }, "Split"},
	{"lstm 512", func(g *graph) *G.Node { return lstm(g, 512) }, "Split"},
	{"gru 128", func(g *graph) *G.Node { return gru(g, 128) }, "Split"},
	{"gru 100", func(g *graph) *G.Node { return gru(g, 100) }, ""},
	{"gru 256", func(g *graph) *G.Node { return gru(g, 256) }, "Split"},
	{"rnn of 250 steps", func(g *graph) *G.Node { return rnn(g, 250, upTo(250)) }, ""},
	{"rnn of 300 steps", func(g *graph) *G.Node { return rnn(g, 300, upTo(300)) }, "Slice"},
	{"rnn of steps 3 and 259", func(g *graph) *G.Node { return rnn(g, 300, []int{3, 259}) }, "3:4"},
	{"rnn of 300 steps, the last used", func(g *graph) *G.Node { return rnn(g, 300, []int{299}) }, ""},
	{"concat of three", func(g *graph) *G.Node { // the derivative slices
		a, b, c := g.input(-1, 1, 3, 128), g.input(-1, 1, 3, 128), g.input(-1, 1, 3, 128)
		return g.weighted(G.Must(G.Concat(1, a, b, c)))
	}, "Slice"},
	{"concat of two", func(g *graph) *G.Node {
		return g.weighted(G.Must(G.Concat(1, g.input(-1, 1, 3, 128), g.input(-1, 1, 3, 128))))
	}, ""},
	{"a small slice used twice", func(g *graph) *G.Node {
		s := G.Must(G.Slice(g.input(-1, 1, 3, 10), nil, G.S(0, 4)))
		return G.Must(G.Sum(G.Must(G.HadamardProd(G.Must(G.Tanh(s)), G.Must(G.Exp(s))))))
	}, ""},
	{"a small slice asked for twice", func(g *graph) *G.Node {
		x := g.input(-1, 1, 3, 10)
		s := func() *G.Node { return G.Must(G.Slice(x, nil, G.S(0, 4))) }
		return G.Must(G.Sum(G.Must(G.HadamardProd(G.Must(G.Tanh(s())), G.Must(G.Exp(s()))))))
	}, ""},
	{"halves of a long axis, each used twice", func(g *graph) *G.Node {
		x := g.input(-1, 1, 3, 1000)
		a, b := G.Must(G.Slice(x, nil, G.S(0, 500))), G.Must(G.Slice(x, nil, G.S(500, 1000)))
		return G.Must(G.Sum(G.Must(G.Add(G.Must(G.HadamardProd(a, b)),
			G.Must(G.HadamardProd(G.Must(G.Tanh(a)), G.Must(G.Exp(b))))))))
	}, ""},
	{"the start of a long axis, used once", func(g *graph) *G.Node {
		a := G.Must(G.Slice(g.input(-1, 1, 3, 1000), nil, G.S(0, 100)))
		return G.Must(G.Sum(G.Must(G.Square(G.Must(G.Tanh(a))))))
	}, ""},
	{"softmax times log-softmax", func(g *graph) *G.Node {
		x := g.input(-1, 1, 3, 5)
		return G.Must(G.Sum(G.Must(G.HadamardProd(G.Must(G.SoftMax(x)), G.Must(G.LogSoftMax(x))))))
	}, "LogSoftMax"},
	{"log-softmax times softmax", func(g *graph) *G.Node {
		x := g.input(-1, 1, 3, 5)
		return G.Must(G.Sum(G.Must(G.HadamardProd(G.Must(G.LogSoftMax(x)), G.Must(G.SoftMax(x))))))
	}, "LogSoftMax"},
	{"a softmax times its log", func(g *graph) *G.Node {
		p := G.Must(G.SoftMax(g.input(-1, 1, 3, 5)))
		return G.Must(G.Sum(G.Must(G.HadamardProd(p, G.Must(G.Log(p))))))
	}, "LogSoftMax"},
	{"the square of a softmax", func(g *graph) *G.Node {
		return G.Must(G.Sum(G.Must(G.Square(G.Must(G.SoftMax(g.input(-1, 1, 3, 5)))))))
	}, ""},
	{"softmaxes along two axes", func(g *graph) *G.Node {
		x := g.input(-1, 1, 3, 5)
		return G.Must(G.Sum(G.Must(G.HadamardProd(G.Must(G.SoftMax(x, 0)), G.Must(G.SoftMax(x, 1))))))
	}, ""},
	{"sparsemaxes along two axes", func(g *graph) *G.Node {
		x := g.input(-1, 1, 3, 5)
		return g.weighted(G.Must(G.Sub(G.Must(G.Sparsemax(x, 0)), G.Must(G.Sparsemax(x, 1)))))
	}, "axis"},
	{"sparsemaxes of a vector", func(g *graph) *G.Node {
		x := g.input(-1, 1, 5)
		return g.weighted(G.Must(G.Add(G.Must(G.Sparsemax(x)), G.Must(G.Sparsemax(x)))))
	}, ""},
	{"one sparsemax", func(g *graph) *G.Node { return g.weighted(G.Must(G.Sparsemax(g.input(-1, 1, 3, 5), 1))) }, ""},
	{"batch norms of two epsilons", func(g *graph) *G.Node {
		x, s, b := g.input(-1, 1, 4, 2, 1, 2), g.input(1, 2, 1, 2, 1, 1), g.input(-1, 1, 1, 2, 1, 1)
		return g.weighted(G.Must(G.Sub(batchNorm(x, s, b, 1e-5), batchNorm(x, s, b, 0.04))))
	}, "epsilon"},
	{"batch norms of two epsilons, scales and biases", func(g *graph) *G.Node {
		x := g.input(-1, 1, 4, 2, 1, 2)
		norm := func(epsilon float64) *G.Node {
			return batchNorm(x, g.input(1, 2, 1, 2, 1, 1), g.input(-1, 1, 1, 2, 1, 1), epsilon)
		}
		return g.weighted(G.Must(G.Sub(norm(1e-5), norm(0.04))))
	}, "epsilon"},
	{"one batch norm, used twice", func(g *graph) *G.Node {
		y := batchNorm(g.input(-1, 1, 4, 2, 1, 2), g.input(1, 2, 1, 2, 1, 1), g.input(-1, 1, 1, 2, 1, 1), 1e-5)
		return g.weighted(G.Must(G.Add(G.Must(G.Tanh(y)), G.Must(G.Exp(y)))))
	}, ""},
	{"batch norms of two inputs", func(g *graph) *G.Node {
		s, b := g.input(1, 2, 1, 2, 1, 1), g.input(-1, 1, 1, 2, 1, 1)
		return g.weighted(G.Must(G.Add(batchNorm(g.input(-1, 1, 4, 2, 1, 2), s, b, 1e-5),
			batchNorm(g.input(-1, 1, 4, 2, 1, 2), s, b, 1e-5))))
	}, ""},
	{"group norms of two epsilons", func(g *graph) *G.Node {
		x, s, b := g.input(-1, 1, 2, 4, 1, 2), g.input(1, 2, 1, 4, 1, 1), g.input(-1, 1, 1, 4, 1, 1)
		norm := func(epsilon float64) *G.Node { return G.Must(G.GroupNorm(x, s, b, 2, 4, epsilon)) }
		return g.weighted(G.Must(G.Sub(norm(1e-5), norm(0.04))))
	}, "epsilon"},
	{"one group norm", func(g *graph) *G.Node {
		x, s, b := g.input(-1, 1, 2, 4, 1, 2), g.input(1, 2, 1, 4, 1, 1), g.input(-1, 1, 1, 4, 1, 1)
		return g.weighted(G.Must(G.GroupNorm(x, s, b, 2, 4, 1e-5)))
	}, ""},
	{"CTC losses of two reductions", func(g *graph) *G.Node {
		x := g.input(-1, 1, 4, 2, 3)
		loss := ctc(g, x)
		return G.Must(G.Add(loss(G.ReductionMean), loss(G.ReductionSum)))
	}, "reduction"},
	{"one CTC loss, used twice", func(g *graph) *G.Node {
		loss := ctc(g, g.input(-1, 1, 4, 2, 3))(G.ReductionSum)
		return G.Must(G.Add(loss, G.Must(G.Square(loss))))
	}, ""},
	{"convolutions of two dilations, of one shape", func(g *graph) *G.Node {
		x := g.input(-1, 1, 1, 1, 6, 6)
		return g.weighted(G.Must(G.Sub(conv(g, x, 2, 3, 1), conv(g, x, 2, 3, 2))))
	}, "dilation"},
	{"convolutions of two dilations, of two shapes", func(g *graph) *G.Node {
		x := g.input(-1, 1, 1, 1, 6, 6)
		return G.Must(G.Add(G.Must(G.Sum(conv(g, x, 2, 1, 1))), G.Must(G.Mean(conv(g, x, 2, 1, 2)))))
	}, ""},
	{"two filters on one image", func(g *graph) *G.Node {
		x := g.input(-1, 1, 1, 1, 6, 6)
		return g.weighted(G.Must(G.Sub(conv(g, x, 3, 2, 1), conv(g, x, 3, 2, 1))))
	}, ""},
	{"two filters of 1x1 with a stride", func(g *graph) *G.Node {
		x := g.input(-1, 1, 1, 1, 6, 6)
		return g.weighted(G.Must(G.Sub(conv(g, x, 1, 3, 1), conv(g, x, 1, 3, 1))))
	}, ""},
	{"large tables that differ in the middle", func(g *graph) *G.Node {
		table := func(x float64) *G.Node {
			xs := make([]float64, 900)
			xs[444] = x
			return G.NewConstant(g.value(xs, 30, 30))
		}
		x := g.input(-1, 1, 30, 30)
		sum := G.Must(G.Sum(G.Must(G.HadamardProd(x, table(1)))))
		return G.Must(G.Sub(sum, G.Must(G.Sum(G.Must(G.HadamardProd(x, table(2)))))))
	}, "table"},
	{"large tables that differ in the middle and have names", func(g *graph) *G.Node {
		table := func(x float64) *G.Node {
			xs := make([]float64, 900)
			xs[444] = x
			return G.NewConstant(g.value(xs, 30, 30), G.WithName(fmt.Sprint("table", x)))
		}
		x := g.input(-1, 1, 30, 30)
		sum := G.Must(G.Sum(G.Must(G.HadamardProd(x, table(1)))))
		return G.Must(G.Sub(sum, G.Must(G.Sum(G.Must(G.HadamardProd(x, table(2)))))))
	}, ""},
	{"a large table, used once", func(g *graph) *G.Node {
		return G.Must(G.Sum(G.Must(G.HadamardProd(g.input(-1, 1, 30, 30),
			G.NewConstant(g.value(make([]float64, 900), 30, 30))))))
	}, ""},
	{"softmax used twice", func(g *graph) *G.Node {
		y := G.Must(G.SoftMax(g.input(-1, 1, 3, 5)))
		return G.Must(G.Sum(G.Must(G.HadamardProd(y, G.Must(G.Tanh(y))))))
	}, ""},
	{"two dropouts", func(g *graph) *G.Node {
		x := g.input(-1, 1, 3, 5)
		return G.Must(G.Sum(G.Must(G.HadamardProd(G.Must(G.Dropout(x, 0.1)), G.Must(G.Dropout(x, 0.5))))))
	}, "Dropout"},
	{"inputs of one name", func(g *graph) *G.Node {
		a := G.NewMatrix(g.ExprGraph, g.dtype, G.WithShape(3, 5), G.WithName("w"))
		b := G.NewMatrix(g.ExprGraph, g.dtype, G.WithShape(3, 5), G.WithName("w"))
		g.inputs = append(g.inputs, a)
		return G.Must(G.Sum(G.Must(G.HadamardProd(a, b))))
	}, `"w"`},
	{"inputs of one name and two shapes", func(g *graph) *G.Node {
		a := G.NewMatrix(g.ExprGraph, g.dtype, G.WithShape(3, 5), G.WithName("w"))
		b := G.NewMatrix(g.ExprGraph, g.dtype, G.WithShape(5, 3), G.WithName("w"))
		g.inputs = append(g.inputs, a, b)
		return G.Must(G.Sum(G.Must(G.Mul(a, b))))
	}, ""},
	{"random nodes of one distribution", func(g *graph) *G.Node {
		x := g.input(-1, 1, 3, 5)
		a, b := G.UniformRandomNode(g.ExprGraph, g.dtype, 0, 1, 3, 5), G.UniformRandomNode(g.ExprGraph, g.dtype, 0, 1, 3, 5)
		return G.Must(G.Sum(G.Must(G.HadamardProd(x, G.Must(G.Add(a, b))))))
	}, "distribution"},
}

func batchNorm(x, scale, bias *G.Node, epsilon float64) *G.Node {
	y, _, _, _, err := G.BatchNorm(x, scale, bias, 0.9, epsilon)
	return G.Must(y, err)
}

func ctc(g *graph, x *G.Node) func(G.Reduction) *G.Node {
	targets, steps, lengths := g.index(1, 2), g.index(4, 4), g.index(1, 1)
	return func(r G.Reduction) *G.Node { return G.Must(G.CTCLoss(x, targets, steps, lengths, r)) }
}

// conv is a convolution of one channel with a filter of its own.
func conv(g *graph, x *G.Node, kernel, stride, dilation int) *G.Node {
	w := g.input(-1, 1, 1, 1, kernel, kernel)
	return G.Must(G.Conv2d(x, w, tensor.Shape{kernel, kernel}, []int{0, 0}, []int{stride, stride},
		[]int{dilation, dilation}))
}

func TestCheckMerged(t *testing.T) {
	for _, m := range merges {
		g := newGraph(G.Float64)
		cost := m.build(g)
		nodes := G.Nodes{cost}
		if m.name != "concat of three" {
			t.Run(m.name+"/forward", func(t *testing.T) { says(t, lower.CheckMerged(lower.Sorted(nodes), nil), m.says) })
		}
		grads, err := G.Grad(cost, g.inputs...)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, grads...)
		// Grad has overwritten the traces of these.
		lost := map[string]bool{"two dropouts": true, "CTC losses of two reductions": true,
			"large tables that differ in the middle": true}
		if !lost[m.name] {
			t.Run(m.name+"/gradient", func(t *testing.T) { says(t, lower.CheckMerged(lower.Sorted(nodes), nil), m.says) })
		}
	}
}

func says(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && err == nil:
		t.Error("not refused")
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("%v; expected it to speak of %q", err, want)
	}
}
