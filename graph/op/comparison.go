package op

import (
	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// comparison is what Lt, Le, Eq and Ne have in common.
type comparison struct{ constant }

func (comparison) Type(in []ir.Type) (ir.Type, error) { return broadcastTypes(in...) }

// compare lowers a comparison. Integers are compared in the program's float type, exactly up to 2²⁴.
func compare(b *ir.Builder, fn tape.Fn, in []*ir.Value) *ir.Value {
	v := b.Elem(fn, in...)
	if in[0].Dtype == tape.Int32 && in[1].Dtype == tape.Int32 {
		v = b.Cast(v, tape.Int32)
	}
	return v
}
