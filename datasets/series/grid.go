package series

import (
	"fmt"
	"strings"
	"time"
)

// moments are the times of a series, and where they stand.
type moments struct {
	id    string
	times []time.Time
	lines []int
}

// grid is what the times of series have in common.
type grid struct {
	*file
	ways    ways
	counter bool // the times count steps
	step    Step
	filled  int // moments that were left out
}

// ways are words that end errors of times which are not at equal steps: what the command can do with them.
type ways struct{ gap, untimed string }

const untimed = ", or give --time none, which takes the rows as they are"

var (
	waysOfCases = ways{untimed, untimed}
	waysOfSets  = ways{", give --fill-gaps, which takes them for missing values" + untimed, untimed}
)

// find works out the step between times, which must be the same everywhere: as many months, or as many seconds.
func (g *grid) find(all []moments) error {
	for _, m := range all {
		if err := g.sorted(m); err != nil {
			return err
		}
	}
	if !g.counter {
		if g.step = monthly(all); !g.step.IsZero() {
			return nil
		}
	}
	counts := map[int]int{}
	for _, m := range all {
		for i := range m.times[1:] {
			counts[int(m.times[i+1].Unix()-m.times[i].Unix())]++
		}
	}
	g.step.Seconds = int64(commonest(counts))
	return nil
}

// commonest is the number that occurs most often, of several the smallest; 0 if there is none.
func commonest(counts map[int]int) int {
	best := 0
	for n, count := range counts {
		if c := counts[best]; count > c || count == c && n < best {
			best = n
		}
	}
	return best
}

// sorted says what is wrong with the order of times.
func (g *grid) sorted(m moments) error {
	for i, t := range m.times {
		if t.Nanosecond() != 0 {
			return g.wrong(m.lines[i], "the time %s has a part of a second, and a second is the least time between two "+
				"values: "+
				"write whole seconds%s", g.at(t), g.ways.untimed)
		}
		if i == 0 || t.After(m.times[i-1]) {
			continue
		}
		next := ""
		if !g.counter && (t.Hour() != 0 || t.Minute() != 0) {
			next = "; where clocks were set back, write times in UTC"
		}
		if t.Equal(m.times[i-1]) {
			return g.wrong(m.lines[i], "%sthe time %s is in line %d, too: remove one, or name the column with the names "+
				"of series with --id, or all columns of the time, as in --time date,hour%s",
				m.of(), g.at(t), m.lines[i-1], next)
		}
		return g.wrong(m.lines[i], "%sthe time %s is before %s of line %d: sort each series by time, the earliest first%s",
			m.of(), g.at(t), g.at(m.times[i-1]), m.lines[i-1], next)
	}
	return nil
}

func (m *moments) of() string {
	if m.id == "" {
		return ""
	}
	return fmt.Sprintf("series %s: ", shown(m.id))
}

// at is a time as messages show it.
func (g *grid) at(t time.Time) string {
	switch {
	case g.counter:
		return fmt.Sprint(t.Unix())
	case t.Nanosecond() != 0:
		return t.Format("2006-01-02 15:04:05.999999999")
	}
	return strings.TrimSuffix(strings.TrimSuffix(t.Format("2006-01-02 15:04:05"), ":00"), " 00:00")
}

// monthly is the step of times that are months apart: on the same day of the month, or its last if it has no such
// day, or always on the last.
func monthly(all []moments) Step {
	counts := map[int]int{}
	ends, days := true, true
	for _, m := range all {
		if len(m.times) < 2 {
			continue
		}
		anchor := 0
		for _, t := range m.times {
			anchor = max(anchor, t.Day())
		}
		for i, t := range m.times {
			last := daysIn(t)
			ends = ends && t.Day() == last
			days = days && t.Day() == min(anchor, last)
			if !ends && !days || secondOfDay(t) != secondOfDay(m.times[0]) {
				return Step{}
			}
			if i > 0 {
				n := month(t) - month(m.times[i-1])
				if n == 0 {
					return Step{}
				}
				counts[n]++
			}
		}
	}
	n := commonest(counts)
	return Step{Months: n, MonthEnd: ends && n > 0}
}

func secondOfDay(t time.Time) int { return t.Hour()*hour + t.Minute()*minute + t.Second() }

func month(t time.Time) int { return 12*t.Year() + int(t.Month()) }

// places are where the times of a series stand on the grid, from 0. A moment that is left out is an error, or filled.
func (g *grid) places(m moments) ([]int, error) {
	places := make([]int, len(m.times))
	for i := 1; i < len(m.times); i++ {
		before, t := m.times[i-1], m.times[i]
		n := g.between(before, t)
		switch {
		case n == 0:
			return nil, g.wrong(m.lines[i], "%sthe time %s is not %s after %s of line %d, as the others are: correct it, "+
				"for the time between "+
				"two values must be the same", m.of(), g.at(t), g.apart(), g.at(before), m.lines[i-1])
		case n > 1 && !g.options.FillGaps:
			return nil, g.wrong(m.lines[i], "%s%s missing between %s of line %d and %s: complete the file%s",
				m.of(), isAre(n-1), g.at(before), m.lines[i-1], g.at(t), g.ways.gap)
		}
		if err := g.hold(n-1, m.lines[i]); err != nil {
			return nil, err
		}
		g.filled += n - 1
		places[i] = places[i-1] + n
	}
	return places, nil
}

func isAre(n int) string {
	if n == 1 {
		return "1 time is"
	}
	return fmt.Sprintf("%d times are", n)
}

// apart is the step in words.
func (g *grid) apart() string {
	switch {
	case g.counter:
		return fmt.Sprint(g.step.Seconds)
	case strings.Contains(g.step.String(), " "):
		return g.step.String()
	}
	return "1 " + g.step.String()
}

// between is how many steps lie between two times; 0 if it is no number of steps.
func (g *grid) between(from, to time.Time) int {
	if g.step.Months > 0 {
		if n := month(to) - month(from); n%g.step.Months == 0 {
			return n / g.step.Months
		}
		return 0
	}
	if d := to.Unix() - from.Unix(); d%g.step.Seconds == 0 {
		return int(d / g.step.Seconds)
	}
	return 0
}
