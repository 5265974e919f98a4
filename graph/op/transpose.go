package op

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// Transpose permutes the dimensions of x: dimension i of the result is dimension perm[i] of x. Without perm the
// order is reversed.
func (b *Builder) Transpose(x *G.Node, perm ...int) *G.Node {
	if b.usable("Transpose", x) && len(perm) == 0 {
		for i := x.Dims() - 1; i >= 0; i-- {
			perm = append(perm, i)
		}
	}
	return b.apply(transpose{perm}, x)
}

type transpose struct{ perm []int }

func (o transpose) String() string { return fmt.Sprintf("Transpose by %v", o.perm) }
func (o transpose) Type(in []ir.Type) (ir.Type, error) {
	x := in[0]
	sorted := slices.Sorted(slices.Values(o.perm))
	for i, p := range sorted {
		if i != p || len(sorted) != len(x.Shape) {
			return ir.Type{}, errors.Errorf("%v does not permute the axes of %v", o.perm, x.Shape)
		}
	}
	out := ir.Type{Dtype: x.Dtype}
	for _, p := range o.perm {
		out.Shape = append(out.Shape, x.Shape[p])
	}
	return out, nil
}
func (o transpose) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	return b.Transpose(in[0], o.perm...)
}

// Diff: the inverse permutation.
func (o transpose) Diff(b *Builder, _ []*G.Node, _, g *G.Node) []*G.Node {
	inverse := make([]int, len(o.perm))
	for i, p := range o.perm {
		inverse[p] = i
	}
	return []*G.Node{b.Transpose(g, inverse...)}
}
