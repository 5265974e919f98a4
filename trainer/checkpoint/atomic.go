package checkpoint

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// WriteError says that something could not be written. What was there before is still there, whole.
type WriteError struct {
	Path string
	Need int64 // bytes, or 0 if that is not known
	Free int64 // bytes free in that file system, or -1 if that is not known
	Err  error
}

func (e *WriteError) Error() string {
	// The operating system's reason without the name of the temporary file, which is gone.
	reason := e.Err
	var path *fs.PathError
	if errors.As(e.Err, &path) {
		reason = path.Err
	}
	s := fmt.Sprintf("%s: %v", e.Path, reason)
	switch {
	case errors.Is(e.Err, fs.ErrNotExist):
		return fmt.Sprintf("%s: the folder %s does not exist: make it first", e.Path, filepath.Dir(e.Path))
	case errors.Is(e.Err, fs.ErrPermission): // no room would help
	case e.Need > 0:
		s += fmt.Sprintf(": %d bytes are needed", e.Need)
		if e.Free >= 0 {
			s += fmt.Sprintf(", %d are free", e.Free)
		}
	}
	return s
}

func (e *WriteError) Unwrap() error { return e.Err }

// Unwritten is a *WriteError about need bytes of a file at path, for which err is the reason; nil if err is nil.
func Unwritten(path string, need int64, err error) error {
	if err == nil {
		return nil
	}
	return writeError(path, need, err)
}

// writeError is the error of what could not be written; what was in the way is named as it is.
func writeError(path string, need int64, err error) error {
	var inTheWay *safefile.Error
	if errors.As(err, &inTheWay) {
		return err
	}
	return &WriteError{Path: path, Need: need, Free: freeBytes(filepath.Dir(path)), Err: err}
}

// writeError is the error of a checkpoint that could not be written.
func (d Dir) writeError(name string, need int64, err error) error {
	return writeError(d.path(name), need, err)
}

// WriteFile replaces a file: after a crash at any moment it has its old contents or the new, never a part of
// them. A link of that name is replaced, and what it points to stays. An error is a *WriteError, or a
// *safefile.Error that names what is in the way.
func (d Dir) WriteFile(name string, data []byte) error {
	return d.write(name, int64(len(data)), func(f io.Writer) error {
		_, err := f.Write(data)
		return err
	})
}

// Write is WriteFile of what fill writes, which need not be in memory. An error of fill is the reason of the
// *WriteError.
func (d Dir) Write(name string, fill func(io.Writer) error) error {
	if fill == nil {
		return errors.New("checkpoint: there is no function that writes the file")
	}
	return d.write(name, 0, func(f io.Writer) error {
		to := bufio.NewWriter(f)
		if err := fill(to); err != nil {
			return err
		}
		return to.Flush()
	})
}

func (d Dir) write(name string, need int64, fill func(io.Writer) error) error {
	f, err := files.createTemp(d.root, tempPrefix(name))
	if err != nil {
		return d.writeError(name, need, err)
	}
	tmp := filepath.Base(f.Name())
	if err = closeSynced(f, fill(f)); err == nil {
		err = files.rename(d.root, tmp, name)
	}
	if err == nil {
		err = files.syncDir(d.root)
	}
	if err != nil {
		files.remove(d.root, tmp)
		return d.writeError(name, need, err)
	}
	return nil
}

// Scratch is an empty file for what is to become a file of that name, or not. Nothing is left of it when it is closed.
func (d Dir) Scratch(name string) (*os.File, error) {
	f, err := safefile.Scratch(d.root, tempPrefix(name))
	return f, Unwritten(d.path(name), 0, err)
}

// tempPrefix begins the names of what is written before it becomes name.
func tempPrefix(name string) string { return "." + name + tempMark }

const (
	tempMark = ".tmp-"
	goneMark = ".gone-" // instead, in the name of a checkpoint that is being removed
)

// Sweep removes what interrupted writes of files or checkpoints of these names have left: files, and folders
// that hold nothing but files of a checkpoint. Nobody else may be writing them.
func (d Dir) Sweep(names ...string) error {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return errors.WithStack(err)
	}
	for _, e := range entries {
		if !slices.ContainsFunc(names, func(name string) bool { return isTemp(e.Name(), name) }) {
			continue
		}
		switch {
		case e.Type().IsRegular():
			err = files.remove(d.root, e.Name())
		case e.IsDir() && d.Foreign(e.Name()) == nil:
			err = d.discard(e.Name())
		}
		if err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}

// isTemp says whether a file is what an interrupted write of name, or of its past, has left.
func isTemp(file, name string) bool {
	rest, ok := strings.CutPrefix(file, "."+name)
	if ok && strings.HasPrefix(rest, "-") {
		rest = strings.TrimLeft(rest, "-0123456789")
	}
	rest = strings.TrimPrefix(rest, ".old")
	return ok && (safefile.IsTemp(rest, tempMark) || safefile.IsTemp(rest, goneMark))
}

// counter counts the bytes that pass to w.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
