package lower_test

import (
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/lower"
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
		return G.Must(G.Sum(G.Must(G.Add(G.Must(G.HadamardProd(a, b)), G.Must(G.HadamardProd(G.Must(G.Tanh(a)), G.Must(G.Exp(b))))))))
	}, ""},
	{"the start of a long axis, used once", func(g *graph) *G.Node {
		a := G.Must(G.Slice(g.input(-1, 1, 3, 1000), nil, G.S(0, 100)))
		return G.Must(G.Sum(G.Must(G.Square(G.Must(G.Tanh(a))))))
	}, ""},
	{"softmax and log-softmax", func(g *graph) *G.Node {
		x := g.input(-1, 1, 3, 5)
		return G.Must(G.Sum(G.Must(G.HadamardProd(G.Must(G.SoftMax(x)), G.Must(G.LogSoftMax(x))))))
	}, "LogSoftMax"},
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
	}, "random"},
}

func TestCheckMerged(t *testing.T) {
	for _, m := range merges {
		g := newGraph(G.Float64)
		cost := m.build(g)
		nodes := G.Nodes{cost}
		if m.name != "concat of three" {
			t.Run(m.name+"/forward", func(t *testing.T) { says(t, lower.CheckMerged(lower.Sorted(nodes)), m.says) })
		}
		grads, err := G.Grad(cost, g.inputs...)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, grads...)
		if lost := map[string]bool{"softmax and log-softmax": true, "two dropouts": true}; !lost[m.name] {
			t.Run(m.name+"/gradient", func(t *testing.T) { says(t, lower.CheckMerged(lower.Sorted(nodes)), m.says) })
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
