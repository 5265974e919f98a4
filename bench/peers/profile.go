package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// profile writes to a folder what unroll makes of each workload, WORKLOAD.tape, what each instruction costs by itself,
// WORKLOAD-THREADS.costs, and where time goes in a step, WORKLOAD-THREADS.pprof.
func profile(o options, out io.Writer) error {
	if err := os.MkdirAll(o.profile, 0o755); err != nil {
		return errors.WithStack(err)
	}
	for _, w := range o.workloads {
		for _, threads := range o.threads {
			if err := profileOne(w, threads, o, out); err != nil {
				return errors.Wrap(err, w.Name)
			}
		}
	}
	return nil
}

func profileOne(w workload, threads int, o options, out io.Writer) error {
	start := time.Now()
	job, err := build(w, o.sizeOf(w), "", deviceOf(threads))
	if err != nil {
		return err
	}
	defer job.Close()
	built := time.Since(start)
	of, ok := job.(interface{ Tape() *tape.Tape })
	if !ok {
		return errors.New("a model in use is several programs: there is no tape to profile")
	}
	t := of.Tape()
	if err := os.WriteFile(filepath.Join(o.profile, w.Name+".tape"), []byte(t.String()), 0o644); err != nil {
		return errors.WithStack(err)
	}
	if err := writeCosts(filepath.Join(o.profile, fmt.Sprintf("%s-%d.costs", w.Name, threads)), t, threads); err != nil {
		return err
	}
	if _, err := timed(job, 0); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(o.profile, fmt.Sprintf("%s-%d.pprof", w.Name, threads)))
	if err != nil {
		return errors.WithStack(err)
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.WithStack(err)
	}
	ms, err := timed(job, time.Duration(float64(o.rounds)*o.seconds*float64(time.Second)))
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s, threads %d: built in %.0f ms, %d steps, median %.2f ms\n", w.Name, threads,
		built.Seconds()*1e3, len(ms), median(ms))
	return err
}

func writeCosts(path string, t *tape.Tape, threads int) error {
	f, err := os.Create(path)
	if err != nil {
		return errors.WithStack(err)
	}
	defer f.Close()
	if err := costs(f, t, threads); err != nil {
		return err
	}
	return errors.WithStack(f.Close())
}
