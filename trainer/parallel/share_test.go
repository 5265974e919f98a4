package parallel

import (
	"context"
	"slices"
	"testing"

	"github.com/pkg/errors"
)

// What is shared is computed once, and all ranks take all of it in order: sums have the bits of one rank.
func TestShare(t *testing.T) {
	const n = 7
	result := func(i int) float64 { return []float64{1e16, 1, -1e16, 1, 3, 1e-3, 2}[i] } // other orders give other sums
	want := 0.0
	if err := Share(t.Context(), n, func(i int) (float64, error) { return result(i), nil },
		func(_ int, x float64) error { want += x; return nil }); err != nil || want != 6.001 {
		t.Fatalf("by itself: %v, %v", want, err)
	}
	for _, ranks := range []int{1, 2, 3, 10} {
		each(Local(ranks), func(c Communicator) {
			var computed, taken []int
			sum := 0.0
			err := Share(Sharing(t.Context(), c), n, func(i int) (float64, error) {
				computed = append(computed, i)
				return result(i), nil
			}, func(i int, x float64) error {
				taken, sum = append(taken, i), sum+x
				return nil
			})
			if err != nil || sum != want || !slices.Equal(taken, []int{0, 1, 2, 3, 4, 5, 6}) {
				t.Errorf("rank %d of %d: %v of %v, %v, want %v", c.Rank(), ranks, sum, taken, err, want)
			}
			for k, i := range computed {
				if i != k*ranks+c.Rank() {
					t.Errorf("rank %d of %d computes %v", c.Rank(), ranks, computed)
				}
			}
		})
	}
}

// What ends the work of one rank, an error or the wish to stop, ends that of all in the same round.
func TestShareEnds(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		compute func(i int, stop func()) error
		want    error
	}{
		"an error": {func(i int, _ func()) error {
			if i == 5 {
				return broken
			}
			return nil
		}, broken},
		"a wish": {func(i int, stop func()) error {
			if i == 2 { // of rank 2, which says so in the next round
				stop()
			}
			return nil
		}, context.Canceled},
	} {
		each(Local(3), func(w Communicator) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			taken := 0
			err := Share(Sharing(ctx, w), 100, func(i int) (int, error) { return i, c.compute(i, stop) },
				func(int, int) error { taken++; return nil })
			want := ErrElsewhere
			if w.Rank() == 2 {
				want = c.want
			}
			if !errors.Is(err, want) || taken != 3 {
				t.Errorf("%s, rank %d: %d were taken, and %v, want %v", name, w.Rank(), taken, err, want)
			}
		})
	}
}
