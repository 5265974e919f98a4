package run

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// echo translates every source to itself.
type echo struct{}

func (echo) StepCost() tape.StepCost { return tape.StepCost{Rows: 4, Padded: 1} }

func (echo) Search(source []int32, batch int, _ decode.Beam) ([][]decode.Hypothesis, error) {
	found := make([][]decode.Hypothesis, batch)
	for row := range found {
		var h decode.Hypothesis
		for i := row; i < len(source) && !h.Ended; i += batch {
			h.Tokens, h.Ended = append(h.Tokens, source[i]), source[i] == datasets.End
		}
		found[row] = []decode.Hypothesis{h}
	}
	return found, nil
}

func (echo) Sample([]int32, int, int, []int, decode.Sampling, []*rand.Rand) ([][]decode.Hypothesis, error) {
	return nil, errors.New("nothing was to be drawn")
}

// A source with several targets may be one line with several references; else each pair is a line.
func TestSeveralReferences(t *testing.T) {
	pairs := datasets.NewPairs("pairs", []datasets.Pair{{Source: "a b", Target: "a  b"}, {Source: "c", Target: "d"},
		{Source: "a b", Target: "b a"}, {Source: "c", Target: "c"}})
	v, err := datasets.BuildVocab(datasets.VocabConfig{Kind: datasets.Word}, slices.Values([]string{"a b c d"}))
	if err != nil {
		t.Fatal(err)
	}
	c := &Config{}
	if _, err := c.limited(translate.Options{}); err == nil || !strings.Contains(err.Error(), "max_length") {
		t.Errorf("%v: a run that does not know how long its targets are needs a limit", err)
	}
	c.Training.MaxLength = 9
	o, err := c.limited(translate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, several := range []bool{false, true} {
		x, err := allPairs(pairs).translated(t.Context(), c.translator(echo{}, v, v), o, several)
		if err != nil {
			t.Fatal(err)
		}
		want, exact, signature := metrics.References{{"a b"}, {"d"}, {"b a"}, {"c"}}, 0.5, "nrefs:1"
		if several {
			want, exact, signature = metrics.References{{"a b", "b a"}, {"d", "c"}}, 1, "nrefs:2"
		}
		if diff := cmp.Diff(want, x.References); diff != "" || len(x.Sources) != len(want) {
			t.Errorf("several references: %v: %s", several, diff)
		}
		var m Metrics
		if err := m.add(x, v, ""); err != nil {
			t.Fatal(err)
		}
		if float64(*m.ExactMatch) != exact || m.Lines != len(want) || m.Cut != 0 ||
			m.BLEUSignature[:len(signature)] != signature || !math.IsNaN(float64(*m.BLEU)) {
			t.Errorf("several references: %v: %+v", several, m.TranslationNotes)
		}
	}
}

// A measure that is undefined is no reason to prefer a checkpoint, and any number is one to prefer another.
func TestUndefinedScore(t *testing.T) {
	of := func(bleu float64) float64 {
		m := Metrics{Loss: 1, Measures: Measures{BLEU: some(bleu)}}
		return m.score("bleu")
	}
	undefined := of(math.NaN())
	var at Position
	if undefined != undefinedScore || !at.better(undefined) {
		t.Error("the first checkpoint is the best, whatever it measures")
	}
	at.BestScore = &undefined
	if at.better(of(math.NaN())) || !at.better(of(0)) {
		t.Error("what is undefined is better than what is not")
	}
	measures := Measures{BLEU: some(math.NaN())}
	if b, err := measures.BLEU.MarshalJSON(); err != nil || string(b) != `"NaN"` || *measures.BLEU == Float(0) {
		t.Errorf("written as %s, %v", b, err)
	}
}

// With balanced weights each class counts the same in a batch that holds all examples; what is no example counts
// nothing.
func TestClassWeights(t *testing.T) {
	classes := []int32{0, 1, 0, 1}
	inputs := textInputs{&batches.Classification{Sequences: [][]int32{{4}, {5}, {4}, {6}}, Classes: classes}}
	x := &examples{encodedExamples: encodedExamples{inputs: inputs, classes: classes}, which: []int32{0, 1, 2}}
	g := batches.Group{Shape: batches.Shape{Source: 1}, Examples: []int32{0, 1, 2, -1}}
	for _, want := range [][]float32{{1, 1, 1, 0}, {0.75, 1.5, 0.75, 0}} {
		b, err := x.fill(g)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.weights, want) {
			t.Errorf("weights %v, want %v", b.weights, want)
		}
		x.weights = metrics.BalancedWeights(x.perClass(2))
	}
}
