package parallel

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkg/errors"
)

// each calls f for every rank at once.
func each(ranks []Communicator, f func(c Communicator)) {
	var all sync.WaitGroup
	for _, c := range ranks {
		all.Go(func() { f(c) })
	}
	all.Wait()
}

// What the ranks of each implementation agree on.
func TestTogether(t *testing.T) {
	for _, ranks := range [][]Communicator{{Alone{}}, Local(1), Local(2), Local(5)} {
		n := len(ranks)
		each(ranks, func(c Communicator) {
			r := c.Rank()
			if c.Size() != n || ranks[r] != c {
				t.Errorf("rank %d of %d, want %d", r, c.Size(), n)
			}
			for round := range 100 {
				x := []float32{float32(r + round), 1}
				if err := c.Sum(x); err != nil || x[0] != float32(n*(n-1)/2+n*round) || x[1] != float32(n) {
					t.Errorf("rank %d of %d: the sum is %v, %v", r, n, x, err)
				}
				if bits, err := c.Vote(1 << r); err != nil || bits != 1<<n-1 {
					t.Errorf("rank %d of %d: the vote is %b, %v", r, n, bits, err)
				}
				all, err := c.Gather([]byte(strings.Repeat("x", r+round)))
				if err != nil || len(all) != n || len(all[n-1]) != n-1+round {
					t.Errorf("rank %d of %d: gathered %q, %v", r, n, all, err)
				}
				if first, err := c.Bcast(fmt.Append(nil, r, round)); err != nil || string(first) != fmt.Sprint(0, round) {
					t.Errorf("rank %d of %d: from rank 0 comes %q, %v", r, n, first, err)
				}
			}
		})
	}
}

// Sums are taken in the order of ranks, so that all ranks have the same bits, and know which.
func TestOrderOfSums(t *testing.T) {
	numbers := []float32{1e8, 1, -1e8, 1} // in this order 1, in others 0 or 2
	each(Local(4), func(c Communicator) {
		x := []float32{numbers[c.Rank()]}
		if err := c.Sum(x); err != nil || x[0] != 1 {
			t.Errorf("rank %d: %v, %v, want 1", c.Rank(), x, err)
		}
	})
}

// Ranks that do different things learn so.
func TestDifferentCalls(t *testing.T) {
	for want, f := range map[string]func(c Communicator) error{
		"rank 0 calls Sum and rank 1 calls Vote": func(c Communicator) error {
			if c.Rank() == 0 {
				return c.Sum(nil)
			}
			_, err := c.Vote(0)
			return err
		},
		"rank 0 sums 0 numbers and rank 1 sums 1": func(c Communicator) error { return c.Sum(make([]float32, c.Rank())) },
	} {
		each(Local(2), func(c Communicator) {
			if err := f(c); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("rank %d: the error is %v, want %q", c.Rank(), err, want)
			}
		})
	}
}

// A rank that cannot go on ends the waiting of all others, now and later.
func TestAbort(t *testing.T) {
	full := errors.New("the disk is full")
	each(Local(3), func(c Communicator) {
		if c.Rank() == 1 {
			c.Abort(full)
			return
		}
		for range 2 {
			_, err := c.Bcast(nil)
			if aborted := (*AbortedError)(nil); !errors.As(err, &aborted) || aborted.Rank != 1 || !errors.Is(err, full) {
				t.Errorf("rank %d: the error is %v", c.Rank(), err)
			}
		}
	})
}

// A rank that waits too long says in which step, and how long that is follows from the steps before.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ranks := Local(2)
		var lost string
		w := &Watch{Communicator: ranks[0], Lost: func(what string) {
			lost = what
			ranks[0].Abort(errors.New("lost"))
		}}
		if got := w.Patience(); got != 10*time.Minute {
			t.Errorf("before the first step: %v", got)
		}
		go func() {
			for range 10 {
				ranks[1].Sum([]float32{1})
			}
		}()
		for i := range 10 {
			w.At(fmt.Sprint("step ", i+1), true)
			if err := w.Sum([]float32{1}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(7 * time.Second)
		}
		w.At("step 11", true)
		begin := time.Now()
		err := w.Sum([]float32{1})
		if want := "rank 0 of 2 has waited 2m20s for the others in step 11"; err == nil || lost != want {
			t.Errorf("said %q, %v, want %q", lost, err, want)
		}
		if took := time.Since(begin); took != 140*time.Second {
			t.Errorf("waited %v, want 20 times a step", took)
		}
		w.At("validation", false)
		if got := w.Patience(); got != 10*time.Minute {
			t.Errorf("in validation: %v", got)
		}
	})
}

// What is waited for elsewhere is watched, too: it may fail, and it may take too long; Lost is told once.
func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := make(chan string, 10)
		var pulled atomic.Bool
		failed := func() error {
			if pulled.Load() {
				return errors.New("rank 0 of 1: a cable was pulled")
			}
			return nil
		}
		w := &Watch{Communicator: Alone{}, Lost: func(what string) { said <- what }}
		w.At("step 3", true)
		done := w.Guard(failed)
		time.Sleep(9 * time.Minute)
		done()
		time.Sleep(9 * time.Minute) // nobody waits
		late := w.Guard(failed)
		defer w.Guard(func() error { return nil })()
		time.Sleep(time.Minute)
		if len(said) > 0 {
			t.Errorf("said %q", <-said)
		}
		pulled.Store(true)
		if got, want := <-said, "rank 0 of 1: a cable was pulled, in step 3"; got != want {
			t.Errorf("said %q, want %q", got, want)
		}
		late()
		time.Sleep(20 * time.Minute)
		if len(said) > 0 {
			t.Errorf("said %q, too", <-said)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		said := make(chan string, 10)
		w := &Watch{Communicator: Alone{}, Lost: func(what string) { said <- what }}
		w.At("step 3", true)
		defer w.Guard(nil)()
		if got, want := <-said, "rank 0 of 1 has waited 10m0s for the others in step 3"; got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	})
}

// What launchers say: mpirun's word counts, not that of the batch job in which it was called.
func TestLaunched(t *testing.T) {
	for _, names := range launchers {
		for _, name := range names {
			t.Setenv(name, "")
		}
	}
	if n, by := LaunchedLocalRank.Says(); n != 0 || by != "" {
		t.Errorf("without a launcher: %d by %q", n, by)
	}
	for _, name := range []string{"SLURM_LOCALID", "MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK"} {
		t.Setenv(name, fmt.Sprint(len(name)))
		if n, by := LaunchedLocalRank.Says(); n != len(name) || by != name {
			t.Errorf("%s: %d by %q", name, n, by)
		}
	}
	t.Setenv("OMPI_COMM_WORLD_LOCAL_RANK", "first")
	if n, by := LaunchedLocalRank.Says(); by != "MPI_LOCALRANKID" {
		t.Errorf("no number is taken for %d by %q", n, by)
	}
}
