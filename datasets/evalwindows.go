package datasets

import "fmt"

// EvalWindows cuts tokens for measuring: every token but the first is the target exactly once.
//
// The N-1 predictions are divided into consecutive streams of lengths that differ by at most one. There are as many streams
// as the batch holds, but no more than leave each about MinEvalStream predictions, for at the start of a stream the model
// has not seen what came before. Rows of the batch without a stream, and the tails of the shorter streams, are masked out.
type EvalWindows struct {
	Batch, Seq int
	tokens     []int32
	streams    int
}

// MinEvalStream is the number of predictions that a stream of EvalWindows should have at least.
const MinEvalStream = 1024

// NewEvalWindows cuts tokens, at least two of them.
func NewEvalWindows(tokens []int32, batch, seq int) (*EvalWindows, error) {
	n := len(tokens) - 1
	if n < 1 {
		return nil, fmt.Errorf("%d characters to measure on, at least 2 are needed: use a longer text", len(tokens))
	}
	return &EvalWindows{Batch: batch, Seq: seq, tokens: tokens, streams: max(1, min(batch, n/MinEvalStream))}, nil
}

// bounds is the half-open range of predictions of stream s; prediction i is that of token i+1 from token i.
func (w *EvalWindows) bounds(s int) (lo, hi int) {
	n := len(w.tokens) - 1
	return s * n / w.streams, (s + 1) * n / w.streams
}

// Len is the number of windows.
func (w *EvalWindows) Len() int {
	longest := (len(w.tokens) - 1 + w.streams - 1) / w.streams
	return (longest + w.Seq - 1) / w.Seq
}

// Fill writes window i, T×B: element t*B+b is step t of stream b. mask is 1 where there is a prediction; elsewhere it is 0, and
// so are inputs and targets. It says whether the streams begin anew: they do in window 0.
func (w *EvalWindows) Fill(i int, inputs, targets []int32, mask []float32) (anew bool) {
	for b := range w.Batch {
		lo, hi := 0, 0
		if b < w.streams {
			lo, hi = w.bounds(b)
		}
		for t := range w.Seq {
			at := t*w.Batch + b
			inputs[at], targets[at], mask[at] = 0, 0, 0
			if p := lo + i*w.Seq + t; p < hi {
				inputs[at], targets[at], mask[at] = w.tokens[p], w.tokens[p+1], 1
			}
		}
	}
	return i == 0
}
