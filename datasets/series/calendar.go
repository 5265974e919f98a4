package series

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
)

// Calendar makes covariates of times: where each stands in its day, week, month or year. They are known for any
// future.
type Calendar struct {
	features []feature
	scaled   bool
}

// feature is where a time stands in something that comes again, in [0, 1).
type feature struct {
	name  string
	phase func(t time.Time) float64
}

// features are those that there are. Months and years have unequal lengths, of which a phase is a part.
var features = []feature{
	{"minute", func(t time.Time) float64 { return float64(t.Minute()*minute+t.Second()) / hour }},
	{"hour", func(t time.Time) float64 { return float64(secondOfDay(t)) / day }},
	{"weekday", func(t time.Time) float64 { return float64((t.Weekday()+6)%7) / 7 }},
	{"monthday", func(t time.Time) float64 { return float64(t.Day()-1) / float64(daysIn(t)) }},
	{"month", func(t time.Time) float64 { return float64(t.Month()-1) / 12 }},
	{"yearday", func(t time.Time) float64 {
		return float64(t.YearDay()-1) / float64(time.Date(t.Year(), 12, 31, 0, 0, 0, 0, time.UTC).YearDay())
	}},
}

// CalendarNames are the features that a Calendar can have: minute and hour with their seconds, weekday from Monday,
// the day of the month, month, and the day of the year.
func CalendarNames() []string {
	var names []string
	for _, f := range features {
		names = append(names, f.name)
	}
	return names
}

// NewCalendar makes features by their names: two columns for each, the sine and the cosine of 2π times its phase,
// so that the end is next to the beginning; or scaled, one column from -0.5 up to 0.5.
func NewCalendar(names []string, scaled bool) (*Calendar, error) {
	c := &Calendar{scaled: scaled}
	for i, name := range names {
		at := slices.IndexFunc(features, func(f feature) bool { return f.name == name })
		if at < 0 || slices.Contains(names[:i], name) {
			return nil, &setting.Error{Setting: "Calendar", Value: name,
				Want: "one of " + strings.Join(CalendarNames(), ", ") + ", each once"}
		}
		c.features = append(c.features, features[at])
	}
	return c, nil
}

// Columns are the names of the columns.
func (c *Calendar) Columns() []string {
	var columns []string
	for _, f := range c.features {
		if c.scaled {
			columns = append(columns, f.name)
		} else {
			columns = append(columns, f.name+" sine", f.name+" cosine")
		}
	}
	return columns
}

// At gives the columns at n times from start on, a step apart: [column][t]. Without times there is no calendar.
func (c *Calendar) At(start time.Time, step Step, n int) ([][]float64, error) {
	switch {
	case n < 0 || n > maxHeld:
		return nil, errors.Errorf("a calendar of %d times: there must be at least 0 and at most %d", n, maxHeld)
	case step.IsZero() && len(c.features) > 0:
		return nil, errors.New("the series have no times, which a calendar needs")
	}
	columns := make([][]float64, len(c.Columns()))
	for i := range columns {
		columns[i] = make([]float64, n)
	}
	for t := range n {
		at := step.Add(start, t)
		for i, f := range c.features {
			phase := f.phase(at)
			if c.scaled {
				columns[i][t] = phase - 0.5
			} else {
				columns[2*i][t], columns[2*i+1][t] = math.Sincos(2 * math.Pi * phase)
			}
		}
	}
	return columns, nil
}

// Calendar is the features that say something at a step: what comes again in more than a step, and in at most a year.
func (s Step) Calendar() []string {
	switch {
	case s.IsZero() || s.Months >= 12:
		return nil
	case s.Months > 0:
		return []string{"month"}
	case s.Seconds >= week:
		return []string{"yearday"}
	case s.Seconds >= day:
		return []string{"weekday", "monthday", "yearday"}
	case s.Seconds >= hour:
		return []string{"hour", "weekday", "yearday"}
	}
	return []string{"minute", "hour", "weekday", "yearday"}
}
