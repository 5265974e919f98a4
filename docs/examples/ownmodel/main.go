// Ownmodel trains a model that is none of package models, with a loss of its own: a vanilla recurrence reads a wave
// and says at every step what comes next.
package main

import (
	"fmt"
	"log"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

const T, B, I, H = 40, 16, 1, 24 // steps, waves in a batch, numbers at a step, hidden size

func main() {
	g := G.NewGraph()
	b := op.New(g)
	p := models.NewParams(b, tensor.Float32, 1) // the seed of the initial weights
	k := 1 / math.Sqrt(H)
	W, U, bias := p.Uniform("W", k, I, H), p.Uniform("U", k, H, H), p.Constant("b", 0, H)
	V := p.Uniform("V", k, H, I)
	xs := G.NewTensor(g, tensor.Float32, 3, G.WithShape(T, B, I), G.WithName("xs"))
	next := G.NewTensor(g, tensor.Float32, 3, G.WithShape(T, B, I), G.WithName("next"))
	h0 := G.NewMatrix(g, tensor.Float32, G.WithShape(B, H), G.WithName("h0")) // inputs that are never set are zero

	run := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{h0}}, func(b *op.Builder, in op.In) op.Out {
		x, h := in.Seqs[0], in.States[0]
		h = b.Tanh(b.Add(b.Add(b.Product(x, W), b.Product(h, U)), bias)) // h' = tanh(x·W + h·U + b)
		return op.Out{States: []*G.Node{h}}
	})
	predicted := b.Product(run.States[0], V)         // T×B×I
	loss := b.Mean(b.Square(b.Sub(predicted, next))) // any scalar
	step, err := optim.NewStep(b, optim.StepConfig{  // differentiates, adds clipping and the optimizer, and compiles
		Loss: loss, Params: p.Nodes(), Optimizer: optim.DefaultAdam, Clip: 1,
	})
	check(err) // among others: a shape that does not fit, with the names of the nodes
	defer step.Close()

	check(step.Set(step.Rate, []float32{0.01}))
	value := make([]float32, 1)
	for i := range 200 {
		now, after := waves(i)
		check(step.Set(xs, now))
		check(step.Set(next, after))
		check(step.Run())
		if (i+1)%50 == 0 {
			check(step.Get(step.Loss, value))
			fmt.Printf("step %d: mean squared error %.4f\n", i+1, value[0])
		}
	}
	u := make([]float32, H*H)
	check(step.Get(U, u)) // a weight as it is now
	fmt.Println("weights of U:", len(u))
}

// waves are sines with phases that depend on the batch, T×B×1, and the same one step later.
func waves(batch int) (now, after []float32) {
	for t := range T {
		for i := range B {
			phase := float64(batch) + float64(i)*2*math.Pi/B
			now = append(now, float32(math.Sin(0.3*float64(t)+phase)))
			after = append(after, float32(math.Sin(0.3*float64(t+1)+phase)))
		}
	}
	return now, after
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
