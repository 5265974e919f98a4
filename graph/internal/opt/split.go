package opt

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// split takes products of concatenations in loops apart, so that the part that does not depend on the state can
// leave the loop:
//
//	[x h]·W = x·W_x + h·W_h            W_x and W_h are the rows of W for x and for h
//
// Parts that depend on a common sequence or carry stay together. (That does not depend on which of them are
// sequences and which are carries, so that a recurrence and the loop back that computes it again are split
// alike, and reuse recognises them.)
func split(f *ir.Func) (*ir.Func, error) {
	return rewriteBodies(f, func(p *parts) (*ir.Func, error) {
		support := newSupport(p)
		return rewrite(p.op.Body, func(b *ir.Builder, v *ir.Value, args []*ir.Value) *ir.Value {
			if op, ok := v.Op.(ir.Product); ok {
				return folder{b}.splitSum(op, v, args, support)
			}
			return nil
		})
	})
}

// support is which sequences and carries each value of a body depends on.
type support map[*ir.Value]bitset

func newSupport(p *parts) support {
	of := support{}
	n := 0
	add := func(param *ir.Value) {
		var one bitset
		one.add(n)
		of[param] = one
		n++
	}
	for _, s := range p.seqs {
		add(s.param)
	}
	for _, c := range p.carries {
		add(c.param)
	}
	for _, v := range p.op.Body.Values() {
		for _, a := range v.Args {
			of[v] = union(of[v], of[a])
		}
	}
	return of
}

// groups puts parts together that depend on something in common; constants are one group.
func (s support) groups(parts []*ir.Value) [][]int {
	var groups [][]int
	var sets []bitset
	for i, p := range parts {
		mine, set := []int{i}, s[p]
		var others [][]int
		var otherSets []bitset
		for k, g := range groups {
			if sets[k].meets(set) || len(sets[k]) == 0 && len(s[p]) == 0 {
				mine, set = append(g, mine...), union(sets[k], set)
			} else {
				others, otherSets = append(others, g), append(otherSets, sets[k])
			}
		}
		slices.Sort(mine)
		groups, sets = append(others, mine), append(otherSets, set)
	}
	return groups
}

// sides are the dimensions of a product's arguments over which it sums, and those that it keeps.
func sides(op ir.Product, rank int) (summed, kept [2]int) {
	summed, kept = [2]int{rank - 1, rank - 2}, [2]int{rank - 2, rank - 1}
	if op.TransA {
		summed[0], kept[0] = kept[0], summed[0]
	}
	if op.TransB {
		summed[1], kept[1] = kept[1], summed[1]
	}
	return summed, kept
}

// splitSum is the sum of products that a product with a concatenation over the summed dimension is, or nil. v is the
// product before the pass; args are its new arguments.
func (c folder) splitSum(op ir.Product, v *ir.Value, args []*ir.Value, s support) *ir.Value {
	axes, _ := sides(op, len(v.Shape))
	for side := range args {
		parts, groups := c.split(v.Args[side], args[side], axes[side], s)
		if len(groups) < 2 {
			continue
		}
		from := make([]int, len(parts)+1)
		for i, p := range parts {
			from[i+1] = from[i] + p.Shape[axes[side]]
		}
		var sum *ir.Value
		for _, g := range groups {
			var mine, others []*ir.Value
			for _, i := range g {
				mine = append(mine, parts[i])
				others = append(others, c.make(ir.Slice{Axis: axes[1-side], From: from[i], To: from[i+1]}, args[1-side]))
			}
			var ab [2]*ir.Value
			ab[side] = c.make(ir.Concat{Axis: axes[side]}, mine...)
			ab[1-side] = c.make(ir.Concat{Axis: axes[1-side]}, others...)
			z := c.make(op, ab[0], ab[1])
			if sum == nil {
				sum = z
			} else {
				sum = c.b.Add(sum, z)
			}
		}
		return sum
	}
	return nil
}

// split is the parts that x, which was old before the pass, is a concatenation of, in groups.
func (c folder) split(old, x *ir.Value, axis int, s support) ([]*ir.Value, [][]int) {
	oldParts, parts := concatenated(old, axis), c.concatenated(x, axis)
	if len(oldParts) < 2 || len(oldParts) != len(parts) {
		return nil, nil
	}
	return parts, s.groups(oldParts)
}

// concatenated is the parts that x is a concatenation of along axis, or nil.
func concatenated(x *ir.Value, axis int) []*ir.Value {
	switch op := x.Op.(type) {
	case ir.Concat:
		if op.Axis == axis {
			return x.Args
		}
	case ir.Reshape:
		if inner := x.Args[0]; keepsLast(inner.Shape, x.Shape) && axis == len(x.Shape)-1 {
			return concatenated(inner, len(inner.Shape)-1)
		}
	}
	return nil
}

// concatenated is like the function, with the parts in the shape that x has.
func (c folder) concatenated(x *ir.Value, axis int) []*ir.Value {
	parts := concatenated(x, axis)
	out := make([]*ir.Value, len(parts))
	for i, p := range parts {
		out[i] = p
		if _, ok := x.Op.(ir.Reshape); ok {
			shape := append(ir.Shape{}, x.Shape...)
			shape[axis] = p.Shape[len(p.Shape)-1]
			out[i] = c.make(ir.Reshape{Shape: shape}, p)
		}
	}
	return out
}

func keepsLast(a, b ir.Shape) bool {
	return len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1]
}
