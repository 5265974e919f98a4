//go:build !unix

package main

import "os"

var ignoredSignals []os.Signal
