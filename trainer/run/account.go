package run

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// How a training stands.
const (
	StateRunning  = "running"  // a process is at it
	StateDone     = "done"     // it took all its steps, or there was no better validation for too long
	StateStopped  = "stopped"  // it was asked to stop, and can go on
	StateKilled   = "killed"   // it ended without a word, and can go on from its newest checkpoint
	StateDiverged = "diverged" // its numbers are no longer finite
)

// Account is what the folder of a run says of its training, without its model.
type Account struct {
	Dir     string
	Config  *Config
	State   string // one of StateRunning, ...
	Step    int    // steps taken
	Seconds float64
	Weights float64 // numbers of the model; 0: this program does not have it

	valid []ValidRecord // without samples
}

// ReadAccount reads the configuration and the log of a run, which a training may be writing. What is no run is a
// *NotARunError.
func ReadAccount(dir string) (*Account, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, NewInputError("", err)
	}
	defer root.Close()
	a := &Account{Dir: dir, State: StateKilled}
	if a.Config, err = parseConfig(root, ConfigName); errors.Is(err, fs.ErrNotExist) {
		return nil, &NotARunError{dir, "is no run, it holds no " + ConfigName}
	} else if err != nil {
		return nil, err
	}
	a.Weights = a.Config.Weights()
	held := safefile.Held(root, lockName)
	if err := a.readLog(filepath.Join(dir, LogName)); err != nil {
		return nil, err
	}
	if a.Step == 0 {
		a.readPosition()
	}
	if held && a.State == StateKilled {
		a.State = StateRunning
	}
	return a, nil
}

// readLog reads what the log says; it need not be there.
func (a *Account) readLog(path string) error {
	for f := runlog.Follow(path); ; {
		entries, again, err := f.Next()
		if err != nil {
			return err
		}
		if again { // it was cut meanwhile
			a.Step, a.Seconds, a.State, a.valid = 0, 0, StateKilled, nil
		}
		if len(entries) == 0 {
			return nil
		}
		for _, e := range entries {
			a.add(e)
		}
	}
}

func (a *Account) add(e runlog.Entry) {
	var at struct {
		Seconds float64 `json:"seconds"`
	}
	if json.Unmarshal(e.Line, &at) == nil && at.Seconds > 0 {
		a.Seconds = at.Seconds
	}
	a.Step, a.State = e.Step, StateKilled
	switch e.Event {
	case "valid":
		var r ValidRecord
		if json.Unmarshal(e.Line, &r) == nil {
			r.Samples = nil
			a.valid = append(a.valid, r)
		}
	case StateDone, StateStopped, StateDiverged:
		a.State = e.Event
	}
}

// readPosition is for a run whose log is gone, or that has none, as one that was averaged: its checkpoint says less.
func (a *Account) readPosition() {
	for _, name := range []string{Last, Best} {
		f, err := checkpoint.Open(filepath.Join(a.Dir, name))
		if err != nil {
			continue
		}
		defer f.Close()
		var at Position
		if f.State(&at) != nil {
			continue
		}
		a.Step, a.Seconds, a.State = at.Step, at.Seconds, StateDone
		if at.BestLoss != nil {
			a.valid = []ValidRecord{{Step: at.BestStep, Loss: Float(*at.BestLoss)}}
		}
		return
	}
}

// measure is a measure of a validation by its name; false if there is none, or it is not finite.
func (r *ValidRecord) measure(name string) (float64, bool) {
	x := float64(r.Loss)
	if name != LossScore {
		i := slices.IndexFunc(r.named(), func(m namedMeasure) bool { return m.name == name })
		if i < 0 || r.named()[i].value == nil {
			return 0, false
		}
		x = float64(*r.named()[i].value)
	}
	return x, finite(x)
}

// lowerBetter says so of a measure.
func lowerBetter(name string) bool {
	return name == LossScore || slices.ContainsFunc((&Measures{}).named(), func(m namedMeasure) bool {
		return m.name == name && m.lower
	})
}

// Best is the best that validations have found by a measure, and after which step; false if none has it. That before the
// first step does not count, as it does not in training.
func (a *Account) Best(measure string) (value float64, step int, ok bool) {
	lower := lowerBetter(measure)
	for i := range a.valid {
		x, has := a.valid[i].measure(measure)
		if has && a.valid[i].Step > 0 && (!ok || lower && x < value || !lower && x > value) {
			value, step, ok = x, a.valid[i].Step, true
		}
	}
	return value, step, ok
}

// findDepth is how deep in a folder runs are looked for.
const findDepth = 4

// FindRuns finds the folders of runs in a folder, and those beside them that hold none. The folder itself may be a run.
// Links are not followed.
func FindRuns(dir string) (runs, others []string, err error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, nil, NewInputError("", err)
	}
	if !info.IsDir() {
		return nil, nil, &NotARunError{dir, "is a file"}
	}
	find(dir, findDepth, &runs, &others)
	if len(runs) == 0 {
		return nil, nil, &NotARunError{dir, "holds no run"}
	}
	return runs, others, nil
}

// find says whether there are runs in a folder.
func find(dir string, depth int, runs, others *[]string) bool {
	if info, err := os.Lstat(filepath.Join(dir, ConfigName)); err == nil && info.Mode().IsRegular() {
		*runs = append(*runs, dir)
		return true
	}
	entries, err := os.ReadDir(dir)
	if err != nil || depth == 0 {
		return false
	}
	some, without := false, []string{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case !e.IsDir() || strings.HasPrefix(e.Name(), "."):
		case find(path, depth-1, runs, others):
			some = true
		default:
			without = append(without, path)
		}
	}
	if some { // else the folder itself is named
		*others = append(*others, without...)
	}
	return some
}

// ReadAccounts reads all runs in folders, each of which may be a run. What was skipped is said in a line each: a run that
// is damaged, and folders that hold none. An error says that a folder holds no run, or only damaged ones.
func ReadAccounts(dirs []string) (accounts []*Account, skipped []string, err error) {
	var broken error
	seen := map[string]bool{}
	for _, dir := range dirs {
		runs, others, err := FindRuns(dir)
		if err != nil {
			return nil, nil, err
		}
		if len(others) > 0 {
			skipped = append(skipped, "skipped, for there is no run in it: "+strings.Join(others, ", "))
		}
		for _, path := range runs {
			if seen[filepath.Clean(path)] {
				continue
			}
			seen[filepath.Clean(path)] = true
			a, err := ReadAccount(path)
			if err != nil {
				broken = err
				skipped = append(skipped, "skipped: "+err.Error())
				continue
			}
			accounts = append(accounts, a)
		}
	}
	if len(accounts) == 0 {
		return nil, nil, broken
	}
	return accounts, skipped, nil
}
