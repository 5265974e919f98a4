// Package safefile opens files whose names others may have taken before: with a link, a pipe, a device, or a file that belongs to
// somebody else.
//
// What is read must be a regular file, and may be limited in size, so that no read waits for ever or takes all memory. What is
// written must be a regular file of one name, and is never reached through a link, so that no byte of another file is changed.
package safefile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/pkg/errors"
)

// Error says that what has the name of a file cannot be used as one.
type Error struct {
	Path    string
	What    string
	Writing bool // the file was to be written
}

func (e *Error) Error() string {
	if e.Writing {
		return fmt.Sprintf("%s is in the way: %s: unroll leaves it as it is, move it away", e.Path, e.What)
	}
	return fmt.Sprintf("%s: %s: give a regular file", e.Path, e.What)
}

// Open opens a regular file for reading. A link is followed. Anything else than a regular file is an *Error, at once.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0)
	return regular(path, f, err)
}

// ReadIn is the contents of a regular file of at most limit bytes in the folder dir. A link that leads out of the folder is an
// *Error, and so is what else is no file.
func ReadIn(dir, name string, limit int64) ([]byte, error) {
	path := filepath.Join(dir, name)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer root.Close()
	f, err := OpenIn(root, name)
	var of *fs.PathError
	var unfit *Error
	switch {
	case errors.As(err, &unfit):
		return nil, errors.WithStack(&Error{Path: path, What: unfit.What})
	case errors.As(err, &of):
		return nil, errors.WithStack(&fs.PathError{Op: of.Op, Path: path, Err: of.Err})
	case err != nil:
		return nil, err
	}
	defer f.Close()
	return all(path, f, limit)
}

// OpenIn is Open of a file in a folder. A link that leads out of the folder is an *Error, and so is a folder.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|noWait, 0)
	if info, e := root.Lstat(name); err != nil && e == nil && info.Mode().Type() == fs.ModeSymlink {
		return nil, errors.WithStack(&Error{Path: name, What: "it is a link that leads nowhere in its folder"})
	}
	f, err = regular(name, f, err)
	if errors.Is(err, syscall.EISDIR) {
		return nil, errors.WithStack(&Error{Path: name, What: kind(fs.ModeDir)})
	}
	return f, err
}

func regular(path string, f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, errors.WithStack(err)
	}
	info, err := f.Stat()
	switch {
	case err == nil && info.IsDir():
		err = &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	case err == nil && !info.Mode().IsRegular():
		err = &Error{Path: path, What: kind(info.Mode())}
	}
	if err != nil {
		f.Close()
		return nil, errors.WithStack(err)
	}
	return f, nil
}

func all(path string, f *os.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, errors.WithStack(err)
	}
	size := info.Size()
	if size <= limit {
		data := make([]byte, size, size+1)
		var n int
		if n, err = io.ReadFull(f, data); err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
			return data[:n], nil
		}
		return nil, errors.WithStack(err)
	}
	return nil, errors.WithStack(&Error{Path: path, What: fmt.Sprintf("%d bytes, at most %d are read", size, limit)})
}

// Own opens a file of ours for reading and writing, and makes it, empty, if there is nothing of that name. A file that is there
// keeps its contents. Anything but a regular file of one name is an *Error: a change to it could be one to a file elsewhere.
func Own(path string) (*os.File, error) {
	const tries = 3 // somebody may remove or make it in between
	for try := 1; ; try++ {
		err := Ours(path)
		if err != nil {
			return nil, err
		}
		f, err := os.OpenFile(path, os.O_RDWR|noWait|noFollow, 0)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = Create(path)
		}
		if err != nil {
			if try < tries && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist)) {
				continue
			}
			return nil, errors.WithStack(err)
		}
		info, err := f.Stat()
		if err == nil {
			err = ours(path, info)
		}
		if err != nil {
			f.Close()
			return nil, errors.WithStack(err)
		}
		return f, nil
	}
}

// Ours says why Own would refuse what has a name; nil if it would not, or if nothing has that name.
func Ours(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return errors.WithStack(err)
	}
	return ours(path, info)
}

func ours(path string, info fs.FileInfo) error {
	what := ""
	if !info.Mode().IsRegular() {
		what = kind(info.Mode())
	} else if n := names(info); n > 1 {
		what = fmt.Sprintf("it is a file of %d names (hard links)", n)
	}
	if what == "" {
		return nil
	}
	return errors.WithStack(&Error{Path: path, What: what, Writing: true})
}

// kind says what a file is that is not regular.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "it is a link"
	case mode.IsDir():
		return "it is a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "it is a pipe, not a regular file"
	case mode&fs.ModeSocket != 0:
		return "it is a socket, not a regular file"
	case mode&fs.ModeDevice != 0:
		return "it is a device, not a regular file"
	}
	return "it is not a regular file"
}

// Create makes a file that is not there. Who may read it the user's umask says.
func Create(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	return f, errors.WithStack(err)
}
