package graph_test

import (
	"bytes"
	"log"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/op"
)

// Every node has the value that it has on Gorgonia's machine at the time that it is computed, on the first run and on
// later ones.
func TestVMEveryNodeHasAValue(t *testing.T) {
	for name, build := range models {
		t.Run(name, func(t *testing.T) {
			m := newStockModel(G.Float64, build)
			vm := newVM(t, m.g)
			for range 2 {
				run(t, vm)
				values := map[*G.Node]G.Value{}
				for _, n := range lower.Sorted(m.g.AllNodes()) {
					if n.Value() == nil {
						t.Fatalf("%s has no value", n.Name())
					}
					if lower.Given(n) {
						continue
					}
					var args []G.Value
					for _, c := range lower.Children(n) {
						v, err := G.CloneValue(c.Value())
						no(t, err)
						args = append(args, v)
					}
					v, err := n.Op().Do(args...)
					no(t, err)
					values[n] = v
					near(t, n.Name(), numbers(t, n.Value()), numbers(t, v), 1e-12)
				}
				m.perturb()
			}
		})
	}
}

// What was differentiated has a value whatever is computed from it, even if only results have.
func TestVMCostIsUsedOn(t *testing.T) {
	for name, opts := range map[string][]graph.Option{"all": nil, "results": {graph.ResultsOnly()}} {
		g := G.NewGraph()
		x := vector(g, "x", 1, 2, 3)
		y := G.Must(G.Square(x))
		cost := G.Must(G.Sum(y))
		perplexity := G.Must(G.Exp(G.Must(G.Neg(cost))))
		if _, err := G.Grad(cost, x); err != nil {
			t.Fatal(err)
		}
		run(t, newVM(t, g, opts...))
		wants(t, name+": cost", cost.Value(), 14)
		wants(t, name+": perplexity", perplexity.Value(), 8.315287191035679e-07)
		if (y.Value() == nil) != (name == "results") {
			t.Errorf("%s: an inner node has the value %v", name, y.Value())
		}
		if name == "all" {
			wants(t, "derivative of an inner node", y.Deriv().Value(), 1, 1, 1)
		}
	}
}

// A scan stands for several values, and its derivative, and sums of such: these nodes have none, and all others do.
func TestVMValuesAroundScans(t *testing.T) {
	m := newStockModel(G.Float64, func(m *stockModel) *G.Node {
		b := op.New(m.g)
		xs, h0, w := m.input("xs", 3, 2), m.param("h0", 2), m.param("w", 2)
		r := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{h0}}, func(b *op.Builder, in op.In) op.Out {
			h := b.Tanh(b.Add(b.Mul(in.States[0], w), in.Seqs[0]))
			return op.Out{States: []*G.Node{h}, Outs: []*G.Node{b.Square(h)}}
		})
		no(t, b.Err())
		return G.Must(G.Add(G.Must(G.Sum(r.Final[0])), G.Must(G.Sum(b.Add(r.Outs[0], r.States[0])))))
	})
	vm := newVM(t, m.g)
	run(t, vm)
	near(t, "gradient", m.gradients(t), m.differences(t, vm), 1e-6)
}

func TestVMWatches(t *testing.T) {
	g := G.NewGraph()
	x := vector(g, "x", 1, 2)
	quotient := G.Must(G.HadamardDiv(x, vector(g, "y", 4, 0)))
	G.WithName("quotient")(quotient)
	G.Must(G.Sum(G.Must(G.Sub(quotient, quotient))))
	var out bytes.Buffer
	vm := newVM(t, g, graph.WithWatchlist(x, quotient),
		graph.WithLogger(log.New(&out, "", 0)), graph.WithValueFmt("%1.2f"))
	run(t, vm)
	if want := "x[2] = [1.00  2.00]\nquotient[2] = [0.25  +Inf]\n"; out.String() != want {
		t.Errorf("logged %q, want %q", out.String(), want)
	}
	for what, c := range map[string]struct {
		opts []graph.Option
		says string
	}{
		"infinite":     {[]graph.Option{graph.WithInfWatch()}, "quotient[2] is +Inf at position 1"},
		"not a number": {[]graph.Option{graph.WithNaNWatch(), graph.ResultsOnly()}, "is NaN at position 1"},
		"both, the first found": {[]graph.Option{graph.WithNaNWatch(), graph.WithInfWatch()},
			"quotient[2] is +Inf at position 1"},
	} {
		if err := newVM(t, g, c.opts...).RunAll(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	no(t, G.Let(g.ByName("y")[0], vector(G.NewGraph(), "z", 1, 1).Value()))
	run(t, newVM(t, g, graph.WithNaNWatch(), graph.WithInfWatch()))
}

func TestVMLetAndSet(t *testing.T) {
	g := G.NewGraph()
	x := vector(g, "x", 1, 2)
	y := G.Must(G.Add(x, x))
	other := vector(G.NewGraph(), "other", 1, 2)
	vm := newVM(t, g)
	if err := vm.Set(x, y); err == nil || !strings.Contains(err.Error(), "no value yet") {
		t.Errorf("Set before the run: %v", err)
	}
	no(t, vm.Let(x, other.Value()))
	for _, want := range []float64{1, 2, 4} {
		run(t, vm)
		wants(t, "x", x.Value(), want, 2*want)
		no(t, vm.Set(x, y))
	}
	for _, err := range []error{vm.Let(other, 1.0), vm.Set(other, x), vm.Set(x, other)} {
		if err == nil || !strings.Contains(err.Error(), "other[2] is not in the graph") {
			t.Errorf("a node of another graph: %v", err)
		}
	}
	if vm.Program() == nil || len(vm.Program().Tape().Code) == 0 {
		t.Error("there is no program")
	}
}
