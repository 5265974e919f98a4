package models_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"strings"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// The shapes in which recurrent networks are used, each as a task that is learned in a moment.

// matrix declares an input of T×B tokens.
func matrix(b *op.Builder, name string, steps, batch int) *G.Node {
	return G.NewMatrix(b.Graph(), tensor.Int32, G.WithShape(steps, batch), G.WithName(name))
}

// learn minimises the loss with Adam. feed sets the inputs before each step. It gives a program that computes
// out, an output of integers, with the weights that were learned.
func learn(
	b *op.Builder, loss, out *G.Node, params G.Nodes, steps int, feed func(p *graph.Program),
) func(inputs map[*G.Node]any) []int32 {
	device := cpu.New()
	step, err := optim.NewStep(b, optim.StepConfig{Device: device, Loss: loss, Params: params,
		Optimizer: optim.DefaultAdam, Clip: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer step.Close()
	step.Set(step.Rate, []float32{0.01})
	for range steps {
		feed(step.Program)
		if err := step.Run(); err != nil {
			log.Fatal(err)
		}
	}
	p, err := graph.Compile(graph.Config{Device: device, Outputs: G.Nodes{out}})
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range params {
		w := make([]float32, n.Shape().TotalSize())
		step.Get(n, w)
		if err := p.Set(n, w); err != nil {
			log.Fatal(err)
		}
	}
	return func(inputs map[*G.Node]any) []int32 {
		for n, data := range inputs {
			if err := p.Set(n, data); err != nil {
				log.Fatal(err)
			}
		}
		if err := p.Run(); err != nil {
			log.Fatal(err)
		}
		y := make([]int32, out.Shape().TotalSize())
		if err := p.Get(out, y); err != nil {
			log.Fatal(err)
		}
		return y
	}
}

// One to one: a vector becomes a class, in a single step. The task is exclusive or.
func Example_oneToOne() {
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	m, err := models.NewClassifier(p, models.ClassifierConfig{
		Input: 2, Cell: models.CellConfig{Kind: "rnn"}, Hidden: 8, Layers: 1, Classes: 2,
	})
	if err != nil {
		log.Fatal(err)
	}
	// 1 step × 4 examples × 2 numbers
	xs := G.NewTensor(b.Graph(), tensor.Float32, 3, G.WithShape(1, 4, 2), G.WithName("xs"))
	classes := G.NewVector(b.Graph(), tensor.Int32, G.WithShape(4), G.WithName("classes"))
	logits := m.Logits(b, models.Input{X: xs})
	loss := b.Mean(b.CrossEntropy(logits, classes, nil, 0))

	inputs := []float32{0, 0, 0, 1, 1, 0, 1, 1}
	answer := learn(b, loss, b.Argmax(logits), p.Nodes(), 200, func(p *graph.Program) {
		p.Set(xs, inputs)
		p.Set(classes, []int32{0, 1, 1, 0})
	})
	fmt.Println(answer(map[*G.Node]any{xs: inputs}))
	// Output: [0 1 1 0]
}

// One to many: a vector becomes a sequence. The task is to spell a number, which every step sees.
func Example_oneToMany() {
	numbers := []string{"one  ", "two  ", "three", "four ", "five "}
	const letters, steps = " efhinortuvw", 5
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	layers, err := models.NewRecurrent(p, "rnn", models.RecurrentConfig{
		Cell: models.CellConfig{Kind: "gru"}, Input: len(numbers), Hidden: 16, Layers: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	output := models.NewLinear(p, "output", 16, len(letters))

	number := G.NewVector(b.Graph(), tensor.Int32, G.WithShape(len(numbers)), G.WithName("number")) // B
	spelled := matrix(b, "letters", steps, len(numbers))                                            // T×B
	x := b.OneHot(number, len(numbers), output.Weight)                                              // B×I
	xs := b.Broadcast(x, append([]int{steps}, x.Shape()...)...)                                     // T×B×I
	hs, _ := layers.Apply(b, models.Input{X: xs})
	logits := output.Apply(b, hs) // T×B×V
	loss := b.Mean(b.CrossEntropy(logits, spelled, nil, 0))

	all := []int32{0, 1, 2, 3, 4}
	targets := make([]int32, steps*len(numbers))
	for k, s := range numbers {
		for i, r := range s {
			targets[i*len(numbers)+k] = int32(strings.IndexRune(letters, r))
		}
	}
	answer := learn(b, loss, b.Argmax(logits), p.Nodes(), 200, func(p *graph.Program) {
		p.Set(number, all)
		p.Set(spelled, targets)
	})
	tokens := answer(map[*G.Node]any{number: all})
	for k := range numbers {
		var s strings.Builder
		for i := range steps {
			s.WriteByte(letters[tokens[i*len(numbers)+k]])
		}
		fmt.Println(k+1, strings.TrimSpace(s.String()))
	}
	// Output:
	// 1 one
	// 2 two
	// 3 three
	// 4 four
	// 5 five
}

// Many to one: a sequence becomes a class. The task is to say whether there are more b than a in a word; words
// have different lengths, and the mask tells padding from letters.
func Example_manyToOne() {
	words := []string{"aab", "b", "babab", "aaabb", "bbba", "a", "abb", "aabba"}
	const steps = 5
	letters, valid := make([]int32, steps*len(words)), make([]int32, steps*len(words))
	more := make([]int32, len(words))
	for k, w := range words {
		for i := range w {
			letters[i*len(words)+k], valid[i*len(words)+k] = int32(w[i]-'a'), 1
		}
		if strings.Count(w, "b") > strings.Count(w, "a") {
			more[k] = 1
		}
	}
	fmt.Println("wanted", more)
	for _, pooling := range models.Poolings {
		b := op.New(G.NewGraph())
		p := models.NewParams(b, tensor.Float32, 1)
		m, err := models.NewClassifier(p, models.ClassifierConfig{
			Vocab: 2, Embed: 4, Cell: models.CellConfig{Kind: "lstm"}, Hidden: 8, Layers: 1, Bidirectional: true,
			Pooling: pooling, Classes: 2,
		})
		if err != nil {
			log.Fatal(err)
		}
		xs, mask := matrix(b, "letters", steps, len(words)), matrix(b, "mask", steps, len(words))
		classes := G.NewVector(b.Graph(), tensor.Int32, G.WithShape(len(words)), G.WithName("classes"))
		logits := m.Logits(b, models.Input{X: xs, Mask: mask})
		loss := b.Mean(b.CrossEntropy(logits, classes, nil, 0))
		answer := learn(b, loss, b.Argmax(logits), p.Nodes(), 200, func(p *graph.Program) {
			p.Set(xs, letters)
			p.Set(mask, valid)
			p.Set(classes, more)
		})
		fmt.Printf("%-6s %v\n", pooling, answer(map[*G.Node]any{xs: letters, mask: valid}))
	}
	// Output:
	// wanted [0 1 1 0 1 0 1 0]
	// last   [0 1 1 0 1 0 1 0]
	// mean   [0 1 1 0 1 0 1 0]
	// max    [0 1 1 0 1 0 1 0]
}

// Many to many, in step: each element of a sequence becomes a class. The task is the parity of the bits so far.
func Example_manyToManyInStep() {
	const steps, batch = 12, 16
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	layers, err := models.NewRecurrent(p, "rnn", models.RecurrentConfig{
		Cell: models.CellConfig{Kind: "gru"}, Input: 2, Hidden: 16, Layers: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	output := models.NewLinear(p, "output", 16, 2)
	bits, parity := matrix(b, "bits", steps, batch), matrix(b, "parity", steps, batch)
	hs, _ := layers.Apply(b, models.Input{X: bits}) // T×B×H
	logits := output.Apply(b, hs)                   // T×B×2
	loss := b.Mean(b.CrossEntropy(logits, parity, nil, 0))

	random := rand.New(rand.NewPCG(1, 2))
	xs, ys := make([]int32, steps*batch), make([]int32, steps*batch)
	draw := func() {
		for i := range xs {
			xs[i] = int32(random.IntN(2))
			ys[i] = xs[i]
			if i >= batch {
				ys[i] ^= ys[i-batch]
			}
		}
	}
	answer := learn(b, loss, b.Argmax(logits), p.Nodes(), 500, func(p *graph.Program) {
		draw()
		p.Set(bits, xs)
		p.Set(parity, ys)
	})
	draw()
	right := 0
	for i, y := range answer(map[*G.Node]any{bits: xs}) {
		if y == ys[i] {
			right++
		}
	}
	fmt.Println(right, "of", steps*batch, "are right")
	// Output: 192 of 192 are right
}

// Many to many, of different lengths: a sequence becomes another. The task is to double every letter of a word
// and to write it backwards, with attention.
func Example_manyToMany() {
	const letters, longest, batch = 6, 4, 32
	t := models.DefaultTokens
	const first = 4 // the first letter's token
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	m, err := models.NewSeq2Seq(p, models.Seq2SeqConfig{
		Source: first + letters, Target: first + letters, Tokens: t,
		Cell: models.CellConfig{Kind: "gru"}, Embed: 16, Hidden: 32, Layers: 1, Bidirectional: true,
		Attention: models.Additive{}, Before: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	source := matrix(b, "source", longest+1, batch)
	target := matrix(b, "target", 2*longest+1, batch)
	loss := m.Loss(b, m.Predict(b, source, target, models.Teaching{}).Logits, target)

	random := rand.New(rand.NewPCG(1, 2))
	xs, ys := make([]int32, (longest+1)*batch), make([]int32, (2*longest+1)*batch)
	put := func(k int, word []int32) {
		for i := range longest + 1 {
			xs[i*batch+k], ys[2*i*batch+k] = t.Padding, t.Padding
			if i < longest {
				ys[(2*i+1)*batch+k] = t.Padding
			}
		}
		for i, letter := range word {
			xs[i*batch+k] = letter
			at := 2 * (len(word) - 1 - i)
			ys[at*batch+k], ys[(at+1)*batch+k] = letter, letter
		}
		xs[len(word)*batch+k], ys[2*len(word)*batch+k] = t.End, t.End
	}
	answer := learn(b, loss, m.Greedy(b, source, 2*longest+1).Tokens, p.Nodes(), 500, func(p *graph.Program) {
		for k := range batch {
			word := make([]int32, 1+random.IntN(longest))
			for i := range word {
				word[i] = first + random.Int32N(letters)
			}
			put(k, word)
		}
		p.Set(source, xs)
		p.Set(target, ys)
	})
	words := []string{"a", "fed", "cafe", "bbc"}
	for k, w := range words {
		var word []int32
		for _, r := range w {
			word = append(word, first+r-'a')
		}
		put(k, word)
	}
	written := answer(map[*G.Node]any{source: xs})
	for k, w := range words {
		var s []byte
		for i := k; i < len(written) && written[i] != t.End; i += batch {
			s = append(s, 'a'+byte(written[i]-first))
		}
		fmt.Println(w, string(s))
	}
	// Output:
	// a aa
	// fed ddeeff
	// cafe eeffaacc
	// bbc ccbbbb
}
