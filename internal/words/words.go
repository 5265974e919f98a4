// Package words writes numbers and texts for people.
package words

import (
	"fmt"
	"math"
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

// Short is a number with k for thousands, M for millions and G for what is more.
func Short(x float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(x) >= u.size {
			return strconv.FormatFloat(x/u.size, 'g', 4, 64) + u.name
		}
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

// Bytes is a number of bytes for people.
func Bytes(n int64) string {
	unit, x := "kB", float64(n)/1e3
	for _, u := range []string{"MB", "GB", "TB"} {
		if x < 999.5 {
			break
		}
		unit, x = u, x/1e3
	}
	if x < 10 {
		return fmt.Sprintf("%.1f %s", x, unit)
	}
	return fmt.Sprintf("%.0f %s", x, unit)
}

// ParseBytes is the number of bytes that a text such as 500MB, 2GiB or 1.5 GB says.
func ParseBytes(text string) (int64, error) {
	number := strings.TrimRight(text, "kKmMgGtTiIbB ")
	factors := map[string]float64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
	factor, known := factors[strings.ToUpper(strings.TrimSpace(text[len(number):]))]
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(x >= 0) || x*factor >= 1<<62 {
		return 0, fmt.Errorf("%q is no number of bytes: write it as 500MB or 2GiB", text)
	}
	return int64(x * factor), nil
}
