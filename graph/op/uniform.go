package op

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Uniform draws numbers from [0, 1), of the element type of like: (key N...×4) -> N...×shape, one independent
// draw for each key.
//
// A key is four integers: seed (low and high half), step, time. The numbers are a pure function of the key, of
// the position in the draw, and of a stream, which counts the Uniforms of the builder in the order in which
// they are built: the same program draws the same numbers on every device; see tape.Random. So build a program
// with one builder.
func (b *Builder) Uniform(key, like *G.Node, shape ...int) *G.Node {
	of, ok := b.dtypeOf("Uniform", like)
	if !ok {
		return b.broken()
	}
	return b.apply(uniform{of: ir.Type{Dtype: of, Shape: shape}, stream: b.stream()}, key)
}

type uniform struct {
	constant
	of     ir.Type
	stream uint32
}

func (o uniform) String() string { return fmt.Sprintf("Uniform %v", []int(o.of.Shape)) }
func (o uniform) Type(in []ir.Type) (ir.Type, error) {
	key := in[0]
	n := len(key.Shape) - 1
	if key.Dtype != tape.Int32 || n < 0 || key.Shape[n] != 4 {
		return ir.Type{}, errors.Errorf("%v is not a key, i32[... 4]", key)
	}
	if o.of.Dtype == tape.Int32 {
		return ir.Type{}, errors.New("draws floating-point numbers only")
	}
	return ir.Type{Dtype: o.of.Dtype, Shape: append(slices.Clone(key.Shape[:n]), o.of.Shape...)}, positive(o.of.Shape)
}
func (o uniform) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.New(ir.Random{Stream: o.stream, Of: o.of}, in...)
}

// stream numbers the draws of a program. The outermost builder counts, so that draws in the step of a Scan have
// streams of their own.
func (b *Builder) stream() uint32 {
	b = b.root()
	b.streams++
	return b.streams - 1
}

// root is the outermost builder.
func (b *Builder) root() *Builder {
	for b.outer != nil {
		b = b.outer
	}
	return b
}
