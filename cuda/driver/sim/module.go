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

func (s *stream) Launch(f driver.Function, grid, block driver.Dim, shared int, args []uint64) error {
	fn := f.(*function)
	values := slices.Clone(args)
	g := s.gpu
	prepare := func() *sim.Launch {
		return &sim.Launch{
			Grid: sim.Dim(grid), Block: sim.Dim(block), Shared: shared, Args: values, Memory: g.device, Races: g.config.Races,
		}
	}
	if err := fn.Check(prepare()); err != nil {
		return err
	}
	if s.capturing == nil {
		g.mu.Lock()
		g.stats.Launches++
		g.mu.Unlock()
	}
	return s.put(func() work {
		return work{"kernel " + fn.Name(), func() error {
			if fn.module.unloaded {
				return errors.New("the kernel's module was unloaded before the stream reached it")
			}
			g.stats.Kernels++
			if g.stats.Kernels == g.config.FailLaunch {
				return errors.New("an injected fault: an illegal address was accessed")
			}
			_, err := fn.Function.Launch(prepare())
			return err
		}}
	})
}
