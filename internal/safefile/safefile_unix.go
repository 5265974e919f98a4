//go:build unix

package safefile

import (
	"io/fs"
	"syscall"
)

const noWait = syscall.O_NONBLOCK // for the other end of a pipe

// names is how many names a file has.
func names(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink)
	}
	return 1
}
