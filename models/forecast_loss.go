package models

import (
	"cmp"
	"math"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// ForecastLoss says what the numbers mean that a forecaster gives for a value that is still to come, and what they
// cost when it has come. SquaredError and so on are such, and so may be a type of yours.
type ForecastLoss interface {
	// Numbers is how many numbers are given for each value. The first of them, as many as places, say where the value
	// will lie, in the scale of z: what is forecast without the network, ForecastInput.Base, was added to them.
	Numbers() (all, places int)

	// Loss is the loss of each value, of the shape of the truth, B×H×M; numbers are as many nodes of this shape.
	Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node

	// Feed is z as the numbers have it, for a decoder that reads what it wrote.
	Feed(b *op.Builder, numbers []*G.Node) *G.Node

	// Point is the forecast that the numbers mean, in the unit of the series.
	Point(numbers []float64, at Level) float64

	// Quantile is the value, in the unit of the series, that is not exceeded with probability p.
	Quantile(numbers []float64, p float64, at Level) float64

	// CheckQuantile says whether Quantile knows a p.
	CheckQuantile(p float64) error
}

// Level is how values of a series become those that a model sees, z, and back:
//
//	z = (y - Shift) / Scale        with Log: (ln y - Shift) / Scale
type Level struct {
	Shift, Scale float64
	Log          bool
}

// Scaled is z for a value of the series.
func (l Level) Scaled(y float64) float64 {
	if l.Log {
		y = math.Log(y)
	}
	return (y - l.Shift) / l.Scale
}

// Own is the value of the series for z.
func (l Level) Own(z float64) float64 {
	y := l.Shift + l.Scale*z
	if l.Log {
		return math.Exp(y)
	}
	return y
}

// Truth is what has come, as nodes of shape B×H×M or shapes that broadcast to it. Own, Offset, Slope and Error are
// measured in a unit that the window has, about the size of its values, so that they are of a size that float32 is
// good for.
type Truth struct {
	Scaled *G.Node // z
	Own    *G.Node // y
	Offset *G.Node // y = Offset + Slope z, with Log the exponential of it
	Slope  *G.Node
	Error  *G.Node // of the seasonal naive forecast in the part of the series to train on: see MASE
	Log    bool
}

// own is the value of the series for a scaled one.
func (t Truth) own(b *op.Builder, z *G.Node) *G.Node {
	y := b.Add(t.Offset, b.Mul(t.Slope, z))
	if t.Log {
		return b.Exp(y)
	}
	return y
}

// pointForecast is what losses have in common whose only number is the forecast itself.
type pointForecast struct{}

func (pointForecast) Numbers() (all, places int)                        { return 1, 1 }
func (pointForecast) Feed(_ *op.Builder, numbers []*G.Node) *G.Node     { return numbers[0] }
func (pointForecast) Point(numbers []float64, at Level) float64         { return at.Own(numbers[0]) }
func (pointForecast) Quantile(n []float64, _ float64, at Level) float64 { return at.Own(n[0]) }
func (pointForecast) CheckQuantile(float64) error {
	return errors.New("it forecasts points, not distributions, and has no quantiles")
}

// SquaredError is (z - ẑ)².
type SquaredError struct{ pointForecast }

// Loss implements ForecastLoss.
func (SquaredError) Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node {
	return b.Square(b.Sub(numbers[0], truth.Scaled))
}

// AbsoluteError is |z - ẑ|.
type AbsoluteError struct{ pointForecast }

// Loss implements ForecastLoss.
func (AbsoluteError) Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node {
	return b.Abs(b.Sub(numbers[0], truth.Scaled))
}

// Huber is half the squared error up to Delta, and grows linearly beyond (Huber, 1964). With e = |z - ẑ| and c =
// min(e, δ):
//
//	c (e - c/2)
type Huber struct {
	pointForecast
	Delta float64 // 0: 1
}

// Loss implements ForecastLoss.
func (h Huber) Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node {
	e := b.Abs(b.Sub(numbers[0], truth.Scaled))
	c := b.Min(e, b.Fill(e, cmp.Or(h.Delta, 1)))
	return b.Mul(c, b.Sub(e, b.Affine(c, 0.5, 0)))
}

// SMAPE is the symmetric relative error of values of the series, 2|y - ŷ| / (|y| + |ŷ|): from 0 to 2; 0 where both
// are 0.
type SMAPE struct{ pointForecast }

// Loss implements ForecastLoss.
func (SMAPE) Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node {
	return relativeError(b, truth.own(b, numbers[0]), truth.Own)
}

func relativeError(b *op.Builder, said, y *G.Node) *G.Node {
	size := b.Add(b.Abs(y), b.Abs(said))
	return b.Affine(b.Div(b.Abs(b.Sub(y, said)), b.Max(size, b.Fill(size, 1e-6))), 2, 0)
}

// MASE is the absolute error over that of the seasonal naive forecast in the part of the series to train on,
// Truth.Error (Hyndman and Koehler, 2006). An error of more than 20 counts as 20, so that series that hardly move do
// not rule; where Truth.Error is 0 the loss is 0.
type MASE struct{ pointForecast }

// mostScaledError is what larger errors count as.
const mostScaledError = 20

// Loss implements ForecastLoss.
func (MASE) Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node {
	return scaledError(b, truth.own(b, numbers[0]), truth)
}

func scaledError(b *op.Builder, said *G.Node, truth Truth) *G.Node {
	zero, one := b.Fill(said, 0), b.Fill(said, 1)
	some := b.Gt(truth.Error, zero)
	e := b.Div(b.Abs(b.Sub(truth.Own, said)), b.Where(some, truth.Error, one))
	return b.Where(some, b.Min(e, b.Fill(e, mostScaledError)), zero)
}

// OWA is the overall weighted average of the M4 competition (Makridakis et al., 2020): the mean of SMAPE and MASE,
// each over that of the forecast Naive2, which are numbers of the data.
type OWA struct {
	pointForecast
	SMAPE float64 // of Naive2, from 0 to 2
	MASE  float64 // of Naive2
}

// Loss implements ForecastLoss.
func (o OWA) Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node {
	said := truth.own(b, numbers[0])
	return b.Add(b.Affine(relativeError(b, said, truth.Own), 0.5/o.SMAPE, 0),
		b.Affine(scaledError(b, said, truth), 0.5/o.MASE, 0))
}

// Quantiles forecasts quantiles; the loss is the pinball loss of each (Koenker and Bassett, 1978), their mean times
// 2, so that the loss of the median is the absolute error. With e = z - ẑ:
//
//	2 max(q e, (q-1) e)
//
// The forecast is the median, by linear interpolation if it is not among the levels.
type Quantiles struct {
	Levels []float64 // between 0 and 1, ascending
}

// Numbers implements ForecastLoss.
func (q Quantiles) Numbers() (all, places int) { return len(q.Levels), len(q.Levels) }

// Feed is the quantile in the middle.
func (q Quantiles) Feed(_ *op.Builder, numbers []*G.Node) *G.Node { return numbers[len(numbers)/2] }

// Loss implements ForecastLoss.
func (q Quantiles) Loss(b *op.Builder, numbers []*G.Node, truth Truth) *G.Node {
	var sum *G.Node
	for i, level := range q.Levels {
		e := b.Sub(truth.Scaled, numbers[i])
		l := b.Max(b.Affine(e, level, 0), b.Affine(e, level-1, 0))
		if sum == nil {
			sum = l
		} else {
			sum = b.Add(sum, l)
		}
	}
	return b.Affine(sum, 2/float64(len(q.Levels)), 0)
}

// Point implements ForecastLoss.
func (q Quantiles) Point(numbers []float64, at Level) float64 {
	return q.Quantile(numbers, min(max(0.5, q.Levels[0]), q.Levels[len(q.Levels)-1]), at)
}

// Quantile is between those of the two levels around p, linearly in z. Quantiles of a network may cross: they are
// sorted, which makes none of them worse (Chernozhukov et al., 2010).
func (q Quantiles) Quantile(numbers []float64, p float64, at Level) float64 {
	z := slices.Sorted(slices.Values(numbers))
	i, part := q.between(p)
	if part == 0 {
		return at.Own(z[i])
	}
	return at.Own(z[i] + part*(z[i+1]-z[i]))
}

// CheckQuantile says that a p lies outside of the levels.
func (q Quantiles) CheckQuantile(p float64) error {
	if err := q.check(); err != nil {
		return err
	}
	if least, most := q.Levels[0], q.Levels[len(q.Levels)-1]; !(p >= least && p <= most) {
		return errors.Errorf("it forecasts quantiles from %g to %g", least, most)
	}
	return nil
}

func (q Quantiles) check() error {
	wrong := len(q.Levels) == 0
	for i, p := range q.Levels {
		wrong = wrong || !(p > 0 && p < 1) || i > 0 && p <= q.Levels[i-1]
	}
	if wrong {
		return &setting.Error{Setting: "Levels", Value: q.Levels,
			Want: "between 0 and 1, each larger than the one before, and at least one"}
	}
	return nil
}

func (h Huber) check() error {
	if !(h.Delta >= 0) || math.IsInf(h.Delta, 1) {
		return &setting.Error{Setting: "Delta", Value: h.Delta, Want: "larger than 0, or 0 for 1"}
	}
	return nil
}

func (o OWA) check() error {
	for name, x := range map[string]float64{"SMAPE": o.SMAPE, "MASE": o.MASE} {
		if !(x > 0) || math.IsInf(x, 1) {
			return &setting.Error{Setting: name, Value: x, Want: "that of the forecast Naive2, larger than 0"}
		}
	}
	return nil
}
