package datasets

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// Labels numbers the classes of a classifier. It is immutable.
type Labels struct {
	names   []string
	numbers map[string]int32
}

// NewLabels are the different ones of names, in the order of their bytes.
func NewLabels(names []string) *Labels {
	names = slices.Clone(names)
	slices.Sort(names)
	return labelsOf(slices.Compact(names))
}

func labelsOf(names []string) *Labels {
	l := &Labels{names: names, numbers: make(map[string]int32, len(names))}
	for i, name := range names {
		l.numbers[name] = int32(i)
	}
	return l
}

// Len is the number of classes.
func (l *Labels) Len() int { return len(l.names) }

// Name is the name of a class in [0, Len).
func (l *Labels) Name(class int32) string { return l.names[class] }

// Class is the number of a name; false if it has none.
func (l *Labels) Class(name string) (int32, bool) {
	class, ok := l.numbers[name]
	return class, ok
}

// labelsFile is the JSON form of labels.
type labelsFile struct {
	Kind   string   `json:"kind"`
	Labels []string `json:"labels"`
}

const labelsKind = "labels"

// JSON is the form in which labels are kept: {"kind":"labels","labels":["Arabic", ...]}, in the order of their numbers.
func (l *Labels) JSON() []byte { return encodeJSON(labelsFile{labelsKind, l.names}) }

// ReadLabels reads labels from a file that holds what JSON returned, to the byte; a file that does not is an *Error.
func ReadLabels(path string) (*Labels, error) {
	data, err := safefile.ReadIn(filepath.Dir(path), filepath.Base(path), maxJSON)
	if err != nil {
		return nil, err
	}
	return parseLabels(path, data)
}

func parseLabels(name string, data []byte) (*Labels, error) {
	l, wrong := decodeLabels(data)
	if wrong == "" {
		wrong = sameForm(data, l.JSON())
	}
	if wrong != "" {
		return nil, &Error{File: name, What: wrong + ": the labels are damaged, restore them from a copy of the run"}
	}
	return l, nil
}

func decodeLabels(data []byte) (l *Labels, wrong string) {
	var f labelsFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Sprintf("not JSON labels (%v)", err)
	}
	switch {
	case f.Kind != labelsKind:
		return nil, fmt.Sprintf("kind %q, want %q", f.Kind, labelsKind)
	case len(f.Labels) == 0:
		return nil, "no labels"
	}
	l = labelsOf(f.Labels)
	for i, name := range f.Labels {
		switch {
		case name == "" || !utf8.ValidString(name):
			return nil, fmt.Sprintf("label %d is %q", i, name)
		case int(l.numbers[name]) != i:
			return nil, fmt.Sprintf("label %d is %q, and so is another", i, name)
		}
	}
	return l, ""
}
