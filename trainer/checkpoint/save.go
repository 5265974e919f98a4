package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"
)

// The files of a checkpoint.
const (
	weightsFile   = "weights.safetensors"
	optimizerFile = "optimizer.safetensors"
	stateFile     = "state.json"
	manifestFile  = "manifest.json"
)

var contentFiles = []string{optimizerFile, stateFile, weightsFile}

// Contents is what a checkpoint holds.
type Contents struct {
	Weights   []Tensor // what the model is: enough to use it
	Optimizer []Tensor // what else its next training step depends on
	State     any      // where the training stands, as encoding/json writes it; see Folder.State
	Step      int      // what orders the checkpoints of a run, at least 0
}

// oldName is where a folder lies while its successor takes its place.
func oldName(dir string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".old")
}

// Save replaces the checkpoint in the folder dir, whose parent must exist, and keeps the keep-1 newest of those before it: see Past.
//
// Everything is written to a temporary folder beside it and has reached the disk before two renames put it in place; between
// these, the old checkpoint lies at a name where Open and Recover find it. Nothing is removed before those renames have reached
// the disk, too. So there is a whole checkpoint at every moment, and an error means that the old one stays; it is a *WriteError, or
// a *safefile.Error that names what is in the way. Only one process may save to a folder at a time: see safefile.TryLock.
func Save(dir string, keep int, c Contents) error {
	state, err := encodeJSON(c.State)
	if err != nil {
		return errors.Wrap(err, "state")
	}
	need := contentBytes(c) + int64(len(state))
	if err := Recover(dir, keep); err != nil {
		return writeError(dir, need, err)
	}
	tmp, err := files.mkdirTemp(filepath.Dir(dir), tempPrefix(filepath.Base(dir)))
	if err != nil {
		return writeError(dir, need, err)
	}
	if err = writeFolder(tmp, c, state, nextPast(dir, keep, c.Step)); err == nil {
		err = replace(dir, tmp)
	}
	if err != nil {
		discard(tmp) // first, so that the error tells of the space that a second attempt would find
		return writeError(dir, need, err)
	}
	retire(dir, keep) // what this leaves undone the next Save or Recover does
	return nil
}

// contentBytes is about how much a checkpoint needs on disk.
func contentBytes(c Contents) int64 {
	total := int64(0)
	for _, t := range slices.Concat(c.Weights, c.Optimizer) {
		dtype, n, _ := describe(t.Data)
		total += int64(n)*int64(dtypes[dtype]) + 128 // its share of headers and manifest
	}
	return total
}

func writeFolder(tmp string, c Contents, state []byte, past []int) error {
	m := manifest{Format: manifestFormat, Step: c.Step, Past: past, Files: map[string]fileInfo{}}
	for _, f := range []struct {
		name    string
		tensors []Tensor
	}{{weightsFile, c.Weights}, {optimizerFile, c.Optimizer}} {
		err := m.create(tmp, f.name, func(w io.Writer) (map[string]uint32, error) { return writeTensors(w, f.tensors) })
		if err != nil {
			return errors.Wrap(err, f.name)
		}
	}
	err := m.create(tmp, stateFile, func(w io.Writer) (map[string]uint32, error) {
		_, err := w.Write(state)
		return nil, err
	})
	if err != nil {
		return err
	}
	if m.CRC, err = m.sum(); err != nil {
		return err
	}
	data, err := encodeJSON(m)
	if err != nil {
		return err
	}
	if len(data) > maxManifest {
		return errors.Errorf("the names of all tensors need a manifest of %d bytes, at most %d are read", len(data), maxManifest)
	}
	f, err := files.create(filepath.Join(tmp, manifestFile))
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := closeSynced(f, err); err != nil {
		return err
	}
	return files.syncDir(tmp)
}

// create writes one file and notes what it is.
func (m *manifest) create(dir, name string, write func(io.Writer) (map[string]uint32, error)) error {
	f, err := files.create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	sum := sha256.New()
	c := &counter{w: io.MultiWriter(f, sum)}
	crcs, err := write(c)
	if err := closeSynced(f, err); err != nil {
		return err
	}
	info := fileInfo{Bytes: c.n, SHA256: hex.EncodeToString(sum.Sum(nil))}
	if len(crcs) > 0 {
		info.Tensors = make(map[string]string, len(crcs))
		for name, crc := range crcs {
			info.Tensors[name] = crcString(crc)
		}
	}
	m.Files[name] = info
	return nil
}

// replace puts the folder tmp in the place of dir, and what was there aside; or leaves everything as it was.
func replace(dir, tmp string) error {
	old := oldName(dir)
	if _, err := os.Lstat(old); err == nil { // Recover has left it there, for what is in dir is damaged
		if err := remove(dir); err != nil {
			return err
		}
	} else if err := files.rename(dir, old); err != nil && !os.IsNotExist(err) {
		return err
	}
	err := files.rename(tmp, dir)
	if err == nil {
		if err = files.syncDir(filepath.Dir(dir)); err == nil {
			return nil
		}
		files.rename(dir, tmp)
	}
	files.rename(old, dir) // and if this fails, too, Recover will do it
	return err
}

// Recover ends what a crash during Save left half done: a checkpoint that was moved aside comes back or becomes the past, of which
// keep-1 are kept, and what no checkpoint refers to any more is removed. If the one in dir is damaged, the one aside stays there.
func Recover(dir string, keep int) error {
	old := oldName(dir)
	for _, path := range []string{dir, old} {
		if err := foreignFile(path); err != nil {
			return err
		}
	}
	switch _, err := os.Stat(dir); {
	case err == nil:
		if _, err := os.Stat(old); err == nil { // the name of its successor may not have reached the disk
			if err := files.syncDir(filepath.Dir(dir)); err != nil {
				return errors.WithStack(err)
			}
		}
		if err := retire(dir, keep); err != nil {
			return err
		}
	case os.IsNotExist(err):
		if err := files.rename(old, dir); err != nil && !os.IsNotExist(err) {
			return errors.WithStack(err)
		}
	default:
		return errors.WithStack(err)
	}
	return Sweep(filepath.Dir(dir), filepath.Base(dir))
}
