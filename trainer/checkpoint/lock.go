package checkpoint

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

// FileLock keeps a folder to one process. The operating system frees it when the process ends, however it ends.
type FileLock struct{ f *os.File }

// LockedError says which process holds a lock.
type LockedError struct {
	Path string
	PID  int // 0 if it is not known
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s: held by another process", e.Path)
	}
	return fmt.Sprintf("%s: held by process %d", e.Path, e.PID)
}

// Lock takes the lock that the file at path stands for, and creates that file if need be. If another process, or an earlier
// call in this one, holds it, the error is a *LockedError, at once.
func Lock(path string) (*FileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	if err := lockFile(f); err != nil {
		defer f.Close()
		if !isLocked(err) {
			return nil, errors.Wrap(err, path)
		}
		holder, _ := io.ReadAll(io.LimitReader(f, 32))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(holder)))
		return nil, &LockedError{Path: path, PID: pid}
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, errors.WithStack(err)
	}
	return &FileLock{f}, nil
}

// Unlock frees the lock. The file stays, for removing it would race with the next to lock it.
func (l *FileLock) Unlock() error { return errors.WithStack(l.f.Close()) }
