// Package include holds the project's declarations of CUDA as files, for tests that compile against them
// wherever they run.
package include

import "embed"

//go:embed *.h
var Files embed.FS
