// Package safefile opens files whose names others may have taken before: with a link, a pipe, a device, or a
// file that belongs to somebody else.
//
// What is read must be a regular file, and may be limited in size, so that no read waits for ever or takes all
// memory. What is written is in a folder that is held open, an os.Root, whatever becomes of its path meanwhile;
// it must be a regular file of one name, and is never reached through a link: no byte of another file is
// changed.
package safefile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
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

// Read is ReadIn of the file at a path, in its folder.
func Read(path string, limit int64) ([]byte, error) {
	in, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer in.Close()
	return ReadIn(in, filepath.Base(path), limit)
}

// ReadIn is the contents of a regular file of at most limit bytes in a folder. A link that leads out of the
// folder is an *Error, and so is what else is no file.
func ReadIn(in *os.Root, name string, limit int64) ([]byte, error) {
	f, err := OpenIn(in, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return all(Path(in, name), f, limit)
}

// OpenIn is Open of a file in a folder. A link that leads out of the folder is an *Error, and so is a folder.
func OpenIn(in *os.Root, name string) (*os.File, error) {
	f, err := in.OpenFile(name, os.O_RDONLY|noWait, 0)
	if info, e := in.Lstat(name); err != nil && e == nil && info.Mode().Type() == fs.ModeSymlink {
		return nil, errors.WithStack(&Error{Path: Path(in, name), What: "it is a link that leads nowhere in its folder"})
	}
	f, err = regular(Path(in, name), f, named(in, err))
	if errors.Is(err, syscall.EISDIR) {
		return nil, errors.WithStack(&Error{Path: Path(in, name), What: kind(fs.ModeDir)})
	}
	return f, err
}

// Path is what a message calls a file in a folder.
func Path(in *os.Root, name string) string { return filepath.Join(in.Name(), name) }

// named gives an error of a folder's the whole path of the file that it is about.
func named(in *os.Root, err error) error {
	var of *fs.PathError
	if !errors.As(err, &of) {
		return errors.WithStack(err)
	}
	return errors.WithStack(&fs.PathError{Op: of.Op, Path: Path(in, of.Path), Err: of.Err})
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

// Own opens a file of ours for reading and writing, and makes it, empty, if there is nothing of that name. A
// file that is there keeps its contents. Anything but a regular file of one name is an *Error: a change to it
// could be one to a file elsewhere.
func Own(in *os.Root, name string) (*os.File, error) {
	const tries = 3 // somebody may remove or make it in between
	for try := 1; ; try++ {
		f, err := own(in, name)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = Create(in, name)
		}
		again := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist)
		if err == nil || !again || try == tries {
			return f, err
		}
	}
}

// own opens what is there. The folder would follow a link to another of its files: what was opened must stand there.
func own(in *os.Root, name string) (*os.File, error) {
	if err := Ours(in, name); err != nil {
		return nil, err
	}
	f, err := in.OpenFile(name, os.O_RDWR|noWait, 0)
	if err != nil {
		return nil, named(in, err)
	}
	opened, err := f.Stat()
	if err == nil {
		err = ours(Path(in, name), opened)
	}
	if err == nil {
		err = stands(f, in, name)
	}
	if err != nil {
		f.Close()
		return nil, named(in, err)
	}
	return f, nil
}

// stands says what is wrong if a file that is open is not, or no longer, what has the name.
func stands(f *os.File, in *os.Root, name string) error {
	opened, err := f.Stat()
	if err != nil {
		return errors.WithStack(err)
	}
	now, err := in.Lstat(name)
	if err == nil && !os.SameFile(opened, now) {
		err = &Error{Path: Path(in, name), What: "something else is being put there", Writing: true}
	}
	return err
}

// Ours says why Own would refuse what has a name; nil if it would not, or if nothing has that name.
func Ours(in *os.Root, name string) error {
	info, err := in.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return named(in, err)
	}
	return ours(Path(in, name), info)
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

// kind says what there is instead of what is wanted.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "it is a file, not a folder"
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
func Create(in *os.Root, name string) (*os.File, error) {
	f, err := in.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	return f, named(in, err)
}

// Sync makes the names in a folder durable.
func Sync(in *os.Root) error {
	if runtime.GOOS == "windows" { // it has no call for it
		return nil
	}
	d, err := in.Open(".")
	if err != nil {
		return named(in, err)
	}
	defer d.Close()
	return errors.WithStack(d.Sync())
}

// MkdirIn makes a folder in a folder, if it is not there, and opens it. What is there and no folder is an
// *Error; so is a link, also to a folder, for it may lead to where nothing of ours is.
func MkdirIn(in *os.Root, name string) (*os.Root, error) {
	if err := in.Mkdir(name, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, named(in, err)
	}
	info, err := in.Lstat(name)
	if err == nil && !info.IsDir() {
		err = &Error{Path: Path(in, name), What: kind(info.Mode()), Writing: true}
	}
	if err != nil {
		return nil, named(in, err)
	}
	folder, err := in.OpenRoot(name)
	return folder, named(in, err)
}
