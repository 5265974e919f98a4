package cuda

import "github.com/unroll-ml/unroll/cuda/driver"

// piece is some of a run's work that stays together in one lane, one thing after the other.
type piece struct {
	work     []work
	accesses []access
	chain    *piece // that comes before it, whatever it touches; nil: none
	cost     float64

	second bool // whether it runs in the second lane
	waits  int  // the event of the other lane that it waits for; -1: none
	event  int  // that is recorded behind it; -1: none
}

// A route is pieces in an order in which they can run one after the other, and which of them can run side by side.
type route struct {
	pieces []*piece
	events int // 0: all of them run in the first lane
	ends   int // the event at the end of the second lane; 0: the first has waited for all of it
}

// begins is the event at which the second lane begins.
const begins = 0

// put puts all pieces into the first lane.
func (r *route) put(m *machine) error {
	m.now = &m.queue.lane
	m.now.open = false
	for _, p := range r.pieces {
		if err := putAll(m, p.work); err != nil {
			return err
		}
	}
	return nil
}

// putBoth puts the pieces into both lanes, within a capture: there the lanes only say what depends on what.
func (r *route) putBoth(m *machine) error {
	one, two := m.base, m.base
	two[scratch] = two[second]
	defer func() { m.base, m.now = one, &m.queue.lane }()
	if err := m.stream.Record(m.events[begins]); err != nil {
		return err
	}
	if err := m.second.stream.Wait(m.events[begins]); err != nil {
		return err
	}
	m.queue.lane.open, m.queue.second.open = false, false
	for _, p := range r.pieces {
		m.base, m.now = one, &m.queue.lane
		if p.second {
			m.base, m.now = two, &m.queue.second
		}
		if p.waits >= 0 {
			m.now.open = false
			if err := m.now.stream.Wait(m.events[p.waits]); err != nil {
				return err
			}
		}
		if err := putAll(m, p.work); err != nil {
			return err
		}
		if p.event >= 0 {
			if err := m.now.stream.Record(m.events[p.event]); err != nil {
				return err
			}
		}
	}
	if r.ends == 0 {
		return nil
	}
	if err := m.second.stream.Record(m.events[r.ends]); err != nil {
		return err
	}
	return m.stream.Wait(m.events[r.ends])
}

// A segment is a stretch of a run that is captured as a whole, or never.
type segment struct {
	route
	plain bool         // is never captured
	graph driver.Graph // nil: it was not captured yet
}

// segments are those of pieces: each piece that cannot be captured is one, and all between two such are one.
func segments(pieces []*piece) (all []*segment) {
	var between []*piece
	end := func() {
		if len(between) > 0 {
			all = append(all, &segment{route: side(between)})
		}
		between = nil
	}
	for _, p := range pieces {
		if !plain(p.work) {
			between = append(between, p)
			continue
		}
		end()
		all = append(all, &segment{route: alone([]*piece{p}), plain: true})
	}
	end()
	return all
}

// plain reports whether a host function or another rank takes part in work.
func plain(ws []work) bool {
	for _, w := range ws {
		switch w := w.(type) {
		case *host, *allReduce:
			return true
		case *loop:
			if plain(w.body) {
				return true
			}
		}
	}
	return false
}

// events is at how many events the lanes of a capture wait for each other, at most.
func events(all []*segment) int {
	n := 0
	for _, s := range all {
		if !s.plain {
			n = max(n, s.events)
		}
	}
	return n
}

// calls is how many calls of the driver a run makes.
func (r *route) calls() int {
	n := 0
	for _, p := range r.pieces {
		n += calls(p.work)
	}
	return n
}

// duration is about how long work takes, in microseconds, by shape alone. It decides nothing but which of
// several right orders is taken.
func duration(ws []work) float64 {
	sum := 0.
	for _, w := range ws {
		switch w := w.(type) {
		case *loop:
			sum += float64(w.trip) * duration(w.body)
		case *product:
			x := w.matrices
			sum += 5 + 2*float64(x.Batch)*float64(x.M)*float64(x.N)*float64(x.K)/200e6
		case *launch:
			sum += 1.5 + w.reads + float64(w.grid.X*w.grid.Y*w.block.X)/100e3
		case *move:
			sum += 1.5 + float64(w.bytes)/1e6
		case *zero:
			sum += 1.5 + float64(w.bytes)/2e6
		}
	}
	return sum
}
