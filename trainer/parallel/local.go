package parallel

import (
	"bytes"
	"slices"
	"sync"

	"github.com/pkg/errors"
)

// Local are n ranks in this process, each for a goroutine of its own. Sums are taken in the order of ranks. Ranks that
// call different methods get an error that says so, instead of waiting for ever.
func Local(n int) []Communicator {
	m := &meetings{size: n}
	m.changed = sync.NewCond(&m.mutex)
	m.now = m.next()
	ranks := make([]Communicator, n)
	for i := range ranks {
		ranks[i] = &local{m, i}
	}
	return ranks
}

// meetings are those of all ranks, one after the other.
type meetings struct {
	size    int
	mutex   sync.Mutex
	changed *sync.Cond
	now     *meeting
	aborted *AbortedError
}

// meeting is one call of every rank.
type meeting struct {
	calls []*call // by rank; nil: not there yet
	here  int
	err   error // of all
}

// call is what a rank brings to a meeting.
type call struct {
	method string
	sum    []float32
	bits   uint32
	data   []byte
}

func (m *meetings) next() *meeting { return &meeting{calls: make([]*call, m.size)} }

// meet waits until all ranks have come. Before the last of them lets the others go, it calls conclude.
func (m *meetings) meet(rank int, c *call, conclude func(calls []*call)) ([]*call, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.aborted != nil {
		return nil, m.aborted
	}
	now := m.now
	if now.calls[rank] != nil {
		return nil, errors.Errorf("rank %d calls %s while it waits in %s", rank, c.method, now.calls[rank].method)
	}
	now.calls[rank] = c
	if now.here++; now.here == m.size {
		if now.err = same(now.calls); now.err == nil {
			conclude(now.calls)
		}
		m.now = m.next()
		m.changed.Broadcast()
	}
	for m.now == now && m.aborted == nil {
		m.changed.Wait()
	}
	if m.now == now {
		return nil, m.aborted
	}
	return now.calls, now.err
}

// same says whether all ranks do the same.
func same(calls []*call) error {
	for rank, c := range calls {
		switch first := calls[0]; {
		case c.method != first.method:
			return errors.Errorf("rank 0 calls %s and rank %d calls %s: they do not do the same", first.method, rank, c.method)
		case len(c.sum) != len(first.sum):
			return errors.Errorf("rank 0 sums %d numbers and rank %d sums %d", len(first.sum), rank, len(c.sum))
		}
	}
	return nil
}

// local is a rank of Local.
type local struct {
	all  *meetings
	rank int
}

func (l *local) Rank() int { return l.rank }
func (l *local) Size() int { return l.all.size }

func (l *local) Sum(x []float32) error {
	_, err := l.all.meet(l.rank, &call{method: "Sum", sum: x}, func(calls []*call) {
		total := slices.Clone(calls[0].sum)
		for _, c := range calls[1:] {
			for i, v := range c.sum {
				total[i] += v
			}
		}
		for _, c := range calls {
			copy(c.sum, total)
		}
	})
	return err
}

func (l *local) Vote(bits uint32) (uint32, error) {
	calls, err := l.all.meet(l.rank, &call{method: "Vote", bits: bits}, func([]*call) {})
	if err != nil {
		return 0, err
	}
	for _, c := range calls {
		bits |= c.bits
	}
	return bits, nil
}

func (l *local) Gather(x []byte) ([][]byte, error) {
	calls, err := l.all.meet(l.rank, &call{method: "Gather", data: bytes.Clone(x)}, func([]*call) {})
	if err != nil {
		return nil, err
	}
	all := make([][]byte, len(calls))
	for i, c := range calls {
		all[i] = bytes.Clone(c.data)
	}
	return all, nil
}

func (l *local) Bcast(x []byte) ([]byte, error) {
	calls, err := l.all.meet(l.rank, &call{method: "Bcast", data: bytes.Clone(x)}, func([]*call) {})
	if err != nil {
		return nil, err
	}
	return bytes.Clone(calls[0].data), nil
}

func (l *local) Abort(why error) {
	l.all.mutex.Lock()
	defer l.all.mutex.Unlock()
	if l.all.aborted == nil {
		l.all.aborted = &AbortedError{l.rank, why}
		l.all.changed.Broadcast()
	}
}
