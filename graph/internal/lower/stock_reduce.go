package lower

import (
	"slices"
	"sync"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/internal/ir"
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

func (c call) softmax() *ir.Value {
	return c.rows(softmaxKind(c.flag("isLog")), c.softmaxAxis(), c.in[0])
}

// softmaxAxis is the given axis, by default the last, of a column its only one.
func (c call) softmaxAxis() int {
	axis := c.int("axis")
	if s := c.shape; axis == -1 && len(s) == 2 && s[1] == 1 && s[0] > 1 {
		return 0
	}
	return axis
}

// softmaxDiff is the derivative of softmax from its result and the gradient. (Gorgonia's is over the last axis of a
// column as well.)
func (c call) softmaxDiff() *ir.Value {
	kind := tape.SoftmaxGrad
	if c.flag("isLog") {
		kind = tape.LogSoftmaxGrad
	}
	return c.rows(kind, c.softmaxAxis(), c.in[1], c.in[2])
}

// sparsemax is Gorgonia's along the last axis. (Along others Gorgonia's leaves the axes exchanged.)
func (c call) sparsemax() *ir.Value {
	axis := c.int("axis")
	if n := len(c.shape); axis >= 0 && axis < n-1 {
		swap := exchange(n, axis, n-1)
		last := c
		last.in = []*ir.Value{c.Transpose(c.in[0], swap...)}
		return c.Transpose(last.hostOf(sparsemaxOfRows(), last.in[0].Shape), swap...)
	}
	return nil
}

// sparsemaxOfRows is Gorgonia's op for the last axis.
var sparsemaxOfRows = sync.OnceValue(func() G.Op {
	return G.Must(G.Sparsemax(G.NewMatrix(G.NewGraph(), G.Float64, G.WithShape(1, 1), G.WithName("x")))).Op()
})

// sparsemaxDiff is the derivative of a sparsemax from its result y and the gradient: the gradient where y is not 0,
// less its mean there. (Gorgonia's forgets the axis.)
func (c call) sparsemaxDiff() *ir.Value {
	axis, forward := len(c.shape)-1, Children(c.node)[0]
	if stockName(forward.Op()) != "sparsemaxOp" || axis < 0 {
		return nil
	}
	if a := attribute(structOf(forward.Op()), "axis").(int); a >= 0 {
		axis = a
	}
	y, grad := c.in[0], c.in[1]
	along := slices.Clone(c.shape)
	along[axis] = 1
	mean := func(x, n *ir.Value) *ir.Value {
		sum := func(x *ir.Value) *ir.Value { return c.Reshape(c.Reduce(tape.Sum, x, axis), along...) }
		return c.Div(sum(x), sum(n))
	}
	support := c.Elem(tape.Lt, c.Const(0), y)
	return c.Mul(support, c.Sub(grad, mean(c.Mul(support, grad), support)))
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
	swap := exchange(n, axis, n-1)
	args = slices.Clone(args)
	for i, a := range args {
		args[i] = c.Transpose(c.Reshape(a, c.shape...), swap...)
	}
	return c.Transpose(c.New(ir.Rows{Kind: kind}, args...), swap...)
}

// byIndices looks up rows, along any axis. (Gorgonia's is wrong along inner axes.)
func (c call) byIndices() *ir.Value {
	x, index := c.in[0], c.in[1]
	rows := exchange(len(x.Shape), 0, c.int("axis"))
	found := c.New(ir.Gather{}, c.Transpose(x, rows...), c.Reshape(index, index.Shape.Size()))
	return c.Reshape(c.Transpose(found, rows...), c.shape...)
}

// exchange is the permutation that exchanges two of n axes.
func exchange(n, a, b int) []int {
	perm := make([]int, n)
	for i := range perm {
		perm[i] = i
	}
	perm[a], perm[b] = b, a
	return perm
}

// byIndicesDiff is the derivative of byIndices. (Gorgonia's is wrong for vectors and along other axes than the first.)
func (c call) byIndicesDiff() *ir.Value {
	x, grad, index := c.in[0], c.in[1], c.in[2]
	axis := c.int("axis")
	swap := exchange(len(c.shape), 0, axis)
	shape := slices.Clone(c.shape)
	shape[axis] = index.Shape.Size()
	grad = c.Transpose(c.Reshape(grad, shape...), swap...)
	sums := c.New(ir.ScatterAdd{Rows: x.Shape[axis]}, c.Reshape(index, index.Shape.Size()), grad)
	return c.Transpose(sums, swap...)
}
