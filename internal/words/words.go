// Package words writes numbers and texts for people.
package words

import (
	"fmt"
	"strconv"
	"strings"
)

// Thousands writes a number that is not negative with commas.
func Thousands(n int) string {
	s := strconv.Itoa(n)
	var groups []string
	for len(s) > 3 {
		groups = append([]string{s[len(s)-3:]}, groups...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, groups...), ",")
}

// Count is a number with its noun.
func Count(n int, one, many string) string { return Thousands(n) + " " + Which(n, one, many) }

// Which is the word that goes with a number.
func Which(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// Clip is the first n characters of a text, the last of them an ellipsis if there are more.
func Clip(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}

// Percent is a part of n.
func Percent(part, n int) string { return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(n)) }

// Clock writes seconds as minutes or hours.
func Clock(seconds float64) string {
	s := int(seconds + 0.5)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
