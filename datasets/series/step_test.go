package series

import (
	"testing"
	"time"
)

func TestStep(t *testing.T) {
	for _, c := range []struct {
		step   Step
		from   time.Time
		n      int
		want   time.Time
		words  string
		season int
	}{
		{Step{Seconds: hour}, date(2024, 2, 28, 23), 2, date(2024, 2, 29, 1), "hour", 24},
		{Step{Seconds: 15 * minute}, date(2024, 1, 1, 0), -4, date(2023, 12, 31, 23), "15 minutes", 96},
		{Step{Seconds: day}, date(2023, 2, 28, 5), 1, date(2023, 3, 1, 5), "day", 7},
		{Step{Seconds: week}, date(2023, 2, 28, 5), 1, date(2023, 3, 7, 5), "week", 1},
		{Step{Seconds: 36 * hour}, date(2023, 2, 28, 0), 1, date(2023, 3, 1, 12), "36 hours", 1},
		{Step{Seconds: 4}, date(2023, 2, 28, 0), 900, date(2023, 2, 28, 1), "4 seconds", 21600},
		{Step{Months: 1}, date(2023, 1, 31, 0), 1, date(2023, 2, 28, 0), "month", 12},
		{Step{Months: 1}, date(2023, 1, 31, 0), 2, date(2023, 3, 31, 0), "month", 12},
		{Step{Months: 1}, date(2023, 2, 28, 0), 1, date(2023, 3, 28, 0), "month", 12},
		{Step{Months: 1, MonthEnd: true}, date(2023, 2, 28, 0), 1, date(2023, 3, 31, 0), "month", 12},
		{Step{Months: 3}, date(2023, 11, 30, 7), 1, date(2024, 2, 29, 7), "quarter", 4},
		{Step{Months: 12}, date(2024, 2, 29, 0), -1, date(2023, 2, 28, 0), "year", 1},
		{Step{Months: 5}, date(2024, 1, 1, 0), 1, date(2024, 6, 1, 0), "5 months", 1},
		{Step{Months: 24}, date(2024, 1, 1, 0), 1, date(2026, 1, 1, 0), "2 years", 1},
		{Step{}, date(2024, 1, 1, 0), 1, date(2024, 1, 1, 0), "", 0},
	} {
		if got := c.step.Add(c.from, c.n); !got.Equal(c.want) {
			t.Errorf("%d steps of %s after %v are %v", c.n, c.step, c.from, got)
		}
		if c.step.String() != c.words || c.step.Season() != c.season {
			t.Errorf("%+v: %q, season %d", c.step, c.step, c.step.Season())
		}
	}
}

func TestParseStep(t *testing.T) {
	for words, want := range map[string]Step{
		"yearly": {Months: 12}, "quarterly": {Months: 3}, "Monthly": {Months: 1}, "weekly": {Seconds: week},
		"daily":  {Seconds: day},
		"hourly": {Seconds: hour}, "half_hourly": {Seconds: hour / 2}, "10_minutes": {Seconds: 600},
		"4_seconds": {Seconds: 4},
		"minutely":  {Seconds: 60}, " 15 minutes": {Seconds: 900}, "2-weeks": {Seconds: 2 * week}, "hour": {Seconds: hour},
		"3months": {Months: 3},
	} {
		if got, err := ParseStep(words); err != nil || got != want {
			t.Errorf("%q: %+v, %v", words, got, err)
		}
		if got, err := ParseStep(want.String()); err != nil || got != want {
			t.Errorf("%q: %+v, %v", want.String(), got, err)
		}
	}
	for _, words := range []string{"", "often", "0_minutes", "half_monthly", "half_secondly", "-1 hours", "1e3 hours",
		"12345678 hours"} {
		if got, err := ParseStep(words); err == nil {
			t.Errorf("%q: %+v", words, got)
		}
	}
}
