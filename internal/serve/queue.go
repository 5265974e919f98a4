package serve

import (
	"context"
	"sync"
	"time"
)

// call is a request that waits for the model, or that the model works on.
type call struct {
	ctx     context.Context
	options *options
	key     string // calls with equal keys may be predicted together
	inputs  []any
	stream  bool // tokens are wanted as they are written
	arrived time.Time
	mailbox mailbox

	next int // the first input that no batch has taken
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

// queue are the calls that wait for a model, in the order in which they came.
type queue struct {
	most   int           // inputs of a batch
	wait   time.Duration // how long the first input of a batch waits for others, at most
	limit  int           // inputs that wait
	wake   chan struct{}
	mu     sync.Mutex
	calls  []*call
	inputs int // of the calls that no batch has taken
	before int // inputs of the batch before
	closed bool
}

// add puts a call into the queue; false if it is full.
func (q *queue) add(c *call) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.inputs > 0 && q.inputs+len(c.inputs) > q.limit {
		return false
	}
	q.calls = append(q.calls, c)
	q.inputs += len(c.inputs)
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
	return q.inputs
}

// item is an input of a call.
type item struct {
	*call
	index int
}

// batch takes the inputs of the next batch: those of the first call, and of others with the same key, at most
// as many as are predicted at once. The first waits for as many as the batch before had, but not longer than
// q.wait since it came: a caller who is alone does not wait at all, and many who ask at once are soon answered
// at once. There is none, and more is false, when the queue is closed and empty; there is none, and more is
// true, when something else is to do.
func (q *queue) batch() (items []item, more bool) {
	for {
		q.mu.Lock()
		q.drop()
		var wait time.Duration
		switch {
		case len(q.calls) == 0 && q.closed:
			q.mu.Unlock()
			return nil, false
		case len(q.calls) == 0:
			q.mu.Unlock()
			<-q.wake
			return nil, true
		case q.together() < min(q.before, q.most) && !q.closed:
			wait = q.wait - time.Since(q.calls[0].arrived)
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

// drop removes calls whose callers do not wait any more.
func (q *queue) drop() {
	kept := q.calls[:0]
	for _, c := range q.calls {
		if c.ctx.Err() == nil {
			kept = append(kept, c)
		} else {
			q.inputs -= len(c.inputs) - c.next
		}
	}
	clear(q.calls[len(kept):])
	q.calls = kept
}

// together is how many inputs may be predicted with the first.
func (q *queue) together() (n int) {
	for _, c := range q.calls {
		if c.key == q.calls[0].key {
			n += len(c.inputs) - c.next
		}
	}
	return n
}

// take takes a batch out of the queue.
func (q *queue) take() (items []item) {
	key := q.calls[0].key
	kept := q.calls[:0]
	for _, c := range q.calls {
		for c.key == key && c.next < len(c.inputs) && len(items) < q.most {
			items = append(items, item{c, c.next})
			c.next++
		}
		if c.next < len(c.inputs) {
			kept = append(kept, c)
		}
	}
	clear(q.calls[len(kept):])
	q.calls, q.inputs, q.before = kept, q.inputs-len(items), len(items)
	return items
}

// remove takes a call out of the queue that has failed.
func (q *queue) remove(failed *call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := q.calls[:0]
	for _, c := range q.calls {
		if c != failed {
			kept = append(kept, c)
		}
	}
	if len(kept) < len(q.calls) {
		q.inputs -= len(failed.inputs) - failed.next
	}
	clear(q.calls[len(kept):])
	q.calls = kept
}
