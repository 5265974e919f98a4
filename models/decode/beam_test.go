package decode_test

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// oracle is a Stepper whose answers are random functions of all that a row has read: of a source and of the
// tokens so far.
type oracle struct {
	vocab, source int
	rows          [][]int32 // what each row has read; the first element is the number of the source
	attends       bool
	fails         error
	salt          string    // oracles of different salts are different models
	others        []*oracle // of a mixture: its probabilities are the means of theirs and its own
}

func newOracle(vocab, sources, width int) *oracle {
	o := &oracle{vocab: vocab, source: 4, attends: true}
	for i := range sources * width {
		o.rows = append(o.rows, []int32{int32(i / width)})
	}
	return o
}

func (o *oracle) random(read []int32) *rand.Rand {
	h := fnv.New64()
	fmt.Fprint(h, read, o.salt)
	return rand.New(rand.NewPCG(h.Sum64(), 0))
}

// answer is ln p of the next token, and the weights of the attention.
func (o *oracle) answer(read []int32) (ln, weights []float64) {
	ln, weights = o.own(read)
	if o.others == nil {
		return ln, weights
	}
	n := float64(1 + len(o.others))
	for i, x := range ln {
		ln[i] = math.Exp(x)
	}
	for _, other := range o.others {
		p, w := other.own(read)
		for i := range ln {
			ln[i] += math.Exp(p[i])
		}
		for i := range weights {
			weights[i] += w[i]
		}
	}
	for i := range ln {
		ln[i] = math.Log(ln[i] / n)
	}
	for i := range weights {
		weights[i] /= n
	}
	return ln, weights
}

func (o *oracle) own(read []int32) (ln, weights []float64) {
	r := o.random(read)
	for range o.vocab {
		ln = append(ln, 2*r.NormFloat64())
	}
	ln = logSoftmax(ln)
	for range o.source {
		weights = append(weights, r.NormFloat64())
	}
	weights = logSoftmax(weights)
	for i, w := range weights {
		weights[i] = math.Exp(w)
	}
	return ln, weights
}

func (o *oracle) Step(tokens, parents []int32) (s decode.Scores, err error) {
	if o.fails != nil {
		return s, o.fails
	}
	if len(tokens) != len(o.rows) || len(parents) != len(o.rows) {
		return s, errors.Errorf("%d tokens and %d parents for %d rows", len(tokens), len(parents), len(o.rows))
	}
	rows := make([][]int32, len(o.rows))
	for i, token := range tokens {
		from := o.rows[parents[i]]
		if from[0] != o.rows[i][0] {
			return s, errors.Errorf("row %d goes on from another source", i)
		}
		rows[i] = append(slices.Clone(from), token)
		ln, w := o.answer(rows[i])
		s.Double = append(s.Double, ln)
		if o.attends {
			s.Weights = append(s.Weights, w)
		}
	}
	o.rows = rows
	return s, nil
}

const start, end = 0, 1

// hypothesis follows tokens from the start.
func (o *oracle) hypothesis(source int, tokens []int32, length int, alpha, beta float64) decode.Hypothesis {
	h := decode.Hypothesis{Tokens: tokens}
	read := []int32{int32(source), start}
	covered := make([]float64, length)
	for _, t := range tokens {
		ln, w := o.answer(read)
		h.LogProb += ln[t]
		h.Each = append(h.Each, ln[t])
		for s := range covered {
			covered[s] += w[s]
		}
		h.Weights = append(h.Weights, w[:length])
		read = append(read, t)
	}
	if tokens[len(tokens)-1] != end {
		alpha = 0 // it was cut
	}
	h.Score = score(h.LogProb, len(tokens), alpha)
	for _, c := range covered {
		h.Score += beta * math.Log(min(c, 1))
	}
	return h
}

func score(logProb float64, length int, alpha float64) float64 {
	return logProb / (math.Pow(5+float64(length), alpha) / math.Pow(6, alpha))
}

// all lists the sequences of at most n tokens that end, and those of n that do not.
func (o *oracle) all(n int) [][]int32 {
	sequences := [][]int32{{end}}
	for token := range int32(o.vocab) {
		switch {
		case token == end:
		case n == 1:
			sequences = append(sequences, []int32{token})
		default:
			for _, rest := range o.all(n - 1) {
				sequences = append(sequences, append([]int32{token}, rest...))
			}
		}
	}
	return sequences
}

func best(hs []decode.Hypothesis, n int) []decode.Hypothesis {
	slices.SortStableFunc(hs, func(x, y decode.Hypothesis) int { return cmp.Compare(y.Score, x.Score) })
	return hs[:min(n, len(hs))]
}

func same(t *testing.T, got, want []decode.Hypothesis) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d hypotheses, want %d", len(got), len(want))
	}
	for i := range got {
		if !slices.Equal(got[i].Tokens, want[i].Tokens) {
			t.Fatalf("hypothesis %d is %v with score %v, want %v with %v", i, got[i].Tokens, got[i].Score, want[i].Tokens,
				want[i].Score)
		}
		if last := got[i].Tokens[len(got[i].Tokens)-1]; got[i].Ended != (last == end) {
			t.Fatalf("hypothesis %d is %v, and has ended: %v", i, got[i].Tokens, got[i].Ended)
		}
		equal(t, "ln p and score", []float64{got[i].LogProb, got[i].Score}, []float64{want[i].LogProb, want[i].Score}, 1e-8)
		equal(t, "ln p of each token", got[i].Each, want[i].Each, 1e-8)
		if len(got[i].Weights) != len(got[i].Tokens) {
			t.Fatalf("%d tokens have %d weights", len(got[i].Tokens), len(got[i].Weights))
		}
		for k, w := range got[i].Weights {
			equal(t, fmt.Sprint("weights of token ", k), w, want[i].Weights[k], 0)
		}
	}
}

// A beam that keeps everything finds the best of all sequences, whatever the penalties.
func TestBeamOfEverything(t *testing.T) {
	const vocab, steps, sources, n = 4, 4, 3, 5
	lengths := []int{4, 2, 3}
	for _, p := range [][2]float64{{0, 0}, {1, 0}, {0.6, 0.3}, {2, 5}} {
		c := decode.Beam{Width: 100, Best: n, MaxLength: steps, Length: p[0], Coverage: p[1],
			Tokens: models.Tokens{Start: start, End: end}}
		o := newOracle(vocab, sources, c.Width)
		got, err := c.Search(o, lengths)
		if err != nil {
			t.Fatal(err)
		}
		for i, hs := range got {
			var want []decode.Hypothesis
			for _, tokens := range o.all(steps) {
				want = append(want, o.hypothesis(i, tokens, lengths[i], p[0], p[1]))
			}
			same(t, hs, best(want, n))
		}
	}
}

// naive is beam search over whole prefixes, all continuations sorted at every step.
func (o *oracle) naive(c decode.Beam, source, length int) []decode.Hypothesis {
	live, ended := [][]int32{nil}, []decode.Hypothesis(nil)
	of := func(tokens []int32) decode.Hypothesis {
		return o.hypothesis(source, tokens, length, c.Length, c.Coverage)
	}
	for range c.MaxLength {
		var next [][]int32
		for _, tokens := range live {
			for t := range int32(o.vocab) {
				next = append(next, append(slices.Clone(tokens), t))
			}
		}
		slices.SortStableFunc(next, func(x, y []int32) int { return cmp.Compare(of(y).LogProb, of(x).LogProb) })
		live = nil
		for rank, tokens := range next {
			switch {
			case tokens[len(tokens)-1] != end && len(live) < c.Width:
				live = append(live, tokens)
			case tokens[len(tokens)-1] == end && rank < c.Width:
				ended = append(ended, of(tokens))
			}
		}
		ended = best(ended, len(ended))
		better := func(tokens []int32) bool {
			return score(of(tokens).LogProb, len(tokens), c.Length) > ended[c.Best-1].Score
		}
		if len(ended) >= c.Width && !slices.ContainsFunc(live, better) {
			return ended[:c.Best]
		}
	}
	for _, tokens := range live {
		ended = append(ended, of(tokens))
	}
	return best(ended, c.Best)
}

// With a limit for each source, the search for it is as if it were alone, whatever stands beside it.
func TestBeamLimits(t *testing.T) {
	lengths, limits := slices.Repeat([]int{4, 2, 3, 1}, 8), slices.Repeat([]int{1, 5, 3, 2, 4, 1, 6}, 5)[:32]
	c := decode.Beam{Width: 3, Best: 2, Length: 1, Limits: limits, Tokens: models.Tokens{Start: start, End: end}}
	o := newOracle(6, len(lengths), c.Width)
	got, err := c.Search(o, lengths)
	if err != nil {
		t.Fatal(err)
	}
	for i, hs := range got {
		alone := c
		alone.MaxLength, alone.Limits = limits[i], nil
		o := newOracle(6, len(lengths), c.Width)
		all, err := alone.Search(o, lengths)
		if err != nil {
			t.Fatal(err)
		}
		same(t, hs, all[i])
		if n := len(hs[0].Tokens); n > limits[i] {
			t.Errorf("source %d: %d tokens, at most %d were wanted", i, n, limits[i])
		}
	}
}

func TestBeam(t *testing.T) {
	lengths := slices.Repeat([]int{4, 2, 3, 1}, 8)
	cut := 0
	for _, width := range []int{1, 2, 3, 5} {
		for _, n := range []int{1, width} {
			for _, alpha := range []float64{0, 1} {
				c := decode.Beam{Width: width, Best: n, MaxLength: 4, Length: alpha, Tokens: models.Tokens{Start: start, End: end}}
				o := newOracle(6, len(lengths), width)
				got, err := c.Search(o, lengths)
				if err != nil {
					t.Fatal(err)
				}
				for i, hs := range got {
					same(t, hs, o.naive(c, i, lengths[i]))
					if last := hs[len(hs)-1].Tokens; last[len(last)-1] != end {
						cut++
					}
				}
			}
		}
	}
	if cut == 0 {
		t.Error("every hypothesis has ended: the test wants some that have not")
	}
}

// Of equals the first is the best: the first row's continuation, and of these the lowest token.
func TestBeamOfEquals(t *testing.T) {
	got, err := decode.Beam{Width: 3, Best: 3, MaxLength: 2, Tokens: models.Tokens{Start: 4, End: 5}}.Search(undecided{},
		[]int{1})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int32{{0, 0}, {0, 1}, {0, 2}} {
		if !slices.Equal(got[0][i].Tokens, want) {
			t.Errorf("hypothesis %d is %v, want %v", i, got[0][i].Tokens, want)
		}
	}
}

// undecided finds all of six tokens equally likely.
type undecided struct{}

func (undecided) Step(tokens, _ []int32) (s decode.Scores, err error) {
	for range tokens {
		s.Double = append(s.Double, slices.Repeat([]float64{-math.Log(6)}, 6))
	}
	return s, nil
}

// A source for which nothing but the end is possible has one hypothesis, however many are wanted, and does not
// disturb the others.
func TestBeamWithoutChoice(t *testing.T) {
	const wanted = 3
	got, err := decode.Beam{Width: wanted, Best: wanted, MaxLength: 2,
		Tokens: models.Tokens{Start: start, End: end}}.Search(terse{wanted}, []int{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][][]int32{{{end}}, {{end}, {2, end}, {2, 2}}} {
		if len(got[i]) != len(want) {
			t.Fatalf("source %d has %d hypotheses, want %d", i, len(got[i]), len(want))
		}
		for k, tokens := range want {
			if !slices.Equal(got[i][k].Tokens, tokens) {
				t.Errorf("source %d: hypothesis %d is %v, want %v", i, k, got[i][k].Tokens, tokens)
			}
		}
	}
}

// terse knows nothing but to end the first source, and for the second one token besides.
type terse struct{ width int }

func (x terse) Step(tokens, _ []int32) (s decode.Scores, err error) {
	for i := range tokens {
		ln := []float64{math.Inf(-1), 0, math.Inf(-1)}
		if i >= x.width {
			ln = []float64{math.Inf(-1), math.Log(0.6), math.Log(0.4)}
		}
		s.Double = append(s.Double, ln)
	}
	return s, nil
}

// Without attention there are no weights, and a coverage penalty changes nothing.
func TestBeamWithoutAttention(t *testing.T) {
	o := newOracle(5, 1, 2)
	o.attends = false
	got, err := decode.Beam{Width: 2, MaxLength: 5, Coverage: 1, Tokens: models.Tokens{Start: start, End: end}}.Search(o,
		[]int{4})
	if err != nil {
		t.Fatal(err)
	}
	if h := got[0][0]; h.Weights != nil || h.Score != h.LogProb {
		t.Errorf("weights %v, score %v, ln p %v", h.Weights, h.Score, h.LogProb)
	}
}

// Whether the weights of the attention are kept changes nothing else: not with a coverage penalty either, which is
// of these weights.
func TestBeamWithoutWeights(t *testing.T) {
	for i := range 40 {
		c := decode.Beam{Width: 2, MaxLength: 12, Length: 0.6, Coverage: 0.5,
			Tokens: models.Tokens{Start: start, End: end}}
		var found [2]decode.Hypothesis
		for k := range found {
			o := newOracle(4, 1, c.Width)
			o.salt = fmt.Sprint(i)
			c.WithoutWeights = k == 1
			got, err := c.Search(o, []int{4})
			if err != nil {
				t.Fatal(err)
			}
			found[k] = got[0][0]
		}
		if !slices.Equal(found[0].Tokens, found[1].Tokens) || found[0].Score != found[1].Score ||
			found[0].Weights == nil || found[1].Weights != nil {
			t.Errorf("model %d: %v of %v with weights, %v of %v without", i, found[0].Tokens, found[0].Score, found[1].Tokens,
				found[1].Score)
		}
	}
}

// What nothing attends to costs much, but leaves scores finite.
func TestBeamCoverageOfNothing(t *testing.T) {
	got, err := decode.Beam{Width: 1, MaxLength: 1, Coverage: 1, Tokens: models.Tokens{Start: start, End: end}}.Search(
		blind{}, []int{2},
	)
	if err != nil {
		t.Fatal(err)
	}
	if want := math.Log(0.5) + math.Log(1e-10); math.Abs(got[0][0].Score-want) > 1e-9 {
		t.Errorf("score %v, want %v", got[0][0].Score, want)
	}
}

// blind attends to the first token only.
type blind struct{}

func (blind) Step(tokens, _ []int32) (s decode.Scores, err error) {
	for range tokens {
		s.Double = append(s.Double, []float64{math.Inf(-1), math.Log(0.5)})
		s.Weights = append(s.Weights, []float64{1, 0})
	}
	return s, nil
}

func TestBeamMistakes(t *testing.T) {
	good := decode.Beam{Width: 2, MaxLength: 3, Tokens: models.Tokens{Start: start, End: end}}
	for want, change := range map[string]func(c *decode.Beam, o *oracle){
		"Width is 0":                func(c *decode.Beam, _ *oracle) { c.Width = 0 },
		"MaxLength is 0":            func(c *decode.Beam, _ *oracle) { c.MaxLength = 0 },
		"Best is 3":                 func(c *decode.Beam, _ *oracle) { c.Best = 3 },
		"Length is -1":              func(c *decode.Beam, _ *oracle) { c.Length = -1 },
		"Coverage is NaN":           func(c *decode.Beam, _ *oracle) { c.Coverage = math.NaN() },
		"NoRepeat is -1":            func(c *decode.Beam, _ *oracle) { c.NoRepeat = -1 },
		"start and end are one":     func(c *decode.Beam, _ *oracle) { c.Tokens = models.Tokens{} },
		"step 1: the device is off": func(_ *decode.Beam, o *oracle) { o.fails = errors.New("the device is off") },
	} {
		c, o := good, newOracle(4, 1, 2)
		change(&c, o)
		if _, err := c.Search(o, []int{1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q in it", err, want)
		}
	}
}

// logSoftmax is ln softmax(x), by plain loops.
func logSoftmax(x []float64) []float64 {
	most, sum := slices.Max(x), 0.0
	for _, v := range x {
		sum += math.Exp(v - most)
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v - most - math.Log(sum)
	}
	return y
}

func equal(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Errorf("%s[%d] is %v, want %v", what, i, got[i], want[i])
		}
	}
}
