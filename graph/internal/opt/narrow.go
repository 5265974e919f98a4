package opt

import (
	"maps"
	"slices"

	"github.com/unroll-ml/unroll/graph/internal/ir"
)

// narrow cuts before it computes where elementwise functions are read in slices:
//
//	slice(x + y) = slice(x) + slice(y)
//
// The gates of a cell are slices of one sum. Cut first, sum and gates have one shape and become one value in
// fuse, and the sum need not be stored. This pays where elementwise functions alone read the slices, or stacks;
// each element is still computed once.
func narrow(f *ir.Func) (*ir.Func, error) {
	narrowed := map[*ir.Value]map[ir.Slice]bool{} // elementwise values and the slices that are wanted of them
	wide := map[*ir.Value]bool{}                  // what somebody wants whole
	for _, r := range f.Results {
		wide[r] = true
	}
	values := f.Values()
	read := map[*ir.Value][]*ir.Value{}
	for _, v := range values {
		for _, a := range v.Args {
			read[a] = append(read[a], v)
		}
	}
	for i := len(values) - 1; i >= 0; i-- {
		v := values[i]
		if _, ok := v.Op.(ir.Elem); !ok || wide[v] {
			continue
		}
		if cuts := cutsOf(read[v], read, wide, narrowed); disjoint(cuts) {
			narrowed[v] = cuts
		}
	}
	if len(narrowed) == 0 {
		return f, nil
	}
	type cut struct {
		v  *ir.Value
		at ir.Slice
	}
	done := map[cut]*ir.Value{}
	r := newRewriter(builderFor(f))
	c := folder{r.b}
	var through func(x *ir.Value, op ir.Slice) *ir.Value
	through = func(x *ir.Value, op ir.Slice) *ir.Value {
		if narrowed[x] == nil {
			return c.make(op, r.value(x))
		}
		if w := done[cut{x, op}]; w != nil {
			return w
		}
		parts := make([]*ir.Value, len(x.Args))
		for i, a := range x.Args {
			parts[i] = through(a, op)
		}
		w := c.make(x.Op, parts...)
		done[cut{x, op}] = w
		return w
	}
	r.first = func(v *ir.Value) *ir.Value {
		if op, ok := v.Op.(ir.Slice); ok && narrowed[v.Args[0]] != nil {
			return through(v.Args[0], op)
		}
		return nil
	}
	return r.fn(f)
}

// cutsOf is the slices that readers want; nil if one wants the whole value.
func cutsOf(
	readers []*ir.Value, read map[*ir.Value][]*ir.Value, wide map[*ir.Value]bool, narrowed map[*ir.Value]map[ir.Slice]bool,
) map[ir.Slice]bool {
	cuts := map[ir.Slice]bool{}
	for _, u := range readers {
		switch op := u.Op.(type) {
		case ir.Slice:
			for _, w := range read[u] {
				if _, ok := w.Op.(ir.Elem); !ok {
					return nil
				}
			}
			cuts[op] = true
		default:
			if narrowed[u] == nil {
				return nil
			}
			for s := range narrowed[u] {
				cuts[s] = true
			}
		}
	}
	return cuts
}

// disjoint reports whether there are slices, and all lie along one axis without overlap.
func disjoint(cuts map[ir.Slice]bool) bool {
	all := slices.SortedFunc(maps.Keys(cuts), func(s, t ir.Slice) int { return s.From - t.From })
	for i, s := range all[min(1, len(all)):] {
		if before := all[i]; s.Axis != before.Axis || s.From < before.To {
			return false
		}
	}
	return len(all) > 0
}
