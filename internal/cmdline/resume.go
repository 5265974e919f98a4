package cmdline

import (
	"slices"
	"strings"
)

// Resume is the command line that continues the run in a folder, which a program called so began with these
// arguments.
func Resume(calledAs string, args []string, dir string) string {
	words := []string{calledAs}
	hasOut := false
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--overwrite" || strings.HasPrefix(arg, "--overwrite=") || strings.HasPrefix(arg, "--resume="):
			continue
		case arg == "--resume":
			i++
			continue
		case arg == "--out" || strings.HasPrefix(arg, "--out="):
			hasOut = true
		}
		words = append(words, Quote(args[i]))
	}
	if !hasOut {
		words = append(words, "--out", Quote(dir))
	}
	return strings.Join(words, " ")
}

// Quote is a word as a shell reads it.
func Quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
			strings.ContainsRune("-_=./,:+@%", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// QuoteAll is a command line as a shell reads it.
func QuoteAll(words []string) string {
	words = slices.Clone(words)
	for i, w := range words {
		words[i] = Quote(w)
	}
	return strings.Join(words, " ")
}
