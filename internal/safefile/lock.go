package safefile

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// Lock keeps a folder to one process. The operating system frees it when the process ends, however it ends.
type Lock struct{ f *os.File }

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

// TryLock takes the lock that a file in a folder stands for, and makes that file if need be. If another
// process, or an earlier call in this one, holds it, the error is a *LockedError, at once. What is there and no
// lock is an *Error, and stays as it is.
func TryLock(in *os.Root, name string) (*Lock, error) {
	f, err := Own(in, name)
	if err != nil {
		return nil, err
	}
	if err := lockNow(f, Path(in, name)); err != nil {
		f.Close()
		return nil, err
	}
	return &Lock{f}, nil
}

// lockNow takes the lock and writes who has it.
func lockNow(f *os.File, path string) error {
	holder, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return errors.WithStack(err)
	}
	pid, err := strconv.Atoi(strings.TrimSuffix(string(holder), "\n"))
	if len(holder) > 0 && (err != nil || pid < 0) {
		return errors.WithStack(&Error{Path: path, What: "it is not the lock of a folder", Writing: true})
	}
	if err := lockFile(f); isLocked(err) {
		return &LockedError{Path: path, PID: pid}
	} else if err != nil {
		return errors.Wrap(err, path)
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return errors.WithStack(err)
}

// WaitLock is TryLock that waits for another process until ctx ends; it calls waits once, if it has to.
func WaitLock(ctx context.Context, in *os.Root, name string, waits func(*LockedError)) (*Lock, error) {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		lock, err := TryLock(in, name)
		var held *LockedError
		if !errors.As(err, &held) {
			return lock, err
		}
		if waits != nil {
			waits(held)
			waits = nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Unlock frees the lock. The file stays, for removing it would race with the next to lock it.
func (l *Lock) Unlock() error { return errors.WithStack(l.f.Close()) }
