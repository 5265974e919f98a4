package metrics

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/pkg/errors"
)

// maxOrder is the length of the longest n-grams that BLEU counts.
const maxOrder = 4

// BLEU measures translations by the n-grams they share with references (Papineni et al., 2002), with the numbers of sacreBLEU
// (Post, 2018). The zero value has sacreBLEU's defaults.
//
//	BLEU = BP exp(¼ Σ log pₙ)    BP = exp(min(0, 1 - r/h))
//
// pₙ is the part of the n-grams of all hypotheses that are in their references, each at most as often as in one of them; h is the
// length of all hypotheses, r that of the references that are closest in length to each.
type BLEU struct {
	Tokenize  string // "13a", "intl" or "none", which cuts at white space only; "" is 13a
	Smooth    string // "exp": the k-th order without a match has 1/2ᵏ of one, as in mteval-v13a; or "none"; "" is exp
	Lowercase bool
}

// Score is a BLEU score with what it was computed from.
type Score struct {
	BLEU       float64 // 0 to 100
	Precisions [maxOrder]float64
	Penalty    float64       // BP
	Matches    [maxOrder]int // n-grams of the hypotheses that are in the references
	Counts     [maxOrder]int // n-grams of the hypotheses
	Hypotheses int           // h, in tokens
	References int           // r
	Signature  string        // of all that decides the number, in sacreBLEU's form
}

// String is sacreBLEU's form of a score.
func (s *Score) String() string {
	var p []string
	for _, x := range s.Precisions {
		p = append(p, fmt.Sprintf("%.1f", x))
	}
	return fmt.Sprintf("BLEU = %.2f %s (BP = %.3f ratio = %.3f hyp_len = %d ref_len = %d)",
		s.BLEU, strings.Join(p, "/"), s.Penalty, float64(s.Hypotheses)/float64(s.References), s.Hypotheses, s.References)
}

// Corpus measures hypotheses, line by line, against one or more sets of references.
func (b BLEU) Corpus(hypotheses []string, references ...[]string) (*Score, error) {
	if b.Tokenize == "" {
		b.Tokenize = "13a"
	}
	if b.Smooth == "" {
		b.Smooth = "exp"
	}
	tokenize, ok := tokenizers[b.Tokenize]
	if !ok {
		return nil, errors.Errorf("BLEU knows no tokenizer %q; it knows 13a, intl and none", b.Tokenize)
	}
	if b.Smooth != "exp" && b.Smooth != "none" {
		return nil, errors.Errorf("BLEU knows no smoothing %q; it knows exp and none", b.Smooth)
	}
	if err := checkSets(hypotheses, references); err != nil {
		return nil, err
	}
	words := func(s string) []string {
		if b.Lowercase {
			s = strings.ToLower(s)
		}
		return tokenize(strings.TrimRightFunc(s, unicode.IsSpace))
	}
	s := &Score{Signature: fmt.Sprintf("nrefs:%d|case:%s|eff:no|tok:%s|smooth:%s|version:unroll", len(references), caseName(b.Lowercase), b.Tokenize, b.Smooth)}
	for i, h := range hypotheses {
		refs := make([][]string, len(references))
		for j, set := range references {
			refs[j] = words(set[i])
		}
		s.add(words(h), refs)
	}
	s.finish(b.Smooth == "exp")
	return s, nil
}

func caseName(lowercase bool) string {
	if lowercase {
		return "lc"
	}
	return "mixed"
}

func checkSets(hypotheses []string, references [][]string) error {
	if len(references) == 0 {
		return errors.New("no references")
	}
	for _, set := range references {
		if len(set) != len(hypotheses) {
			return errors.Errorf("%d hypotheses and %d references: they must correspond, line by line", len(hypotheses), len(set))
		}
	}
	return nil
}

// add counts a hypothesis.
func (s *Score) add(hypothesis []string, references [][]string) {
	s.Hypotheses += len(hypothesis)
	closest := len(references[0])
	for _, ref := range references {
		d, best := distance(len(ref), len(hypothesis)), distance(closest, len(hypothesis))
		if d < best || d == best && len(ref) < closest {
			closest = len(ref)
		}
	}
	s.References += closest
	for n := range maxOrder {
		most := map[string]int{}
		for _, ref := range references {
			for gram, count := range grams(ref, n+1) {
				most[gram] = max(most[gram], count)
			}
		}
		for gram, count := range grams(hypothesis, n+1) {
			s.Counts[n] += count
			s.Matches[n] += min(count, most[gram])
		}
	}
}

func distance(a, b int) int { return max(a-b, b-a) }

// grams counts the n-grams of words, which have no spaces.
func grams(words []string, n int) map[string]int {
	counts := map[string]int{}
	for i := range len(words) - n + 1 {
		counts[strings.Join(words[i:i+n], " ")]++
	}
	return counts
}

func (s *Score) finish(smooth bool) {
	s.Penalty = 1
	switch {
	case s.Hypotheses == 0 && s.References > 0:
		s.Penalty = 0
	case s.Hypotheses < s.References:
		s.Penalty = math.Exp(1 - float64(s.References)/float64(s.Hypotheses))
	}
	if slices.Max(s.Matches[:]) == 0 {
		return
	}
	logs, share := 0.0, 1.0
	for n, matches := range s.Matches {
		m := float64(matches)
		if matches == 0 && smooth {
			share /= 2
			m = share
		}
		if s.Counts[n] > 0 {
			s.Precisions[n] = 100 * m / float64(s.Counts[n])
		}
		logs += math.Log(s.Precisions[n])
	}
	s.BLEU = s.Penalty * math.Exp(logs/maxOrder)
}
