package op

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/tape"
)

// AllReduce is Σ x over all processes that run this program where when, a scalar, is not 0, and x itself where it is 0.
// sum makes the sums: see tape.AllReduce. Differentiation takes it for a constant.
//
// All that a step has to sum belongs into one x, a Concat of it: it then lies in one piece of memory, in which it is
// computed and summed, and there is one call for all of it.
func (b *Builder) AllReduce(sum func(data any) error, x, when *G.Node) *G.Node {
	if sum == nil {
		return b.fail(errors.New("AllReduce without a function that sums"))
	}
	return b.apply(allReduce{id: lower.NewHostID(), sum: sum}, x, when)
}

type allReduce struct {
	constant
	id  int
	sum func(data any) error
}

func (allReduce) String() string { return "AllReduce" }
func (allReduce) Type(in []ir.Type) (ir.Type, error) {
	x, when := in[0], in[1]
	if x.Dtype == tape.Int32 || when.Dtype != x.Dtype || len(when.Shape) > 0 {
		return ir.Type{}, errors.Errorf("%v cannot be summed if %v: want floats, and a scalar of their type", x, when)
	}
	return x, nil
}
func (o allReduce) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(&ir.AllReduce{ID: o.id, Sum: o.sum}, in...)
}
