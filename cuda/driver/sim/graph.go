package sim

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
)

// graph is captured work.
type graph struct {
	gpu    *GPU
	orders []order
	closed bool
}

func (s *stream) Capture(f func() error) (driver.Graph, error) {
	g := &graph{gpu: s.gpu}
	err := s.outsideOfCapture("be captured again", func() error {
		s.capturing, s.misuse = g, nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer func() { // even if f panics
		s.gpu.mu.Lock()
		defer s.gpu.mu.Unlock()
		s.capturing = nil
	}()
	err = f()
	s.gpu.mu.Lock()
	defer s.gpu.mu.Unlock()
	if err == nil {
		err = s.misuse
	}
	if err == nil && s.gpu.config.NoCapture {
		err = errors.New("the capture makes no graph")
	}
	if err != nil {
		return nil, err
	}
	s.gpu.stats.Captures++
	return g, nil
}

func (g *graph) Launch(to driver.Stream) error {
	s := to.(*stream)
	return s.outsideOfCapture("launch a graph", func() error {
		if g.closed {
			return errors.New("sim: launch of a graph that was closed")
		}
		g.gpu.stats.GraphLaunches++
		for _, o := range g.orders {
			if err := s.enqueue(o); err != nil {
				return err
			}
		}
		return nil
	})
}

func (g *graph) Close() error {
	g.closed = true
	return nil
}
