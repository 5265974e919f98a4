package main

import (
	"regexp"
	"slices"
	"strings"
)

// escapes are what a terminal obeys and does not show, but for the one that removes the rest of a line.
var escapes = regexp.MustCompile("\x1b\\][^\x07]*\x07|\x1b\\[[0-9;?]*[A-JL-Za-z]|\x07")

const clear = "\x1b[K"

const columns = 80

// screen are the lines that a terminal shows of what was written to it.
func screen(text string) (lines []string) {
	text = strings.TrimSuffix(escapes.ReplaceAllString(text, ""), "\n")
	for _, line := range strings.Split(text, "\n") {
		shown := []rune(strings.TrimRight(row(line), " "))
		for ; len(shown) > columns; shown = shown[columns:] { // the terminal goes on in the next line
			lines = append(lines, string(shown[:columns]))
		}
		lines = append(lines, string(shown))
	}
	return lines
}

// row is the line that is left when parts of it were written over others.
func row(line string) string {
	var shown []rune
	for _, part := range strings.Split(line, "\r") {
		for i, text := range strings.Split(part, clear) {
			if i > 0 { // nothing was written after a return but this
				shown = nil
			}
			shown = over(shown, []rune(text))
		}
	}
	return string(shown)
}

// over is a line after something was written at its beginning.
func over(line, text []rune) []rune {
	if len(text) >= len(line) {
		return text
	}
	return append(append([]rune{}, text...), line[len(text):]...)
}

// shorten leaves out what cuts say; what is left out becomes a line "...".
func shorten(lines []string, cuts []cut) (kept []string) {
	for _, c := range cuts {
		from := find(lines, c.after, 0) + 1
		to := len(lines)
		if c.before != "" {
			to = find(lines, c.before, from)
		}
		kept = append(kept, lines[:from]...)
		if from < to {
			kept = append(kept, "...")
		}
		lines = lines[to:]
	}
	return append(kept, lines...)
}

// find is the first line, from one on, that matches a pattern; the last if none does.
func find(lines []string, pattern string, from int) int {
	matches := regexp.MustCompile(pattern).MatchString
	if i := slices.IndexFunc(lines[from:], matches); i >= 0 {
		return from + i
	}
	return len(lines) - 1
}
