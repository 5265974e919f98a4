package decode

import (
	"math"
	"slices"
)

// Scores are what a model predicts for the next token, row by row. They are valid until the next step.
type Scores struct {
	Single  [][]float32 // by row: the logits of all tokens, V
	Double  [][]float64 // the same of a model of float64; then Single is nil
	LogSum  []float64   // by row: ln Σ exp of its logits, so that ln p = logit - LogSum; nil: the logits are ln p
	Weights [][]float64 // by row: the weights of the attention over the source; nil: there is none
	Never   []int32     // tokens that are never written, whatever their logits are
}

// logSum is ln Σ exp of the logits of a row.
func (s *Scores) logSum(row int) float64 {
	if s.LogSum == nil {
		return 0
	}
	return s.LogSum[row]
}

// check says whether the logits of a row are numbers, of which some, but not all, may be -∞; if not, the error is
// a *NotFiniteError.
func (s *Scores) check(row int) error {
	sum := s.logSum(row)
	if s.LogSum != nil && sum-sum == 0 {
		return nil // what is no number makes the sum none, too
	}
	var err error
	if s.Single != nil {
		err = checkLogits(s.Single[row])
	} else {
		err = checkLogits(s.Double[row])
	}
	if err == nil && sum-sum != 0 {
		return &NotFiniteError{0, sum}
	}
	return err
}

// logProb is ln p of a token.
func (s *Scores) logProb(row int, token int32) float64 {
	if s.Single != nil {
		return float64(s.Single[row][token]) - s.logSum(row)
	}
	return s.Double[row][token] - s.logSum(row)
}

// logProbs is ln p of all tokens, -∞ for those that are never written and for the barred ones. It is valid until
// the next call with the same memory.
func (s *Scores) logProbs(row int, barred []int32, memory *[]float64) []float64 {
	ln := (*memory)[:0]
	if s.Single != nil {
		for _, x := range s.Single[row] {
			ln = append(ln, float64(x))
		}
	} else {
		ln = append(ln, s.Double[row]...)
	}
	if sum := s.logSum(row); sum != 0 {
		for i := range ln {
			ln[i] -= sum
		}
	}
	for _, tokens := range [][]int32{s.Never, barred} {
		for _, t := range tokens {
			ln[t] = math.Inf(-1)
		}
	}
	*memory = ln
	return ln
}

// likeliest are the likeliest continuations, the best first: at most as many as most, and of equals those that were
// added first.
type likeliest struct {
	most  int
	found []candidate
}

// add adds the continuations of a beginning whose scores are those of a row. Logits are compared as they are, and
// few of them are looked at more closely: those that may be among the likeliest.
func (l *likeliest) add(of *beginning, s *Scores, row int, barred []int32) {
	sum := s.logSum(row)
	if s.Single != nil {
		addRow(l, of, s.Single[row], sum, s.Never, barred)
	} else {
		addRow(l, of, s.Double[row], sum, s.Never, barred)
	}
}

func addRow[T float32 | float64](l *likeliest, of *beginning, logits []T, sum float64, never, barred []int32) {
	least := below[T](l.least() - of.logProb + sum)
	for token, x := range logits {
		if !(x > least) {
			continue
		}
		p := of.logProb + (float64(x) - sum)
		if t := int32(token); !(p > l.least()) || slices.Contains(never, t) || slices.Contains(barred, t) {
			continue
		}
		l.insert(candidate{of, int32(token), p})
		least = below[T](l.least() - of.logProb + sum)
	}
}

// below is a number of type T that is less than all numbers that are rounded to more than x, whatever the order in
// which x was computed.
func below[T float32 | float64](x float64) T {
	const rounding = 1e-6 // of a float32 is 6e-8
	return T(x - rounding*(1+math.Abs(x)))
}

// least is what ln p must exceed to be among the likeliest.
func (l *likeliest) least() float64 {
	if len(l.found) < l.most {
		return math.Inf(-1)
	}
	return l.found[len(l.found)-1].logProb
}

func (l *likeliest) insert(c candidate) {
	at, _ := slices.BinarySearchFunc(l.found, c.logProb, func(x candidate, p float64) int {
		if x.logProb >= p {
			return -1
		}
		return 1
	})
	if len(l.found) == l.most {
		l.found = l.found[:l.most-1]
	}
	l.found = slices.Insert(l.found, at, c)
}
