package cpu

import (
	"time"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Times are how long the instructions of tapes have taken, for programs of a device that was made with Timed, of which
// only one may run at a time. While On is false nothing is measured.
type Times struct {
	On      bool
	Of      map[tape.Instr]*Time // by instruction; a loop is what its body is
	Packing Time                 // of operands that stay the same for a while, which is done before loops
}

// Time is that of an instruction.
type Time struct {
	Runs int
	Sum  time.Duration
}

// Timed measures instructions. The results have the same bits, but measuring takes time, about 0.1 µs for each run of an
// instruction. Without this option there is nothing to pay.
func Timed(t *Times) Option { return func(d *device) { d.times = t } }

// timed are steps of an instruction, nil for packing, that are measured if that is wanted.
func (l *loader[T]) timed(in tape.Instr, steps []step) []step {
	if l.times == nil || len(steps) == 0 {
		return steps
	}
	to := &l.times.Packing
	if in != nil {
		if l.times.Of == nil {
			l.times.Of = map[tape.Instr]*Time{}
		}
		to = &Time{}
		l.times.Of[in] = to
	}
	return []step{&timedStep{steps: steps, times: l.times, to: to}}
}

// timedStep measures steps.
type timedStep struct {
	steps []step
	times *Times
	to    *Time
}

func (s *timedStep) run(m *machine) error {
	if !s.times.On {
		return runAll(m, s.steps)
	}
	begin := time.Now()
	err := runAll(m, s.steps)
	s.to.Sum += time.Since(begin)
	s.to.Runs++
	return err
}
