package checkpoint

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// The past of a checkpoint lies beside it: that of the folder last, as of step 380, is the folder last-380. Such a folder is only
// ever made by renaming one that is whole. A person may choose such a name, too: the manifest of last lists the steps that were
// kept, and what is not in that list is never removed, nor is a folder that holds anything but the files of a checkpoint.

// pastName is where the checkpoint of a step is kept after dir has another.
func pastName(dir string, step int) string { return dir + "-" + strconv.Itoa(step) }

// Past are the earlier checkpoints of the folder dir to go back to, the newest first: those that were kept, whether they are whole
// or not, and others of whose manifest and name the steps are the same.
func Past(dir string) ([]string, error) {
	steps := keptPast(dir)
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), filepath.Base(dir)+"-")
		step, err := strconv.Atoi(number)
		if !ok || err != nil || pastName(dir, step) != filepath.Join(filepath.Dir(dir), e.Name()) || slices.Contains(steps, step) {
			continue
		}
		if m, err := manifestOf(pastName(dir, step)); err == nil && m.Step == step {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	var paths []string
	if _, err := stepOf(dir); err != nil && exists(dir) && exists(oldName(dir)) { // without dir, Open finds it
		paths = append(paths, oldName(dir))
	}
	for _, step := range slices.Backward(steps) {
		paths = append(paths, pastName(dir, step))
	}
	return paths, nil
}

// keptPast are the steps of the past of dir that were kept, the newest first: those that the manifest lists and that are there.
func keptPast(dir string) []int {
	m, err := manifestOf(dir)
	if err != nil {
		if m, err = manifestOf(oldName(dir)); err != nil {
			return nil
		}
	}
	return slices.DeleteFunc(m.Past, func(step int) bool { return !exists(pastName(dir, step)) })
}

// nextPast is what the manifest of the next checkpoint in dir lists, which is of a step: that there is now, and what there was before.
// It may be more than is kept, so that after a crash it is known what to remove.
func nextPast(dir string, keep, step int) []int {
	past := keptPast(dir)
	for _, path := range []string{dir, oldName(dir)} {
		if now, err := stepOf(path); err == nil {
			if keep > 1 && now < step && !exists(pastName(dir, now)) { // else it is listed already, or not ours
				past = append([]int{now}, past...)
			}
			break
		}
	}
	return past
}

// retire makes what was moved aside when dir was replaced a part of dir's past, and removes what the past holds too much: all but
// the newest keep-1, and what is not before the checkpoint in dir, which went on from an earlier one. The checkpoint in dir is
// durable before; if it was damaged since, all stays as it is, for the past may be all that is left.
func retire(dir string, keep int) error {
	now, err := stepOf(dir)
	if err != nil {
		return nil
	}
	old := oldName(dir)
	if exists(old) {
		step, err := stepOf(old)
		if Foreign(old) == nil && (err != nil || step >= now || keep < 2) {
			err = remove(old)
		} else if err == nil {
			err = keepAs(old, dir, step)
		} else {
			err = Foreign(old)
		}
		if err != nil {
			return err
		}
	}
	kept := 1
	for _, step := range keptPast(dir) {
		if step < now && kept < keep {
			kept++
			continue
		}
		if err := removePast(dir, step); err != nil {
			return err
		}
	}
	return nil
}

// keepAs makes the checkpoint at path that of a step in the past of dir.
func keepAs(path, dir string, step int) error {
	to := pastName(dir, step)
	if slices.Contains(keptPast(dir), step) {
		if err := removePast(dir, step); err != nil {
			return err
		}
	}
	if exists(to) {
		return inTheWay(to, "a checkpoint is to be kept there")
	}
	return errors.WithStack(files.rename(path, to))
}

// removePast removes the checkpoint of a step that was kept; what has its name and is not that checkpoint stays.
func removePast(dir string, step int) error {
	path := pastName(dir, step)
	if now, err := stepOf(path); err == nil && now != step || Foreign(path) != nil {
		return nil
	}
	return remove(path)
}

// remove removes a checkpoint, so that no part of it is ever found under its name.
func remove(dir string) error {
	if !exists(dir) {
		return nil
	}
	if err := Foreign(dir); err != nil {
		return err
	}
	base := strings.TrimPrefix(filepath.Base(dir), ".")
	gone := filepath.Join(filepath.Dir(dir), "."+base+goneMark+strconv.FormatUint(rand.Uint64(), 10))
	if err := files.rename(dir, gone); err != nil {
		return errors.WithStack(err)
	}
	return discard(gone)
}

// Foreign says what there is in the place of a checkpoint that is none: a file, or a folder with something else in it. Then it is
// a *safefile.Error.
func Foreign(dir string) error {
	if err := foreignFile(dir); err != nil {
		return err
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return nil // of a link only the link is ever removed
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return errors.WithStack(err)
	}
	for _, e := range entries {
		if e.IsDir() || e.Name() != manifestFile && !slices.Contains(contentFiles, e.Name()) {
			return inTheWay(filepath.Join(dir, e.Name()), "it is not of a checkpoint")
		}
	}
	return nil
}

// foreignFile says that there is a file in the place of a folder.
func foreignFile(dir string) error {
	if info, err := os.Lstat(dir); err == nil && !info.IsDir() && info.Mode().Type() != os.ModeSymlink {
		return inTheWay(dir, "it is not the folder of a checkpoint")
	}
	return nil
}

func inTheWay(path, what string) error {
	return errors.WithStack(&safefile.Error{Path: path, What: what, Writing: true})
}

// discard removes the folder of a checkpoint, whole or not, or a link, file by file: what is not of a checkpoint stops it.
func discard(dir string) error {
	info, err := os.Lstat(dir)
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = Foreign(dir)
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		for _, name := range append(slices.Clone(contentFiles), manifestFile) {
			if err := files.remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
				return errors.WithStack(err)
			}
		}
	}
	return errors.WithStack(files.remove(dir))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// manifestOf is the manifest of the checkpoint at path, whose other files may be damaged.
func manifestOf(path string) (*manifest, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer root.Close()
	f := &Folder{dir: path}
	return &f.manifest, f.readManifest(root)
}

// stepOf is the step of the checkpoint at path, if its files are there.
func stepOf(path string) (int, error) {
	f, err := open(path, path)
	if err != nil {
		return 0, err
	}
	return f.Step(), f.Close()
}

// GoBack removes checkpoints that are damaged: that in the folder dir, or some of its past, so that they do not count among those
// that are kept. The newest of the past that is left takes the place of that in dir.
func GoBack(dir string, damaged []string) error {
	past := keptPast(dir)
	for len(past) > 0 && slices.Contains(damaged, pastName(dir, past[0])) {
		if err := removePast(dir, past[0]); err != nil {
			return err
		}
		past = past[1:]
	}
	if !slices.Contains(damaged, dir) {
		return nil
	}
	from := oldName(dir)
	if !exists(from) && len(past) > 0 {
		from = pastName(dir, past[0])
	}
	if err := remove(dir); err != nil || !exists(from) {
		return err
	}
	return errors.WithStack(files.rename(from, dir))
}

// Drop removes a checkpoint, and leaves its past.
func Drop(dir string) error { return remove(dir) }

// Remove removes a checkpoint with its past, and what interrupted writes of it have left.
func Remove(dir string) error {
	for _, step := range keptPast(dir) {
		if err := removePast(dir, step); err != nil {
			return err
		}
	}
	for _, path := range []string{oldName(dir), dir} {
		if err := remove(path); err != nil {
			return err
		}
	}
	return Sweep(filepath.Dir(dir), filepath.Base(dir))
}
