//go:build unix

package safefile

import (
	"os"

	"golang.org/x/sys/unix"
)

func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// shareFile takes a lock that others may share, and that does not last.
func shareFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) }

func isLocked(err error) bool { return err == unix.EWOULDBLOCK }
