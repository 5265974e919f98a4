//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/bench/trial"
	"github.com/unroll-ml/unroll/internal/runlog"
)

var rows = []row{
	{"the time limit comes near", "USR1: saved, 75, requeued; the same weights as without", timeLimit},
	{"a job of a higher partition needs the node", "TERM: saved, requeued; the same weights", preemption},
	{"an array of 4, each task stopped once",
		"a folder for each line, each with the weights of its own training; again: nothing to do", array},
	{"two jobs on one folder", "the second: 73, in one line, with the process and the host of the first", twoJobs},
	{"scancel", "saved, not requeued; submitted again, the same weights", cancel},
	{"kill -9 of the process", "137, not requeued; submitted again, the same weights", killed},
	{"a full disk", "74, not requeued; with room, submitted again, the same weights", fullDisk},
	{"two processes on two nodes, by MPI",
		"USR1: both stop at one step, 75, requeued; the same weights as one process with --accumulate 2", parallel},
	{"kill -9 of one of two processes", "both end, not requeued; submitted again, the same weights", parallelKilled},
	{"--minutes and a restart", "the minutes are those of all jobs together", minutes},
}

const (
	training = "lm --text text.txt --cell gru --hidden 32 --layers 1 --embed 8 --batch 8 --seq 32 --valid-every 200 " +
		"--checkpoint-every 20 --out run"

	endless  = 100_000_000 // steps
	patience = 2 * time.Minute
)

// first is the first error.
func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// timeLimit lets Slurm send the signal: up to a minute before it is due, the manual says.
func timeLimit(h *harness) (err error) {
	var j *job
	return first(
		func() error { return h.length("--steps %d", endless) },
		func() error { j, err = h.submit("train.sbatch", "--time=1 --signal=USR1@50", training); return err },
		func() error { return h.requeued(j, "TimeLimit=30") },
		func() error { return h.length("--steps %d", h.step("run")+50) },
		func() error { return h.ends(j, "COMPLETED") },
		func() error {
			return h.says(j, "start 0", "stopped after step", "code 75", "start 1", "continuing after step")
		},
		func() error { return h.same("run", training) },
	)
}

func preemption(h *harness) (err error) {
	var low, high *job
	return first(
		func() error { return h.length("--steps %d", endless) },
		func() error { low, err = h.submit("train.sbatch", "--nodelist=n1 --exclusive", training); return err },
		func() error { return h.underWay(low, "run", 0) },
		func() error {
			high = &job{}
			high.id, err = h.runIn(h.work, "sbatch", "--parsable", "--partition=high", "--nodelist=n1", "--exclusive",
				"--wrap=sleep 2")
			return err
		},
		func() error { return h.requeued(low) },
		func() error { return h.length("--steps %d", h.step("run")+50) },
		func() error { return h.ends(high, "COMPLETED") },
		func() error { return h.ends(low, "COMPLETED") },
		func() error { return h.says(low, "start 0", "stopped after step", "start 1", "continuing after step") },
		func() error { return h.same("run", training) },
	)
}

func array(h *harness) (err error) {
	lines := []string{"--seed 1", "--seed 2", "small: --hidden 16", "--cell lstm --hidden 24 # the last"}
	names := []string{"seed=1", "seed=2", "small", "cell=lstm,hidden=24"}
	grid := strings.Join(lines, "\n# a comment\n\n")
	if err := os.WriteFile(filepath.Join(h.work, "grid.txt"), []byte(grid), 0o644); err != nil {
		return errors.WithStack(err)
	}
	sweep := strings.Replace(training, "--out run", "--grid grid.txt --out sweep", 1)
	var tasks []*job
	start := func(length string) error {
		if err := h.length("%s", length); err != nil {
			return err
		}
		all, err := h.submit("sweep.sbatch", "--array=1-4", sweep)
		if err != nil {
			return err
		}
		tasks = nil
		for i := range lines {
			n := strconv.Itoa(i + 1)
			tasks = append(tasks, &job{all.id + "_" + n, strings.Replace(all.log, "4294967294", n, 1)})
		}
		return nil
	}
	each := func(f func(i int, j *job) error) func() error {
		return func() error {
			for i, j := range tasks {
				if err := f(i, j); err != nil {
					return errors.Wrapf(err, "task %d", i+1)
				}
			}
			return nil
		}
	}
	most := 0
	return first(
		func() error { return start(fmt.Sprint("--steps ", endless)) },
		each(func(i int, j *job) error { return h.underWay(j, "sweep/"+names[i], 0) }),
		each(func(_ int, j *job) error { _, err := h.run("scancel", "--signal=USR1", j.id); return err }),
		each(func(i int, j *job) error {
			if !trial.Until(patience, 20*time.Millisecond, func() bool { return h.job(j.id)["Restarts"] == "1" }) {
				return errors.New("it is not requeued")
			}
			most = max(most, h.step("sweep/"+names[i]))
			return nil
		}),
		func() error { return h.length("--steps %d", most+50) },
		each(func(_ int, j *job) error { return h.requeued(j) }),
		each(func(_ int, j *job) error { return h.ends(j, "COMPLETED") }),
		func() error {
			if found, err := filepath.Glob(filepath.Join(h.work, "sweep/*")); err != nil || len(found) != len(lines) {
				return errors.Errorf("the sweep has the folders %v, %v", found, err)
			}
			return nil
		},
		each(func(i int, j *job) error {
			flags, _, _ := strings.Cut(strings.TrimPrefix(lines[i], "small: "), " #")
			return h.same("sweep/"+names[i], training+" "+flags)
		}),
		func() error { return start(fmt.Sprint("--steps ", most+50)) },
		each(func(_ int, j *job) error { return h.ends(j, "COMPLETED") }),
		each(func(i int, j *job) error {
			return h.says(j, names[i]+" holds a run that is finished", ": nothing to do")
		}),
	)
}

func twoJobs(h *harness) (err error) {
	var one, two *job
	return first(
		func() error { return h.length("--steps %d", endless) },
		func() error { one, err = h.submit("train.sbatch", "--nodelist=n1", training); return err },
		func() error { return h.underWay(one, "run", 0) },
		func() error { two, err = h.submit("train.sbatch", "--nodelist=n2", training); return err },
		func() error { return h.ends(two, "FAILED") },
		func() error {
			log, err := os.ReadFile(two.log)
			if code := h.job(two.id)["ExitCode"]; code != "73:0" || strings.Count(string(log), "unroll: ") != 1 {
				return errors.Errorf("exit code %s, %v: %s", code, err, log)
			}
			return h.says(two, fmt.Sprintf("run: process %s on n1 trains there: ", h.holder()))
		},
		func() error { return h.underWay(one, "run", h.step("run")) }, // nothing has happened to the first
		func() error { _, err := h.run("scancel", one.id); return err },
		func() error { return h.ends(one, "CANCELLED") },
	)
}

// holder is the process that trains in the folder run.
func (h *harness) holder() string {
	data, _ := os.ReadFile(filepath.Join(h.work, "run", ".lock"))
	pid, _, _ := strings.Cut(string(data), " ")
	return pid
}

// again submits a training once more and lets it come to its end.
func (h *harness) again() error {
	var j *job
	var err error
	return first(
		func() error { return h.length("--steps %d", h.step("run")+50) },
		func() error { j, err = h.submit("train.sbatch", "", training); return err },
		func() error { return h.ends(j, "COMPLETED") },
		func() error { return h.says(j, "continuing after step") },
		func() error { return h.same("run", training) },
	)
}

// stays checks that a job is in its state for good, and was not started again.
func (h *harness) stays(j *job, state string) error {
	time.Sleep(3 * time.Second)
	if job := h.job(j.id); job["JobState"] != state || job["Restarts"] != "0" {
		return errors.Errorf("job %s is %s, started again %s times", j.id, job["JobState"], job["Restarts"])
	}
	return nil
}

func cancel(h *harness) (err error) {
	var j *job
	return first(
		func() error { return h.length("--steps %d", endless) },
		func() error { j, err = h.submit("train.sbatch", "", training); return err },
		func() error { return h.underWay(j, "run", 0) },
		func() error { _, err := h.run("scancel", j.id); return err },
		func() error { return h.ends(j, "CANCELLED") },
		func() error { return h.stays(j, "CANCELLED") },
		func() error { return h.says(j, "stopped after step") },
		h.again,
	)
}

func killed(h *harness) (err error) {
	var j *job
	return first(
		func() error { return h.length("--steps %d", endless) },
		func() error { j, err = h.submit("train.sbatch", "", training); return err },
		func() error { return h.underWay(j, "run", 0) },
		func() error {
			pid, err := strconv.Atoi(h.holder())
			if err == nil {
				err = syscall.Kill(pid, syscall.SIGKILL)
			}
			return errors.WithStack(err)
		},
		func() error { return h.ends(j, "FAILED") },
		func() error { return h.stays(j, "FAILED") },
		func() error { h.note("exit code %s", h.job(j.id)["ExitCode"]); return nil },
		h.again,
	)
}

func fullDisk(h *harness) (err error) {
	dir := filepath.Join(h.work, "run")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return errors.WithStack(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		return errors.WithStack(err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	ballast := filepath.Join(dir, ".ballast")
	var j *job
	return first(
		func() error { return h.length("--steps %d", endless) },
		func() error { j, err = h.submit("train.sbatch", "", training); return err },
		func() error { return h.underWay(j, "run", 0) },
		func() error {
			os.WriteFile(ballast, make([]byte, 8<<20), 0o644) // as much as there is room for
			return nil
		},
		func() error { return h.ends(j, "FAILED") },
		func() error { return h.stays(j, "FAILED") },
		func() error {
			if code := h.job(j.id)["ExitCode"]; code != "74:0" {
				return errors.Errorf("exit code %s", code)
			}
			return h.says(j, "what was saved before is whole: make room and continue with")
		},
		func() error { return errors.WithStack(os.Remove(ballast)) },
		h.again,
	)
}

func minutes(h *harness) (err error) {
	const limit = 0.2
	var j *job
	return first(
		func() error { return h.length("--minutes %g", limit) },
		func() error { j, err = h.submit("train.sbatch", "", training); return err },
		func() error { return h.underWay(j, "run", 300) },
		func() error { _, err := h.run("scancel", "--signal=USR1", j.id); return err },
		func() error { return h.requeued(j) },
		func() error { return h.ends(j, "COMPLETED") },
		func() error { return h.says(j, "stopped after step", "continuing after step") },
		func() error { return h.oneBudget(60 * limit) },
	)
}

// oneBudget checks that the run took so many seconds, and that they are not those of its second job alone.
func (h *harness) oneBudget(seconds float64) error {
	entries, err := runlog.Read(filepath.Join(h.work, "run", "log.jsonl"))
	if err != nil {
		return err
	}
	took := map[string]float64{}
	for _, e := range entries {
		var record struct {
			Event   string
			Seconds float64
		}
		if err := json.Unmarshal(e.Line, &record); err != nil {
			return errors.WithStack(err)
		}
		took[record.Event] = record.Seconds
	}
	first, all := took["stopped"], took["done"]
	h.note("of %g s, stopped after %.1f s, done after %.1f s", seconds, first, all)
	if first == 0 || all < seconds || all >= seconds+first {
		return errors.Errorf("the budget is not that of both jobs")
	}
	return nil
}
