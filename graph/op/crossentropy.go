package op

import (
	"fmt"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// CrossEntropy is the loss of predicting target from logits, one number for each target:
//
//	-Σ_j q_j ln softmax(logits)_j    with q_j = (1-ε)[j = target] + ε/V
//
// logits is ...×V, target ... (integers), ε = smoothing lies in [0, 1] (label smoothing of Szegedy et al.,
// 2016). mask is nil or ..., of integers or of the logits' type: the loss is multiplied by it, and is exactly 0
// where it is 0, whatever the target. For the mean take Mean, or MaskedMean.
func (b *Builder) CrossEntropy(logits, target, mask *G.Node, smoothing float64) *G.Node {
	o := crossEntropy{masked: mask != nil, smoothing: smoothing}
	if !o.masked {
		return b.apply(o, logits, target)
	}
	return b.apply(o, logits, target, b.Cast(mask, logits))
}

type crossEntropy struct {
	masked    bool
	smoothing float64
}

func (o crossEntropy) String() string { return "CrossEntropy" + o.options() }
func (o crossEntropy) options() string {
	s := ""
	if o.masked {
		s += ", masked"
	}
	if o.smoothing != 0 {
		s += fmt.Sprintf(", smoothing %g", o.smoothing)
	}
	return s
}

// Type: logits ...×V, then one element a row: targets, and whatever follows.
func (o crossEntropy) Type(in []ir.Type) (ir.Type, error) {
	x := in[0]
	if err := rows(x); err != nil {
		return ir.Type{}, err
	}
	out := ir.Type{Dtype: x.Dtype, Shape: x.Shape[:len(x.Shape)-1]}
	for i, t := range in[1:] {
		want := out
		if i == 0 {
			want.Dtype = tape.Int32
		}
		if t.Dtype != want.Dtype || !t.Shape.Equal(want.Shape) {
			return ir.Type{}, errors.Errorf("logits %v want %v beside them, not %v", x, want, t)
		}
	}
	if !(o.smoothing >= 0 && o.smoothing <= 1) {
		return ir.Type{}, errors.Errorf("smoothing %g lies outside of [0, 1]", o.smoothing)
	}
	return out, nil
}
func (o crossEntropy) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(ir.Rows{Kind: tape.CrossEntropy, Mask: o.masked, Smoothing: o.smoothing}, in...)
}
func (o crossEntropy) Differentiable(input int) bool { return input == 0 }

// Diff: see crossEntropyGrad.
func (o crossEntropy) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	ds := make([]*G.Node, len(in))
	ds[0] = b.crossEntropyGrad(o, in[0], in[1], g, in[2:])
	return ds
}
