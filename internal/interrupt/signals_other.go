//go:build !unix

package interrupt

import (
	"os"
	"syscall"
)

var (
	stopSignals    = []os.Signal{os.Interrupt, syscall.SIGTERM}
	ignoredSignals []os.Signal
)
