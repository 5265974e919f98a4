package batches

import (
	"cmp"
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
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

// RowsInUse is how many rows InUse has for n sequences: powers of two and, above as many as take as long as a step, what
// lies half-way between them.
func RowsInUse(n int, cost tape.StepCost) int {
	if n <= cost.Rows {
		return RoundUp(n, 1)
	}
	return RoundUp(n, 4)
}

// InUse puts sequences together whose lengths are similar, the longest first: of all ways that which takes the least
// time on a device. Little is padded where a step is cheap and what is padded is not; where a step takes as long for many
// rows as for one, as on a GPU, or rows that have ended cost little, as many as may be are together. Programs are compiled
// for shapes: the numbers of steps are StepsInUse, and those of rows RowsInUse, so that there are few programs, whatever
// comes. most says how many rows of so many steps there may be. Empty sequences are left out.
func InUse(lengths []int, cost tape.StepCost, most func(steps int) int) (all []Together) {
	var order []int
	for i, n := range lengths {
		if n > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(lengths[j], lengths[i]) })
	first := make([]int, len(order)) // how many are in the first batch of those from here on
	least := make([]float64, len(order)+1)
	for from := len(order) - 1; from >= 0; from-- {
		steps := StepsInUse(lengths[order[from]])
		limit, needed := most(steps), 0
		for n := 1; n <= len(order)-from; n++ {
			rows := RowsInUse(n, cost)
			if rows > limit && n > 1 {
				break
			}
			needed += lengths[order[from+n-1]]
			if time := cost.Time(steps, rows, needed) + least[from+n]; n == 1 || time <= least[from] {
				first[from], least[from] = n, time
			}
		}
	}
	for from := 0; from < len(order); from += first[from] {
		n := first[from]
		all = append(all, Together{
			Which: order[from:][:n:n], Steps: StepsInUse(lengths[order[from]]), Rows: RowsInUse(n, cost),
		})
	}
	return all
}
