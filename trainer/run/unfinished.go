package run

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// Unfinished is the newest of runs/TASK-1, runs/TASK-2, ... that would take the same steps as a task, if it has
// a checkpoint to go on from and is not finished; else "".
func Unfinished(t Task) string {
	c := t.Config()
	for _, n := range slices.Backward(runNumbers(c.Task)) {
		dir := numbered(c.Task, n)
		before, err := configBefore(dir)
		if err != nil { // not a run, or one of another version
			continue
		}
		if _, same := before.repeats(*c); same {
			if goesOn(dir, t) {
				return dir
			}
			return ""
		}
	}
	return ""
}

// configBefore is readBefore of a folder.
func configBefore(dir string) (*Config, error) {
	in, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer in.Close()
	return readBefore(in)
}

// runNumbers are those that folders of runs of a task have, the smallest first.
func runNumbers(task string) (all []int) {
	paths, _ := filepath.Glob(filepath.Join(runsFolder, task+"-*")) // an error means a wrong pattern
	for _, path := range paths {
		number := strings.TrimPrefix(filepath.Base(path), task+"-")
		if n, err := strconv.Atoi(number); err == nil && numbered(task, n) == path {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// goesOn says whether the run in a folder, which would take the same steps as a task, has some left.
func goesOn(dir string, t Task) bool {
	f, err := checkpoint.Open(filepath.Join(dir, Last))
	if err != nil {
		return false
	}
	defer f.Close()
	r := training{config: t.Config(), budget: newBudget(&t.Config().Training, t.Epoch())}
	if err := f.State(&r.at); err != nil {
		return false
	}
	return r.at.Due || !r.budget.spent(r.at.Step, r.at.Seconds) && !r.exhausted()
}
