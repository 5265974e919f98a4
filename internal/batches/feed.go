package batches

import (
	"sync"

	"github.com/pkg/errors"
)

// Feed gives the batches of step after step, each made in the background while the one before is in use.
type Feed[B any] struct {
	items chan item[B]
	stop  chan struct{}
	once  sync.Once
}

type item[B any] struct {
	batch B
	err   error
}

// ErrClosed is what Next gives after Close.
var ErrClosed = errors.New("the feed of batches is closed")

// ahead is how many batches wait: one in the channel and one in the hands of the goroutine.
const ahead = 1

// NewFeed begins with the batch of a step. fill makes the batch of a step; one goroutine calls it, step after
// step, so it needs no lock, but it must not write to what an earlier call returned. Close must be called.
func NewFeed[B any](step int, fill func(step int) (B, error)) *Feed[B] {
	if fill == nil {
		fill = func(int) (none B, err error) {
			return none, errors.New("there is no function that fills batches: it is nil")
		}
	}
	f := &Feed[B]{items: make(chan item[B], ahead), stop: make(chan struct{})}
	go f.run(step, fill)
	return f
}

// run makes batches until it is stopped or one fails.
func (f *Feed[B]) run(step int, fill func(step int) (B, error)) {
	defer close(f.items)
	for ; ; step++ {
		var x item[B]
		x.batch, x.err = fill(step)
		select {
		case f.items <- x:
		case <-f.stop:
			return
		}
		if x.err != nil {
			return
		}
	}
}

// Next is the next batch. After an error there are no more batches.
func (f *Feed[B]) Next() (B, error) {
	x, ok := <-f.items
	if !ok {
		x.err = ErrClosed
	}
	return x.batch, x.err
}

// Close stops the goroutine and waits for it. It may be called more than once, but not while Next runs.
func (f *Feed[B]) Close() {
	f.once.Do(func() { close(f.stop) })
	for range f.items { // until the goroutine closes it
	}
}
