package graph_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
)

var graphs = flag.Int("graphs", 60, "how many random graphs of TestRandomNets")

// net grows a network of images by random layers, with a BatchNorm at a random place. It stays small, and its numbers
// moderate.
func net(m *stockModel, layers int) *G.Node {
	r := m.rng
	normed := r.IntN(layers)
	x := m.param("x", 2, 1+r.IntN(2), 4+r.IntN(3), 4+r.IntN(3))
	for i := range layers {
		s := x.Shape()
		name := func(what string) string { return fmt.Sprint(what, i) }
		small := min(s[2], s[3]) < 3
		kind := r.IntN(13)
		if i == normed {
			kind = 4
		}
		switch {
		case kind == 0 && !small:
			w := m.param(name("filter"), 1+r.IntN(2), s[1], 2, 2)
			x = G.Must(G.Conv2d(x, w, tensor.Shape{2, 2}, []int{r.IntN(2), r.IntN(2)}, []int{1, 1 + r.IntN(2)}, []int{1, 1}))
		case kind == 1 && !small:
			x = G.Must(G.MaxPool2D(x, tensor.Shape{2, 2}, []int{0, 0}, []int{1 + r.IntN(2), 1}))
		case kind == 2 && !small:
			x = G.Must(G.AveragePool2D(x, tensor.Shape{2, 3}, []int{r.IntN(2), r.IntN(2)}, []int{1, 1 + r.IntN(2)}))
		case kind == 3 && s.TotalSize() < 100:
			x = G.Must(G.Upsample2D(x, 1))
		case kind <= 6:
			c := s[1]
			y, _, _, _, err := G.BatchNorm(x, m.param(name("scale"), 1, c, 1, 1), m.param(name("bias"), 1, c, 1, 1),
				0.9, 0.1*r.Float64()+0.01)
			x = G.Must(y, err)
		case kind == 7 && s[1]%2 == 0:
			x = G.Must(G.GroupNorm(x, m.param(name("gscale"), 1, s[1], 1, 1), m.param(name("gbias"), 1, s[1], 1, 1),
				2, s[1], 0.05))
		case kind == 8:
			x = G.Must(G.SoftMax(x, 1+r.IntN(3)))
		case kind == 9:
			x = G.Must(G.HadamardProd(x, m.param(name("gate"), s...)))
		case kind == 10:
			x = G.Must(G.Add(x, G.Must(G.Sigmoid(x))))
		case kind == 11:
			x = G.Must(G.Softplus(x))
		default:
			x = G.Must(G.Tanh(x))
		}
	}
	return x
}

// ending makes a cost of what a net gives: linear in it, as critics are, or by a softmax over features.
func ending(m *stockModel, x *G.Node) *G.Node {
	if m.rng.IntN(2) == 0 {
		return linear(m, x)
	}
	s := x.Shape()
	flat := G.Must(G.Reshape(x, tensor.Shape{s[0], s.TotalSize() / s[0]}))
	logits := G.Must(G.Mul(flat, m.param("out", flat.Shape()[1], 3)))
	return G.Must(G.Neg(G.Must(G.Mean(G.Must(G.HadamardProd(G.Must(G.LogSoftMax(logits)), m.input("targets", s[0], 3)))))))
}

// Gradients of random networks with normalisation, convolution, pooling and softmax are those of differences, in the
// first run and in one with other values.
func TestRandomNets(t *testing.T) {
	for seed := range *graphs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newStockModel(tensor.Float64, func(m *stockModel) *G.Node {
				m.rng = rand.New(rand.NewPCG(uint64(seed), 1))
				return ending(m, net(m, 2+m.rng.IntN(5)))
			})
			opts := []graph.Option{graph.WithDevice(cpu.New(cpu.Threads(1)))}
			if m.rng.IntN(2) == 0 {
				opts = append(opts, graph.ResultsOnly())
			}
			vm, err := graph.NewVM(m.g, opts...)
			no(t, err)
			defer vm.Close()
			for range 2 {
				run(t, vm)
				got := m.gradients(t)
				for range 12 {
					i := m.rng.IntN(len(got))
					if want := m.difference(t, vm, i); math.Abs(got[i]-want) > 1e-5*max(1, math.Abs(want)) {
						t.Fatalf("derivative %d is %v, by differences %v", i, got[i], want)
					}
				}
				m.perturb()
			}
		})
	}
}
