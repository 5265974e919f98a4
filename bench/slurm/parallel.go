//go:build linux

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

const (
	twoNodes = "--nodes=2 --ntasks=2 --ntasks-per-node=1"
	inParts  = training + " --accumulate 2"
)

func parallel(h *harness) (err error) {
	h.command = h.withMPI
	var j *job
	return first(
		func() error { return h.length("--steps %d", endless) },
		func() error { j, err = h.submit("parallel.sbatch", twoNodes, inParts); return err },
		func() error { return h.underWay(j, "run", 0) },
		func() error { _, err := h.run("scancel", "--signal=USR1", j.id); return err },
		func() error { return h.requeued(j) },
		func() error { return h.length("--steps %d", h.step("run")+50) },
		func() error { return h.ends(j, "COMPLETED") },
		func() error {
			return h.says(j, "start 0", "stopped after step", "code 75", "start 1", "continuing after step")
		},
		func() error { return h.allEnded(j, 75) },
		func() error { return h.same("run", inParts) },
	)
}

// ended is what srun says of processes that end with a code.
var ended = regexp.MustCompile(`srun: error: .*: Exited with exit code (\d+)`)

// allEnded checks that all processes of a job that did not end with 0 ended with a code.
func (h *harness) allEnded(j *job, code int) error {
	log, err := os.ReadFile(j.log)
	if err != nil {
		return errors.WithStack(err)
	}
	all := ended.FindAllStringSubmatch(string(log), -1)
	for _, m := range all {
		if m[1] != strconv.Itoa(code) {
			return errors.New(m[0])
		}
	}
	if len(all) == 0 {
		return errors.Errorf("no process ended with %d: %s", code, tail(string(log)))
	}
	return nil
}

// parallelKilled kills a process, often: the other must not wait for it, and the next job goes on.
func parallelKilled(h *harness) (err error) {
	h.command = h.withMPI
	err = h.length("--steps %d", endless)
	for times := 0; err == nil && times < h.times; times++ {
		err = h.killOneOfTwo()
	}
	var j *job
	return first(
		func() error { return err },
		func() error { return h.length("--steps %d", h.step("run")+50) },
		func() error { j, err = h.submit("parallel.sbatch", twoNodes, inParts); return err },
		func() error { return h.ends(j, "COMPLETED") },
		func() error { return h.says(j, "continuing after step") },
		func() error { return h.same("run", inParts) },
	)
}

// killOneOfTwo submits a training and kills one of its processes at some time.
func (h *harness) killOneOfTwo() (err error) {
	var j *job
	rank := rand.IntN(2)
	return first(
		func() error { j, err = h.submit("parallel.sbatch", twoNodes, inParts); return err },
		func() error { return h.underWay(j, "run", h.step("run")) },
		func() error {
			time.Sleep(rand.N(500 * time.Millisecond))
			pid, err := h.process(strconv.Itoa(rank))
			if err == nil {
				err = syscall.Kill(pid, syscall.SIGKILL)
			}
			return errors.WithStack(err)
		},
		func() error { return h.ends(j, "FAILED") },
		func() error { return h.stays(j, "FAILED") },
		func() error { h.note("rank %d, exit code %s", rank, h.job(j.id)["ExitCode"]); return nil },
	)
}

// process is that of a rank of a training in the folder of the row.
func (h *harness) process(rank string) (pid int, err error) {
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return 0, errors.WithStack(err)
	}
	for _, path := range environments {
		folder := filepath.Dir(path)
		program, err := os.Readlink(filepath.Join(folder, "exe"))
		if err != nil || program != h.command {
			continue
		}
		where, _ := os.Readlink(filepath.Join(folder, "cwd"))
		data, _ := os.ReadFile(path)
		if where == h.work && strings.Contains("\x00"+string(data), "\x00SLURM_PROCID="+rank+"\x00") {
			return strconv.Atoi(filepath.Base(folder))
		}
	}
	return 0, errors.Errorf("rank %s is not there", rank)
}
