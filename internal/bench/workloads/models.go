package workloads

import (
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// Size is the size of a workload; what a workload has no use for is 0.
type Size struct {
	Batch, Steps, In, Hidden, Layers int
	Source, Target                   int // vocabularies
}

// Problem is what a workload computes: the loss of a model on one batch, or another result.
type Problem struct {
	Loss   *G.Node // or the result
	Params G.Nodes
	Inputs []Input
	Of     *G.Node // an input whose gradient is wanted, too; nil: none
}

// Input is an input of a problem with its contents, []float32 or []int32.
type Input struct {
	Node *G.Node
	Data any
}

// batch declares a workload's inputs and draws what is in them.
type batch struct {
	b      *op.Builder
	rand   *rand.Rand
	inputs []Input
}

func newBatch(b *op.Builder) *batch { return &batch{b: b, rand: rand.New(rand.NewPCG(1, 2))} }

// tokens declares integers below n.
func (x *batch) tokens(name string, n int, shape ...int) *G.Node {
	node := G.NewTensor(x.b.Graph(), tensor.Int32, len(shape), G.WithShape(shape...), G.WithName(name))
	data := make([]int32, node.Shape().TotalSize())
	for i := range data {
		data[i] = int32(x.rand.IntN(n))
	}
	x.inputs = append(x.inputs, Input{node, data})
	return node
}

// floats declares numbers between 0 and 1.
func (x *batch) floats(name string, shape ...int) *G.Node {
	node := G.NewTensor(x.b.Graph(), tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name))
	data := make([]float32, node.Shape().TotalSize())
	for i := range data {
		data[i] = x.rand.Float32()
	}
	x.inputs = append(x.inputs, Input{node, data})
	return node
}

// zeros declares states before the first step, B×H each.
func zeros(b *op.Builder, s Size, names ...string) []*G.Node {
	states := make([]*G.Node, len(names))
	for i, name := range names {
		states[i] = G.NewMatrix(b.Graph(), tensor.Float32, G.WithShape(s.Batch, s.Hidden), G.WithName(name))
	}
	return states
}

// recurrent describes recurrent layers.
func recurrent(cell string, in int, s Size) models.RecurrentConfig {
	return models.RecurrentConfig{Cell: models.CellConfig{Kind: cell}, Input: in, Hidden: s.Hidden, Layers: s.Layers}
}

// languageModel predicts each of T×B characters from those before it.
func languageModel(cell string) func(*op.Builder, Size) (*Problem, error) {
	return func(b *op.Builder, s Size) (*Problem, error) {
		m, err := models.NewLM(models.NewParams(b, tensor.Float32, 0),
			models.LMConfig{Vocab: s.In, Cell: models.CellConfig{Kind: cell}, Hidden: s.Hidden, Layers: s.Layers})
		if err != nil {
			return nil, err
		}
		x := newBatch(b)
		tokens, targets := x.tokens("tokens", s.In, s.Steps, s.Batch), x.tokens("targets", s.In, s.Steps, s.Batch)
		logits, _ := m.Logits(b, models.Input{X: tokens, States: m.States(b, s.Batch)})
		loss := b.Mean(b.CrossEntropy(logits, targets, nil, 0))
		return &Problem{Loss: loss, Params: m.Params.Nodes(), Inputs: x.inputs}, nil
	}
}

// pixelRows classifies images from the last state of a network that reads them row by row.
func pixelRows(b *op.Builder, s Size) (*Problem, error) {
	p := models.NewParams(b, tensor.Float32, 0)
	x := newBatch(b)
	xs, targets := x.floats("rows", s.Steps, s.Batch, s.In), x.tokens("targets", s.Target, s.Batch)
	layers, err := models.NewRecurrent(p, "rnn", recurrent("rnn", s.In, s))
	if err != nil {
		return nil, err
	}
	_, last := layers.Apply(b, models.Input{X: xs, States: layers.States(b, s.Batch)})
	logits := models.NewLinear(p, "output", s.Hidden, s.Target).Apply(b, layers.Top(b, last))
	return &Problem{Loss: b.Mean(b.CrossEntropy(logits, targets, nil, 0)), Params: p.Nodes(), Inputs: x.inputs}, nil
}
