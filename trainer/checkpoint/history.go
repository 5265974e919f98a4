package checkpoint

import (
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// The past of a checkpoint lies beside it: that of last, as of step 380, is the folder last-380. Such a folder
// is only ever made by renaming one that is whole. A person may choose such a name, too: the manifest of last
// lists the steps that were kept, and what is not in that list is never removed, nor is a folder that holds
// anything but the files of a checkpoint.

// pastName is where the checkpoint of a step is kept after its name has another.
func pastName(name string, step int) string { return name + "-" + strconv.Itoa(step) }

// Past are the earlier checkpoints of a name to go back to, the newest first: those that were kept, whether
// they are whole or not, and others of whose manifest and name the steps are the same.
func (d Dir) Past(name string) ([]string, error) {
	steps := d.keptPast(name)
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return nil, errors.WithStack(err)
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), name+"-")
		step, err := strconv.Atoi(number)
		if !ok || err != nil || pastName(name, step) != e.Name() || slices.Contains(steps, step) {
			continue
		}
		if m, err := d.manifestOf(e.Name()); err == nil && m.Step == step {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	var names []string
	// if it is not there, Open finds it
	if _, err := d.stepOf(name); err != nil && d.exists(name) && d.exists(oldName(name)) {
		names = append(names, oldName(name))
	}
	for _, step := range slices.Backward(steps) {
		names = append(names, pastName(name, step))
	}
	return names, nil
}

// keptPast are the steps of a past that were kept, the newest first: those that the manifest lists and that are there.
func (d Dir) keptPast(name string) []int {
	m, err := d.manifestOf(name)
	if err != nil {
		if m, err = d.manifestOf(oldName(name)); err != nil {
			return nil
		}
	}
	return slices.DeleteFunc(m.Past, func(step int) bool { return !d.exists(pastName(name, step)) })
}

// nextPast is what the manifest of the next checkpoint of a name lists, which is of a step: that there is now,
// and what there was before. It may be more than is kept, so that after a crash it is known what to remove.
func (d Dir) nextPast(name string, keep, step int) []int {
	past := d.keptPast(name)
	for _, at := range []string{name, oldName(name)} {
		if now, err := d.stepOf(at); err == nil {
			if keep > 1 && now < step && !d.exists(pastName(name, now)) { // else it is listed already, or not ours
				past = append([]int{now}, past...)
			}
			break
		}
	}
	return past
}

// retire makes what was moved aside when a checkpoint was replaced a part of its past, and removes what the
// past holds too much: all but the newest keep-1, and what is not before the checkpoint of the name, which went
// on from an earlier one. That one is durable before; if it was damaged since, all stays as it is, for the past
// may be all that is left.
func (d Dir) retire(name string, keep int) error {
	now, err := d.stepOf(name)
	if err != nil {
		return nil
	}
	old := oldName(name)
	if d.exists(old) {
		step, err := d.stepOf(old)
		if d.Foreign(old) == nil && (err != nil || step >= now || keep < 2) {
			err = d.remove(old)
		} else if err == nil {
			err = d.keepAs(old, name, step)
		} else {
			err = d.Foreign(old)
		}
		if err != nil {
			return err
		}
	}
	kept := 1
	for _, step := range d.keptPast(name) {
		if step < now && kept < keep {
			kept++
			continue
		}
		if err := d.removePast(name, step); err != nil {
			return err
		}
	}
	return nil
}

// keepAs makes the checkpoint at a place that of a step in the past of name.
func (d Dir) keepAs(at, name string, step int) error {
	to := pastName(name, step)
	if slices.Contains(d.keptPast(name), step) {
		if err := d.removePast(name, step); err != nil {
			return err
		}
	}
	if d.exists(to) {
		return d.inTheWay(to, "a checkpoint is to be kept there")
	}
	return errors.WithStack(files.rename(d.root, at, to))
}

// removePast removes the checkpoint of a step that was kept; what has its name and is not that checkpoint stays.
func (d Dir) removePast(name string, step int) error {
	past := pastName(name, step)
	if now, err := d.stepOf(past); err == nil && now != step || d.Foreign(past) != nil {
		return nil
	}
	return d.remove(past)
}

// remove removes a checkpoint, so that no part of it is ever found under its name.
func (d Dir) remove(name string) error {
	if !d.exists(name) {
		return nil
	}
	if err := d.Foreign(name); err != nil {
		return err
	}
	gone := "." + strings.TrimPrefix(name, ".") + goneMark + strconv.FormatUint(rand.Uint64(), 10)
	if err := files.rename(d.root, name, gone); err != nil {
		return errors.WithStack(err)
	}
	return d.discard(gone)
}

// Foreign says what there is in the place of a checkpoint that is none: a file, or a folder with something else
// in it. Then it is a *safefile.Error.
func (d Dir) Foreign(name string) error {
	if err := d.foreignFile(name); err != nil {
		return err
	}
	if info, err := d.root.Lstat(name); err != nil || !info.IsDir() {
		return nil // of a link only the link is ever removed
	}
	entries, err := fs.ReadDir(d.root.FS(), name)
	if err != nil {
		return errors.WithStack(err)
	}
	for _, e := range entries {
		if e.IsDir() || e.Name() != manifestFile && !slices.Contains(contentFiles, e.Name()) {
			return d.inTheWay(filepath.Join(name, e.Name()), "it is not of a checkpoint")
		}
	}
	return nil
}

// foreignFile says that there is a file in the place of a folder.
func (d Dir) foreignFile(name string) error {
	if info, err := d.root.Lstat(name); err == nil && !info.IsDir() && info.Mode().Type() != fs.ModeSymlink {
		return d.inTheWay(name, "it is not the folder of a checkpoint")
	}
	return nil
}

func (d Dir) inTheWay(name, what string) error {
	return errors.WithStack(&safefile.Error{Path: d.path(name), What: what, Writing: true})
}

// discard removes the folder of a checkpoint, whole or not, or a link, file by file: what is not of a
// checkpoint stops it.
func (d Dir) discard(name string) error {
	info, err := d.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = d.Foreign(name)
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		for _, file := range append(slices.Clone(contentFiles), manifestFile) {
			if err := files.remove(d.root, filepath.Join(name, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return errors.WithStack(err)
			}
		}
	}
	return errors.WithStack(files.remove(d.root, name))
}

// manifestOf is the manifest of the checkpoint of a name, whose other files may be damaged.
func (d Dir) manifestOf(name string) (*manifest, error) {
	folder, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer folder.Close()
	f := &Folder{dir: d.path(name)}
	return &f.manifest, f.readManifest(folder)
}

// stepOf is the step of the checkpoint of a name, if its files are there.
func (d Dir) stepOf(name string) (int, error) {
	f, err := open(d.root, name, name)
	if err != nil {
		return 0, err
	}
	return f.Step(), f.Close()
}

// GoBack removes checkpoints that are damaged: that of the name, or some of its past, so that they do not count
// among those that are kept. The newest of the past that is left takes its place.
func (d Dir) GoBack(name string, damaged []string) error {
	past := d.keptPast(name)
	for len(past) > 0 && slices.Contains(damaged, pastName(name, past[0])) {
		if err := d.removePast(name, past[0]); err != nil {
			return err
		}
		past = past[1:]
	}
	if !slices.Contains(damaged, name) {
		return nil
	}
	from := oldName(name)
	if !d.exists(from) && len(past) > 0 {
		from = pastName(name, past[0])
	}
	if err := d.remove(name); err != nil || !d.exists(from) {
		return err
	}
	return errors.WithStack(files.rename(d.root, from, name))
}

// Drop removes a checkpoint, and leaves its past.
func (d Dir) Drop(name string) error { return d.remove(name) }

// Remove removes a checkpoint with its past, and what interrupted writes of it have left.
func (d Dir) Remove(name string) error {
	for _, step := range d.keptPast(name) {
		if err := d.removePast(name, step); err != nil {
			return err
		}
	}
	for _, at := range []string{oldName(name), name} {
		if err := d.remove(at); err != nil {
			return err
		}
	}
	return d.Sweep(name)
}
