package run

import (
	"strings"

	"github.com/unroll-ml/unroll/internal/batches"
)

// together are texts that are read at once.
type together struct{ batches.Together }

// group puts texts of similar lengths together, at most MostTexts, for a model that takes as long for a step as for so
// many rows more.
func group(lengths []int, step int) (groups []together) {
	for _, g := range batches.InUse(lengths, step, func(int) int { return MostTexts }) {
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
