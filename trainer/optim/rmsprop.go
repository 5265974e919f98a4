package optim

import (
	"cmp"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// RMSProp divides by a running mean of the gradient's magnitude (Tieleman and Hinton, 2012), as PyTorch's RMSprop does:
//
//	v' = α v + (1-α) g²
//	a' = α a + (1-α) g                (0 unless Centered: Graves, 2013)
//	u  = g / (√(v' - a'²) + ε)
//	m' = μ m + u                      (u if μ = 0)
//	w' = w - lr m'
type RMSProp struct {
	Alpha, Epsilon float64
	Momentum       float64
	Centered       bool
}

// DefaultRMSProp has PyTorch's constants.
var DefaultRMSProp = RMSProp{Alpha: 0.99, Epsilon: 1e-8}

// Check says what is wrong with the settings.
func (o RMSProp) Check() error {
	return cmp.Or(setting.Fraction("Alpha", o.Alpha), setting.Positive("Epsilon", o.Epsilon),
		setting.Fraction("Momentum", o.Momentum))
}

// Updates implements Optimizer.
func (o RMSProp) Updates(b *op.Builder, s *States, params []Param) []graph.Update {
	var us []graph.Update
	for _, p := range params {
		w, g := p.Weight, p.Grad
		v := s.Like("rmsprop/v", w)
		v1 := b.Add(b.Affine(v, o.Alpha, 0), b.Affine(b.Mul(g, g), 1-o.Alpha, 0))
		us = append(us, graph.Update{State: v, Value: v1})
		variance := v1
		if o.Centered {
			a := s.Like("rmsprop/mean", w)
			a1 := b.Add(b.Affine(a, o.Alpha, 0), b.Affine(g, 1-o.Alpha, 0))
			us = append(us, graph.Update{State: a, Value: a1})
			// Of gradients that are all equal the difference is 0 but for rounding, which may be negative.
			variance = b.Max(b.Sub(v1, b.Mul(a1, a1)), b.Fill(v1, 0))
		}
		move := b.Div(g, b.Affine(b.Sqrt(variance), 1, o.Epsilon))
		if o.Momentum != 0 {
			m := s.Like("momentum", w)
			move = b.Add(b.Affine(m, o.Momentum, 0), move)
			us = append(us, graph.Update{State: m, Value: move})
		}
		us = append(us, graph.Update{State: w, Value: b.Sub(w, b.Mul(p.Rate, move))})
	}
	return us
}
