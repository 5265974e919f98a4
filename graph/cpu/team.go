package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
)

const (
	// A worker without work looks for it this long before it sleeps: long enough to bridge the short steps
	// between two jobs, so that the next job starts within a fraction of a microsecond instead of the several
	// that waking a thread takes.
	spinInLoop = 200 * time.Microsecond
	spin       = 50 * time.Microsecond

	// patience is how long the caller of a job spins for parts that others hold before it sleeps. It passes
	// only if a worker has lost its core to another process; that core's run queue may then be emptied by ours.
	patience = 100 * time.Microsecond

	// looksPerYield is how often a spinning goroutine looks for a change before it lets others run: with more
	// threads than cores the one that it waits for may be among them.
	looksPerYield = 64

	maxParts = 1<<16 - 1
)

// A team computes jobs of independent parts on several goroutines. Member 0 is the goroutine that calls do.
//
// The parts of a job are dealt out in contiguous spans, one for each member, so that a job that is repeated
// finds its data in the same core's cache. A member that is done with its span takes parts from the others':
// nobody ever waits for a member that has not started, and a job ends even if no worker gets a core.
type team struct {
	spans   []span
	workers []worker // of members 1, 2, ...
	job     atomic.Uint32
	left    atomic.Int64           // parts of the job that are not done
	part    func(member, part int) // of the job; read only by a member that holds a part, which keeps the job from ending
	inLoop  atomic.Bool
	stopped atomic.Bool
	running sync.WaitGroup
}

// A span is the parts that are dealt to one member: job<<32 | next<<16 | end. The job's number keeps a member
// that was late for a job from taking parts of the one after it unknowingly.
type span struct {
	state atomic.Uint64
	_     [56]byte // a cache line for each
}

type worker struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      [48]byte
}

func newTeam(members int) *team {
	t := &team{spans: make([]span, members), workers: make([]worker, members-1)}
	for i := range t.workers {
		t.workers[i].wake = make(chan struct{}, 1)
		t.running.Go(func() { t.serve(i + 1) })
	}
	return t
}

// stop ends the workers and waits for them.
func (t *team) stop() {
	t.stopped.Store(true)
	t.announce()
	t.running.Wait()
}

// do calls part(member, i) for i in [0, parts), each once, and returns when all are done. parts is at most maxParts.
func (t *team) do(parts int, part func(member, part int)) {
	if len(t.spans) == 1 || parts <= 1 {
		for i := range parts {
			part(0, i)
		}
		return
	}
	t.part = part
	t.left.Store(int64(parts))
	job, n := t.job.Load()+1, len(t.spans)
	for i := range t.spans {
		t.spans[i].state.Store(uint64(job)<<32 | uint64(i*parts/n)<<16 | uint64((i+1)*parts/n))
	}
	t.announce()
	t.work(0, job)
	start := time.Now()
	for i := 1; t.left.Load() != 0; i++ {
		kernel.Pause()
		if i%looksPerYield != 0 {
			continue
		}
		if time.Since(start) < patience {
			runtime.Gosched()
		} else {
			time.Sleep(patience)
		}
	}
}

// announce publishes a job, or the end.
func (t *team) announce() {
	t.job.Add(1)
	for i := range t.workers {
		if w := &t.workers[i]; w.asleep.Load() && w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

// work computes parts of the job until none is left to take.
func (t *team) work(me int, job uint32) {
	done := int64(0)
	for i := range t.spans {
		s := &t.spans[(me+i)%len(t.spans)]
		for {
			v := s.state.Load()
			next, end := uint16(v>>16), uint16(v)
			if uint32(v>>32) != job || next == end {
				break
			}
			if s.state.CompareAndSwap(v, v+1<<16) {
				t.part(me, int(next))
				done++
			}
		}
	}
	if done > 0 {
		t.left.Add(-done)
	}
}

// serve is a worker's life.
func (t *team) serve(me int) {
	seen := uint32(0)
	for {
		seen = t.await(me, seen)
		if t.stopped.Load() {
			return
		}
		t.work(me, seen)
	}
}

// await returns the number of a job that is not the one seen.
func (t *team) await(me int, seen uint32) uint32 {
	w := &t.workers[me-1]
	for {
		start := time.Now()
		for i := 1; ; i++ {
			if job := t.job.Load(); job != seen {
				return job
			}
			kernel.Pause()
			if i%looksPerYield != 0 {
				continue
			}
			limit := spin
			if t.inLoop.Load() {
				limit = spinInLoop
			}
			if time.Since(start) > limit {
				break
			}
			runtime.Gosched()
		}
		w.asleep.Store(true)
		if t.job.Load() != seen && w.asleep.CompareAndSwap(true, false) {
			continue // announced between the last look and falling asleep
		}
		<-w.wake
	}
}
