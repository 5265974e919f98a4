package op

import G "gorgonia.org/gorgonia"

// Square is x².
func (b *Builder) Square(x *G.Node) *G.Node { return b.Mul(x, x) }
