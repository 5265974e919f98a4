package metrics

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// maxOrder is the length of the longest n-grams that BLEU counts.
const maxOrder = 4

// BLEU measures translations by the n-grams they share with references (Papineni et al., 2002), with the numbers of
// sacreBLEU (Post, 2018). The zero value has sacreBLEU's defaults.
//
//	BLEU = BP exp(¼ Σ log pₙ)    BP = exp(min(0, 1 - r/h))
//
// pₙ is the part of the n-grams of all hypotheses that are in their references, each at most as often as in one of
// them; h is the length of all hypotheses, r that of the references that are closest in length to each.
type BLEU struct {
	Tokenize       string // one of Tokenizers; "" is 13a
	Smooth         string // "exp" or "": the k-th order without a match has 1/2ᵏ of one, as in mteval-v13a; or "none"
	Lowercase      bool
	EffectiveOrder bool // the mean is over the orders of which the hypotheses have n-grams
}

// Score is a BLEU score with what it was computed from.
type Score struct {
	BLEU       float64 // 0 to 100; NaN if it is undefined
	Undefined  string  // why: "targets have fewer than 4 words"; "" if it is defined
	Precisions [maxOrder]float64
	Penalty    float64       // BP
	Matches    [maxOrder]int // n-grams of the hypotheses that are in the references
	Counts     [maxOrder]int // n-grams of the hypotheses
	Hypotheses int           // h, in tokens
	References int           // r
	Signature  string        // of all that decides the number, in sacreBLEU's form; its version is "unroll"
}

// String is sacreBLEU's form of a score, or says that there is none.
func (s *Score) String() string {
	if s.Undefined != "" {
		return "BLEU is undefined: " + s.Undefined
	}
	var p []string
	for _, x := range s.Precisions {
		p = append(p, fmt.Sprintf("%.1f", x))
	}
	ratio := 0.0
	if s.References > 0 {
		ratio = float64(s.Hypotheses) / float64(s.References)
	}
	return fmt.Sprintf("BLEU = %.2f %s (BP = %.3f ratio = %.3f hyp_len = %d ref_len = %d)",
		s.BLEU, strings.Join(p, "/"), s.Penalty, ratio, s.Hypotheses, s.References)
}

// Check says what is wrong with the settings.
func (b BLEU) Check() error {
	if b.Tokenize != "" && !slices.Contains(Tokenizers, b.Tokenize) {
		return errors.Errorf("BLEU knows no tokenizer %q; it knows %s", b.Tokenize, strings.Join(Tokenizers, ", "))
	}
	if b.Smooth != "" && b.Smooth != "exp" && b.Smooth != "none" {
		return errors.Errorf("BLEU knows no smoothing %q; it knows exp and none", b.Smooth)
	}
	return nil
}

// Corpus measures hypotheses against references. sacreBLEU gives 0 or a smoothed number where no hypothesis or no
// reference has an n-gram of some order, as with targets of a single word: that is undefined here, unless only orders
// that there are were asked for.
func (b BLEU) Corpus(hypotheses []string, references References) (*Score, error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	if err := references.check(len(hypotheses)); err != nil {
		return nil, err
	}
	b = b.resolved()
	s := &Score{Signature: b.Signature(references)}
	longest := 0 // of the references
	for i, h := range hypotheses {
		refs := make([][]string, len(references[i]))
		for j, ref := range references[i] {
			refs[j] = b.cut(ref)
			longest = max(longest, len(refs[j]))
		}
		s.add(b.cut(h), refs)
	}
	s.finish(b)
	unit := tokenizers[b.Tokenize].unit
	switch {
	case b.EffectiveOrder:
	case longest < maxOrder:
		s.undefine("targets have fewer than %d %s", maxOrder, unit)
	case s.Counts[maxOrder-1] == 0:
		s.undefine("translations have fewer than %d %s", maxOrder, unit)
	}
	return s, nil
}

// Sentence measures one hypothesis. As sacreBLEU advises, the orders are those that it has.
func (b BLEU) Sentence(hypothesis string, references ...string) (*Score, error) {
	b.EffectiveOrder = true
	return b.Corpus([]string{hypothesis}, References{references})
}

// Defined says whether hypotheses can have a score against references: whether one of these has an n-gram of every
// order.
func (b BLEU) Defined(references References) bool {
	b = b.resolved()
	return b.EffectiveOrder || slices.ContainsFunc(references, func(refs []string) bool {
		return slices.ContainsFunc(refs, func(ref string) bool { return len(b.cut(ref)) >= maxOrder })
	})
}

// resolved has names for the defaults.
func (b BLEU) resolved() BLEU {
	if b.Tokenize == "" {
		b.Tokenize = Tokenizers[0]
	}
	if b.Smooth == "" {
		b.Smooth = "exp"
	}
	return b
}

func (b BLEU) cut(s string) []string {
	if b.Lowercase {
		s = lower(s)
	}
	return tokenizers[b.Tokenize].cut(strings.TrimRightFunc(s, isSpace))
}

// Signature names all that decides a score against references, in sacreBLEU's form; its version is "unroll".
func (b BLEU) Signature(references References) string {
	b = b.resolved()
	return fmt.Sprintf("nrefs:%s|case:%s|eff:%s|tok:%s|smooth:%s|version:unroll",
		references.number(), caseName(b.Lowercase), yesNo(b.EffectiveOrder), b.Tokenize, b.Smooth)
}

func caseName(lowercase bool) string {
	if lowercase {
		return "lc"
	}
	return "mixed"
}

func yesNo(x bool) string {
	if x {
		return "yes"
	}
	return "no"
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

func (s *Score) finish(b BLEU) {
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
	orders, share := maxOrder, 1.0
	for n, matches := range s.Matches {
		if s.Counts[n] == 0 {
			if b.EffectiveOrder {
				orders = n
			}
			break
		}
		m := float64(matches)
		if matches == 0 && b.Smooth == "exp" {
			share /= 2
			m = share
		}
		s.Precisions[n] = 100 * m / float64(s.Counts[n])
	}
	logs := 0.0
	for _, p := range s.Precisions[:orders] {
		logs += math.Log(p)
	}
	s.BLEU = s.Penalty * math.Exp(logs/float64(orders))
}

func (s *Score) undefine(format string, args ...any) {
	s.BLEU, s.Undefined = math.NaN(), fmt.Sprintf(format, args...)
}
