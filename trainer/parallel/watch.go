package parallel

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Watch is a Communicator that does not wait for ever. Each of its calls may take as long as Patience says; when one
// takes longer, Lost is told, once, in a line which rank waits for what, and must end the process: see Abort.
type Watch struct {
	Communicator
	Lost func(what string)

	mutex  sync.Mutex
	at     string // what this rank is doing
	since  time.Time
	recent []time.Duration // between calls of At
}

// Patience is how long a rank waits for the others: 10 minutes while nothing is known of how long steps take, and while
// one of them measures or saves; else 20 times the median of the newest steps, at least a minute.
const (
	longest  = 10 * time.Minute
	shortest = time.Minute
	medians  = 20
)

// At says what this rank begins to do, such as "step 12"; step says whether it is one of many that take about equally
// long.
func (w *Watch) At(what string, step bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	now := time.Now()
	if !w.since.IsZero() {
		w.recent = append(w.recent, now.Sub(w.since))
		w.recent = w.recent[max(0, len(w.recent)-kept):]
	}
	w.at, w.since = what, time.Time{}
	if step {
		w.since = now
	}
}

// kept is of how many steps the median is taken, and fewest of how many at least.
const (
	kept   = 101
	fewest = 3
)

// Patience is how long the next call may take.
func (w *Watch) Patience() time.Duration {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.since.IsZero() || len(w.recent) < fewest {
		return longest
	}
	steps := slices.Sorted(slices.Values(w.recent))
	return max(shortest, medians*steps[len(steps)/2])
}

// watch calls f, and tells Lost if it takes too long.
func (w *Watch) watch(f func() error) error {
	patience := w.Patience()
	timer := time.AfterFunc(patience, func() {
		w.mutex.Lock()
		at := w.at
		w.mutex.Unlock()
		w.Lost(fmt.Sprintf("rank %d of %d has waited %v for the others in %s", w.Rank(), w.Size(), patience.Round(time.Second), at))
	})
	defer timer.Stop()
	return f()
}

// Sum implements Communicator.
func (w *Watch) Sum(x []float32) error { return w.watch(func() error { return w.Communicator.Sum(x) }) }

// Vote implements Communicator.
func (w *Watch) Vote(bits uint32) (all uint32, err error) {
	err = w.watch(func() error { all, err = w.Communicator.Vote(bits); return err })
	return all, err
}

// Gather implements Communicator.
func (w *Watch) Gather(x []byte) (all [][]byte, err error) {
	err = w.watch(func() error { all, err = w.Communicator.Gather(x); return err })
	return all, err
}

// Bcast implements Communicator.
func (w *Watch) Bcast(x []byte) (from []byte, err error) {
	err = w.watch(func() error { from, err = w.Communicator.Bcast(x); return err })
	return from, err
}
