package optim

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// optimGolden is what testdata/optim.py wrote.
type optimGolden struct {
	Start, Scales, Targets [2]json.RawMessage // the matrix, 2×3, and the bias, 3
	Scores                 []float64
	Optimizers             map[string][]struct {
		Rate, Norm float64
		Weights    []float64 // after the step
	}
	Schedules map[string][]float64
	Rows      struct {
		Start      []float64 // 5×2
		Index      [][]int32 // by step
		Optimizers map[string][][]float64
	}
}

func readOptim(t *testing.T) *optimGolden {
	t.Helper()
	data, err := os.ReadFile("testdata/optim.json")
	if err != nil {
		t.Fatal(err)
	}
	g := &optimGolden{}
	if err := json.Unmarshal(data, g); err != nil {
		t.Fatal(err)
	}
	return g
}

// pair declares the matrix and the bias with values of the golden file.
func pair(t *testing.T, b *op.Builder, name string, values [2]json.RawMessage) G.Nodes {
	t.Helper()
	var matrix [][]float64
	var bias []float64
	if err := json.Unmarshal(values[0], &matrix); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(values[1], &bias); err != nil {
		t.Fatal(err)
	}
	declare := func(name string, data []float64, shape ...int) *G.Node {
		return G.NewTensor(b.Graph(), G.Float64, len(shape), G.WithShape(shape...), G.WithName(name),
			G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))))
	}
	return G.Nodes{declare(name+".weight", slices.Concat(matrix...), 2, 3), declare(name+".bias", bias, 3)}
}

// optimLoss declares the parameters of the golden file and their loss, Σ a (w - t)².
func optimLoss(t *testing.T, b *op.Builder, g *optimGolden) (loss *G.Node, params G.Nodes) {
	params = pair(t, b, "w", g.Start)
	a, targets := pair(t, b, "a", g.Scales), pair(t, b, "t", g.Targets)
	var sums G.Nodes
	for i, w := range params {
		sums = append(sums, b.Sum(b.Mul(a[i], b.Square(b.Sub(w, targets[i])))))
	}
	return b.Add(sums[0], sums[1]), params
}

// TestOptimizers compares optimizers, clipping, groups and rates that change with PyTorch's, in float64, on
// both devices.
func TestOptimizers(t *testing.T) {
	golden := readOptim(t)
	faster := func(w *G.Node) Group {
		if w.Name() == "w.bias" {
			return Group{Rate: 3, Decay: 0.2}
		}
		return Group{Rate: 1, Decay: 0.1}
	}
	momentum := DefaultRMSProp
	momentum.Momentum = 0.9
	centered, both := DefaultRMSProp, momentum
	centered.Centered, both.Centered = true, true
	configs := map[string]StepConfig{
		"sgd":                       {Optimizer: SGD{}},
		"momentum":                  {Optimizer: SGD{Momentum: 0.9}},
		"nesterov":                  {Optimizer: SGD{Momentum: 0.9, Nesterov: true}},
		"adam":                      {Optimizer: DefaultAdam},
		"adagrad":                   {Optimizer: DefaultAdagrad},
		"rmsprop":                   {Optimizer: DefaultRMSProp},
		"rmsprop momentum":          {Optimizer: momentum},
		"rmsprop centered":          {Optimizer: centered},
		"rmsprop centered momentum": {Optimizer: both},
		"adamw":                     {Optimizer: Decoupled(DefaultAdam, 0.1)},
		"adam l2":                   {Optimizer: Regularized(DefaultAdam, 0.1)},
		"sgd l2":                    {Optimizer: Regularized(SGD{Momentum: 0.9}, 0.1)},
		"groups":                    {Optimizer: Groups{DefaultAdam, faster}},
		"clip":                      {Optimizer: SGD{}, Clip: 2},
		"clip value":                {Optimizer: SGD{}, ClipValue: 0.7},
		"scheduled":                 {Optimizer: DefaultAdam},
	}
	if len(configs) != len(golden.Optimizers) {
		t.Errorf("%d optimizers, %d golden ones", len(configs), len(golden.Optimizers))
	}
	for name, c := range configs {
		for _, device := range []tape.Device{ref.New(), cpu.New()} {
			b := op.New(G.NewGraph())
			c.Device = device
			c.Loss, c.Params = optimLoss(t, b, golden)
			s, err := NewStep(b, c)
			if err != nil {
				t.Fatal(err)
			}
			if len(golden.Optimizers[name]) == 0 {
				t.Fatalf("no golden %s", name)
			}
			for k, want := range golden.Optimizers[name] {
				var norm [1]float64
				weight, bias := make([]float64, 6), make([]float64, 3)
				if err := errors.Join(s.Set(s.Rate, []float64{want.Rate}), s.Run(), s.Get(s.Norm, norm[:]),
					s.Get(c.Params[0], weight), s.Get(c.Params[1], bias)); err != nil {
					t.Fatal(err)
				}
				if math.Abs(norm[0]-want.Norm) > 1e-12*want.Norm {
					t.Errorf("%s on %s, step %d: norm %v, want %v", name, device.Name(), k, norm[0], want.Norm)
				}
				for i, w := range append(weight, bias...) {
					if math.Abs(w-want.Weights[i]) > 1e-12*max(1, math.Abs(want.Weights[i])) {
						t.Fatalf("%s on %s, step %d: weight %d is %v, want %v", name, device.Name(), k, i, w, want.Weights[i])
					}
				}
			}
			s.Close()
		}
	}
}

// Of gradients that are always the same, the variance of the centered RMSProp is 0 but for rounding, whose root
// is no number.
func TestCenteredRMSPropOfEqualGradients(t *testing.T) {
	b := op.New(G.NewGraph())
	w, slope := pair(t, b, "w", readOptim(t).Start)[0], pair(t, b, "slope", readOptim(t).Scales)[0]
	s, err := NewStep(b, StepConfig{
		Device: ref.New(), Loss: b.Sum(b.Mul(slope, w)), Params: G.Nodes{w},
		Optimizer: RMSProp{Alpha: 0.7, Epsilon: 1e-8, Centered: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := make([]float64, 6)
	for k := range 300 {
		if err := errors.Join(s.Set(s.Rate, []float64{1e-9}), s.Run(), s.Get(w, now)); err != nil {
			t.Fatal(err)
		}
		for i, x := range now {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Fatalf("step %d: weight %d is %v", k, i, x)
			}
		}
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
