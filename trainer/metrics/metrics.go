// Package metrics measures predictions: classes against labels, texts against references.
//
// It works on plain numbers and strings, or gives nodes that do the same in a graph. It must not know models,
// devices or vocabularies.
package metrics

import (
	"math"
	"slices"
	"strings"
)

// Perplexity is e to the mean negative log-likelihood of a token in nats; NaN if there are no tokens.
func Perplexity(nll float64, tokens int) float64 { return math.Exp(nll / float64(tokens)) }

// Bits is the mean negative log-likelihood of a token in bits; NaN if there are no tokens.
func Bits(nll float64, tokens int) float64 { return nll / float64(tokens) / math.Ln2 }

// ExactMatch is the part of the hypotheses that equal one of their references, white space around them aside;
// NaN if there are none.
func ExactMatch(hypotheses []string, references References) float64 {
	hits := 0
	for i, h := range hypotheses {
		if slices.ContainsFunc(references[i],
			func(ref string) bool { return strings.TrimSpace(h) == strings.TrimSpace(ref) }) {
			hits++
		}
	}
	return float64(hits) / float64(len(hypotheses))
}

// CharErrorRate is the number of insertions, deletions and substitutions of characters that turn the hypotheses
// into their references, divided by the number of characters of the references. It can be larger than 1; it is
// NaN if the references are empty. Of several references that counts which takes the fewest edits, of equal
// ones the longest.
func CharErrorRate(hypotheses []string, references References) float64 {
	edits, chars := 0, 0
	for i, h := range hypotheses {
		fewest, length := math.MaxInt, 0
		for _, text := range references[i] {
			ref := []rune(text)
			if n := Levenshtein([]rune(h), ref); n < fewest || n == fewest && len(ref) > length {
				fewest, length = n, len(ref)
			}
		}
		edits += fewest
		chars += length
	}
	return float64(edits) / float64(chars)
}

// Levenshtein is the least number of insertions, deletions and substitutions that turn a into b (Levenshtein, 1966):
//
//	d(i, j) = min(d(i-1, j) + 1, d(i, j-1) + 1, d(i-1, j-1) + [aᵢ ≠ bⱼ])
func Levenshtein[T comparable](a, b []T) int {
	row := make([]int, len(b)+1) // d(i, ·)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			substituted := diagonal
			if x != y {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(diagonal+1, row[j]+1, substituted)
		}
	}
	return row[len(b)]
}
