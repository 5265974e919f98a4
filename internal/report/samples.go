package report

import (
	"fmt"
	"strings"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

const (
	sampleWidth = 79 // of a line
	leastInput  = 24 // columns that are shown of what a model read
	beyond      = 8  // columns that are shown of an output beyond the longest that is right
)

// Samples shows what a model made of examples, beside what was wanted: a line each, or three if what was wanted
// is long. What is much longer than that is clipped.
func Samples(samples []run.Sample) string {
	input, output, verdict := 0, 0, 0
	for _, s := range samples {
		input, output = max(input, words.Width(s.Input)), max(output, words.Width(s.Wanted)+beyond)
	}
	longest := 0
	for _, s := range samples {
		longest = max(longest, words.Width(words.Clip(s.Output, output)))
		verdict = max(verdict, words.Width(verdictOn(s)))
	}
	output = longest
	room := sampleWidth - len("    ->    ") - output - verdict
	input = min(input, max(room, leastInput))
	var b strings.Builder
	for _, s := range samples {
		switch {
		case s.Input == "":
			fmt.Fprintf(&b, "  it writes: %s\n",
				words.Clip(strings.Join(strings.Fields(s.Output), " "), sampleWidth-len("  it writes: ")))
		case room >= leastInput:
			fmt.Fprintf(&b, "  %s  ->  %s  %s\n", words.Pad(words.Clip(s.Input, input), input),
				words.Pad(words.Clip(s.Output, output), output), verdictOn(s))
		default:
			fmt.Fprintf(&b, "\n  input   %s\n  output  %s\n  wanted  %s\n", s.Input, s.Output, s.Wanted)
		}
	}
	return b.String()
}

// verdictOn says whether an output is right.
func verdictOn(s run.Sample) string {
	switch {
	case s.Wanted == "":
		return ""
	case s.Numbers:
		return "it is " + s.Wanted
	case s.Output == s.Wanted && s.Cut:
		return "right so far, cut"
	case s.Output == s.Wanted:
		return "right"
	case s.Cut:
		return "cut, it is " + s.Wanted
	}
	return "wrong, it is " + s.Wanted
}
