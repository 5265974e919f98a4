package lower

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// The operators of linAlgBinOp by their code.
const (
	matMul = iota
	matVecMul
	vecDot
	outerProd
	batchedMatMul
)

// linAlg is a product of matrices, vectors, or stacks of matrices. Vectors may be stored as columns or rows.
func (c call) linAlg() *ir.Value {
	if !c.floats() {
		return nil
	}
	x, y := c.in[0], c.in[1]
	transA, transB := c.flag("transA"), c.flag("transB")
	switch c.int("āBinaryOperator") {
	case matVecMul:
		y, transB = c.Reshape(y, y.Shape.Size(), 1), false
	case vecDot:
		x, y = c.Reshape(x, 1, x.Shape.Size()), c.Reshape(y, y.Shape.Size(), 1)
		transA, transB = false, false
	case outerProd:
		x, y = c.Reshape(x, x.Shape.Size(), 1), c.Reshape(y, 1, y.Shape.Size())
		transA, transB = false, false
	case batchedMatMul:
		x, y = c.stack(x), c.stack(y)
	}
	return c.Reshape(c.Product(x, y, transA, transB), c.shape...)
}

// stack folds all dimensions before the last two into one.
func (c call) stack(x *ir.Value) *ir.Value {
	n := len(x.Shape) - 2
	if n < 1 {
		return x
	}
	return c.Reshape(x, x.Shape[:n].Size(), x.Shape[n], x.Shape[n+1])
}

// tensordot sums over pairs of axes, one of each argument. The free axes of the first come before those of the second.
func (c call) tensordot() *ir.Value {
	if !c.floats() {
		return nil
	}
	as, bs := c.ints("aAxes"), c.ints("bAxes")
	x, y := c.in[0], c.in[1]
	freeA, freeB := without(x.Shape, as), without(y.Shape, bs)
	x = c.Transpose(x, append(freeA, as...)...)
	y = c.Transpose(y, append(slices.Clone(bs), freeB...)...)
	m, n := x.Shape[:len(freeA)].Size(), y.Shape[len(bs):].Size()
	k := x.Shape[len(freeA):].Size()
	return c.Reshape(c.Product(c.Reshape(x, m, k), c.Reshape(y, k, n), false, false), c.shape...)
}

// without lists the axes of a shape that are not among some.
func without(s ir.Shape, axes []int) []int {
	var free []int
	for i := range s {
		if !slices.Contains(axes, i) {
			free = append(free, i)
		}
	}
	return free
}
