package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/internal/safefile"
)

// Folder is an open checkpoint. It stays the same even while Save replaces it.
type Folder struct {
	dir      string
	manifest manifest
	files    map[string]*os.File
}

// parent is where the folder of a checkpoint is: a folder that is held open, or one that is found anew by its path.
type parent interface {
	Name() string
	OpenRoot(name string) (*os.Root, error)
	Stat(name string) (fs.FileInfo, error)
}

// byPath is a folder by its path. A checkpoint in it may be a link to anywhere.
type byPath string

func (p byPath) Name() string { return string(p) }
func (p byPath) OpenRoot(name string) (*os.Root, error) {
	return os.OpenRoot(filepath.Join(string(p), name))
}
func (p byPath) Stat(name string) (fs.FileInfo, error) {
	return os.Stat(filepath.Join(string(p), name))
}

// Open opens the checkpoint in the folder dir and checks that its files are there with the sizes that the
// manifest says; their contents are checked as they are read. A folder that does not exist is fs.ErrNotExist, a
// damaged one a *CorruptError.
func Open(dir string) (*Folder, error) {
	return openOrOld(byPath(filepath.Dir(dir)), filepath.Base(dir))
}

// Open is Open of the checkpoint of a name. A link that leads out of the folder, or nowhere, is a *CorruptError.
func (d Dir) Open(name string) (*Folder, error) {
	f, err := openOrOld(d.root, name)
	if info, e := d.root.Lstat(name); errors.As(err, new(*fs.PathError)) && e == nil &&
		info.Mode().Type() == fs.ModeSymlink {
		return nil, &CorruptError{File: d.path(name), What: "it is a link that leads nowhere in its folder"}
	}
	return f, err
}

func openOrOld(in parent, name string) (*Folder, error) {
	const tries = 5
	for try := 1; ; try++ {
		f, err := open(in, name, name)
		if errors.Is(err, fs.ErrNotExist) {
			// Perhaps a Save moves it just now, or was killed between its renames.
			f, err = open(in, oldName(name), name)
		}
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || try == tries {
			return nil, err
		}
	}
}

// open opens the folder at, which messages call name.
func open(in parent, at, name string) (*Folder, error) {
	dir := filepath.Join(in.Name(), name)
	notThere := errors.WithStack(&fs.PathError{Op: "open", Path: dir, Err: fs.ErrNotExist})
	info, err := in.Stat(at)
	if err == nil && !info.IsDir() {
		return nil, &CorruptError{File: dir, What: "not a checkpoint, it is no folder"}
	}
	var root *os.Root
	if err == nil {
		root, err = in.OpenRoot(at) // pins the folder, so that all its files are of one checkpoint
	}
	var of *fs.PathError
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notThere
	} else if errors.As(err, &of) {
		return nil, errors.WithStack(&fs.PathError{Op: "open", Path: dir, Err: of.Err})
	}
	defer root.Close()
	f := &Folder{dir: dir, files: map[string]*os.File{}}
	if err := f.open(root); err != nil {
		f.Close()
		if moved(root, in, at, name) { // replaced under our hands: not damage
			err = notThere
		}
		return nil, err
	}
	return f, nil
}

// moved says that the folder opened as root is no longer the checkpoint of the name, so that its files may be going.
func moved(root *os.Root, in parent, at, name string) bool {
	now, err := in.Stat(name)
	if at != name {
		return err == nil // the successor of the one that was moved aside is there
	}
	opened, err2 := root.Stat(".")
	return err != nil || err2 != nil || !os.SameFile(opened, now)
}

func (f *Folder) open(root *os.Root) error {
	if err := f.readManifest(root); err != nil {
		return err
	}
	for _, name := range contentFiles {
		info, ok := f.manifest.Files[name]
		if !ok || len(f.manifest.Files) != len(contentFiles) {
			return f.name(manifestFile, corrupt("", "lists %d files, want %q", len(f.manifest.Files), contentFiles))
		}
		file, err := safefile.OpenIn(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			return f.name(name, corrupt("", "missing"))
		} else if err != nil {
			return f.name(name, err)
		}
		f.files[name] = file
		stat, err := file.Stat()
		if err != nil {
			return errors.WithStack(err)
		}
		if stat.Size() != info.Bytes {
			return f.name(name, f.sizeError(file, stat.Size(), info))
		}
	}
	return nil
}

func (f *Folder) readManifest(root *os.Root) error {
	m, err := safefile.OpenIn(root, manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &CorruptError{File: f.dir, What: "not a checkpoint, it holds no " + manifestFile}
	} else if err != nil {
		return f.name(manifestFile, err)
	}
	defer m.Close()
	data, err := readSmall(m)
	if err != nil {
		return f.name(manifestFile, err)
	}
	if n := bytes.Count(data, []byte(`"sha256"`)); n > maxFiles { // before each takes memory
		return f.name(manifestFile, corrupt("", "%d files, a checkpoint has at most %d", n, maxFiles))
	}
	if err := decodeJSON(data, &f.manifest); err != nil {
		return f.name(manifestFile, err)
	}
	if f.manifest.Format != manifestFormat {
		return f.name(manifestFile, corrupt("", "format %q, this version reads %q", f.manifest.Format, manifestFormat))
	}
	if sum, err := f.manifest.sum(); err != nil || f.manifest.CRC != "" && f.manifest.CRC != sum {
		return f.name(manifestFile, corrupt("", "not what was written, the checksum differs"))
	}
	if f.manifest.Step < 0 {
		return f.name(manifestFile, corrupt("", "step %d, want at least 0", f.manifest.Step))
	}
	if past := f.manifest.Past; len(past) > maxPast || slices.ContainsFunc(past, func(step int) bool { return step < 0 }) {
		return f.name(manifestFile, corrupt("", "a past of %d steps, want at most %d, none below 0", len(past), maxPast))
	}
	return nil
}

// sizeError says what a file of the wrong size is, with the tensor at which it is cut off if that can be told.
func (f *Folder) sizeError(file io.Reader, size int64, info fileInfo) error {
	e := corrupt("", "%d bytes, the manifest says %d", size, info.Bytes)
	var inner *CorruptError
	if _, err := ReadTensors(file, size); info.Tensors != nil && errors.As(err, &inner) {
		e.Tensor, e.What = inner.Tensor, fmt.Sprintf("%s: %s", inner.What, e.What)
	}
	return e
}

// name adds the file to an error.
func (f *Folder) name(file string, err error) error {
	path := filepath.Join(f.dir, file)
	var e *CorruptError
	if errors.As(err, &e) {
		e.File = path
		return e
	}
	var unfit *safefile.Error
	if errors.As(err, &unfit) {
		return &CorruptError{File: path, What: unfit.What}
	}
	return errors.Wrap(err, path)
}

// Step is the step that was saved.
func (f *Folder) Step() int { return f.manifest.Step }

// WeightsSHA256 is the checksum of the file of weights, in hex.
func (f *Folder) WeightsSHA256() string { return f.manifest.Files[weightsFile].SHA256 }

// Fits says whether the checkpoint has the weights of a model, by their names and shapes, and an optimizer's
// state of a few times their size. It reads headers only: a file that says it is larger than the model costs no
// memory.
func (f *Folder) Fits(weights []Tensor) error {
	have, err := f.header(weightsFile)
	if err != nil {
		return err
	}
	if err := graph.MatchTensors("weights", weights, have); err != nil {
		return &CorruptError{File: f.dir, What: err.Error() + ": the checkpoint is of another model"}
	}
	const (
		most  = 8       // numbers for each weight: moments, averages, what is not yet applied
		other = 1 << 28 // bytes for what does not grow with the weights, such as states that are carried on
	)
	if optimizer := f.manifest.Files[optimizerFile].Bytes; optimizer > most*f.manifest.Files[weightsFile].Bytes+other {
		return f.name(optimizerFile, corrupt("", "%d bytes, more than any optimizer has for these weights", optimizer))
	}
	return nil
}

// header is what one of the files says of its tensors.
func (f *Folder) header(name string) ([]Tensor, error) {
	file := f.files[name]
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, f.name(name, err)
	}
	entries, err := readHeader(file, f.manifest.Files[name].Bytes)
	if err != nil {
		return nil, f.name(name, err)
	}
	tensors := make([]Tensor, len(entries))
	for i, e := range entries {
		tensors[i] = Tensor{Name: e.name, Shape: e.shape}
	}
	return tensors, nil
}

// Weights reads the weights. A number that is not finite is a *CorruptError: no training saves one.
func (f *Folder) Weights() ([]Tensor, error) { return f.tensors(weightsFile) }

// Optimizer reads what else the next training step depends on, as Weights does.
func (f *Folder) Optimizer() ([]Tensor, error) { return f.tensors(optimizerFile) }

func (f *Folder) tensors(name string) ([]Tensor, error) {
	info := f.manifest.Files[name]
	file := f.files[name]
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, f.name(name, err)
	}
	sum := sha256.New()
	tensors, crcs, err := readTensors(io.TeeReader(file, sum), info.Bytes)
	if err != nil {
		return nil, f.name(name, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) == info.SHA256 {
		if tensor, i, bad := FirstNotFinite(tensors); bad {
			return nil, f.name(name, corrupt(tensor, "element %d is not finite: use another checkpoint", i))
		}
		return tensors, nil
	}
	for _, t := range tensors {
		if info.Tensors[t.Name] != crcString(crcs[t.Name]) {
			return nil, f.name(name, corrupt(t.Name, "its data is not what was written, the checksum differs"))
		}
	}
	return nil, f.name(name, corrupt("", "its header is not what was written, the checksum differs"))
}

// State decodes state.json into v, a pointer to a value of the type that was saved. A state with other fields,
// or written in another way than encoding/json writes v, is a *CorruptError.
func (f *Folder) State(v any) error {
	data, err := f.stateBytes()
	if err != nil {
		return err
	}
	if err := decodeJSON(data, v); err != nil {
		return f.name(stateFile, err)
	}
	return nil
}

func (f *Folder) stateBytes() ([]byte, error) {
	file := f.files[stateFile]
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, f.name(stateFile, err)
	}
	data, err := readSmall(file)
	if err != nil {
		return nil, f.name(stateFile, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.manifest.Files[stateFile].SHA256 {
		return nil, f.name(stateFile, corrupt("", "not what was written, the checksum differs"))
	}
	return data, nil
}

// Verify reads the whole checkpoint and says what is damaged, if anything is.
func (f *Folder) Verify() error {
	if _, err := f.stateBytes(); err != nil {
		return err
	}
	if _, err := f.Weights(); err != nil {
		return err
	}
	_, err := f.Optimizer()
	return err
}

// Close closes the checkpoint.
func (f *Folder) Close() error {
	var first error
	for _, file := range f.files {
		if err := file.Close(); first == nil {
			first = err
		}
	}
	return errors.WithStack(first)
}
