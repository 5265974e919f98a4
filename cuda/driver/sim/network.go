package sim

import (
	"sync"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
)

// Network joins simulated GPUs (Config.Network), each of a goroutine of its own, so that they can add up numbers: in the
// order of ranks, when a stream reaches it.
type Network struct {
	mutex   sync.Mutex
	changed *sync.Cond
	broken  error
	worlds  []*ranks // by number, which is their id
}

// ranks are the GPUs that have joined under one id.
type ranks struct {
	joined map[int]*GPU
	now    *sum
}

// sum is a sum that all ranks come to, one after the other.
type sum struct {
	terms [][]float32 // by rank; nil: not there yet
	here  int
	total []float32 // nil: some are not there yet
}

// NewNetwork is a network that has no GPUs yet.
func NewNetwork() *Network {
	n := &Network{}
	n.changed = sync.NewCond(&n.mutex)
	return n
}

// Break ends all sums, those that are waited for and those to come, with an error.
func (n *Network) Break(err error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.broken = err
	n.changed.Broadcast()
}

// Collectives implements driver.GPU.
func (g *GPU) Collectives() (driver.Version, error) {
	if g.config.Network == nil {
		return driver.Version{}, &driver.NoCollectivesError{Reason: "the simulated GPU has no network"}
	}
	return driver.OldestNCCL, nil
}

// NewCollective implements driver.GPU.
func (g *GPU) NewCollective() ([]byte, error) {
	if _, err := g.Collectives(); err != nil {
		return nil, err
	}
	n := g.config.Network
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.worlds = append(n.worlds, &ranks{joined: map[int]*GPU{}})
	return []byte{byte(len(n.worlds) - 1)}, nil
}

// Join implements driver.GPU.
func (g *GPU) Join(id []byte, rank, size int) (driver.Collective, error) {
	if _, err := g.Collectives(); err != nil {
		return nil, err
	}
	n := g.config.Network
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.broken != nil {
		return nil, n.broken
	}
	if len(id) != 1 || int(id[0]) >= len(n.worlds) || rank < 0 || rank >= size {
		return nil, errors.Errorf("sim: rank %d of %d joins under %v", rank, size, id)
	}
	w := n.worlds[id[0]]
	for other, is := range w.joined {
		if other == rank || is == g {
			return nil, errors.Errorf("sim: rank %d joins as rank %d has: the same rank, or the same GPU", rank, other)
		}
	}
	w.joined[rank], w.now = g, &sum{terms: make([][]float32, size)}
	n.changed.Broadcast()
	for len(w.joined) < size && n.broken == nil {
		n.changed.Wait()
	}
	if len(w.joined) < size {
		return nil, n.broken
	}
	return &collective{gpu: g, all: w, rank: rank}, nil
}

// collective is a rank.
type collective struct {
	gpu    *GPU
	all    *ranks
	rank   int
	closed bool
}

func (c *collective) Sum(to driver.Stream, out, in driver.Ptr, n int) error {
	s := to.(*stream)
	if s.gpu != c.gpu {
		return errors.New("sim: a sum in the stream of another GPU")
	}
	if c.closed {
		return errors.New("sim: a sum of a collective that was closed")
	}
	return s.outsideOfCapture("make sums with other GPUs", func() error {
		return s.enqueue(func() work {
			return work{"sum", func() error { return c.sum(out, in, n) }}
		})
	})
}

// sum makes a sum, once its GPU has come to it.
func (c *collective) sum(out, in driver.Ptr, n int) error {
	c.gpu.stats.Sums++
	memory := make([]byte, 4*n)
	if err := c.gpu.device.Read(memory, uint64(in)); err != nil {
		return err
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = *at[float32](memory, i)
	}
	total, err := c.gpu.config.Network.add(c.all, c.rank, x)
	if err != nil {
		return err
	}
	for i, v := range total {
		*at[float32](memory, i) = v
	}
	return c.gpu.device.Write(uint64(out), memory)
}

// add waits for the numbers of all ranks, and gives their sum.
func (n *Network) add(w *ranks, rank int, x []float32) ([]float32, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	now := w.now
	now.terms[rank] = x
	if now.here++; now.here == len(now.terms) {
		if err := now.conclude(); err != nil {
			n.broken = err
		}
		w.now = &sum{terms: make([][]float32, len(now.terms))}
		n.changed.Broadcast()
	}
	for now.total == nil && n.broken == nil {
		n.changed.Wait()
	}
	return now.total, n.broken
}

// conclude adds up the numbers of all ranks.
func (s *sum) conclude() error {
	total := make([]float32, len(s.terms[0]))
	for rank, x := range s.terms {
		if len(x) != len(total) {
			return errors.Errorf("rank 0 sums %d numbers and rank %d sums %d", len(total), rank, len(x))
		}
		for i, v := range x {
			total[i] += v
		}
	}
	s.total = total
	return nil
}

func (c *collective) Failed() error {
	n := c.gpu.config.Network
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return n.broken
}

func (c *collective) Close() error {
	if c.closed {
		return errors.New("sim: the collective was closed before")
	}
	c.closed = true
	return nil
}
