//go:build unix

package main

import (
	"os"
	"syscall"
)

var ignoredSignals = []os.Signal{syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGXFSZ}
