package trainer

import (
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/models/decode"
)

// ForecastStream is a series that a forecaster reads as it comes, a value at a time, with the state of the
// network carried on. Values are scaled as those were that it began with. It is for one goroutine.
type ForecastStream struct {
	m       *Forecaster
	window  Window      // what it began with; of its Past the last values, as a window has them
	levels  []level     // by target
	z       [][]float64 // [target]: the last values, scaled
	next    int         // the place of the next value, counted from the first of the first window
	static  []int32
	states  [][]float32
	patch   []float32 // the newest patch that is whole
	filling []float32 // the one that comes
}

// Stream begins a stream with the end of a series, as Forecast reads it; what of Known lies in the future is
// not looked at.
func (m *Forecaster) Stream(w Window) (*ForecastStream, error) {
	c := &m.config
	x, err := c.fill([]Window{w})
	if err != nil {
		return nil, err
	}
	values := c.Steps * c.Model.Patch
	s := &ForecastStream{m: m, window: w, levels: x.levels[0], static: x.static, next: values}
	for k, past := range w.Past {
		past = append(slices.Repeat([]float64{math.NaN()}, values-len(past)), past...)
		s.z = append(s.z, s.levels[k].scaled(past))
	}
	width := len(x.past) / c.Steps
	s.patch, s.filling = slices.Clone(x.past[(c.Steps-1)*width:]), make([]float32, width)
	return s, s.advance(x.past, c.Steps)
}

// advance reads patches.
func (s *ForecastStream) advance(patches []float32, steps int) error {
	shape := forecastShape{forecastAdvance, 1, steps}
	if s.states == nil {
		shape.mode = forecastBegin
	}
	inputs := []any{patches}
	if len(s.static) > 0 {
		inputs = append(inputs, s.static)
	}
	for _, state := range s.states {
		inputs = append(inputs, state)
	}
	_, states, err := s.m.learner.Run(shape, inputs...)
	if err == nil {
		s.states = states
	}
	return err
}

// Pending is how many values of a patch have come since the last that was whole. A forecast begins where it is 0.
func (s *ForecastStream) Pending() int {
	return (s.next - s.m.config.Steps*s.m.config.Model.Patch) % s.m.config.Model.Patch
}

// Next reads the next value of each target, NaN where it is missing, and of each covariate.
func (s *ForecastStream) Next(values, known []float64) error {
	c := &s.m.config
	k := &c.Model
	if len(values) != k.Targets || len(known) != k.Known {
		return errors.Errorf("%d values and %d covariates: the model has %d and %d", len(values), len(known),
			k.Targets, k.Known)
	}
	for i, y := range values {
		if err := c.Scaling.checkValue(i, y); err != nil {
			return err
		}
	}
	for i, x := range known {
		if err := checkCovariate(i, x); err != nil {
			return err
		}
	}
	place := s.Pending()
	if place == 0 {
		clear(s.filling)
	}
	for i, y := range values {
		at := s.levels[i].at(s.next)
		z := at.Scaled(y)
		s.z[i] = append(s.z[i][1:], z)
		if at := place*k.Targets + i; !math.IsNaN(z) {
			s.filling[at], s.filling[k.Patch*k.Targets+at] = float32(z), 1
		}
	}
	for i, v := range known {
		s.filling[2*k.Patch*k.Targets+place*k.Known+i] = shown(v)
	}
	if s.next++; s.Pending() > 0 {
		return nil
	}
	s.patch, s.filling = s.filling, s.patch
	return s.advance(s.patch, 1)
}

// Forecast forecasts what follows; known are the covariates of the D·P values that follow. It is an error where
// Pending is not 0.
func (s *ForecastStream) Forecast(known [][]float64) (*Forecast, error) {
	c := &s.m.config
	k := &c.Model
	d := (k.Horizon + k.Patch - 1) / k.Patch
	if n := s.Pending(); n != 0 {
		return nil, errors.Errorf("%d values of a patch of %d have come: a forecast begins after a whole one", n, k.Patch)
	}
	if len(known) != k.Known {
		return nil, errors.Errorf("%d covariates: the model has %d", len(known), k.Known)
	}
	future, ahead := make([]float32, futureParts*k.Horizon*k.Targets), make([]float32, d*k.Patch*k.Known)
	for i := range s.z {
		for h, z := range c.Scaling.base(s.z[i], k.Horizon) {
			future[futureBase*k.Horizon*k.Targets+h*k.Targets+i] = float32(z)
		}
	}
	for i, values := range known {
		if len(values) != d*k.Patch {
			return nil, errors.Errorf("covariate %d has %d values, want %d", i, len(values), d*k.Patch)
		}
		if err := checkCovariate(i, values...); err != nil {
			return nil, err
		}
		for t, v := range values {
			ahead[t*k.Known+i] = shown(v)
		}
	}
	inputs := []any{future}
	if k.Autoregressive {
		inputs = []any{s.patch, future}
	}
	if k.Known > 0 {
		inputs = append(inputs, ahead)
	}
	if len(s.static) > 0 {
		inputs = append(inputs, s.static)
	}
	for _, state := range s.states {
		inputs = append(inputs, state)
	}
	_, numbers, err := s.m.learner.Run(forecastShape{forecastHead, 1, 1}, inputs...)
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		if err := decode.CheckFinite(n); err != nil {
			return nil, err
		}
	}
	f := c.forecastOf(numbers, s.levels, 0, s.next)
	return &f, nil
}

// checkCovariate says whether a network can read values of a covariate, which are not scaled.
func checkCovariate(i int, values ...float64) error {
	for _, x := range values {
		if math.IsInf(float64(float32(x)), 0) {
			return errors.Errorf("covariate %d has the value %g: it must be finite in 32 bits, or NaN where it is missing", i, x)
		}
	}
	return nil
}

// checkValue says whether a value of a target can be scaled. NaN, a missing one, can.
func (s *Scaling) checkValue(target int, y float64) error {
	switch {
	case math.IsInf(y, 0):
		return errors.Errorf("target %d has the value %g: it must be finite, or NaN where it is missing", target, y)
	case s.Log && y <= 0:
		return errors.Errorf("target %d has the value %g: its logarithm is taken, so it must be larger than 0", target, y)
	}
	return nil
}
