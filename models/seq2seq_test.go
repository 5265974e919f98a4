package models_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// translators are sequence-to-sequence models of all kinds.
var translators = map[string]models.Seq2SeqConfig{
	"context as first state":      {Cell: models.CellConfig{Kind: "gru"}},
	"context at every step":       {Cell: models.CellConfig{Kind: "gru"}, EveryStep: true},
	"every step, both directions": {Cell: models.CellConfig{Kind: "lstm"}, EveryStep: true, Bidirectional: true},
	"dot":                         {Cell: models.CellConfig{Kind: "lstm"}, Attention: models.Dot{}, Layers: 2},
	"dot before the cell":         {Cell: models.CellConfig{Kind: "gru"}, Attention: models.Dot{}, Before: true},
	"general with input feeding":  {Cell: models.CellConfig{Kind: "lstm"}, Attention: models.General{}, Bidirectional: true, Feeding: true},
	"Bahdanau":                    {Cell: models.CellConfig{Kind: "gru"}, Attention: models.Additive{}, Bidirectional: true, Before: true},
	"Bahdanau, two layers, tied":  {Cell: models.CellConfig{Kind: "lstm"}, Attention: models.Additive{}, Bidirectional: true, Before: true, Layers: 2, Tied: true},
	"concat":                      {Cell: models.CellConfig{Kind: "rnn"}, Attention: models.Concat{}, Bidirectional: true},
	"concat before, one table":    {Cell: models.CellConfig{Kind: "gru"}, Attention: models.Concat{}, Before: true, Tied: true, Shared: true},
	"Luong, all options":          {Cell: models.CellConfig{Kind: "lstm", LayerNorm: true}, Attention: models.Concat{}, Feeding: true, Layers: 2, Tied: true, Shared: true},
	"tied without projection":     {Cell: models.CellConfig{Kind: "gru"}, Tied: true, Embed: 4},
}

// translation is a model with a batch of sources and targets of various lengths.
type translation struct {
	*fixture
	m                  *models.Seq2Seq
	source, target     *G.Node
	sources, targets   [][]int32 // without padding
	steps, sourceSteps int
}

func translate(
	t *testing.T, c models.Seq2SeqConfig, sourceSteps, steps int, sourceLengths, lengths []int,
) *translation {
	f := newFixture(t)
	c.Source, c.Target, c.Tokens, c.Hidden = 9, 9, models.DefaultTokens, 4
	c.Layers, c.Embed = max(c.Layers, 1), max(c.Embed, 3)
	m, err := models.NewSeq2Seq(f.p, c)
	if err != nil {
		t.Fatal(err)
	}
	f.spread()
	x := &translation{fixture: f, m: m, steps: steps, sourceSteps: sourceSteps}
	batch := func(name string, lengths []int, steps int) (*G.Node, [][]int32) {
		data := make([]int32, steps*len(lengths)) // padding is 0
		sequences := make([][]int32, len(lengths))
		for k, n := range lengths {
			for s := range n {
				token := int32(4 + f.rand.IntN(c.Source-4))
				if s == n-1 {
					token = c.Tokens.End
				}
				data[s*len(lengths)+k] = token
				sequences[k] = append(sequences[k], token)
			}
		}
		return f.input(name, data, steps, len(lengths)), sequences
	}
	x.source, x.sources = batch("source", sourceLengths, sourceSteps)
	x.target, x.targets = batch("target", lengths, steps)
	return x
}

func (x *translation) plain() *plainSeq2Seq { return &plainSeq2Seq{x.m.Seq2SeqConfig, x.params()} }

// TestSeq2Seq compares logits, attention weights and the loss with plain loops over each pair alone, without
// its padding.
func TestSeq2Seq(t *testing.T) {
	for name, c := range translators {
		t.Run(name, func(t *testing.T) {
			x := translate(t, c, 5, 4, []int{3, 5, 1}, []int{4, 2, 3})
			p := x.m.Predict(x.b, x.source, x.target, models.Teaching{})
			loss := x.m.Loss(x.b, p.Logits, x.target)
			nodes := []*G.Node{loss, p.Logits}
			if c.Attention != nil {
				nodes = append(nodes, p.Weights)
			}
			got := x.run(nodes...)
			batch, vocab := len(x.sources), x.m.Target
			total, count := 0.0, 0.0
			plain := x.plain()
			for k, source := range x.sources {
				s := plain.encode(source)
				token := x.m.Tokens.Start
				for i, want := range x.targets[k] {
					logits, weights := plain.step(token, &s)
					equal(t, fmt.Sprintf("logits of step %d of sequence %d", i, k), got[1][(i*batch+k)*vocab:][:vocab], logits, 1e-12)
					if c.Attention != nil {
						weights = append(weights, make([]float64, x.sourceSteps-len(weights))...) // padding
						equal(t, "weights", got[2][(i*batch+k)*x.sourceSteps:][:x.sourceSteps], weights, 1e-12)
					}
					total -= logSoftmax(logits)[want]
					count++
					token = want
				}
			}
			equal(t, "loss", got[0], []float64{total / count}, 1e-12)
		})
	}
}

// TestSeq2SeqPadding: more padding changes neither the loss nor a derivative, up to rounding.
func TestSeq2SeqPadding(t *testing.T) {
	for name, c := range translators {
		t.Run(name, func(t *testing.T) {
			var results [2][][]float64
			for i, more := range []int{0, 3} {
				x := translate(t, c, 3+more, 4+more, []int{3, 2}, []int{4, 2})
				loss := x.m.Loss(x.b, x.m.Predict(x.b, x.source, x.target, models.Teaching{}).Logits, x.target)
				grads, err := G.Grad(loss, x.p.Nodes()...)
				if err != nil {
					t.Fatal(err)
				}
				results[i] = x.run(append(G.Nodes{loss}, grads...)...)
			}
			for i, want := range results[0] {
				equal(t, fmt.Sprint("result ", i), results[1][i], want, 1e-13)
			}
		})
	}
}

// TestSeq2SeqSmoothing: with label smoothing the loss is (1-ε) of that without, and ε of the mean over all tokens.
func TestSeq2SeqSmoothing(t *testing.T) {
	c := translators["Bahdanau"]
	c.Smoothing = 0.2
	x := translate(t, c, 3, 3, []int{3, 2}, []int{3, 2})
	p := x.m.Predict(x.b, x.source, x.target, models.Teaching{})
	got := x.run(x.m.Loss(x.b, p.Logits, x.target), p.Logits)
	want, count := 0.0, 0.0
	for k, target := range x.targets {
		for i, token := range target {
			ln := logSoftmax(got[1][(i*2+k)*x.m.Target:][:x.m.Target])
			want -= 0.8 * ln[token]
			for _, l := range ln {
				want -= 0.2 * l / float64(len(ln))
			}
			count++
		}
	}
	equal(t, "loss", got[0], []float64{want / count}, 1e-12)
}

// TestSeq2SeqGradients holds derivatives against differences, with padding, dropout, label smoothing.
func TestSeq2SeqGradients(t *testing.T) {
	for name, c := range translators {
		t.Run(name, func(t *testing.T) {
			c.Smoothing, c.Dropout = 0.1, 0.2
			x := translate(t, c, 3, 3, []int{3, 2}, []int{2, 3})
			p := x.m.Predict(x.b, x.source, x.target, models.Teaching{Key: x.key()})
			x.checkGradients(x.m.Loss(x.b, p.Logits, x.target))
		})
	}
}

// A step of the decoder in a scan is the step unrolled: values and derivatives.
func TestDecoderUnrolled(t *testing.T) {
	for name, c := range translators {
		t.Run(name, func(t *testing.T) {
			c.Dropout = 0.2
			var results [2][][]float64
			for i, way := range []func(*op.Builder, op.Scan, op.Step) op.Scanned{(*op.Builder).Scan, (*op.Builder).Unroll} {
				x := translate(t, c, 4, 3, []int{4, 2}, []int{3, 3})
				keys := x.b.Keys(x.key(), 3)
				memory, states := x.m.Encode(x.b, models.Input{X: x.source})
				scan := op.Scan{Seqs: []*G.Node{x.target, keys}, States: states}
				run := way(x.b, scan, func(b *op.Builder, in op.In) op.Out {
					logits, next, _ := x.m.Decoder.Step(b, memory, models.Input{X: in.Seqs[0], States: in.States, Keys: in.Seqs[1]})
					return op.Out{States: next, Outs: []*G.Node{logits}}
				})
				loss := x.m.Loss(x.b, run.Outs[0], x.target)
				if x.b.Err() != nil {
					t.Fatal(x.b.Err())
				}
				grads, err := G.Grad(loss, x.p.Nodes()...)
				if err != nil {
					t.Fatal(err)
				}
				results[i] = x.run(append(G.Nodes{run.Outs[0]}, grads...)...)
			}
			for i, want := range results[0] {
				equal(t, fmt.Sprint("result ", i), results[1][i], want, 1e-12)
			}
		})
	}
}

// Names, shapes and ranges of the initial values; those of layers and linear maps are nn.GRU's and nn.Linear's,
// embeddings are N(0, 1).
func TestSeq2SeqParameters(t *testing.T) {
	const e, h, v, w = 20, 30, 40, 50
	f := newFixture(t)
	if _, err := models.NewSeq2Seq(f.p, models.Seq2SeqConfig{
		Source: v, Target: w, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "gru"}, Embed: e,
		Hidden: h, Layers: 1,
		Bidirectional: true, Attention: models.Additive{}, Feeding: true, Tied: true,
	}); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name  string
		shape tensor.Shape
		fanIn int // the bound is 1/√ of this; 0: N(0, 1); -1: 0
	}{
		{"encoder.embedding.weight", tensor.Shape{v, e}, 0},
		{"encoder.rnn.weight_ih_l0", tensor.Shape{3 * h, e}, h}, {"encoder.rnn.weight_hh_l0", tensor.Shape{3 * h, h}, h},
		{"encoder.rnn.bias_ih_l0", tensor.Shape{3 * h}, h}, {"encoder.rnn.bias_hh_l0", tensor.Shape{3 * h}, h},
		{"encoder.rnn.weight_ih_l0_reverse", tensor.Shape{3 * h, e}, h}, {"encoder.rnn.weight_hh_l0_reverse", tensor.Shape{3 * h, h}, h},
		{"encoder.rnn.bias_ih_l0_reverse", tensor.Shape{3 * h}, h}, {"encoder.rnn.bias_hh_l0_reverse", tensor.Shape{3 * h}, h},
		{"bridge.state0_l0.weight", tensor.Shape{h, 2 * h}, 2 * h}, {"bridge.state0_l0.bias", tensor.Shape{h}, 2 * h},
		{"decoder.embedding.weight", tensor.Shape{w, e}, 0},
		{"decoder.rnn.weight_ih_l0", tensor.Shape{3 * h, e + h}, h}, {"decoder.rnn.weight_hh_l0", tensor.Shape{3 * h, h}, h},
		{"decoder.rnn.bias_ih_l0", tensor.Shape{3 * h}, h}, {"decoder.rnn.bias_hh_l0", tensor.Shape{3 * h}, h},
		{"decoder.attention.query.weight", tensor.Shape{h, h}, h}, {"decoder.attention.memory.weight", tensor.Shape{h, 2 * h}, 2 * h},
		{"decoder.attention.v", tensor.Shape{h}, h},
		{"decoder.attentional.weight", tensor.Shape{h, 3 * h}, 3 * h},
		{"decoder.projection.weight", tensor.Shape{e, h}, h},
		{"decoder.output.bias", tensor.Shape{w}, -1},
	}
	nodes := f.p.Nodes()
	if len(nodes) != len(want) {
		t.Fatalf("%d parameters, want %d", len(nodes), len(want))
	}
	for i, n := range nodes {
		if n.Name() != want[i].name || !n.Shape().Eq(want[i].shape) {
			t.Errorf("parameter %d is %s %v, want %s %v", i, n.Name(), n.Shape(), want[i].name, want[i].shape)
		}
		most, squares := 0.0, 0.0
		for _, x := range numbers(n) {
			most, squares = max(most, math.Abs(x)), squares+x*x
		}
		deviation := math.Sqrt(squares / float64(n.Shape().TotalSize()))
		if bound := 1 / math.Sqrt(float64(want[i].fanIn)); want[i].fanIn > 0 && (most > bound || most < 0.8*bound) {
			t.Errorf("the largest element of %s is %v, want U(±%v)", n.Name(), most, bound)
		}
		normal := 1.0
		if n.Name() == "decoder.embedding.weight" { // it is the output's, too
			normal = 1 / math.Sqrt(e)
		}
		if want[i].fanIn == 0 && math.Abs(deviation/normal-1) > 0.1 {
			t.Errorf("the deviation of %s is %v, want N(0, %v²)", n.Name(), deviation, normal)
		}
		if want[i].fanIn < 0 && most != 0 {
			t.Errorf("%s is not zero at first", n.Name())
		}
	}
}

func TestSeq2SeqMistakes(t *testing.T) {
	good := models.Seq2SeqConfig{
		Source: 9, Target: 9, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "gru"}, Embed: 3,
		Hidden: 4, Layers: 1,
	}
	for want, change := range map[string]func(c *models.Seq2SeqConfig){
		"four different tokens":      func(c *models.Seq2SeqConfig) { c.Tokens = models.Tokens{} },
		"Tokens is 3":                func(c *models.Seq2SeqConfig) { c.Source = 3 },
		"Tokens is -1":               func(c *models.Seq2SeqConfig) { c.Tokens.Padding = -1 },
		"needs one vocabulary":       func(c *models.Seq2SeqConfig) { c.Shared, c.Target = true, 10 },
		"Smoothing is 1: it must be": func(c *models.Seq2SeqConfig) { c.Smoothing = 1 },
		"Embed is 0":                 func(c *models.Seq2SeqConfig) { c.Embed = 0 },
		"Hidden is 0":                func(c *models.Seq2SeqConfig) { c.Hidden = 0 },
		"Feeding is true: it must be left out without Attention": func(c *models.Seq2SeqConfig) { c.Feeding = true },
		"Before is true: it must be left out without Attention":  func(c *models.Seq2SeqConfig) { c.Before = true },
		"sees the source already":                                func(c *models.Seq2SeqConfig) { c.Attention, c.EveryStep = models.Dot{}, true },
		"Feeding is true: it must be left out with Before":       func(c *models.Seq2SeqConfig) { c.Attention, c.Before, c.Feeding = models.Dot{}, true, true },
		"4 numbers and the memory 8":                             func(c *models.Seq2SeqConfig) { c.Attention, c.Bidirectional = models.Dot{}, true },
		`Cell is "perceptron"`:                                   func(c *models.Seq2SeqConfig) { c.Cell = models.CellConfig{Kind: "perceptron"} },
	} {
		c := good
		change(&c)
		_, err := models.NewSeq2Seq(newFixture(t).p, c)
		if err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "sequence-to-sequence model: ") {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
	for want, use := range map[string]func(x *translation){
		"source has shape [3]": func(x *translation) {
			x.m.Predict(x.b, G.NewVector(x.b.Graph(), tensor.Int32, G.WithShape(3), G.WithName("source")), x.target,
				models.Teaching{})
		},
		"needs a key": func(x *translation) {
			ratio := G.NewScalar(x.b.Graph(), tensor.Float64, G.WithName("ratio"))
			x.m.Predict(x.b, x.source, x.target, models.Teaching{Ratio: ratio})
		},
		"input 0 is nil":      func(x *translation) { x.m.Encode(x.b, models.Input{}) },
		"has 1 states, not 0": func(x *translation) { x.m.Decoder.Step(x.b, models.Memory{}, models.Input{X: x.target}) },
	} {
		x := translate(t, good, 2, 2, []int{2}, []int{2})
		use(x)
		if x.b.Err() == nil || !strings.Contains(x.b.Err().Error(), want) {
			t.Errorf("error is %v, want %q in it", x.b.Err(), want)
		}
	}
}
