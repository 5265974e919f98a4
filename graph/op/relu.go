package op

import G "gorgonia.org/gorgonia"

// ReLU is max(x, 0); its derivative at 0 is 0.
func (b *Builder) ReLU(x *G.Node) *G.Node {
	zero := b.Fill(x, 0)
	return b.Where(b.Le(x, zero), zero, x)
}
