package graph_test

import (
	"fmt"
	"log"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
)

// A graph of Gorgonia's own operations, trained with Gorgonia's own solver: y = 2x - 1 is learnt from four points.
func ExampleNewVM() {
	g := G.NewGraph()
	x := G.NewVector(g, G.Float64, G.WithName("x"), G.WithShape(4), G.WithValue(tensor.New(tensor.WithBacking([]float64{0, 1, 2, 3}))))
	y := G.NewVector(g, G.Float64, G.WithName("y"), G.WithShape(4), G.WithValue(tensor.New(tensor.WithBacking([]float64{-1, 1, 3, 5}))))
	w := G.NewScalar(g, G.Float64, G.WithName("w"), G.WithValue(0.0))
	b := G.NewScalar(g, G.Float64, G.WithName("b"), G.WithValue(0.0))
	line := G.Must(G.Add(G.Must(G.Mul(x, w)), b))
	cost := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(line, y))))))
	if _, err := G.Grad(cost, w, b); err != nil {
		log.Fatal(err)
	}

	vm, err := graph.NewVM(g) // instead of G.NewTapeMachine(g, G.BindDualValues(w, b))
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()
	solver := G.NewVanillaSolver(G.WithLearnRate(0.1))
	for range 200 {
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		if err := solver.Step(G.NodesToValueGrads(G.Nodes{w, b})); err != nil {
			log.Fatal(err)
		}
		vm.Reset()
	}
	fmt.Printf("w = %.3f, b = %.3f, cost = %.6f\n", w.Value().Data(), b.Value().Data(), cost.Value().Data())
	// Output: w = 2.000, b = -1.000, cost = 0.000000
}
