package series

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Step is the time between two values: so many seconds, or so many months. The zero Step says that there are no times.
type Step struct {
	Seconds int64 `yaml:"seconds,omitempty" json:"seconds,omitempty"`
	Months  int   `yaml:"months,omitempty" json:"months,omitempty"`

	// MonthEnd says that times are the last days of their months, so that a month after 28 February is 31 March.
	MonthEnd bool `yaml:"month_end,omitempty" json:"month_end,omitempty"`
}

// The seconds of what has always as many.
const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
	week   = 7 * day
)

// IsZero says whether there are no times.
func (s Step) IsZero() bool { return s.Seconds == 0 && s.Months == 0 }

// Add is the time of n steps after t; before it if n < 0. A month after 31 January is the last day of February.
func (s Step) Add(t time.Time, n int) time.Time {
	if s.Months == 0 {
		return t.Add(time.Duration(s.Seconds) * time.Second * time.Duration(n))
	}
	first := t.AddDate(0, 0, 1-t.Day()).AddDate(0, n*s.Months, 0)
	last := daysIn(first)
	if s.MonthEnd {
		return first.AddDate(0, 0, last-1)
	}
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// daysIn is how many days the month of a time has.
func daysIn(t time.Time) int { return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// Season is the usual season of a step, in steps: a day of what is shorter, 7 days, 12 months, 4 quarters, and 1,
// which is none, of weeks (as in the M4 competition), of years, and of steps that do not divide such a time. The
// zero Step has 0: nothing is known.
func (s Step) Season() int {
	switch {
	case s.IsZero():
		return 0
	case s.Months > 0 && 12%s.Months == 0:
		return 12 / s.Months
	case s.Seconds == day:
		return 7
	case s.Seconds > 0 && day%s.Seconds == 0:
		return int(day / s.Seconds)
	}
	return 1
}

// units are the names of steps, the longest first.
var units = []struct {
	name string
	step Step
}{
	{"year", Step{Months: 12}}, {"quarter", Step{Months: 3}}, {"month", Step{Months: 1}},
	{"week", Step{Seconds: week}}, {"day", Step{Seconds: day}},
	{"hour", Step{Seconds: hour}}, {"minute", Step{Seconds: minute}}, {"second", Step{Seconds: 1}},
}

// String is a step in words: hour, 15 minutes, quarter; "" of the zero Step.
func (s Step) String() string {
	for _, u := range units {
		n := int64(0)
		switch {
		case s.Months > 0 && u.step.Months > 0 && s.Months%u.step.Months == 0:
			n = int64(s.Months / u.step.Months)
		case s.Seconds > 0 && u.step.Seconds > 0 && s.Seconds%u.step.Seconds == 0:
			n = s.Seconds / u.step.Seconds
		}
		switch {
		case n == 1:
			return u.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return ""
}

var frequency = regexp.MustCompile(`^(?:(\d{1,6}|half)[_ -]?)?([a-z]+)$`)

// frequencies are words for units besides their names.
var frequencies = map[string]string{
	"yearly": "year", "annual": "year", "annually": "year", "quarterly": "quarter", "monthly": "month",
	"weekly": "week", "daily": "day", "hourly": "hour", "minutely": "minute", "secondly": "second",
}

// ParseStep reads a step in words, those of String and those of .tsf files: hourly, half_hourly, 10_minutes.
func ParseStep(s string) (Step, error) {
	wrong := fmt.Errorf("%q is not a time between two values: write hourly, daily, weekly, monthly, quarterly, "+
		"yearly, or a number and a unit, as in 15_minutes", s)
	m := frequency.FindStringSubmatch(strings.ToLower(strings.TrimSpace(s)))
	if m == nil {
		return Step{}, wrong
	}
	name := m[2]
	if unit, ok := frequencies[name]; ok {
		name = unit
	}
	for _, u := range units {
		if name != u.name && name != u.name+"s" {
			continue
		}
		n := 1
		switch m[1] {
		case "":
		case "half":
			if u.step.Seconds%2 != 0 || u.step.Seconds == 0 {
				return Step{}, wrong
			}
			return Step{Seconds: u.step.Seconds / 2}, nil
		default:
			n, _ = strconv.Atoi(m[1])
		}
		if n == 0 {
			return Step{}, wrong
		}
		return Step{Seconds: u.step.Seconds * int64(n), Months: u.step.Months * n}, nil
	}
	return Step{}, wrong
}
