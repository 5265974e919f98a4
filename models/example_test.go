package models_test

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// The graph of a language model, its derivative, and one run on the CPU.
func ExampleLM() {
	const steps, batch, vocab = 6, 2, 10
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	m, err := models.NewLM(p, models.LMConfig{Vocab: vocab, Cell: models.CellConfig{Kind: "lstm"}, Hidden: 16,
		Layers: 2, Embed: 4})
	check(err)
	tokens, targets := matrix(b, "tokens", steps, batch), matrix(b, "targets", steps, batch)
	logits, last := m.Logits(b, models.Input{X: tokens}) // from zero states on
	loss := b.Mean(b.CrossEntropy(logits, targets, nil, 0))
	check(b.Err())
	grads, err := G.Grad(loss, p.Nodes()...)
	check(err)
	program, err := graph.Compile(graph.Config{Outputs: append(G.Nodes{loss}, grads...)})
	check(err)
	defer program.Close()
	check(program.Run())
	value := make([]float32, 1)
	check(program.Get(loss, value))

	fmt.Println("logits", logits.Shape(), "and", len(last), "states of", last[0].Shape())
	fmt.Println(len(p.Nodes()), "parameters of", p.Count(), "weights")
	fmt.Printf("a loss of %.1f nats, of a guess among ten %.1f\n", value[0], 2.3)
	// Output:
	// logits (6, 2, 10) and 4 states of (2, 16)
	// 11 parameters of 3794 weights
	// a loss of 2.3 nats, of a guess among ten 2.3
}

// The graph of a classifier of sequences of vectors, which end at different steps.
func ExampleClassifier() {
	const steps, batch = 7, 3
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	m, err := models.NewClassifier(p, models.ClassifierConfig{
		Input: 5, Cell: models.CellConfig{Kind: "gru"}, Hidden: 8, Layers: 1, Bidirectional: true,
		Pooling: "mean", Classes: 4,
	})
	check(err)
	xs := G.NewTensor(b.Graph(), tensor.Float32, 3, G.WithShape(steps, batch, 5), G.WithName("xs")) // T×B×I
	logits := m.Logits(b, models.Input{X: xs, Mask: matrix(b, "mask", steps, batch)})               // B×C
	check(b.Err())
	fmt.Println(logits.Shape(), p.Nodes()[0].Name(), p.Nodes()[0].Shape())
	// Output: (3, 4) rnn.weight_ih_l0 (24, 5)
}

// The graph of a sequence-to-sequence model as it learns, and as it writes.
func ExampleSeq2Seq() {
	const sourceSteps, targetSteps, batch = 5, 6, 2
	b := op.New(G.NewGraph())
	m, err := models.NewSeq2Seq(models.NewParams(b, tensor.Float32, 1), models.Seq2SeqConfig{
		Source: 20, Target: 30, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "gru"}, Embed: 8,
		Hidden: 16, Layers: 1,
		Bidirectional: true, Attention: models.Additive{}, Before: true,
	})
	check(err)
	source, target := matrix(b, "source", sourceSteps, batch), matrix(b, "target", targetSteps, batch)
	p := m.Predict(b, source, target, models.Teaching{})
	loss := m.Loss(b, p.Logits, target)
	written := m.Greedy(b, source, 9)
	check(b.Err())
	fmt.Println("logits ", p.Logits.Shape())
	fmt.Println("weights", p.Weights.Shape())
	fmt.Println("loss   ", loss.Shape())
	fmt.Println("written", written.Tokens.Shape())
	// Output:
	// logits  (6, 2, 30)
	// weights (6, 2, 5)
	// loss    ()
	// written (9, 2)
}
