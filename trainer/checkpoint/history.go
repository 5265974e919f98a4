package checkpoint

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

// The past of a checkpoint lies beside it: that of the folder last, as of step 380, is the folder last-380. Such a folder is only
// ever made by renaming one that is whole.

// pastName is where the checkpoint of a step is kept after dir has another.
func pastName(dir string, step int) string { return dir + "-" + strconv.Itoa(step) }

// Past are the earlier checkpoints of the folder dir that were kept, the newest first. Whether they are whole Open says.
func Past(dir string) ([]string, error) {
	steps, err := pastSteps(dir)
	paths := make([]string, len(steps))
	for i, s := range steps {
		paths[i] = pastName(dir, s)
	}
	return paths, err
}

func pastSteps(dir string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	var steps []int
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), filepath.Base(dir)+"-")
		if step, err := strconv.Atoi(number); ok && err == nil && strconv.Itoa(step) == number && e.IsDir() {
			steps = append(steps, step)
		}
	}
	slices.SortFunc(steps, func(a, b int) int { return cmp.Compare(b, a) })
	return steps, nil
}

// retire makes what was moved aside when dir was replaced a part of dir's past, and removes what the past holds too much: all but
// the newest keep-1, and what is not before the checkpoint in dir, which went on from an earlier one. The checkpoint in dir is
// durable before.
func retire(dir string, keep int) error {
	old := oldName(dir)
	now, damaged := stepOf(dir)
	step, err := stepOf(old)
	if err != nil || damaged == nil && (step >= now || keep < 2) {
		err = remove(old)
	} else {
		err = move(old, pastName(dir, step))
	}
	if err != nil || damaged != nil { // if dir was damaged since, the past may be all that is left
		return err
	}
	steps, err := pastSteps(dir)
	if err != nil {
		return err
	}
	kept := 1
	for _, step := range steps {
		if step < now && kept < keep {
			kept++
			continue
		}
		if err := remove(pastName(dir, step)); err != nil {
			return err
		}
	}
	return nil
}

// move renames a checkpoint, in the place of another if need be.
func move(from, to string) error {
	if err := remove(to); err != nil {
		return err
	}
	return errors.WithStack(files.rename(from, to))
}

// remove removes a checkpoint, so that no part of it is ever found under its name.
func remove(dir string) error {
	base := strings.TrimPrefix(filepath.Base(dir), ".")
	gone := filepath.Join(filepath.Dir(dir), tempPrefix(base)+"gone")
	if err := files.removeAll(gone); err != nil {
		return errors.WithStack(err)
	}
	if err := files.rename(dir, gone); err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return errors.WithStack(err)
	}
	return errors.WithStack(files.removeAll(gone))
}

// stepOf is the step of the checkpoint at path, by its manifest.
func stepOf(path string) (int, error) {
	f, err := open(path, path)
	if err != nil {
		return 0, err
	}
	return f.Step(), f.Close()
}

// Drop removes a checkpoint, and leaves its past.
func Drop(dir string) error { return remove(dir) }

// Remove removes a checkpoint with its past, and what interrupted writes of it have left.
func Remove(dir string) error {
	past, err := Past(dir)
	if err != nil {
		return err
	}
	for _, path := range append(past, oldName(dir), dir) {
		if err := remove(path); err != nil {
			return err
		}
	}
	return Sweep(filepath.Dir(dir), filepath.Base(dir))
}
