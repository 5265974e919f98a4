package op

import (
	"reflect"

	G "gorgonia.org/gorgonia"
)

// Gorgonia finds a node of a graph by its number. It keeps where each is, from the second time on; the first
// time, when the node gets its edges, it looks at all nodes before it, so that building a graph takes a time
// that grows with its square: most of the time that a model of hundreds of layers takes to build. So it is told
// beforehand: the next nodes will have the next numbers, and be at the end.
//
// That index is not Gorgonia's to give away. In a version that does not have it, or has it in another form,
// nothing is told it.

// indexField is where a graph keeps at which place the node of a number is; nil: in no place that is known.
var indexField = func() []int {
	f, ok := reflect.TypeFor[G.ExprGraph]().FieldByName("byID")
	if !ok || f.Type != reflect.TypeFor[map[int64]int]() {
		return nil
	}
	return f.Index
}()

// ahead is for how many nodes the index is filled at once.
const ahead = 1024

// foretell fills the index of a graph for the nodes that are made next.
func foretell(g *G.ExprGraph) {
	all, index := g.AllNodes(), indexOf(g)
	if len(all) == 0 || index == nil {
		return
	}
	next := all[len(all)-1].ID() + 1
	if _, told := index[next]; told {
		return
	}
	for i := range ahead {
		index[next+int64(i)] = len(all) + i
	}
}

func indexOf(g *G.ExprGraph) map[int64]int {
	if indexField == nil {
		return nil
	}
	return *(*map[int64]int)(reflect.ValueOf(g).Elem().FieldByIndex(indexField).Addr().UnsafePointer())
}
