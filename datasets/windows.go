package datasets

// Windows cuts tokens for truncated backpropagation through time. The N tokens become B streams of ⌊N/B⌋
// consecutive tokens; window w holds T tokens of each stream, from token w*T of the stream on, and the target
// of a token is the one after it. So stream b of a window goes on where stream b of the window before it ended,
// and a carried state stays true. The tail that does not fill is dropped: an epoch has ⌊(⌊N/B⌋-1)/T⌋ windows.
type Windows struct {
	Batch, Seq int // B, T
	tokens     Sequence
	stream     int     // ⌊N/B⌋
	row        []int32 // of a stream, one token more than T
}

// NewWindows cuts tokens into streams. Tokens too few for one window are a *TooShortError.
func NewWindows(tokens Sequence, batch, seq int) (*Windows, error) {
	if err := checkWindows(tokens, batch, seq, 1); err != nil {
		return nil, err
	}
	w := &Windows{Batch: batch, Seq: seq, tokens: tokens, stream: tokens.Len() / batch, row: make([]int32, seq+1)}
	if w.Len() == 0 {
		return nil, &TooShortError{Have: tokens.Len(), Batch: batch, Seq: seq}
	}
	return w, nil
}

// Len is the number of windows in an epoch.
func (w *Windows) Len() int { return max(w.stream-1, 0) / w.Seq }

// Fill writes the window of a training step, counted from 0 over all epochs, T×B: element t*B+b is step t of
// stream b. It says whether the streams begin anew, so that a carried state must be forgotten.
func (w *Windows) Fill(step int, inputs, targets []int32) (anew bool, err error) {
	if err := checkRoom(step, w.Batch, w.Seq, len(inputs), len(targets)); err != nil {
		return false, err
	}
	i := step % w.Len()
	for b := range w.Batch {
		if err := w.tokens.Read(b*w.stream+i*w.Seq, w.row); err != nil {
			return false, err
		}
		column(w.row, b, w.Batch, inputs, targets)
	}
	return i == 0, nil
}

// column writes column b of a T×B window: tokens but the last, and as targets those one later.
func column(tokens []int32, b, batch int, inputs, targets []int32) {
	for t := range len(tokens) - 1 {
		inputs[t*batch+b], targets[t*batch+b] = tokens[t], tokens[t+1]
	}
}
