package lessons_test

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// letters is the vocabulary of "hello".
const letters = "helo"

// hello is a recurrent network of three units that reads h, e, l, l and is asked for e, l, l, o.
type hello struct {
	b                           *op.Builder
	params                      *models.Params
	logits, probabilities, loss *G.Node
	step                        *optim.Step // nil: not yet trained
}

func newHello() *hello {
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	//lesson:hello
	inputs := integers(b, "hell", []int32{0, 1, 2, 2}, 4, 1)  // T×B: h e l l
	targets := integers(b, "ello", []int32{1, 2, 2, 3}, 4, 1) // T×B: e l l o
	rnn, err := models.NewRecurrent(p, "rnn", models.RecurrentConfig{
		Cell: models.CellConfig{Kind: "rnn"}, Input: 4, Hidden: 3, Layers: 1,
	})
	check(err)
	output := models.NewLinear(p, "output", 3, 4)

	hs, _ := rnn.Apply(b, models.Input{X: inputs})          // T×B×H: h_t = tanh(W_xh x_t + W_hh h_{t-1} + b)
	logits := output.Apply(b, hs)                           // T×B×V: y_t = W_hy h_t + b
	loss := b.Mean(b.CrossEntropy(logits, targets, nil, 0)) // mean of -ln softmax(y_t)[target_t]
	//lesson:end
	return &hello{b: b, params: p, logits: logits, probabilities: b.Softmax(logits), loss: loss}
}

// train makes one step of Adam, writes the new weights into the graph and gives the loss before the step.
func (m *hello) train() float64 {
	if m.step == nil {
		var err error
		m.step, err = optim.NewStep(m.b, optim.StepConfig{
			Device: ref.New(), Loss: m.loss, Params: m.params.Nodes(), Optimizer: optim.DefaultAdam,
		})
		check(err)
		check(m.step.Set(m.step.Rate, []float32{0.1}))
	}
	check(m.step.Run())
	loss := make([]float32, 1)
	check(m.step.Get(m.step.Loss, loss))
	for _, n := range m.params.Nodes() {
		check(m.step.Get(n, n.Value().Data()))
	}
	return float64(loss[0])
}

// print writes a line for each step: what is read, how likely each letter is next, and which is the likeliest.
func (m *hello) print() {
	v := compute(m.b, m.probabilities, m.loss)
	fmt.Println("reads   p(h)  p(e)  p(l)  p(o)   writes")
	for t, letter := range "hell" {
		p := v[0][4*t:][:4]
		fmt.Printf("  %c     %.2f  %.2f  %.2f  %.2f     %c\n", letter, p[0], p[1], p[2], p[3], letters[largest(p)])
	}
	fmt.Printf("loss    %.4f\n", v[1][0])
}

// written are the likeliest letters.
func (m *hello) written() string {
	p := compute(m.b, m.probabilities)[0]
	var s []byte
	for t := range 4 {
		s = append(s, letters[largest(p[4*t:][:4])])
	}
	return string(s)
}

func Example_hello() {
	m := newHello()
	fmt.Println("before training")
	m.print()

	steps := 0
	for m.written() != "ello" {
		m.train()
		steps++
	}
	fmt.Printf("\nthe first time that all four are right: after %d steps\n", steps)
	m.print()
	// Output:
	// before training
	// reads   p(h)  p(e)  p(l)  p(o)   writes
	//   h     0.29  0.35  0.23  0.14     e
	//   e     0.28  0.39  0.19  0.15     e
	//   l     0.28  0.38  0.21  0.13     e
	//   l     0.27  0.38  0.21  0.13     e
	// loss    1.5757
	//
	// the first time that all four are right: after 10 steps
	// reads   p(h)  p(e)  p(l)  p(o)   writes
	//   h     0.01  0.45  0.40  0.14     e
	//   e     0.00  0.33  0.54  0.13     l
	//   l     0.02  0.20  0.44  0.34     l
	//   l     0.02  0.17  0.39  0.41     o
	// loss    0.7768
}

// The scores of the drawing from which the example is known: the letter wanted is e, and o has the largest.
func Example_scores() {
	b := op.New(G.NewGraph())
	scores := array(b, "scores", []float32{1.0, 2.2, -3.0, 4.1}, 4)
	v := compute(b, scores, b.Softmax(scores))
	for i, p := range v[1] {
		fmt.Printf("%c  score %4.1f  p %.3f\n", letters[i], v[0][i], p)
	}
	// Output:
	// h  score  1.0  p 0.038
	// e  score  2.2  p 0.125
	// l  score -3.0  p 0.001
	// o  score  4.1  p 0.837
}

// One recurrence, wired in five ways.
func Example_shapes() {
	const T, B, I, H, C = 5, 2, 8, 16, 4
	vectors := func(b *op.Builder, steps int) *G.Node {
		return array(b, "x", make([]float32, steps*B*I), steps, B, I)
	}
	layers := func(p *models.Params) (*models.Recurrent, *models.Linear) {
		r, err := models.NewRecurrent(p, "rnn",
			models.RecurrentConfig{Cell: models.CellConfig{Kind: "rnn"}, Input: I, Hidden: H, Layers: 1})
		check(err)
		return r, models.NewLinear(p, "output", H, C)
	}
	for _, wiring := range []struct {
		name string
		wire func(b *op.Builder, p *models.Params) (x, y *G.Node)
	}{
		{"one to one", func(b *op.Builder, p *models.Params) (*G.Node, *G.Node) {
			rnn, output := layers(p)
			//lesson:one_to_one
			x := vectors(b, 1) // a sequence of one step
			_, last := rnn.Apply(b, models.Input{X: x})
			y := output.Apply(b, last[0])
			//lesson:end
			return x, y
		}},
		{"one to many", func(b *op.Builder, p *models.Params) (*G.Node, *G.Node) {
			rnn, output := layers(p)
			//lesson:one_to_many
			x := vectors(b, 1)
			xs := b.Broadcast(x, T, B, I) // every step sees the one input
			hs, _ := rnn.Apply(b, models.Input{X: xs})
			y := output.Apply(b, hs)
			//lesson:end
			return x, y
		}},
		{"many to one", func(b *op.Builder, p *models.Params) (*G.Node, *G.Node) {
			rnn, output := layers(p)
			//lesson:many_to_one
			x := vectors(b, T)
			_, last := rnn.Apply(b, models.Input{X: x})
			y := output.Apply(b, last[0]) // the last state alone
			//lesson:end
			return x, y
		}},
		{"many to many, in step", func(b *op.Builder, p *models.Params) (*G.Node, *G.Node) {
			rnn, output := layers(p)
			//lesson:in_step
			x := vectors(b, T)
			hs, _ := rnn.Apply(b, models.Input{X: x})
			y := output.Apply(b, hs) // every state
			//lesson:end
			return x, y
		}},
		{"many to many, of other lengths", func(b *op.Builder, p *models.Params) (*G.Node, *G.Node) {
			m, err := models.NewSeq2Seq(p, models.Seq2SeqConfig{
				Source: 10, Target: C + 4, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "rnn"}, Embed: I,
				Hidden: H, Layers: 1,
			})
			check(err)
			//lesson:other_lengths
			x := integers(b, "source", make([]int32, 5*B), 5, B)
			target := integers(b, "target", make([]int32, 7*B), 7, B)
			y := m.Predict(b, x, target, models.Teaching{}).Logits
			//lesson:end
			return x, y
		}},
	} {
		b := op.New(G.NewGraph())
		x, y := wiring.wire(b, models.NewParams(b, tensor.Float32, 1))
		check(b.Err())
		fmt.Printf("%-31s %-10s -> %s\n", wiring.name, shape(x), shape(y))
	}
	// Output:
	// one to one                      (1, 2, 8)  -> (2, 4)
	// one to many                     (1, 2, 8)  -> (5, 2, 4)
	// many to one                     (5, 2, 8)  -> (2, 4)
	// many to many, in step           (5, 2, 8)  -> (5, 2, 4)
	// many to many, of other lengths  (5, 2)     -> (7, 2, 8)
}

// An image as a sequence: 28 steps, each a row of 28 numbers.
func Example_rows() {
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 1)
	//lesson:rows
	m, err := models.NewClassifier(p, models.ClassifierConfig{
		Input: 28, Cell: models.CellConfig{Kind: "rnn"}, Hidden: 256, Layers: 2, Classes: 10,
	})
	check(err)
	images := G.NewTensor(b.Graph(), tensor.Float32, 3, G.WithShape(28, 64, 28)) // T×B×I: rows, images, columns
	logits := m.Logits(b, models.Input{X: images})                               // B×C
	//lesson:end
	check(b.Err())
	fmt.Println("images", shape(images))
	fmt.Println("logits", shape(logits))
	weights := 0
	for _, n := range p.Nodes() {
		fmt.Printf("%-20s %s\n", n.Name(), shape(n))
		weights += n.Shape().TotalSize()
	}
	fmt.Println(weights, "weights, for any number of rows")
	// Output:
	// images (28, 64, 28)
	// logits (64, 10)
	// rnn.weight_ih_l0     (256, 28)
	// rnn.weight_hh_l0     (256, 256)
	// rnn.bias_ih_l0       (256)
	// rnn.bias_hh_l0       (256)
	// rnn.weight_ih_l1     (256, 256)
	// rnn.weight_hh_l1     (256, 256)
	// rnn.bias_ih_l1       (256)
	// rnn.bias_hh_l1       (256)
	// output.weight        (10, 256)
	// output.bias          (10)
	// 207370 weights, for any number of rows
}
