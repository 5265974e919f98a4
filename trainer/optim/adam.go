package optim

import (
	"cmp"
	"math"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// Adam is the optimizer of Kingma and Ba (2015), algorithm 1:
//
//	t' = t + 1
//	m' = β₁ m + (1-β₁) g
//	v' = β₂ v + (1-β₂) g²
//	w' = w - lr (m' / (1-β₁^t')) / (√(v' / (1-β₂^t')) + ε)
//
// With decoupled weight decay, see Decoupled, it is AdamW.
type Adam struct{ Beta1, Beta2, Epsilon float64 }

// DefaultAdam has the constants of the paper.
var DefaultAdam = Adam{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}

// Check says what is wrong with the settings.
func (o Adam) Check() error {
	return cmp.Or(setting.Fraction("Beta1", o.Beta1), setting.Fraction("Beta2", o.Beta2),
		setting.Positive("Epsilon", o.Epsilon))
}

// Updates implements Optimizer.
func (o Adam) Updates(b *op.Builder, s *States, params []Param) []graph.Update {
	t := s.Scalar("adam/step", params[0].Weight.Dtype())
	next := b.Affine(t, 1, 1)
	us := []graph.Update{{State: t, Value: next}}
	// 1-βᵗ = -(e^(t ln β) - 1), which keeps its digits where βᵗ is close to 1.
	c1 := b.Neg(b.Expm1(b.Affine(next, math.Log(o.Beta1), 0)))
	c2 := b.Neg(b.Expm1(b.Affine(next, math.Log(o.Beta2), 0)))
	for _, p := range params {
		m, v, g := s.Like("adam/m", p.Weight), s.Like("adam/v", p.Weight), p.Grad
		m1 := b.Add(b.Affine(m, o.Beta1, 0), b.Affine(g, 1-o.Beta1, 0))
		v1 := b.Add(b.Affine(v, o.Beta2, 0), b.Affine(b.Mul(g, g), 1-o.Beta2, 0))
		step := b.Div(b.Div(m1, c1), b.Affine(b.Sqrt(b.Div(v1, c2)), 1, o.Epsilon))
		us = append(us,
			graph.Update{State: m, Value: m1},
			graph.Update{State: v, Value: v1},
			graph.Update{State: p.Weight, Value: b.Sub(p.Weight, b.Mul(p.Rate, step))})
	}
	return us
}
