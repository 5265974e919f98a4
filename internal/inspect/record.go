// Package inspect looks at the programs of a training step: what instructions they have, what these cost, and how long
// they take, as tables and pictures.
//
// But for Step it knows tapes alone, and nothing of models: the names that it shows are those of the slots.
package inspect

import (
	"cmp"
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Recorder is a device that keeps the tapes of another and counts how often each runs.
type Recorder struct {
	device
	to    *[]*Program
	nodes *[]Item // of the graph that was compiled last
}

// device is what the recorded device must be: the CPU is.
type device interface {
	tape.Sharer
	tape.Measurer
}

// Program is a tape that was loaded.
type Program struct {
	Tape  *tape.Tape
	Graph []Item // what it was compiled from
	Runs  int
	Bytes int64 // of memory, with what the device needs beside the arena
}

// Record makes a device that records what d, the CPU, is given.
func Record(d tape.Device) *Recorder {
	return &Recorder{d.(device), new([]*Program), new([]Item)}
}

// Programs are those that were loaded, the oldest first.
func (r *Recorder) Programs() []*Program { return *r.to }

// Load implements tape.Device.
func (r *Recorder) Load(t *tape.Tape) (tape.Program, error) {
	p, err := r.device.Load(t)
	if err != nil {
		return nil, err
	}
	bytes, err := r.Measure(t)
	if err != nil {
		return nil, err
	}
	seen := &Program{Tape: t, Graph: *r.nodes, Bytes: bytes}
	*r.to = append(*r.to, seen)
	return &counted{p, seen}, nil
}

// Share implements tape.Sharer.
func (r *Recorder) Share(common map[string]bool) tape.Device {
	return &Recorder{r.device.Share(common).(device), r.to, r.nodes}
}

// counted counts runs.
type counted struct {
	tape.Program
	seen *Program
}

func (c *counted) Run() error {
	c.seen.Runs++
	return c.Program.Run()
}

// Busiest is the program that has done most of the work; nil if none has run.
func (r *Recorder) Busiest() *Program {
	work := func(p *Program) float64 {
		c := costs(p.Tape, p.Tape.Code, 1)
		return float64(p.Runs) * (c.FLOP + float64(c.Bytes))
	}
	programs := r.Programs()
	if len(programs) == 0 {
		return nil
	}
	best := slices.MaxFunc(programs, func(a, b *Program) int { return cmp.Compare(work(a), work(b)) })
	if best.Runs == 0 {
		return nil
	}
	return best
}
