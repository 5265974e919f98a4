package decode_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// salted are oracles of different models, for so many sources with so many rows each.
func salted(vocab, sources, width int, salts ...string) (all []*oracle, steppers []decode.Stepper) {
	for _, salt := range salts {
		o := newOracle(vocab, sources, width)
		o.salt = salt
		all, steppers = append(all, o), append(steppers, o)
	}
	return all, steppers
}

// A beam of two or three models that keeps everything finds the best of all sequences by their mean probabilities,
// whatever the penalties; none of the models would have found it alone.
func TestTogether(t *testing.T) {
	const vocab, steps, sources, n = 4, 4, 3, 5
	lengths := []int{4, 2, 3}
	for _, salts := range [][]string{{"a", "b"}, {"a", "b", "c"}} {
		for _, p := range [][2]float64{{0, 0}, {1, 0}, {0.6, 0.3}} {
			c := decode.Beam{Width: 100, Best: n, MaxLength: steps, Length: p[0], Coverage: p[1],
				Tokens: models.Tokens{Start: start, End: end}}
			all, steppers := salted(vocab, sources, c.Width, salts...)
			got, err := c.Search(decode.Together(steppers...), lengths)
			if err != nil {
				t.Fatal(err)
			}
			mixture := newOracle(vocab, sources, c.Width)
			mixture.salt, mixture.others = salts[0], all[1:]
			for i, hs := range got {
				var want []decode.Hypothesis
				for _, tokens := range mixture.all(steps) {
					want = append(want, mixture.hypothesis(i, tokens, lengths[i], p[0], p[1]))
				}
				for k := range hs { // means of weights, rounded as the sum is taken
					for s := range hs[k].Weights {
						equal(t, "weights", hs[k].Weights[s], best(want, n)[k].Weights[s], 1e-12)
						hs[k].Weights[s] = best(want, n)[k].Weights[s]
					}
				}
				same(t, hs, best(want, n))
			}
		}
	}
}

// One model beside itself is that model, to the bit: searched, and drawn from.
func TestTogetherWithItself(t *testing.T) {
	lengths := []int{4, 2, 3}
	c := decode.Beam{Width: 3, Best: 2, MaxLength: 7, Length: 0.6, Tokens: models.Tokens{Start: start, End: end}}
	search := func(salts ...string) [][]decode.Hypothesis {
		_, steppers := salted(6, len(lengths), c.Width, salts...)
		found, err := c.Search(decode.Together(steppers...), lengths)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	alone := search("x")
	if got := search("x", "x", "x"); !reflect.DeepEqual(got, alone) {
		// (w+w+w)/3 may differ from w in its last bit
		for i := range got {
			for k := range got[i] {
				got[i][k].Weights = alone[i][k].Weights
			}
		}
		if !reflect.DeepEqual(got, alone) {
			t.Errorf("thrice: %+v, alone %+v", got, alone)
		}
	}
	if reflect.DeepEqual(search("x", "y"), alone) {
		t.Error("another model changes nothing")
	}
	draw := func(salts ...string) [][]decode.Hypothesis {
		_, steppers := salted(6, 1, 2, salts...)
		found, err := decode.Sampling{Temperature: 1}.Sequences(decode.Together(steppers...), []int{4}, 2, []int{5}, c.Tokens,
			[]*rand.Rand{rand.New(rand.NewPCG(1, 2))})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if got, want := draw("x", "x"), draw("x"); !reflect.DeepEqual(got, want) {
		t.Errorf("drawn from it twice: %+v, alone %+v", got, want)
	}
}

// Sources that are done with make room in all models; those that would not keep the same ones are an error.
func TestTogetherNarrows(t *testing.T) {
	lengths := []int{4, 2, 3, 1, 4, 2}
	limits := []int{2, 7, 3, 1, 6, 2}
	c := decode.Beam{Width: 2, Limits: limits, Tokens: models.Tokens{Start: start, End: end}}
	narrowed := func() []decode.Stepper {
		a, b := newNarrowing(6, len(lengths), c.Width), newNarrowing(6, len(lengths), c.Width)
		b.salt = "b"
		return []decode.Stepper{a, b}
	}
	got, err := c.Search(decode.Together(narrowed()...), lengths)
	if err != nil {
		t.Fatal(err)
	}
	_, plain := salted(6, len(lengths), c.Width, "", "b")
	want, err := c.Search(decode.Together(plain...), lengths)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("narrowed: %+v, want %+v", got, want)
	}
	_, err = c.Search(decode.Together(narrowed()[0], plain[0]), lengths)
	if err == nil || !strings.Contains(err.Error(), "some models together can go on without sources, and others cannot") {
		t.Errorf("one narrows: %v", err)
	}
}

func TestTogetherRefuses(t *testing.T) {
	c := decode.Beam{Width: 2, MaxLength: 3, Tokens: models.Tokens{Start: start, End: end}}
	wide, narrow := newOracle(6, 1, 2), newOracle(5, 1, 2)
	if _, err := c.Search(decode.Together(wide, narrow), []int{4}); err == nil ||
		!strings.Contains(err.Error(), "models together have 2 rows of 6 tokens and 2 of 5") {
		t.Errorf("other vocabularies: %v", err)
	}
	if _, err := c.Search(decode.Together(), []int{4}); err == nil || !strings.Contains(err.Error(), "no model") {
		t.Errorf("no model: %v", err)
	}
	failing := newOracle(6, 1, 2)
	failing.fails = errors.New("lost")
	if _, err := c.Search(decode.Together(newOracle(6, 1, 2), failing), []int{4}); errors.Cause(err) != failing.fails {
		t.Errorf("a model that fails: %v", err)
	}
}

func TestMeanLog(t *testing.T) {
	inf := math.Inf(-1)
	got := make([]float64, 4)
	decode.MeanLog(got, []float64{math.Log(0.25), inf, inf, -800}, []float64{math.Log(0.75), 0, inf, -802})
	want := []float64{math.Log(0.5), math.Log(0.5), inf, -800 + math.Log((1+math.Exp(-2))/2)}
	for i := range want {
		if !(got[i] == want[i] || math.Abs(got[i]-want[i]) < 1e-12) {
			t.Errorf("%d: %g, want %g", i, got[i], want[i])
		}
	}
}
