package cpu

import (
	"testing"

	"github.com/unroll-ml/unroll/graph/tape"
)

func TestUnknownPath(t *testing.T) {
	if _, err := New(onPath("mmx")).Load(new(tape.Tape)); err == nil {
		t.Error("Load on the path mmx gave no error")
	}
}
