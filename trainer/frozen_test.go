package trainer

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

const embedding = "embedding.weight"

// newEmbedded makes a classifier with an embedding.
func newEmbedded(t *testing.T, d tape.Device, c Training) *Classifier {
	t.Helper()
	c.Seed = 3
	m, err := NewClassifier(ClassifierConfig{
		Model: models.ClassifierConfig{Vocab: 3, Embed: 4, Cell: models.CellConfig{Kind: "gru"}, Hidden: 8, Layers: 1,
			Classes: 3},
		Training: c, Device: d,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// A frozen parameter keeps its bits, and nothing of it is in the state of the training; the model learns all
// the same, in batches of several shapes, on devices that share memory and on those that do not, and goes on
// from what it has saved to the same bits.
func TestFrozen(t *testing.T) {
	for _, average := range []float64{0, 0.9} {
		c := Training{Optimizer: optim.DefaultAdam, Clip: 1, Average: average, Frozen: []string{embedding}}
		var first []float64
		for name, d := range map[string]tape.Device{"cpu": cpu.New(cpu.Threads(1)), "apart": apart{cpu.New(cpu.Threads(1))}} {
			m := newEmbedded(t, d, c)
			before, _ := contents(t, m)
			ls := classifierLosses(t, m, 0, 150, mixed)
			if ls[149] > ls[0]/2 {
				t.Errorf("%s: the loss went from %g to %g", name, ls[0], ls[149])
			}
			if first == nil {
				first = ls
			}
			if !slices.Equal(ls, first) {
				t.Errorf("%s: %v, on another device %v", name, ls, first)
			}
			weights, state := contents(t, m)
			for i, w := range weights {
				if same := cmp.Equal(w, before[i]); same != (w.Name == embedding) {
					t.Errorf("%s: %s stays as it is: %t", name, w.Name, same)
				}
			}
			for _, s := range state {
				if strings.Contains(s.Name, embedding) {
					t.Errorf("%s: the state of the training has %s", name, s.Name)
				}
			}
			heir := newEmbedded(t, d, c)
			weights = slices.Clone(weights)
			slices.Reverse(weights) // whatever their order
			if err := heir.Load(weights, state); err != nil {
				t.Fatal(err)
			}
			classifierLosses(t, m, 150, 156, mixed)
			classifierLosses(t, heir, 150, 156, mixed)
			wantWeights, wantState := contents(t, m)
			gotWeights, gotState := contents(t, heir)
			if diff := cmp.Diff(wantWeights, gotWeights) + cmp.Diff(wantState, gotState); diff != "" {
				t.Errorf("%s: training on after the handover differs: %s", name, diff)
			}
		}
	}
}

// The others move as they do when nothing is frozen.
func TestFrozenLeavesTheOthers(t *testing.T) {
	frozen := newEmbedded(t, ref.New(), Training{Optimizer: optim.SGD{}, Frozen: []string{embedding}})
	all := newEmbedded(t, ref.New(), Training{Optimizer: optim.SGD{}})
	classifierLosses(t, frozen, 0, 1, four)
	classifierLosses(t, all, 0, 1, four)
	got, _ := contents(t, frozen)
	want, _ := contents(t, all)
	for i, w := range want {
		if same := cmp.Equal(w, got[i]); same != (w.Name != embedding) {
			t.Errorf("%s is the same: %t", w.Name, same)
		}
	}
}

func TestFrozenNames(t *testing.T) {
	_, err := NewLearner(LearnerConfig[int]{Declare: line, Shape: 2,
		Training: Training{Optimizer: optim.SGD{}, Frozen: []string{"v"}}})
	var wrong *setting.Error
	if !errors.As(err, &wrong) || wrong.Error() != `Frozen is "v": it must be the name of a parameter, such as w` {
		t.Errorf("%v", err)
	}
	if _, err := NewLearner(LearnerConfig[int]{Declare: line, Shape: 2,
		Training: Training{Optimizer: optim.SGD{}, Frozen: []string{"w", "b"}}}); err == nil {
		t.Error("a model of which nothing moves was made")
	}
}
