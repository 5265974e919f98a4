package lessons_test

import (
	"fmt"
	"log"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
)

// device computes what is too much for the reference device. The models are small: a second thread would mostly wait.
var device = cpu.New(cpu.Threads(1))

// check ends an example that cannot go on.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// scalar declares a number with a value.
func scalar(b *op.Builder, name string, x float32) *G.Node {
	return G.NewScalar(b.Graph(), tensor.Float32, G.WithName(name), G.WithValue(x))
}

// array declares a tensor with a value.
func array(b *op.Builder, name string, data []float32, shape ...int) *G.Node {
	v := tensor.New(tensor.WithBacking(data), tensor.WithShape(shape...))
	return G.NewTensor(b.Graph(), tensor.Float32, len(shape), G.WithName(name), G.WithShape(shape...), G.WithValue(v))
}

// integers declares a tensor of tokens with a value.
func integers(b *op.Builder, name string, data []int32, shape ...int) *G.Node {
	v := tensor.New(tensor.WithBacking(data), tensor.WithShape(shape...))
	return G.NewTensor(b.Graph(), tensor.Int32, len(shape), G.WithName(name), G.WithShape(shape...), G.WithValue(v))
}

// compute gives the values of nodes, in one run on the reference device, whose every number is the exact one, rounded.
func compute(b *op.Builder, nodes ...*G.Node) [][]float32 {
	check(b.Err())
	p, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: nodes})
	check(err)
	defer p.Close()
	check(p.Run())
	values := make([][]float32, len(nodes))
	for i, n := range nodes {
		values[i] = make([]float32, n.Shape().TotalSize())
		check(p.Get(n, values[i]))
	}
	return values
}

// shape writes a node's shape as PyTorch does.
func shape(n *G.Node) string {
	return "(" + strings.Trim(strings.ReplaceAll(fmt.Sprint([]int(n.Shape())), " ", ", "), "[]") + ")"
}

// largest is the index of the largest number.
func largest(xs []float32) int { return slices.Index(xs, slices.Max(xs)) }
