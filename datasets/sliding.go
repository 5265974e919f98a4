package datasets

import (
	"fmt"
	"math/rand/v2"
)

// SlidingWindows cuts tokens into windows of T tokens that begin every S tokens, and so share T-S of them with
// the next where S is less than T. An epoch has each window once, in an order that the seed and the epoch alone
// determine, B of them in a batch; those that do not fill the last batch are left out until the next epoch. The
// target of a token is the one after it.
type SlidingWindows struct {
	Batch, Seq, Stride int // B, T, S
	Seed               uint64
	tokens             Sequence
	row                []int32 // of a window, one token more than T
	order              []int32 // of the windows, in epoch
	epoch              int
}

// MaxSlidingWindows is how many windows there may be: their order takes 4 bytes of memory for each.
const MaxSlidingWindows = 1 << 28

// NewSlidingWindows cuts tokens. Tokens too few for one batch are a *TooShortError.
func NewSlidingWindows(tokens Sequence, batch, seq, stride int, seed uint64) (*SlidingWindows, error) {
	if err := checkWindows(tokens, batch, seq, stride); err != nil {
		return nil, err
	}
	w := &SlidingWindows{Batch: batch, Seq: seq, Stride: stride, Seed: seed, tokens: tokens,
		row: make([]int32, seq+1), epoch: -1}
	if n := w.windows(); n > MaxSlidingWindows {
		return nil, fmt.Errorf("%d tokens and --stride %d make %d windows, at most %d are supported: a --stride of %d or "+
			"more is needed",
			tokens.Len(), stride, n, MaxSlidingWindows, (tokens.Len()+MaxSlidingWindows-1)/MaxSlidingWindows)
	}
	if w.Len() == 0 {
		return nil, &TooShortError{Have: tokens.Len(), Batch: batch, Seq: seq, Stride: stride}
	}
	return w, nil
}

// windows is how many there are.
func (w *SlidingWindows) windows() int { return slidingWindows(w.tokens.Len(), w.Seq, w.Stride) }

// slidingWindows is how many windows of so many tokens begin every stride tokens, and have a target for the
// last of theirs.
func slidingWindows(tokens, seq, stride int) int {
	if tokens <= seq {
		return 0
	}
	return (tokens-seq-1)/stride + 1
}

// Len is the number of batches in an epoch.
func (w *SlidingWindows) Len() int { return w.windows() / w.Batch }

// Fill writes the batch of a training step, counted from 0 over all epochs, T×B: element t*B+b is step t of
// window b. Windows always begin anew: what a model carries from the step before must be forgotten.
func (w *SlidingWindows) Fill(step int, inputs, targets []int32) (anew bool, err error) {
	if err := checkRoom(step, w.Batch, w.Seq, len(inputs), len(targets)); err != nil {
		return false, err
	}
	epoch, i := step/w.Len(), step%w.Len()
	if w.epoch != epoch {
		w.shuffle(epoch)
	}
	for b, window := range w.order[i*w.Batch:][:w.Batch] {
		if err := w.tokens.Read(int(window)*w.Stride, w.row); err != nil {
			return true, err
		}
		column(w.row, b, w.Batch, inputs, targets)
	}
	return true, nil
}

func (w *SlidingWindows) shuffle(epoch int) {
	if w.order == nil {
		w.order = make([]int32, w.windows())
	}
	for i := range w.order {
		w.order[i] = int32(i)
	}
	rand.New(rand.NewPCG(w.Seed, uint64(epoch))).Shuffle(len(w.order), func(i, j int) {
		w.order[i], w.order[j] = w.order[j], w.order[i]
	})
	w.epoch = epoch
}
