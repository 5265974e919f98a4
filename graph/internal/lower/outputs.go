package lower

import (
	"reflect"
	"slices"

	G "gorgonia.org/gorgonia"
)

// Gradients tells which nodes are part of a derivative: those that Grad made or marked as such, and what is computed
// from them, but not what was differentiated. (Grad also marks nodes of the forward pass that it finds a use for.)
// nodes come in an order in which children are before parents.
func Gradients(nodes G.Nodes) map[*G.Node]bool {
	differentiated := map[*G.Node]bool{}
	for _, n := range slices.Backward(nodes) {
		if n.Deriv() != nil || differentiated[n] {
			differentiated[n] = true
			for _, c := range Children(n) {
				differentiated[c] = true
			}
		}
	}
	gradient := map[*G.Node]bool{}
	for _, n := range nodes {
		if differentiated[n] {
			continue
		}
		children := Children(n)
		gradient[n] = group(n) != "" || len(children) > 0 && len(n.DerivOf()) > 0
		for _, c := range children {
			gradient[n] = gradient[n] || gradient[c]
		}
	}
	return gradient
}

// Given reports whether a node has its value before the run: whether it is an input or a constant.
func Given(n *G.Node) bool {
	switch stockName(n.Op()) {
	case "constantScalar", "constantTensor":
		return true
	}
	return n.Op() == nil
}

// group is the mark that Gorgonia puts on some nodes of derivatives and on what it computes for them in vain.
func group(n *G.Node) string {
	g := reflect.ValueOf(n).Elem().FieldByName("group").String()
	if g == "gradients" || g == "undifferentiated nodes" {
		return g
	}
	return ""
}

// Results lists the nodes of a graph whose values its user can expect to read after a run:
//
//   - the ends of the forward pass: what no other node uses, or only a derivative (a cost);
//   - what was differentiated (a cost that is used on);
//   - what was computed from derivatives and is used by no other node, if the user made it;
//   - the derivatives of inputs;
//   - what statements (gorgonia.Read, gorgonia.Set) take.
func Results(g *G.ExprGraph) G.Nodes {
	var values, results G.Nodes
	chosen := map[*G.Node]bool{}
	choose := func(n *G.Node) {
		if !chosen[n] {
			chosen[n] = true
			results = append(results, n)
		}
	}
	for _, n := range sorted(g.AllNodes(), nil) {
		if s, ok := StatementOf(n); ok {
			choose(s.From)
		} else {
			values = append(values, n)
		}
	}
	gradient := Gradients(values)
	used, usedForward := map[*G.Node]bool{}, map[*G.Node]bool{}
	for _, n := range values {
		if stockName(n.Op()) == "sizeOp" {
			continue
		}
		for _, c := range Children(n) {
			used[c] = true
			usedForward[c] = usedForward[c] || !gradient[n]
		}
	}
	for _, n := range values {
		switch {
		case n.Op() == nil:
			if d := n.Deriv(); d != nil {
				choose(d)
			}
		case Given(n): // a constant
		case !gradient[n] && !usedForward[n] && stockName(n.Op()) != "sizeOp":
			choose(n)
		case gradient[n] && !used[n] && group(n) == "", n.Deriv() != nil && Given(n.Deriv()):
			choose(n)
		}
	}
	return results
}

// Inner lists all nodes of a graph that can have a value of their own, children before parents, but for inputs,
// constants, and what Gorgonia differentiated in vain.
func Inner(g *G.ExprGraph) G.Nodes {
	var inner G.Nodes
	tuples := map[*G.Node]bool{}
	for _, n := range sorted(g.AllNodes(), nil) {
		if _, isStatement := StatementOf(n); isStatement || Given(n) || n.Type() == nil {
			continue
		}
		t, _ := n.Op().(Tuple)
		tuples[n] = t != nil && t.Tuple() || stockName(n.Op()) == "elemBinOp" && tuples[Children(n)[0]]
		if !tuples[n] && group(n) != "undifferentiated nodes" {
			inner = append(inner, n)
		}
	}
	return inner
}
