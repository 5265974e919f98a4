package op_test

import (
	"strings"
	"testing"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
)

// A function on the host that fails, or panics, is an error of the run that names it.
func TestCustomHostFails(t *testing.T) {
	for want, host := range map[string]func(out op.Array, in []op.Array) error{
		"Odd: the moon is full":  func(op.Array, []op.Array) error { return errors.New("the moon is full") },
		"Odd: panic: no moon":    func(op.Array, []op.Array) error { panic("no moon") },
		"Odd: panic: runtime er": func(out op.Array, _ []op.Array) error { out.Data[2] = 1; return nil },
	} {
		g := G.NewGraph()
		b := op.New(g)
		y := b.Custom(op.Custom{Name: "Odd", Host: host}, G.NewVector(g, G.Float32, G.WithShape(2), G.WithName("x")))
		if b.Err() != nil {
			t.Fatal(b.Err())
		}
		p, err := graph.Compile(graph.Config{Outputs: G.Nodes{y}})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
}
