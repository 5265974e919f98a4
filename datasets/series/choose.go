package series

import (
	"slices"
	"strings"
)

// choose decides which columns of a long table are what: those that the options name, and then those that are
// called or look so. The label is in a column, or in none, -1.
func (l *long) choose(label int) error {
	o := l.options
	l.time, l.label = -1, label
	if o.Time != "" && o.Time != None {
		at, err := l.column("time", o.Time)
		if err != nil {
			return err
		}
		l.time = at
	}
	var ids []string
	if o.ID != "" && o.ID != None {
		if ids = []string{o.ID}; !slices.Contains(l.header, o.ID) {
			ids = strings.Split(o.ID, ",")
		}
	}
	for _, c := range []struct {
		flag   string
		wanted []string
		to     *[]int
	}{{"id", ids, &l.ids}, {"targets", o.Targets, &l.targets}, {"known", o.Known, &l.known}, {"static",
		o.Static, &l.static}} {
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
	l.last = max(l.time, l.label, slices.Max(slices.Concat(l.ids, l.targets, l.known, l.static)))
	return nil
}

// taken says whether a column is something already.
func (l *long) taken(column int) bool {
	return column == l.time || column == l.label || slices.Contains(slices.Concat(l.ids, l.targets, l.known, l.static),
		column)
}

// chooseTime finds the column with times, and how they are written.
func (l *long) chooseTime() (err error) {
	if l.time < 0 {
		at := l.timed()
		if at < 0 || l.taken(at) {
			return nil
		}
		l.time = at
	}
	cells := l.sampled(l.time)
	forms := fitting(cells, true)
	if len(forms) == 0 {
		return l.strange()
	}
	l.form, err = l.dayOrMonth(forms, l.lines[0], l.called(l.time), cells[0])
	return err
}

// strange says which of the first times is none, or is not written as those before.
func (l *long) strange() error {
	var forms []*timeForm
	for i, row := range l.sample {
		if l.time >= len(row) {
			continue
		}
		c := row[l.time]
		if i == 0 {
			forms = fitting([]string{c}, true)
		}
		if len(forms) == 0 {
			return l.wrong(l.lines[i], "column %s: %s is not a time: write times as 2006-01-02 15:04:05, 2006-01-02, "+
				"2006-01 or 2006",
				l.called(l.time), shown(c))
		}
		fit := slices.DeleteFunc(slices.Clone(forms), func(f *timeForm) bool { _, ok := f.parse(c); return !ok })
		if len(fit) == 0 {
			return l.notAs(forms[0], c, l.lines[i])
		}
		forms = fit
	}
	return l.wrong(0, "column %s has no time in the first rows: name the column with times with --time", l.called(l.time))
}

// notAs says that a time is not written as those before.
func (l *long) notAs(form *timeForm, cell string, line int) error {
	return l.wrong(line, "column %s: %s is not a time as %s, and those before are: write it so",
		l.called(l.time), shown(cell), form.name)
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
// times and never empty.
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
		if cells := l.sampled(i); !l.numeric(i) && len(cells) == len(l.sample) && !isTime(cells[0]) {
			text = append(text, i)
		}
	}
	if len(text) == 1 {
		l.ids = text
	}
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
		if column >= 0 && !named {
			parts = append(parts, "column "+l.called(column)+" is "+what)
		}
	}
	add(l.time, l.options.Time != "", "the time")
	if l.ids != nil {
		add(l.ids[0], l.options.ID != "", "the name of the series")
	}
	if len(l.targets) == 1 {
		add(l.targets[0], l.options.Targets != nil, "the value")
	}
	if len(parts) > 0 {
		l.note("%s", strings.Join(parts, ", "))
	}
}
