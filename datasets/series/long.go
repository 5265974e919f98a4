package series

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/unroll-ml/unroll/internal/words"
)

// long is a table in which a row is a moment of a series.
type long struct {
	*table
	label                              int   // a column from 0; -1: none
	times, ids, targets, known, static []int // columns
	guessed                            bool  // nobody has named that of the names of series, and no header does
	cases                              bool  // series with a label each
	form                               *timeForm
	last                               int // the last of them
	index                              map[string]*track
	tracks                             []*track
	zone                               *time.Location // of all times; nil: none was read
	zones                              bool           // there are several
	at                                 int            // the line of the last row
}

// track is a series that is read.
type track struct {
	moments
	values, known [][]float64 // [column][row]
	static        []string
	label         string
}

func readLong(t *table) (*Set, error) {
	l := &long{table: t, index: map[string]*track{}}
	if err := l.choose(-1); err != nil {
		return nil, err
	}
	if err := l.read(); err != nil {
		return nil, err
	}
	if err := l.checkNames(); err != nil {
		return nil, err
	}
	set := &Set{Targets: l.names(l.targets), Known: l.names(l.known), Static: l.names(l.static)}
	g, err := l.place(set)
	if err != nil {
		return nil, err
	}
	for _, track := range l.tracks {
		id := track.id
		if l.ids == nil {
			id = "1"
		}
		set.Series = append(set.Series, Series{
			ID: id, Line: track.lines[0], Values: track.values, Known: track.known, Static: track.static,
		})
		if !set.Step.IsZero() {
			set.Series[len(set.Series)-1].Start = track.times[0]
		}
	}
	if l.options.Layout == Columns {
		set.apart()
	}
	if g != nil && g.filled > 0 {
		l.note("%s", words.Count(g.filled, "time was left out and is a missing value",
			"times were left out and are missing values"))
	}
	return set, set.trim(l.file)
}

// checkNames refuses texts for names of series, as which nobody has named them, if none occurs twice.
func (l *long) checkNames() error {
	twice := func(t *track) bool { return len(t.lines) > 1 }
	if !l.guessed || l.times != nil || len(l.tracks) < 2 || slices.ContainsFunc(l.tracks, twice) {
		return nil
	}
	at := l.ids[0]
	return l.wrong(l.tracks[0].lines[0], "column %s has another text in each row: if they are times, write them as "+
		"2006-01-02 15:04:05, 2006-01-02, 2006-01 or 2006; if they are names of series, give --id %d; if they are neither, "+
		"--id none", l.called(at), at+1)
}

// level brings times of several offsets from UTC to one clock: to the local one, if it always shows the same time of
// another day, as for days and months, which summer time makes shorter and longer; and otherwise to UTC.
func (l *long) level() {
	if !l.zones {
		return
	}
	clock, days := local, true
	first := l.tracks[0].times[0]
	for _, track := range l.tracks {
		for i, t := range track.times {
			days = days && secondOfDay(t) == secondOfDay(first) && (i == 0 || !local(t).Equal(local(track.times[i-1])))
		}
	}
	if days {
		l.note("times have several offsets from UTC, and the same time of day: the offsets are left out")
	} else {
		clock = time.Time.UTC
		l.note("times have several offsets from UTC, and are in UTC from here on")
	}
	for _, track := range l.tracks {
		for i, t := range track.times {
			track.times[i] = clock(t)
		}
	}
}

// local is a time as if its clock were that of UTC.
func local(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// place puts the values of series on a grid of equal steps.
func (l *long) place(set *Set) (*grid, error) {
	if l.times == nil {
		return nil, nil
	}
	l.level()
	g := &grid{file: l.file, ways: waysOfSets, counter: l.form.counter}
	if l.cases {
		g.ways = waysOfCases
	}
	all := make([]moments, len(l.tracks))
	for i, track := range l.tracks {
		all[i] = track.moments
	}
	if err := g.find(all); err != nil {
		return nil, err
	}
	if !g.counter {
		set.Step = g.step
	}
	for _, track := range l.tracks {
		places, err := g.places(track.moments)
		if err != nil {
			return nil, err
		}
		if n := places[len(places)-1] + 1; n > len(places) {
			for _, columns := range [][][]float64{track.values, track.known} {
				for i, v := range columns {
					columns[i] = spread(v, places, n)
				}
			}
		}
	}
	return g, nil
}

// spread puts values in their places among n.
func spread(values []float64, places []int, n int) []float64 {
	wide := missingValues(n)
	for i, at := range places {
		wide[at] = values[i]
	}
	return wide
}

// names are what columns are called.
func (l *long) names(columns []int) []string {
	var names []string
	for _, c := range columns {
		names = append(names, l.name(c))
	}
	return names
}

// read reads the rows.
func (l *long) read() error {
	records := l.records()
	for first := true; ; first = false {
		cells, line, err := records.Read()
		switch {
		case err == io.EOF:
			if len(l.tracks) == 0 {
				return l.wrong(0, "no series: the header is all there is")
			}
			return nil
		case err != nil:
			return err
		case first && l.header != nil:
			continue
		}
		if l.width == 1 && l.at > 0 && line > l.at+1 {
			return l.wrong(l.at+1, "the line is empty: write NaN if a value is missing, or remove the line")
		}
		l.at = line
		if err := l.row(cells, line); err != nil {
			return err
		}
	}
}

// row adds a moment to its series.
func (l *long) row(cells [][]byte, line int) error {
	if len(cells) <= l.last {
		return l.wrong(line, "%s, and column %d is wanted: complete the row",
			words.Count(len(cells), "column", "columns"), l.last+1)
	}
	if slices.ContainsFunc(cells[min(l.width, len(cells)):], func(c []byte) bool { return len(c) > 0 }) {
		return l.tooMany(len(cells), line)
	}
	cell := func(column int) string { return strings.TrimSpace(string(cells[column])) }
	track, err := l.of(cell, line)
	if err != nil {
		return err
	}
	if l.times != nil {
		if err := l.moment(track, l.timeOf(cell), line); err != nil {
			return err
		}
	}
	track.lines = append(track.lines, line)
	for _, group := range []struct {
		columns []int
		values  [][]float64
	}{{l.targets, track.values}, {l.known, track.known}} {
		for i, column := range group.columns {
			x, what := number(cell(column))
			if what != "" {
				return l.wrong(line, "column %s: %s", l.called(column), what)
			}
			group.values[i] = append(group.values[i], x)
		}
	}
	const ofRow = 4 // its time and line
	return l.hold(ofRow+len(l.targets)+len(l.known), line)
}

// of is the series of a row.
func (l *long) of(cell func(int) string, line int) (*track, error) {
	parts := make([]string, len(l.ids))
	for i, column := range l.ids {
		if parts[i] = cell(column); parts[i] == "" {
			return nil, l.wrong(line, "column %s, the name of the series, is empty: write it", l.called(column))
		}
	}
	id := strings.Join(parts, ",")
	t, ok := l.index[id]
	if !ok {
		if err := l.hold(ofSeries, line); err != nil {
			return nil, err
		}
		t = &track{moments: moments{id: id}}
		t.values, t.known = make([][]float64, len(l.targets)), make([][]float64, len(l.known))
		l.index[id] = t
		l.tracks = append(l.tracks, t)
	}
	for i, column := range l.static {
		switch category := cell(column); {
		case !ok:
			t.static = append(t.static, category)
		case t.static[i] != category:
			return nil, l.wrong(line, "%scolumn %s is %s, and %s in line %d: a category of a series must not change",
				t.of(), l.called(column),
				shown(category), shown(t.static[i]), t.lines[0])
		}
	}
	if l.label < 0 {
		return t, nil
	}
	if label := cell(l.label); !ok {
		t.label = label
	} else if t.label != label {
		return nil, l.wrong(line, "%sthe label is %s, and %s in line %d: a series has one",
			t.of(), shown(label), shown(t.label), t.lines[0])
	}
	return t, nil
}

// moment adds a time.
func (l *long) moment(track *track, cell string, line int) error {
	t, ok := l.form.parse(cell)
	if !ok {
		return l.notAs(l.form, cell, line)
	}
	if l.zone == nil {
		l.zone = t.Location()
	} else if l.zone != t.Location() && !l.zones {
		_, offset := t.Zone()
		_, first := time.Unix(0, 0).In(l.zone).Zone()
		l.zones = offset != first
	}
	track.times = append(track.times, t)
	return nil
}

// apart makes a series of each column.
func (s *Set) apart() {
	of := s.Series
	s.Series = nil
	for _, x := range of {
		for i, name := range s.Targets {
			one := x
			one.ID, one.Values, one.Known = name, x.Values[i:i+1:i+1], slices.Clone(x.Known)
			s.Series = append(s.Series, one)
		}
	}
	s.Targets = []string{"value"}
}

// trim cuts what is missing at the ends of series, so that each begins and ends with a value.
func (s *Set) trim(f *file) error {
	for i := range s.Series {
		x := &s.Series[i]
		front := x.trim()
		if x.Len() == 0 {
			return f.wrong(x.Line, "series %s has no value: remove it or complete it", shown(x.ID))
		}
		if !s.Step.IsZero() {
			x.Start = s.Step.Add(x.Start, front)
		}
	}
	return nil
}
