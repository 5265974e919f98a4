//go:build !unix

package main

import "time"

// processorTime is what all threads of this process have used; 0 if that is unknown.
func processorTime() time.Duration { return 0 }
