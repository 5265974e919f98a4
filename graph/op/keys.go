package op

import (
	G "gorgonia.org/gorgonia"
)

// Keys are the keys of n time steps: (key 4) -> n×4. Row t is the key with its last element, the time, replaced by t, so that the
// step of a Scan that takes the rows as a sequence draws numbers of its own at each time.
func (b *Builder) Keys(key *G.Node, n int) *G.Node {
	program := b.Broadcast(b.Slice(key, 0, 0, 3), n, 3)
	return b.Concat(1, program, b.Iota(key, 0, n, 1))
}
