package graph

import (
	"fmt"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/opt"
	"github.com/unroll-ml/unroll/graph/internal/plan"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
)

// MemoryError says that a program cannot be made to take as little memory as Config.Memory says.
type MemoryError struct {
	Allowed int64 // bytes
	Least   int64 // bytes that it takes at least
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("the program takes %d bytes of memory at least, and may take %d: allow more, or make it "+
		"smaller", e.Least, e.Allowed)
}

// planned is a program with places in memory.
type planned struct {
	tape      *tape.Tape
	device    tape.Device
	recompute int
}

// checkMemory says what is wrong with the settings that are about memory.
func (c Config) checkMemory() error {
	switch {
	case c.Recompute < 0:
		return setting.AtLeast("Recompute", c.Recompute, 0)
	case c.Memory < 0:
		return setting.AtLeast("Memory", c.Memory, 0)
	case c.Plain && (c.Recompute > 0 || c.Memory > 0):
		return setting.Set("Plain", false, "false where Recompute or Memory is set")
	}
	return nil
}

// plan gives everything its place. It computes again what Recompute says; or else nothing, if that fits into Memory,
// or as much as fits.
func (c Config) plan(f *ir.Func, float ir.Dtype, names plan.Config) (*planned, error) {
	if c.Plain {
		return placed(f, float, names, planned{device: c.Device})
	}
	ks := []int{c.Recompute}
	if c.Memory > 0 && c.Recompute == 0 {
		ks = append(ks, opt.Segments(f)...)
	}
	least := &MemoryError{Allowed: c.Memory}
	for _, k := range ks {
		p, err := c.planned(f, float, names, k, 0)
		if err != nil || c.Memory == 0 {
			return p, err
		}
		bytes, err := p.bytes()
		if err == nil && bytes <= c.Memory && k > 0 && c.Recompute == 0 {
			return c.filled(f, float, names, p)
		}
		if err != nil || bytes <= c.Memory {
			return p, err
		}
		if least.Least == 0 || bytes < least.Least {
			least.Least = bytes
		}
	}
	return nil, errors.WithStack(least)
}

// filled is p with as few segments computed again as fit into Memory: what is left of it is used.
func (c Config) filled(f *ir.Func, float ir.Dtype, names plan.Config, p *planned) (*planned, error) {
	fits, most := 0, opt.MostSteps(f)/p.recompute
	for fits+1 < most {
		spare := (fits + most) / 2
		q, err := c.planned(f, float, names, p.recompute, spare)
		if err != nil {
			return nil, err
		}
		switch bytes, err := q.bytes(); {
		case err != nil:
			return nil, err
		case bytes <= c.Memory:
			p, fits = q, spare
		default:
			most = spare
		}
	}
	return p, nil
}

func (c Config) planned(f *ir.Func, float ir.Dtype, names plan.Config, k, spare int) (*planned, error) {
	g, err := opt.Recompute(f, k, spare)
	if err != nil {
		return nil, err
	}
	return placed(g, float, names, planned{device: c.Device, recompute: k})
}

func placed(f *ir.Func, float ir.Dtype, names plan.Config, p planned) (_ *planned, err error) {
	p.tape, err = plan.Tape(f, float, names)
	return &p, err
}

func (p *planned) bytes() (int64, error) {
	if m, ok := p.device.(tape.Measurer); ok {
		return m.Measure(p.tape)
	}
	return p.tape.Arena, nil
}

// Bytes is how much memory of its device the program takes.
func (p *Program) Bytes() (int64, error) { return p.planned.bytes() }

// Recompute is K: the states of loops are kept at every K-th step; 0: nothing is computed again.
func (p *Program) Recompute() int { return p.planned.recompute }
