// Package sim is a GPU without hardware: a driver.GPU that keeps device memory in slices, interprets the PTX of
// its kernels and multiplies matrices with plain loops.
//
// It exists to find mistakes, and so it is stricter than a GPU. Device memory is NaN until it is written; every
// access must lie within one allocation that has not been released. Streams put work off until somebody waits
// for it, or until much has gathered; pinned memory that changes before an upload has read it, or that is
// written before a download has filled it, is an error, and a download shows nothing before it is waited for. A
// mistake found while work is done is a *driver.LostError, after which every call fails, as with a GPU.
//
// Nothing in this package may know what a tape is.
package sim

import (
	"fmt"
	"sync"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// Config is what a simulated GPU is like, and what goes wrong with it.
type Config struct {
	Memory     int64          // bytes of device memory; 0: 1 GiB
	Compute    driver.Version // compute capability; 0: 9.0
	FailAlloc  int            // the n-th allocation of device memory, from 1 on, finds none
	Network    *Network       // to other GPUs; nil: none
	FailLaunch int            // the GPU is lost in the n-th kernel, from 1 on
	NoCapture  bool           // what is captured makes no graph
	OneStream  bool           // what is captured of more than one stream makes none
	NoEarly    bool           // what is captured with early launches makes none
	Strict     bool           // the use of device memory that nobody has written is an error, not NaN
	// unless 0, graphs run in orders that are drawn from it, among those that their streams' waits for each other allow
	Shuffle uint64
	Races   bool // so is an access to global memory that races with another one of the same launch; slow
}

// Stats counts what a GPU was asked for.
type Stats struct {
	Streams       int   // that were made
	BLAS          int   // handles for products that were made
	Workspace     int64 // bytes of device memory that they have at present
	Modules       int   // that were compiled
	Launches      int   // of kernels by Stream.Launch, those of captures not included
	Captures      int   // graphs that were made
	GraphLaunches int   // graphs that were launched
	Kernels       int   // kernels that ran, of graphs too
	Early         int   // of these, that may begin before the one before has ended
	Products      int   // products that ran, of graphs too
	Sums          int   // of collectives that were begun
	Moves         int   // copies within the device and fillings that ran
	Uploaded      int64 // bytes
	Downloaded    int64 // bytes
	Allocated     int64 // bytes of device memory at present
	Pinned        int64 // bytes of pinned host memory at present
}

// GPU is a simulated GPU.
type GPU struct {
	config Config

	mu      sync.Mutex // guards all below, and the streams
	lost    error      // *driver.LostError
	stats   Stats
	allocs  int
	device  *sim.Memory
	pinned  pinned
	streams map[*stream]bool
}

var _ driver.GPU = (*GPU)(nil)

// New returns a GPU.
func New(c Config) *GPU {
	if c.Memory == 0 {
		c.Memory = 1 << 30
	}
	if c.Compute == (driver.Version{}) {
		c.Compute = driver.Version{Major: 9}
	}
	return &GPU{config: c, device: sim.NewMemory(c.Memory, c.Strict), pinned: pinned{}, streams: map[*stream]bool{}}
}

// Stats is what was counted so far, once all work that was given to the GPU is done.
func (g *GPU) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.streams {
		s.drain()
	}
	g.stats.Allocated, g.stats.Pinned = g.used(), g.pinned.used()
	return g.stats
}

// Waiting is how much work the streams hold that is not done.
func (g *GPU) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for s := range g.streams {
		n += len(s.queue)
	}
	return n
}

func (g *GPU) Info() driver.Info {
	return driver.Info{
		Name: "simulator", UUID: fmt.Sprintf("GPU-%p", g), Compute: g.config.Compute, Driver: driver.Version{Major: 12, Minor: 4},
		BLAS:            driver.Version{Major: 12, Minor: 4},
		Multiprocessors: 2, SharedPerBlock: 48 << 10, MaxThreads: 1024, Memory: g.config.Memory,
	}
}

func (g *GPU) Free() (int64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.device.Free(), g.lost
}

func (g *GPU) Alloc(bytes int64) (driver.Ptr, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.alloc(bytes, g.device.Alloc)
}

// alloc takes device memory, by Alloc or Reserve.
func (g *GPU) alloc(bytes int64, take func(bytes int64) (uint64, error)) (driver.Ptr, error) {
	if g.lost != nil {
		return 0, g.lost
	}
	if bytes <= 0 {
		return 0, errors.Errorf("sim: an allocation of %d bytes", bytes)
	}
	g.allocs++
	if free := g.device.Free(); bytes > free || g.allocs == g.config.FailAlloc {
		return 0, &driver.MemoryError{Asked: bytes, Free: free}
	}
	p, err := take(bytes)
	return driver.Ptr(p), err
}

// used is the number of bytes of device memory that somebody has.
func (g *GPU) used() int64 { return g.config.Memory - g.device.Free() }

func (g *GPU) Release(p driver.Ptr) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.device.Release(uint64(p))
}

func (g *GPU) AllocHost(bytes int) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lost != nil {
		return nil, g.lost
	}
	if bytes <= 0 {
		return nil, errors.Errorf("sim: an allocation of %d pinned bytes", bytes)
	}
	return g.pinned.alloc(bytes), nil
}

func (g *GPU) ReleaseHost(b []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pinned.release(b)
}

func (g *GPU) NewEvent() (driver.Event, error) { return &event{gpu: g}, nil }

func (g *GPU) NewStream() (driver.Stream, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &stream{gpu: g}
	g.streams[s] = true
	g.stats.Streams++
	return s, g.lost
}

// Close says what was never given back.
func (g *GPU) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.lost != nil:
		return nil
	case len(g.streams) > 0:
		return errors.Errorf("sim: %d streams were not closed", len(g.streams))
	case g.used() > 0:
		return errors.Errorf("sim: %d bytes of device memory were not released", g.used())
	case g.pinned.used() > 0:
		return errors.Errorf("sim: %d bytes of pinned memory were not released", g.pinned.used())
	}
	return nil
}

// lose makes the GPU unusable.
func (g *GPU) lose(op string, err error) error {
	if g.lost == nil {
		g.lost = &driver.LostError{Op: op, Err: err}
	}
	return g.lost
}

// recovered turns a panic into an error: the simulator must not take the program down with it.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the simulator failed: %v", r)
	}
}
