package datasets

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/internal/setting"
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

// OrderedLabels are names in their order. Two of one name, and names that cannot be written on a line, are an error.
func OrderedLabels(names []string) (*Labels, error) {
	l := labelsOf(slices.Clone(names))
	for i, name := range names {
		switch {
		case name == "" || checkLabel(name) != "":
			return nil, fmt.Errorf("label %d is %q: it cannot be written on a line", i+1, name)
		case int(l.numbers[name]) != i:
			return nil, fmt.Errorf("label %d is %q, and so is another", i+1, name)
		}
	}
	return l, nil
}

// checkLabel says what is wrong with a label that cannot be written on a line, before a tab; "" if nothing is.
func checkLabel(name string) string {
	if strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Sprintf("the label %q has a tab, a line break or another control character: choose another name for it",
			name)
	}
	return ""
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

// NoClass is the number of a label that there is not.
const NoClass int32 = -1

// UnknownLabels are labels of examples that are not among those of the training data.
type UnknownLabels struct {
	Examples int      // that have them
	Names    []string // the different ones, in the order in which they occur
}

// Words says how many there are, and which; l are the labels that there are.
func (u *UnknownLabels) Words(l *Labels) string {
	names := make([]string, len(u.Names))
	for i, name := range u.Names {
		names[i] = strconv.Quote(name)
	}
	verb := "examples have labels that are"
	if u.Examples == 1 {
		verb = "example has a label that is"
	}
	return fmt.Sprintf("%d %s not among the %d of the training data (%s)", u.Examples, verb, l.Len(), listed(names))
}

// Classes are the numbers of the labels of n examples of a file, NoClass for a label that l lacks; unknown says
// which those are. If l lacks all, it is an *Error.
func (l *Labels) Classes(
	file string, n int, label func(i int) string,
) (classes []int32, unknown *UnknownLabels, err error) {
	if err := setting.Set("label", label != nil, "a function that gives the label of an example"); err != nil {
		return nil, nil, err
	}
	if err := setting.AtLeast("n", n, 0); err != nil {
		return nil, nil, err
	}
	return l.classes(file, n, label)
}

// classes is Classes of arguments that are right.
func (l *Labels) classes(
	file string, n int, label func(i int) string,
) (classes []int32, unknown *UnknownLabels, err error) {
	if l == nil {
		return nil, nil, &Error{File: file, What: "there are no labels to compare with: they are nil"}
	}
	classes, unknown = make([]int32, n), &UnknownLabels{}
	seen := map[string]bool{}
	for i := range classes {
		class, ok := l.Class(label(i))
		if !ok {
			class = NoClass
			unknown.Examples++
			if name := label(i); !seen[name] {
				seen[name], unknown.Names = true, append(unknown.Names, name)
			}
		}
		classes[i] = class
	}
	if n > 0 && unknown.Examples == n {
		return nil, nil, &Error{File: file, What: fmt.Sprintf("none of its labels (%q, ...) is among the %d of the "+
			"training data (%q, ...): use data with the same labels", unknown.Names[0], l.Len(), l.Name(0))}
	}
	return classes, unknown, nil
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
	data, err := safefile.Read(path, maxJSON)
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
		case checkLabel(name) != "":
			return nil, checkLabel(name)
		case int(l.numbers[name]) != i:
			return nil, fmt.Sprintf("label %d is %q, and so is another", i, name)
		}
	}
	return l, ""
}
