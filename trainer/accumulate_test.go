package trainer

import (
	"errors"
	"math"
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
	"github.com/unroll-ml/unroll/trainer/optim"
)

// Gradient descent shows differences of gradients as they are, which Adam would enlarge.
var descent = Training{Optimizer: optim.SGD{Momentum: 0.9}, Clip: 1}

// farthest is the largest difference of two models' weights.
func farthest(a, b []graph.Tensor) float64 {
	most := 0.0
	for i := range a {
		for k, x := range a[i].Data.([]float32) {
			most = max(most, math.Abs(float64(x-b[i].Data.([]float32)[k])))
		}
	}
	return most
}

// stepper takes the k-th step of a model whose batches are computed in parts.
type stepper interface {
	Params() ([]graph.Tensor, error)
	take(t *testing.T, k int) (loss, norm float64)
}

type lmStepper struct{ *LM }

func (m lmStepper) take(t *testing.T, k int) (loss, norm float64) {
	t.Helper()
	const streams = 6
	in, out := make([]int32, seq*streams), make([]int32, seq*streams)
	for i := range in {
		in[i], out[i] = int32((k*13+i*i)%vocab), int32((k+3*i)%vocab)
	}
	loss, norm, err := m.Train(in, out, k, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	return loss, norm
}

type classifierStepper struct{ *Classifier }

// take has 6 examples of 2 to 4 tokens; the last two are none.
func (m classifierStepper) take(t *testing.T, k int) (loss, norm float64) {
	t.Helper()
	const steps, batch = 4, 6
	x := Sequences{Steps: steps, Batch: batch, Tokens: make([]int32, steps*batch), Mask: make([]float32, steps*batch)}
	classes, weights := make([]int32, batch), make([]float32, batch)
	for b := range batch - 2 {
		for s := range 2 + b%3 {
			x.Tokens[s*batch+b], x.Mask[s*batch+b] = int32((k+s*s+b)%3), 1
		}
		classes[b], weights[b] = int32((k+b)%3), 1
	}
	loss, norm, err := m.Train(x, classes, weights, k, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	return loss, norm
}

type seq2seqStepper struct{ *Seq2Seq }

func (m seq2seqStepper) take(t *testing.T, k int) (loss, norm float64) {
	t.Helper()
	loss, norm, err := m.Train(reversals(k, 1), k, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	return loss, norm
}

// Batches in parts train as whole ones do, though the parts have different numbers of tokens.
func TestAccumulate(t *testing.T) {
	for name, c := range map[string]struct {
		parts []int
		make  func(c Training, parts int) (stepper, error)
	}{
		"language model": {[]int{2, 3, 6}, func(c Training, parts int) (stepper, error) {
			m, err := NewLM(LMConfig{
				Model: models.LMConfig{Vocab: vocab, Cell: models.CellConfig{Kind: "lstm"}, Hidden: 8, Layers: 2, Embed: 4},
				Seq:   seq, Batch: 6 / parts, Training: c, Device: cpu.New(cpu.Threads(1)),
			})
			return lmStepper{m}, err
		}},
		"classifier": {[]int{2, 3, 6}, func(c Training, _ int) (stepper, error) {
			m, err := NewClassifier(ClassifierConfig{
				Model: models.ClassifierConfig{Vocab: 3, Embed: 4, Cell: models.CellConfig{Kind: "gru"}, Hidden: 8, Layers: 1,
					Classes: 3},
				Training: c, Device: cpu.New(cpu.Threads(1)),
			})
			return classifierStepper{m}, err
		}},
		"sequence to sequence": {[]int{2, 4}, func(c Training, _ int) (stepper, error) {
			m, err := NewSeq2Seq(Seq2SeqConfig{
				Model: models.Seq2SeqConfig{
					Source: 8, Target: 8, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "gru"}, Embed: 8,
					Hidden: 16, Layers: 1,
					Attention: models.General{}, Smoothing: 0.1,
				},
				TeacherForcing: 1, Training: c, Device: cpu.New(cpu.Threads(1)),
			})
			return seq2seqStepper{m}, err
		}},
	} {
		for _, parts := range c.parts {
			whole, err := c.make(descent, 1)
			if err != nil {
				t.Fatal(err)
			}
			divided := descent
			divided.Accumulate = parts
			inParts, err := c.make(divided, parts)
			if err != nil {
				t.Fatal(err)
			}
			for k := range 6 {
				loss, norm := whole.take(t, k)
				l, n := inParts.take(t, k)
				if math.Abs(l-loss) > 1e-6*loss || math.Abs(n-norm) > 1e-5*norm {
					t.Errorf("%s in %d parts, step %d: loss %v, norm %v; want %v, %v", name, parts, k, l, n, loss, norm)
				}
			}
			want, err := whole.Params()
			if err != nil {
				t.Fatal(err)
			}
			got, err := inParts.Params()
			if err != nil {
				t.Fatal(err)
			}
			if d := farthest(want, got); d > 1e-6 {
				t.Errorf("%s in %d parts: weights differ by %g", name, parts, d)
			}
		}
	}
}

// What is dropped is drawn anew for each part, and at each step: a batch of two equal halves has not the loss of one.
func TestPartsDropDifferently(t *testing.T) {
	twice := func(xs []int32, rows int) (both []int32) {
		for r := range rows {
			row := xs[r*len(xs)/rows : (r+1)*len(xs)/rows]
			both = append(append(both, row...), row...)
		}
		return both
	}
	losses := func(accumulate, step int) (of [3]float64) {
		one, classes, weights := numbered(1, 4)
		pairs := reversals(1, 0)
		in, out := window(0)
		if accumulate == 2 {
			one = Sequences{Steps: 4, Batch: 6, Tokens: twice(one.Tokens, 4)}
			classes, weights = twice(classes, 1), slices.Repeat(weights, 2)
			in, out = twice(in, seq), twice(out, seq)
			pairs.Batch, pairs.Source, pairs.Target = 2*pairs.Batch, twice(pairs.Source, 4), twice(pairs.Target, 4)
		} else {
			one.Mask = nil
		}
		training := Training{Seed: 3, Optimizer: optim.SGD{}, Accumulate: accumulate}
		cell := models.CellConfig{Kind: "gru"}
		c, err := NewClassifier(ClassifierConfig{
			Model:    models.ClassifierConfig{Vocab: 3, Embed: 4, Cell: cell, Hidden: 8, Layers: 1, Classes: 3, Dropout: 0.5},
			Training: training, Device: cpu.New(cpu.Threads(1)),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if of[0], _, err = c.Train(one, classes, weights, step, 0); err != nil {
			t.Fatal(err)
		}
		s, err := NewSeq2Seq(Seq2SeqConfig{
			Model: models.Seq2SeqConfig{Source: 8, Target: 8, Tokens: models.DefaultTokens, Cell: cell, Embed: 8,
				Hidden: 16, Layers: 1, Dropout: 0.5},
			TeacherForcing: 1, Training: training, Device: cpu.New(cpu.Threads(1)),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if of[1], _, err = s.Train(pairs, step, 0); err != nil {
			t.Fatal(err)
		}
		l, err := NewLM(LMConfig{
			Model: models.LMConfig{Vocab: vocab, Cell: cell, Hidden: 8, Layers: 2, Embed: 4, Dropout: 0.5},
			Seq:   seq, Batch: batch,
			Training: training, Device: cpu.New(cpu.Threads(1)),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if of[2], _, err = l.Train(in, out, step, 0); err != nil {
			t.Fatal(err)
		}
		return of
	}
	// The parts of step 3 are the runs 6 and 7.
	both, first, second := losses(2, 3), losses(1, 6), losses(1, 7)
	for i, l := range both {
		if math.Abs(l-(first[i]+second[i])/2) > 1e-6 || first[i] == second[i] {
			t.Errorf("model %d: loss %v, of the parts %v and %v", i, l, first[i], second[i])
		}
	}
}

// Parts are the whole in float64, too, where equal means more: a language model of LSTMs, a classifier and a
// sequence-to-sequence model, in two parts of different numbers of tokens.
func TestAccumulateExactly(t *testing.T) {
	const steps, batch, tokens = 4, 6, 8
	source, mask := make([]int32, steps*batch), make([]float64, steps*batch)
	for i := range source {
		s, b := i/batch, i%batch
		if s < 2+b%3 {
			source[i], mask[i] = int32(4+(s*s+b)%4), 1
		}
	}
	type graph struct {
		loss, weight *G.Node
		params       *models.Params
		inputs       []*G.Node // steps×batch each
		values       []any
	}
	cell := models.CellConfig{Kind: "lstm"}
	matrix := func(b *op.Builder, dtype tensor.Dtype, name string, batch int) *G.Node {
		return G.NewMatrix(b.Graph(), dtype, G.WithShape(steps, batch), G.WithName(name))
	}
	builds := map[string]func(b *op.Builder, p *models.Params, batch int) (graph, error){
		"language model": func(b *op.Builder, p *models.Params, batch int) (graph, error) {
			table := p.Normal("embedding", 1, tokens, 4)
			r, err := models.NewRecurrent(p, "rnn", models.RecurrentConfig{Cell: cell, Input: 4, Hidden: 5, Layers: 1})
			if err != nil {
				return graph{}, err
			}
			xs, m := matrix(b, tensor.Int32, "xs", batch), matrix(b, tensor.Float64, "mask", batch)
			h, _ := r.Apply(b, models.Input{X: b.Gather(table, xs)})
			logits := models.NewLinear(p, "output", 5, tokens).Apply(b, h)
			return graph{b.MaskedMean(b.CrossEntropy(logits, xs, nil, 0), m), b.Sum(m), p, []*G.Node{xs, m},
				[]any{source, mask}}, nil
		},
		"classifier": func(b *op.Builder, p *models.Params, batch int) (graph, error) {
			c, err := models.NewClassifier(p, models.ClassifierConfig{Vocab: tokens, Embed: 4, Cell: cell, Hidden: 5, Layers: 1,
				Classes: tokens, Pooling: "mean"})
			if err != nil {
				return graph{}, err
			}
			xs, m := matrix(b, tensor.Int32, "xs", batch), matrix(b, tensor.Float64, "mask", batch)
			// of those of 3 tokens or more
			classes, weights := b.Reshape(b.Slice(xs, 0, 0, 1), batch), b.Reshape(b.Slice(m, 0, 2, 3), batch)
			loss := b.MaskedMean(b.CrossEntropy(c.Logits(b, models.Input{X: xs, Mask: m}), classes, nil, 0), weights)
			return graph{loss, b.Sum(weights), p, []*G.Node{xs, m}, []any{source, mask}}, nil
		},
		"sequence to sequence": func(b *op.Builder, p *models.Params, batch int) (graph, error) {
			c, err := models.NewSeq2Seq(p, models.Seq2SeqConfig{
				Source: tokens, Target: tokens, Tokens: models.DefaultTokens, Cell: cell, Embed: 4, Hidden: 5, Layers: 1,
				Attention: models.General{}, Smoothing: 0.1,
			})
			if err != nil {
				return graph{}, err
			}
			xs := matrix(b, tensor.Int32, "xs", batch)
			loss := c.Loss(b, c.Predict(b, xs, xs, models.Teaching{}).Logits, xs)
			return graph{loss, b.Sum(b.Cast(c.Mask(b, xs), loss)), p, []*G.Node{xs}, []any{source}}, nil
		},
	}
	for name, build := range builds {
		for _, device := range []tape.Device{ref.New(), cpu.New(cpu.Threads(1))} {
			// run takes steps, and gives the losses and the last weights.
			run := func(parts int) (losses []float64, weights [][]float64) {
				b := op.New(G.NewGraph())
				g, err := build(b, models.NewParams(b, tensor.Float64, 3), batch/parts)
				if err != nil {
					t.Fatal(err)
				}
				c := descent.stepConfig(device, g.loss, g.weight, g.params.Nodes())
				c.Accumulate = parts > 1
				s, err := optim.NewStep(b, c.StepConfig)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				number := map[bool][]float64{true: {1}, false: {0}}
				for range 5 {
					for k := range parts {
						errs := []error{s.Set(s.Rate, []float64{0.5})}
						if parts > 1 {
							errs = append(errs, s.Set(s.First, number[k == 0]), s.Set(s.Last, number[k == parts-1]))
						}
						for i, v := range g.values {
							switch v := v.(type) {
							case []int32:
								errs = append(errs, s.Set(g.inputs[i], part(v, steps, k, parts)))
							case []float64:
								errs = append(errs, s.Set(g.inputs[i], part(v, steps, k, parts)))
							}
						}
						if err := errors.Join(append(errs, s.Run())...); err != nil {
							t.Fatal(err)
						}
					}
					loss := make([]float64, 1)
					if err := s.Get(s.Loss, loss); err != nil {
						t.Fatal(err)
					}
					losses = append(losses, loss[0])
				}
				for _, p := range g.params.Nodes() {
					w := make([]float64, p.Shape().TotalSize())
					if err := s.Get(p, w); err != nil {
						t.Fatal(err)
					}
					weights = append(weights, w)
				}
				return losses, weights
			}
			close := func(x, y float64) bool { return math.Abs(x-y) <= 1e-12 }
			losses, weights := run(1)
			l, w := run(2)
			if !slices.EqualFunc(losses, l, close) || losses[0] == losses[4] {
				t.Errorf("%s on %s: losses %v in parts, %v", name, device.Name(), l, losses)
			}
			for i := range weights {
				if !slices.EqualFunc(weights[i], w[i], close) {
					t.Errorf("%s on %s: weights %v in parts, %v", name, device.Name(), w[i], weights[i])
				}
			}
		}
	}
}
