package sim

import (
	"bytes"
	"slices"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
)

// stream is a queue whose work is done when somebody waits for it.
type stream struct {
	gpu       *GPU
	queue     []work
	enqueued  int    // pieces of work so far
	done      int    // of them
	capturing *graph // nil if it does not
	frontier  []int  // pieces of work of this graph that what comes next must follow
	last      *run   // the kernel that was put in last; nil: that was something else, or has ended
	closed    bool
}

// work is a piece of work in a queue.
type work struct {
	name string
	do   func() error
}

// An order makes the work of one call. It is called when the work enters a queue, which for a graph is at each launch.
type order func() work

// backlog is how much work a queue gathers before it begins with it.
const backlog = 1 << 14

// put adds work to the queue, or to the graph that is being captured.
func (s *stream) put(o order) error {
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	return s.add(o)
}

func (s *stream) add(o order) error {
	if err := s.usable(); err != nil {
		return err
	}
	if s.capturing != nil {
		s.capture(o)
		return nil
	}
	return s.enqueue(o)
}

func (s *stream) usable() error {
	if s.closed {
		return errors.New("sim: the stream is closed")
	}
	return s.gpu.lost
}

func (s *stream) enqueue(o order) error {
	s.last = nil
	s.queue = append(s.queue, o())
	s.enqueued++
	if len(s.queue) > backlog {
		return s.drain()
	}
	return nil
}

// drain does all that is queued.
func (s *stream) drain() error { return s.reach(s.enqueued) }

// reach does queued work until n pieces of it are done.
func (s *stream) reach(n int) error {
	for s.done < n && s.gpu.lost == nil {
		w := s.queue[0]
		s.queue = s.queue[1:]
		s.done++
		if err := w.guarded(); err != nil {
			return s.gpu.lose(w.name, err)
		}
	}
	return s.gpu.lost
}

func (w work) guarded() (err error) {
	defer recovered(&err)
	return w.do()
}

func (s *stream) Upload(to driver.Ptr, from []byte) error {
	if err := s.mustBePinned("upload", from); err != nil {
		return err
	}
	return s.put(func() work {
		before := bytes.Clone(from)
		return work{"upload", func() error {
			if !s.gpu.pinned.holds(from) {
				return errors.New("the pinned memory was released before the stream reached the upload")
			}
			if !bytes.Equal(from, before) {
				return errors.Errorf("the %d bytes of pinned memory changed before the stream reached their upload", len(from))
			}
			s.gpu.stats.Uploaded += int64(len(from))
			return s.gpu.device.Write(uint64(to), from)
		}}
	})
}

func (s *stream) Download(to []byte, from driver.Ptr) error {
	if err := s.mustBePinned("download", to); err != nil {
		return err
	}
	return s.put(func() work {
		nothing := bytes.Repeat([]byte{untouched}, len(to))
		copy(to, nothing)
		return work{"download", func() error {
			if !s.gpu.pinned.holds(to) {
				return errors.New("the pinned memory was released before the stream reached the download")
			}
			if !bytes.Equal(to, nothing) {
				return errors.Errorf("the %d bytes of pinned memory were written before the stream reached the download into them",
					len(to))
			}
			s.gpu.stats.Downloaded += int64(len(to))
			return s.gpu.device.Read(to, uint64(from))
		}}
	})
}

func (s *stream) mustBePinned(op string, b []byte) error {
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	if !s.gpu.pinned.holds(b) {
		return errors.Errorf("sim: %s: the %d bytes of host memory are not pinned", op, len(b))
	}
	return nil
}

func (s *stream) Copy(to, from driver.Ptr, n int64) error {
	return s.put(func() work {
		return work{"copy", func() error {
			if to < from+driver.Ptr(n) && from < to+driver.Ptr(n) && to != from {
				return errors.Errorf("a copy of %d bytes from %#x to %#x overlaps itself", n, uint64(from), uint64(to))
			}
			s.gpu.stats.Moves++
			return s.gpu.device.Copy(uint64(to), uint64(from), n)
		}}
	})
}

func (s *stream) Clear(to driver.Ptr, n int64) error {
	return s.put(func() work {
		return work{"clear", func() error {
			s.gpu.stats.Moves++
			return s.gpu.device.Clear(uint64(to), n)
		}}
	})
}

func (s *stream) Record(e driver.Event) error {
	ev := e.(*event)
	g := s.gpu
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if *ev = (event{gpu: g}); s.capturing != nil {
		ev.captured, ev.frontier = s.capturing, slices.Clone(s.frontier)
		return nil
	}
	ev.stream, ev.at = s, s.enqueued+1
	return s.enqueue(func() work {
		return work{"record", func() error {
			ev.time = time.Now()
			return nil
		}}
	})
}

// Wait for an event of a capture takes the stream into it.
func (s *stream) Wait(e driver.Event) error {
	ev := e.(*event)
	g := s.gpu
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if s.capturing != nil || ev.captured != nil {
		return s.join(ev)
	}
	other, at := ev.stream, ev.at
	return s.enqueue(func() work {
		return work{"wait", func() error {
			if other == nil || other == s {
				return nil
			}
			return other.reach(at)
		}}
	})
}

func (s *stream) Sync() error { return s.outsideOfCapture("synchronise", s.drain) }

// outsideOfCapture calls f with the GPU locked, or refuses what a captured stream cannot do.
func (s *stream) outsideOfCapture(what string, f func() error) error {
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if s.capturing != nil {
		return s.capturing.refuse(errors.Errorf("sim: a stream that is being captured cannot %s", what))
	}
	return f()
}

func (s *stream) Close() error {
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	if s.closed {
		return errors.New("sim: the stream was closed before")
	}
	err := s.drain()
	s.closed = true
	delete(s.gpu.streams, s)
	return err
}

// event is a point in a queue: it is reached when the first at pieces of a stream's work are done.
type event struct {
	gpu    *GPU
	stream *stream // nil: never recorded
	at     int
	time   time.Time

	captured *graph // nil: recorded outside of captures
	frontier []int  // of its stream, then
}

func (e *event) Sync() error {
	e.gpu.mu.Lock()
	defer e.gpu.mu.Unlock()
	switch {
	case e.captured != nil:
		return errors.New("sim: nobody can wait on the host for an event of a capture")
	case e.stream == nil:
		return e.gpu.lost
	}
	return e.stream.reach(e.at)
}

func (e *event) Since(earlier driver.Event) (float64, error) {
	e.gpu.mu.Lock()
	defer e.gpu.mu.Unlock()
	from := earlier.(*event)
	for _, x := range []*event{from, e} {
		if x.stream == nil || x.stream.done < x.at {
			return 0, errors.New("sim: the time between events that are not both reached")
		}
	}
	return e.time.Sub(from.time).Seconds(), nil
}

func (e *event) Close() error { return nil }
