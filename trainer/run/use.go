package run

import (
	"strings"

	"github.com/unroll-ml/unroll/internal/batches"
)

// rounded is the next power of two, at least least, which is one.
func rounded(n, least int) int {
	for least < n {
		least *= 2
	}
	return least
}

// together are texts that are read at once.
type together struct{ batches.Together }

// group puts texts of similar lengths together, at most so many.
func group(lengths []int, most int) (groups []together) {
	for _, g := range batches.InUse(lengths, func(int) int { return most }) {
		groups = append(groups, together{g})
	}
	return groups
}

// fill puts tokens into a batch, S×B, with padding behind them. Rows that are no texts repeat the first.
func (g *together) fill(texts [][]int32) (tokens []int32, lengths []int) {
	tokens, lengths = make([]int32, g.Steps*g.Rows), make([]int, g.Rows)
	for row := range g.Rows {
		text := texts[g.Which[0]]
		if row < len(g.Which) {
			text = texts[g.Which[row]]
		}
		lengths[row] = len(text)
		for s, t := range text {
			tokens[s*g.Rows+row] = t
		}
	}
	return tokens, lengths
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
