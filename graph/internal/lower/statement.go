package lower

import (
	G "gorgonia.org/gorgonia"
)

// Statement is what a statement of Gorgonia asks for after a run: that the value of From be stored.
type Statement struct {
	From *G.Node
	Into *G.Value // by gorgonia.Read; nil in the other kind
	To   *G.Node  // by gorgonia.Set
}

// StatementOf reads a statement, if n is one.
func StatementOf(n *G.Node) (s Statement, ok bool) {
	children := Children(n)
	switch stockName(n.Op()) {
	case "readOp":
		into := structOf(n.Op()).FieldByName("into")
		return Statement{From: children[0], Into: (*G.Value)(into.UnsafePointer())}, true
	case "letOp":
		return Statement{From: children[1], To: children[0]}, true
	}
	return Statement{}, false
}
