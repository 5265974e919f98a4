// Package checkpoint keeps the state of a training run on disk, so that a crash, a kill or a full disk at any
// moment leaves a checkpoint that loads, and a damaged one is named and never used.
//
// A checkpoint is a folder: weights.safetensors, optimizer.safetensors, state.json, and manifest.json with the
// size and SHA-256 of each, because safetensors has no checksum of its own. Save replaces a folder as a whole
// and keeps as many of those before it as is asked for, Open reads one, and Past lists what to go back to if it
// is damaged.
//
// This package knows files and named arrays. It must not know what a model, an optimizer or an epoch is.
package checkpoint

import (
	"fmt"
	"strings"
)

// CorruptError says that a file of a checkpoint is not what was written, or not what this package writes.
type CorruptError struct {
	File   string
	Tensor string // "" if the error is not about one tensor
	What   string
}

func (e *CorruptError) Error() string {
	var parts []string
	if e.File != "" {
		parts = append(parts, e.File)
	}
	if e.Tensor != "" {
		parts = append(parts, fmt.Sprintf("tensor %q", e.Tensor))
	}
	return strings.Join(append(parts, e.What), ": ")
}

func corrupt(tensor, format string, args ...any) *CorruptError {
	return &CorruptError{Tensor: tensor, What: fmt.Sprintf(format, args...)}
}
