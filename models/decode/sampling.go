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

	// hypotheses keep no weights of the attention, whose number is that of the source's tokens times theirs
	WithoutWeights bool
}

// Check says what is wrong with the numbers.
func (c Sampling) Check() error {
	return cmp.Or(
		setting.AtLeast("Temperature", c.Temperature, 0), setting.AtLeast("TopK", c.TopK, 0),
		setting.Within("TopP", c.TopP, 0, 1),
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
func (c Sampling) Sequences(
	s Stepper, lengths []int, rows int, limits []int, t models.Tokens, random []*rand.Rand,
) ([][]Hypothesis, error) {
	err := cmp.Or(checkSources(s, lengths), setting.AtLeast("rows", rows, 1), c.Check())
	if err == nil &&
		(len(limits) == 0 || len(limits) != len(lengths) || len(random) != len(lengths) || slices.Min(limits) < 1) {
		err = errors.Errorf("limits %v and %d random numbers for %d sources: there must be one for each, of at least 1",
			limits, len(random), len(lengths))
	}
	if err != nil {
		return nil, errors.Wrap(err, "sampling")
	}
	d := drawing{Sampling: c, rows: rows, lengths: lengths, limits: limits, end: t.End, random: random}
	for range lengths {
		d.drawn = append(d.drawn, make([]Hypothesis, rows))
		d.places = append(d.places, len(d.places))
	}
	tokens, parents := make([]int32, len(lengths)*rows), make([]int32, len(lengths)*rows)
	for i := range tokens {
		tokens[i], parents[i] = t.Start, int32(i)
	}
	for step := range slices.Max(limits) {
		scores, err := s.Step(tokens, parents)
		if err == nil {
			err = d.draw(step, &scores, tokens)
		}
		var going, kept []int
		if err == nil {
			if going = d.going(step + 1); len(going) == 0 {
				break
			}
			kept, err = narrow(s, going, len(d.places))
		}
		if err != nil {
			return nil, errors.Wrapf(err, "sampling, step %d", step+1)
		}
		if kept != nil {
			tokens = d.move(kept, tokens)
			parents = parents[:len(tokens)]
		}
	}
	return d.drawn, nil
}

// drawing are hypotheses that are being drawn.
type drawing struct {
	Sampling
	rows            int // of each source
	lengths, limits []int
	end             int32
	random          []*rand.Rand
	drawn           [][]Hypothesis // by source
	places          []int          // the sources that the stepper has rows for
	memory          []float64
}

// goesOn says whether a hypothesis of a source has a token at a step.
func (d *drawing) goesOn(h *Hypothesis, source, step int) bool {
	return !h.Ended && step < d.limits[source]
}

// going are the places of sources that have more to write.
func (d *drawing) going(step int) (places []int) {
	for at, source := range d.places {
		if slices.ContainsFunc(d.drawn[source], func(h Hypothesis) bool { return d.goesOn(&h, source, step) }) {
			places = append(places, at)
		}
	}
	return places
}

// move gives the sources the places that a stepper has kept, with their tokens.
func (d *drawing) move(kept []int, tokens []int32) []int32 {
	var moved []int32
	places := make([]int, len(kept))
	for to, from := range kept {
		places[to] = d.places[from]
		moved = append(moved, tokens[from*d.rows:][:d.rows]...)
	}
	d.places = places
	return moved
}

// draw draws the token of each hypothesis at a step.
func (d *drawing) draw(step int, scores *Scores, tokens []int32) error {
	for row := range tokens {
		source := d.places[row/d.rows]
		h := &d.drawn[source][row%d.rows]
		if !d.goesOn(h, source, step) {
			continue
		}
		if err := scores.check(row); err != nil {
			return err
		}
		barred := repeating(h.Tokens, d.NoRepeat, d.end)
		token, err := d.Draw(scores.logProbs(row, barred, &d.memory), d.random[source])
		if err != nil {
			return err
		}
		var w []float64
		if scores.Weights != nil && !d.WithoutWeights {
			w = slices.Clone(scores.Weights[row][:min(d.lengths[source], len(scores.Weights[row]))])
		}
		h.add(token, scores.logProb(row, token), w, d.end)
		tokens[row] = token
	}
	return nil
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
