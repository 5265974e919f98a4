package op

import G "gorgonia.org/gorgonia"

// Ge is 1 where x >= y, else 0: Le(y, x).
func (b *Builder) Ge(x, y *G.Node) *G.Node { return b.Le(y, x) }
