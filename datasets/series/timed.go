package series

import (
	"strings"
)

// countedTimes are numbers that count steps.
var countedTimes = timeForms[len(timeForms)-1]

// timed reads (time,value) pairs with commas between, at equal steps.
func (r *ts) timed(part string) ([]float64, error) {
	var m moments
	var values []float64
	var form *timeForm
	for part != "" {
		pair, rest, _ := strings.Cut(part[1:], ")")
		at := strings.LastIndexByte(pair, ',')
		if at < 0 {
			return nil, r.wrong(r.lines.Line(), "(%s) has no value: a value with its time is (time,value)", pair)
		}
		x, what := number(strings.TrimSpace(pair[at+1:]))
		if what != "" {
			return nil, r.wrong(r.lines.Line(), "value %d: %s", len(values)+1, what)
		}
		const ofPair = 5 // its time and its line
		if err := r.hold(ofPair, r.lines.Line()); err != nil {
			return nil, err
		}
		values = append(values, x)
		var err error
		if form, err = r.moment(&m, form, strings.TrimSpace(pair[:at])); err != nil {
			return nil, err
		}
		if part = strings.TrimSpace(rest); part == "" {
			break
		}
		if part = strings.TrimSpace(strings.TrimPrefix(part, ",")); !strings.HasPrefix(part, "(") {
			return nil, r.wrong(r.lines.Line(), "%s stands after a value with its time: a channel is (time,value),(time,value)",
				shown(part))
		}
	}
	return r.even(m, values, form == countedTimes)
}

// moment adds a time, which is written in a form; nil: it is the first.
func (r *ts) moment(m *moments, form *timeForm, cell string) (*timeForm, error) {
	if form == nil {
		form = countedTimes
		if forms := fitting([]string{cell}, false, ""); len(forms) > 0 {
			form = forms[0]
		}
	}
	t, ok := form.parse(cell)
	n := len(m.times)
	switch {
	case !ok:
		return nil, r.wrong(r.lines.Line(), "%s is not a time as %s: write all times of a case so", shown(cell), form.name)
	case n > 0 && !t.After(m.times[n-1]):
		return nil, r.wrong(r.lines.Line(), "value %d: its time %s is not after that of the value before: sort them "+
			"by time, each once", n+1, cell)
	}
	m.times, m.lines = append(m.times, t), append(m.lines, r.lines.Line())
	return form, nil
}

// even puts values at equal steps.
func (r *ts) even(m moments, values []float64, counter bool) ([]float64, error) {
	g := &grid{file: r.file, counter: counter}
	if err := g.find([]moments{m}); err != nil {
		return nil, err
	}
	places, err := g.places(m)
	if err != nil {
		return nil, err
	}
	return spread(values, places, places[len(places)-1]+1), nil
}
