package trainer

import (
	"fmt"
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
)

// Window is a part of a series that a forecaster reads, and what follows it. A value that is missing is NaN.
type Window struct {
	Past   [][]float64 // [target][t]: the last T·P values, the newest last; if there are fewer, those before are missing
	Future [][]float64 // [target][h]: the H values that follow; nil where they are to be forecast
	Known  [][]float64 // [covariate][t]: of the T·P values and of the D·P that follow, D = ⌈H/P⌉
	Static []int       // the category of each static feature, from 0; -1: not known

	// Error is, for each target, the mean absolute error of the seasonal naive forecast in the part of the series to
	// train on, which models.MASE divides by; 0 or NaN: there is none. nil: the loss does not need it.
	Error []float64
}

// Scaling says how the values of a window become those that the network sees. What it does is undone exactly in
// forecasts.
type Scaling struct {
	By     string // one of Scalings
	Log    bool   // logarithms of the values, which must then be larger than 0
	Season int    // values of a season; 0 or 1: there is none

	Residual   string // one of Residuals: what is forecast without the network, which corrects it
	LongSeason int    // of the residual mix: values of a longer season, such as a week of hours; 0: there is none
}

// Scalings are how a window is scaled, of its values that are not missing:
//
//	none      z = y
//	mean      z = y / mean |y|                                   with Log: ln y - ln mean y
//	std       z = (y - mean) / standard deviation                 with Log: of ln y
//	last      z = y / |last value|                                with Log: ln y - ln of the last value
//	seasonal  z = (y - mean of its place in the season) / mean |y|   with Log: ln y - mean of ln y of its place in the season
//
// A divisor that would be 0 is 1.
var Scalings = []string{"none", "mean", "std", "last", "seasonal"}

// Residuals are what is forecast without the network, of z:
//
//	none      0
//	last      the last value
//	seasonal  the last season, repeated
//	mix       the mean of that and of the last long season, repeated
//
// Where a value is missing, that of the season before stands for it, and else the last one.
var Residuals = []string{"none", "last", "seasonal", "mix"}

// check says what is wrong with the scaling of windows of so many values.
func (s *Scaling) check(window int, counts bool) error {
	for _, err := range []error{
		setting.OneOf("By", s.By, Scalings), setting.OneOf("Residual", s.Residual, Residuals),
		setting.AtLeast("Season", s.Season, 0), setting.AtLeast("LongSeason", s.LongSeason, 0),
	} {
		if err != nil {
			return err
		}
	}
	seasonal := s.By == "seasonal" || s.Residual == "seasonal" || s.Residual == "mix"
	longest := max(s.Season, s.LongSeason)
	switch {
	case seasonal && (s.Season < 2 || longest > window):
		return &setting.Error{Setting: "Season", Value: longest,
			Want: fmt.Sprintf("from 2 to the %d values of a window", window)}
	case counts && s.Log:
		return &setting.Error{Setting: "Log", Value: true,
			Want: "left out with the negative binomial distribution, which is of counts"}
	case counts && (s.By == "std" || s.By == "seasonal"):
		return &setting.Error{Setting: "By", Value: s.By,
			Want: "none, mean or last with the negative binomial distribution, which is of counts"}
	}
	return nil
}

// level is how the values of one target of a window are scaled.
type level struct {
	models.Level
	// what is added to the shift, by place in the season, counted from the first value of the window; nil: nothing
	season []float64
	unit   float64 // about the size of the values
}

// at is the level of value t of the window, or of what follows it.
func (l *level) at(t int) models.Level {
	at := l.Level
	if l.season != nil {
		at.Shift += l.season[t%len(l.season)]
	}
	return at
}

// scaled are the values of a window as the network sees them.
type scaled struct {
	level
	z    []float64 // of the past; NaN where a value is missing
	base []float64 // of the horizon
}

// scale scales one target of a window, past values of which the first may be missing.
func (s *Scaling) scale(past []float64, horizon int) scaled {
	w := scaled{level: s.level(past)}
	w.z = w.level.scaled(past)
	w.base = s.base(w.z, horizon)
	return w
}

// scaled are the values of a window as the network sees them.
func (l *level) scaled(past []float64) []float64 {
	z := make([]float64, len(past))
	for t, y := range past {
		z[t] = l.at(t).Scaled(y)
	}
	return z
}

// mean is the mean of f of the values that are not missing; 0 if all are.
func mean(values []float64, f func(y float64) float64) float64 {
	sum, n := 0.0, 0
	for _, y := range values {
		if !math.IsNaN(y) {
			sum += f(y)
			n++
		}
	}
	return sum / max(float64(n), 1)
}

// nonZero is x, or 1 for 0.
func nonZero(x float64) float64 {
	if x == 0 {
		return 1
	}
	return x
}

// last is the last value that is not missing; 0 if all are.
func last(values []float64) float64 {
	for _, y := range slices.Backward(values) {
		if !math.IsNaN(y) {
			return y
		}
	}
	return 0
}

func (s *Scaling) level(past []float64) level {
	size := nonZero(mean(past, math.Abs))
	l := level{Level: models.Level{Scale: 1, Log: s.Log}, unit: size}
	seen := func(y float64) float64 { return y }
	if s.Log {
		seen = math.Log
	}
	switch s.By {
	case "mean":
		if s.Log {
			l.Shift = math.Log(size)
		} else {
			l.Scale = size
		}
	case "last":
		if y := nonZero(math.Abs(last(past))); s.Log {
			l.Shift = math.Log(y)
		} else {
			l.Scale = y
		}
	case "std":
		l.Shift = mean(past, seen)
		l.Scale = math.Sqrt(mean(past, func(y float64) float64 { d := seen(y) - l.Shift; return d * d }))
		if l.Scale <= 1e-12*math.Abs(l.Shift) { // of equal values rounding may leave more than 0
			l.Scale = 1
		}
	case "seasonal":
		all := mean(past, seen)
		if l.Shift = all; !s.Log {
			l.Scale = size
		}
		l.season = make([]float64, s.Season)
		for place := range l.season {
			var values []float64
			for t := place; t < len(past); t += s.Season {
				values = append(values, past[t])
			}
			if some := slices.ContainsFunc(values, func(y float64) bool { return !math.IsNaN(y) }); some {
				l.season[place] = mean(values, seen) - all
			}
		}
	}
	return l
}

// base is what is forecast without the network.
func (s *Scaling) base(z []float64, horizon int) []float64 {
	base := make([]float64, horizon)
	for h := range base {
		switch s.Residual {
		case "last":
			base[h] = last(z)
		case "seasonal":
			base[h] = before(z, h, s.Season)
		case "mix":
			base[h] = before(z, h, s.Season)
			if s.LongSeason > 0 {
				base[h] = (base[h] + before(z, h, s.LongSeason)) / 2
			}
		}
	}
	return base
}

// before is the newest value at the place in the season of value h after z that is not missing, and else the last one.
func before(z []float64, h, season int) float64 {
	for t := len(z) + h - season*(h/season+1); t >= 0; t -= season {
		if !math.IsNaN(z[t]) {
			return z[t]
		}
	}
	return last(z)
}

// What a window says of what follows it, in the order in which a batch has it.
const (
	futureBase = iota // the forecast without the network
	futureWeight
	futureScaled
	futureOwn
	futureOffset
	futureSlope
	futureError
	futureParts
)

// forecastBatch is a batch of B windows as a program reads it.
type forecastBatch struct {
	past   []float32 // T×B×P(2M+C)
	future []float32 // 7×B×H×M
	known  []float32 // D×B×PC
	static []int32   // B×S
	levels [][]level // [window][target]
	weight float64   // the sum of the weights
}

// fill makes a batch of windows.
func (c *ForecasterConfig) fill(windows []Window) (*forecastBatch, error) {
	m, batch := &c.Model, len(windows)
	d := (m.Horizon + m.Patch - 1) / m.Patch
	x := &forecastBatch{
		past:   make([]float32, c.Steps*batch*m.Patch*(2*m.Targets+m.Known)),
		future: make([]float32, futureParts*batch*m.Horizon*m.Targets),
		known:  make([]float32, d*batch*m.Patch*m.Known),
		static: make([]int32, 0, batch*len(m.Static)),
		levels: make([][]level, batch),
	}
	for i := range windows {
		if err := c.check(&windows[i]); err != nil {
			return nil, errors.Wrapf(err, "window %d", i)
		}
		c.fillWindow(x, &windows[i], i, batch)
	}
	return x, nil
}

// check says what is wrong with a window.
func (c *ForecasterConfig) check(w *Window) error {
	m := &c.Model
	values, all := c.Steps*m.Patch, (c.Steps+(m.Horizon+m.Patch-1)/m.Patch)*m.Patch
	if len(w.Past) != m.Targets || len(w.Known) != m.Known || len(w.Static) != len(m.Static) {
		return errors.Errorf("%d targets, %d covariates and %d static features: the model has %d, %d and %d",
			len(w.Past), len(w.Known), len(w.Static), m.Targets, m.Known, len(m.Static))
	}
	if w.Future != nil && len(w.Future) != m.Targets || w.Error != nil && len(w.Error) != m.Targets {
		return errors.Errorf("what follows has %d targets and %d errors, and the model %d targets", len(w.Future),
			len(w.Error), m.Targets)
	}
	for i, past := range w.Past {
		if len(past) > values {
			return errors.Errorf("target %d has %d values: at most %d are read", i, len(past), values)
		}
		parts := [][]float64{past}
		if w.Future != nil {
			if len(w.Future[i]) != m.Horizon {
				return errors.Errorf("target %d is followed by %d values, want %d", i, len(w.Future[i]), m.Horizon)
			}
			parts = append(parts, w.Future[i])
		}
		for _, y := range slices.Concat(parts...) {
			if err := c.Scaling.checkValue(i, y); err != nil {
				return err
			}
		}
	}
	for i, k := range w.Known {
		if len(k) != all {
			return errors.Errorf("covariate %d has %d values, want %d", i, len(k), all)
		}
		if err := checkCovariate(i, k...); err != nil {
			return err
		}
	}
	for i, category := range w.Static {
		if category < -1 || category >= m.Static[i] {
			return errors.Errorf("static feature %d has category %d of %d", i, category, m.Static[i])
		}
	}
	return nil
}

// shown is x for a program, 0 for a missing one.
func shown(x float64) float32 {
	if math.IsNaN(x) {
		return 0
	}
	return float32(x)
}

// fillWindow writes window i of a batch.
func (c *ForecasterConfig) fillWindow(x *forecastBatch, w *Window, i, batch int) {
	m := &c.Model
	values, width := c.Steps*m.Patch, m.Patch*(2*m.Targets+m.Known)
	for k, past := range w.Past {
		missing := values - len(past)
		if missing > 0 {
			past = append(slices.Repeat([]float64{math.NaN()}, missing), past...)
		}
		s := c.Scaling.scale(past, m.Horizon)
		if c.counts() {
			s.unit = 1
		}
		x.levels[i] = append(x.levels[i], s.level)
		for t, z := range s.z {
			at := x.past[((t/m.Patch)*batch+i)*width:][:width]
			if place := (t%m.Patch)*m.Targets + k; !math.IsNaN(z) {
				at[place], at[m.Patch*m.Targets+place] = float32(z), 1
			}
		}
		c.fillFuture(x, w, &s, i, batch, k)
	}
	for k, known := range w.Known {
		for t, v := range known {
			place := (t%m.Patch)*m.Known + k
			if p := t / m.Patch; p < c.Steps {
				x.past[(p*batch+i)*width+2*m.Patch*m.Targets+place] = shown(v)
			} else {
				x.known[((p-c.Steps)*batch+i)*m.Patch*m.Known+place] = shown(v)
			}
		}
	}
	for feature, category := range w.Static {
		x.static = append(x.static, m.StaticRow(feature, category))
	}
}

// fillFuture writes what follows window i in target k.
func (c *ForecasterConfig) fillFuture(x *forecastBatch, w *Window, s *scaled, i, batch, k int) {
	m := &c.Model
	size := batch * m.Horizon * m.Targets
	for h := range m.Horizon {
		place := (i*m.Horizon+h)*m.Targets + k
		put := func(part int, v float64) { x.future[part*size+place] = float32(v) }
		put(futureBase, s.base[h])
		if w.Future == nil {
			continue
		}
		at := s.at(c.Steps*m.Patch + h)
		put(futureSlope, at.Scale)
		put(futureOffset, at.Shift-math.Log(s.unit))
		if !at.Log {
			put(futureSlope, at.Scale/s.unit)
			put(futureOffset, at.Shift/s.unit)
		}
		if w.Error != nil && w.Error[k] > 0 {
			put(futureError, w.Error[k]/s.unit)
		}
		if y := w.Future[k][h]; !math.IsNaN(y) {
			put(futureScaled, at.Scaled(y))
			put(futureOwn, y/s.unit)
			put(futureWeight, 1)
			x.weight++
		}
	}
}
