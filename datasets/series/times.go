package series

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// timeForm is a way to write times: a layout of package time, or a number of something.
type timeForm struct {
	name    string // as messages show it
	layout  string
	integer func(n int64) (time.Time, bool) // of digits alone
	counter bool                            // numbers that count steps are no times
	chosen  string                          // it is one of several that look alike: what Options.TimeForm must be
}

// clocks may stand after a date, and offsets from UTC after those of 24 hours.
var (
	clocks  = []string{" 15:04", " 15:04:05", "T15:04", "T15:04:05"}
	offsets = []string{"", "Z07:00", "Z0700", "Z07", " -07:00", " -0700", " UTC"}
	others  = []string{"", " 3:04 PM", " 3:04:05 PM", " 15-04-05"}
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
		{"2006-01-02", "2006-1-2", ""}, {"2006/01/02", "2006/1/2", ""}, {"02.01.2006", "2.1.2006", ""},
		{"2 Jan 2006", "2 Jan 2006", ""}, {"2-Jan-2006", "2-Jan-2006", ""}, {"2 January 2006", "2 January 2006", ""},
		{"Jan 2, 2006", "Jan 2, 2006", ""}, {"January 2, 2006", "January 2, 2006", ""},
		{"DD/MM/YYYY", "2/1/2006", DayFirst}, {"MM/DD/YYYY", "1/2/2006", MonthFirst},
	} {
		for _, s := range after {
			forms = append(forms, &timeForm{name: date.name + shownClock.Replace(s), layout: date.layout + s, chosen: date.chosen})
		}
	}
	for _, layout := range []string{"2006-01", "2006/01", "2006M01", "Jan 2006", "Jan-2006", "January 2006", "20060102T150405"} {
		forms = append(forms, &timeForm{name: layout, layout: layout})
	}
	calendar := func(layout string, from, to int) func(n int64) (time.Time, bool) {
		return func(n int64) (time.Time, bool) {
			t, err := time.Parse(layout, strconv.FormatInt(n, 10))
			return t, err == nil && t.Year() >= from && t.Year() <= to
		}
	}
	const first, last = 1000, 9999
	within := func(low, high, unit int64) func(n int64) (time.Time, bool) {
		return func(n int64) (time.Time, bool) {
			return time.UnixMilli(n * unit).UTC(), n >= low && n < high
		}
	}
	return append(forms,
		&timeForm{name: "2006Q1"},
		&timeForm{name: "20060102", integer: calendar("20060102", first, last)},
		&timeForm{name: "200601", integer: calendar("200601", first, last)},
		&timeForm{name: "a year", integer: calendar("2006", first, last)},
		&timeForm{name: "2006010215", integer: calendar("2006010215", 1900, 2100)}, // in others they are Unix times
		&timeForm{name: "200601021504", integer: calendar("200601021504", 1900, 2100)},
		&timeForm{name: "20060102150405", integer: calendar("20060102150405", 1900, 2100)},
		&timeForm{name: "Unix seconds", integer: within(1e8, 1e11, 1000)},
		&timeForm{name: "Unix milliseconds", integer: within(1e11, 1e14, 1)},
		&timeForm{name: "a number that counts steps", counter: true, integer: func(n int64) (time.Time, bool) {
			const most = 1 << 40
			return time.Unix(n, 0).UTC(), n > -most && n < most
		}})
}

// shownClock is a clock as messages show it: with an offset of its own.
var shownClock = strings.NewReplacer("Z07:00", "+00:00", "Z0700", "+0000", "Z07", "+00", "-07:00", "+00:00", "-0700", "+0000")

// parse reads a time.
func (f *timeForm) parse(cell string) (time.Time, bool) {
	switch {
	case f.integer != nil:
		n, err := strconv.ParseInt(cell, 10, 64)
		if err != nil {
			return time.Time{}, false
		}
		return f.integer(n)
	case f.layout != "":
		t, err := time.ParseInLocation(f.layout, cell, time.UTC)
		return t, err == nil
	}
	return quarter(cell)
}

// quarter reads 2006Q1, 2006-Q1 and 2006 Q1.
func quarter(cell string) (time.Time, bool) {
	if len(cell) < 6 || len(cell) > 7 || len(cell) == 7 && !strings.ContainsAny(cell[4:5], "- ") {
		return time.Time{}, false
	}
	year, err := strconv.Atoi(cell[:4])
	q := strings.ToUpper(cell[len(cell)-2:])
	if err != nil || year < 1000 || q[0] != 'Q' || q[1] < '1' || q[1] > '4' {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(3*int(q[1]-'1')+1), 1, 0, 0, 0, 0, time.UTC), true
}

// fitting are the forms in which all cells are written. Those of digits alone are asked for where a name says that
// it is a time.
func fitting(cells []string, digits bool) []*timeForm {
	var fit []*timeForm
	for _, f := range timeForms {
		all := len(cells) > 0 && (digits || f.integer == nil)
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

// isTime says whether a cell is a time, of digits alone or not.
func isTime(cell string) bool { return !isNumber(cell) && len(fitting([]string{cell}, false)) > 0 }

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
