package optim

import (
	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// Adagrad is the optimizer of Duchi et al. (2011), with a diagonal matrix, as PyTorch's Adagrad has it:
//
//	v' = v + g²
//	w' = w - lr g / (√v' + ε)
type Adagrad struct{ Epsilon float64 }

// DefaultAdagrad has PyTorch's constant.
var DefaultAdagrad = Adagrad{Epsilon: 1e-10}

// Check says what is wrong with the settings.
func (o Adagrad) Check() error { return setting.Positive("Epsilon", o.Epsilon) }

// Updates implements Optimizer.
func (o Adagrad) Updates(b *op.Builder, s *States, params []Param) []graph.Update {
	var us []graph.Update
	for _, p := range params {
		v := s.Like("adagrad/v", p.Weight)
		v1 := b.Add(v, b.Mul(p.Grad, p.Grad))
		step := b.Div(p.Grad, b.Affine(b.Sqrt(v1), 1, o.Epsilon))
		us = append(us,
			graph.Update{State: v, Value: v1},
			graph.Update{State: p.Weight, Value: b.Sub(p.Weight, b.Mul(p.Rate, step))})
	}
	return us
}
