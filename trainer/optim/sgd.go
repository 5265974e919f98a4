package optim

import (
	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// SGD is gradient descent with momentum μ, as PyTorch's SGD has it:
//
//	m' = μ m + g                      (no m if μ = 0)
//	w' = w - lr m'                    (Polyak, 1964)
//	w' = w - lr (g + μ m')            with Nesterov (Sutskever et al., 2013)
type SGD struct {
	Momentum float64
	Nesterov bool
}

// Check says what is wrong with the settings.
func (o SGD) Check() error {
	if o.Nesterov && o.Momentum == 0 {
		return &setting.Error{Setting: "Momentum", Value: 0.0,
			Want: "greater than 0 with Nesterov, which is nothing without it"}
	}
	return setting.Fraction("Momentum", o.Momentum)
}

// Updates implements Optimizer.
func (o SGD) Updates(b *op.Builder, s *States, params []Param) []graph.Update {
	var us []graph.Update
	for _, p := range params {
		move := p.Grad
		if o.Momentum != 0 {
			m := s.Like("momentum", p.Weight)
			m1 := b.Add(b.Affine(m, o.Momentum, 0), p.Grad)
			us = append(us, graph.Update{State: m, Value: m1})
			move = m1
			if o.Nesterov {
				move = b.Add(p.Grad, b.Affine(m1, o.Momentum, 0))
			}
		}
		us = append(us, graph.Update{State: p.Weight, Value: b.Sub(p.Weight, b.Mul(p.Rate, move))})
	}
	return us
}
