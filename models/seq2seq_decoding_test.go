package models_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// greedy writes by plain loops: the tokens, ln p, the weights.
func (p *plainSeq2Seq) greedy(source []int32, most int) (tokens []int32, total float64, weights [][]float64) {
	s := p.encode(source)
	token := p.Tokens.Start
	for len(tokens) < most && token != p.Tokens.End {
		logits, w := p.step(token, &s)
		ln := logSoftmax(logits)
		for _, t := range []int32{p.Tokens.Padding, p.Tokens.Start} {
			ln[t] = math.Inf(-1)
		}
		token = argmax(ln)
		tokens, total, weights = append(tokens, token), total+ln[token], append(weights, w)
	}
	return tokens, total, weights
}

// eager makes the end token likely enough to come up at various steps.
func (x *translation) eager() {
	for _, n := range x.p.Nodes() {
		if n.Name() == "decoder.output.bias" {
			numbers(n)[x.m.Tokens.End] += 1.2
		}
	}
}

// TestGreedy compares what a model writes with plain loops.
func TestGreedy(t *testing.T) {
	const steps = 6
	ends, cut := 0, 0
	for name, c := range translators {
		t.Run(name, func(t *testing.T) {
			x := translate(t, c, 5, 1, []int{3, 5, 1, 4}, []int{1, 1, 1, 1})
			x.eager()
			d := x.m.Greedy(x.b, x.source, steps)
			nodes := []*G.Node{d.Tokens, d.LogProb}
			if d.Weights != nil {
				nodes = append(nodes, d.Weights)
			}
			got := x.run(nodes...)
			batch := len(x.sources)
			for k, source := range x.sources {
				tokens, total, weights := x.plain().greedy(source, steps)
				if tokens[len(tokens)-1] == x.m.Tokens.End {
					ends++
				} else {
					cut++
				}
				for i := range steps {
					token, w := x.m.Tokens.Padding, make([]float64, x.sourceSteps)
					if i < len(tokens) {
						token = tokens[i]
						copy(w, weights[i])
					}
					if got[0][i*batch+k] != float64(token) {
						t.Fatalf("token %d of sequence %d is %v, want %v", i, k, got[0][i*batch+k], token)
					}
					if d.Weights != nil {
						equal(t, "weights", got[2][(i*batch+k)*x.sourceSteps:][:x.sourceSteps], w, 1e-12)
					}
				}
				equal(t, "ln p", got[1][k:][:1], []float64{total}, 1e-11)
			}
		})
	}
	if ends == 0 || cut == 0 {
		t.Errorf("%d sequences end and %d are cut: the test wants some of each", ends, cut)
	}
}

// TestTeaching: with a ratio of 1 the decoder reads the target, with a ratio of 0 its own likeliest tokens.
func TestTeaching(t *testing.T) {
	for _, name := range []string{"Bahdanau", "general with input feeding"} {
		for _, ratio := range []float64{0, 1} {
			t.Run(fmt.Sprint(name, "/", ratio), func(t *testing.T) {
				x := translate(t, translators[name], 4, 5, []int{4, 3}, []int{5, 4})
				r := G.NewScalar(x.b.Graph(), tensor.Float64, G.WithName("ratio"), G.WithValue(ratio))
				p := x.m.Predict(x.b, x.source, x.target, models.Teaching{Key: x.key(), Ratio: r})
				got := x.run(p.Logits)[0]
				for k, source := range x.sources {
					plain := x.plain()
					s := plain.encode(source)
					token := x.m.Tokens.Start
					for i, right := range x.targets[k] {
						logits, _ := plain.step(token, &s)
						equal(t, fmt.Sprint("logits of step ", i), got[(i*2+k)*x.m.Target:][:x.m.Target], logits, 1e-12)
						token = right
						if ratio == 0 {
							token = argmax(logits)
						}
					}
				}
			})
		}
	}
}

// Each token is drawn by itself: a decoder that has read a wrong one differs from then on, and the share of
// right ones is the ratio. A memory of the tokens read is a vanilla RNN whose state does not depend on the
// state before.
func TestTeachingRatio(t *testing.T) {
	const steps, batch = 40, 30
	lengths := slices.Repeat([]int{steps}, batch)
	x := translate(t, models.Seq2SeqConfig{Cell: models.CellConfig{Kind: "rnn"}}, 1, steps,
		slices.Repeat([]int{1}, batch), lengths)
	for _, n := range x.p.Nodes() {
		if n.Name() == "decoder.rnn.weight_hh_l0" {
			clear(numbers(n))
		}
	}
	const ratio = 0.7
	r := G.NewScalar(x.b.Graph(), tensor.Float64, G.WithName("ratio"), G.WithValue(ratio))
	p := x.m.Predict(x.b, x.source, x.target, models.Teaching{Key: x.key(), Ratio: r, Sample: true})
	got := x.run(p.Logits)[0]
	plain := x.plain()
	answers := make([][]float64, x.m.Target) // to each token
	for token := range answers {
		s := plain.encode(x.sources[0])
		answers[token], _ = plain.step(int32(token), &s)
	}
	logits := func(i, k int) []float64 { return got[(i*batch+k)*x.m.Target:][:x.m.Target] }
	right, reads := 0.0, 0.0
	drawn, expected := make([]float64, x.m.Target), make([]float64, x.m.Target)
	for k := range batch {
		for i := 1; i < steps; i++ {
			read := slices.IndexFunc(answers, func(a []float64) bool { return math.Abs(a[0]-logits(i, k)[0]) < 1e-9 })
			if read < 0 {
				t.Fatalf("step %d of sequence %d has read no single token", i, k)
			}
			reads++
			if int32(read) == x.targets[k][i-1] {
				right++
				continue
			}
			drawn[read]++
			ln := logSoftmax(logits(i-1, k))
			for token := range expected { // of a draw that is not the right token
				if int32(token) != x.targets[k][i-1] {
					expected[token] += math.Exp(ln[token]) / (1 - math.Exp(ln[x.targets[k][i-1]]))
				}
			}
		}
	}
	// A draw may hit the right token too.
	hit := 0.0
	for k := range batch {
		for i := 1; i < steps; i++ {
			hit += (1 - ratio) * math.Exp(logSoftmax(logits(i-1, k))[x.targets[k][i-1]])
		}
	}
	want := ratio*reads + hit
	if d := math.Sqrt(reads * ratio * (1 - ratio)); math.Abs(right-want) > 4*d {
		t.Errorf("%v of %v tokens are right, want %v ± %v", right, reads, want, d)
	}
	for token := range drawn {
		if d := math.Sqrt(expected[token]) + 0.5; math.Abs(drawn[token]-expected[token]) > 4*d {
			t.Errorf("token %d is drawn %v times, want %v ± %v", token, drawn[token], expected[token], d)
		}
	}
}

// TestTeachingGradients: no gradient flows through the choice of a token; it is constant almost everywhere.
func TestTeachingGradients(t *testing.T) {
	for _, sample := range []bool{false, true} {
		c := translators["Bahdanau"]
		c.Dropout = 0.2
		x := translate(t, c, 3, 4, []int{3, 2}, []int{4, 4})
		ratio := G.NewScalar(x.b.Graph(), tensor.Float64, G.WithName("ratio"), G.WithValue(0.4))
		p := x.m.Predict(x.b, x.source, x.target, models.Teaching{Key: x.key(), Ratio: ratio, Sample: sample})
		x.checkGradients(x.m.Loss(x.b, p.Logits, x.target))
	}
}

// stepper compiles the programs of a model for decoding step by step, and reads the sources.
func (x *translation) stepper(width int) *decode.SourceStepper {
	x.t.Helper()
	source := make([]int32, x.sourceSteps*len(x.sources))
	for k, tokens := range x.sources {
		for i, token := range tokens {
			source[i*len(x.sources)+k] = token
		}
	}
	return stepper(x.t, ref.New(), x.b, x.m, source, x.sourceSteps, width)
}

func stepper(
	t *testing.T, device tape.Device, b *op.Builder, m *models.Seq2Seq, source []int32, steps, width int,
) *decode.SourceStepper {
	t.Helper()
	s, err := m.Stepwise(b, steps, len(source)/steps, width)
	if err != nil {
		t.Fatal(err)
	}
	encode, err := graph.Compile(graph.Config{Device: device, Outputs: s.Encoded})
	if err != nil {
		t.Fatal(err)
	}
	var updates []graph.Update
	for i, state := range s.States {
		updates = append(updates, graph.Update{State: state, Value: s.Next[i]})
	}
	step, err := graph.Compile(graph.Config{Device: device, Outputs: s.Outputs(), Updates: updates})
	if err != nil {
		t.Fatal(err)
	}
	x := decode.NewStepper(s, encode, step)
	if err := x.Read(source); err != nil {
		t.Fatal(err)
	}
	return x
}

// In float32 and on the fast device a beam of width 1 writes what the greedy decoder writes. One stepper reads
// batch after batch.
func TestStepwiseSingle(t *testing.T) {
	const steps, batch, most = 7, 5, 9
	b := op.New(G.NewGraph())
	p := models.NewParams(b, tensor.Float32, 8)
	m, err := models.NewSeq2Seq(p, models.Seq2SeqConfig{
		Source: 20, Target: 30, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "lstm"},
		Embed: 8, Hidden: 16, Layers: 2, Bidirectional: true, Attention: models.General{}, Feeding: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	source := G.NewMatrix(b.Graph(), tensor.Int32, G.WithShape(steps, batch), G.WithName("source"))
	d := m.Greedy(b, source, most)
	greedy, err := graph.Compile(graph.Config{Device: cpu.New(), Outputs: G.Nodes{d.Tokens, d.LogProb}})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	words, lengths := make([]int32, steps*batch), make([]int, batch)
	draw := func() {
		clear(words)
		for k := range lengths {
			lengths[k] = 1 + r.IntN(steps)
			for i := range lengths[k] {
				words[i*batch+k] = 4 + r.Int32N(16)
			}
		}
	}
	draw()
	x := stepper(t, cpu.New(), b, m, words, steps, 1)
	for range 3 {
		draw()
		if err := x.Read(words); err != nil {
			t.Fatal(err)
		}
		found, err := decode.Beam{Width: 1, MaxLength: most, Tokens: m.Tokens}.Search(x, lengths)
		if err != nil {
			t.Fatal(err)
		}
		if err := greedy.Set(source, words); err != nil {
			t.Fatal(err)
		}
		if err := greedy.Run(); err != nil {
			t.Fatal(err)
		}
		tokens, total := make([]int32, most*batch), make([]float32, batch)
		if err := greedy.Get(d.Tokens, tokens); err != nil {
			t.Fatal(err)
		}
		if err := greedy.Get(d.LogProb, total); err != nil {
			t.Fatal(err)
		}
		for k, hs := range found {
			for i, token := range hs[0].Tokens {
				if tokens[i*batch+k] != token {
					t.Fatalf("token %d of source %d is %d step by step, %d in one program", i, k, token, tokens[i*batch+k])
				}
			}
			equal(t, "ln p", []float64{hs[0].LogProb}, []float64{float64(total[k])}, 1e-4)
		}
	}
	if err := x.Read(words[1:]); err == nil {
		t.Error("a source of the wrong size is no error")
	}
	if _, err := x.Step([]int32{1}, []int32{0}); err == nil {
		t.Error("a step of the wrong size is no error")
	}
	if _, err := x.Step(make([]int32, batch), []int32{0, 1, 2, 3, 9}); err == nil {
		t.Error("a parent that is no row is no error")
	}
	if _, err := m.Stepwise(b, 0, 1, 1); err == nil {
		t.Error("a source of no steps is no error")
	}
}

func (x *translation) lengths() []int {
	var ns []int
	for _, s := range x.sources {
		ns = append(ns, len(s))
	}
	return ns
}

// TestStepwise: a beam of width 1, and sampling at temperature 0, write what plain loops write.
func TestStepwise(t *testing.T) {
	const steps = 6
	for name, c := range translators {
		t.Run(name, func(t *testing.T) {
			model := func() *translation {
				x := translate(t, c, 5, 1, []int{3, 5, 1, 4}, []int{1, 1, 1, 1})
				x.eager()
				return x
			}
			x := model()
			beam := decode.Beam{Width: 1, MaxLength: steps, Length: 1, Tokens: x.m.Tokens}
			found, err := beam.Search(x.stepper(1), x.lengths())
			if err != nil {
				t.Fatal(err)
			}
			drawn, err := decode.Sampling{}.Sequences(model().stepper(2), x.lengths(), 2, slices.Repeat([]int{steps}, 4),
				x.m.Tokens, slices.Repeat([]*rand.Rand{x.rand}, 4))
			if err != nil {
				t.Fatal(err)
			}
			for k, source := range x.sources {
				tokens, total, weights := x.plain().greedy(source, steps)
				for _, h := range append(found[k], drawn[k]...) {
					if !slices.Equal(h.Tokens, tokens) {
						t.Fatalf("source %d gives %v, want %v", k, h.Tokens, tokens)
					}
					equal(t, "ln p", []float64{h.LogProb}, []float64{total}, 1e-11)
					for i := range h.Weights {
						equal(t, "weights", h.Weights[i], weights[i], 1e-12)
					}
					if len(h.Weights) != len(tokens) && c.Attention != nil {
						t.Errorf("%d tokens have %d weights", len(tokens), len(h.Weights))
					}
				}
			}
		})
	}
}
