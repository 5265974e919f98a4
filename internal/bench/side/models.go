package side

import (
	"math"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/bench/workloads"
	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/internal/work"
)

// Models measures training steps of the reference workloads on each side, and calls each with the results, one by one.
func Models(sides []*Side, o Options, each func(Result) error) error {
	for _, w := range workloads.Reference {
		r := Result{Bench: "models", Kind: w.Name, Name: w.What}
		for _, s := range sides {
			t, err := train(w, s, o)
			if err != nil {
				return errors.WithMessagef(err, "%s: %s", s.Name(), w.Name)
			}
			r.Times = append(r.Times, t)
		}
		r.finish()
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// train times training steps, and compares them with the reference device's.
func train(w workloads.Workload, s *Side, o Options) (Time, error) {
	e, err := Curves(w, s.Device)
	if err != nil {
		return Time{}, err
	}
	t, err := steps(w, s, o)
	t.Error = runlog.Float(e)
	return t, err
}

// Small times training steps of a small LSTM: on a GPU nearly all of that is launches.
func Small(d tape.Device) (Time, error) {
	s := &Side{Device: d}
	if err := s.Measure(Options{Tiny: true}); err != nil {
		return Time{}, err
	}
	return steps(workloads.Reference[0], s, Options{Tiny: true, Time: 50 * time.Millisecond})
}

// steps times training steps.
func steps(w workloads.Workload, s *Side, o Options) (Time, error) {
	t := Time{Device: s.Name()}
	size := w.Full
	if o.Tiny {
		size = w.Tiny
	}
	start := time.Now()
	job, err := w.Build(size, s.Device)
	if err != nil {
		return t, err
	}
	defer job.Close()
	t.Build = time.Since(start).Seconds()
	all, err := stepTimes(job, o.Time)
	if err != nil {
		return t, err
	}
	t.set(all, work.Work{FLOP: w.FLOP(size)}, s.Ceilings)
	t.GB = 0
	t.Floor, err = s.floor(job.Tape())
	return t, err
}

// stepTimes are those of steps, in seconds, of which the last is waited for: as many together as take a while,
// for training, too, need not look at the loss of every step.
func stepTimes(job workloads.Job, about time.Duration) ([]float64, error) {
	run := func(n int) (time.Duration, error) {
		start := time.Now()
		for range n - 1 {
			if err := job.Step(); err != nil {
				return 0, err
			}
		}
		_, _, err := job.Measure()
		return time.Since(start), err
	}
	var last time.Duration
	for k, start := 0, time.Now(); k < warm && (k == 0 || time.Since(start) < about); k++ {
		var err error
		if last, err = run(1); err != nil {
			return nil, err
		}
	}
	n := int(min(10, max(1, (20*time.Millisecond).Seconds()/last.Seconds())))
	var all []float64
	for end := time.Now().Add(about); len(all) == 0 || time.Now().Add(last).Before(end); {
		var err error
		if last, err = run(n); err != nil {
			return nil, err
		}
		all = append(all, last.Seconds()/float64(n))
	}
	return all, nil
}

// curveSteps is the length of the curves that are compared.
const curveSteps = 20

// Curves is the largest relative difference between the losses of a small instance on a device and on the
// reference device, in the first steps of training.
func Curves(w workloads.Workload, d tape.Device) (worst float64, err error) {
	losses := func(d tape.Device) ([]float64, error) {
		job, err := w.Build(w.Tiny, d)
		if err != nil {
			return nil, err
		}
		defer job.Close()
		all := make([]float64, curveSteps)
		for k := range all {
			if all[k], _, err = job.Measure(); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	got, err := losses(d)
	if err != nil {
		return 0, err
	}
	want, err := losses(ref.New())
	if err != nil {
		return 0, err
	}
	for k := range want {
		worst = math.Max(worst, math.Abs(got[k]-want[k])/math.Abs(want[k]))
	}
	return worst, nil
}
