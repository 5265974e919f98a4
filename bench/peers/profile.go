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

// profile writes what unroll makes of each workload, WORKLOAD.tape, and where its time goes, WORKLOAD-THREADS.pprof, to a folder.
func profile(o options, out io.Writer) error {
	if err := os.MkdirAll(o.profile, 0o755); err != nil {
		return errors.WithStack(err)
	}
	for _, w := range o.workloads {
		for _, threads := range o.threads {
			if err := profileOne(w, threads, o, out); err != nil {
				return errors.Wrap(err, w.name)
			}
		}
	}
	return nil
}

func profileOne(w workload, threads int, o options, out io.Writer) error {
	start := time.Now()
	job, err := build(w, w.full, "", deviceOf(threads))
	if err != nil {
		return err
	}
	defer job.Close()
	built := time.Since(start)
	if t, ok := job.(interface{ Tape() *tape.Tape }); ok {
		if err := os.WriteFile(filepath.Join(o.profile, w.name+".tape"), []byte(t.Tape().String()), 0o644); err != nil {
			return errors.WithStack(err)
		}
	}
	if _, err := timed(job, 0); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(o.profile, fmt.Sprintf("%s-%d.pprof", w.name, threads)))
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
	_, err = fmt.Fprintf(out, "%s, threads %d: built in %.0f ms, %d steps, median %.2f ms\n", w.name, threads, built.Seconds()*1e3, len(ms), median(ms))
	return err
}
