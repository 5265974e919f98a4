package optim

import (
	"cmp"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// LossScaling differentiates a multiple of the loss, and divides the gradients by it again (Micikevicius et
// al., 2018). The factor is From at first, is doubled after Every steps in a row that were applied, and is
// halved, but not below 1, by one that was not.
type LossScaling struct {
	From  float64 // 0: no scaling
	Every int
}

// DefaultLossScaling has the constants of PyTorch's GradScaler.
var DefaultLossScaling = LossScaling{From: 65536, Every: 2000}

// mostScale is where the factor stays if nothing ever overflows.
const mostScale = 1 << 32

// scaler are the states of a scaling.
type scaler struct {
	scale, good *G.Node
	every       int
}

func (l LossScaling) check() error {
	if l.From == 0 {
		return nil
	}
	return cmp.Or(setting.Within("Scaling.From", l.From, 1, mostScale), setting.AtLeast("Scaling.Every", l.Every, 1))
}

func (l LossScaling) declare(s *States, dtype tensor.Dtype) (*scaler, error) {
	if l.From == 0 {
		return nil, nil
	}
	scale, err := s.ScalarFrom(l.From, "loss scale", dtype)
	return &scaler{scale, s.Scalar("loss scale/good steps", dtype), l.Every}, err
}

// updates, where ok is 1 if the step is applied.
func (s *scaler) updates(b *op.Builder, ok *G.Node) []graph.Update {
	good := b.Affine(s.good, 1, 1)
	enough := b.Le(b.Fill(good, float64(s.every)), good)
	up := b.Min(b.Affine(s.scale, 2, 0), b.Fill(s.scale, mostScale))
	down := b.Max(b.Affine(s.scale, 0.5, 0), b.Fill(s.scale, 1))
	zero := b.Fill(good, 0)
	return []graph.Update{
		{State: s.scale, Value: b.Where(ok, b.Where(enough, up, s.scale), down)},
		{State: s.good, Value: b.Where(ok, b.Where(enough, zero, good), zero)},
	}
}
