package decode

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
)

// Sampling draws tokens from a distribution that it sharpens and cuts first. With a temperature τ, from logits
//
//	p = softmax(logits / τ)
//
// of which the TopK likeliest tokens remain (Fan et al., 2018), and of these the fewest that have the
// probability TopP together (Holtzman et al., 2020); p of the others becomes 0, and what remains is scaled to a
// sum of 1.
type Sampling struct {
	Temperature float64 // lower is more conservative; 0 always takes the most likely token
	TopK        int     // 0: all
	TopP        float64 // 0 or 1: all
	NoRepeat    int     // no so many tokens in a row are drawn twice in a hypothesis; 0: they may be

	WithoutWeights bool // hypotheses keep no weights of the attention, whose number is that of the source's tokens times theirs
}

// Check says what is wrong with the numbers.
func (c Sampling) Check() error {
	return cmp.Or(
		setting.AtLeast("Temperature", c.Temperature, 0), setting.AtLeast("TopK", c.TopK, 0), setting.Within("TopP", c.TopP, 0, 1),
		setting.AtLeast("NoRepeat", c.NoRepeat, 0),
	)
}

// Probabilities is the distribution from which a token is drawn. logits may be -∞, but not all of them; any
// constant may be added to them, so that ln p are logits too. Of equals the first counts as the likeliest. If a
// logit is NaN or +∞ the error is a *NotFiniteError.
func (c Sampling) Probabilities(logits []float64) ([]float64, error) {
	if err := checkLogits(logits); err != nil {
		return nil, err
	}
	return c.probabilities(logits), nil
}

func (c Sampling) probabilities(logits []float64) []float64 {
	p := make([]float64, len(logits))
	most := largest(logits, 1)[0]
	if c.Temperature == 0 {
		p[most] = 1
		return p
	}
	sum := 0.0
	for i, x := range logits {
		p[i] = math.Exp((x - logits[most]) / c.Temperature)
		sum += p[i]
	}
	if c.TopK > 0 && c.TopK < len(p) {
		sum = keep(p, largest(logits, c.TopK))
	}
	if c.TopP > 0 && c.TopP < 1 {
		// Those of at most (1-TopP)/n are together not more than 1-TopP: what is wanted is among the others.
		var order []int
		for i, x := range p {
			if x > (1-c.TopP)/float64(len(p))*sum {
				order = append(order, i)
			}
		}
		slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(logits[j], logits[i]), i-j) })
		together := 0.0
		for k, i := range order {
			if together >= c.TopP*sum {
				order = order[:k]
				break
			}
			together += p[i]
		}
		sum = keep(p, order)
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// keep sets all elements to 0 but those of the given indices, and gives their sum.
func keep(p []float64, indices []int) float64 {
	kept := make([]float64, len(indices))
	sum := 0.0
	for k, i := range indices {
		kept[k] = p[i]
		sum += p[i]
	}
	clear(p)
	for k, i := range indices {
		p[i] = kept[k]
	}
	return sum
}

// largest are the indices of the n largest numbers, in decreasing order.
func largest(x []float64, n int) []int {
	best := make([]int, 0, n+1)
	for i, v := range x {
		if len(best) == n && !(v > x[best[n-1]]) {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, v, func(j int, v float64) int {
			if x[j] >= v {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, i)
		best = best[:min(len(best), n)]
	}
	return best
}

// Draw draws a token. Its error is that of Probabilities.
func (c Sampling) Draw(logits []float64, random *rand.Rand) (int32, error) {
	if random == nil {
		return 0, setting.Set("random", false, "a source of random numbers")
	}
	all, err := c.Probabilities(logits)
	if err != nil {
		return 0, err
	}
	u := random.Float64()
	last := 0
	for i, p := range all {
		if p == 0 {
			continue
		}
		if u < p {
			return int32(i), nil
		}
		u, last = u-p, i
	}
	return int32(last), nil // rounding has left a little of u
}

// Sequences draws a hypothesis for each row of a stepper that stands at the beginning of sources of the given
// lengths; there may be several rows for each source. limits are the most tokens of the hypotheses of each
// source, and random is what they are drawn with: it is the same whatever other sources there are. The score of
// a hypothesis is its ln p, before the distribution is cut.
func (c Sampling) Sequences(s Stepper, lengths []int, rows int, limits []int, t models.Tokens, random []*rand.Rand) ([][]Hypothesis, error) {
	err := cmp.Or(checkSources(s, lengths), setting.AtLeast("rows", rows, 1), c.Check())
	if err == nil && (len(limits) == 0 || len(limits) != len(lengths) || len(random) != len(lengths) || slices.Min(limits) < 1) {
		err = errors.Errorf("limits %v and %d random numbers for %d sources: there must be one for each, of at least 1", limits, len(random), len(lengths))
	}
	if err != nil {
		return nil, errors.Wrap(err, "sampling")
	}
	drawn := make([][]Hypothesis, len(lengths))
	tokens, parents := make([]int32, len(lengths)*rows), make([]int32, len(lengths)*rows)
	for i := range drawn {
		drawn[i] = make([]Hypothesis, rows)
	}
	for i := range tokens {
		tokens[i], parents[i] = t.Start, int32(i)
	}
	for step := range slices.Max(limits) {
		logProbs, weights, err := s.Step(tokens, parents)
		if err != nil {
			return nil, errors.Wrapf(err, "sampling, step %d", step+1)
		}
		writing := false
		for i := range tokens {
			source := i / rows
			h := &drawn[source][i%rows]
			if h.Ended || step >= limits[source] {
				continue
			}
			logits := withoutRepeats(logProbs[i], h.Tokens, c.NoRepeat, t.End)
			if tokens[i], err = c.Draw(logits, random[source]); err != nil {
				return nil, errors.Wrapf(err, "sampling, step %d", step+1)
			}
			var w []float64
			if weights != nil && !c.WithoutWeights {
				w = slices.Clone(weights[i][:min(lengths[source], len(weights[i]))])
			}
			h.add(tokens[i], logProbs[i][tokens[i]], w, t.End)
			writing = writing || !h.Ended && step+1 < limits[source]
		}
		if !writing {
			break
		}
	}
	return drawn, nil
}

// add writes one more token, drawn with ln p and weights of the attention, if there is any.
func (h *Hypothesis) add(token int32, logProb float64, weights []float64, end int32) {
	h.Tokens = append(h.Tokens, token)
	h.Ended = token == end
	h.LogProb += logProb
	h.Each = append(h.Each, logProb)
	h.Score = h.LogProb
	if weights != nil {
		h.Weights = append(h.Weights, weights)
	}
}
