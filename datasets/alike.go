package datasets

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// noMissing are labels that tables write where one is missing.
var noMissing = []string{"nan", "NaN", "null", "NULL", "NA", "N/A", "#N/A", "<NA>"}

// doubtfulLabels says which labels, or tags, of so many examples each, were perhaps not meant to be classes of their
// own: those that look nearly like another one, and those that say that there is none.
func doubtfulLabels(file, examples string, counts map[string]int) (notes []string) {
	names := slices.Sorted(maps.Keys(counts))
	groups := map[string][]string{}
	for _, name := range names {
		key := likeness(name)
		groups[key] = append(groups[key], name)
	}
	var alike []string
	for _, name := range names {
		if group := groups[likeness(name)]; len(group) > 1 && group[0] == name {
			alike = append(alike, shownAlike(group))
		}
	}
	if len(alike) > 0 {
		const some = 3
		more := ""
		if len(alike) > some {
			more = fmt.Sprintf("; and %d others", len(alike)-some)
		}
		notes = append(notes, fmt.Sprintf("%s: nearly alike, and each a class of its own: %s%s", file,
			strings.Join(alike[:min(some, len(alike))], "; "), more))
	}
	for _, name := range noMissing {
		if n := counts[name]; n > 0 {
			notes = append(notes, fmt.Sprintf("%s: %d %s have the label %s, which is learned as one like others", file, n,
				examples, name))
		}
	}
	return notes
}

// likeness is the same for labels that look nearly alike: they differ in case, in white space, in what is not to be
// seen, in the form of Unicode, or in how a number is written.
func likeness(label string) string {
	if x, err := strconv.ParseFloat(label, 64); err == nil && strings.ContainsAny(label, "0123456789") {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	seen := func(r rune) rune {
		if unicode.In(r, unicode.Cf) {
			return -1
		}
		return unicode.ToLower(r)
	}
	return strings.Join(strings.Fields(strings.Map(seen, norm.NFKC.String(label))), " ")
}

// shownAlike shows labels so that they differ.
func shownAlike(labels []string) string {
	quote := strconv.Quote
	if slices.ContainsFunc(labels, func(s string) bool { return norm.NFC.String(s) != s || norm.NFKC.String(s) != s }) {
		quote = strconv.QuoteToASCII
	}
	shown := make([]string, len(labels))
	for i, label := range labels {
		shown[i] = quote(label)
	}
	return listed(shown)
}
