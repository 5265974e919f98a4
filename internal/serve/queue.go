package serve

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/batches"
)

// call is a request that waits for the model, or that the model works on.
type call struct {
	ctx     context.Context
	options *options
	key     string // calls with equal keys may be predicted together
	alone   bool   // its inputs are predicted with no others, and in their order
	inputs  []any
	steps   []int // of each input: that the model takes for it
	stream  bool  // tokens are wanted as they are written
	arrived time.Time
	mailbox mailbox
}

// event is something that became of a call.
type event struct {
	input  int     // which one
	token  *token  // that was written, or
	output *output // what became of the input, or
	err    error   // what ended the call
	step   int     // of the checkpoint
}

// mailbox keeps the events of a call until its handler takes them: a caller that reads slowly stops nobody else.
type mailbox struct {
	mu     sync.Mutex
	events []event
	ready  chan struct{} // has one element if there are events
}

func newMailbox() mailbox { return mailbox{ready: make(chan struct{}, 1)} }

func (m *mailbox) put(e event) {
	m.mu.Lock()
	m.events = append(m.events, e)
	m.mu.Unlock()
	signal(m.ready)
}

// take waits for events; the context's error if it ends before.
func (m *mailbox) take(ctx context.Context) ([]event, error) {
	select {
	case <-m.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	events := m.events
	m.events = nil
	return events, nil
}

// signal makes sure that a channel of capacity one has an element.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// item is an input of a call.
type item struct {
	*call
	index int
}

// queue are the inputs that wait for a model, in the order in which they came.
type queue struct {
	most   int           // inputs of a batch
	wait   time.Duration // how long the first input of a batch waits for others, at most
	limit  int           // inputs that wait
	cost   tape.StepCost // of the model, see batches.InUse
	wake   chan struct{}
	mu     sync.Mutex
	items  []item
	before int // inputs of the batch before
	closed bool
}

// add puts the inputs of a call into the queue; false if it is full.
func (q *queue) add(c *call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.items) > 0 && len(q.items)+len(c.inputs) > q.limit {
		return false
	}
	for i := range c.inputs {
		q.items = append(q.items, item{c, i})
	}
	signal(q.wake)
	return true
}

// close ends next as soon as the queue is empty.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	signal(q.wake)
}

// waiting is how many inputs wait.
func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// batch takes the inputs of the next batch: the one that came first, and others with the same key that are best
// predicted with it. The first waits for as many as the batch before had, but not longer than q.wait since it came: a
// caller who is alone does not wait at all, and many who ask at once are soon answered at once. There is none, and more is
// false, when the queue is closed and empty; there is none, and more is true, when something else is to do.
func (q *queue) batch() (items []item, more bool) {
	for {
		q.mu.Lock()
		q.drop(func(x item) bool { return x.ctx.Err() != nil }) // nobody waits for it any more
		var wait time.Duration
		switch {
		case len(q.items) == 0 && q.closed:
			q.mu.Unlock()
			return nil, false
		case len(q.items) == 0:
			q.mu.Unlock()
			<-q.wake
			return nil, true
		case len(q.together()) < min(q.before, q.most) && !q.closed:
			wait = q.wait - time.Since(q.items[0].arrived)
		}
		if wait <= 0 {
			defer q.mu.Unlock()
			return q.take(), true
		}
		q.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-q.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// drop removes items.
func (q *queue) drop(gone func(item) bool) { q.items = slices.DeleteFunc(q.items, gone) }

// together are the items that may be predicted with the first.
func (q *queue) together() (items []item) {
	for _, x := range q.items {
		if x.key == q.items[0].key {
			items = append(items, x)
		}
	}
	return items
}

// take takes a batch out of the queue.
func (q *queue) take() []item {
	items := q.together()
	if items[0].alone {
		items = items[:min(len(items), q.most)]
	} else {
		items = q.similar(items)
	}
	taken := map[item]bool{}
	for _, x := range items {
		taken[x] = true
	}
	q.drop(func(x item) bool { return taken[x] })
	q.before = len(items)
	return items
}

// similar are those of the items that are best predicted with the first, in their order: if all are cut into batches that
// take the least time together.
func (q *queue) similar(items []item) (with []item) {
	steps := make([]int, len(items))
	for i, x := range items {
		steps[i] = max(1, x.steps[x.index])
	}
	for _, b := range batches.InUse(steps, q.cost, func(int) int { return q.most }) {
		if !slices.Contains(b.Which, 0) {
			continue
		}
		slices.Sort(b.Which)
		for _, i := range b.Which {
			with = append(with, items[i])
		}
	}
	return with
}

// remove takes the inputs of a call out of the queue that has failed.
func (q *queue) remove(failed *call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(func(x item) bool { return x.call == failed })
}
