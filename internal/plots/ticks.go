package plots

import (
	"math"
	"strconv"
	"time"

	"gonum.org/v1/plot"

	"github.com/unroll-ml/unroll/internal/words"
)

// levels are what an axis of times can be marked at, the finest first: where the number of one changes.
var levels = []struct {
	number func(t time.Time) int
	label  string // a layout of package time
}{
	{func(t time.Time) int { return int(t.Unix()) }, "15:04:05"},
	{func(t time.Time) int { return minutes(t) }, "2 Jan 15:04"},
	{func(t time.Time) int { return minutes(t) / 10 }, "2 Jan 15:04"},
	{func(t time.Time) int { return minutes(t) / 60 }, "2 Jan 15:04"},
	{func(t time.Time) int { return minutes(t) / (3 * 60) }, "2 Jan 15:04"},
	{func(t time.Time) int { return minutes(t) / (6 * 60) }, "2 Jan 15:04"},
	{func(t time.Time) int { return minutes(t) / (12 * 60) }, "2 Jan 15:04"},
	{days, "2006-01-02"},
	{func(t time.Time) int { return days(t) / 2 }, "2006-01-02"},
	{func(t time.Time) int { return (days(t) + 3) / 7 }, "2006-01-02"}, // on Mondays
	{func(t time.Time) int { return (days(t) + 3) / 14 }, "2006-01-02"},
	{func(t time.Time) int { return months(t) }, "2006-01"},
	{func(t time.Time) int { return months(t) / 3 }, "2006-01"},
	{func(t time.Time) int { return t.Year() }, "2006"},
	{func(t time.Time) int { return t.Year() / 2 }, "2006"},
	{func(t time.Time) int { return t.Year() / 5 }, "2006"},
	{func(t time.Time) int { return t.Year() / 10 }, "2006"},
	{func(t time.Time) int { return t.Year() / 50 }, "2006"},
	{func(t time.Time) int { return t.Year() / 100 }, "2006"},
}

// minutes, days and months are counted on the clock and in the calendar of a time.
func minutes(t time.Time) int { return 24*60*days(t) + 60*t.Hour() + t.Minute() }

func days(t time.Time) int {
	const day = 24 * 60 * 60
	return int(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / day)
}

func months(t time.Time) int { return 12*t.Year() + int(t.Month()) - 1 }

// mostTicks are as many numbers as have room.
const mostTicks = 8

// room is how many labels have room.
func room(label string) int { return min(mostTicks, 44/len(label)) }

// ticks marks steps: by their times, or by their numbers, of which 1 is the first that was forecast.
func (f *Forecast) ticks(low, high float64) []plot.Tick {
	if f.Step.IsZero() {
		return numbered(low, high)
	}
	var best []plot.Tick // of the finest level that has room, and of those with as many marks the coarsest
	for level := range levels {
		switch ticks := f.marks(level, int(low), int(high)); {
		case len(ticks) > room(levels[level].label) && level < len(levels)-1:
		case best == nil || len(ticks) == len(best):
			best = ticks
		default:
			return best
		}
	}
	return best[:min(len(best), mostTicks)]
}

// marks are the steps at which the number of a level changes: one more than there is room for, at most.
func (f *Forecast) marks(level, first, last int) []plot.Tick {
	ticks := []plot.Tick{}
	before := levels[level].number(f.at(first - 1))
	for step := first; step <= last && len(ticks) <= room(levels[level].label); step++ {
		t := f.at(step)
		if n := levels[level].number(t); n != before {
			ticks = append(ticks, plot.Tick{Value: float64(step), Label: t.Format(levels[level].label)})
			before = n
		}
	}
	return ticks
}

// at is the time of a step.
func (f *Forecast) at(step int) time.Time { return f.Step.Add(f.Start, step+len(f.History)-1) }

// numbered marks round numbers.
func numbered(low, high float64) []plot.Tick {
	spacing := 1
	for i := 0; float64(spacing)*mostTicks < high-low; i++ { // 1, 2, 5, 10, 20, 50, ...
		if i%3 == 1 {
			spacing = spacing / 2 * 5
		} else {
			spacing *= 2
		}
	}
	var ticks []plot.Tick
	for step := int(low) / spacing * spacing; float64(step) <= high; step += spacing {
		if float64(step) >= low {
			ticks = append(ticks, plot.Tick{Value: float64(step), Label: strconv.Itoa(step)})
		}
	}
	return ticks
}

// values marks round values, with no more digits than they need.
func values(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = strconv.FormatFloat(ticks[i].Value, 'g', 6, 64)
		}
	}
	return ticks
}

// round marks round values: multiples of 1, 2 or 5 times a power of ten.
func round(low, high float64) []plot.Tick {
	return multiples(low, high, 0, func(x float64) string {
		return strconv.FormatFloat(x, 'g', 6, 64)
	})
}

// stepTicks marks whole numbers of steps, in thousands and millions where they are that many.
func stepTicks(low, high float64) []plot.Tick { return multiples(low, high, 1, words.Short) }

// multiples marks about five round values, which are at least so far from each other.
func multiples(low, high, least float64, label func(float64) string) (ticks []plot.Tick) {
	spacing := (high - low) / 6
	power := math.Pow(10, math.Floor(math.Log10(spacing)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*power >= spacing {
			spacing = max(m*power, least)
			break
		}
	}
	for i := math.Ceil(low/spacing - 1e-9); i*spacing <= high+1e-9*spacing && len(ticks) < 20; i++ {
		ticks = append(ticks, plot.Tick{Value: i*spacing + 0, Label: label(i*spacing + 0)})
	}
	return ticks
}

// decades marks powers of ten on a logarithmic axis, as many as have room.
func decades(low, high float64) []plot.Tick {
	first, last := math.Ceil(math.Log10(low)-1e-9), math.Floor(math.Log10(high)+1e-9)
	spacing := max(math.Ceil((last-first)/6), 1)
	var ticks []plot.Tick
	for e := first; e <= last; e += spacing {
		x := math.Pow(10, e)
		ticks = append(ticks, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'g', -1, 64)})
	}
	return ticks
}

// withinDecades marks 1, 2 and 5 times powers of ten, for an axis that has few of those.
func withinDecades(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
		for _, m := range []float64{1, 2, 5} {
			if x := m * math.Pow(10, e); x >= low && x <= high {
				ticks = append(ticks, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'g', 3, 64)})
			}
		}
	}
	return ticks
}
