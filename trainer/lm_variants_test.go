package trainer

import (
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// Each kind of cell and of output learns, and training in two halves is training in one, to the bit.
func TestLMVariants(t *testing.T) {
	weights := map[string]int{}
	for name, c := range map[string]models.LMConfig{
		"plain":              {Cell: models.CellConfig{Kind: "rnn"}, Embed: 4},
		"dropout":            {Cell: models.CellConfig{Kind: "rnn"}, Embed: 4, Dropout: 0.3},
		"tied":               {Cell: models.CellConfig{Kind: "gru"}, Embed: 16, Tied: true},
		"tied and projected": {Cell: models.CellConfig{Kind: "gru"}, Embed: 4, Tied: true},
		"relu":               {Cell: models.CellConfig{Kind: "rnn", Activation: "relu", NoBias: true}, Embed: 4},
		"adaptive":           {Cell: models.CellConfig{Kind: "rnn"}, Embed: 4, Softmax: models.Softmax{Cutoffs: []int{2, 5}}},
		"sampled":            {Cell: models.CellConfig{Kind: "rnn"}, Embed: 4, Softmax: models.Softmax{Samples: 3}},
		"lstm":               {Cell: models.CellConfig{Kind: "lstm", ForgetBias: 1, Peepholes: true, LayerNorm: true}},
	} {
		c.Vocab, c.Hidden, c.Layers = vocab, 16, 2
		start := func() *LM {
			m, err := NewLM(LMConfig{Model: c, Seq: seq, Batch: batch,
				Training: Training{Seed: 3, Optimizer: optim.DefaultAdam, Clip: 1}, Device: cpu.New(cpu.Threads(1))})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { m.Close() })
			return m
		}
		take := func(m *LM, from, to int) (ls []float64) {
			for k := from; k < to; k++ {
				in, out := window(k % vocab * seq)
				l, _, err := m.Train(in, out, k, 0.01)
				if err != nil {
					t.Fatal(err)
				}
				ls = append(ls, l)
			}
			return ls
		}
		whole, first, second := start(), start(), start()
		want := take(whole, 0, 200)
		got := take(first, 0, 5)
		if err := second.Load(contents(t, first)); err != nil {
			t.Fatal(err)
		}
		if got = append(got, take(second, 5, 10)...); !slices.Equal(got, want[:10]) {
			t.Errorf("%s: losses %v with a handover, %v without", name, got, want[:10])
		}
		if want[199] > want[0]/2 {
			t.Errorf("%s: the loss went from %g to %g", name, want[0], want[199])
		}
		params, err := whole.Params()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range params {
			weights[name] += len(p.Data.([]float32))
		}
		if name != "dropout" {
			continue
		}
		in, out := window(0)
		mask := make([]float32, len(in))
		for i := range mask {
			mask[i] = 1
		}
		measure := func() float64 {
			s, err := second.Eval(in, out, mask)
			if err == nil {
				err = second.ResetEval()
			}
			if err != nil {
				t.Fatal(err)
			}
			return s.NLL
		}
		if one, two := measure(), measure(); one != two {
			t.Errorf("measured %g, then %g: something is dropped", one, two)
		}
	}
	const layers = 2
	gru := func(in int) int { return 3 * 16 * (in + 16 + 2) }
	if want := vocab*16 + gru(16)*layers + vocab; weights["tied"] != want {
		t.Errorf("tied: %d weights, want %d", weights["tied"], want)
	}
	if want := vocab*4 + gru(4) + gru(16) + 4*16 + vocab; weights["tied and projected"] != want {
		t.Errorf("tied and projected: %d weights, want %d", weights["tied and projected"], want)
	}
	if weights["dropout"] != weights["plain"] {
		t.Errorf("dropout has %d weights, without %d", weights["dropout"], weights["plain"])
	}
	if _, err := NewLM(LMConfig{Model: models.LMConfig{Vocab: 3, Cell: models.CellConfig{Kind: "rnn"}, Hidden: 3,
		Layers: 1, Tied: true}, Seq: 1, Batch: 1}); err == nil {
		t.Error("tied without an embedding")
	}
}
