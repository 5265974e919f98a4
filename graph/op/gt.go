package op

import G "gorgonia.org/gorgonia"

// Gt is 1 where x > y, else 0: Lt(y, x).
func (b *Builder) Gt(x, y *G.Node) *G.Node { return b.Lt(y, x) }
