package optim

import (
	"cmp"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// Groups gives parameters learning rates and weight decay of their own. With the optimizer's step w' = f(w, g, lr):
//
//	lr_w = Rate lr
//	w'   = f(w, g + L2 w, lr_w) - lr_w Decay w
//
// L2 is the regularisation of the loss by L2/2 |w|², of which an optimizer such as Adam makes something else;
// Decay is weight decay that is decoupled from the gradient (Loshchilov and Hutter, 2019).
type Groups struct {
	Optimizer Optimizer
	Of        func(param *G.Node) Group // by its name, or by its shape
}

// Group are the settings of a parameter.
type Group struct {
	Rate  float64 // factor of the learning rate; 0: the parameter stays as it is
	L2    float64
	Decay float64
}

// Regularized adds L2 regularisation to an optimizer: PyTorch's weight_decay of all optimizers but AdamW.
// Biases and the parameters of norms, all that is not at least a matrix, are left alone.
func Regularized(o Optimizer, l2 float64) Groups {
	return Groups{o, ofMatrices(Group{Rate: 1, L2: l2})}
}

// Decoupled adds decoupled weight decay to an optimizer: with Adam it is AdamW. Biases and the parameters of
// norms, all that is not at least a matrix, are left alone.
func Decoupled(o Optimizer, decay float64) Groups {
	return Groups{o, ofMatrices(Group{Rate: 1, Decay: decay})}
}

func ofMatrices(g Group) func(*G.Node) Group {
	return func(param *G.Node) Group {
		if param.Dims() >= 2 {
			return g
		}
		return Group{Rate: 1}
	}
}

// Check says what is wrong with the settings.
func (o Groups) Check() error {
	return cmp.Or(checkOptimizer(o.Optimizer),
		setting.Set("Of", o.Of != nil, "a function that gives each parameter its group"))
}

// Check says what is wrong with the settings of a group.
func (g Group) Check() error {
	return cmp.Or(setting.AtLeast("Rate", g.Rate, 0), setting.AtLeast("L2", g.L2, 0), setting.AtLeast("Decay", g.Decay, 0))
}

// Updates implements Optimizer.
func (o Groups) Updates(b *op.Builder, s *States, params []Param) []graph.Update {
	decay := map[*G.Node]*G.Node{} // lr_w Decay w, by w
	own := make([]Param, len(params))
	for i, p := range params {
		g := o.Of(p.Weight)
		if err := g.Check(); err != nil {
			b.Fail(errors.Wrapf(err, "the group of %s", p.Weight.Name()))
		}
		if g.Rate != 1 {
			p.Rate = b.Affine(p.Rate, g.Rate, 0)
		}
		if g.L2 != 0 {
			p.Grad = b.Add(p.Grad, b.Affine(p.Weight, g.L2, 0))
		}
		if g.Decay != 0 {
			decay[p.Weight] = b.Mul(b.Affine(p.Rate, g.Decay, 0), p.Weight)
		}
		own[i] = p
	}
	us := o.Optimizer.Updates(b, s, own)
	for i, u := range us {
		if d := decay[u.State]; d != nil {
			us[i].Value = b.Sub(u.Value, d)
		}
	}
	return us
}
