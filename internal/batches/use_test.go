package batches_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/internal/batches"
)

// Sequences of similar lengths are together, each once, and the empty ones nowhere.
func TestInUse(t *testing.T) {
	lengths := []int{3, 17, 0, 9, 16, 4, 12, 33, 5}
	got := batches.InUse(lengths, 4, func(steps int) int { return 64 })
	want := []batches.Together{
		{Which: []int{7, 1}, Steps: 48, Rows: 2},
		{Which: []int{4, 6, 3, 8, 5, 0}, Steps: 16, Rows: 6},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := batches.InUse([]int{5}, 4, func(int) int { return 0 }); len(got) != 1 || got[0].Rows != 1 {
		t.Errorf("%+v: what is more than is wanted stands alone", got)
	}
	if got := batches.InUse(nil, 4, func(int) int { return 8 }); got != nil {
		t.Errorf("%+v of nothing", got)
	}
}

// No other way to cut the sequences, in the order of their lengths, takes less time.
func TestInUseTime(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		lengths := make([]int, 1+random.IntN(9))
		for i := range lengths {
			lengths[i] = 1 + random.IntN(60)
		}
		step, limit := 1<<random.IntN(6), 50+random.IntN(600)
		most := func(steps int) int { return limit / steps }
		time := func(steps, n int) int {
			rows := batches.RowsInUse(n, step)
			if n > 1 && rows > most(steps) {
				return 1e9
			}
			return steps * (step + rows)
		}
		sorted := slices.Sorted(slices.Values(lengths))
		slices.Reverse(sorted)
		best := int(1e9)
		for cuts := range 1 << (len(sorted) - 1) { // bit i: a batch ends behind i
			sum, from := 0, 0
			for i := range sorted {
				if i == len(sorted)-1 || cuts>>i&1 == 1 {
					sum += time(batches.StepsInUse(sorted[from]), i+1-from)
					from = i + 1
				}
			}
			best = min(best, sum)
		}
		sum, seen := 0, 0
		for _, b := range batches.InUse(lengths, step, most) {
			sum += time(b.Steps, len(b.Which))
			seen += len(b.Which)
			for _, i := range b.Which {
				if lengths[i] > b.Steps || len(b.Which) > b.Rows {
					t.Fatalf("%v: %+v has no room for all", lengths, b)
				}
			}
		}
		if sum != best || seen != len(lengths) {
			t.Fatalf("%v, a step of %d rows, at most %d: %d of them in a time of %d, want %d", lengths, step, limit, seen,
				sum, best)
		}
	}
}
