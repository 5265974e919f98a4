package series

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// timeForm is a way to write times: a layout of package time, or what a function reads.
type timeForm struct {
	name    string // as messages show it
	layout  string
	read    func(cell string) (time.Time, bool)
	digits  bool   // cells may be numbers: they are times where a name says so
	under   string // they are so where a column is called week, quarter or date; else, or "": everywhere
	counter bool   // numbers that count steps are no times
	looks   bool   // numbers of which it is not sure: they may count steps
	chosen  string // it is one of several that look alike: what Options.TimeForm must be
}

// clocks may stand after a date, and offsets from UTC after those of 24 hours.
var (
	clocks  = []string{" 15:04", " 15:04:05", "T15:04", "T15:04:05"}
	offsets = []string{"", "Z07:00", "Z0700", "Z07", " -07:00", " -0700", " UTC"}
	others  = []string{"", " 3:04 PM", " 3:04PM", " 3:04:05 PM", " 3:04:05PM", " 15-04-05", " 15.04.05", " 15"}
)

// timeForms are all forms. Of those that fit, the first is taken.
var timeForms = makeTimeForms()

func makeTimeForms() []*timeForm {
	after := slices.Clone(others)
	for _, clock := range clocks {
		for _, offset := range offsets {
			after = append(after, clock+offset)
		}
	}
	var forms []*timeForm
	for _, date := range []struct{ name, layout, chosen string }{
		{"2006-01-02", "2006-1-2", ""}, {"2006/01/02", "2006/1/2", ""}, {"2006.01.02", "2006.1.2", ""},
		{"02.01.2006", "2.1.2006", ""},
		{"2 Jan 2006", "2 Jan 2006", ""}, {"2-Jan-2006", "2-Jan-2006", ""}, {"2 January 2006", "2 January 2006", ""},
		{"Jan 2, 2006", "Jan 2, 2006", ""}, {"January 2, 2006", "January 2, 2006", ""},
		{"DD/MM/YYYY", "2/1/2006", DayFirst}, {"MM/DD/YYYY", "1/2/2006", MonthFirst},
		{"DD-MM-YYYY", "2-1-2006", DayFirst}, {"MM-DD-YYYY", "1-2-2006", MonthFirst},
	} {
		for _, s := range after {
			forms = append(forms, &timeForm{name: date.name + shownClock.Replace(s), layout: date.layout + s, chosen: date.chosen})
		}
	}
	const bare = `(?P<year>\d{4})[-/. ]?(?P<part>\d{1,2})`
	forms = append([]*timeForm{ // before months, as which they would be read
		{name: "a year and its week", digits: true, under: "week", read: ofParts(bare, isoWeek)},
		{name: "a year and its quarter", digits: true, under: "quarter", read: ofParts(bare, quarterOf)},
	}, forms...)
	for _, layout := range []string{"2006-01", "2006/01", "1/2006", "1-2006", "2006-Jan", "2006M01", "Jan 2006", "Jan-2006",
		"January 2006", "20060102T150405"} {
		forms = append(forms, &timeForm{name: layout, layout: layout})
	}
	const first, last = 1500, 2500
	calendar := func(layout string, from, to int) *timeForm {
		return &timeForm{name: layout, digits: true, looks: true, read: ofInteger(func(n int64) (time.Time, bool) {
			t, err := time.Parse(layout, strconv.FormatInt(n, 10))
			return t, err == nil && t.Year() >= from && t.Year() <= to
		})}
	}
	unix := func(name string, low, high int64, at func(n int64) time.Time) *timeForm {
		return &timeForm{name: "Unix " + name, digits: true, read: ofInteger(func(n int64) (time.Time, bool) {
			return at(n).UTC(), n >= low && n < high
		})}
	}
	year := calendar("2006", first, last)
	year.name = "a year"
	return append(forms,
		&timeForm{name: "2006Q1", read: ofParts(`(?P<year>\d{4})[- ]?Q(?P<part>\d)`, quarterOf)},
		&timeForm{name: "Q1 2006", read: ofParts(`Q(?P<part>\d)[- ]?(?P<year>\d{4})`, quarterOf)},
		&timeForm{name: "2006-W01", read: ofParts(`(?P<year>\d{4})[- ]?W(?P<part>\d{1,2})`, isoWeek)},
		&timeForm{name: "2006 1", layout: "2006 1", digits: true},
		&timeForm{name: "2006 1 2", layout: "2006 1 2", digits: true},
		&timeForm{name: "2006 1 2 15", layout: "2006 1 2 15", digits: true},
		calendar("20060102", first, last),
		calendar("200601", first, last),
		year,
		calendar("2006010215", 1900, 2100), // in others they are Unix times
		calendar("200601021504", 1900, 2100),
		calendar("20060102150405", 1900, 2100),
		unix("seconds", 1e8, 1e11, func(n int64) time.Time { return time.Unix(n, 0) }),
		unix("milliseconds", 1e11, 1e14, time.UnixMilli),
		unix("microseconds", 1e14, 1e17, time.UnixMicro),
		unix("nanoseconds", 1e17, math.MaxInt64, func(n int64) time.Time { return time.Unix(0, n) }),
		&timeForm{name: "a day as Excel counts them", digits: true, under: "date", read: excelDay},
		&timeForm{name: "a number that counts steps", digits: true, counter: true,
			read: ofInteger(func(n int64) (time.Time, bool) {
				const most = 1 << 40
				return time.Unix(n, 0).UTC(), n > -most && n < most
			})})
}

// shownClock is a clock as messages show it: with an offset of its own.
var shownClock = strings.NewReplacer("Z07:00", "+00:00", "Z0700", "+0000", "Z07", "+00", "-07:00", "+00:00", "-0700", "+0000")

// parse reads a time.
func (f *timeForm) parse(cell string) (time.Time, bool) {
	if f.layout != "" {
		if strings.HasSuffix(f.layout, "PM") {
			cell = strings.ToUpper(cell)
		}
		t, err := time.ParseInLocation(f.layout, cell, time.UTC)
		return t, err == nil
	}
	return f.read(cell)
}

// ofInteger reads whole numbers, also as 2006.0, which a table that has had missing ones writes.
func ofInteger(at func(n int64) (time.Time, bool)) func(cell string) (time.Time, bool) {
	return func(cell string) (time.Time, bool) {
		n, err := strconv.ParseInt(strings.TrimSuffix(cell, ".0"), 10, 64)
		if err != nil {
			return time.Time{}, false
		}
		return at(n)
	}
}

// ofParts reads a year and the number of a part of it, which are groups of a regular expression.
func ofParts(form string, at func(year, part int) (time.Time, bool)) func(cell string) (time.Time, bool) {
	r := regexp.MustCompile("(?i)^" + form + "$")
	y, p := r.SubexpIndex("year"), r.SubexpIndex("part")
	return func(cell string) (time.Time, bool) {
		m := r.FindStringSubmatch(cell)
		if m == nil {
			return time.Time{}, false
		}
		year, _ := strconv.Atoi(m[y])
		part, _ := strconv.Atoi(m[p])
		return at(year, part)
	}
}

// isoWeek is the Monday of a week as ISO 8601 numbers them: the first is that of 4 January.
func isoWeek(year, week int) (time.Time, bool) {
	first := time.Date(year, 1, 4, 0, 0, 0, 0, time.UTC)
	t := first.AddDate(0, 0, 7*(week-1)-(int(first.Weekday())+6)%7)
	y, w := t.ISOWeek()
	return t, y == year && w == week
}

// quarterOf is the first day of a quarter.
func quarterOf(year, quarter int) (time.Time, bool) {
	return time.Date(year, time.Month(3*quarter-2), 1, 0, 0, 0, 0, time.UTC), quarter >= 1 && quarter <= 4
}

// excelDay reads the days since 1899-12-30, of which the clock is a part, of about the years from 1955 to 2118.
func excelDay(cell string) (time.Time, bool) {
	const from, to = 20_000, 80_000
	x, err := strconv.ParseFloat(cell, 64)
	if err != nil || !(x >= from && x < to) {
		return time.Time{}, false
	}
	seconds := math.Round(x * day)
	return time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second), true
}

// fitting are the forms in which all cells are written. Those of numbers alone are asked for where a column is named as
// that of times, by what it is called, if it has a name.
func fitting(cells []string, named bool, called string) []*timeForm {
	var fit []*timeForm
	for _, f := range timeForms {
		all := len(cells) > 0 && f.may(named, strings.ToLower(called))
		for _, c := range cells {
			if !all {
				break
			}
			_, all = f.parse(c)
		}
		if all {
			fit = append(fit, f)
		}
	}
	return fit
}

// may says whether a form is possible, by the name of a column.
func (f *timeForm) may(named bool, called string) bool {
	switch {
	case !f.digits:
		return true
	case !named, f.under != "" && !strings.Contains(called, f.under):
		return false
	}
	return !f.looks || !slices.Contains(counterNames, called)
}

// counterNames are what headers call numbers that count steps, and that are not years.
var counterNames = []string{"step", "time_idx", "t", "index", "period_id"}

// isTime says whether a cell is a time, and no number.
func isTime(cell string) bool { return !isNumber(cell) && len(fitting([]string{cell}, false, "")) > 0 }

// clock is a time of day.
var clock = regexp.MustCompile(`^\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?$|^\d{1,2}\.\d{2}\.\d{2}$`)

// timeNames are what headers call times.
var timeNames = []string{
	"time", "date", "datetime", "date_time", "timestamp", "ds", "day", "month", "year", "quarter", "week", "hour",
	"period", "period_id",
	"time_idx", "step", "t",
}

func isTimeName(cell string) bool {
	for _, name := range timeNames {
		if strings.EqualFold(cell, name) {
			return true
		}
	}
	return false
}
