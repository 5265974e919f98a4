package lower

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

func (c call) sum() *ir.Value { return c.reduce(tape.Sum) }
func (c call) max() *ir.Value { return c.reduce(tape.ReduceMax) }

func (c call) reduce(fn tape.ReduceFn) *ir.Value {
	if !c.floats() {
		return nil
	}
	return c.Reshape(c.Reduce(fn, c.in[0], c.ints("along")...), c.shape...)
}

// softmax is over the given axis, by default over the last, of a column over its only one.
func (c call) softmax() *ir.Value {
	s := c.shape
	axis := c.int("axis")
	if axis == -1 && len(s) == 2 && s[1] == 1 && s[0] > 1 {
		axis = 0
	}
	return c.rows(softmaxKind(c.flag("isLog")), axis, c.in[0])
}

// softmaxDiff is the derivative of softmax from its result and the gradient. By default it is over the last axis, of a column
// as well: it is not the derivative of what softmax computed then, but it is what Gorgonia computes.
func (c call) softmaxDiff() *ir.Value {
	kind := tape.SoftmaxGrad
	if c.flag("isLog") {
		kind = tape.LogSoftmaxGrad
	}
	return c.rows(kind, c.int("axis"), c.in[1], c.in[2])
}

func softmaxKind(log bool) tape.RowsKind {
	if log {
		return tape.LogSoftmax
	}
	return tape.Softmax
}

// rows applies a function of rows along any axis; -1 is the last.
func (c call) rows(kind tape.RowsKind, axis int, args ...*ir.Value) *ir.Value {
	n := len(c.shape)
	if n == 0 || axis < -1 || axis >= n {
		return nil
	}
	if axis == -1 {
		axis = n - 1
	}
	swap := make([]int, n) // exchanges the axis and the last
	for i := range swap {
		swap[i] = i
	}
	swap[axis], swap[n-1] = n-1, axis
	args = slices.Clone(args)
	for i, a := range args {
		args[i] = c.Transpose(c.Reshape(a, c.shape...), swap...)
	}
	return c.Transpose(c.New(ir.Rows{Kind: kind}, args...), swap...)
}

// byIndices looks up rows.
func (c call) byIndices() *ir.Value {
	x, index := c.in[0], c.in[1]
	if c.int("axis") != 0 || x.Shape.Size() == 1 {
		return nil
	}
	return c.New(ir.Gather{}, x, c.Reshape(index, index.Shape.Size()))
}

// byIndicesDiff is the derivative of byIndices. Gorgonia's is wrong for vectors and along other axes than the first.
func (c call) byIndicesDiff() *ir.Value {
	x, grad, index := c.in[0], c.in[1], c.in[2]
	if c.int("axis") != 0 || len(x.Shape) == 1 || x.Shape.Size() == 1 {
		return nil
	}
	return c.New(ir.ScatterAdd{Rows: x.Shape[0]}, c.Reshape(index, index.Shape.Size()), grad)
}
