// Package tasks makes data of which everything is known: tasks on sequences that a program can generate without end.
//
// It must not know how the data are used. The same arguments give the same data, on every machine and in every version.
package tasks

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
)

// Config says how much data to make.
type Config struct {
	Seed         uint64
	Train, Valid int // examples
	Longest      int // characters of Copy and Reverse, digits of a summand of Addition; 0: 10, 10 and 3
}

// Tasks are the names of the tasks on pairs of texts, which Pairs knows.
var Tasks = []string{"dates", "copy", "reverse", "addition"}

// Pairs makes the data of a task: different sources, and none of those to train on among those to measure on.
//
//	dates      3rd of May, 1979     1979-05-03     see Forms
//	copy       ghbtx                ghbtx
//	reverse    ghbtx                xtbhg
//	addition   348+79               427
func Pairs(task string, c Config) (train, valid *datasets.Pairs, err error) {
	var t, v []datasets.Pair
	switch {
	case c.Train < 1 || c.Valid < 1 || c.Longest < 0:
		return nil, nil, fmt.Errorf("%d examples to train on and %d to measure on, %d long: there must be at "+
			"least one of each", c.Train, c.Valid, c.Longest)
	case task == "dates":
		t, v, err = dates(c)
	case task == "copy":
		t, v, err = distinct(c, letters(orElse(c.Longest, 10), func(s string) string { return s }))
	case task == "reverse":
		t, v, err = distinct(c, letters(orElse(c.Longest, 10), reversed))
	case task == "addition":
		t, v, err = distinct(c, sums(orElse(c.Longest, 3)))
	default:
		err = fmt.Errorf("there is no task %q; the tasks are %s", task, strings.Join(Tasks, ", "))
	}
	if err != nil {
		return nil, nil, err
	}
	return datasets.NewPairs("task "+task, t), datasets.NewPairs("task "+task+", validation", v), nil
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// generator draws pairs, of which there are size different ones.
type generator struct {
	size float64
	draw func(*rand.Rand) datasets.Pair
}

// letters draws 1 to longest lower-case letters, all lengths equally often.
func letters(longest int, target func(string) string) generator {
	const alphabet = 26
	size, power := 0.0, 1.0
	for range longest {
		power *= alphabet
		size += power
	}
	return generator{size, func(random *rand.Rand) datasets.Pair {
		s := make([]byte, 1+random.IntN(longest))
		for i := range s {
			s[i] = byte('a' + random.IntN(alphabet))
		}
		return datasets.Pair{Source: string(s), Target: target(string(s))}
	}}
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// maxDigits keeps sums within an int64.
const maxDigits = 18

// sums draws summands of 1 to longest digits, all lengths equally often.
func sums(longest int) generator {
	longest = min(longest, maxDigits)
	power := make([]int64, longest+1)
	power[0] = 1
	for i := range longest {
		power[i+1] = 10 * power[i]
	}
	summand := func(random *rand.Rand) int64 {
		digits := 1 + random.IntN(longest)
		least := power[digits-1]
		if digits == 1 {
			least = 0
		}
		return least + random.Int64N(power[digits]-least)
	}
	all := float64(power[longest])
	return generator{all * all, func(random *rand.Rand) datasets.Pair {
		a, b := summand(random), summand(random)
		return datasets.Pair{Source: fmt.Sprintf("%d+%d", a, b), Target: strconv.FormatInt(a+b, 10)}
	}}
}

// distinct draws pairs until there are enough with different sources. The first are those to measure on.
func distinct(c Config, g generator) (train, valid []datasets.Pair, err error) {
	n := c.Train + c.Valid
	if g.size < 2*float64(n) { // drawing would take long to find the last ones
		return nil, nil, fmt.Errorf("%d examples of at most %.0f: make them longer, or fewer", n, g.size)
	}
	random := rand.New(rand.NewPCG(c.Seed, 0))
	seen := make(map[string]bool, n)
	all := make([]datasets.Pair, 0, n)
	for len(all) < n {
		p := g.draw(random)
		if !seen[p.Source] {
			seen[p.Source] = true
			all = append(all, p)
		}
	}
	return all[c.Valid:], all[:c.Valid], nil
}
