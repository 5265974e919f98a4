package sim

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// module is a compiled text. It implements driver.Module.
type module struct {
	gpu *GPU
	*sim.Module
	unloaded bool
}

// function is a kernel. It implements driver.Function.
type function struct {
	*sim.Function
	module *module
}

// Load compiles PTX. What the simulator does not know is a *driver.CompileError.
func (g *GPU) Load(ptx string) (driver.Module, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lost != nil {
		return nil, g.lost
	}
	m, err := sim.Compile(ptx)
	if err != nil {
		return nil, &driver.CompileError{Log: err.Error()}
	}
	if c := g.config.Compute; m.Target() > 10*c.Major+c.Minor {
		return nil, &driver.CompileError{Log: fmt.Sprintf("the text is for sm_%d, and this GPU is sm_%d%d", m.Target(),
			c.Major, c.Minor)}
	}
	g.stats.Modules++
	return &module{gpu: g, Module: m}, nil
}

func (m *module) Function(name string) (driver.Function, error) {
	f, err := m.Module.Function(name)
	if err != nil {
		return nil, err
	}
	return &function{f, m}, nil
}

func (m *module) Unload() error {
	m.unloaded = true
	return nil
}

// Resources are made up but for the shared memory: nothing here is short of registers.
func (f *function) Resources() (driver.Resources, error) {
	return driver.Resources{Registers: 1, Shared: f.Shared()}, nil
}

// run is a kernel in a stream or a graph.
type run struct {
	last *sim.Launch // nil: it did not run yet
}

func (s *stream) Launch(f driver.Function, grid, block driver.Dim, shared int, early bool, args []uint64) error {
	fn := f.(*function)
	values := slices.Clone(args)
	g := s.gpu
	prepare := func() *sim.Launch {
		return &sim.Launch{
			Grid: sim.Dim(grid), Block: sim.Dim(block), Shared: shared, Args: values, Memory: g.device, Races: g.config.Races,
			Early: early,
		}
	}
	if err := fn.Check(prepare()); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	before, now := s.last, &run{}
	if early {
		if err := s.beginsEarly(before); err != nil {
			return err
		}
	}
	if s.capturing == nil {
		g.stats.Launches++
	}
	err := s.add(func() work {
		return work{"kernel " + fn.Name(), func() error {
			if fn.module.unloaded {
				return errors.New("the kernel's module was unloaded before the stream reached it")
			}
			g.stats.Kernels++
			if g.stats.Kernels == g.config.FailLaunch {
				return errors.New("an injected fault: an illegal address was accessed")
			}
			now.last = prepare()
			if early {
				g.stats.Early++
				now.last.After = before.last
			}
			_, err := fn.Function.Launch(now.last)
			return err
		}}
	})
	s.last = now
	return err
}

// beginsEarly is an error where a kernel may not begin before the work before it has ended.
func (s *stream) beginsEarly(before *run) error {
	switch {
	case !s.gpu.Info().Early():
		return errors.New("sim: on this GPU no kernel begins before the one before has ended")
	case before == nil:
		return errors.New("sim: an early launch after what is no kernel of the same stream, or waits for another stream")
	case s.capturing != nil && s.gpu.config.NoEarly:
		return s.capturing.refuse(errors.New("sim: the capture takes no early launch"))
	}
	return nil
}
