package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// The files of a checkpoint.
const (
	weightsFile   = "weights.safetensors"
	optimizerFile = "optimizer.safetensors"
	stateFile     = "state.json"
	manifestFile  = "manifest.json"
)

var contentFiles = []string{optimizerFile, stateFile, weightsFile}

// IsPart says whether there is a file that belongs to a checkpoint.
func IsPart(path string) bool {
	dir, name := filepath.Split(path)
	if name != manifestFile && !slices.Contains(contentFiles, name) {
		return false
	}
	for _, needed := range []string{name, manifestFile} {
		if _, err := os.Lstat(filepath.Join(dir, needed)); err != nil {
			return false
		}
	}
	return true
}

// Contents is what a checkpoint holds.
type Contents struct {
	Weights   []Tensor // what the model is: enough to use it
	Optimizer []Tensor // what else its next training step depends on
	State     any      // where the training stands, as encoding/json writes it; see Folder.State
	Step      int      // what orders the checkpoints of a run, at least 0
}

// Dir is a folder in which checkpoints and other files of a run are written. It is held open: what is written
// is in this folder and nowhere else, whatever becomes of its path, and of links in it, meanwhile.
type Dir struct{ root *os.Root }

// In is the folder that root holds open.
func In(root *os.Root) Dir { return Dir{root} }

// Free is how many bytes there is room for in the file system of the folder; -1 if that is not known.
func (d Dir) Free() int64 { return freeBytes(d.root.Name()) }

// path is what messages call a file or a checkpoint in the folder.
func (d Dir) path(name string) string { return safefile.Path(d.root, name) }

func (d Dir) exists(name string) bool {
	_, err := d.root.Lstat(name)
	return err == nil
}

// oldName is where a checkpoint lies while its successor takes its place.
func oldName(name string) string { return "." + name + ".old" }

// Save replaces the checkpoint of a name, and keeps the keep-1 newest of those before it: see Past.
//
// Everything is written to a temporary folder beside it and has reached the disk before two renames put it in
// place; between these, the old checkpoint lies at a name where Open and Recover find it. Nothing is removed
// before those renames have reached the disk, too. So there is a whole checkpoint at every moment, and an error
// means that the old one stays; it is a *WriteError, or a *safefile.Error that names what is in the way. Only
// one process may save to a folder at a time.
func (d Dir) Save(name string, keep int, c Contents) error {
	state, err := encodeJSON(c.State)
	if err != nil {
		return errors.Wrap(err, "state")
	}
	need := contentBytes(c) + int64(len(state))
	if err := d.Recover(name, keep); err != nil {
		return d.writeError(name, need, err)
	}
	tmp, err := files.mkdirTemp(d.root, tempPrefix(name))
	if err != nil {
		return d.writeError(name, need, err)
	}
	if err = d.writeFolder(tmp, c, state, d.nextPast(name, keep, c.Step)); err == nil {
		err = d.replace(name, tmp)
	}
	if err != nil {
		d.discard(tmp) // first, so that the error tells of the space that a second attempt would find
		return d.writeError(name, need, err)
	}
	d.retire(name, keep) // what this leaves undone the next Save or Recover does
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

// writeFolder writes the files of a checkpoint into the folder tmp.
func (d Dir) writeFolder(tmp string, c Contents, state []byte, past []int) error {
	to, err := d.root.OpenRoot(tmp)
	if err != nil {
		return err
	}
	defer to.Close()
	m := manifest{Format: manifestFormat, Step: c.Step, Past: past, Files: map[string]fileInfo{}}
	for _, f := range []struct {
		name    string
		tensors []Tensor
	}{{weightsFile, c.Weights}, {optimizerFile, c.Optimizer}} {
		err := m.create(to, f.name, func(w io.Writer) (map[string]uint32, error) { return writeTensors(w, f.tensors) })
		if err != nil {
			return errors.Wrap(err, f.name)
		}
	}
	err = m.create(to, stateFile, func(w io.Writer) (map[string]uint32, error) {
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
		return errors.Errorf("the names of all tensors need a manifest of %d bytes, at most %d are read", len(data),
			maxManifest)
	}
	f, err := files.create(to, manifestFile)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := closeSynced(f, err); err != nil {
		return err
	}
	return files.syncDir(to)
}

// create writes one file and notes what it is.
func (m *manifest) create(to *os.Root, name string, write func(io.Writer) (map[string]uint32, error)) error {
	f, err := files.create(to, name)
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

// replace gives the folder tmp a name, and puts what had it aside; or leaves everything as it was.
func (d Dir) replace(name, tmp string) error {
	old := oldName(name)
	if d.exists(old) { // Recover has left it there, for what has the name is damaged
		if err := d.remove(name); err != nil {
			return err
		}
	} else if err := files.rename(d.root, name, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := files.rename(d.root, tmp, name)
	if err == nil {
		if err = files.syncDir(d.root); err == nil {
			return nil
		}
		files.rename(d.root, name, tmp)
	}
	files.rename(d.root, old, name) // and if this fails, too, Recover will do it
	return err
}

// Recover ends what a crash during Save left half done: a checkpoint that was moved aside comes back or becomes
// the past, of which keep-1 are kept, and what no checkpoint refers to any more is removed. If the one of the
// name is damaged, the one aside stays there.
func (d Dir) Recover(name string, keep int) error {
	if name != filepath.Base(name) {
		return errors.Errorf("checkpoint: %q is not the name of a checkpoint in its folder", name)
	}
	old := oldName(name)
	for _, name := range []string{name, old} {
		if err := d.foreignFile(name); err != nil {
			return err
		}
	}
	switch _, err := d.root.Lstat(name); {
	case err == nil:
		if d.exists(old) { // the name of its successor may not have reached the disk
			if err := files.syncDir(d.root); err != nil {
				return errors.WithStack(err)
			}
		}
		if err := d.retire(name, keep); err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := files.rename(d.root, old, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.WithStack(err)
		}
	default:
		return errors.WithStack(err)
	}
	return d.Sweep(name)
}
