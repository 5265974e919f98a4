package sim

import (
	"math/rand/v2"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
)

// graph is captured work, of the stream that captures and of those that waited for it meanwhile.
type graph struct {
	gpu    *GPU
	nodes  []node
	joined []*stream // that are captured, the first of them by Capture
	misuse error     // the first mistake of the capture
	rng    *rand.Rand
	closed bool
}

// node is a piece of captured work.
type node struct {
	order  order
	stream int   // in joined
	after  []int // nodes that must be done before
}

func (s *stream) Capture(f func() error) (driver.Graph, error) {
	g := &graph{gpu: s.gpu, rng: rand.New(rand.NewPCG(s.gpu.config.Shuffle, 0))}
	err := s.outsideOfCapture("be captured again", func() error {
		g.add(s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer func() { // even if f panics
		s.gpu.mu.Lock()
		defer s.gpu.mu.Unlock()
		for _, s := range g.joined {
			s.capturing, s.frontier, s.last = nil, nil, nil
		}
	}()
	err = f()
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	if err == nil {
		err = g.end()
	}
	if err != nil {
		return nil, err
	}
	s.gpu.stats.Captures++
	return g, nil
}

// end is what is wrong with what was captured.
func (g *graph) end() error {
	switch {
	case g.misuse != nil:
		return g.misuse
	case g.gpu.config.NoCapture, g.gpu.config.OneStream && len(g.joined) > 1:
		return errors.New("the capture makes no graph")
	}
	before := make([]bool, len(g.nodes)) // what the stream that captures has waited for
	for todo := slices.Clone(g.joined[0].frontier); len(todo) > 0; todo = todo[1:] {
		if n := todo[0]; !before[n] {
			before[n] = true
			todo = append(todo, g.nodes[n].after...)
		}
	}
	if slices.Contains(before, false) {
		return errors.New("sim: the capture ends before it has waited for another stream that takes part")
	}
	return nil
}

// add takes a stream into the capture.
func (g *graph) add(s *stream) {
	s.capturing, s.frontier, s.last = g, nil, nil
	g.joined = append(g.joined, s)
}

// refuse keeps the first mistake of a capture, which makes no graph then.
func (g *graph) refuse(err error) error {
	if g.misuse == nil {
		g.misuse = err
	}
	return err
}

// capture adds work to the graph, after all that the stream has come to.
func (s *stream) capture(o order) {
	g := s.capturing
	g.nodes = append(g.nodes, node{o, slices.Index(g.joined, s), s.frontier})
	s.frontier, s.last = []int{len(g.nodes) - 1}, nil
}

// join makes what comes next in the stream follow an event of a capture.
func (s *stream) join(e *event) error {
	switch {
	case s.capturing == nil && (len(e.captured.joined) == 0 || e.captured.joined[0].capturing != e.captured):
		return errors.New("sim: wait for an event of a capture that has ended")
	case s.capturing == nil:
		e.captured.add(s)
	case e.captured != s.capturing:
		return s.capturing.refuse(
			errors.New("sim: a stream that is being captured waits for an event from outside of the capture"),
		)
	}
	s.last = nil
	for _, n := range e.frontier {
		if !slices.Contains(s.frontier, n) {
			s.frontier = append(slices.Clone(s.frontier), n)
		}
	}
	return nil
}

func (g *graph) Launch(to driver.Stream) error {
	s := to.(*stream)
	return s.outsideOfCapture("launch a graph", func() error {
		if g.closed {
			return errors.New("sim: launch of a graph that was closed")
		}
		g.gpu.stats.GraphLaunches++
		for _, n := range g.line() {
			if err := s.enqueue(g.nodes[n].order); err != nil {
				return err
			}
		}
		return nil
	})
}

// line is an order in which the nodes may run: that of the capture or, with Config.Shuffle, one that is drawn
// for each launch, in which now this stream is ahead, now that one, by little or by much.
func (g *graph) line() []int {
	var line []int
	if g.gpu.config.Shuffle == 0 {
		for n := range g.nodes {
			line = append(line, n)
		}
		return line
	}
	waits, then := make([]int, len(g.nodes)), make([][]int, len(g.nodes))
	ready := make([][]int, len(g.joined)) // by stream
	for n, node := range g.nodes {
		if waits[n] = len(node.after); waits[n] == 0 {
			ready[node.stream] = append(ready[node.stream], n)
		}
		for _, m := range node.after {
			then[m] = append(then[m], n)
		}
	}
	haste := make([]float64, len(g.joined))
	for i := range haste {
		haste[i] = []float64{1e-6, 1, 1e6}[g.rng.IntN(3)]
	}
	for len(line) < len(g.nodes) {
		best, at := -1., 0
		for i := range ready {
			if x := haste[i] * g.rng.Float64(); len(ready[i]) > 0 && x > best {
				best, at = x, i
			}
		}
		n := ready[at][0]
		ready[at] = ready[at][1:]
		line = append(line, n)
		for _, m := range then[n] {
			if waits[m]--; waits[m] == 0 {
				ready[g.nodes[m].stream] = append(ready[g.nodes[m].stream], m)
			}
		}
	}
	return line
}

func (g *graph) Close() error {
	g.closed = true
	return nil
}
