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

// RowsInUse is how many rows InUse has for n sequences, on a device on which a step takes as long as so many rows more:
// powers of two and, above that many, what lies half-way between them.
func RowsInUse(n, step int) int {
	if n <= step {
		return RoundUp(n, 1)
	}
	return RoundUp(n, 4)
}

// InUse puts sequences together whose lengths are similar, the longest first: of all ways that which takes the least
// time, if a step takes the time of its rows and of so many more. Little is padded where a step is cheap; where it takes
// as long for many rows as for one, as on a GPU, as many as may be are together. Programs are compiled for shapes: the
// numbers of steps are StepsInUse, and those of rows RowsInUse, so that there are few programs, whatever comes. most says
// how many rows of so many steps there may be. Empty ones are left out.
func InUse(lengths []int, step int, most func(steps int) int) (all []Together) {
	var order []int
	for i, n := range lengths {
		if n > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(lengths[j], lengths[i]) })
	first := make([]int, len(order)) // how many are in the first batch of those from here on
	least := make([]int, len(order)+1)
	for from := len(order) - 1; from >= 0; from-- {
		steps := StepsInUse(lengths[order[from]])
		limit := most(steps)
		for n := 1; n <= len(order)-from; n++ {
			rows := RowsInUse(n, step)
			if rows > limit && n > 1 {
				break
			}
			if time := steps*(step+rows) + least[from+n]; n == 1 || time <= least[from] {
				first[from], least[from] = n, time
			}
		}
	}
	for from := 0; from < len(order); from += first[from] {
		n := first[from]
		all = append(all, Together{
			Which: order[from:][:n:n], Steps: StepsInUse(lengths[order[from]]), Rows: RowsInUse(n, step),
		})
	}
	return all
}
