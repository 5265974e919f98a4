//go:build unix

package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// A folder of the run, or the run's own, that becomes a link to somewhere else in the middle: nothing there changes.
func TestLinksInTheMiddle(t *testing.T) {
	const text = "years of work"
	for _, swapped := range []string{".", Last, Best, ConfigName, LogName} {
		parent, elsewhere := t.TempDir(), t.TempDir()
		dir := filepath.Join(parent, "run")
		names := []string{LogName, ConfigName, "manifest.json", "weights.safetensors"}
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(elsewhere, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		task := &swapper{newCounter(12), 5, func() {
			path, to := filepath.Join(dir, swapped), elsewhere
			if strings.Contains(swapped, ".") && swapped != "." {
				to = filepath.Join(elsewhere, swapped)
			}
			if err := errors.Join(os.Rename(path, path+"-aside"), os.Symlink(to, path)); err != nil {
				t.Fatal(err)
			}
		}}
		task.config.Training.CheckpointEvery = 1
		end, err := Train(context.Background(), dir, task, Options{Keep: 3, TensorBoard: true})
		if err != nil || end.Step != 12 {
			t.Errorf("%s: %+v, %v", swapped, end, err)
		}
		for _, name := range names {
			if got, err := os.ReadFile(filepath.Join(elsewhere, name)); err != nil || string(got) != text {
				t.Errorf("%s: elsewhere, %s is %.40q, %v", swapped, name, got, err)
			}
		}
		if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != len(names) {
			t.Errorf("%s: elsewhere there is %v, %v", swapped, entries, err)
		}
		if swapped == "." {
			dir += "-aside"
		}
		if f, err := checkpoint.Open(filepath.Join(dir, Last)); err != nil || f.Step() != 12 {
			t.Errorf("%s: the run is not whole: %v", swapped, err)
		}
	}
}

// What is made on the way to the folder of a run is made where it was looked for.
func TestMadeFolders(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"a", "b/c/d", "./e/f/", "b/../g", filepath.Join(t.TempDir(), "h/i")} {
		f, err := OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(dir, lockName)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v", dir, err)
		}
		f.Close()
	}
	if err := os.Symlink("b", "link"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"x", "x/y/z", "link/x/y", "x/"} {
		f, err := OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		f.Abandon()
		for _, gone := range []string{"x", "b/x"} {
			if _, err := os.Lstat(gone); err == nil {
				t.Errorf("after %s was given up, %s is there", dir, gone)
			}
		}
	}
	if err := os.Symlink("nowhere", runsFolder); err != nil {
		t.Fatal(err)
	}
	var e *OutputError
	for _, dir := range []string{runsFolder, "a/.lock/x", "none/../y"} {
		if _, err := OpenFolder(dir); !errors.As(err, &e) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := NewFolder("lm"); !errors.As(err, &e) {
		t.Errorf("runs that lead nowhere: %v", err)
	}
	if _, err := os.Lstat("none"); err == nil {
		t.Error("a folder was left that leads nowhere")
	}
}

// atOnce calls f for so many tasks at the same time, and gives the first error.
func atOnce(tasks int, f func(task int) error) error {
	errs := make([]error, tasks)
	var all sync.WaitGroup
	for task := range tasks {
		all.Go(func() { errs[task] = f(task) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// Tasks of an array begin in the same second: they make the folder of all, and some give it back, while others are on
// their way.
func TestFoldersMadeAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	const tasks = 8
	for range 50 {
		err := atOnce(tasks, func(task int) error {
			f, err := OpenFolder(fmt.Sprintf("sweeps/of/today/%d", task))
			switch {
			case err != nil:
				return err
			case task%2 == 0:
				f.Abandon()
			default:
				f.Close()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if entries, err := os.ReadDir("sweeps/of/today"); err != nil || len(entries) != tasks/2 {
			t.Fatalf("%d folders, %v", len(entries), err)
		}
		if err := os.RemoveAll("sweeps"); err != nil {
			t.Fatal(err)
		}
	}
}

// Of jobs that begin one run at the same time one has it, and the others say so.
func TestOneFolderMadeAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	for round := range 50 {
		var have atomic.Int32
		err := atOnce(4, func(int) error {
			f, err := OpenFolder(fmt.Sprintf("runs/%d", round))
			var locked *LockedError
			switch {
			case errors.As(err, &locked):
			case err != nil:
				return err
			default:
				have.Add(1)
				t.Cleanup(f.Close)
			}
			return nil
		})
		if err != nil || have.Load() != 1 {
			t.Fatalf("%d have it, %v", have.Load(), err)
		}
	}
}
