package optim

import (
	"math"
	"strings"
	"testing"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// square is a step that makes w² small.
func square() (*op.Builder, StepConfig) {
	b := op.New(G.NewGraph())
	w := G.NewVector(b.Graph(), G.Float32, G.WithShape(2), G.WithName("w"))
	return b, StepConfig{Loss: b.Mean(b.Square(w)), Params: G.Nodes{w}, Optimizer: SGD{}}
}

// A setting that cannot be is an error that names it, before any work.
func TestNewStepRefuses(t *testing.T) {
	for want, change := range map[string]func(b *op.Builder, c *StepConfig){
		"Loss":      func(_ *op.Builder, c *StepConfig) { c.Loss = nil },
		"Params":    func(_ *op.Builder, c *StepConfig) { c.Params = nil },
		"Params[1]": func(_ *op.Builder, c *StepConfig) { c.Params = append(c.Params, nil) },
		"Optimizer": func(_ *op.Builder, c *StepConfig) { c.Optimizer = nil },
		"Epsilon":   func(_ *op.Builder, c *StepConfig) { c.Optimizer = Adam{} },
		"Beta1":     func(_ *op.Builder, c *StepConfig) { c.Optimizer = Adam{Beta1: 1, Beta2: 0.9, Epsilon: 1} },
		"Beta2":     func(_ *op.Builder, c *StepConfig) { c.Optimizer = Adam{Beta1: 0.9, Beta2: math.NaN(), Epsilon: 1} },
		"Momentum":  func(_ *op.Builder, c *StepConfig) { c.Optimizer = SGD{Nesterov: true} },
		"Alpha":     func(_ *op.Builder, c *StepConfig) { c.Optimizer = RMSProp{Alpha: -1, Epsilon: 1} },
		"Of":        func(_ *op.Builder, c *StepConfig) { c.Optimizer = Groups{Optimizer: SGD{}} },
		"Decay": func(_ *op.Builder, c *StepConfig) {
			c.Optimizer = Groups{SGD{}, func(*G.Node) Group { return Group{Rate: 1, Decay: -1} }}
		},
		"Clip":          func(_ *op.Builder, c *StepConfig) { c.Clip = -1 },
		"ClipValue":     func(_ *op.Builder, c *StepConfig) { c.ClipValue = math.Inf(1) },
		"Average":       func(_ *op.Builder, c *StepConfig) { c.Average = 1 },
		"Scaling.From":  func(_ *op.Builder, c *StepConfig) { c.Scaling = LossScaling{From: -1, Every: 1} },
		"Scaling.Every": func(_ *op.Builder, c *StepConfig) { c.Scaling = LossScaling{From: 2} },
		"Carried[0]":    func(_ *op.Builder, c *StepConfig) { c.Carried = []graph.Update{{}} },
	} {
		b, c := square()
		change(b, &c)
		_, err := NewStep(b, c)
		var wrong *setting.Error
		if !errors.As(err, &wrong) || wrong.Setting != want {
			t.Errorf("error is %v, want one about %s", err, want)
		}
	}
	for want, change := range map[string]func(b *op.Builder, c *StepConfig){
		"is a parameter twice":    func(_ *op.Builder, c *StepConfig) { c.Params = append(c.Params, c.Params[0]) },
		"must be a scalar of the": func(b *op.Builder, c *StepConfig) { c.Loss = b.Square(c.Params[0]) },
		"no parameter":            func(_ *op.Builder, c *StepConfig) { c.Params = G.Nodes{c.Loss} },
		"weight w[2] must be a":   func(_ *op.Builder, c *StepConfig) { c.Weight = c.Params[0] },
	} {
		b, c := square()
		change(b, &c)
		if _, err := NewStep(b, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
}

// A learning rate that was never set is an error, and not a rate of 0, with which nothing would be learned.
func TestRateMustBeSet(t *testing.T) {
	b, c := square()
	s, err := NewStep(b, c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(); err == nil || !strings.Contains(err.Error(), "learning rate was not set") {
		t.Errorf("error is %v", err)
	}
	if err := s.Set(s.Rate, []float32{0}); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(); err != nil {
		t.Error(err)
	}
}
