package trainer

import (
	"fmt"
	"math"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// line is y = x·w + b with the mean squared error, for a number of examples.
func line(b *op.Builder, p *models.Params, n int) (*Graph, error) {
	w, bias := p.Constant("w", 0, 2, 1), p.Constant("b", 0, 1)
	xs := G.NewMatrix(b.Graph(), tensor.Float32, G.WithShape(n, 2), G.WithName("xs"))
	ys := G.NewMatrix(b.Graph(), tensor.Float32, G.WithShape(n, 1), G.WithName("ys"))
	said := b.Add(b.Product(xs, w), bias)
	return &Graph{Inputs: G.Nodes{xs, ys}, Loss: b.Mean(b.Square(b.Sub(said, ys))), Outputs: G.Nodes{said}}, nil
}

func newLine(t *testing.T, parts int) *Learner[int] {
	t.Helper()
	m, err := NewLearner(LearnerConfig[int]{
		Declare: line, Shape: 2, Training: Training{Optimizer: optim.SGD{Momentum: 0.5}, Accumulate: parts},
		Device: cpu.New(cpu.Threads(1)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// points are n examples of y = 2a - b + 3.
func points(from, n int) []any {
	var xs, ys []float32
	for i := range n {
		a, b := float32(math.Sin(float64(from+i))), float32(math.Cos(float64(3*(from+i))))
		xs, ys = append(xs, a, b), append(ys, 2*a-b+3)
	}
	return []any{xs, ys}
}

func values(ts []graph.Tensor) (all []float32) {
	for _, t := range ts {
		all = append(all, t.Data.([]float32)...)
	}
	return all
}

// A model of one's own learns from batches of several shapes, in parts as in one, and what it computes follows
// its weights.
func TestLearner(t *testing.T) {
	whole, divided := newLine(t, 1), newLine(t, 2)
	first, err := whole.Params()
	if err != nil {
		t.Fatal(err)
	}
	for k := range 200 {
		loss, norm, err := whole.Train(4, k, 0.1, points(4*k, 4))
		if err != nil {
			t.Fatal(err)
		}
		inParts, normInParts, err := divided.Train(2, k, 0.1, points(4*k, 2), points(4*k+2, 2))
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(loss-inParts) > 1e-5*(1+loss) || math.Abs(norm-normInParts) > 1e-5*(1+norm) {
			t.Fatalf("step %d: loss %v and norm %v, in parts %v and %v", k, loss, norm, inParts, normInParts)
		}
	}
	weights, err := whole.Params()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{2, -1, 3} {
		if got := values(weights)[i]; max(got-want, want-got) > 1e-3 {
			t.Errorf("weight %d is %v, want %v", i, got, want)
		}
	}
	loss, outputs, err := whole.Run(3, points(7, 3)...)
	if err != nil || loss > 1e-5 || len(outputs) != 1 || len(outputs[0]) != 3 {
		t.Fatalf("loss %v, outputs %v, %v", loss, outputs, err)
	}
	// Programs that have run take the weights that are loaded.
	if err := whole.Load(first, nil); err != nil {
		t.Fatal(err)
	}
	if loss, _, err = whole.Run(3, points(7, 3)...); err != nil || loss < 1 {
		t.Errorf("with the first weights the loss is %v, %v", loss, err)
	}
}

func TestLearnerRefuses(t *testing.T) {
	m := newLine(t, 1)
	declared := func(declare func(b *op.Builder, p *models.Params, n int) (*Graph, error)) error {
		_, err := NewLearner(LearnerConfig[int]{Declare: declare, Training: Training{Optimizer: optim.SGD{}}})
		return err
	}
	for want, do := range map[string]func() error{
		"Declare is not set": func() error { return declared(nil) },
		"without a loss": func() error {
			return declared(func(*op.Builder, *models.Params, int) (*Graph, error) { return nil, nil })
		},
		"1 values for 2 inputs":      func() error { _, _, err := m.Train(4, 0, 0.1, points(0, 4)[:1]); return err },
		"a batch in 2 parts, want 1": func() error { _, _, err := m.Train(4, 0, 0.1, points(0, 4), points(0, 4)); return err },
		"xs":                         func() error { _, _, err := m.Run(4, points(0, 3)...); return err },
		"without parameters": func() error {
			return declared(func(b *op.Builder, _ *models.Params, _ int) (*Graph, error) {
				return &Graph{Loss: G.NewScalar(b.Graph(), tensor.Float32, G.WithName("x"))}, nil
			})
		},
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A parameter that the loss has no use for is named.
func TestUnusedParameter(t *testing.T) {
	m, err := NewLearner(LearnerConfig[int]{
		Declare: func(b *op.Builder, p *models.Params, n int) (*Graph, error) {
			p.Constant("unused", 0, 2)
			return line(b, p, n)
		},
		Shape: 2, Training: Training{Optimizer: optim.SGD{}}, Device: cpu.New(cpu.Threads(1)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, _, err = m.Train(2, 0, 0.1, points(0, 2))
	if err == nil || !strings.Contains(err.Error(), "the loss does not depend on unused: ") {
		t.Errorf("%v", err)
	}
}

// A model that is closed says so, for shapes that it had programs for and for others, and keeps nothing on the device.
func TestClosed(t *testing.T) {
	m := newLine(t, 1)
	for _, train := range []bool{false, true} {
		if train {
			if _, _, err := m.Train(2, 0, 0.1, points(0, 2)); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := m.Run(2, points(0, 2)...); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	uses := map[string]func() error{
		"Params":     func() error { _, err := m.Params(); return err },
		"TrainState": func() error { _, err := m.TrainState(); return err },
		"NonFinite":  func() error { _, _, err := m.NonFinite(); return err },
	}
	for _, n := range []int{2, 3} {
		uses[fmt.Sprint("Train ", n)] = func() error { _, _, err := m.Train(n, 1, 0.1, points(0, n)); return err }
		uses[fmt.Sprint("Run ", n)] = func() error { _, _, err := m.Run(n, points(0, n)...); return err }
	}
	for name, use := range uses {
		if err := use(); err == nil || !strings.Contains(err.Error(), "the model is closed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(m.programs) != 0 {
		t.Errorf("%d programs are left", len(m.programs))
	}
}
