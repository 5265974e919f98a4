package trainer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

func newTestRegressor(t *testing.T, d tape.Device, parts int, dropout float64) *Regressor {
	t.Helper()
	m, err := NewRegressor(RegressorConfig{
		Model: models.RegressorConfig{
			Input: 1, Cell: models.CellConfig{Kind: "gru"}, Hidden: 8, Layers: 1, Pooling: "mean", Loss: "huber",
			Dropout: dropout,
		},
		Training: Training{Seed: 3, Optimizer: optim.DefaultAdam, Accumulate: parts}, Device: d,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// means is a batch of four sequences of 2 to 5 numbers, and their means; the last is none.
func means(k int) (x Sequences, right, weights []float32) {
	const steps, batch = 5, 4
	random := rand.New(rand.NewPCG(7, uint64(k)))
	x = Sequences{Steps: steps, Batch: batch, Vectors: make([]float32, steps*batch), Mask: make([]float32, steps*batch)}
	right, weights = make([]float32, batch), []float32{1, 1, 1, 0}
	for b := range batch {
		for s := range b + 2 {
			u := random.Float32()
			x.Vectors[s*batch+b], x.Mask[s*batch+b] = u, 1
			right[b] += u / float32(b+2)
		}
	}
	return x, right, weights
}

func regressorLosses(t *testing.T, m *Regressor, from, to int) (ls []float64) {
	t.Helper()
	for k := from; k < to; k++ {
		x, right, weights := means(k)
		l, _, err := m.Train(x, right, weights, k, 0.02)
		if err != nil {
			t.Fatal(err)
		}
		ls = append(ls, l)
	}
	return ls
}

// A regressor learns means of sequences of several lengths; what it says is measured without the rows that are
// none; and what was saved goes on to the same bits.
func TestRegressor(t *testing.T) {
	m := newTestRegressor(t, cpu.New(cpu.Threads(1)), 1, 0)
	ls := regressorLosses(t, m, 0, 200)
	if last := slices.Max(ls[180:]); last > ls[0]/10 || last > 0.002 {
		t.Errorf("the loss went from %g to %g", ls[0], last)
	}
	x, right, weights := means(999)
	loss, n, predicted, err := m.Eval(x, right, weights)
	if err != nil || n != 3 {
		t.Fatalf("%d examples, %v", n, err)
	}
	want := 0.0
	for i, y := range predicted[:3] {
		e := float64(y - right[i])
		want += e * e / 2
	}
	if math.Abs(loss-want) > 1e-6 {
		t.Errorf("loss %g, want %g", loss, want)
	}
	if again, err := m.Predict(x); err != nil || !slices.Equal(again, predicted) {
		t.Errorf("%v, %v; measured %v", again, err, predicted)
	}
	for _, dropout := range []float64{0, 0.3} {
		one, heir := newTestRegressor(t, cpu.New(cpu.Threads(1)), 1, dropout),
			newTestRegressor(t, cpu.New(cpu.Threads(1)), 1, dropout)
		regressorLosses(t, one, 0, 5)
		if err := heir.Load(contents(t, one)); err != nil {
			t.Fatal(err)
		}
		if got, want := regressorLosses(t, heir, 5, 10), regressorLosses(t, one, 5, 10); !slices.Equal(got, want) {
			t.Errorf("dropout %g: %v, want %v", dropout, got, want)
		}
		gotWeights, gotState := contents(t, heir)
		wantWeights, wantState := contents(t, one)
		if diff := cmp.Diff(wantWeights, gotWeights) + cmp.Diff(wantState, gotState); diff != "" {
			t.Error(diff)
		}
	}
}

// A batch in parts has the loss of the whole, however many rows of a part are none.
func TestRegressorInParts(t *testing.T) {
	whole, parts := newTestRegressor(t, cpu.New(cpu.Threads(1)), 1, 0), newTestRegressor(t, cpu.New(cpu.Threads(1)), 2, 0)
	a, b := regressorLosses(t, whole, 0, 5), regressorLosses(t, parts, 0, 5)
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-5*a[i] {
			t.Errorf("step %d: %g, in parts %g", i, a[i], b[i])
		}
	}
}

func TestRegressorRefuses(t *testing.T) {
	m := newTestRegressor(t, cpu.New(cpu.Threads(1)), 3, 0)
	x, right, weights := means(0)
	if _, _, err := m.Train(x, right, weights, 0, 0.1); err == nil {
		t.Error("4 examples in 3 parts")
	}
	if _, _, _, err := m.Eval(x, right[1:], weights); err == nil {
		t.Error("too few numbers")
	}
	x.Vectors = x.Vectors[1:]
	if _, err := m.Predict(x); err == nil {
		t.Error("too few vectors")
	}
	if _, err := m.Predict(Sequences{Batch: -1}); err == nil {
		t.Error("no batch")
	}
}
