package decode

import (
	"math"
	"slices"

	"github.com/pkg/errors"
)

// Lengths says how long translations may become, by the pairs that a model was trained on. The limit of a source is a
// quarter more than the longest target of training sources that are not longer, or than that many of its tokens as
// targets have for each:
//
//	limit(s) = ⌈5/4 · max(longest target of sources of at most s tokens, s·(μ + 2σ))⌉
//
// μ and σ are the mean and the standard deviation of target/source over the pairs. The end token is counted in all
// lengths. The zero value has no limits: it was made of no pairs.
type Lengths struct {
	Mean      float64 `yaml:"mean"`      // μ, at least 0.0001
	Deviation float64 `yaml:"deviation"` // σ
	Longest   []Reach `yaml:"longest"`   // in rising order of both numbers
}

// Reach is the longest target of sources of at most so many tokens.
type Reach struct {
	Source int `yaml:"source"`
	Target int `yaml:"target"`
}

// Limit is the most tokens of the translation of a source of so many tokens, both with the end token.
func (l *Lengths) Limit(source int) int {
	most := float64(source) * (l.Mean + 2*l.Deviation)
	at, found := slices.BinarySearchFunc(l.Longest, source, func(r Reach, n int) int { return r.Source - n })
	if !found && at > 0 {
		at-- // sources shorter than any are taken for the shortest
	}
	if at < len(l.Longest) {
		most = max(most, float64(l.Longest[at].Target))
	}
	return int(math.Ceil(1.25 * most))
}

// Check says what is wrong with the numbers, which may have been read from a file.
func (l *Lengths) Check() error {
	fits := func(x, least float64) bool { return x >= least && x <= math.MaxInt32 } // which no NaN does
	if !fits(l.Mean, 1e-4) || !fits(l.Deviation, 0) || len(l.Longest) == 0 {
		return errors.Errorf("lengths of targets of mean ratio %g, deviation %g and %d longest: they are those of no pairs",
			l.Mean, l.Deviation, len(l.Longest))
	}
	before := Reach{}
	for _, r := range l.Longest {
		if r.Source <= before.Source || r.Target <= before.Target || max(r.Source, r.Target) > math.MaxInt32 {
			return errors.Errorf("the longest target of sources of %d tokens has %d, and of %d it has %d: both must rise",
				before.Source, before.Target, r.Source, r.Target)
		}
		before = r
	}
	return nil
}

// LengthCounter learns Lengths from pairs.
type LengthCounter struct {
	pairs        int
	sum, squares float64 // of the ratios
	longest      map[int]int
}

// Add counts a pair, whose lengths are at least 1.
func (c *LengthCounter) Add(source, target int) {
	if c.longest == nil {
		c.longest = map[int]int{}
	}
	ratio := float64(target) / float64(source)
	c.pairs++
	c.sum += ratio
	c.squares += ratio * ratio
	c.longest[source] = max(c.longest[source], target)
}

// Lengths are those of the pairs so far, in any order. μ and σ have four decimals, so that they are the same numbers
// on every processor.
func (c *LengthCounter) Lengths() Lengths {
	if c.pairs == 0 {
		return Lengths{}
	}
	mean := c.sum / float64(c.pairs)
	deviation := math.Sqrt(max(0, c.squares/float64(c.pairs)-mean*mean))
	l := Lengths{Mean: max(1e-4, fourDecimals(mean)), Deviation: fourDecimals(deviation)}
	sources := make([]int, 0, len(c.longest))
	for s := range c.longest {
		sources = append(sources, s)
	}
	slices.Sort(sources)
	most := 0
	for _, s := range sources {
		if n := c.longest[s]; n > most {
			l.Longest, most = append(l.Longest, Reach{s, n}), n
		}
	}
	return l
}

func fourDecimals(x float64) float64 { return math.Round(x*1e4) / 1e4 }
