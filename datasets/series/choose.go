package series

import (
	"slices"
	"strings"
	"time"
)

// choose decides which columns of a long table are what: those that the options name, and then those that are
// called or look so. The label is in a column, or in none, -1.
func (l *long) choose(label int) error {
	o := l.options
	l.label = label
	for _, c := range []struct {
		flag   string
		wanted []string
		to     *[]int
	}{{"time", l.several(o.Time), &l.times}, {"id", l.several(o.ID), &l.ids}, {"targets", o.Targets, &l.targets},
		{"known", o.Known, &l.known}, {"static", o.Static, &l.static}} {
		for _, wanted := range c.wanted {
			at, err := l.column(c.flag, wanted)
			if err != nil {
				return err
			}
			*c.to = append(*c.to, at)
		}
	}
	if err := l.chooseTime(); err != nil {
		return err
	}
	if l.ids == nil && o.ID != None && o.Layout != Columns {
		l.chooseID()
	}
	if l.targets == nil {
		if err := l.chooseTargets(); err != nil {
			return err
		}
	}
	l.say()
	l.last = max(l.label, slices.Max(l.used()))
	return nil
}

// several are columns that are named with commas between, unless that is the name of one.
func (l *long) several(named string) []string {
	switch {
	case named == "" || named == None:
		return nil
	case slices.Contains(l.header, named):
		return []string{named}
	}
	return strings.Split(named, ",")
}

// used are the columns that are something already, but the label.
func (l *long) used() []int { return slices.Concat(l.times, l.ids, l.targets, l.known, l.static) }

// taken says whether a column is something already.
func (l *long) taken(column int) bool { return column == l.label || slices.Contains(l.used(), column) }

// chooseTime finds the columns with times, a date and a time of day perhaps, and how they are written.
func (l *long) chooseTime() (err error) {
	if l.times == nil {
		at := l.timed()
		if at < 0 || l.taken(at) {
			return nil
		}
		l.times = []int{at}
		l.addClock()
	}
	cells := l.sampledTimes()
	forms := fitting(cells, true, l.timeName())
	if len(forms) == 0 {
		return l.strange()
	}
	if l.form, err = l.dayOrMonth(forms, l.lines[0], l.calledTimes(), cells[0]); err == nil && l.form.digits {
		l.note("a time is read as %s", l.form.name)
	}
	return err
}

// addClock adds the column with times of day to that of dates.
func (l *long) addClock() {
	for i := range l.width {
		cells := l.sampled(i)
		other := func(c string) bool { return !clock.MatchString(c) }
		if len(cells) == 0 || l.taken(i) || slices.ContainsFunc(cells, other) {
			continue
		}
		l.times = append(l.times, i)
		if forms := fitting(l.sampledTimes(), true, ""); len(forms) == 0 {
			l.times = l.times[:1]
		}
		return
	}
}

// sampledTimes are the times of the sample.
func (l *long) sampledTimes() []string {
	var times []string
	for _, row := range l.sample {
		if at := l.sampledTime(row); at != "" {
			times = append(times, at)
		}
	}
	return times
}

// sampledTime is the time of a row of the sample; "" if it has none.
func (l *long) sampledTime(row []string) string {
	if slices.Max(l.times) >= len(row) {
		return ""
	}
	return l.timeOf(func(column int) string { return row[column] })
}

// timeOf is the time of a row.
func (l *long) timeOf(cell func(column int) string) string {
	at := cell(l.times[0])
	for _, column := range l.times[1:] {
		at += " " + cell(column)
	}
	return strings.TrimSpace(at)
}

// timeName is what the header calls times.
func (l *long) timeName() string { return strings.Join(l.names(l.times), " ") }

// calledTimes are the columns with times as messages call them.
func (l *long) calledTimes() string {
	var called []string
	for _, at := range l.times {
		called = append(called, l.called(at))
	}
	return strings.Join(called, ", and ")
}

// strange says which of the first times is none, or is not written as those before.
func (l *long) strange() error {
	var forms []*timeForm
	for i, row := range l.sample {
		c := l.sampledTime(row)
		if c == "" {
			continue
		}
		if forms == nil {
			forms = fitting([]string{c}, true, l.timeName())
		}
		if len(forms) == 0 {
			return l.wrong(l.lines[i], "column %s: %s is not a time: write times as 2006-01-02 15:04:05, 2006-01-02, "+
				"2006-01 or 2006",
				l.calledTimes(), shown(c))
		}
		fit := slices.DeleteFunc(slices.Clone(forms), func(f *timeForm) bool { _, ok := f.parse(c); return !ok })
		if len(fit) == 0 {
			return l.notAs(forms[0], c, l.lines[i])
		}
		forms = fit
	}
	return l.wrong(0, "column %s has no time in the first rows: name the column with times with --time", l.calledTimes())
}

// notAs says that a time is not written as those before.
func (l *long) notAs(form *timeForm, cell string, line int) error {
	return l.wrong(line, "column %s: %s is not a time as %s, and those before are: write it so, or remove the line",
		l.calledTimes(), shown(cell), form.name)
}

// dayOrMonth is the form in which times are written, of those that fit: where it does not show which number of 1/2/2006
// is the day, the options say it. A column has such a cell, in a line.
func (t *table) dayOrMonth(forms []*timeForm, line int, column, cell string) (*timeForm, error) {
	if forms[0].chosen == "" {
		return forms[0], nil
	}
	for _, f := range forms {
		if t.options.TimeForm == f.chosen || t.options.TimeForm == "" && len(forms) == 1 {
			t.note("times are %s", f.name)
			return f, nil
		}
	}
	if t.options.TimeForm != "" {
		return nil, t.wrong(line, "column %s: the times are not %s: correct --time-form", column, t.options.TimeForm)
	}
	return nil, t.wrong(line, "column %s: in %s it does not show which number is the day: give --time-form "+
		"DD/MM/YYYY or --time-form MM/DD/YYYY", column, shown(cell))
}

// chooseID finds the column with the names of series: one that is called so, or the only one with texts, which are no
// times and never empty. Where rows follow each other in time, texts that change with them are no names.
func (l *long) chooseID() {
	var text []int
	for i := range l.width {
		if l.taken(i) {
			continue
		}
		if i < len(l.header) && isIDName(l.header[i]) {
			l.ids = []int{i}
			return
		}
		if cells := l.sampled(i); !l.numeric(i) && len(cells) == len(l.sample) && !isTime(cells[0]) &&
			!clock.MatchString(cells[0]) && !(l.rises() && changes(cells)) {
			text = append(text, i)
		}
	}
	if len(text) == 1 {
		l.ids, l.guessed = text, true
	}
}

func changes(cells []string) bool {
	return slices.ContainsFunc(cells, func(c string) bool { return c != cells[0] })
}

// rises says whether the time of each row of the sample is after that of the row before.
func (l *long) rises() bool {
	if l.form == nil {
		return false
	}
	var before time.Time
	for i, cell := range l.sampledTimes() {
		t, _ := l.form.parse(cell)
		if i > 0 && !t.After(before) {
			return false
		}
		before = t
	}
	return true
}

// chooseTargets finds the column with values: one that is called so, or the only one that is left with numbers; of
// a table of columns, and of cases, all.
func (l *long) chooseTargets() error {
	var left []int
	for i := range l.width {
		if !l.taken(i) && l.numeric(i) {
			left = append(left, i)
		}
	}
	several := l.cases || l.options.Layout == Columns
	if !several {
		if i := slices.IndexFunc(left, func(i int) bool { return i < len(l.header) && isValueName(l.header[i]) }); i >= 0 {
			left = left[i : i+1]
		}
	}
	switch {
	case len(left) == 0:
		return l.noNumbers()
	case len(left) > 1 && !several:
		return l.wrong(0, "which columns are to be forecast? Name them with --targets, of %s; or give --layout columns "+
			"if each is a series",
			some(l.names(left)))
	}
	l.targets = left
	return nil
}

// noNumbers says why no column is left for the values: what is wrong with the first cell of the last one that could be.
func (l *long) noNumbers() error {
	if l.options.ID == "" && l.ids != nil && !(l.ids[0] < len(l.header) && isIDName(l.header[l.ids[0]])) {
		l.ids = nil // it was the only one with texts
	}
	for i := l.width - 1; i >= 0; i-- {
		if l.taken(i) {
			continue
		}
		for row, cells := range l.sample {
			if i >= len(cells) {
				continue
			}
			if _, what := number(cells[i]); what != "" {
				return l.wrong(l.lines[row], "column %s: %s", l.called(i), what)
			}
		}
	}
	return l.wrong(0, "no column with numbers is left for the values: name it with --targets")
}

// say notes what was taken for what without being named.
func (l *long) say() {
	var parts []string
	add := func(column int, named bool, what string) {
		if !named {
			parts = append(parts, "column "+l.called(column)+" is "+what)
		}
	}
	if len(l.times) > 1 && l.options.Time == "" {
		parts = append(parts, "columns "+l.calledTimes()+", are the time")
	} else if l.times != nil {
		add(l.times[0], l.options.Time != "", "the time")
	}
	if l.ids != nil {
		add(l.ids[0], l.options.ID != "", "the name of the series")
	}
	if len(l.targets) == 1 {
		add(l.targets[0], l.options.Targets != nil, "the value")
	}
	if len(parts) > 0 {
		l.note("%s", strings.Join(parts, ", "))
	}
	if left := l.left(); left != nil && l.options.Targets == nil {
		l.note("not read: column %s", strings.Join(left, ", "))
	}
}

// left are the columns that are nothing, and not empty.
func (l *long) left() (called []string) {
	for i := range l.width {
		if !l.taken(i) && len(l.sampled(i)) > 0 {
			called = append(called, l.called(i))
		}
	}
	return called
}
