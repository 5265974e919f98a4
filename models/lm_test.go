package models_test

import (
	"fmt"
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/models"
)

// numbers is the initial value of a parameter.
func numbers(n *G.Node) []float64 {
	switch data := n.Value().Data().(type) {
	case []float64:
		return data
	case []float32:
		xs := make([]float64, len(data))
		for i, x := range data {
			xs[i] = float64(x)
		}
		return xs
	}
	panic("a parameter is made of floats")
}

// linear is x·Wᵀ + b by plain loops.
func linear(w, b *G.Node, x []float64) []float64 {
	y, weights := append([]float64{}, numbers(b)...), numbers(w)
	for i := range y {
		for j := range x {
			y[i] += weights[i*len(x)+j] * x[j]
		}
	}
	return y
}

// TestLM compares the logits with plain loops over the equations, for one-hot inputs and for embeddings.
func TestLM(t *testing.T) {
	const vocab, hidden, layers, steps, batch = 5, 4, 2, 6, 3
	for _, embed := range []int{0, 3} {
		b := op.New(G.NewGraph())
		m, err := models.NewLM(models.NewParams(b, tensor.Float32, 9),
			models.LMConfig{Vocab: vocab, Cell: models.CellConfig{Kind: "rnn"}, Hidden: hidden, Layers: layers, Embed: embed})
		if err != nil {
			t.Fatal(err)
		}
		params := map[string]*G.Node{}
		for _, n := range m.Params.Nodes() {
			params[n.Name()] = n
		}
		tokens := make([]int32, steps*batch)
		for i := range tokens {
			tokens[i] = int32(i * i % vocab)
		}
		in := G.NewMatrix(b.Graph(), tensor.Int32, G.WithShape(steps, batch), G.WithName("tokens"),
			G.WithValue(tensor.New(tensor.WithShape(steps, batch), tensor.WithBacking(tokens))))
		logits, last := m.Logits(b, models.Input{X: in, States: m.States(b, batch)})
		if b.Err() != nil {
			t.Fatal(b.Err())
		}
		p, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: append(G.Nodes{logits}, last...)})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, steps*batch*vocab)
		if err := p.Get(logits, got); err != nil {
			t.Fatal(err)
		}
		for k := range batch {
			h := [layers][]float64{make([]float64, hidden), make([]float64, hidden)}
			for s := range steps {
				x := make([]float64, vocab)
				token := int(tokens[s*batch+k])
				x[token] = 1
				if embed > 0 {
					x = make([]float64, embed)
					for j := range x {
						x[j] = numbers(params["embedding.weight"])[token*embed+j]
					}
				}
				for l := range layers {
					name := func(what string) *G.Node { return params[fmt.Sprintf("rnn.%s_l%d", what, l)] }
					zx, zh := linear(name("weight_ih"), name("bias_ih"), x), linear(name("weight_hh"), name("bias_hh"), h[l])
					x = make([]float64, hidden)
					for j := range x {
						x[j] = math.Tanh(zx[j] + zh[j])
					}
					h[l] = x
				}
				for j, want := range linear(params["output.weight"], params["output.bias"], x) {
					if g := float64(got[(s*batch+k)*vocab+j]); math.Abs(g-want) > 1e-5 {
						t.Fatalf("embedding of %d: logit %d of step %d of sequence %d is %v, want %v", embed, j, s, k, g, want)
					}
				}
			}
			for l, n := range last {
				final := make([]float32, batch*hidden)
				if err := p.Get(n, final); err != nil {
					t.Fatal(err)
				}
				for j, want := range h[l] {
					if g := float64(final[k*hidden+j]); math.Abs(g-want) > 1e-5 {
						t.Fatalf("embedding of %d: last state of layer %d, sequence %d, unit %d is %v, want %v", embed, l, k, j, g, want)
					}
				}
			}
		}
	}
}

// Weights can be moved to and from PyTorch: names, shapes and the ranges of the initial values are nn.RNN's and
// nn.Linear's.
func TestParameters(t *testing.T) {
	b := op.New(G.NewGraph())
	m, err := models.NewLM(models.NewParams(b, tensor.Float32, 1),
		models.LMConfig{Vocab: 11, Cell: models.CellConfig{Kind: "rnn"}, Hidden: 64, Layers: 2})
	if err != nil {
		t.Fatal(err)
	}
	bound := 1 / math.Sqrt(64)
	want := []struct {
		name  string
		shape tensor.Shape
	}{
		{"rnn.weight_ih_l0", tensor.Shape{64, 11}}, {"rnn.weight_hh_l0", tensor.Shape{64, 64}},
		{"rnn.bias_ih_l0", tensor.Shape{64}}, {"rnn.bias_hh_l0", tensor.Shape{64}},
		{"rnn.weight_ih_l1", tensor.Shape{64, 64}}, {"rnn.weight_hh_l1", tensor.Shape{64, 64}},
		{"rnn.bias_ih_l1", tensor.Shape{64}}, {"rnn.bias_hh_l1", tensor.Shape{64}},
		{"output.weight", tensor.Shape{11, 64}}, {"output.bias", tensor.Shape{11}},
	}
	nodes := m.Params.Nodes()
	if len(nodes) != len(want) {
		t.Fatalf("%d parameters, want %d", len(nodes), len(want))
	}
	for i, n := range nodes {
		if n.Name() != want[i].name || !n.Shape().Eq(want[i].shape) {
			t.Errorf("parameter %d is %s %v, want %s %v", i, n.Name(), n.Shape(), want[i].name, want[i].shape)
		}
		least, most := math.Inf(1), math.Inf(-1)
		for _, x := range numbers(n) {
			least, most = min(least, x), max(most, x)
		}
		if least < -bound || most > bound || most-least < bound {
			t.Errorf("%s lies in [%g, %g], want it spread over [-%g, %g]", n.Name(), least, most, bound, bound)
		}
	}
}
