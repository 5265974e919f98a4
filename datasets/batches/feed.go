package batches

import (
	"sync"

	"github.com/pkg/errors"
)

// Feed gives the batches of epoch after epoch, each made in the background while the one before is in use.
type Feed[B any] struct {
	items chan item[B]
	stop  chan struct{}
	once  sync.Once
}

type item[B any] struct {
	batch B
	next  Position
	err   error
}

// ErrClosed is what Next gives after Close.
var ErrClosed = errors.New("the feed of batches is closed")

// ahead is how many batches wait: one in the channel and one in the hands of the goroutine.
const ahead = 1

// NewFeed begins with the batch at a position of the plan's epochs. fill makes a batch; one goroutine calls it, so it needs no lock,
// but it must not write to what an earlier call returned. A position beyond the plan's last batch is an error: it belongs to other
// data. Close must be called.
func NewFeed[B any](p *Plan, seed uint64, from Position, fill func(Group) (B, error)) (*Feed[B], error) {
	if from.Epoch < 0 || from.Batch < 0 || from.Batch > p.Len() {
		return nil, errors.Errorf("batch %d of epoch %d: the data make %d batches an epoch, so they are not those of the run", from.Batch, from.Epoch, p.Len())
	}
	f := &Feed[B]{items: make(chan item[B], ahead), stop: make(chan struct{})}
	go f.run(p, seed, from, fill)
	return f, nil
}

// run makes batches until it is stopped or one fails.
func (f *Feed[B]) run(p *Plan, seed uint64, at Position, fill func(Group) (B, error)) {
	defer close(f.items)
	for ; ; at = (Position{Epoch: at.Epoch + 1}) {
		groups := p.Epoch(seed, at.Epoch)
		for i := at.Batch; i < len(groups); i++ {
			var x item[B]
			if x.batch, x.err = fill(groups[i]); i+1 < len(groups) {
				x.next = Position{at.Epoch, i + 1}
			} else {
				x.next = Position{Epoch: at.Epoch + 1}
			}
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
}

// Next is the next batch, and the position of the one after it: where to begin to go on after this batch. After an error there are
// no more batches.
func (f *Feed[B]) Next() (B, Position, error) {
	x, ok := <-f.items
	if !ok {
		x.err = ErrClosed
	}
	return x.batch, x.next, x.err
}

// Close stops the goroutine and waits for it. It may be called more than once, but not while Next runs.
func (f *Feed[B]) Close() {
	f.once.Do(func() { close(f.stop) })
	for range f.items { // until the goroutine closes it
	}
}
