package lower

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/tape"
)

// CheckMerged refuses graphs in which Gorgonia has made one node of what the user wrote as several. nodes are all
// nodes of a program, children before parents; of those in alike the user says that each was asked for in one way only.
//
// Gorgonia merges nodes with equal hashes, and some of its ops leave attributes out of the hash; see forgetful, and
// slices, of which the hash has the low byte of the start and of the end, so that 0:128 and 256:384 are the same to
// it. The first node is used for all, without an error.
//
// What can be seen afterwards is this. Each time that a node is asked for, Gorgonia appends its edges to
// ExprGraph.to, also if the node was there already. Grad and Gorgonia's machine remove the duplicates from these
// lists, but leave them behind the end of the slice until it grows again. So the edges give a lower bound of how
// often a node was asked for: it is exact until Grad is called and often still tells the truth after it.
//
// A node of a forgetful op that was asked for twice is refused, unless what the hash forgot cannot be anything else.
// So is a softmax that is multiplied by itself: that is what SoftMax(x)*LogSoftMax(x) becomes. A slice is refused if
//
//   - its range, moved by a multiple of 256, fits the axis as well, and so is a range that Gorgonia could have taken
//     for it (this cannot be if the axis is not longer than the slice by 256);
//   - such a range is not covered by the slices of the same node along the axis, so that part of the node seems unused;
//   - and the slice was asked for twice, or is used twice, or the one value computed from it is, and so on. The
//     derivative, which uses what the forward pass uses once more, is not counted.
//
// So a slice that is used several times passes if the axis is short, or if the slices of the axis together cover it,
// or if it is the start of a chain.
//
// It cannot be seen that nodes were merged once the edges are lost, which is so after Grad for Dropout, CTCLoss,
// tables, and a SoftMax and a LogSoftMax that are not multiplied; nor that constants were given one name; nor that
// Log was taken of a SoftMax, which makes that very node a LogSoftMax; nor that two ops were merged because their
// 32-bit hashes collide by chance. docs/gorgonia.md says how to be safe.
func CheckMerged(nodes, alike G.Nodes) error {
	if err := SelfTest(); err != nil {
		return err
	}
	m := newMergeCheck(nodes, alike)
	for _, n := range nodes {
		if slices.Contains(alike, n) {
			continue
		}
		if err := Guard(n, func() error { return m.check(n) }); err != nil {
			return errors.Wrap(err, "gorgonia has merged different nodes into one, silently")
		}
	}
	return nil
}

// forgetting is what the hash of an op leaves out.
type forgetting struct {
	attributes string
	instead    string // of op.Builder; empty: there is nothing of the kind
	differs    bool   // to ask for the op twice is to ask for two things, whatever the attributes are

	// inner says that the function which makes the node computes on with it, and gives only the result away.
	inner bool

	// certain reports whether the attributes of n cannot have been others.
	certain func(n *G.Node) bool
}

// forgetful are Gorgonia's op types whose hash leaves out what matters, but for slices. The hashes of derivatives
// leave out no more than those of their ops; and what a hash of a pool or of an upsampling leaves out shows in the
// shape, which is part of it.
var forgetful = map[string]forgetting{
	"softmaxOp":   {attributes: "whether as SoftMax or as LogSoftMax", instead: "Softmax and LogSoftmax"},
	"dropoutOp":   {attributes: "with which probability", instead: "Dropout", differs: true},
	"randomOp":    {attributes: "with which distribution", instead: "Uniform", differs: true},
	"sparsemaxOp": {attributes: "along which axis", certain: func(n *G.Node) bool { return n.Dims() <= 1 }},
	"ctcLossOp":   {attributes: "with which reduction"},
	"yoloOp":      {attributes: "with which masks, sizes and threshold"},
	"BatchNormOp": {attributes: "with which epsilon and momentum", differs: true, inner: true},
	"GroupNormOp": {attributes: "with which epsilon", inner: true},
	"im2colOp":    {attributes: "with which dilation", certain: oneDilation},
}

// oneDilation reports whether no other dilation gives a convolution of the same shape.
func oneDilation(n *G.Node) bool {
	op, in := structOf(n.Op()), Children(n)[0].Shape()
	for i, name := range []string{"H", "W"} {
		get := func(field string) int { return attribute(op, field).(int) }
		kernel, pad, stride, dilation := get([]string{"h", "w"}[i]), get("pad"+name), get("stride"+name), get("dilation"+name)
		size := func(d int) int { return (in[2+i] + 2*pad - d*(kernel-1) - 1) / stride }
		for d := 1; d*(kernel-1) < in[2+i]+2*pad; d++ {
			if kernel == 1 {
				break // dilation means nothing
			}
			if d != dilation && size(d) == size(dilation) {
				return false
			}
		}
	}
	return true
}

// mergeCheck knows how nodes are used.
type mergeCheck struct {
	users    map[*G.Node]G.Nodes         // in the forward pass, as often as they use the node
	gradient map[*G.Node]bool            // is the node part of a derivative?
	parts    map[axisOf][]span           // what stock slices take of an axis, but all of it, by their start
	asked    map[*G.Node]map[*G.Node]int // by child: the edges from each parent
	inputs   map[*G.ExprGraph]map[*G.Node]int
	alike    G.Nodes // the user says that each was asked for in one way only
}

func newMergeCheck(nodes, alike G.Nodes) *mergeCheck {
	m := &mergeCheck{
		alike: alike,
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
			return errors.Errorf("%d inputs have the name %q and the shape %v; give each a name of its own", m.times(n),
				n.Name(), n.Shape())
		}
		return nil
	}
	name := stockName(n.Op())
	if f, ok := forgetful[name]; ok {
		return m.forgotten(n, f)
	}
	switch name {
	case "sliceOp":
		return m.slice(n)
	case "elemBinOp":
		return m.selfProduct(n)
	case "constantTensor":
		return m.table(n)
	}
	return nil
}

// forgotten refuses a node of a forgetful op that was asked for several times.
func (m *mergeCheck) forgotten(n *G.Node, f forgetting) error {
	times := m.times(n)
	if f.inner {
		times = max(times, m.timesOfResult(n))
	}
	if times < 2 || f.certain != nil && f.certain(n) {
		return nil
	}
	advice := "keep the node in a variable"
	if len(Children(n)) == 0 {
		advice = "give each a name with WithName"
	}
	if f.instead != "" {
		advice += fmt.Sprintf(", or use %s of op.Builder (package graph/op)", f.instead)
	}
	if !f.differs {
		advice += ", or say that each was asked for alike, with graph.Alike"
	}
	return errors.Errorf("%s was asked for %d times, and it cannot be seen %s; %s", Describe(n), times,
		f.attributes, advice)
}

// timesOfResult is how often the node that a function computed from n was asked for: the function makes n, then a
// chain of nodes of which each is used by the next alone. If n has several users itself, then each comes from a call
// of its own.
func (m *mergeCheck) timesOfResult(n *G.Node) int {
	const chain = 2 // BatchNorm and GroupNorm multiply by the scale and add the bias
	times := len(m.users[n])
	for range chain {
		if len(m.users[n]) != 1 {
			break
		}
		n = m.users[n][0]
		times = max(times, m.times(n))
	}
	return times
}

// table refuses a constant that was used several times if its name is what Gorgonia prints of it and leaves out some
// elements: constants of one name are one to Gorgonia.
func (m *mergeCheck) table(n *G.Node) error {
	times := 0
	for i, u := range m.users[n] {
		if !slices.Contains(m.users[n][:i], u) {
			times += max(1, m.times(u))
		}
	}
	if times < 2 || !strings.Contains(n.Name(), "...") || n.Name() != fmt.Sprint(n.Value()) {
		return nil
	}
	return errors.Errorf("a constant table of shape %v is used %d times, and Gorgonia takes tables for one that print "+
		"alike; give each a name with WithName", []int(n.Shape()), times)
}

// selfProduct refuses the product of a softmax with itself.
func (m *mergeCheck) selfProduct(n *G.Node) error {
	children := Children(n)
	if m.gradient[n] || slices.Contains(m.alike, children[0]) || children[0] != children[1] ||
		stockName(children[0].Op()) != "softmaxOp" {
		return nil
	}
	if binaryOps[attribute(structOf(n.Op()), binaryField).(int)].fn != tape.Mul {
		return nil
	}
	return errors.Errorf("%s is %s times itself, as SoftMax(x)*LogSoftMax(x) and p*Log(p) become; use Softmax and "+
		"LogSoftmax of op.Builder (package graph/op), or, if you mean the square, Square, or graph.Alike of the softmax",
		Describe(n), Describe(children[0]))
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
			return errors.Errorf("%s takes %d:%d of axis %d of %s, but part of %d:%d, which has the same hash in Gorgonia, is "+
				"used nowhere, and the slice is used more than once; use Slice or Split of op.Builder (package graph/op)",
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
	times := 0
	for _, child := range children {
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
		times = max(times, (m.asked[child][n]+each-1)/each)
	}
	return times
}

// count counts the nodes in a slice that was read by reflection.
func count(v reflect.Value) map[*G.Node]int {
	times := map[*G.Node]int{}
	for i := range v.Len() {
		times[(*G.Node)(v.Index(i).UnsafePointer())]++
	}
	return times
}
