package cuda

// mostPieces bounds what is looked at for two lanes: dependences are found pair by pair.
const mostPieces = 2000

// worth is how much sooner, in microseconds, a piece must begin in the other lane than in that of the piece
// before it: lanes that wait for each other take time, too.
const worth = 5

// side gives pieces an order and lanes. What touches the same memory, in whatever buffer, keeps its order;
// beyond that, the piece goes next that can begin first, and of several the one that most must still follow.
// That depends on shapes alone.
func side(pieces []*piece) route {
	if len(pieces) > mostPieces {
		return alone(pieces)
	}
	before, after := order(pieces)
	left := make([]float64, len(pieces)) // how long a piece and all that waits for it take
	for i := len(pieces) - 1; i >= 0; i-- {
		for _, j := range after[i] {
			left[i] = max(left[i], left[j])
		}
		left[i] += pieces[i].cost
	}
	s := scheduler{pieces: pieces, before: before, ends: make([]float64, len(pieces)), place: make([]int, len(pieces))}
	waiting := make([]int, len(pieces))
	var ready []int
	for i := range pieces {
		if waiting[i] = len(before[i]); waiting[i] == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		at := 0
		for k := range ready {
			a, b := s.begin(ready[k]), s.begin(ready[at])
			if a < b-1 || a < b+1 && left[ready[k]] > left[ready[at]] {
				at = k
			}
		}
		i := ready[at]
		ready = append(ready[:at], ready[at+1:]...)
		s.take(i)
		for _, j := range after[i] {
			if waiting[j]--; waiting[j] == 0 {
				ready = append(ready, j)
			}
		}
	}
	return s.route()
}

// alone is the route of pieces in one lane.
func alone(pieces []*piece) route {
	for _, p := range pieces {
		p.second, p.waits, p.event = false, -1, -1
	}
	return route{pieces: pieces}
}

// order says which pieces must run before each, and which after it.
func order(pieces []*piece) (before, after [][]int) {
	before, after = make([][]int, len(pieces)), make([][]int, len(pieces))
	for j, p := range pieces {
		for i, q := range pieces[:j] {
			if p.chain == q || conflict(q.accesses, p.accesses) {
				before[j], after[i] = append(before[j], i), append(after[i], j)
			}
		}
	}
	return before, after
}

// A scheduler puts pieces into lanes.
type scheduler struct {
	pieces []*piece
	before [][]int

	order []int      // so far
	free  [2]float64 // when each lane is done
	ends  []float64  // when each piece is
	place []int      // where in order each piece is
}

// lane is the lane in which piece i begins, and when.
func (s *scheduler) lane(i int) (second bool, at float64) {
	given, last := 0., -1
	for _, j := range s.before[i] {
		if last < 0 || s.ends[j] >= given {
			given, last = s.ends[j], j
		}
	}
	one, two := max(given, s.free[0]), max(given, s.free[1])
	if last >= 0 && s.pieces[last].second {
		second = one >= two-worth
	} else {
		second = two < one-worth
	}
	if second {
		return true, two
	}
	return false, one
}

func (s *scheduler) begin(i int) float64 {
	_, at := s.lane(i)
	return at
}

func (s *scheduler) take(i int) {
	second, at := s.lane(i)
	s.pieces[i].second, s.ends[i] = second, at+s.pieces[i].cost
	s.place[i] = len(s.order)
	s.order = append(s.order, i)
	s.free[index(second)] = s.ends[i]
}

func index(second bool) int {
	if second {
		return 1
	}
	return 0
}

// route says where lanes wait: a piece for the last of those in the other lane that must come before it, unless
// its lane has waited as long.
func (s *scheduler) route() route {
	r := route{events: 1}
	waited := [2]int{-1, -1} // by lane: up to where in order it has waited for the other
	second := -1             // where in order the second lane ends
	for _, i := range s.order {
		p := s.pieces[i]
		p.waits, p.event = -1, -1
		if p.second {
			second = s.place[i]
		}
		last := -1
		for _, j := range s.before[i] {
			if s.pieces[j].second != p.second {
				last = max(last, s.place[j])
			}
		}
		if lane := index(p.second); last > waited[lane] {
			waited[lane] = last
			other := s.pieces[s.order[last]]
			if other.event < 0 {
				other.event = r.events
				r.events++
			}
			p.waits = other.event
		}
		r.pieces = append(r.pieces, p)
	}
	if second < 0 {
		return alone(r.pieces)
	}
	if waited[0] < second {
		r.ends = r.events
		r.events++
	}
	return r
}
