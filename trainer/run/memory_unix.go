//go:build unix

package run

import (
	"runtime"
	"syscall"
)

// peakMemory is the most memory in bytes that the process has had resident so far.
func peakMemory() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(u.Maxrss) // counted in bytes there, in KiB elsewhere
	}
	return int64(u.Maxrss) << 10
}
