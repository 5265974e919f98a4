package lower

import (
	"reflect"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// CheckMerged refuses graphs in which Gorgonia has made one node of what the user wrote as several. nodes are all nodes of a
// program, children before parents.
//
// Gorgonia merges nodes with equal hashes, and some of its ops leave attributes out of the hash: a slice puts in only the low
// byte of its start and of its end, so that 0:128 and 256:384 are the same to it; SoftMax and LogSoftMax have one hash, and so
// have all Dropouts, all inputs of one name and shape, and random nodes of one distribution. The first node is used for all,
// without an error.
//
// What can be seen afterwards is this. Each time that a node is asked for, Gorgonia appends its edges to ExprGraph.to, also if
// the node was there already. Grad and Gorgonia's machine remove the duplicates from these lists, but leave them behind the
// end of the slice until it grows again. So the edges give a lower bound of how often a node was asked for: it is exact until
// Grad is called and often still tells the truth after it.
//
// Inputs, random nodes, softmaxes and dropouts that were asked for twice are refused. A slice is refused if
//
//   - its range, moved by a multiple of 256, fits the axis as well, and so is a range that Gorgonia could have taken for it
//     (this cannot be if the axis is not longer than the slice by 256);
//   - such a range is not covered by the slices of the same node along the axis, so that part of the node seems unused;
//   - and the slice was asked for twice, or is used twice, or the one value computed from it is, and so on. The derivative,
//     which uses what the forward pass uses once more, is not counted.
//
// So a slice that is used several times passes if the axis is short, or if the slices of the axis together cover it, or if it
// is the start of a chain. It cannot be seen that a SoftMax was merged with a LogSoftMax, or two Dropouts, once the edges are
// lost; nor that two ops were merged because their 32-bit hashes collide by chance.
func CheckMerged(nodes G.Nodes) error {
	if err := SelfTest(); err != nil {
		return err
	}
	m := newMergeCheck(nodes)
	for _, n := range nodes {
		if err := Guard(n, func() error { return m.check(n) }); err != nil {
			return errors.Wrap(err, "gorgonia has merged different nodes into one, silently")
		}
	}
	return nil
}

// mergeCheck knows how nodes are used.
type mergeCheck struct {
	users    map[*G.Node]G.Nodes         // in the forward pass, as often as they use the node
	gradient map[*G.Node]bool            // is the node part of a derivative?
	parts    map[axisOf][]span           // what stock slices take of an axis, but all of it, by their start
	asked    map[*G.Node]map[*G.Node]int // by child: the edges from each parent
	inputs   map[*G.ExprGraph]map[*G.Node]int
}

func newMergeCheck(nodes G.Nodes) *mergeCheck {
	m := &mergeCheck{
		users: map[*G.Node]G.Nodes{}, gradient: Gradients(nodes), parts: map[axisOf][]span{},
		asked: map[*G.Node]map[*G.Node]int{}, inputs: map[*G.ExprGraph]map[*G.Node]int{},
	}
	for _, n := range nodes {
		name := stockName(n.Op())
		if name == "sliceOp" {
			if axis, s := sliceOf(n); s.to-s.from < axis.size() {
				m.parts[axis] = append(m.parts[axis], s)
			}
		}
		if m.gradient[n] || name == "sizeOp" {
			continue
		}
		for _, c := range Children(n) {
			m.users[c] = append(m.users[c], n)
		}
	}
	for _, parts := range m.parts {
		slices.SortFunc(parts, func(a, b span) int { return a.from - b.from })
	}
	return m
}

func (m *mergeCheck) check(n *G.Node) error {
	if n.Op() == nil {
		if m.times(n) > 1 {
			return errors.Errorf("%d inputs have the name %q and the shape %v; give each a name of its own", m.times(n), n.Name(), n.Shape())
		}
		return nil
	}
	switch stockName(n.Op()) {
	case "softmaxOp":
		if m.times(n) > 1 {
			return errors.Errorf("%s was asked for %d times, and it cannot be seen whether as SoftMax or as LogSoftMax; keep the node in a variable, or use Softmax and LogSoftmax of op.Builder (package graph/op)", Describe(n), m.times(n))
		}
	case "dropoutOp":
		if m.times(n) > 1 {
			return errors.Errorf("%s was asked for %d times and would drop the same each time; keep the node in a variable, or use Dropout of op.Builder (package graph/op)", Describe(n), m.times(n))
		}
	case "randomOp":
		if m.times(n) > 1 {
			return errors.Errorf("%d random nodes of one distribution and shape are the same %s; give each a name with WithName, or use op.Builder (package graph/op)", m.times(n), Describe(n))
		}
	case "sliceOp":
		return m.slice(n)
	}
	return nil
}

func (m *mergeCheck) slice(n *G.Node) error {
	axis, s := sliceOf(n)
	length := s.to - s.from
	if length <= 0 {
		return nil // all of the axis
	}
	for from := s.from % 256; from+length <= axis.size(); from += 256 {
		alias := span{from, from + length}
		if alias != s && !covered(alias, m.parts[axis]) && m.reused(n) {
			return errors.Errorf("%s takes %d:%d of axis %d of %s, but part of %d:%d, which has the same hash in Gorgonia, is used nowhere, and the slice is used more than once; use Slice or Split of op.Builder (package graph/op)",
				Describe(n), s.from, s.to, axis.along, Describe(axis.of), alias.from, alias.to)
		}
	}
	return nil
}

type axisOf struct {
	of    *G.Node
	along int
}

func (a axisOf) size() int { return a.of.Shape()[a.along] }

// span is from, from+1, ..., to-1.
type span struct{ from, to int }

// sliceOf gives the axis and the range of a slice, as it was written.
func sliceOf(n *G.Node) (axis axisOf, s span) {
	axis = axisOf{Children(n)[0], attribute(structOf(n.Op()), "along").(int)}
	if t := n.Op().(interface{ IsSlice() tensor.Slice }).IsSlice(); t != nil {
		s = span{t.Start(), t.End()}
	}
	return axis, s
}

// covered reports whether s lies in the union of the parts, which are sorted by their start.
func covered(s span, parts []span) bool {
	for _, p := range parts {
		if p.from <= s.from && s.from < p.to {
			s.from = p.to
		}
	}
	return s.from >= s.to
}

// reused reports whether n was asked for twice or is used twice, or else whether its only user is reused.
func (m *mergeCheck) reused(n *G.Node) bool {
	for {
		if m.times(n) > 1 || len(m.users[n]) > 1 || m.gradient[n] && len(n.DerivOf()) > 1 {
			return true
		}
		if len(m.users[n]) == 0 {
			return false
		}
		n = m.users[n][0]
	}
}

// times is how often, at least, n was asked for.
func (m *mergeCheck) times(n *G.Node) int {
	g := n.Graph()
	if g == nil {
		return 1
	}
	graph := reflect.ValueOf(g).Elem()
	children := Children(n)
	if len(children) == 0 {
		if m.inputs[g] == nil {
			m.inputs[g] = count(graph.FieldByName("leaves"))
		}
		return m.inputs[g][n]
	}
	child := children[0]
	if m.asked[child] == nil {
		m.asked[child] = map[*G.Node]int{}
		if edges := graph.FieldByName("to").MapIndex(reflect.ValueOf(child)); edges.IsValid() {
			m.asked[child] = count(edges.Slice(0, edges.Cap()))
		}
	}
	each := 0 // edges of one request: op(x, x) has two
	for _, c := range children {
		if c == child {
			each++
		}
	}
	return (m.asked[child][n] + each - 1) / each
}

// count counts the nodes in a slice that was read by reflection.
func count(v reflect.Value) map[*G.Node]int {
	times := map[*G.Node]int{}
	for i := range v.Len() {
		times[(*G.Node)(v.Index(i).UnsafePointer())]++
	}
	return times
}
