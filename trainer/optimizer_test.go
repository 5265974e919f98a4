package trainer

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
)

// The loss is Σ a_i (w_i - t_i)², whose gradient 2 a_i (w_i - t_i) the test knows without a graph.
var (
	scales  = []float64{1, 0.1, 3, 0.5, 7}
	targets = []float64{0.3, -2, 1, 4, 0}
	start   = []float64{1, 1, -1, 2, 0.5}
)

func gradient(w []float64) []float64 {
	g := make([]float64, len(w))
	for i := range w {
		g[i] = 2 * scales[i] * (w[i] - targets[i])
	}
	return g
}

// trajectory runs an optimizer as graph expressions, in float64 on the reference device, and returns the weights after each step.
func trajectory(t *testing.T, o Optimizer, clip, rate float64, steps int) (weights [][]float64, norms []float64) {
	t.Helper()
	g := G.NewGraph()
	b := op.New(g)
	vector := func(name string, v []float64) *G.Node {
		return G.NewVector(g, G.Float64, G.WithShape(len(v)), G.WithName(name),
			G.WithValue(tensor.New(tensor.WithShape(len(v)), tensor.WithBacking(append([]float64{}, v...)))))
	}
	w := vector("w", start)
	loss := b.Sum(b.Mul(vector("a", scales), b.Square(b.Sub(w, vector("t", targets)))))
	s, err := NewStep(b, StepConfig{Device: ref.New(), Loss: loss, Params: G.Nodes{w}, Optimizer: o, Clip: clip})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range steps {
		if err := set(s.Program, s.Rate, []float64{rate}); err != nil {
			t.Fatal(err)
		}
		if err := s.Run(); err != nil {
			t.Fatal(err)
		}
		now, norm := make([]float64, len(start)), make([]float64, 1)
		if err := s.Get(w, now); err != nil {
			t.Fatal(err)
		}
		if err := s.Get(s.Norm, norm); err != nil {
			t.Fatal(err)
		}
		weights, norms = append(weights, now), append(norms, norm[0])
	}
	return weights, norms
}

// TestOptimizers compares each optimizer with a plain loop over its formula.
func TestOptimizers(t *testing.T) {
	const rate, steps = 0.05, 7
	type state struct{ m, v []float64 }
	for name, c := range map[string]struct {
		o    Optimizer
		clip float64
		move func(w, g []float64, s *state, t int)
	}{
		"sgd": {SGD{}, 0, func(w, g []float64, _ *state, _ int) {
			for i := range w {
				w[i] -= rate * g[i]
			}
		}},
		"sgd with momentum": {SGD{Momentum: 0.9}, 0, func(w, g []float64, s *state, _ int) {
			for i := range w {
				s.m[i] = 0.9*s.m[i] + g[i]
				w[i] -= rate * s.m[i]
			}
		}},
		"sgd, clipped": {SGD{}, 2, func(w, g []float64, _ *state, _ int) {
			for i := range w {
				w[i] -= rate * g[i]
			}
		}},
		"adam": {DefaultAdam, 0, func(w, g []float64, s *state, t int) {
			for i := range w {
				s.m[i] = 0.9*s.m[i] + 0.1*g[i]
				s.v[i] = 0.999*s.v[i] + 0.001*g[i]*g[i]
				m, v := s.m[i]/(1-math.Pow(0.9, float64(t))), s.v[i]/(1-math.Pow(0.999, float64(t)))
				w[i] -= rate * m / (math.Sqrt(v) + 1e-8)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, norms := trajectory(t, c.o, c.clip, rate, steps)
			w, s := append([]float64{}, start...), &state{make([]float64, len(start)), make([]float64, len(start))}
			for k := range steps {
				g := gradient(w)
				norm := 0.0
				for _, x := range g {
					norm += x * x
				}
				norm = math.Sqrt(norm)
				if math.Abs(norms[k]-norm) > 1e-12*norm {
					t.Errorf("step %d: norm %v, want %v", k, norms[k], norm)
				}
				if scale := c.clip / (norm + 1e-6); c.clip > 0 && scale < 1 {
					for i := range g {
						g[i] *= scale
					}
				}
				c.move(w, g, s, k+1)
				for i := range w {
					if math.Abs(got[k][i]-w[i]) > 1e-12 {
						t.Fatalf("step %d: weight %d is %v, want %v", k, i, got[k][i], w[i])
					}
				}
			}
		})
	}
}

// A second loss in one graph is refused: Gorgonia would train it with the derivative of the first.
func TestStepRefusesSecondLoss(t *testing.T) {
	g := G.NewGraph()
	b := op.New(g)
	w := G.NewVector(g, G.Float64, G.WithShape(3), G.WithName("w"))
	h := b.Tanh(w)
	for i, loss := range []*G.Node{b.Sum(b.Square(h)), b.Sum(b.Sin(h))} {
		s, err := NewStep(b, StepConfig{Device: ref.New(), Loss: loss, Params: G.Nodes{w}, Optimizer: SGD{}})
		if refused := err != nil; refused != (i == 1) {
			t.Errorf("loss %d: %v", i, err)
		}
		if s != nil {
			s.Close()
		}
	}
}
