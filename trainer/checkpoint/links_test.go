//go:build unix

package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// instead puts a link in the place of what there is at a path, which moves aside. What is not there is not replaced.
func instead(t *testing.T, path, elsewhere string) {
	t.Helper()
	err := os.Rename(path, path+"-aside")
	if err == nil {
		err = os.Symlink(elsewhere, path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

// Whatever becomes a link to a folder elsewhere while a checkpoint is saved, and before whichever call to the
// disk: nothing is written elsewhere, nor removed, though the files there have the same names.
func TestLinksWhileSaving(t *testing.T) {
	swaps, next := 0, 1
	if testing.Short() {
		next = 5
	}
	for _, swapped := range []string{".", "last", "last-4", ".last.old", ".last.tmp-*", ".last.gone-*"} {
		for at := 1; ; at += next {
			parent, elsewhere := t.TempDir(), t.TempDir()
			run := filepath.Join(parent, "run")
			if err := os.Mkdir(run, 0o777); err != nil {
				t.Fatal(err)
			}
			var checks []func()
			for _, name := range []string{manifestFile, weightsFile, optimizerFile, stateFile, "last/" + manifestFile} {
				checks = append(checks, precious(t, filepath.Join(elsewhere, name)))
			}
			dir := filepath.Join(run, "last")
			d := &faultyDisk{dir: dir, failAt: at, instead: func() {
				paths, err := filepath.Glob(filepath.Join(run, swapped))
				if err != nil {
					t.Fatal(err)
				}
				for _, path := range paths {
					instead(t, path, elsewhere)
				}
			}}
			err := within(dir, func(to Dir, name string) error {
				for step := 3; step <= 5; step++ {
					if err := onDisk(&faultyDisk{dir: dir}, func() error { return to.Save(name, 2, contents(step)) }); err != nil {
						t.Fatal(err)
					}
				}
				first := onDisk(d, func() error { return to.Save(name, 2, contents(6)) })
				d.instead = nil
				return errors.Join(first, onDisk(d, func() error { return to.Save(name, 2, contents(7)) }), to.Remove(name))
			})
			what := fmt.Sprintf("%s is a link before call %d (%v)", swapped, at, err)
			for _, check := range checks {
				check()
			}
			if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 5 {
				t.Errorf("%s: then there is %v elsewhere, %v", what, entries, err)
			}
			if entries, err := os.ReadDir(filepath.Join(elsewhere, "last")); err != nil || len(entries) != 1 {
				t.Errorf("%s: then there is %v elsewhere, %v", what, entries, err)
			}
			if t.Failed() {
				t.Fatal(what)
			}
			if !d.failed {
				break
			}
			swaps++
		}
	}
	t.Logf("%d times", swaps)
}

// A checkpoint that is a link out of the folder of the run is not loaded from there by the run that writes it.
func TestOpenOfALink(t *testing.T) {
	elsewhere, dir := filepath.Join(t.TempDir(), "other"), filepath.Join(t.TempDir(), "last")
	mustSave(t, elsewhere, 7)
	if err := os.Symlink(elsewhere, dir); err != nil {
		t.Fatal(err)
	}
	var e *CorruptError
	if err := within(dir, func(d Dir, name string) error { _, err := d.Open(name); return err }); !errors.As(err, &e) ||
		e.File != dir {
		t.Errorf("through the folder: %v", err)
	}
	wantStep(t, dir, 7) // by its path, for who reads it
}
