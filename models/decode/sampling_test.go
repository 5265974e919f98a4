package decode_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

func TestSamplingProbabilities(t *testing.T) {
	logits := make([]float64, 4)
	for i, p := range []float64{0.1, 0.4, 0.2, 0.3} {
		logits[i] = math.Log(p) + 7
	}
	square := 0.01 + 0.16 + 0.04 + 0.09
	for _, c := range []struct {
		name string
		s    decode.Sampling
		want []float64
	}{
		{"as it is", decode.Sampling{Temperature: 1}, []float64{0.1, 0.4, 0.2, 0.3}},
		{"sharper", decode.Sampling{Temperature: 0.5}, []float64{0.01 / square, 0.16 / square, 0.04 / square, 0.09 / square}},
		{"the likeliest", decode.Sampling{}, []float64{0, 1, 0, 0}},
		{"two", decode.Sampling{Temperature: 1, TopK: 2}, []float64{0, 4. / 7, 0, 3. / 7}},
		{"more than there are", decode.Sampling{Temperature: 1, TopK: 9}, []float64{0.1, 0.4, 0.2, 0.3}},
		{"half", decode.Sampling{Temperature: 1, TopP: 0.5}, []float64{0, 4. / 7, 0, 3. / 7}},
		{"least of all", decode.Sampling{Temperature: 1, TopP: 0.01}, []float64{0, 1, 0, 0}},
		{"everything", decode.Sampling{Temperature: 1, TopP: 1}, []float64{0.1, 0.4, 0.2, 0.3}},
		{"0.6 of three, which is 0.54", decode.Sampling{Temperature: 1, TopK: 3, TopP: 0.6}, []float64{0, 4. / 7, 0, 3. / 7}},
	} {
		equal(t, c.name, probabilities(t, c.s, logits), c.want, 1e-12)
	}
	hard := probabilities(t, decode.Sampling{Temperature: 1, TopK: 1}, []float64{math.Inf(-1), 1000, 1000, -1000})
	equal(t, "the first of equals", hard, []float64{0, 1, 0, 0}, 0)
	barred := probabilities(t, decode.Sampling{Temperature: 2}, []float64{math.Inf(-1), 3, 3})
	equal(t, "one barred", barred, []float64{0, 0.5, 0.5}, 1e-12)
}

func probabilities(t *testing.T, s decode.Sampling, logits []float64) []float64 {
	t.Helper()
	p, err := s.Probabilities(logits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Nothing is drawn from what is no distribution, however it is drawn.
func TestDrawFromNoNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	nan, inf := math.NaN(), math.Inf(1)
	for _, logits := range [][]float64{{1, nan, 2}, {nan}, {nan, nan}, {1, inf}, {inf, -inf}, {-inf, -inf}} {
		for _, s := range []decode.Sampling{{}, {Temperature: 1}, {Temperature: 1, TopK: 1}, {Temperature: 0.5, TopP: 0.5}} {
			var e *decode.NotFiniteError
			if token, err := s.Draw(logits, r); !errors.As(err, &e) {
				t.Errorf("%+v of %v: %d, %v", s, logits, token, err)
			}
		}
	}
}

// Draws have the distribution, within four standard deviations.
func TestSamplingDraw(t *testing.T) {
	const n = 20000
	s := decode.Sampling{Temperature: 0.7, TopK: 4, TopP: 0.95}
	logits := []float64{0.3, -1, 2, math.Inf(-1), 1.2, 0.9}
	counts, r := make([]float64, len(logits)), rand.New(rand.NewPCG(1, 2))
	for range n {
		token, err := s.Draw(logits, r)
		if err != nil {
			t.Fatal(err)
		}
		counts[token]++
	}
	for i, p := range probabilities(t, s, logits) {
		if d := math.Sqrt(n * p * (1 - p)); math.Abs(counts[i]-n*p) > 4*d {
			t.Errorf("token %d comes up %v times, want %v ± %v", i, counts[i], n*p, d)
		}
	}
}

// Sequences stop at their ends, rows are independent, and ln p and weights are those of the tokens.
func TestSamplingSequences(t *testing.T) {
	lengths := []int{4, 2, 3}
	tokens := models.Tokens{Start: start, End: end}
	o := newOracle(5, len(lengths), 6)
	got, err := decode.Sampling{Temperature: 1}.Sequences(o, lengths, 6, []int{7, 3, 9}, tokens, randoms(3))
	if err != nil {
		t.Fatal(err)
	}
	ends, distinct := 0, map[string]bool{}
	for i, hs := range got {
		for _, h := range hs {
			same(t, []decode.Hypothesis{h}, []decode.Hypothesis{o.hypothesis(i, h.Tokens, lengths[i], 0, 0)})
			at := slices.Index(h.Tokens, end)
			if at >= 0 {
				ends++
			}
			if at >= 0 && at != len(h.Tokens)-1 || at < 0 && len(h.Tokens) != []int{7, 3, 9}[i] {
				t.Errorf("%v does not stop at its end", h.Tokens)
			}
			distinct[fmt.Sprint(i, h.Tokens)] = true
		}
	}
	if ends == 0 || ends == 18 || len(distinct) < 10 {
		t.Errorf("%d of 18 sequences end, %d are different", ends, len(distinct))
	}
}

// randoms are random numbers for so many sources.
func randoms(n int) []*rand.Rand {
	r := make([]*rand.Rand, n)
	for i := range r {
		r[i] = rand.New(rand.NewPCG(3, uint64(i)))
	}
	return r
}

// What is drawn for a source does not depend on those beside it.
func TestSamplingAlone(t *testing.T) {
	tokens := models.Tokens{Start: start, End: end}
	draw := func(sources []int, random []*rand.Rand) [][]decode.Hypothesis {
		o := newOracle(5, len(sources), 2)
		for i := range o.rows {
			o.rows[i][0] = int32(sources[i/2])
		}
		got, err := decode.Sampling{Temperature: 1}.Sequences(o, slices.Repeat([]int{4}, len(sources)), 2,
			slices.Repeat([]int{9}, len(sources)), tokens, random)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	together := draw([]int{0, 1, 2}, randoms(3))
	for i := range 3 {
		same(t, together[i], draw([]int{i}, randoms(3)[i:i+1])[0])
	}
}

func TestSamplingMistakes(t *testing.T) {
	for want, run := range map[string]func(o *oracle) error{
		"Temperature is -1":  sampled(decode.Sampling{Temperature: -1}, 1, 2),
		"Temperature is NaN": sampled(decode.Sampling{Temperature: math.NaN()}, 1, 2),
		"TopK is -1":         sampled(decode.Sampling{TopK: -1}, 1, 2),
		"TopP is 1.5":        sampled(decode.Sampling{TopP: 1.5}, 1, 2),
		"rows is 0":          sampled(decode.Sampling{}, 0, 2),
		"limits [0]":         sampled(decode.Sampling{}, 1, 0),
		"NoRepeat is -2":     sampled(decode.Sampling{NoRepeat: -2}, 1, 2),
		"step 1: the device is off": func(o *oracle) error {
			o.fails = errors.New("the device is off")
			return sampled(decode.Sampling{}, 1, 2)(o)
		},
	} {
		if err := run(newOracle(4, 1, 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
}

func TestSamplingLimits(t *testing.T) {
	for _, c := range []decode.Sampling{{}, {Temperature: 100}, {TopK: 1}, {TopP: 0.5}, {TopP: 1}} {
		if err := c.Check(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func sampled(c decode.Sampling, rows, most int) func(o *oracle) error {
	return func(o *oracle) error {
		_, err := c.Sequences(o, []int{1}, rows, []int{most}, models.DefaultTokens, randoms(1))
		return err
	}
}
