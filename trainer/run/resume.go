package run

import (
	"cmp"
	"fmt"
	"io/fs"
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// place continues the run in the folder, or begins a new one there.
func (r *training) place() error {
	if r.folder.before != nil && !r.Overwrite {
		found, err := r.resume()
		if err != nil {
			return err
		}
		if found {
			return r.prepareResume()
		}
		r.Report.Notice(r.folder.dir + " holds a run without a checkpoint: it begins again")
	}
	var files map[string][]byte
	if t, ok := r.task.(filed); ok {
		files = t.Files()
	}
	if err := r.folder.clear(files); err != nil {
		return err
	}
	if err := checkpoint.WriteFile(r.folder.path(configName), r.config.Encode()); err != nil {
		return err
	}
	r.folder.before = r.config
	for name, data := range files {
		if err := checkpoint.WriteFile(r.folder.path(name), data); err != nil {
			return err
		}
	}
	return nil
}

// prepareResume makes the folder ready for a run whose newest checkpoint was loaded.
func (r *training) prepareResume() error {
	if r.at.Due {
		return nil
	}
	if r.budget.spent(r.at.Step, r.at.Seconds) {
		return &FinishedError{Dir: r.folder.dir, Why: words.Thousands(r.at.Step) + " steps"}
	}
	if r.exhausted() {
		return &FinishedError{Dir: r.folder.dir, Why: r.whyExhausted(), Bad: true}
	}
	if t, ok := r.task.(filed); ok { // of the same data, so the same, unless it was damaged
		if err := t.Verify(r.folder.dir); err != nil {
			return err
		}
	}
	// What is damaged should not count among those that are kept.
	if err := checkpoint.GoBack(r.folder.path(Last), r.damaged); err != nil {
		return outputError(r.folder.dir, err)
	}
	if best := r.folder.path(Best); slices.Contains(r.damaged, best) {
		if err := checkpoint.Drop(best); err != nil {
			return outputError(r.folder.dir, err)
		}
	}
	return checkpoint.WriteFile(r.folder.path(configName), r.config.Encode())
}

// resume loads the newest checkpoint that is whole; false if there never was one. A damaged one is skipped, but not in silence.
func (r *training) resume() (found bool, err error) {
	dirs, err := r.folder.Checkpoints()
	if err != nil {
		return false, err
	}
	skip := func(err error) { r.Report.Notice("skipped a damaged checkpoint: " + err.Error()) }
	var broken error
	for _, dir := range dirs {
		at, err := loadCheckpoint(dir, r.config, r.task, true)
		if err == nil {
			r.at = at
			if broken != nil {
				r.Report.Notice(fmt.Sprintf("going back to %s, of step %s", dir, words.Thousands(at.Step)))
			}
			r.checkBest(skip)
			return true, nil
		}
		if !isData(err) {
			return false, err
		}
		skip(err)
		r.damaged, broken = append(r.damaged, dir), err
	}
	return false, broken
}

// Checkpoints are those of the run, the newest first; of the same step the last before the best. Those whose step cannot be read
// come before all, to be named.
func (f *Folder) Checkpoints() ([]string, error) {
	last, best := f.path(Last), f.path(Best)
	// Old checkpoints are removed by the next save, once a whole one is known.
	if err := checkpoint.Recover(last, math.MaxInt); err != nil {
		return nil, outputError(last, err)
	}
	if err := checkpoint.Recover(best, 1); err != nil {
		return nil, outputError(best, err)
	}
	past, err := checkpoint.Past(last)
	if err != nil {
		return nil, err
	}
	steps := map[string]int{}
	var dirs []string
	for _, dir := range slices.Concat([]string{last}, past, []string{best}) {
		f, err := checkpoint.Open(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			steps[dir] = math.MaxInt
		default:
			steps[dir] = f.Step()
			f.Close()
		}
		dirs = append(dirs, dir)
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return cmp.Compare(steps[b], steps[a]) })
	return dirs, nil
}

// checkBest makes sure that the best checkpoint, which the state speaks of, can be used at the end; if not, the next one that is
// measured is the best.
func (r *training) checkBest(skip func(error)) {
	if r.at.BestLoss == nil {
		return
	}
	f, err := checkpoint.Open(r.folder.path(Best))
	if err == nil {
		defer f.Close()
		err = f.Verify()
	}
	if err != nil {
		skip(err)
		r.at.BestLoss, r.at.BestStep, r.at.BestScore = nil, 0, nil
	}
}

// Saved says whether there is a checkpoint of the run in the folder. It changes nothing, and may be asked while the run trains.
func (f *Folder) Saved() bool {
	for _, name := range []string{Last, Best} {
		if c, err := checkpoint.Open(f.path(name)); err == nil {
			c.Close()
			return true
		}
	}
	return false
}
