package graph_test

import (
	"fmt"
	"log"
	"os"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
)

// A graph of Gorgonia's own operations, trained with Gorgonia's own solver: y = 2x - 1 is learnt from four points.
func ExampleNewVM() {
	g := G.NewGraph()
	x := G.NewVector(g, G.Float64, G.WithName("x"), G.WithShape(4),
		G.WithValue(tensor.New(tensor.WithBacking([]float64{0, 1, 2, 3}))))
	y := G.NewVector(g, G.Float64, G.WithName("y"), G.WithShape(4),
		G.WithValue(tensor.New(tensor.WithBacking([]float64{-1, 1, 3, 5}))))
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

// Probabilities beside a loss of their logarithm. Log(SoftMax(x)) would make a LogSoftMax of the SoftMax itself.
func ExampleNewVM_probabilities() {
	g := G.NewGraph()
	x := G.NewVector(g, G.Float64, G.WithName("x"), G.WithShape(3),
		G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 2, 3}))))
	logs := G.Must(G.LogSoftMax(x))
	probabilities := G.Must(G.Exp(logs))
	loss := G.Must(G.Neg(G.Must(G.Mean(logs))))
	if _, err := G.Grad(loss, x); err != nil {
		log.Fatal(err)
	}
	vm, err := graph.NewVM(g)
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.2f, loss %.3f\n", probabilities.Value(), loss.Value())
	// Output: [0.09  0.24  0.67], loss 1.408
}

// What watches a tape machine watches a VM.
func ExampleWithNaNWatch() {
	g := G.NewGraph()
	x := G.NewVector(g, G.Float64, G.WithName("x"), G.WithShape(2),
		G.WithValue(tensor.New(tensor.WithBacking([]float64{1, -1}))))
	root := G.Must(G.Sqrt(x))
	G.WithName("root")(root)
	G.Must(G.Sum(root))
	vm, err := graph.NewVM(g, graph.WithNaNWatch(), graph.WithWatchlist(root), graph.WithLogger(log.New(os.Stdout, "", 0)))
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()
	fmt.Println(vm.RunAll())
	// Output:
	// root[2] = [1.000    NaN]
	// the value of root[2] is NaN at position 1
}

// A tape machine's Let and Set, and a program that computes only what is asked for.
func ExampleVM_Set() {
	g := G.NewGraph()
	w := G.NewScalar(g, G.Float64, G.WithName("w"))
	cost := G.Must(G.Square(w))
	grads, err := G.Grad(cost, w)
	if err != nil {
		log.Fatal(err)
	}
	next := G.Must(G.Sub(w, G.Must(G.Mul(grads[0], G.NewConstant(0.25)))))
	vm, err := graph.NewVM(g, graph.ResultsOnly())
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()
	if err := vm.Let(w, 8.0); err != nil {
		log.Fatal(err)
	}
	for range 3 {
		if err := vm.RunAll(); err != nil {
			log.Fatal(err)
		}
		if err := vm.Set(w, next); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(w.Value())
	// Output: 1
}
