package op

import (
	"testing"

	G "gorgonia.org/gorgonia"
)

// A graph finds its nodes by their numbers, whoever made them, and does not search all of them for the next one.
func TestNodesAreFound(t *testing.T) {
	g := G.NewGraph()
	b := New(g)
	x := G.NewVector(g, G.Float32, G.WithShape(3), G.WithName("x"))
	y := x
	for i := range 3 * ahead {
		if i%3 == 0 {
			y = G.Must(G.Add(y, x)) // Gorgonia's own
		} else {
			y = b.Affine(y, 2, 1)
		}
	}
	if err := b.Err(); err != nil {
		t.Fatal(err)
	}
	all := g.AllNodes()
	for _, n := range all {
		if got := g.Node(n.ID()); got != n {
			t.Fatalf("node %d is %v", n.ID(), got)
		}
	}
	if g.Has(y.ID() + 1) {
		t.Error("a node that is not there is found")
	}
	foretell(g)
	if at, ok := indexOf(g)[y.ID()+1]; !ok || at != len(all) {
		t.Errorf("the next node is expected at %d, %t, and will be at %d", at, ok, len(all))
	}
}
