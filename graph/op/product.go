package op

import (
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Trans asks Product to exchange the last two dimensions of an operand.
type Trans uint8

const (
	TransX Trans = 1 << iota
	TransY
)

// Product is the matrix product x·y, of
//
//	two matrices                     M×K · K×N       = M×N
//	rows of any shape and a matrix   ...×K · K×N     = ...×N      (without TransX)
//	two stacks of matrices           ...×M×K · ...×K×N = ...×M×N  (the same ...)
//
// TransX gives xᵀ·y, where x is K×M; TransY gives x·yᵀ, where y is N×K; both may be given.
func (b *Builder) Product(x, y *G.Node, trans ...Trans) *G.Node {
	return b.apply(product{slices.Contains(trans, TransX), slices.Contains(trans, TransY)}, x, y)
}

type product struct{ transX, transY bool }

func (o product) String() string {
	s := "Product"
	if o.transX {
		s += " TransX"
	}
	if o.transY {
		s += " TransY"
	}
	return s
}

func (o product) Type(in []ir.Type) (ir.Type, error) {
	x, y := in[0], in[1]
	if x.Dtype != y.Dtype || x.Dtype == tape.Int32 {
		return ir.Type{}, errors.Errorf("element types %v and %v have no product", x.Dtype, y.Dtype)
	}
	misfit := errors.Errorf("shapes %v and %v do not fit", x.Shape, y.Shape)
	rx, ry := len(x.Shape), len(y.Shape)
	stacks := rx == ry && rx >= 2
	if !stacks && (rx == 0 || ry != 2 || o.transX) {
		return ir.Type{}, misfit
	}
	k, n := y.Shape[ry-2], y.Shape[ry-1]
	if o.transY {
		k, n = n, k
	}
	out := ir.Type{Dtype: x.Dtype, Shape: append(slices.Clone(x.Shape[:rx-1]), n)}
	kx := x.Shape[rx-1]
	if o.transX {
		out.Shape[rx-2], kx = kx, x.Shape[rx-2]
	}
	if k != kx || stacks && !x.Shape[:rx-2].Equal(y.Shape[:ry-2]) {
		return ir.Type{}, misfit
	}
	return out, nil
}

func (o product) Lower(b *ir.Builder, in []*ir.Value) *ir.Value {
	x, y := in[0], in[1]
	t, err := o.Type([]ir.Type{x.Type, y.Type})
	if err != nil {
		return b.Fail(err)
	}
	switch rx, ry := len(x.Shape), len(y.Shape); {
	case rx != ry:
		k := x.Shape[rx-1]
		x = b.Reshape(x, x.Shape.Size()/k, k)
	case rx > 3:
		n := x.Shape[:rx-2].Size()
		x = b.Reshape(x, append(ir.Shape{n}, x.Shape[rx-2:]...)...)
		y = b.Reshape(y, append(ir.Shape{n}, y.Shape[ry-2:]...)...)
	}
	return b.Reshape(b.Product(x, y, o.transX, o.transY), t.Shape...)
}

// Diff: d(XY) = dX·Y + X·dY, whence the gradients G·Yᵀ and Xᵀ·G, transposed as the operands are.
func (o product) Diff(b *Builder, in []*G.Node, _, g *G.Node) []*G.Node {
	x, y := in[0], in[1]
	trans := func(x, y bool) (ts []Trans) {
		if x {
			ts = append(ts, TransX)
		}
		if y {
			ts = append(ts, TransY)
		}
		return ts
	}
	dx := b.Product(g, y, trans(false, !o.transY)...)
	if o.transX {
		dx = b.Product(y, g, trans(o.transY, true)...)
	}
	if x.Dims() != y.Dims() { // for the gradient of the matrix, the rows are one matrix
		x, g = b.Reshape(x, -1, x.Shape()[x.Dims()-1]), b.Reshape(g, -1, g.Shape()[g.Dims()-1])
	}
	dy := b.Product(x, g, trans(!o.transX, false)...)
	if o.transY {
		dy = b.Product(g, x, trans(true, o.transX)...)
	}
	return []*G.Node{dx, dy}
}
