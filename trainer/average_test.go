package trainer

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// The average is what its formula says of the weights that training goes on from, which it does not touch.
func TestAverage(t *testing.T) {
	const d = 0.8
	averaged := newTiny(t, cpu.New(), Training{Optimizer: optim.DefaultAdam, Average: d})
	plain := newTiny(t, cpu.New(), Training{Optimizer: optim.DefaultAdam})
	n := 0.0
	sums := map[string][]float64{"u": make([]float64, tinySize), "v": make([]float64, tinySize)}
	if before := averaged.contents(t); !cmp.Equal(before, plain.contents(t)) {
		t.Errorf("before the first step: %v", before)
	}
	for k := range 10 {
		x := []float32{1, float32(k), -1}
		averaged.train(t, 0.1, x)
		plain.train(t, 0.1, x)
		n = d*n + 1 - d
		got, weights := averaged.contents(t), plain.contents(t)
		for name, sum := range sums {
			if !slices.Equal(got[rawPrefix+name].([]float32), weights[name].([]float32)) {
				t.Errorf("step %d: training goes on from %v, want %v", k, got[rawPrefix+name], weights[name])
			}
			for i, w := range weights[name].([]float32) {
				sum[i] = d*sum[i] + (1-d)*float64(w)
				if mean := float64(got[name].([]float32)[i]); math.Abs(mean-sum[i]/n) > 1e-6 {
					t.Errorf("step %d: the average of %s[%d] is %v, want %v", k, name, i, mean, sum[i]/n)
				}
			}
		}
	}
}

// A model with an average measures with it, hands it over with all else, and a model without one can use it.
func TestAverageIsUsed(t *testing.T) {
	make := func(average float64) *LM {
		m, err := NewLM(LMConfig{
			Model: models.LMConfig{Vocab: vocab, Cell: models.CellConfig{Kind: "gru"}, Hidden: 8, Layers: 1, Embed: 4},
			Seq:   seq, Batch: batch,
			Training: Training{Seed: 3, Optimizer: optim.DefaultAdam, Average: average}, Device: cpu.New(cpu.Threads(1)),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	eval := func(m *LM) float64 {
		t.Helper()
		if err := m.ResetEval(); err != nil {
			t.Fatal(err)
		}
		in, out := window(0)
		mask := slices.Repeat([]float32{1}, len(in))
		s, err := m.Eval(in, out, mask)
		if err != nil {
			t.Fatal(err)
		}
		return s.NLL
	}
	m, raw := make(0.9), make(0)
	initial := eval(raw)
	losses(t, m, 20, 0.05)
	losses(t, raw, 20, 0.05)
	if trained := eval(raw); trained > initial/2 {
		t.Errorf("after training %v is measured, before it was %v", trained, initial)
	}
	measured := eval(m)
	if measured == eval(raw) {
		t.Error("the average measures as the weights do")
	}
	weights, state := contents(t, m)
	if again := eval(m); again != measured {
		t.Errorf("measured %v on the device, %v from the host", measured, again)
	}
	user := make(0)
	if err := user.Load(weights, nil); err != nil {
		t.Fatal(err)
	}
	if got := eval(user); got != measured {
		t.Errorf("a model without an average measures %v, want %v", got, measured)
	}
	heir := make(0.9)
	if err := heir.Load(weights, state); err != nil {
		t.Fatal(err)
	}
	if got := eval(heir); got != measured {
		t.Errorf("after the handover: measured %v, want %v", got, measured)
	}
	losses(t, m, 5, 0.05)
	losses(t, heir, 5, 0.05)
	wantWeights, wantState := contents(t, m)
	gotWeights, gotState := contents(t, heir)
	if diff := cmp.Diff(wantWeights, gotWeights) + cmp.Diff(wantState, gotState); diff != "" {
		t.Errorf("training on after the handover differs: %s", diff)
	}
	for i := range state {
		if err := heir.Load(weights, slices.Concat(state[:i], state[i+1:])); err == nil {
			t.Errorf("a state without %s was loaded", state[i].Name)
		}
	}
	// Without an average, or with another one, the state is that of another training.
	if err := user.Load(weights, state); err == nil {
		t.Error("a model without an average took the state of one with it")
	}
}
