//go:build linux || darwin

package checkpoint

import "golang.org/x/sys/unix"

// freeBytes is what an ordinary user may still write in the file system of dir, or -1 if that is not known.
func freeBytes(dir string) int64 {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
