package op

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Pow is xʸ, broadcast; NaN for x < 0 unless y is an integer.
func (b *Builder) Pow(x, y *G.Node) *G.Node { return b.apply(pow{}, x, y) }

type pow struct{}

func (pow) String() string                                { return "Pow" }
func (pow) Type(in []ir.Type) (ir.Type, error)            { return elementwise(in) }
func (pow) Lower(b *ir.Builder, in []*ir.Value) *ir.Value { return b.Elem(tape.Pow, in...) }

// Diff: dxʸ = y xʸ⁻¹ dx + xʸ ln x dy. Two limits are taken where the formulas say 0·∞: the first term is 0
// where y = 0, the second is 0 where x = 0.
func (pow) Diff(b *Builder, in []*G.Node, z, g *G.Node) []*G.Node {
	x, y := in[0], in[1]
	zero, one := b.Fill(x, 0), b.Fill(x, 1)
	byX := b.Where(y, b.Mul(y, b.Pow(x, b.Affine(y, 1, -1))), zero)
	byY := b.Mul(z, b.Log(b.Where(x, x, one)))
	return []*G.Node{b.unbroadcast(b.Mul(g, byX), x), b.unbroadcast(b.Mul(g, byY), y)}
}
