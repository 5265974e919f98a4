//go:build !unix

package interrupt

import (
	"os"
	"syscall"
)

var (
	// Signals ask to stop.
	Signals        = []os.Signal{os.Interrupt, syscall.SIGTERM}
	ignoredSignals []os.Signal
)
