package lower

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

var hosts atomic.Int32

// NewHostID is the identity of a function that no other has; see ir.Host.
func NewHostID() int { return int(hosts.Add(1)) }

// host calls the op's Do on the host: the meaning is Gorgonia's by construction. A random op draws anew in each run.
func (c call) host() *ir.Value { return c.hostOf(c.node.Op(), c.shape) }

// hostOf calls the Do of an op, which gives a value of the given shape. It and the arguments may have other shapes
// than those of the node.
func (c call) hostOf(op G.Op, shape ir.Shape) *ir.Value {
	t, err := TypeOf(c.node)
	if err != nil {
		return c.Fail(err)
	}
	t.Shape = shape
	h := &hostCall{node: c.node, op: op, shape: shape}
	for i, x := range Children(c.node) {
		if c.in[i].Parts != nil {
			return c.Fail(errors.Errorf("%v cannot take several values as one", op))
		}
		h.in = append(h.in, hostArg{Shown(x, c.in[i].Shape), x.Dtype()})
	}
	host := &ir.Host{Name: stockName(op), ID: int(hosts.Add(1)), Of: t, Fn: h.run, After: len(c.before)}
	return c.New(host, slices.Concat(c.in, c.before)...)
}

type hostCall struct {
	node  *G.Node // for errors
	op    G.Op
	in    []hostArg
	shape ir.Shape
}

type hostArg struct {
	shape ir.Shape
	dtype tensor.Dtype
}

func (h *hostCall) run(out, in []any) error {
	return Guard(h.node, func() error { return errors.Wrap(h.do(out, in), Describe(h.node)) })
}

// do gives Do copies of its arguments, because some ops of Gorgonia write into them.
func (h *hostCall) do(out, in []any) error {
	args := make([]G.Value, len(in))
	for i, x := range h.in {
		var err error
		if args[i], err = WrapAs(clone(in[i]), x.shape, x.dtype); err != nil {
			return err
		}
	}
	v, err := h.op.Do(args...)
	if err != nil {
		return err
	}
	if v == nil {
		return errors.New("its Do gave no value")
	}
	data, err := Flatten(v)
	if err != nil {
		return err
	}
	if !fill(out[0], data) {
		return errors.Errorf("its Do gave %T of shape %v, expected the elements of %v", v.Data(), v.Shape(), []int(h.shape))
	}
	return nil
}

func clone(data any) any {
	switch xs := data.(type) {
	case []float32:
		return slices.Clone(xs)
	case []float64:
		return slices.Clone(xs)
	case []int32:
		return slices.Clone(xs)
	}
	panic(fmt.Sprintf("no element type has slices of type %T", data))
}

// fill copies data, if it has the type and the length of dst.
func fill(dst, data any) bool {
	switch d := dst.(type) {
	case []float32:
		xs, ok := data.([]float32)
		return ok && copy(d, xs) == len(d) && len(xs) == len(d)
	case []float64:
		xs, ok := data.([]float64)
		return ok && copy(d, xs) == len(d) && len(xs) == len(d)
	case []int32:
		xs, ok := data.([]int32)
		return ok && copy(d, xs) == len(d) && len(xs) == len(d)
	}
	return false
}
