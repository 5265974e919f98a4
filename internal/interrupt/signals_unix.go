//go:build unix

package interrupt

import (
	"os"
	"syscall"
)

var (
	// Signals ask to stop.
	Signals        = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1}
	ignoredSignals = []os.Signal{syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGXFSZ}
)
