package trainer

import (
	"math"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

func newTestClassifier(t *testing.T, c models.ClassifierConfig) *Classifier {
	t.Helper()
	c.Cell, c.Hidden, c.Layers, c.Classes = models.CellConfig{Kind: "gru"}, 8, 1, 3
	m, err := NewClassifier(ClassifierConfig{Model: c, Training: Training{Seed: 3, Optimizer: optim.DefaultAdam, Clip: 1},
		Device: cpu.New(cpu.Threads(1))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// numbered is a batch of three sequences whose class is their second token; the k-th of several. They have 2, 3
// and 4 tokens, and padding up to the given number of steps.
func numbered(k, steps int) (x Sequences, classes []int32, weights []float32) {
	const batch = 3
	x = Sequences{Steps: steps, Batch: batch, Tokens: make([]int32, steps*batch), Mask: make([]float32, steps*batch)}
	for b := range batch {
		for s := range b + 2 {
			x.Tokens[s*batch+b], x.Mask[s*batch+b] = int32((k*(s+1)+b)%3), 1
		}
		classes, weights = append(classes, x.Tokens[batch+b]), append(weights, 1)
	}
	return x, classes, weights
}

func classifierLosses(t *testing.T, m *Classifier, from, to int, steps func(k int) int) []float64 {
	t.Helper()
	var ls []float64
	for k := from; k < to; k++ {
		x, classes, weights := numbered(k, steps(k))
		l, norm, err := m.Train(x, classes, weights, k, 0.02)
		if err != nil {
			t.Fatal(err)
		}
		if !(norm > 0) {
			t.Fatalf("step %d: gradient of norm %g", k, norm)
		}
		ls = append(ls, l)
	}
	return ls
}

func four(int) int { return 4 }

// mixed are two shapes, by turns that are not regular.
func mixed(k int) int { return 4 + k*k%3 }

func TestClassifierLearns(t *testing.T) {
	for _, pooling := range models.Poolings {
		m := newTestClassifier(t, models.ClassifierConfig{Vocab: 3, Embed: 4, Pooling: pooling, Bidirectional: true})
		ls := classifierLosses(t, m, 0, 200, four)
		if first, last := ls[0], ls[len(ls)-1]; first < 0.8 || last > 0.1 {
			t.Errorf("%s: loss from %.3f to %.3f", pooling, first, last)
		}
		x, classes, weights := numbered(1, 4)
		s, err := m.Eval(x, classes, weights)
		if err != nil {
			t.Fatal(err)
		}
		if s.Correct != 3 || s.Top2 != 3 || s.Count != 3 || s.NLL > 0.3 {
			t.Errorf("%s: measured %+v", pooling, s)
		}
		weights[1] = 0
		if s, err = m.Eval(x, classes, weights); err != nil || s.Count != 2 {
			t.Errorf("%s: a row that is no example is counted: %+v, %v", pooling, s, err)
		}
	}
}

// Batches of several shapes train the same weights: more padding changes only rounding.
func TestClassifierShapes(t *testing.T) {
	c := models.ClassifierConfig{Vocab: 3, Embed: 4}
	want := classifierLosses(t, newTestClassifier(t, c), 0, 30, four)
	for k, l := range classifierLosses(t, newTestClassifier(t, c), 0, 30, mixed) {
		if math.Abs(l-want[k]) > 1e-5*want[k] {
			t.Errorf("step %d: loss %v with padding, %v without", k, l, want[k])
		}
	}
}

// Training in two halves, with the state handed over, is training in one, to the bit; dropout included.
func TestClassifierHandsOver(t *testing.T) {
	c := models.ClassifierConfig{Vocab: 3, Embed: 4, Dropout: 0.3}
	want := classifierLosses(t, newTestClassifier(t, c), 0, 12, mixed)
	if drop := classifierLosses(t, newTestClassifier(t, models.ClassifierConfig{Vocab: 3, Embed: 4}), 0, 1,
		mixed); drop[0] == want[0] {
		t.Error("nothing was dropped")
	}
	first := newTestClassifier(t, c)
	got := classifierLosses(t, first, 0, 6, mixed)
	ws, state := contents(t, first)
	second := newTestClassifier(t, c)
	if err := second.Load(ws, state); err != nil {
		t.Fatal(err)
	}
	if got = append(got, classifierLosses(t, second, 6, 12, mixed)...); !slices.Equal(got, want) {
		t.Errorf("losses %v with a handover, %v without", got, want)
	}
	for _, wrong := range [][2][]graph.Tensor{{ws[1:], state}, {ws, state[1:]}, {state, ws}} {
		if err := second.Load(wrong[0], wrong[1]); err == nil {
			t.Error("tensors of another model were loaded")
		}
	}
}

func contents(t *testing.T, m interface {
	Params() ([]graph.Tensor, error)
	TrainState() ([]graph.Tensor, error)
}) (weights, state []graph.Tensor) {
	t.Helper()
	weights, err := m.Params()
	if err != nil {
		t.Fatal(err)
	}
	if state, err = m.TrainState(); err != nil {
		t.Fatal(err)
	}
	return weights, state
}

func TestClassifierOfVectors(t *testing.T) {
	m := newTestClassifier(t, models.ClassifierConfig{Input: 2})
	x := Sequences{Steps: 2, Batch: 3, Vectors: []float32{1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0}}
	classes, weights := []int32{0, 1, 2}, []float32{1, 1, 1}
	var loss float64
	for k := range 150 {
		var err error
		if loss, _, err = m.Train(x, classes, weights, k, 0.02); err != nil {
			t.Fatal(err)
		}
	}
	if loss > 0.1 {
		t.Errorf("the loss is %g", loss)
	}
	x.Vectors = x.Vectors[1:]
	if _, err := m.Logits(x); err == nil {
		t.Error("a batch with a number too few was taken")
	}
}

func TestLogSoftmax(t *testing.T) {
	sum := 0.0
	for _, ln := range LogSoftmax([]float32{3e38, 1, 3e38}) {
		sum += math.Exp(ln)
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("probabilities add up to %g", sum)
	}
	if ln := LogSoftmax([]float32{0, float32(math.Log(3))}); math.Abs(ln[1]-math.Log(0.75)) > 1e-7 {
		t.Errorf("ln 0.75 is %g", ln[1])
	}
	if ln := LogSoftmax([]float32{0, float32(math.NaN())}); ln[0] == ln[0] {
		t.Errorf("beside NaN ln p is %g", ln[0])
	}
}
