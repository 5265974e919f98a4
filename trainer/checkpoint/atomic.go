package checkpoint

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pkg/errors"
)

// WriteError says that something could not be written. What was there before is still there, whole.
type WriteError struct {
	Path string
	Need int64 // bytes
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
	s := fmt.Sprintf("%s: %v: %d bytes are needed", e.Path, reason, e.Need)
	if e.Free >= 0 {
		s += fmt.Sprintf(", %d are free", e.Free)
	}
	return s
}

func (e *WriteError) Unwrap() error { return e.Err }

func writeError(path string, need int64, err error) error {
	return &WriteError{Path: path, Need: need, Free: freeBytes(filepath.Dir(path)), Err: err}
}

// WriteFile replaces a file: after a crash at any moment it has its old contents or the new, never a part of them. An error is
// a *WriteError.
func WriteFile(path string, data []byte) error {
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	f, err := os.CreateTemp(dir, tempPrefix(name)+"*")
	if err != nil {
		return writeError(path, int64(len(data)), err)
	}
	tmp := f.Name()
	_, err = f.Write(data)
	if err = closeSynced(f, err); err == nil {
		err = os.Chmod(tmp, 0o644)
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		os.Remove(tmp)
		return writeError(path, int64(len(data)), err)
	}
	return nil
}

// tempPrefix begins the names of what is written before it becomes name.
func tempPrefix(name string) string { return "." + name + ".tmp-" }

// sweep removes what interrupted writes of name have left in dir.
func sweep(dir, name string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return errors.WithStack(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix(name)) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return errors.WithStack(err)
			}
		}
	}
	return nil
}

// closeSynced closes a file after its contents have reached the disk, unless err is an earlier failure.
func closeSynced(f *os.File, err error) error {
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// syncDir makes the names in a folder durable, where the system has a call for it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return closeSynced(d, nil)
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
