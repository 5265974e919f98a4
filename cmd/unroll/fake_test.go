package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// pairLM is a language model that is small enough to be obviously right: the logits of the next token are
//
//	W[x_t] + U[x_{t-1}]
//
// with the exact gradient of the mean loss and SGD with momentum. Like a recurrent model it carries a state
// from window to window: the token before.
type pairLM struct {
	c                trainer.LMConfig
	w, u, dw, du     []float32 // V×V; the latter two are velocities
	train, eval      []int32   // B, the token before, or -1
	sample           int32
	steps, evaluated int
	explodeAt        int  // from this step on the loss is NaN
	explodeFor       int  // so many times; 0: 1
	overflow         bool // and it is because of its factor
	onStep           func(step int)
	onEval           func(step int)
	onSave           func()               // and when the weights are read for anything else
	fails            func(step int) error // instead of a step
}

func newPairLM(c trainer.LMConfig) *pairLM {
	n := c.Model.Vocab * c.Model.Vocab
	m := &pairLM{c: c, w: make([]float32, n), u: make([]float32, n), dw: make([]float32, n), du: make([]float32, n)}
	random := rand.New(rand.NewPCG(c.Training.Seed, 1))
	for i := range m.w {
		m.w[i], m.u[i] = 0.01*random.Float32(), 0.01*random.Float32()
	}
	m.train, m.eval = make([]int32, c.Batch), make([]int32, c.Batch)
	m.ResetTrain()
	m.ResetEval()
	m.ResetSample()
	return m
}

func fill(s []int32, x int32) error {
	for i := range s {
		s[i] = x
	}
	return nil
}

func (m *pairLM) Device() string                   { return "fake" }
func (m *pairLM) NonFinite() (string, bool, error) { return "the gradient of w", m.overflow, nil }
func (m *pairLM) Close() error                     { return nil }
func (m *pairLM) ResetTrain() error                { return fill(m.train, -1) }
func (m *pairLM) ResetEval() error                 { return fill(m.eval, -1) }
func (m *pairLM) ResetSample() error               { m.sample = -1; return nil }

func (m *pairLM) logits(x, before int32) []float64 {
	v := m.c.Model.Vocab
	z := make([]float64, v)
	for j := range z {
		z[j] = float64(m.w[int(x)*v+j])
		if before >= 0 {
			z[j] += float64(m.u[int(before)*v+j])
		}
	}
	return z
}

func logSumExp(z []float64) float64 {
	top, sum := slices.Max(z), 0.0
	for _, x := range z {
		sum += math.Exp(x - top)
	}
	return top + math.Log(sum)
}

func (m *pairLM) Train(inputs, targets []int32, _ int, lr float64) (loss, norm float64, err error) {
	m.steps++
	if m.onStep != nil {
		m.onStep(m.steps)
	}
	if m.fails != nil {
		if err := m.fails(m.steps); err != nil {
			return 0, 0, err
		}
	}
	if n := m.steps - m.explodeAt; m.explodeAt > 0 && n >= 0 && n < max(m.explodeFor, 1) {
		return math.NaN(), math.Inf(1), nil
	}
	sgd, _ := m.c.Training.Optimizer.(optim.SGD)
	momentum := float32(sgd.Momentum)
	v, n := m.c.Model.Vocab, float64(len(inputs))
	gw, gu := make([]float64, v*v), make([]float64, v*v)
	for i, x := range inputs {
		before := &m.train[i%m.c.Batch]
		z := m.logits(x, *before)
		lse := logSumExp(z)
		loss += (lse - z[targets[i]]) / n
		for j := range z {
			g := math.Exp(z[j]-lse) / n
			if int32(j) == targets[i] {
				g -= 1 / n
			}
			gw[int(x)*v+j] += g
			if *before >= 0 {
				gu[int(*before)*v+j] += g
			}
		}
		*before = x
	}
	for i := range gw {
		norm += gw[i]*gw[i] + gu[i]*gu[i]
		m.dw[i] = momentum*m.dw[i] + float32(gw[i])
		m.du[i] = momentum*m.du[i] + float32(gu[i])
		m.w[i] -= float32(lr) * m.dw[i]
		m.u[i] -= float32(lr) * m.du[i]
	}
	return loss, math.Sqrt(norm), nil
}

func (m *pairLM) Eval(inputs, targets []int32, mask []float32) (trainer.Sums, error) {
	m.evaluated++
	if m.onEval != nil {
		m.onEval(m.steps)
	}
	var s trainer.Sums
	for i, x := range inputs {
		before := &m.eval[i%m.c.Batch]
		if mask[i] != 0 {
			z := m.logits(x, *before)
			s.NLL += logSumExp(z) - z[targets[i]]
			larger := 0
			for _, y := range z {
				if y > z[targets[i]] {
					larger++
				}
			}
			if larger == 0 {
				s.Correct++
			}
			if larger <= 1 {
				s.Top2++
			}
			s.Count++
		}
		*before = x
	}
	return s, nil
}

func (m *pairLM) Next(token int32) ([]float32, error) {
	z := m.logits(token, m.sample)
	m.sample = token
	out := make([]float32, len(z))
	for i, x := range z {
		out[i] = float32(x)
	}
	return out, nil
}

func (m *pairLM) Params() ([]checkpoint.Tensor, error) {
	if m.onSave != nil {
		m.onSave()
	}
	shape := []int{m.c.Model.Vocab, m.c.Model.Vocab}
	return []checkpoint.Tensor{{Name: "w", Shape: shape, Data: slices.Clone(m.w)},
		{Name: "u", Shape: shape, Data: slices.Clone(m.u)}}, nil
}

func (m *pairLM) TrainState() ([]checkpoint.Tensor, error) {
	shape := []int{m.c.Model.Vocab, m.c.Model.Vocab}
	return []checkpoint.Tensor{
		{Name: "w.velocity", Shape: shape, Data: slices.Clone(m.dw)}, {Name: "u.velocity", Shape: shape, Data: slices.Clone(m.du)},
		{Name: "before", Shape: []int{m.c.Batch}, Data: slices.Clone(m.train)},
	}, nil
}

func (m *pairLM) Load(weights, state []checkpoint.Tensor) error {
	to := map[string]any{"w": m.w, "u": m.u, "w.velocity": m.dw, "u.velocity": m.du, "before": m.train}
	for _, t := range slices.Concat(weights, state) {
		if fmt.Sprint(t.Shape) != fmt.Sprint([]int{m.c.Model.Vocab, m.c.Model.Vocab}) && t.Name != "before" {
			return fmt.Errorf("%q has shape %v, the model wants %v", t.Name, t.Shape, []int{m.c.Model.Vocab, m.c.Model.Vocab})
		}
		switch data := t.Data.(type) {
		case []float32:
			copy(to[t.Name].([]float32), data)
		case []int32:
			copy(to[t.Name].([]int32), data)
		}
	}
	return nil
}
