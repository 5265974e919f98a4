package batches_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/internal/batches"
)

// Sequences of similar lengths are together, each once, and the empty ones nowhere.
func TestInUse(t *testing.T) {
	lengths := []int{3, 17, 0, 9, 16, 4, 12, 33, 5}
	got := batches.InUse(lengths, func(steps int) int { return 48 / steps })
	want := []batches.Together{
		{Which: []int{7}, Steps: 48, Rows: 1},
		{Which: []int{1, 4}, Steps: 24, Rows: 2},
		{Which: []int{6, 3, 8, 5}, Steps: 12, Rows: 4},
		{Which: []int{0}, Steps: 8, Rows: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := batches.InUse([]int{5}, func(int) int { return 0 }); len(got) != 1 || got[0].Rows != 1 {
		t.Errorf("%+v: what is more than is wanted stands alone", got)
	}
	if got := batches.InUse(nil, func(int) int { return 8 }); got != nil {
		t.Errorf("%+v of nothing", got)
	}
}
