package datasets

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/unroll-ml/unroll/internal/words"
)

// TooShortError says that there are too few tokens for a single batch of windows.
type TooShortError struct {
	Have       int
	Batch, Seq int
	Parts      int    // of a batch; 0: 1
	Stride     int    // 0: streams side by side
	Units      string // what tokens are called; "": characters
}

// Need is the number of tokens that one batch needs: (T+1)*B of streams, T+1+(B-1)*S of windows that begin
// every S tokens.
func (e *TooShortError) Need() int {
	if e.Stride == 0 {
		return (e.Seq + 1) * e.Batch
	}
	return e.Seq + 1 + (e.Batch-1)*e.Stride
}

func (e *TooShortError) Error() string {
	parts := max(e.Parts, 1)
	flags := fmt.Sprintf("--batch %d", e.Batch/parts)
	if parts > 1 {
		flags += fmt.Sprintf(", --accumulate %d", parts)
	}
	batch, seq := e.Have/(e.Seq+1), e.Have/e.Batch-1 // the largest that fit
	if e.Stride == 0 {
		flags += fmt.Sprintf(" and --seq %d need at least (%d+1)*%d", e.Seq, e.Seq, e.Batch)
	} else {
		flags += fmt.Sprintf(", --seq %d and --stride %d need at least %d+1+(%d-1)*%d", e.Seq, e.Stride, e.Seq,
			e.Batch, e.Stride)
		batch, seq = slidingWindows(e.Have, e.Seq, e.Stride), e.Have-1-(e.Batch-1)*e.Stride
	}
	var fits []string
	if batch /= parts; batch > 0 {
		fits = append(fits, fmt.Sprintf("--batch %d", batch))
	}
	if seq > 0 {
		fits = append(fits, fmt.Sprintf("--seq %d", seq))
	}
	next := "use a longer text"
	if len(fits) > 0 {
		next += ", or " + strings.Join(fits, " or ")
	}
	units := cmp.Or(e.Units, "characters")
	unit := words.Which(e.Have, strings.TrimSuffix(units, "s"), units)
	return fmt.Sprintf("%d %s to train on, but %s = %d: %s", e.Have, unit, flags, e.Need(), next)
}
