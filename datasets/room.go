package datasets

import (
	"cmp"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
)

// checkWindows says what is wrong with what windows are made of.
func checkWindows(tokens Sequence, batch, seq, stride int) error {
	return cmp.Or(
		setting.Set("tokens", tokens != nil, "a sequence, such as Vocab.Encode gives"),
		setting.AtLeast("Batch", batch, 1), setting.AtLeast("Seq", seq, 1), setting.AtLeast("Stride", stride, 1),
	)
}

// checkRoom says what is wrong with the number of a window, or with the room that it is to be written to.
func checkRoom(number, batch, seq int, room ...int) error {
	if number < 0 {
		return errors.Errorf("window %d: windows are counted from 0", number)
	}
	for _, n := range room {
		if n != batch*seq {
			return errors.Errorf("room for %d elements, a window of %d steps of %d sequences has %d", n, seq, batch, seq*batch)
		}
	}
	return nil
}
