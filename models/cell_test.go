package models_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/models"
)

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// steps are the cells by plain loops: zx and zh are x·W_ihᵀ + b_ih and h·W_hhᵀ + b_hh, gate after gate; states
// are replaced.
var steps = map[string]func(zx, zh []float64, states [][]float64){
	"rnn": func(zx, zh []float64, s [][]float64) {
		for j := range s[0] {
			s[0][j] = math.Tanh(zx[j] + zh[j])
		}
	},
	"gru": func(zx, zh []float64, s [][]float64) {
		n := len(s[0])
		for j, h := range s[0] {
			r, z := sigmoid(zx[j]+zh[j]), sigmoid(zx[n+j]+zh[n+j])
			s[0][j] = (1-z)*math.Tanh(zx[2*n+j]+r*zh[2*n+j]) + z*h
		}
	},
	"lstm": func(zx, zh []float64, s [][]float64) {
		n := len(s[0])
		for j := range s[0] {
			z := func(k int) float64 { return zx[k*n+j] + zh[k*n+j] }
			s[1][j] = sigmoid(z(1))*s[1][j] + sigmoid(z(0))*math.Tanh(z(2))
			s[0][j] = sigmoid(z(3)) * math.Tanh(s[1][j])
		}
	},
}

// TestCells compares layers of each cell with plain loops: dense inputs and tokens, both directions, with and
// without a mask.
func TestCells(t *testing.T) {
	const in, hidden, length, batch = 3, 5, 6, 4
	for kind, step := range steps {
		for _, tokens := range []bool{false, true} {
			for _, reverse := range []bool{false, true} {
				for _, masked := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/tokens=%t/reverse=%t/masked=%t", kind, tokens, reverse, masked), func(t *testing.T) {
						g := G.NewGraph()
						b := op.New(g)
						p := models.NewParams(b, tensor.Float64, 4)
						cell, err := models.CellConfig{Kind: kind}.NewCell(p, in, hidden)
						if err != nil {
							t.Fatal(err)
						}
						r := rand.New(rand.NewPCG(5, 6))
						input := func(name string, draw func() float64, shape ...int) (*G.Node, []float64) {
							v := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(shape...))
							data := v.Data().([]float64)
							for i := range data {
								data[i] = draw()
							}
							return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v)), data
						}
						xs, xData := input("xs", r.NormFloat64, length, batch, in)
						words := make([]int32, length*batch)
						if tokens {
							for i := range words {
								words[i] = int32(r.IntN(in))
							}
							xs = G.NewMatrix(g, tensor.Int32, G.WithShape(length, batch), G.WithName("tokens"),
								G.WithValue(tensor.New(tensor.WithShape(length, batch), tensor.WithBacking(words))))
						}
						mask, maskData := input("mask", func() float64 { return float64(r.IntN(2)) }, length, batch)
						if !masked {
							mask = nil
						}
						var states []*G.Node
						var start [][]float64
						for k := range cell.States() {
							n, data := input(fmt.Sprint("state", k), r.NormFloat64, batch, hidden)
							states, start = append(states, n), append(start, data)
						}
						hs, last := models.Layer{Name: "layer", Cell: cell, Reverse: reverse}.Apply(b,
							models.Input{X: xs, Mask: mask, States: states})
						if b.Err() != nil {
							t.Fatal(b.Err())
						}
						program, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: append(G.Nodes{hs}, last...)})
						if err != nil {
							t.Fatal(err)
						}
						if err := program.Run(); err != nil {
							t.Fatal(err)
						}
						gotHs, gotLast := make([]float64, length*batch*hidden), make([][]float64, len(last))
						if err := program.Get(hs, gotHs); err != nil {
							t.Fatal(err)
						}
						for k, n := range last {
							gotLast[k] = make([]float64, batch*hidden)
							if err := program.Get(n, gotLast[k]); err != nil {
								t.Fatal(err)
							}
						}

						w := p.Nodes()
						for k := range batch {
							now := make([][]float64, len(states))
							for i := range now {
								now[i] = append([]float64{}, start[i][k*hidden:(k+1)*hidden]...)
							}
							for i := range length {
								s := i
								if reverse {
									s = length - 1 - i
								}
								x := xData[(s*batch+k)*in:][:in]
								if tokens {
									x = make([]float64, in)
									x[words[s*batch+k]] = 1
								}
								if !masked || maskData[s*batch+k] != 0 {
									step(linear(w[0], w[2], x), linear(w[1], w[3], now[0]), now)
								}
								for j, want := range now[0] {
									if got := gotHs[(s*batch+k)*hidden+j]; math.Abs(got-want) > 1e-12 {
										t.Fatalf("output %d of step %d of sequence %d is %v, want %v", j, s, k, got, want)
									}
								}
							}
							for i, state := range now {
								for j, want := range state {
									if got := gotLast[i][k*hidden+j]; math.Abs(got-want) > 1e-12 {
										t.Fatalf("last state %d, unit %d of sequence %d is %v, want %v", i, j, k, got, want)
									}
								}
							}
						}
					})
				}
			}
		}
	}
	if len(steps) != len(models.Cells) {
		t.Errorf("%d cells are tested, there are %v", len(steps), models.Cells)
	}
}
