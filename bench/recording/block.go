package main

import (
	"regexp"
	"strings"

	"github.com/pkg/errors"
)

// The recording stands between these in README.md.
const (
	begin = "<!-- recorded by go run ./bench/recording -->\n```text\n"
	end   = "```\n<!-- end of the recording -->\n"
)

var between = regexp.MustCompile("(?s)" + regexp.QuoteMeta(begin) + "(.*?)" + regexp.QuoteMeta(end))

// block is the recording in a page.
func block(page string) (string, error) {
	found := between.FindStringSubmatch(page)
	if found == nil {
		return "", errors.Errorf("%s has no place for the recording: lines %q and %q", readme, begin, end)
	}
	return found[1], nil
}

// replace puts another recording into a page.
func replace(page, recording string) string {
	return between.ReplaceAllLiteralString(page, begin+recording+end)
}

var numbers = regexp.MustCompile(`[0-9][0-9.,:]*(e[-+]?[0-9]+)?`)

// machines are the commands that say what this machine is: of what they write only the commands themselves are compared.
var machines = regexp.MustCompile(`^\$ \./unroll (doctor|bench)`)

// shape are the lines of a recording without what differs from time to time and from machine to machine: numbers, the
// blanks around them, and the words of machines.
func shape(recording string) (lines []string) {
	machine := false
	for line := range strings.Lines(recording) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, prompt) {
			machine = machines.MatchString(line)
		} else if machine {
			continue
		}
		lines = append(lines, strings.Join(strings.Fields(numbers.ReplaceAllString(line, "0")), " "))
	}
	return lines
}

// compare says which line is the first that has another shape.
func compare(before, now string) error {
	old, current := shape(before), shape(now)
	for i := range max(len(old), len(current)) {
		was, is := "(nothing)", "(nothing)"
		if i < len(old) {
			was = old[i]
		}
		if i < len(current) {
			is = current[i]
		}
		if was != is {
			return errors.Errorf("%s shows %q, and now it is %q: run go run ./bench/recording", readme, was, is)
		}
	}
	return nil
}
