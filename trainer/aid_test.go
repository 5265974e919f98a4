package trainer

import (
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

const manyTokens = 40

// mixedWindow is a window of 30 sequences whose targets are in the head and in the tails in another proportion
// each time; in some none is in a tail, or all are in the last.
func mixedWindow(k int) (inputs, targets []int32) {
	for i := range int32(seq * 30) {
		t := (i*i + 7*i + int32(k)) % manyTokens
		switch k % 4 {
		case 1:
			t %= 4
		case 2:
			t = 12 + t%28
		case 3:
			t = t * t / manyTokens
		}
		inputs, targets = append(inputs, i%manyTokens), append(targets, t)
	}
	return inputs, targets
}

func newAdaptive(t *testing.T, d tape.Device, parts int) *LM {
	t.Helper()
	m, err := NewLM(LMConfig{
		Model: models.LMConfig{
			Vocab: manyTokens, Cell: models.CellConfig{Kind: "gru"}, Hidden: 16, Layers: 1, Embed: 4,
			Softmax: models.Softmax{Cutoffs: []int{4, 12}},
		},
		Seq: seq, Batch: 30 / parts, Training: Training{Seed: 3, Optimizer: optim.DefaultAdam, Clip: 1, Accumulate: parts},
		Device: d,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// No target is left out of training, wherever it is: the loss is that of all tokens.
func TestAdaptiveTrainsOnAllTargets(t *testing.T) {
	mask := slices.Repeat([]float32{1}, seq*30)
	m := newAdaptive(t, cpu.New(), 1)
	for k := range 12 {
		in, out := mixedWindow(k)
		s, err := m.Eval(in, out, mask)
		if err != nil {
			t.Fatal(err)
		}
		loss, _, err := m.Train(in, out, k, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		if want := s.NLL / float64(s.Count); math.Abs(loss-want) > 1e-5*want {
			t.Errorf("step %d: loss %v, want %v", k, loss, want)
		}
		if err := m.ResetTrain(); err != nil {
			t.Fatal(err)
		}
		if err := m.ResetEval(); err != nil {
			t.Fatal(err)
		}
	}
}

// Programs for other numbers of rare targets go on from each other's weights and states: on a device where they share
// memory, on one where they do not, and in parts.
func TestAdaptiveProgramsGoOn(t *testing.T) {
	take := func(m *LM) (losses []float64) {
		for k := range 12 {
			in, out := mixedWindow(k)
			l, _, err := m.Train(in, out, k, 0.01)
			if err != nil {
				t.Fatal(err)
			}
			losses = append(losses, l)
		}
		if len(m.train) < 3 {
			t.Errorf("%d programs, so this test shows nothing", len(m.train))
		}
		return losses
	}
	want := take(newAdaptive(t, ref.New(), 1))
	for name, m := range map[string]*LM{
		"cpu":           newAdaptive(t, cpu.New(), 1),
		"cpu, in parts": newAdaptive(t, cpu.New(), 3),
	} {
		for k, l := range take(m) {
			if math.Abs(l-want[k]) > 1e-5*want[k] {
				t.Errorf("%s, step %d: loss %v, on ref %v", name, k, l, want[k])
			}
		}
	}
}

// Room is at most a quarter more than is needed, from 8 on, at least what is needed, and of few sizes.
func TestRoomFor(t *testing.T) {
	sizes := map[int]bool{}
	for n := range 5000 {
		r := roomFor(n, 1<<20)
		sizes[r] = true
		if r < max(n, 8) || n >= 8 && r > n+max(n/4, 7) {
			t.Errorf("room for %d: %d", n, r)
		}
		if small := roomFor(n, n+1); small < n || small > n+1 {
			t.Errorf("of %d rows, room for %d: %d", n+1, n, small)
		}
	}
	if len(sizes) > 50 {
		t.Errorf("%d sizes", len(sizes))
	}
}

// The derivatives of losses that do not compute all tokens are right.
func TestCheckGradientsOfSoftmaxes(t *testing.T) {
	integers := func(b *op.Builder, name string, shape []int, data ...int32) *G.Node {
		return G.NewTensor(b.Graph(), tensor.Int32, len(shape), G.WithShape(shape...), G.WithName(name),
			G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))))
	}
	targets := []int32{0, 9, 3, 4, 9, 5}
	for name, c := range map[string]models.LMConfig{
		"adaptive":      {Softmax: models.Softmax{Cutoffs: []int{3, 5}}},
		"sampled":       {Softmax: models.Softmax{Samples: 4}},
		"sampled, tied": {Softmax: models.Softmax{Samples: 4}, Tied: true},
	} {
		c.Vocab, c.Cell, c.Hidden, c.Layers, c.Embed = 11, models.CellConfig{Kind: "gru"}, 8, 1, 8
		b := op.New(G.NewGraph())
		p := models.NewParams(b, tensor.Float64, 1)
		m, err := models.NewLM(p, c)
		if err != nil {
			t.Fatal(err)
		}
		aid := &models.Aid{}
		if c.Softmax.Samples > 0 {
			aid.Samples, aid.Tries = integers(b, "samples", []int{4}, 1, 9, 0, 2), integers(b, "tries", []int{1}, 6)
		}
		for i, rows := range c.Softmax.Rows(targets) {
			rows = append(rows, 0, 0)
			aid.Rows = append(aid.Rows, integers(b, []string{"rows0", "rows1"}[i], []int{len(rows)}, rows...))
		}
		x := integers(b, "tokens", []int{3, 2}, 1, 2, 3, 3, 10, 0)
		losses, _ := m.Losses(b, models.Input{X: x, States: m.States(b, 2)},
			integers(b, "targets", []int{3, 2}, targets...), aid)
		r, err := CheckGradients(b, b.Mean(losses), p.Nodes(), GradientCheck{})
		if err != nil {
			t.Fatal(err)
		}
		if worst := r.Worst(); !(worst.Relative < 1e-6) {
			t.Errorf("%s: %v", name, worst)
		}
	}
}

// A translator with an adaptive softmax trains on all tokens, in batches of several shapes; with its own choices it
// learns, too. One with a sampled softmax learns what the full softmax measures.
func TestSoftmaxesTranslate(t *testing.T) {
	for name, s := range map[string]models.Softmax{"adaptive": {Cutoffs: []int{5, 7}}, "sampled": {Samples: 4}} {
		for _, forcing := range []float64{1, 0.8} {
			m, err := NewSeq2Seq(Seq2SeqConfig{
				Model: models.Seq2SeqConfig{
					Source: 8, Target: 8, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "gru"}, Embed: 8,
					Hidden: 32, Layers: 1,
					Attention: models.General{}, Softmax: s,
				},
				TeacherForcing: forcing, Training: Training{Seed: 3, Optimizer: optim.DefaultAdam, Clip: 1, Accumulate: 2},
				Device: cpu.New(),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			perToken := func(x Translations) float64 {
				sums, err := m.Eval(x)
				if err != nil {
					t.Fatal(err)
				}
				return sums.NLL / float64(sums.Count)
			}
			before := 0.0
			for k := range 80 {
				x := reversals(k, k%2)
				want := perToken(x)
				loss, _, err := m.Train(x, k, 0.02)
				if err != nil {
					t.Fatal(err)
				}
				if k == 0 {
					before = want
				}
				if name == "adaptive" && forcing == 1 && math.Abs(loss-want) > 1e-5*want {
					t.Errorf("step %d: loss %v, want %v", k, loss, want)
				}
			}
			// Of so few tokens four are a poor sample: it learns less.
			least := map[string]float64{"adaptive": 0.5, "sampled": 0.7}[name] * before
			if after := perToken(reversals(0, 0)); after > least {
				t.Errorf("%s, teacher forcing %g: the loss went from %g to %g", name, forcing, before, after)
			}
		}
	}
}
