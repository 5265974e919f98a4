package datasets

import (
	"fmt"

	"github.com/unroll-ml/unroll/internal/words"
)

// EvalWindows cuts tokens for measuring: every token but the first is the target exactly once.
//
// The N-1 predictions are divided into consecutive streams of lengths that differ by at most one. There are as
// many streams as the batch holds, but no more than leave each about MinEvalStream predictions, for at the
// start of a stream the model has not seen what came before. Rows of the batch without a stream, and the tails
// of the shorter streams, are masked out.
type EvalWindows struct {
	Batch, Seq int
	tokens     Sequence
	streams    int
	row        []int32 // of a stream, one token more than T
}

// MinEvalStream is the number of predictions that a stream of EvalWindows should have at least.
const MinEvalStream = 1024

// NewEvalWindows cuts tokens, at least two of them.
func NewEvalWindows(tokens Sequence, batch, seq int) (*EvalWindows, error) {
	if err := checkWindows(tokens, batch, seq, 1); err != nil {
		return nil, err
	}
	n := tokens.Len() - 1
	if n < 1 {
		return nil, fmt.Errorf("%s to measure on, at least 2 are needed: use a longer text",
			words.Count(tokens.Len(), "token", "tokens"))
	}
	return &EvalWindows{Batch: batch, Seq: seq, tokens: tokens, streams: max(1, min(batch, n/MinEvalStream)),
		row: make([]int32, seq+1)}, nil
}

// bounds is the half-open range of predictions of stream s; prediction i is that of token i+1 from token i.
func (w *EvalWindows) bounds(s int) (lo, hi int) {
	n := w.tokens.Len() - 1
	return s * n / w.streams, (s + 1) * n / w.streams
}

// Len is the number of windows.
func (w *EvalWindows) Len() int {
	longest := (w.tokens.Len() - 1 + w.streams - 1) / w.streams
	return (longest + w.Seq - 1) / w.Seq
}

// Fill writes window i, T×B: element t*B+b is step t of stream b. mask is 1 where there is a prediction;
// elsewhere it is 0, and so are inputs and targets. It says whether the streams begin anew: they do in window
// 0.
func (w *EvalWindows) Fill(i int, inputs, targets []int32, mask []float32) (anew bool, err error) {
	if err := checkRoom(i, w.Batch, w.Seq, len(inputs), len(targets), len(mask)); err != nil {
		return false, err
	}
	clear(inputs)
	clear(targets)
	clear(mask)
	for b := range w.streams {
		lo, hi := w.bounds(b)
		from := lo + i*w.Seq
		n := min(w.Seq, hi-from) // predictions
		if n <= 0 {
			continue
		}
		row := w.row[:n+1]
		if err := w.tokens.Read(from, row); err != nil {
			return false, err
		}
		maskedColumn(row, b, w.Batch, inputs, targets, mask)
	}
	return i == 0, nil
}

// maskedColumn is column with a mask of 1.
func maskedColumn(tokens []int32, b, batch int, inputs, targets []int32, mask []float32) {
	column(tokens, b, batch, inputs, targets)
	for t := range len(tokens) - 1 {
		mask[t*batch+b] = 1
	}
}
