package run

import "strings"

// What a trained model is used for. Programs are compiled for shapes, so texts are read together whose rounded
// lengths are equal, and both lengths and numbers of texts are rounded to powers of two: there are few
// programs, whatever comes.

// rounded is the next power of two, at least least, which is one.
func rounded(n, least int) int {
	for least < n {
		least *= 2
	}
	return least
}

// shortest is the fewest steps of a program.
const shortest = 8

// together are texts that are read at once.
type together struct {
	which []int // the texts
	steps int
	rows  int // those after the texts have no use
}

// group puts texts together, given their numbers of tokens, at most so many at once. Empty ones are left out.
func group(lengths []int, most int) []together {
	var groups []together
	open := map[int]int{} // by steps: the group that takes one more
	for i, n := range lengths {
		if n == 0 {
			continue
		}
		steps := rounded(n, shortest)
		at, ok := open[steps]
		if !ok || len(groups[at].which) == most {
			at = len(groups)
			open[steps], groups = at, append(groups, together{steps: steps})
		}
		groups[at].which = append(groups[at].which, i)
	}
	for i, g := range groups {
		groups[i].rows = rounded(len(g.which), 1)
	}
	return groups
}

// fill puts tokens into a batch, S×B, with padding behind them. Rows that are no texts repeat the first.
func (g *together) fill(texts [][]int32) (tokens []int32, lengths []int) {
	tokens, lengths = make([]int32, g.steps*g.rows), make([]int, g.rows)
	for row := range g.rows {
		text := texts[g.which[0]]
		if row < len(g.which) {
			text = texts[g.which[row]]
		}
		lengths[row] = len(text)
		for s, t := range text {
			tokens[s*g.rows+row] = t
		}
	}
	return tokens, lengths
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
