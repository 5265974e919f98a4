package lower

import (
	"reflect"
	"slices"
	"unsafe"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Some ops keep in themselves what they computed, for the op of their derivative to find there: BatchNorm its mean
// and variance, CTCLoss its table, GroupNorm its statistics. No edge of the graph says so. What says it is that the
// derivative's op refers to the op itself, or to memory that both share. The order of such calls is kept by edges in
// the IR: see ir.Host.

// order finds the nodes that must be called before another one although it does not take their values.
type order struct {
	graphs map[*G.ExprGraph]*opaqueOps
}

// opaqueOps are the nodes of a graph whose ops are called on the host, by the memory that the ops refer to.
type opaqueOps struct {
	by   map[memory]G.Nodes
	refs map[*G.Node][]memory
}

// memory is the address of something that an op may change.
type memory unsafe.Pointer

// before lists the nodes that n's op may read the hidden state of: they were made earlier, their ops refer to memory
// that n's op refers to, and n takes them or one of their arguments, as a derivative does. A node of which n's op
// holds the op itself is among them whatever its arguments are.
func (o *order) before(n *G.Node) G.Nodes {
	g := n.Graph()
	if g == nil || !opaque(n) {
		return nil
	}
	if o.graphs == nil {
		o.graphs = map[*G.ExprGraph]*opaqueOps{}
	}
	ops := o.graphs[g]
	if ops == nil {
		ops = newOpaqueOps(g.AllNodes())
		o.graphs[g] = ops
	}
	var earlier G.Nodes
	for _, at := range ops.refs[n] {
		for _, m := range ops.by[at] {
			if m.ID() < n.ID() && !slices.Contains(earlier, m) && (at == self(m.Op()) || related(m, n)) {
				earlier = append(earlier, m)
			}
		}
	}
	slices.SortFunc(earlier, func(a, b *G.Node) int { return int(a.ID() - b.ID()) })
	return earlier
}

func newOpaqueOps(nodes G.Nodes) *opaqueOps {
	ops := &opaqueOps{map[memory]G.Nodes{}, map[*G.Node][]memory{}}
	for _, n := range nodes {
		if !opaque(n) {
			continue
		}
		ops.refs[n] = references(n.Op())
		for _, at := range ops.refs[n] {
			ops.by[at] = append(ops.by[at], n)
		}
	}
	return ops
}

// opaque reports whether it is not known what n's op does.
func opaque(n *G.Node) bool {
	if n.Op() == nil || len(Children(n)) == 0 {
		return false
	}
	if _, ours := n.Op().(Op); ours {
		return false
	}
	_, known := stockOps[stockName(n.Op())]
	return !known
}

// related reports whether n takes m or an argument of m.
func related(m, n *G.Node) bool {
	children := Children(n)
	if slices.Contains(children, m) {
		return true
	}
	return slices.ContainsFunc(Children(m), func(c *G.Node) bool { return slices.Contains(children, c) })
}

// self is the address of an op that is a pointer.
func self(op G.Op) memory {
	if v := reflect.ValueOf(op); v.Kind() == reflect.Pointer {
		return memory(v.UnsafePointer())
	}
	return nil
}

// references lists the memory that an op refers to, itself included if it is a pointer. What functions have captured
// cannot be seen.
func references(op G.Op) []memory {
	w := &memoryWalk{}
	w.visit(reflect.ValueOf(op), 0)
	return w.found
}

type memoryWalk struct{ found []memory }

// Limits of the walk: an op may hold a whole data set.
const (
	memoryDepth    = 8
	memoryElements = 64
)

func (w *memoryWalk) visit(v reflect.Value, depth int) {
	if depth > memoryDepth || !v.IsValid() || shared(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		w.visit(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			w.visit(v.Field(i), depth+1)
		}
	case reflect.Array:
		for i := range min(v.Len(), memoryElements) {
			w.visit(v.Index(i), depth+1)
		}
	case reflect.Map, reflect.Chan:
		w.add(v.UnsafePointer())
	case reflect.Slice:
		if v.Cap() == 0 || !w.add(v.UnsafePointer()) || plain(v.Type().Elem()) {
			return
		}
		for i := range min(v.Len(), memoryElements) {
			w.visit(v.Index(i), depth+1)
		}
	case reflect.Pointer:
		if v.IsNil() || v.Type().Elem().Size() == 0 || !w.add(v.UnsafePointer()) || isTensor(v.Type()) {
			return
		}
		w.visit(v.Elem(), depth+1)
	}
}

// add reports whether the address is new.
func (w *memoryWalk) add(p unsafe.Pointer) bool {
	if p == nil || slices.Contains(w.found, memory(p)) {
		return false
	}
	w.found = append(w.found, memory(p))
	return true
}

// shared reports whether a type's values are everybody's: types, and the graph itself.
func shared(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[*G.Node](), reflect.TypeFor[*G.ExprGraph](), reflect.TypeFor[tensor.Dtype]():
		return true
	}
	return t.Implements(reflect.TypeFor[reflect.Type]())
}

// isTensor reports whether the memory of a value is no op's structure but numbers.
func isTensor(t reflect.Type) bool { return t.Implements(reflect.TypeFor[tensor.Tensor]()) }

// plain reports whether values of a type cannot refer to memory.
func plain(t reflect.Type) bool {
	k := t.Kind()
	return k == reflect.String || reflect.Bool <= k && k <= reflect.Complex128 && k != reflect.Uintptr
}
