package op

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Keys are the keys of n time steps: (key 4) -> n×4. Row t is the key with its last element, the time, replaced
// by t, so that the step of a Scan that takes the rows as a sequence draws numbers of its own at each time.
func (b *Builder) Keys(key *G.Node, n int) *G.Node {
	of, ok := b.dtypeOf("Keys", key)
	if !ok {
		return b.broken()
	}
	if of != tape.Int32 || key.Dims() != 1 || key.Shape()[0] != 4 {
		return b.fail(errors.Errorf("Keys of %s: it is not a key, four integers", describe([]*G.Node{key})))
	}
	program := b.Broadcast(b.Slice(key, 0, 0, 3), n, 3)
	return b.Concat(1, program, b.Iota(key, 0, n, 1))
}
