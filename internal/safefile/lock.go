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
	PID  int    // 0 if it is not known
	Host string // of that process; "": it is this one, or not known
}

func (e *LockedError) Error() string { return e.Path + ": held by " + e.Holder() }

// Holder is who has the lock: "process 12", with its host if that is another, or "another process".
func (e *LockedError) Holder() string {
	switch {
	case e.PID == 0:
		return "another process"
	case e.Host == "":
		return fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("process %d on %s", e.PID, e.Host)
}

// TryLock takes the lock that a file in a folder stands for, and makes that file if need be. If another
// process, or an earlier call in this one, holds it, the error is a *LockedError, at once. What is there and no
// lock is an *Error, and stays as it is.
func TryLock(in *os.Root, name string) (*Lock, error) {
	for {
		f, err := Own(in, name)
		if err != nil {
			return nil, err
		}
		err = lockNow(f, Path(in, name))
		if err == nil && stands(f, in, name) == nil { // who had the lock may have removed the file before it was free
			return &Lock{f}, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
	}
}

// lockNow takes the lock and writes who has it.
func lockNow(f *os.File, path string) error {
	content, err := io.ReadAll(io.LimitReader(f, 300))
	if err != nil {
		return errors.WithStack(err)
	}
	held, ok := holder(string(content))
	if !ok {
		return errors.WithStack(&Error{Path: path, What: "it is not the lock of a folder", Writing: true})
	}
	here, _ := os.Hostname() // where that fails, nobody is told of a host
	if err := lockFile(f); isLocked(err) {
		if held.Path = path; held.Host == here {
			held.Host = ""
		}
		return held
	} else if err != nil {
		return errors.Wrap(err, path)
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strings.TrimSpace(fmt.Sprintf("%d %s", os.Getpid(), here))+"\n"), 0)
	}
	return errors.WithStack(err)
}

// holder is who the contents of a lock name, its process and its host; false: they are no lock's.
func holder(content string) (held *LockedError, ok bool) {
	pid, host, _ := strings.Cut(strings.TrimSuffix(content, "\n"), " ")
	held = &LockedError{Host: host}
	if content == "" {
		return held, true
	}
	var err error
	held.PID, err = strconv.Atoi(pid)
	return held, err == nil && held.PID >= 0 && !strings.ContainsFunc(host, notOfHost)
}

// notOfHost says of a character that no host's name has it.
func notOfHost(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._", r))
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

// Held says whether a process holds the lock that a file in a folder stands for. It changes nothing there.
func Held(in *os.Root, name string) bool {
	f, err := OpenIn(in, name)
	if err != nil {
		return false
	}
	defer f.Close() // which frees what is taken now
	return isLocked(shareFile(f))
}

// Unlock frees the lock. The file stays, for removing it would race with the next to lock it.
func (l *Lock) Unlock() error { return errors.WithStack(l.f.Close()) }
