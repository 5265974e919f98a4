package batches_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/batches"
)

// Sequences of similar lengths are together, each once, and the empty ones nowhere; where padding costs little, all.
func TestInUse(t *testing.T) {
	lengths := []int{3, 17, 0, 9, 16, 4, 12, 33, 5}
	most := func(int) int { return 64 }
	got := batches.InUse(lengths, tape.StepCost{Rows: 4, Padded: 1}, most)
	want := []batches.Together{
		{Which: []int{7, 1}, Steps: 48, Rows: 2},
		{Which: []int{4, 6, 3, 8, 5, 0}, Steps: 16, Rows: 6},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = batches.InUse(lengths, tape.StepCost{Rows: 4, Padded: 0.125}, most)
	want = []batches.Together{{Which: []int{7, 1, 4, 6, 3, 8, 5, 0}, Steps: 48, Rows: 8}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = batches.InUse([]int{5}, tape.StepCost{Rows: 4, Padded: 1}, func(int) int { return 0 })
	if len(got) != 1 || got[0].Rows != 1 {
		t.Errorf("%+v: what is more than is wanted stands alone", got)
	}
	if got := batches.InUse(nil, tape.StepCost{Rows: 4, Padded: 1}, most); got != nil {
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
		cost := tape.StepCost{Rows: 1 << random.IntN(6), Padded: []float64{0, 0.125, 1}[random.IntN(3)]}
		limit := 50 + random.IntN(600)
		most := func(steps int) int { return limit / steps }
		time := func(lengths []int) float64 { // of a batch, the longest first
			steps, rows := batches.StepsInUse(lengths[0]), batches.RowsInUse(len(lengths), cost)
			if len(lengths) > 1 && rows > most(steps) {
				return math.Inf(1)
			}
			sum := 0.0
			for row := range rows {
				n := 0
				if row < len(lengths) {
					n = lengths[row]
				}
				sum += float64(n) + cost.Padded*float64(steps-n)
			}
			return sum + float64(steps*cost.Rows)
		}
		sorted := slices.Sorted(slices.Values(lengths))
		slices.Reverse(sorted)
		best := math.Inf(1)
		for cuts := range 1 << (len(sorted) - 1) { // bit i: a batch ends behind i
			sum, from := 0.0, 0
			for i := range sorted {
				if i == len(sorted)-1 || cuts>>i&1 == 1 {
					sum += time(sorted[from : i+1])
					from = i + 1
				}
			}
			best = min(best, sum)
		}
		sum, seen := 0.0, 0
		for _, b := range batches.InUse(lengths, cost, most) {
			var together []int
			for _, i := range b.Which {
				if together = append(together, lengths[i]); lengths[i] > b.Steps || len(b.Which) > b.Rows {
					t.Fatalf("%v: %+v has no room for all", lengths, b)
				}
			}
			sum += time(together)
			seen += len(b.Which)
		}
		if sum != best || seen != len(lengths) {
			t.Fatalf("%v, %+v, at most %d: %d of them in a time of %v, want %v", lengths, cost, limit, seen, sum, best)
		}
	}
}
