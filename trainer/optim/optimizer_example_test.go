package optim_test

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// line fits y = slope x + offset to three points on a line, in so many steps.
func line(o optim.Optimizer, schedule optim.Schedule, steps int) error {
	b := op.New(G.NewGraph())
	vector := func(name string, xs ...float32) *G.Node {
		return G.NewVector(b.Graph(), tensor.Float32, G.WithShape(len(xs)), G.WithName(name),
			G.WithValue(tensor.New(tensor.WithShape(len(xs)), tensor.WithBacking(xs))))
	}
	slope, offset := vector("slope", 0), vector("offset", 0)
	xs, ys := vector("xs", -1, 0, 1), vector("ys", -1, 1, 3)
	loss := b.Mean(b.Square(b.Sub(b.Add(b.Mul(slope, xs), offset), ys)))
	step, err := optim.NewStep(b, optim.StepConfig{Device: cpu.New(), Loss: loss, Params: G.Nodes{slope, offset},
		Optimizer: o})
	if err != nil {
		return err
	}
	defer step.Close()
	for k := range steps {
		if err := step.Set(step.Rate, []float32{float32(0.5 * schedule(k))}); err != nil {
			return err
		}
		if err := step.Run(); err != nil {
			return err
		}
	}
	w := make([]float32, 1)
	for _, n := range (G.Nodes{slope, offset}) {
		if err := step.Get(n, w); err != nil {
			return err
		}
		fmt.Printf("%s %.2f\n", n.Name(), w[0])
	}
	return nil
}

// Parameters with learning rates and weight decay of their own, by their names, and a learning rate that falls.
func ExampleGroups() {
	adamW := optim.Groups{
		Optimizer: optim.DefaultAdam,
		Of: func(param *G.Node) optim.Group {
			if param.Name() == "offset" {
				return optim.Group{Rate: 0.5}
			}
			return optim.Group{Rate: 1, Decay: 0.001}
		},
	}
	if err := line(adamW, optim.Warmup(10, optim.Cosine(190, 0.01)), 200); err != nil {
		fmt.Println(err)
	}
	// Output:
	// slope 2.00
	// offset 1.00
}

// signs moves each weight by the learning rate, whatever the size of its gradient.
type signs struct{}

func (signs) Updates(b *op.Builder, _ *optim.States, params []optim.Param) (us []graph.Update) {
	for _, p := range params {
		us = append(us, graph.Update{State: p.Weight, Value: b.Sub(p.Weight, b.Mul(p.Rate, b.Sign(p.Grad)))})
	}
	return us
}

// An optimizer of one's own is a formula.
func ExampleOptimizer() {
	if err := line(signs{}, optim.Linear(100, 0), 100); err != nil {
		fmt.Println(err)
	}
	// Output:
	// slope 2.00
	// offset 1.00
}
