package main

import (
	"fmt"

	"github.com/unroll-ml/unroll/datasets"
)

// skipFlags say what becomes of lines that cannot be used.
type skipFlags struct {
	SkipBad bool `group:"Data:" help:"Leave out lines that cannot be used, and say how many, instead of stopping at the first."`
}

// mark notes in sources, any of which may be nil, what is wanted of their lines.
func (f *skipFlags) mark(sources ...*sourceConfig) {
	for _, s := range sources {
		if s != nil {
			s.SkipBad = f.SkipBad
		}
	}
}

// leftOut says what a reader left out, if it left out anything.
func leftOut(name string, s datasets.Skipped) []string {
	if s.Count == 0 {
		return nil
	}
	return []string{fmt.Sprintf("left out of %s: %s, the first because: %v", name, count(s.Count, "line that cannot be used", "lines that cannot be used"), s.First)}
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}
