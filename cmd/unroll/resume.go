package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// mayContinue says why the run in the folder is not the one that the flags ask for.
func mayContinue(folder *runFolder, c *config) error {
	if difference, same := folder.before.repeats(*c); !same {
		return fail(exitNoOutput, "%s holds a run with other settings (%s): --overwrite to replace it, or choose another folder with --out", folder.dir, difference)
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
	if err := r.folder.clear(); err != nil {
		return err
	}
	if err := checkpoint.WriteFile(r.folder.path(configName), r.config.encode()); err != nil {
		return err
	}
	for name, data := range r.task.files() {
		if err := checkpoint.WriteFile(r.folder.path(name), data); err != nil {
			return err
		}
	}
	return nil
}

// goOn makes the folder ready for a run that was resumed.
func (r *training) goOn() error {
	if r.budget.spent(r.at.Step, r.at.Seconds) {
		return fail(exitNoOutput, "%s holds a run that is finished (%s steps): more --steps, --epochs or --minutes to train on, --overwrite to replace it, or choose another folder with --out",
			r.folder.dir, thousands(r.at.Step))
	}
	if err := r.task.verify(r.folder.dir); err != nil { // of the same data, so the same, unless it was damaged
		return err
	}
	return checkpoint.WriteFile(r.folder.path(configName), r.config.encode())
}

// resume loads the newest checkpoint that is whole; false if there never was one. A damaged one is skipped, but not in silence.
func (r *training) resume(stderr io.Writer) (found bool, err error) {
	var broken error
	for _, name := range []string{lastName, bestName} {
		dir := r.folder.path(name)
		if err := checkpoint.Recover(dir); err != nil {
			return false, outputError(dir, err)
		}
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		at, err := loadCheckpoint(dir, r.task, true)
		if err == nil {
			r.at = at
			return true, nil
		}
		if exitCode(err) != exitData {
			return false, err
		}
		fmt.Fprintf(stderr, "unroll: skipped a damaged checkpoint: %s\n", oneLine(err))
		broken = err
	}
	return false, broken
}

// resumeCommand is the command line that continues a run.
func resumeCommand(args []string, dir string) string {
	words := []string{"unroll"}
	hasOut := false
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--overwrite" || strings.HasPrefix(arg, "--resume="):
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
