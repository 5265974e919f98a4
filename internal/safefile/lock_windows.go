package safefile

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockFile locks one byte far behind the contents, so that others can still read who holds the lock.
func lockFile(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
}

// shareFile takes a lock that others may share, and that does not last.
func shareFile(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
		&windows.Overlapped{OffsetHigh: 1})
}

func isLocked(err error) bool { return err == windows.ERROR_LOCK_VIOLATION }
