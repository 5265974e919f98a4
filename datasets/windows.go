package datasets

import (
	"fmt"
	"strings"
)

// Split cuts tokens into a part to train on and the last tenth, to measure on: ⌊9n/10⌋ tokens and the rest.
func Split(tokens []int32) (train, heldOut []int32) {
	n := len(tokens) * 9 / 10
	return tokens[:n], tokens[n:]
}

// Windows cuts tokens for truncated backpropagation through time. The N tokens become B streams of ⌊N/B⌋ consecutive tokens;
// window w holds T tokens of each stream, from token w*T of the stream on, and the target of a token is the one after it. So
// stream b of a window goes on where stream b of the window before it ended, and a carried state stays true. The tail that
// does not fill is dropped: an epoch has ⌊(⌊N/B⌋-1)/T⌋ windows.
type Windows struct {
	Batch, Seq int // B, T
	tokens     []int32
	stream     int // ⌊N/B⌋
}

// NewWindows cuts tokens into streams. Tokens too few for one window are a *TooShortError.
func NewWindows(tokens []int32, batch, seq int) (*Windows, error) {
	w := &Windows{Batch: batch, Seq: seq, tokens: tokens, stream: len(tokens) / batch}
	if w.Len() == 0 {
		return nil, &TooShortError{Have: len(tokens), Batch: batch, Seq: seq}
	}
	return w, nil
}

// Len is the number of windows in an epoch.
func (w *Windows) Len() int { return max(w.stream-1, 0) / w.Seq }

// Fill writes window i of an epoch, T×B: element t*B+b is step t of stream b.
func (w *Windows) Fill(i int, inputs, targets []int32) {
	for b := range w.Batch {
		from := w.tokens[b*w.stream+i*w.Seq:]
		for t := range w.Seq {
			inputs[t*w.Batch+b], targets[t*w.Batch+b] = from[t], from[t+1]
		}
	}
}

// TooShortError says that there are too few tokens for a single window.
type TooShortError struct {
	Have       int
	Batch, Seq int
}

// Need is the number of tokens that one window needs: (T+1)*B.
func (e *TooShortError) Need() int { return (e.Seq + 1) * e.Batch }

func (e *TooShortError) Error() string {
	var fits []string
	if b := e.Have / (e.Seq + 1); b > 0 {
		fits = append(fits, fmt.Sprintf("--batch %d", b))
	}
	if t := e.Have/e.Batch - 1; t > 0 {
		fits = append(fits, fmt.Sprintf("--seq %d", t))
	}
	next := "use a longer text"
	if len(fits) > 0 {
		next += ", or " + strings.Join(fits, " or ")
	}
	return fmt.Sprintf("%d characters to train on, but --batch %d and --seq %d need at least (%d+1)*%d = %d: %s",
		e.Have, e.Batch, e.Seq, e.Seq, e.Batch, e.Need(), next)
}

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
// so are inputs and targets.
func (w *EvalWindows) Fill(i int, inputs, targets []int32, mask []float32) {
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
}
