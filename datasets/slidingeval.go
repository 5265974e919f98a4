package datasets

import (
	"fmt"

	"github.com/unroll-ml/unroll/internal/words"
)

// SlidingEvalWindows cuts tokens for measuring into windows of T tokens that begin every S tokens, in order,
// each of which a model reads from a state of zero. A token is a target as often as windows hold it; the end
// that no window reaches is left out. EvalWindows measures more truly, for there a model has seen what came
// before; this is how models are measured that were trained on SlidingWindows.
type SlidingEvalWindows struct {
	Batch, Seq, Stride int // B, T, S
	tokens             Sequence
	row                []int32 // of a window, one token more than T
}

// NewSlidingEvalWindows cuts tokens, more than T of them.
func NewSlidingEvalWindows(tokens Sequence, batch, seq, stride int) (*SlidingEvalWindows, error) {
	if err := checkWindows(tokens, batch, seq, stride); err != nil {
		return nil, err
	}
	if tokens.Len() <= seq {
		return nil, fmt.Errorf("%s to measure on, at least %d are needed for a window: use a longer text",
			words.Count(tokens.Len(), "token", "tokens"), seq+1)
	}
	return &SlidingEvalWindows{Batch: batch, Seq: seq, Stride: stride, tokens: tokens, row: make([]int32, seq+1)}, nil
}

// windows is how many there are.
func (w *SlidingEvalWindows) windows() int { return slidingWindows(w.tokens.Len(), w.Seq, w.Stride) }

// Len is the number of batches.
func (w *SlidingEvalWindows) Len() int { return (w.windows() + w.Batch - 1) / w.Batch }

// Fill writes batch i, T×B: element t*B+b is step t of window i*B+b. mask is 1 where there is one; elsewhere it
// is 0, and so are inputs and targets. The windows always begin anew.
func (w *SlidingEvalWindows) Fill(i int, inputs, targets []int32, mask []float32) (anew bool, err error) {
	if err := checkRoom(i, w.Batch, w.Seq, len(inputs), len(targets), len(mask)); err != nil {
		return false, err
	}
	clear(inputs)
	clear(targets)
	clear(mask)
	for b := range min(w.Batch, w.windows()-i*w.Batch) {
		if err := w.tokens.Read((i*w.Batch+b)*w.Stride, w.row); err != nil {
			return true, err
		}
		maskedColumn(w.row, b, w.Batch, inputs, targets, mask)
	}
	return true, nil
}
