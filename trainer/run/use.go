package run

import (
	"strings"

	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/batches"
)

// together are texts that are read at once.
type together struct{ batches.Together }

// group puts texts of similar lengths together, at most MostTexts.
func group(lengths []int, cost tape.StepCost) (groups []together) {
	for _, g := range batches.InUse(lengths, cost, func(int) int { return MostTexts }) {
		groups = append(groups, together{g})
	}
	return groups
}

// fill puts tokens into a batch, S×B, with padding behind them. Rows that are no texts are empty.
func (g *together) fill(texts [][]int32) (tokens []int32, lengths []int) {
	tokens, lengths = make([]int32, g.Steps*g.Rows), make([]int, g.Rows)
	for row, i := range g.Which {
		lengths[row] = len(texts[i])
		for s, t := range texts[i] {
			tokens[s*g.Rows+row] = t
		}
	}
	return tokens, lengths
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
