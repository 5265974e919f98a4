//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/bench/trial"
)

// compare trains each task in one process and in several, and compares.
func (h *harness) compare(dir string, n int, most float64) error {
	if err := h.data(); err != nil {
		return err
	}
	for _, task := range slices.Sorted(maps.Keys(tasks)) {
		one, several := filepath.Join(dir, task+"-1"), filepath.Join(dir, fmt.Sprint(task, "-", n))
		flags := fmt.Sprintf("--steps 12 --valid-every 4 --accumulate %d", n)
		if err := h.alone(h.command(one, task, flags)); err != nil {
			return err
		}
		if err := h.finish(n, h.command(several, task, flags)); err != nil {
			return err
		}
		d, err := apart(one, several)
		if err != nil {
			return errors.Wrap(err, task)
		}
		if d > most {
			return errors.Errorf("%s: %d processes are %g from 1", task, n, d)
		}
		if most > 0 {
			continue
		}
		if x, y := validations(one), validations(several); x == "" || x != y {
			return errors.Errorf("%s: validations of 1 process and of %d:\n%s\n%s", task, n, x, y)
		}
	}
	return nil
}

func (h *harness) equal(dir string) error { return h.compare(dir, 2, 0) }
func (h *harness) close(dir string) error { return h.compare(dir, 4, 1e-5) }

func (h *harness) goOn(dir string) error {
	one, several := filepath.Join(dir, "one"), filepath.Join(dir, "several")
	flags := "--valid-every 4 --accumulate 4 --steps "
	if err := h.alone(h.command(one, "lm", flags+"24")); err != nil {
		return err
	}
	for i, n := range []int{4, 2, 1} {
		if err := h.finish(n, h.command(several, "lm", fmt.Sprint(flags, 8*(i+1)))); err != nil {
			return err
		}
	}
	if d, err := apart(one, several); err != nil || d > 1e-5 {
		return errors.Errorf("they are %g from 1 process, %v", d, err)
	}
	return nil
}

// long is a training that takes a while.
const long = "--steps 400 --valid-every 50 --checkpoint-every 10 --accumulate 2"

// undisturbed is what the long training leaves if nothing happens to it.
func (h *harness) undisturbed(dir string) (string, error) {
	whole := filepath.Join(dir, "whole")
	return whole, h.finish(2, h.command(whole, "lm", long))
}

func (h *harness) kill(dir string) error {
	whole, err := h.undisturbed(dir)
	if err != nil {
		return err
	}
	killed := 0
	for run := 0; killed < h.times; run++ {
		to := filepath.Join(dir, fmt.Sprint("run", run))
		for done := false; !done; {
			out, code, err := h.run(2, h.command(to, "lm", long), func(string) error {
				if killed == h.times {
					return nil
				}
				pids, err := h.await(to, 2, 1)
				if err != nil {
					return err
				}
				time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
				if syscall.Kill(pids[random.IntN(2)], syscall.SIGKILL) == nil {
					killed++
				}
				return nil
			})
			if err != nil {
				return err
			}
			if done = code == 0; !done && killed == h.times && !strings.Contains(out, "signal 9") && !strings.Contains(out, "KILLED") {
				return errors.Errorf("exit code %d: %s", code, out)
			}
			if err := h.gone(); err != nil {
				return err
			}
		}
		if d, err := apart(whole, to); err != nil || d != 0 {
			return errors.Errorf("after kills the weights are %g from those without, %v", d, err)
		}
	}
	return nil
}

// gone waits until no process is left. The launcher may end before those that it has killed.
func (h *harness) gone() error {
	if !trial.Until(10*time.Second, 100*time.Millisecond, func() bool { return len(processes(h.unroll)) == 0 }) {
		return errors.New("after 10 seconds there are processes left")
	}
	return nil
}

func (h *harness) signal(dir string) error {
	whole, err := h.undisturbed(dir)
	if err != nil {
		return err
	}
	for _, which := range []int{0, 1} {
		for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM} {
			to := filepath.Join(dir, fmt.Sprint(sig, which))
			args := h.command(to, "lm", long)
			out, code, err := h.run(2, args, func(string) error {
				pids, err := h.await(to, 2, 5)
				if err != nil {
					return err
				}
				slices.Sort(pids)
				return syscall.Kill(pids[which], sig)
			})
			if err != nil {
				return err
			}
			if code != 75 || strings.Count(out, "stopped after step") != 1 {
				return errors.Errorf("%v: exit code %d, want 75: %s", sig, code, out)
			}
			if err := h.finish(2, args); err != nil {
				return err
			}
			if d, err := apart(whole, to); err != nil || d != 0 {
				return errors.Errorf("%v: then the weights are %g from those without, %v", sig, d, err)
			}
		}
	}
	return nil
}

func (h *harness) full(dir string) error {
	whole, err := h.undisturbed(dir)
	if err != nil {
		return err
	}
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o777); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=400k"); err != nil {
		return errors.Wrap(err, "left out: mounting needs root")
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	to := filepath.Join(disk, "run")
	args := h.command(to, "lm", long)
	out, code, err := h.run(2, args, nil)
	if err != nil {
		return err
	}
	if code != 74 || strings.Count(out, "unroll: ") != 1 {
		return errors.Errorf("exit code %d, want 74 and one message: %s", code, out)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=100m"); err != nil {
		return err
	}
	if err := h.finish(2, args); err != nil {
		return err
	}
	if d, err := apart(whole, to); err != nil || d != 0 {
		return errors.Errorf("then the weights are %g from those without, %v", d, err)
	}
	return nil
}

func (h *harness) stop(dir string) error {
	to := filepath.Join(dir, "run")
	var stopped int
	out, code, err := h.run(3, h.command(to, "lm", "--steps 1000000 --valid-every 500000 --accumulate 3"),
		func(string) error {
			pids, err := h.await(to, 3, 20)
			if err != nil {
				return err
			}
			slices.Sort(pids)
			stopped = pids[1]
			return syscall.Kill(stopped, syscall.SIGSTOP)
		})
	if stopped > 0 {
		syscall.Kill(stopped, syscall.SIGKILL)
	}
	if err != nil {
		return err
	}
	// The one that was stopped may be woken to be ended, and then says it, too.
	if code != 69 || strings.Count(out, "for the others in step") < 2 {
		return errors.Errorf("exit code %d, want 69, and two messages: %s", code, out)
	}
	return nil
}

func (h *harness) refuse(dir string) error {
	flags := "--steps 5 --accumulate 2"
	one := h.command(filepath.Join(dir, "run"), "lm", flags)
	out, code, err := h.run(2, one, nil, h.command(filepath.Join(dir, "run"), "lm", flags+" --lr 0.125")...)
	if err != nil {
		return err
	}
	if code != 65 || !strings.Contains(out, "rank 1 is not like rank 0: lr: ") || !strings.Contains(out, "lr: 0.125 here") {
		return errors.Errorf("exit code %d, want 65: %s", code, out)
	}
	out, code, err = h.run(2, h.command(filepath.Join(dir, "odd"), "lm", "--steps 5 --accumulate 3"), nil)
	if err != nil {
		return err
	}
	if code != 2 || !strings.Contains(out, "a multiple of 2") {
		return errors.Errorf("exit code %d, want 2: %s", code, out)
	}
	return nil
}

func (h *harness) finished(dir string) error {
	grid := filepath.Join(dir, "grid.txt")
	if err := os.WriteFile(grid, []byte("short: --hidden 8\n"), 0o666); err != nil {
		return err
	}
	args := append(h.command(filepath.Join(dir, "runs"), "lm", "--steps 5 --accumulate 2"), "--grid", grid, "--task-id", "1")
	if err := h.finish(2, args); err != nil {
		return err
	}
	out, code, err := h.run(2, args, nil)
	if err != nil {
		return err
	}
	if code != 0 || strings.Count(out, "nothing to do") != 1 || strings.Count(out, "unroll: ") != 1 {
		return errors.Errorf("exit code %d, want 0 and one note: %s", code, out)
	}
	return nil
}
