package run

import (
	"cmp"
	"fmt"
	"io/fs"
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
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
	return r.folder.fill(r.config, r.Encode(r.config), files)
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
	if was, is := r.folder.before.precision(), r.config.precision(); was != is {
		r.Report.Notice(fmt.Sprintf("`precision` was %s until step %s, and is %s from here on", was,
			words.Thousands(r.at.Step), is))
	}
	if t, ok := r.task.(filed); ok { // of the same data, so the same, unless it was damaged
		if err := t.Verify(r.folder.dir); err != nil {
			return err
		}
	}
	// What is damaged should not count among those that are kept.
	if err := r.folder.checkpoints().GoBack(Last, r.damaged); err != nil {
		return outputError(r.folder.dir, err)
	}
	if slices.Contains(r.damaged, Best) {
		if err := r.folder.checkpoints().Drop(Best); err != nil {
			return outputError(r.folder.dir, err)
		}
	}
	return r.folder.checkpoints().WriteFile(ConfigName, r.Encode(r.config))
}

// resume loads the newest checkpoint that is whole; false if there never was one. A damaged one is skipped, but
// not in silence.
func (r *training) resume() (found bool, err error) {
	names, err := r.folder.Checkpoints()
	if err != nil {
		return false, err
	}
	skip := func(err error) { r.Report.Notice("skipped a damaged checkpoint: " + err.Error()) }
	var broken error
	for _, name := range names {
		loaded := &loader{Learner: r.task}
		at, err := r.folder.load(name, r.config, loaded, true)
		if err == nil {
			r.loaded = loaded
			r.at = at
			if broken != nil {
				r.Report.Notice(fmt.Sprintf("going back to %s, of step %s", r.folder.path(name), words.Thousands(at.Step)))
			}
			r.checkBest(skip)
			return true, nil
		}
		if !isData(err) {
			return false, err
		}
		skip(err)
		r.damaged, broken = append(r.damaged, name), err
	}
	return false, broken
}

// Checkpoints are the names of those of the run, the newest first; of the same step the last before the best.
// Those whose step cannot be read come before all, to be named.
func (f *Folder) Checkpoints() ([]string, error) {
	// Old checkpoints are removed by the next save, once a whole one is known.
	if err := f.checkpoints().Recover(Last, math.MaxInt); err != nil {
		return nil, outputError(f.path(Last), err)
	}
	if err := f.checkpoints().Recover(Best, 1); err != nil {
		return nil, outputError(f.path(Best), err)
	}
	past, err := f.checkpoints().Past(Last)
	if err != nil {
		return nil, err
	}
	steps := map[string]int{}
	var names []string
	for _, name := range slices.Concat([]string{Last}, past, []string{Best}) {
		c, err := f.checkpoints().Open(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			steps[name] = math.MaxInt
		default:
			steps[name] = c.Step()
			c.Close()
		}
		names = append(names, name)
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(steps[b], steps[a]) })
	return names, nil
}

// checkBest makes sure that the best checkpoint, which the state speaks of, can be used at the end; if not, the
// next one that is measured is the best.
func (r *training) checkBest(skip func(error)) {
	if r.at.BestLoss == nil {
		return
	}
	f, err := r.folder.checkpoints().Open(Best)
	if err == nil {
		defer f.Close()
		err = f.Verify()
	}
	if err != nil {
		skip(err)
		r.at.BestLoss, r.at.BestStep, r.at.BestScore = nil, 0, nil
	}
}

// Saved says whether there is a checkpoint of the run in the folder. It changes nothing, and may be asked while
// the run trains.
func (f *Folder) Saved() bool {
	for _, name := range []string{Last, Best} {
		if c, err := f.checkpoints().Open(name); err == nil {
			c.Close()
			return true
		}
	}
	return false
}
