package batches

import (
	"cmp"
	"slices"
)

// Together are sequences that a model in use reads at once.
type Together struct {
	Which []int // numbers of the sequences
	Steps int
	Rows  int // those after the sequences have no use
}

// StepsInUse is how many steps InUse has for a sequence of n alone: powers of two and what lies half-way between them,
// and at least 8.
func StepsInUse(n int) int { return max(8, RoundUp(n, 4)) }

// InUse puts sequences together whose lengths are similar, so that little is padded, the longest first.
// Programs are compiled for shapes: numbers of steps are StepsInUse, and those of rows are rounded to powers of
// two, so that there are few programs, whatever comes. most says how many sequences of so many steps may be
// together. Empty ones are left out.
func InUse(lengths []int, most func(steps int) int) []Together {
	var order []int
	for i, n := range lengths {
		if n > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(lengths[j], lengths[i]) })
	var all []Together
	for len(order) > 0 {
		t := Together{Steps: StepsInUse(lengths[order[0]]), Rows: 1}
		n := min(max(1, most(t.Steps)), len(order))
		t.Which, order = order[:n:n], order[n:]
		for t.Rows < n {
			t.Rows *= 2
		}
		all = append(all, t)
	}
	return all
}
