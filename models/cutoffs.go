package models

import (
	"math"

	"github.com/pkg/errors"
)

// What a training step costs beside multiply-adds, in multiply-adds of a processor: an exponential and its derivative
// for each logit, and reading and writing a weight with what an optimizer such as Adam keeps of it.
const (
	costOfLogit  = 64
	costOfWeight = 128
)

// The vector that a tail sees shrinks to this at least, so that its tokens can still be told apart.
const leastTail = 8

// The part of all targets that the head has at least: its tokens alone see the whole vector.
const leastHead = 0.75

// mostChosen is the most tails that are chosen.
const mostChosen = 3

// ChooseCutoffs are the cutoffs of an adaptive softmax with which a training step takes least, as Grave et al.
// (2017) choose them, but with three quarters of the targets in the head: of tokens that occur so often, by
// number, in a model of so many hidden units whose steps have so many targets.
func ChooseCutoffs(counts []int, hidden, targets int) ([]int, error) {
	vocab := len(counts)
	below := make([]float64, vocab+1) // how many of all targets are tokens below a number
	for t, n := range counts {
		below[t+1] = below[t] + float64(n)
	}
	if below[vocab] <= 0 || hidden < 1 || targets < 1 {
		return nil, errors.Errorf("cutoffs for %g tokens, %d hidden units and %d targets: there must be some of each",
			below[vocab], hidden, targets)
	}
	h, n := float64(hidden), float64(targets)
	cost := func(rows, width, tokens float64) float64 {
		return tokens * (rows*(3*width+costOfLogit) + costOfWeight*width)
	}
	tail := func(i, from, to int) float64 {
		width := float64(narrowed(hidden, i))
		rows := math.Min(1.1*n*(below[to]-below[from])/below[vocab]+8, n) // and the room that is left: see the trainer
		return cost(rows, width, float64(to-from)) + cost(rows, h, width)
	}
	var best []int
	least := math.Inf(1)
	places := candidates(vocab)
	var try func(cuts []int, sum float64)
	try = func(cuts []int, sum float64) {
		i, from := len(cuts)-1, cuts[len(cuts)-1]
		if all := sum + tail(i, from, vocab) + cost(n, h, float64(cuts[0]+len(cuts))); all < least {
			least, best = all, append([]int{}, cuts...)
		}
		if i+1 == mostChosen || narrowed(hidden, i+1) < leastTail {
			return
		}
		for _, to := range places {
			if to > from {
				try(append(cuts, to), sum+tail(i, from, to))
			}
		}
	}
	for _, c := range places {
		if below[c] >= leastHead*below[vocab] {
			try([]int{c}, 0)
		}
	}
	if best == nil {
		return nil, errors.Errorf("%d tokens are too few to be divided", vocab)
	}
	return best, nil
}

// narrowed is the size of the vector that a tail sees.
func narrowed(hidden, tail int) int {
	for range tail + 1 {
		hidden = max(hidden/tailShrink, 1)
	}
	return hidden
}

// candidates are the cutoffs to try: from 4 on, each about a fifth larger than that before.
func candidates(vocab int) (places []int) {
	for x := 4.0; int(x) < vocab; x *= math.Pow(2, 0.25) {
		if p := int(x); len(places) == 0 || p > places[len(places)-1] {
			places = append(places, p)
		}
	}
	return places
}
