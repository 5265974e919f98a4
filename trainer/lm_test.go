package trainer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

const vocab, seq, batch = 7, 5, 3

func newTestLM(t *testing.T, device tape.Device, o optim.Optimizer, embed int) *LM {
	t.Helper()
	m, err := NewLM(LMConfig{
		Model:    models.LMConfig{Vocab: vocab, Cell: models.CellConfig{Kind: "rnn"}, Hidden: 16, Layers: 2, Embed: embed},
		Seq:      seq,
		Batch:    batch,
		Training: Training{Seed: 3, Optimizer: o, Clip: 1},
		Device:   device,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// window is a stretch of three streams that count modulo the vocabulary, each at its own pace: easy to learn.
func window(from int) (inputs, targets []int32) {
	for s := range seq {
		for b := range batch {
			inputs = append(inputs, int32((from+s)*(b+1)%vocab))
			targets = append(targets, int32((from+s+1)*(b+1)%vocab))
		}
	}
	return inputs, targets
}

func losses(t *testing.T, m *LM, steps int, rate float64) []float64 {
	t.Helper()
	var ls []float64
	for k := range steps {
		in, out := window(k * seq)
		l, _, err := m.Train(in, out, k, rate)
		if err != nil {
			t.Fatal(err)
		}
		ls = append(ls, l)
	}
	return ls
}

func TestLMLearns(t *testing.T) {
	for name, o := range map[string]optim.Optimizer{"adam": optim.DefaultAdam, "sgd": optim.SGD{Momentum: 0.9}} {
		for _, embed := range []int{0, 4} {
			rate := map[string]float64{"adam": 0.02, "sgd": 0.2}[name]
			ls := losses(t, newTestLM(t, cpu.New(), o, embed), 150, rate)
			if first, last := ls[0], ls[len(ls)-1]; first < 1.5 || last > 0.1 {
				t.Errorf("%s, embedding of %d: loss from %.3f to %.3f; a sequence that repeats itself should be learned", name,
					embed, first, last)
			}
		}
	}
}

// The same seed gives the same bits, whatever the number of threads; another device the same numbers.
func TestLMIsReproducible(t *testing.T) {
	want := losses(t, newTestLM(t, cpu.New(cpu.Threads(1)), optim.DefaultAdam, 0), 20, 0.01)
	for _, threads := range []int{1, 2, 3} {
		if got := losses(t, newTestLM(t, cpu.New(cpu.Threads(threads)), optim.DefaultAdam, 0), 20,
			0.01); !slices.Equal(got, want) {
			t.Errorf("%d threads: losses %v, want the bits of %v", threads, got, want)
		}
	}
	for k, l := range losses(t, newTestLM(t, ref.New(), optim.DefaultAdam, 0), 20, 0.01) {
		if math.Abs(l-want[k]) > 1e-5*want[k] {
			t.Errorf("step %d: loss %v on cpu, %v on ref", k, want[k], l)
		}
	}
}

// After the first, a training step allocates nothing, whatever it consists of.
func TestTrainAllocatesNothing(t *testing.T) {
	for _, c := range []Training{
		{Optimizer: optim.DefaultAdam, Clip: 1},
		{Optimizer: optim.Decoupled(optim.DefaultAdam, 0.1), Clip: 1, Average: 0.9, Accumulate: 3, Scaling: optim.DefaultLossScaling},
	} {
		m, err := NewLM(LMConfig{
			Model: models.LMConfig{Vocab: vocab, Cell: models.CellConfig{Kind: "rnn"}, Hidden: 16, Layers: 2, Embed: 4},
			Seq:   seq, Batch: batch / c.parts(),
			Training: c, Device: cpu.New(),
		})
		if err != nil {
			t.Fatal(err)
		}
		in, out := window(0)
		train := func() {
			if _, _, err := m.Train(in, out, 0, 0.01); err != nil {
				t.Fatal(err)
			}
		}
		train()
		if n := testing.AllocsPerRun(50, train); n != 0 {
			t.Errorf("in %d parts %v allocations in a step", c.parts(), n)
		}
		m.Close()
	}
}

// Training in two halves, with the state handed over through Params, TrainState and Load, is training in one.
func TestLMHandsOver(t *testing.T) {
	whole := newTestLM(t, cpu.New(), optim.DefaultAdam, 4)
	want := losses(t, whole, 12, 0.01)

	first := newTestLM(t, cpu.New(), optim.DefaultAdam, 4)
	losses(t, first, 6, 0.01)
	ws, err := first.Params()
	if err != nil {
		t.Fatal(err)
	}
	state, err := first.TrainState()
	if err != nil {
		t.Fatal(err)
	}
	second := newTestLM(t, cpu.New(), optim.DefaultAdam, 4)
	if err := second.Load(ws, state); err != nil {
		t.Fatal(err)
	}
	for k := 6; k < 12; k++ {
		in, out := window(k * seq)
		l, _, err := second.Train(in, out, k, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		if l != want[k] {
			t.Errorf("step %d: loss %v after the handover, %v without", k, l, want[k])
		}
	}
	third := newTestLM(t, cpu.New(), optim.DefaultAdam, 4)
	if err := third.Load(contents(t, second)); err != nil {
		t.Fatal(err)
	}
	in, out := window(0)
	var after [2]float64
	for i, m := range []*LM{second, third} { // one whose training has begun, and one whose has not
		if err := m.ResetTrain(); err != nil {
			t.Fatal(err)
		}
		if after[i], _, err = m.Train(in, out, 0, 0.01); err != nil {
			t.Fatal(err)
		}
	}
	if after[0] != after[1] {
		t.Errorf("from a state that was forgotten the losses are %v", after)
	}
	ws[0].Shape = []int{1}
	if err := second.Load(ws, nil); err == nil {
		t.Error("weights of another shape were loaded")
	}
}

// Eval measures what Next predicts: the sums over windows are those of a plain loop over the logits.
func TestEvalAgreesWithNext(t *testing.T) {
	m := newTestLM(t, cpu.New(), optim.DefaultAdam, 0)
	losses(t, m, 10, 0.02)
	r := rand.New(rand.NewPCG(1, 1))
	const windows = 3
	var texts [batch][]int32
	for b := range texts {
		for range windows*seq + 1 {
			texts[b] = append(texts[b], int32(r.IntN(vocab)))
		}
	}
	var got, want Sums
	for w := range windows {
		var in, out []int32
		var mask []float32
		for s := range seq {
			for b := range batch {
				in, out = append(in, texts[b][w*seq+s]), append(out, texts[b][w*seq+s+1])
				mask = append(mask, float32((s+b+w)%2))
			}
		}
		s, err := m.Eval(in, out, mask)
		if err != nil {
			t.Fatal(err)
		}
		got.NLL += s.NLL
		got.Correct += s.Correct
		got.Top2 += s.Top2
		got.Count += s.Count
	}
	for b, text := range texts {
		if err := m.ResetSample(); err != nil {
			t.Fatal(err)
		}
		for k := range windows * seq {
			logits, err := m.Next(text[k])
			if err != nil {
				t.Fatal(err)
			}
			if (k%seq+b+k/seq)%2 == 0 {
				continue
			}
			target, sum, larger := logits[text[k+1]], 0.0, 0
			for _, l := range logits {
				sum += math.Exp(float64(l - target))
				if l > target {
					larger++
				}
			}
			want.NLL += math.Log(sum)
			want.Count++
			if larger == 0 {
				want.Correct++
			}
			if larger <= 1 {
				want.Top2++
			}
		}
	}
	if math.Abs(got.NLL-want.NLL) > 1e-4*want.NLL || got.Correct != want.Correct || got.Top2 != want.Top2 ||
		got.Count != want.Count {
		t.Errorf("Eval gives %+v, the logits of Next %+v", got, want)
	}
}

func TestNewLMRefuses(t *testing.T) {
	good := LMConfig{Model: models.LMConfig{Vocab: 2, Cell: models.CellConfig{Kind: "rnn"}, Hidden: 2, Layers: 1}, Seq: 1,
		Batch: 1, Training: Training{Seed: 3, Optimizer: optim.SGD{}}, Device: ref.New()}
	if _, err := NewLM(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*LMConfig){
		"no steps":     func(c *LMConfig) { c.Seq = 0 },
		"no sequences": func(c *LMConfig) { c.Batch = -1 },
		"no hidden":    func(c *LMConfig) { c.Model.Hidden = 0 },
		"no layers":    func(c *LMConfig) { c.Model.Layers = 0 },
		"no vocab":     func(c *LMConfig) { c.Model.Vocab = 0 },
		"bad embed":    func(c *LMConfig) { c.Model.Embed = -1 },
		"bad cell":     func(c *LMConfig) { c.Model.Cell = models.CellConfig{Kind: "elman"} },
	} {
		c := good
		spoil(&c)
		if _, err := NewLM(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
