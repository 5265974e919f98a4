//go:build !unix

package checkpoint

import "time"

var began = time.Now()

func clock() time.Duration { return time.Since(began) }
