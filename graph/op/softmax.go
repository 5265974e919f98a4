package op

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Softmax is eˣ / Σ eˣ over the last axis.
func (b *Builder) Softmax(x *G.Node) *G.Node { return b.apply(softmax{}, x) }

// MaskedSoftmax is the Softmax of the elements of x whose mask is not 0; the others are 0, also where all of a
// row are. mask is of integers or of x's type and is broadcast to x.
func (b *Builder) MaskedSoftmax(x, mask *G.Node) *G.Node {
	if !b.usable("MaskedSoftmax", x, mask) {
		return b.broken()
	}
	return b.apply(softmax{masked: true}, x, b.Broadcast(b.Cast(mask, x), x.Shape()...))
}

type softmax struct{ masked bool }

func (o softmax) String() string {
	if o.masked {
		return "MaskedSoftmax"
	}
	return "Softmax"
}
func (o softmax) Type(in []ir.Type) (ir.Type, error) { return in[0], rows(in[0]) }
func (o softmax) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(ir.Rows{Kind: tape.Softmax, Mask: o.masked}, in...)
}
func (o softmax) Differentiable(input int) bool { return input == 0 }

// Diff: see softmaxGrad; where the mask is 0, y is, and so the derivative.
func (o softmax) Diff(b *Builder, in []*G.Node, y, g *G.Node) []*G.Node {
	ds := make([]*G.Node, len(in))
	ds[0] = b.softmaxGrad(y, g)
	return ds
}

// rows checks that x is a tensor of floating-point rows.
func rows(x ir.Type) error {
	if len(x.Shape) == 0 || x.Dtype == tape.Int32 {
		return errors.Errorf("needs floating-point rows, not %v", x)
	}
	return nil
}
