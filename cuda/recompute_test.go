package cuda_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer"
)

var devices = map[string]func() tape.Device{
	"ref":           func() tape.Device { return ref.New() },
	"cpu":           func() tape.Device { return cpu.New(cpu.Threads(1)) },
	"cpu 3 threads": func() tape.Device { return cpu.New(cpu.Threads(3)) },
	"cuda":          func() tape.Device { return cuda.New(sim.New(sim.Config{})) },
}

// Training that keeps every K-th state only, and computes the rest again, takes the same steps to the bit, on every
// device: of all models, with segments of one step, of several, and with steps left over. But on a GPU the attention of
// a decoder is one kernel, whose sums have an order of their own, and what is in it may be less within segments.
func TestRecompute(t *testing.T) {
	for _, c := range trainings {
		for name, device := range devices {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				for _, k := range []int{1, 2, 3} {
					if k != 2 && name == "cuda" {
						continue
					}
					again := func(c *trainer.Training) { c.Recompute = k }
					tolerance := 0.0
					if name == "cuda" && strings.HasPrefix(c.name, "seq2seq") {
						tolerance = 1e-6 // which instructions are one region depends on the loops around them
					}
					t.Run(fmt.Sprint(k), func(t *testing.T) {
						follows(t, c.open(t, device(), again), c.open(t, device()), 3, tolerance)
					})
				}
			})
		}
	}
}

// What is added up over many rows is added in the same order, whether the rows are there at once or a segment at a
// time, in both types of numbers: segments that chunks of the sums fit into, and others.
func TestRecomputeLongSums(t *testing.T) {
	const steps, batch, hidden = 1030, 8, 6
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for name, device := range devices {
			results := func(k int) [][]float64 {
				b := op.New(G.NewGraph())
				input := func(name string, shape ...int) *G.Node {
					v := make([]float64, tensor.Shape(shape).TotalSize())
					for i := range v {
						v[i] = math.Sin(float64(i)) / 2
					}
					value := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(numbers(dtype, v)))
					return G.NewTensor(b.Graph(), dtype, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(value))
				}
				xs, h0 := input("xs", steps, batch, 2), input("h0", batch, hidden)
				w, u, bias, v := input("W", 2, hidden), input("U", hidden, hidden), input("bias", hidden), input("V", hidden, 40)
				run := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{h0}}, func(b *op.Builder, in op.In) op.Out {
					z := b.Add(b.Add(b.Product(in.Seqs[0], w), b.Product(in.States[0], u)), bias)
					return op.Out{States: []*G.Node{b.Tanh(z)}}
				})
				loss := b.Mean(b.Square(b.Product(run.States[0], v)))
				grads, err := G.Grad(loss, w, u, bias, v, xs, h0)
				if err != nil {
					t.Fatal(err)
				}
				outputs := append(G.Nodes{loss}, grads...)
				p, err := graph.Compile(graph.Config{Device: device(), Outputs: outputs, Recompute: k})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				if err := p.Run(); err != nil {
					t.Fatal(err)
				}
				var all [][]float64
				for _, n := range outputs {
					x := numbers(dtype, make([]float64, n.Shape().TotalSize()))
					if err := p.Get(n, x); err != nil {
						t.Fatal(err)
					}
					all = append(all, doubles(x))
				}
				return all
			}
			want := results(0)
			for _, k := range []int{100, 128} {
				for i, x := range results(k) {
					if !slices.Equal(x, want[i]) {
						t.Errorf("%s, %v: with segments of %d steps output %d differs", name, dtype, k, i)
					}
				}
			}
		}
	}
}

// numbers are v in the type.
func numbers(dtype tensor.Dtype, v []float64) any {
	if dtype == tensor.Float64 {
		return v
	}
	x := make([]float32, len(v))
	for i := range v {
		x[i] = float32(v[i])
	}
	return x
}

// doubles is its reverse.
func doubles(x any) []float64 {
	if x, ok := x.([]float64); ok {
		return x
	}
	var v []float64
	for _, y := range x.([]float32) {
		v = append(v, float64(y))
	}
	return v
}
