package metrics

import (
	"fmt"
	"strings"
)

// charOrder is the length of the longest n-grams that ChrF counts.
const charOrder = 6

// ChrF measures translations by the n-grams of characters they share with references (Popović, 2015), with the
// numbers of sacreBLEU. The zero value has sacreBLEU's defaults and is called chrF2.
//
//	chrFβ = (1 + β²) P R / (β² P + R)
//
// P and R are the precision and the recall of n-grams, the means of those of the orders n = 1 to 6 that both sides
// have. Of several references that counts which gives the highest score of the line.
type ChrF struct {
	Beta       float64 // how many times as much recall counts; 0: 2
	Whitespace bool    // counts white space as characters, too
	Lowercase  bool
}

// gramCounts are the n-grams of the hypotheses, of the references, and of both, by order.
type gramCounts struct{ hypotheses, references, both [charOrder]int }

// Corpus measures hypotheses against references: a score from 0 to 100, and the signature of all that decides it.
func (c ChrF) Corpus(hypotheses []string, references References) (score float64, signature string, err error) {
	if c.Beta == 0 {
		c.Beta = 2
	}
	if err := references.check(len(hypotheses)); err != nil {
		return 0, "", err
	}
	var sum gramCounts
	for i, h := range hypotheses {
		hypothesis := c.grams(h)
		var best gramCounts
		highest := -1.0
		for _, ref := range references[i] {
			counts := common(hypothesis, c.grams(ref))
			if f := counts.score(c.Beta); f > highest {
				best, highest = counts, f
			}
		}
		sum.add(best)
	}
	return sum.score(c.Beta), c.Signature(references), nil
}

// Signature names all that decides a score against references but β, in sacreBLEU's form; its version is "unroll".
func (c ChrF) Signature(references References) string {
	return fmt.Sprintf("nrefs:%s|case:%s|eff:yes|nc:%d|nw:0|space:%s|version:unroll",
		references.number(), caseName(c.Lowercase), charOrder, yesNo(c.Whitespace))
}

// grams counts the n-grams of characters by order.
func (c ChrF) grams(s string) (counts [charOrder]map[string]int) {
	if c.Lowercase {
		s = lower(s)
	}
	if !c.Whitespace {
		s = strings.Join(fields(s), "")
	}
	var starts []int // of characters
	for i := range s {
		starts = append(starts, i)
	}
	starts = append(starts, len(s))
	for n := range counts {
		counts[n] = map[string]int{}
		for i := range len(starts) - 1 - n {
			counts[n][s[starts[i]:starts[i+n+1]]]++
		}
	}
	return counts
}

func common(hypothesis, reference [charOrder]map[string]int) (c gramCounts) {
	for n := range hypothesis {
		for _, count := range reference[n] {
			c.references[n] += count
		}
		for gram, count := range hypothesis[n] {
			c.hypotheses[n] += count
			c.both[n] += min(count, reference[n][gram])
		}
		if c.references[n] == 0 { // as sacreBLEU has it: too short a reference makes no n-gram wrong
			c.hypotheses[n] = 0
		}
	}
	return c
}

func (c *gramCounts) add(d gramCounts) {
	for n := range charOrder {
		c.hypotheses[n] += d.hypotheses[n]
		c.references[n] += d.references[n]
		c.both[n] += d.both[n]
	}
}

func (c *gramCounts) score(beta float64) float64 {
	precision, recall, orders := 0.0, 0.0, 0.0
	for n := range charOrder {
		if c.hypotheses[n] > 0 && c.references[n] > 0 {
			precision += float64(c.both[n]) / float64(c.hypotheses[n])
			recall += float64(c.both[n]) / float64(c.references[n])
			orders++
		}
	}
	if precision+recall == 0 {
		return 0
	}
	precision, recall = precision/orders, recall/orders
	return 100 * (1 + beta*beta) * precision * recall / (beta*beta*precision + recall)
}
