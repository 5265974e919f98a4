package series

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestCalendar(t *testing.T) {
	for _, c := range []struct {
		name string
		at   time.Time
		want float64 // of a round
	}{
		{"minute", time.Date(2024, 1, 1, 5, 45, 30, 0, time.UTC), 45.5 / 60},
		{"hour", date(2024, 1, 1, 0), 0},
		{"hour", time.Date(2024, 1, 1, 18, 30, 0, 0, time.UTC), 18.5 / 24},
		{"hour", time.Date(2024, 1, 1, 6, 0, 0, 0, time.FixedZone("", 7*hour)), 0.25}, // the hour there
		{"weekday", date(2024, 1, 1, 5), 0},                                           // a Monday
		{"weekday", date(2024, 1, 7, 5), 6. / 7},
		{"monthday", date(2024, 2, 29, 0), 28. / 29},
		{"monthday", date(2023, 2, 15, 0), 0.5},
		{"month", date(2024, 12, 1, 0), 11. / 12},
		{"yearday", date(2024, 12, 31, 0), 365. / 366},
		{"yearday", date(2023, 12, 31, 0), 364. / 365},
	} {
		for _, scaled := range []bool{true, false} {
			calendar, err := NewCalendar([]string{c.name}, scaled)
			if err != nil {
				t.Fatal(err)
			}
			got, err := calendar.At(c.at, Step{Seconds: hour}, 1)
			if err != nil {
				t.Fatal(err)
			}
			want := [][]float64{{c.want - 0.5}}
			if !scaled {
				want = [][]float64{{math.Sin(2 * math.Pi * c.want)}, {math.Cos(2 * math.Pi * c.want)}}
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-15)); diff != "" {
				t.Errorf("%s of %v: %s", c.name, c.at, diff)
			}
		}
	}
	// Into the future, over the end of a month.
	calendar, err := NewCalendar([]string{"month", "monthday"}, true)
	if err != nil {
		t.Fatal(err)
	}
	got, err := calendar.At(date(2023, 1, 31, 0), Step{Months: 1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]float64{{-0.5, 1./12 - 0.5, 2./12 - 0.5}, {30./31 - 0.5, 27./28 - 0.5, 30./31 - 0.5}}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-15)); diff != "" {
		t.Error(diff)
	}
	same(t, "columns", []string{"month", "monthday"}, calendar.Columns())
	calendar, err = NewCalendar([]string{"hour"}, false)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "columns", []string{"hour sine", "hour cosine"}, calendar.Columns())
	if _, err := calendar.At(time.Time{}, Step{}, 1); err == nil {
		t.Error("a calendar without times")
	}
	for _, names := range [][]string{{"second"}, {"hour", "hour"}, {""}} {
		if _, err := NewCalendar(names, false); err == nil {
			t.Errorf("a calendar of %q", names)
		}
	}
}

// What says something at a step are features that there are, and that change from step to step.
func TestStepCalendar(t *testing.T) {
	for _, u := range units {
		names := u.step.Calendar()
		calendar, err := NewCalendar(names, true)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := calendar.At(date(2024, 1, 1, 0), u.step, 400)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range columns {
			if c[0] == c[1] && c[1] == c[2] && u.step.Seconds >= day {
				t.Errorf("%s: %s stays the same", u.name, names[i])
			}
		}
		if (len(names) == 0) != (u.name == "year") {
			t.Errorf("%s: %q", u.name, names)
		}
	}
	if names := (Step{}).Calendar(); names != nil {
		t.Errorf("without times: %q", names)
	}
}

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		n, horizon, count, stride, history int
		want                               []Origin
	}{
		{10, 3, 1, 3, 1, []Origin{{7, 3}}},
		{10, 3, 3, 3, 1, []Origin{{1, 3}, {4, 3}, {7, 3}}},
		{10, 3, 3, 3, 2, []Origin{{4, 3}, {7, 3}}},
		{10, 3, 3, 1, 1, []Origin{{5, 3}, {6, 3}, {7, 3}}},
		{4, 3, 3, 1, 1, []Origin{{1, 3}}},
		{3, 3, 3, 1, 1, nil},
		{0, 3, 3, 1, 1, nil},
	} {
		got, err := Origins(c.n, c.horizon, c.count, c.stride, c.history)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "origins", c.want, got)
	}
	for _, wrong := range [][5]int{{-1, 1, 1, 1, 1}, {1, 0, 1, 1, 1}, {1, 1, 0, 1, 1}, {1, 1, 1, 0, 1}, {1, 1, 1, 1, 0}} {
		if _, err := Origins(wrong[0], wrong[1], wrong[2], wrong[3], wrong[4]); err == nil {
			t.Errorf("%v: no error", wrong)
		}
	}
}
