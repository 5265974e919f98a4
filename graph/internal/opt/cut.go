package opt

import (
	"math"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// cut decides which values to hand from one place to another (from a loop to the loop back, from a loop to what
// follows it), so that the values that are wanted there can be had, at the least cost. A value is held (handed
// over) or computed again from its arguments, whichever costs less:
//
//	cost(v) = min(hold(v), again(v) + Σ cost(arguments of v))
//
// Costs are in elements written and read; what has been held for one wanted value is free for the next.
type cut struct {
	hold  func(v *ir.Value) float64
	again func(v *ir.Value) float64
	held  map[*ir.Value]bool
	costs map[*ir.Value]float64
}

func newCut(hold, again func(v *ir.Value) float64) *cut {
	return &cut{hold, again, map[*ir.Value]bool{}, map[*ir.Value]float64{}}
}

// never is the cost of what cannot be.
var never = math.Inf(1)

func (c *cut) cost(v *ir.Value) float64 {
	if c.held[v] {
		return 0
	}
	if k, ok := c.costs[v]; ok {
		return k
	}
	c.costs[v] = math.Min(c.hold(v), c.recompute(v))
	return c.costs[v]
}

// recompute is the cost of computing v again.
func (c *cut) recompute(v *ir.Value) float64 {
	k := c.again(v)
	if k == never {
		return never
	}
	for _, a := range v.Args {
		share := 1.0
		if _, ok := v.Op.(ir.Slice); ok && a.Shape.Size() > 0 {
			share = float64(v.Shape.Size()) / float64(a.Shape.Size()) // the rest need not be computed; see narrow
		}
		k += c.cost(a) * share
	}
	return k
}

// want decides about v and what it is computed from.
func (c *cut) want(v *ir.Value) {
	if c.held[v] {
		return
	}
	if c.recompute(v) < c.hold(v) {
		for _, a := range v.Args {
			c.want(a)
		}
		return
	}
	c.held[v] = true
	clear(c.costs)
}

// elementCost is the cost of computing a view or an elementwise function again where it is needed, within what
// is computed there anyhow: a view costs nothing, an exponential or its like a quarter of a store and a load.
// Other operations: never.
func elementCost(v *ir.Value) float64 {
	size := float64(v.Shape.Size())
	switch op := v.Op.(type) {
	case ir.Const, ir.Iota, ir.Broadcast, ir.Reshape, ir.Transpose, ir.Slice:
		return 0
	case ir.Concat, ir.Pad:
		return size / 4
	case ir.Elem:
		if op.Fn.Dear() {
			return size / 4
		}
		return size / 16
	}
	return never
}

// start is what it costs to start an instruction, in elements: some microseconds.
const start = 1 << 16

// heavy reports whether op is worth to be moved out of a loop for its own sake.
func heavy(op ir.Op) bool {
	switch op.(type) {
	case ir.Product, ir.Rows, ir.Gather, ir.Random:
		return true
	}
	return false
}
