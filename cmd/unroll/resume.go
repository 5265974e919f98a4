package main

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// mayContinue says why the run in the folder is not the one that the flags ask for.
func mayContinue(folder *runFolder, c *config) error {
	if difference, same := folder.before.repeats(*c); !same {
		return fail(exitData, "%s holds a run with other settings (%s): --overwrite to replace it, or choose another folder with --out", folder.dir, difference)
	}
	return nil
}

// place continues the run in the folder, or begins a new one there.
func (r *training) place(stderr io.Writer, overwrite bool) error {
	if r.folder.before != nil && !overwrite {
		found, err := r.resume(stderr)
		if err != nil {
			return err
		}
		if found {
			return r.goOn()
		}
		fmt.Fprintf(stderr, "unroll: %s holds a run without a checkpoint: it begins again\n", r.folder.dir)
	}
	files := r.task.files()
	if err := r.folder.clear(files); err != nil {
		return err
	}
	if err := checkpoint.WriteFile(r.folder.path(configName), r.config.encode()); err != nil {
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

// goOn makes the folder ready for a run that was resumed.
func (r *training) goOn() error {
	if r.at.Due {
		return nil
	}
	if r.budget.spent(r.at.Step, r.at.Seconds) {
		return fail(exitNoOutput, "%s holds a run that is finished (%s steps): more --steps, --epochs or --minutes to train on, --overwrite to replace it, or choose another folder with --out",
			r.folder.dir, thousands(r.at.Step))
	}
	if r.exhausted() {
		return fail(exitNoOutput, "%s holds a run that is finished (%s): more --patience to train on, --overwrite to replace it, or choose another folder with --out",
			r.folder.dir, r.whyExhausted())
	}
	if err := r.task.verify(r.folder.dir); err != nil { // of the same data, so the same, unless it was damaged
		return err
	}
	// What is damaged should not count among those that are kept.
	if err := checkpoint.GoBack(r.folder.path(lastName), r.damaged); err != nil {
		return outputError(r.folder.dir, err)
	}
	if best := r.folder.path(bestName); slices.Contains(r.damaged, best) {
		if err := checkpoint.Drop(best); err != nil {
			return outputError(r.folder.dir, err)
		}
	}
	return checkpoint.WriteFile(r.folder.path(configName), r.config.encode())
}

// resume loads the newest checkpoint that is whole; false if there never was one. A damaged one is skipped, but not in silence.
func (r *training) resume(stderr io.Writer) (found bool, err error) {
	dirs, err := r.checkpoints()
	if err != nil {
		return false, err
	}
	skip := func(err error) { fmt.Fprintf(stderr, "unroll: skipped a damaged checkpoint: %s\n", oneLine(err)) }
	var broken error
	for _, dir := range dirs {
		at, err := loadCheckpoint(dir, r.task, true)
		if err == nil {
			r.at = at
			if broken != nil {
				fmt.Fprintf(stderr, "unroll: going back to %s, of step %s\n", dir, thousands(at.Step))
			}
			r.checkBest(skip)
			return true, nil
		}
		if exitCode(err) != exitData {
			return false, err
		}
		skip(err)
		r.damaged, broken = append(r.damaged, dir), err
	}
	return false, broken
}

// checkpoints are those of the run, the newest first; of the same step the last before the best. Those whose step cannot be read
// come before all, to be named.
func (r *training) checkpoints() ([]string, error) {
	last, best := r.folder.path(lastName), r.folder.path(bestName)
	// What is too much for --keep goes with the next checkpoint, not before it is known what is whole.
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
	f, err := checkpoint.Open(r.folder.path(bestName))
	if err == nil {
		defer f.Close()
		err = f.Verify()
	}
	if err != nil {
		skip(err)
		r.at.BestLoss, r.at.BestStep, r.at.BestScore = nil, 0, nil
	}
}

// resumeCommand is the command line that continues a run.
func resumeCommand(args []string, dir string) string {
	words := []string{"unroll"}
	hasOut := false
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--overwrite" || strings.HasPrefix(arg, "--overwrite=") || strings.HasPrefix(arg, "--resume="):
			continue
		case arg == "--resume":
			i++
			continue
		case arg == "--out" || strings.HasPrefix(arg, "--out="):
			hasOut = true
		}
		words = append(words, shellQuote(args[i]))
	}
	if !hasOut {
		words = append(words, "--out", shellQuote(dir))
	}
	return strings.Join(words, " ")
}

func shellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_=./,:+@%", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
