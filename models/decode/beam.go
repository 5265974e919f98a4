package decode

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
)

// Beam is beam search: at every step the likeliest continuations of the likeliest beginnings are kept. It ranks
// what has ended by
//
//	score = ln p / lp + cp    with lp = ((5 + length) / 6)^α   and   cp = β Σ_s ln min(1, Σ_t weight_ts)
//
// as Wu et al. (2016), equation 14, with the end token counted in the length. What was cut before it ended has
// lp = 1: it is preferred to a text that has ended only if it is likelier than that by far.
type Beam struct {
	Width     int     // beginnings that are kept for each source
	Best      int     // hypotheses wanted for each source; 0 is 1
	MaxLength int     // the most tokens of a hypothesis, end included
	Limits    []int   // the same for each source; nil: MaxLength for all
	Length    float64 // α: length penalty; 0: none, and 0.6 to 1 is usual
	Coverage  float64 // β: coverage penalty; 0: none; it needs attention
	NoRepeat  int     // no so many tokens in a row occur twice in a hypothesis; 0: they may
	Tokens    models.Tokens

	// hypotheses keep no weights of the attention, whose number is that of the source's tokens times theirs
	WithoutWeights bool
}

// Hypothesis is a translation.
type Hypothesis struct {
	Tokens  []int32     // without start; the last is the end token, if it has ended
	Ended   bool        // false: it was cut at the greatest length
	LogProb float64     // ln p of the tokens together
	Each    []float64   // by token: its ln p, given those before it
	Score   float64     // by which hypotheses are ranked
	Weights [][]float64 // by token: the weights of the attention over the source; nil without
}

// beginning is a hypothesis that may go on, as the end of a list.
type beginning struct {
	before  *beginning // nil: this is the start token
	token   int32
	length  int
	logProb float64
	weights []float64 // with which the token was written
	row     int       // where the states after before and this token are found, once they are made
}

// candidate is a continuation of a beginning.
type candidate struct {
	of      *beginning
	token   int32
	logProb float64
}

// sentence is the search for one source.
type sentence struct {
	length int // of the source
	limit  int // the most tokens of a hypothesis
	live   []*beginning
	ended  []Hypothesis // the best first
	over   bool
}

// goesOn says whether hypotheses of so many tokens are looked for.
func (s *sentence) goesOn(length int) bool { return !s.over && length <= s.limit }

// Search gives the best hypotheses for each source, the best first. The stepper stands at the beginning of
// len(lengths) sources with Width rows each; lengths are the sources' numbers of tokens without padding.
//
// Of all continuations of a step the Width likeliest that do not end are kept, and those that end are
// hypotheses if they are among the Width likeliest. The search for a source is over when no beginning can
// become better than the hypotheses that are wanted, or when Width hypotheses have ended and none of the
// beginnings is better so far. Otherwise it is cut at MaxLength, or the source's own limit, and the beginnings
// are hypotheses too, in their place by score: they might have become the best.
func (c Beam) Search(s Stepper, lengths []int) ([][]Hypothesis, error) {
	c.Best = max(c.Best, 1)
	if err := cmp.Or(checkSources(s, lengths), c.check(len(lengths))); err != nil {
		return nil, errors.Wrap(err, "beam search")
	}
	sentences := make([]*sentence, len(lengths))
	for i, n := range lengths {
		begin := &beginning{token: c.Tokens.Start, row: i * c.Width}
		sentences[i] = &sentence{length: n, limit: c.MaxLength, live: []*beginning{begin}}
		if c.Limits != nil {
			sentences[i].limit = c.Limits[i]
		}
	}
	if err := c.steps(s, sentences); err != nil {
		return nil, err
	}
	best := make([][]Hypothesis, len(sentences))
	for i, s := range sentences {
		if !s.over {
			for _, of := range s.live {
				s.ended = append(s.ended, c.hypothesis(of))
			}
			byScore(s.ended)
		}
		best[i] = s.ended[:min(c.Best, len(s.ended))]
	}
	return best, nil
}

// steps searches step by step until all sentences are over. places are the sentences that the stepper has rows for.
func (c Beam) steps(s Stepper, sentences []*sentence) error {
	places := slices.Clone(sentences)
	tokens, parents := make([]int32, len(places)*c.Width), make([]int32, len(places)*c.Width)
	for length := 1; ; length++ {
		var going []int
		for at, x := range places {
			if x.goesOn(length) {
				going = append(going, at)
			}
		}
		if len(going) == 0 {
			return nil
		}
		kept, err := narrow(s, going, len(places))
		if err != nil {
			return errors.Wrapf(err, "beam search, step %d", length)
		}
		if kept != nil {
			places = c.move(places, kept)
		}
		tokens, parents = tokens[:len(places)*c.Width], parents[:len(places)*c.Width]
		for at, x := range places {
			x.read(at*c.Width, tokens[at*c.Width:][:c.Width], parents[at*c.Width:][:c.Width])
		}
		scores, err := s.Step(tokens, parents)
		if err == nil {
			err = c.extendAll(places, length, &scores)
		}
		if err != nil {
			return errors.Wrapf(err, "beam search, step %d", length)
		}
	}
}

// move gives the sentences the places that a stepper has kept.
func (c Beam) move(places []*sentence, kept []int) []*sentence {
	moved := make([]*sentence, len(kept))
	for to, from := range kept {
		moved[to] = places[from]
		for _, of := range moved[to].live {
			of.row += (to - from) * c.Width
		}
	}
	return moved
}

// read says what the rows from first on read, and from whose states they go on. Rows that nobody needs repeat the
// first.
func (s *sentence) read(first int, tokens, parents []int32) {
	for k := range tokens {
		of := s.live[0]
		if k < len(s.live) {
			of = s.live[k]
		}
		tokens[k], parents[k] = of.token, int32(of.row)
	}
	for k, of := range s.live {
		of.row = first + k
	}
}

// extendAll makes a step of the search for all that go on.
func (c Beam) extendAll(places []*sentence, length int, scores *Scores) error {
	for _, x := range places {
		if !x.goesOn(length) {
			continue
		}
		for _, of := range x.live {
			if err := scores.check(of.row); err != nil {
				return err
			}
		}
		c.extend(x, length, scores)
	}
	return nil
}

// Check says what is wrong with the numbers, whatever the sources.
func (c Beam) Check() error {
	if c.Best > c.Width && c.Width > 0 {
		return &setting.Error{Setting: "Best", Value: c.Best, Want: fmt.Sprintf("at most Width, which is %d", c.Width)}
	}
	return cmp.Or(
		setting.AtLeast("Width", c.Width, 1), setting.AtLeast("Best", c.Best, 0),
		setting.AtLeast("MaxLength", c.MaxLength, 0),
		setting.AtLeast("Length", c.Length, 0), setting.AtLeast("Coverage", c.Coverage, 0),
		setting.AtLeast("NoRepeat", c.NoRepeat, 0),
	)
}

func (c Beam) check(sources int) error {
	err := c.Check()
	if c.Limits == nil {
		err = cmp.Or(err, setting.AtLeast("MaxLength", c.MaxLength, 1))
	}
	switch {
	case err != nil:
		return err
	case c.Limits != nil && (len(c.Limits) != sources || sources == 0 || slices.Min(c.Limits) < 1):
		return errors.Errorf("limits %v for %d sources: there must be one for each, of at least 1", c.Limits, sources)
	case c.Tokens.Start == c.Tokens.End:
		return errors.Errorf("start and end are one token, %d; see models.DefaultTokens", c.Tokens.End)
	}
	return nil
}

// extend makes a step of the search for one source.
func (c Beam) extend(s *sentence, length int, scores *Scores) {
	var live []*beginning
	for rank, x := range c.likeliest(s.live, scores) {
		next := &beginning{before: x.of, token: x.token, length: length, logProb: x.logProb, row: x.of.row}
		if scores.Weights != nil && (!c.WithoutWeights || c.Coverage != 0) {
			w := scores.Weights[x.of.row]
			next.weights = slices.Clone(w[:min(s.length, len(w))])
		}
		switch {
		case x.token != c.Tokens.End && len(live) < c.Width:
			live = append(live, next)
		case x.token == c.Tokens.End && rank < c.Width:
			s.ended = append(s.ended, c.hypothesis(next))
		}
	}
	byScore(s.ended)
	s.over = len(live) == 0 || c.enough(s, live)
	if len(live) > 0 {
		s.live = live
	}
}

// enough says whether hypotheses that have ended are to be preferred to whatever live beginnings become.
func (c Beam) enough(s *sentence, live []*beginning) bool {
	if len(s.ended) < c.Best {
		return false
	}
	worst := s.ended[c.Best-1].Score
	if worst >= live[0].logProb/c.penalty(s.limit) { // the best that can be
		return true
	}
	return len(s.ended) >= c.Width && !slices.ContainsFunc(live, func(x *beginning) bool {
		return c.score(c.follow(x), x.length) > worst
	})
}

// byScore puts the best first, and of equals those that were found first.
func byScore(hs []Hypothesis) {
	slices.SortStableFunc(hs, func(x, y Hypothesis) int { return cmp.Compare(y.Score, x.Score) })
}

// likeliest are the 2·Width likeliest continuations, the best first; of equals that of the first row, then the
// lowest token.
func (c Beam) likeliest(live []*beginning, scores *Scores) []candidate {
	l := likeliest{most: 2 * c.Width, found: make([]candidate, 0, 2*c.Width)}
	for _, of := range live {
		var barred []int32
		if c.NoRepeat > 0 {
			barred = repeating(c.follow(of).Tokens, c.NoRepeat, c.Tokens.End)
		}
		l.add(of, scores, of.row, barred)
	}
	return l.found
}

// follow follows a beginning back to its start, and gives what was written, without a score.
func (c Beam) follow(last *beginning) *Hypothesis {
	h := &Hypothesis{LogProb: last.logProb, Ended: last.token == c.Tokens.End}
	for x := last; x.before != nil; x = x.before {
		h.Tokens = append(h.Tokens, x.token)
		h.Each = append(h.Each, x.logProb-x.before.logProb)
		if x.weights != nil {
			h.Weights = append(h.Weights, x.weights)
		}
	}
	slices.Reverse(h.Tokens)
	slices.Reverse(h.Each)
	slices.Reverse(h.Weights)
	return h
}

// hypothesis is a beginning as it is found.
func (c Beam) hypothesis(last *beginning) Hypothesis {
	h := c.follow(last)
	length := last.length
	if !h.Ended {
		length = 1 // how long it would have become is not known
	}
	h.Score = c.score(h, length)
	if c.WithoutWeights {
		h.Weights = nil
	}
	return *h
}

// score ranks a hypothesis as one of a length.
func (c Beam) score(h *Hypothesis, length int) float64 {
	return h.LogProb/c.penalty(length) + c.coverage(h.Weights)
}

// penalty is lp.
func (c Beam) penalty(length int) float64 { return math.Pow((5+float64(length))/6, c.Length) }

// leastCovered is what a source token counts that nothing has attended to, so that its logarithm is a number.
const leastCovered = 1e-10

// coverage is cp.
func (c Beam) coverage(weights [][]float64) float64 {
	if c.Coverage == 0 || weights == nil {
		return 0
	}
	sum := 0.0
	for s := range weights[0] {
		covered := leastCovered
		for _, w := range weights {
			covered += w[s]
		}
		sum += math.Log(min(1, covered))
	}
	return c.Coverage * sum
}
