//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/bench/trial"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// job is one that was submitted.
type job struct{ id, log string }

// submit submits a batch script of docs/clusters with options of sbatch and the words after unroll train. Its
// training is as long as the last call of length says at the time when it starts.
func (h *harness) submit(script, options, args string) (*job, error) {
	wrapper := filepath.Join(h.work, "unroll.sh")
	text := fmt.Sprintf("#!/bin/sh\nexec %s \"$@\" $(cat %s)\n", h.command, filepath.Join(h.work, "length"))
	if err := os.WriteFile(wrapper, []byte(text), 0o755); err != nil {
		return nil, errors.WithStack(err)
	}
	h.jobs++
	j := &job{log: filepath.Join(h.work, fmt.Sprintf("job-%d-%%a.log", h.jobs))}
	words := append([]string{
		"--parsable", "--cpus-per-task=1", "--output=" + j.log, "--export=ALL,UNROLL=" + wrapper,
	}, strings.Fields(options)...)
	words = append(append(words, filepath.Join(h.scripts, script)), strings.Fields(args)...)
	var err error
	j.id, err = h.runIn(h.work, "sbatch", words...)
	j.log = strings.ReplaceAll(j.log, "%a", "4294967294") // what Slurm calls a job that is no task of an array
	return j, err
}

// length says how long trainings are that start from now on.
func (h *harness) length(flags string, args ...any) error {
	return errors.WithStack(os.WriteFile(filepath.Join(h.work, "length"), fmt.Appendf(nil, flags, args...), 0o644))
}

// step is that of the newest checkpoint of a run; 0: there is none.
func (h *harness) step(run string) int {
	f, err := checkpoint.Open(filepath.Join(h.work, run, "last"))
	if err != nil {
		return 0
	}
	defer f.Close()
	return f.Step()
}

// underWay waits until the run of a job has a checkpoint that is newer than a step.
func (h *harness) underWay(j *job, run string, after int) error {
	if !trial.Until(patience, 20*time.Millisecond, func() bool { return h.step(run) > after || over(h.state(j.id)) }) || h.step(run) <= after {
		log, _ := os.ReadFile(j.log)
		return errors.Errorf("%s has no checkpoint after step %d: %s", run, after, tail(string(log)))
	}
	return nil
}

// ends waits until a job is in a state.
func (h *harness) ends(j *job, state string) error {
	got := ""
	if !trial.Until(patience, 20*time.Millisecond, func() bool { got = h.state(j.id); return got == state || over(got) }) || got != state {
		log, _ := os.ReadFile(j.log)
		return errors.Errorf("job %s is %s, not %s: %s", j.id, got, state, tail(string(log)))
	}
	return nil
}

// requeued waits until a job that was stopped waits to start again, and has it start now: Slurm would wait for two
// minutes.
func (h *harness) requeued(j *job, more ...string) error {
	job := map[string]string{}
	if !trial.Until(patience, 20*time.Millisecond, func() bool { job = h.job(j.id); return job["Restarts"] == "1" && job["JobState"] == "PENDING" }) {
		log, _ := os.ReadFile(j.log)
		return errors.Errorf("job %s is not requeued, but %s: %s", j.id, job["JobState"], tail(string(log)))
	}
	time.Sleep(2 * time.Second) // what was revoked in the same second counts for the new start, too, for Slurm
	_, err := h.run("scontrol", append([]string{"update", "JobId=" + j.id, "StartTime=now"}, more...)...)
	return err
}

// says checks that the log of a job has all these texts, in this order.
func (h *harness) says(j *job, texts ...string) error {
	data, err := os.ReadFile(j.log)
	if err != nil {
		return errors.WithStack(err)
	}
	rest := string(data)
	for _, text := range texts {
		_, after, ok := strings.Cut(rest, text)
		if !ok {
			return errors.Errorf("the log does not say %q where it should: %s", text, tail(string(data)))
		}
		rest = after
	}
	return nil
}

// same compares a run, byte by byte, with one of the same flags that nothing happened to.
func (h *harness) same(run, args string) error {
	steps := h.step(run)
	words := append([]string{"train"}, strings.Fields(strings.Replace(args, "--out run", "", 1))...)
	straight := exec.Command(h.command, append(words, "--steps", strconv.Itoa(steps), "--out", "straight/"+run)...)
	straight.Dir = h.work
	if out, err := straight.CombinedOutput(); err != nil {
		return errors.Wrap(err, tail(string(out)))
	}
	for _, name := range []string{"last/weights.safetensors", "last/optimizer.safetensors", "best/weights.safetensors"} {
		got, err := os.ReadFile(filepath.Join(h.work, run, name))
		if err != nil {
			return errors.WithStack(err)
		}
		want, err := os.ReadFile(filepath.Join(h.work, "straight", run, name))
		if err != nil {
			return errors.WithStack(err)
		}
		if !bytes.Equal(got, want) {
			return errors.Errorf("%s/%s is not that of a training that nothing happened to", run, name)
		}
	}
	h.note("%d steps, the same bytes", steps)
	return nil
}
