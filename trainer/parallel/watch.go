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

	lost   sync.Once
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

// Enter says to a Communicator that watches, as Watch does, what this rank begins to do: see Watch.At.
func Enter(c Communicator, what string, step bool) {
	if w, ok := c.(interface{ At(what string, step bool) }); ok {
		w.At(what, step)
	}
}

// Guarded lets a Communicator that watches do so while this rank waits for others by itself: see Guard.
func Guarded(c Communicator, failed func() error) (done func()) {
	if w, ok := c.(Guard); ok {
		return w.Guard(failed)
	}
	return func() {}
}

// A Guard watches over waiting for other ranks that is not done in calls of its Communicator.
type Guard interface {
	// Guard is called before the waiting begins; done when it is over. failed, if it is not nil, is asked again and again:
	// it says why the waiting would never be over, nil if nothing is known of that.
	Guard(failed func() error) (done func())
}

// look is how often a Guard looks whether what it waits for has failed.
const look = time.Second

// Guard implements Guard: it tells Lost what has failed, or that it takes too long.
func (w *Watch) Guard(failed func() error) (done func()) {
	over := make(chan struct{})
	go w.look(time.Now(), w.Patience(), failed, over)
	return func() { close(over) }
}

func (w *Watch) look(begun time.Time, patience time.Duration, failed func() error, over <-chan struct{}) {
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		select {
		case <-over:
			return
		case <-again.C:
		}
		if failed != nil {
			if err := failed(); err != nil {
				w.tell(fmt.Sprintf("%v, in %s", err, w.doing()))
				return
			}
		}
		if time.Since(begun) >= patience {
			w.tell(fmt.Sprintf("rank %d of %d has waited %v for the others in %s", w.Rank(), w.Size(),
				patience.Round(time.Second), w.doing()))
			return
		}
	}
}

// tell tells Lost what is lost, if it is the first.
func (w *Watch) tell(what string) { w.lost.Do(func() { w.Lost(what) }) }

// doing is what this rank does.
func (w *Watch) doing() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.at
}

// watch calls f, and tells Lost if it takes too long.
func (w *Watch) watch(f func() error) error {
	defer w.Guard(nil)()
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
