package decode

import (
	"math"
	"slices"

	"github.com/pkg/errors"
)

// Together writes with several models at once, an ensemble: the probability of a token is the mean of those that the
// models give it, all of them having read the same tokens. The weights of the attention are means, too, if all models have
// some; where a model never writes a token, the ensemble does not either. The steppers must have the same rows.
//
// One model, or the same one several times, gives the bits of that model alone.
func Together(steppers ...Stepper) Stepper {
	if len(steppers) == 1 {
		return steppers[0]
	}
	return &together{steppers: steppers}
}

type together struct {
	steppers []Stepper
	mean     [][]float64 // by row: ln of the mean probability
	weights  [][]float64
	ln       [][]float64 // by model: those of a row
}

// Step implements Stepper.
func (t *together) Step(tokens, parents []int32) (Scores, error) {
	if len(t.steppers) == 0 {
		return Scores{}, errors.New("there is no model")
	}
	all := make([]Scores, len(t.steppers))
	for i, s := range t.steppers {
		if s == nil {
			return Scores{}, errors.Errorf("model %d of those together is none", i)
		}
		var err error
		if all[i], err = s.Step(tokens, parents); err != nil {
			return Scores{}, err
		}
	}
	rows, tokensOf := all[0].size()
	for i := range all {
		if r, n := all[i].size(); r != rows || n != tokensOf {
			return Scores{}, errors.Errorf("models together have %d rows of %d tokens and %d of %d", rows, tokensOf, r, n)
		}
	}
	return t.join(all, rows)
}

// join makes one of the scores of all models.
func (t *together) join(all []Scores, rows int) (Scores, error) {
	joined := Scores{Weights: t.attention(all)}
	for _, s := range all {
		for _, token := range s.Never {
			if !slices.Contains(joined.Never, token) {
				joined.Never = append(joined.Never, token)
			}
		}
	}
	t.ln = slices.Grow(t.ln[:0], len(all))[:len(all)]
	for len(t.mean) < rows {
		t.mean = append(t.mean, nil)
	}
	for row := range rows {
		for i := range all {
			if err := all[i].check(row); err != nil {
				return Scores{}, err
			}
			t.ln[i] = all[i].logProbs(row, nil, &t.ln[i])
		}
		t.mean[row] = slices.Grow(t.mean[row][:0], len(t.ln[0]))[:len(t.ln[0])]
		MeanLog(t.mean[row], t.ln...)
	}
	joined.Double = t.mean[:rows]
	return joined, nil
}

// attention are the means of the weights; nil unless all models have some.
func (t *together) attention(all []Scores) [][]float64 {
	for i := range all {
		if all[i].Weights == nil {
			return nil
		}
	}
	for len(t.weights) < len(all[0].Weights) {
		t.weights = append(t.weights, nil)
	}
	for row, w := range all[0].Weights {
		mean := append(t.weights[row][:0], w...)
		for i := range all[1:] {
			for s, x := range all[i+1].Weights[row] {
				mean[s] += x
			}
		}
		for s := range mean {
			mean[s] /= float64(len(all))
		}
		t.weights[row] = mean
	}
	return t.weights[:len(all[0].Weights)]
}

// Narrow implements Narrower: all models keep the same sources.
func (t *together) Narrow(going []int) (kept []int, err error) {
	for i, s := range t.steppers {
		n, can := s.(Narrower)
		if !can {
			if i == 0 {
				return nil, nil
			}
			return nil, errors.New("some models together can go on without sources, and others cannot")
		}
		own, err := n.Narrow(going)
		switch {
		case err != nil:
			return nil, err
		case i == 0 && own == nil:
			return nil, nil
		case i == 0:
			kept = own
		case !slices.Equal(kept, own):
			return nil, errors.Errorf("models together keep the sources %v and %v", kept, own)
		}
	}
	return kept, nil
}

// size is how many rows the scores have, and how many tokens.
func (s *Scores) size() (rows, tokens int) {
	if s.Single != nil {
		return len(s.Single), len(s.Single[0])
	}
	if len(s.Double) == 0 {
		return 0, 0
	}
	return len(s.Double), len(s.Double[0])
}

// MeanLog writes ln of the mean of probabilities whose logarithms are given, element by element. All have as many
// elements as to. Equal ones have their own bits as their mean.
func MeanLog(to []float64, lns ...[]float64) {
	for i := range to {
		most := math.Inf(-1)
		for _, ln := range lns {
			most = max(most, ln[i])
		}
		if math.IsInf(most, -1) {
			to[i] = most
			continue
		}
		sum := 0.0
		for _, ln := range lns {
			sum += math.Exp(ln[i] - most)
		}
		to[i] = most + math.Log(sum/float64(len(lns)))
	}
}
