package decode_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// narrowing is an oracle that keeps the sources that go on, in an order of its own, and one more where there is one.
type narrowing struct {
	oracle
	rows  int // of a source
	steps []int
}

func newNarrowing(vocab, sources, rows int) *narrowing {
	return &narrowing{oracle: *newOracle(vocab, sources, rows), rows: rows}
}

func (o *narrowing) Narrow(going []int) ([]int, error) {
	sources := len(o.oracle.rows) / o.rows
	if len(going) == 0 || len(going) >= sources || !slices.IsSorted(going) {
		return nil, fmt.Errorf("%v of %d sources are to go on", going, sources)
	}
	kept := slices.Clone(going)
	for at := range sources {
		if !slices.Contains(going, at) {
			kept = append(kept, at)
			break
		}
	}
	slices.Reverse(kept)
	var rows [][]int32
	for _, at := range kept {
		rows = append(rows, o.oracle.rows[at*o.rows:][:o.rows]...)
	}
	o.oracle.rows = rows
	return kept, nil
}

func (o *narrowing) Step(tokens, parents []int32) (decode.Scores, error) {
	o.steps = append(o.steps, len(tokens))
	return o.oracle.Step(tokens, parents)
}

// What a search finds, and what is drawn, is the same where sources that are done with are left out.
func TestNarrow(t *testing.T) {
	tokens := models.Tokens{Start: start, End: end}
	lengths, limits := slices.Repeat([]int{4, 2, 3, 1}, 4), slices.Repeat([]int{1, 5, 3, 9, 2, 4, 1, 6}, 2)
	for _, width := range []int{1, 3} {
		beam := decode.Beam{Width: width, Best: width, Length: 0.6, Coverage: 0.1, NoRepeat: 2, Limits: limits,
			Tokens: tokens}
		sampling := decode.Sampling{Temperature: 1, NoRepeat: 2}
		for name, find := range map[string]func(s decode.Stepper) ([][]decode.Hypothesis, error){
			"search": func(s decode.Stepper) ([][]decode.Hypothesis, error) { return beam.Search(s, lengths) },
			"sampling": func(s decode.Stepper) ([][]decode.Hypothesis, error) {
				return sampling.Sequences(s, lengths, width, limits, tokens, randoms(len(lengths)))
			},
		} {
			want, err := find(newOracle(6, len(lengths), width))
			if err != nil {
				t.Fatal(err)
			}
			o := newNarrowing(6, len(lengths), width)
			got, err := find(o)
			if err != nil {
				t.Fatalf("%s, %d rows: %v", name, width, err)
			}
			for i := range want {
				same(t, got[i], want[i])
			}
			if first, last := o.steps[0], o.steps[len(o.steps)-1]; first != len(lengths)*width || last > 4*width {
				t.Errorf("%s, %d rows: steps of %v rows: nothing was left out", name, width, o.steps)
			}
		}
	}
}

// logits is a Stepper that predicts the same at every step, as logits of float32 that are far from ln p.
type logits struct{ ln []float64 }

func (x logits) Step(tokens, _ []int32) (s decode.Scores, err error) {
	const sum = 50.25
	for range tokens {
		row := make([]float32, len(x.ln))
		for i, ln := range x.ln {
			row[i] = float32(ln + sum)
		}
		s.Single, s.LogSum = append(s.Single, row), append(s.LogSum, sum)
	}
	s.Never = []int32{3}
	return s, nil
}

// Logits and their sums say the same as ln p, and what is never written is not, however likely the model finds it.
func TestLogits(t *testing.T) {
	p := []float64{0, 0.25, 0.125, 0.5, 0.0625, 0.0625} // the exact ones in float32
	model := logits{make([]float64, len(p))}
	for i := range p {
		model.ln[i] = math.Log2(p[i])
	}
	tokens := models.Tokens{Start: start, End: end}
	found, err := decode.Beam{Width: 3, Best: 3, MaxLength: 2, Tokens: tokens}.Search(model, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []decode.Hypothesis{
		{Tokens: []int32{end}, LogProb: -2}, {Tokens: []int32{2, end}, LogProb: -5}, {Tokens: []int32{4, end}, LogProb: -6},
	} {
		if h := found[0][i]; !slices.Equal(h.Tokens, want.Tokens) || h.LogProb != want.LogProb {
			t.Errorf("hypothesis %d is %v, %v, want %v", i, h.Tokens, h.LogProb, want)
		}
	}
	drawn, err := decode.Sampling{}.Sequences(model, []int{1}, 1, []int{4}, tokens, randoms(1))
	if h := drawn[0][0]; err != nil || !slices.Equal(h.Tokens, []int32{end}) || h.LogProb != -2 {
		t.Errorf("drawn: %+v, %v", h, err)
	}
}

// A row of which one logit is no number has a sum that is none; the error says which token it is.
func TestLogitsAreFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		model := broken{bad}
		_, err := decode.Beam{Width: 2, MaxLength: 2, Tokens: models.Tokens{Start: start, End: end}}.Search(model, []int{1})
		var e *decode.NotFiniteError
		if !errors.As(err, &e) || e.Index != 2 {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

type broken struct{ bad float64 }

func (x broken) Step(tokens, _ []int32) (s decode.Scores, err error) {
	for range tokens {
		s.Single = append(s.Single, []float32{0, 0, float32(x.bad), 0})
		s.LogSum = append(s.LogSum, x.bad)
	}
	return s, nil
}
