//go:build !unix

package run

import "runtime"

// peakMemory is the memory in bytes that the process has taken from the system: Go returns little of it, so it
// is close to the peak.
func peakMemory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
