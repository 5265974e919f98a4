package series

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unroll-ml/unroll/internal/words"
)

// tsf is a .tsf file of the Monash archive: keys, among them the attributes of series, and after @data a line for
// each series: a part for each attribute, and its values with commas between, with colons between the parts.
type tsf struct {
	*atFile
	Set
	attributes []attribute
	id, start  int // attributes; -1: none
	ids        map[string]int
}

// attribute is one of a series: a name and a type, string, numeric or date.
type attribute struct{ name, kind string }

func readTSF(f *file) (*Set, error) {
	r := &tsf{atFile: f.at(), id: -1, start: -1, ids: map[string]int{}}
	r.Targets = []string{"value"}
	if err := r.header(r.key); err != nil {
		return nil, err
	}
	for i, a := range r.attributes {
		if i != r.id && i != r.start {
			r.Static = append(r.Static, a.name)
		}
	}
	if r.start >= 0 && r.Step.IsZero() {
		r.note("it has no @frequency, so that times are not used")
	}
	if err := r.rows(r.row); err != nil {
		return nil, err
	}
	if len(r.Series) == 0 {
		return nil, f.wrong(0, "no series: the file ends before the first")
	}
	if r.start < 0 {
		r.Step = Step{}
	}
	if err := r.trim(f); err != nil {
		return nil, err
	}
	r.short()
	return &r.Set, nil
}

// short notes which series have nothing left when as many values as the horizon are held out.
func (r *tsf) short() {
	var names []string
	for _, s := range r.Series {
		if s.Len() <= r.Horizon {
			names = append(names, s.ID)
		}
	}
	if len(names) > 0 {
		r.note("%s not longer than @horizon %d: %s", words.Count(len(names), "series is",
			"series are"), r.Horizon, some(names))
	}
}

// key reads a key of the header.
func (r *tsf) key(name string, values []string) (err error) {
	value := strings.Join(values, " ")
	switch name {
	case "attribute":
		return r.attribute(values)
	case "frequency":
		if r.Step, err = ParseStep(value); err != nil {
			return r.wrong(r.lines.Line(), "@frequency: %v", err)
		}
	case "horizon":
		if r.Horizon, err = strconv.Atoi(value); err != nil || r.Horizon < 1 {
			return r.wrong(r.lines.Line(), "@horizon is %s: it must be a number from 1", shown(value))
		}
	}
	return nil
}

func (r *tsf) attribute(values []string) error {
	if len(values) != 2 || !slices.Contains([]string{"string", "numeric", "date"}, strings.ToLower(values[1])) {
		return r.wrong(r.lines.Line(), "@attribute is %s: it must be a name and string, numeric or date",
			shown(strings.Join(values, " ")))
	}
	a := attribute{values[0], strings.ToLower(values[1])}
	if slices.ContainsFunc(r.attributes, func(b attribute) bool { return b.name == a.name }) {
		return r.wrong(r.lines.Line(), "@attribute %s stands before: give it another name", shown(a.name))
	}
	at := len(r.attributes)
	r.attributes = append(r.attributes, a)
	if a.kind == "date" && r.start < 0 {
		r.start = at
	}
	if isIDName(a.name) && r.id < 0 {
		r.id = at
	}
	return nil
}

// row reads a series.
func (r *tsf) row(line string) error {
	at := r.lines.Line()
	parts := strings.Split(line, ":")
	last := len(parts) - 1
	if last != len(r.attributes) {
		return r.wrong(at, "%s in front of the values, and there are %s (@attribute): a colon is between all of them, "+
			"and none is in a time",
			words.Count(last, "part", "parts"), words.Count(len(r.attributes), "attribute", "attributes"))
	}
	values, err := r.numbers(parts[last])
	if err != nil {
		return err
	}
	if err := r.hold(ofSeries, at); err != nil {
		return err
	}
	s := Series{ID: strconv.Itoa(len(r.Series) + 1), Line: at, Values: [][]float64{values}}
	for i, part := range parts[:last] {
		part = strings.TrimSpace(part)
		switch {
		case i == r.id:
			if s.ID, err = part, r.named(part, at); err != nil {
				return err
			}
		case i == r.start:
			if s.Start, err = r.time(part); err != nil {
				return err
			}
		default:
			s.Static = append(s.Static, part)
		}
	}
	r.Series = append(r.Series, s)
	return nil
}

// named checks the name of a series.
func (r *tsf) named(id string, line int) error {
	if id == "" {
		return r.wrong(line, "the name of the series is empty: write it")
	}
	if before, ok := r.ids[id]; ok {
		return r.wrong(line, "series %s is in line %d, too: give it another name", shown(id), before)
	}
	r.ids[id] = line
	return nil
}

// time reads the time of the first value.
func (r *tsf) time(part string) (time.Time, error) {
	forms := fitting([]string{part}, false, "")
	if len(forms) == 0 {
		return time.Time{}, r.wrong(r.lines.Line(), "%s is not a time: write it as 2006-01-02 15-04-05", shown(part))
	}
	if r.Step.IsZero() {
		return time.Time{}, nil
	}
	t, _ := forms[0].parse(part)
	return t, nil
}
