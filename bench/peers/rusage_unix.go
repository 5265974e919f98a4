//go:build unix

package main

import (
	"syscall"
	"time"
)

// processorTime is what all threads of this process have used; 0 if that is unknown.
func processorTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
