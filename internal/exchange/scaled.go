package exchange

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// scaled is a window as trainer.Scaling scales it, in a graph. To lose no digits of float32, values are first divided
// by their mean size, the unit.
type scaled struct {
	b      *op.Builder
	how    trainer.Scaling
	there  *G.Node // batch×values×M: 1 where a value is there, else 0
	count  *G.Node // batch×1×M: how many are, at least 1
	z      *G.Node // batch×values×M, 0 where none is there
	unit   *G.Node // batch×1×M
	shift  *G.Node // batch×1×M: z = (y/unit - shift) / slope; with logarithms ln(y/unit)
	slope  *G.Node // batch×1×M
	season *G.Node // batch×season×M: what is added to the shift, by place, counted from the first value; nil: nothing
}

// still is the deviation, in parts of the mean, up to which a series stands still: what float32 makes of rounding.
const still = 1e-6

// scale scales batch×values×M, of which some values are there.
func scale(b *op.Builder, how trainer.Scaling, y, there *G.Node) *scaled {
	w := &scaled{b: b, how: how, there: there}
	if b.Err() != nil {
		return w
	}
	y = w.some(y)
	w.count = b.Expand(b.Sum(there, 1), 1)
	w.count = b.Max(w.count, b.Fill(w.count, 1))
	size := w.mean(b.Abs(y))
	one := b.Fill(size, 1)
	w.unit = b.Where(size, size, one)
	y = b.Div(y, w.unit)
	seen := y
	if how.Log {
		seen = b.Log(b.Where(there, y, b.Fill(y, 1)))
	}
	w.level(y, seen)
	shift := w.shift
	if w.season != nil {
		shift = b.Add(shift, repeat(b, w.season, 0, y.Shape()[1]))
	}
	w.z = w.some(b.Div(b.Sub(seen, shift), w.slope))
	return w
}

// level finds shift, slope and season, of values in the unit and of their logarithms, if those are taken.
func (w *scaled) level(y, seen *G.Node) {
	b, log := w.b, w.how.Log
	zero, one := b.Fill(w.unit, 0), b.Fill(w.unit, 1)
	own := b.Div(one, w.unit) // 1 in the unit of the series
	w.shift, w.slope = zero, one
	switch {
	case w.how.By == "none" && log:
		w.shift = b.Neg(b.Log(w.unit))
	case w.how.By == "none":
		w.slope = own
	case w.how.By == "last":
		last := b.Abs(w.newest(y, 1))
		last = b.Where(last, last, own)
		if log {
			w.shift = b.Log(last)
		} else {
			w.slope = last
		}
	case w.how.By == "std":
		w.shift = w.mean(seen)
		deviation := b.Sqrt(w.mean(b.Square(b.Sub(seen, w.shift))))
		if log {
			own = one
		}
		w.slope = b.Where(b.Gt(deviation, b.Affine(b.Abs(w.shift), still, 0)), deviation, own)
	case w.how.By == "seasonal":
		w.shift = w.mean(seen)
		x, there := byPlace(b, seen, w.how.Season, false), byPlace(b, w.there, w.how.Season, false)
		sum, n := b.Sum(b.Mul(x, there), 1), b.Sum(there, 1) // batch×season×M
		w.season = b.Where(n, b.Sub(b.Div(sum, b.Max(n, b.Fill(n, 1))), w.shift), b.Fill(n, 0))
	}
}

// some are the values that are there, and 0.
func (w *scaled) some(x *G.Node) *G.Node { return w.b.Where(w.there, x, w.b.Fill(x, 0)) }

// mean is that of the values that are there, batch×1×M; 0 if none is.
func (w *scaled) mean(x *G.Node) *G.Node {
	return w.b.Div(w.b.Expand(w.b.Sum(w.some(x), 1), 1), w.count)
}

// byPlace has the values of a season in an axis of their own, batch×seasons×season×M. Places are counted from the
// first value, or so that the last value is at the last of them; where the values fill no season there are zeros.
func byPlace(b *op.Builder, x *G.Node, season int, fromEnd bool) *G.Node {
	s := x.Shape()
	seasons := (s[1] + season - 1) / season
	before, after := 0, seasons*season-s[1]
	if fromEnd {
		before, after = after, 0
	}
	if before+after > 0 {
		x = b.Pad(x, 1, before, after)
	}
	return b.Reshape(x, s[0], seasons, season, s[2])
}

// newest are the newest values that are there at the places of a season, which are counted back from the end,
// batch×season×M: where none is, the last value, and 0 if there is no value.
func (w *scaled) newest(x *G.Node, season int) *G.Node {
	b := w.b
	values, there := byPlace(b, x, season, true), byPlace(b, w.there, season, true)
	number := b.Affine(b.Iota(values, 1, values.Shape()...), 1, 1) // of the season, from 1
	newest := b.MaxOver(b.Mul(number, there), 1)                   // batch×season×M
	found := b.Sum(b.Where(b.Eq(number, b.Expand(newest, 1)), values, b.Fill(values, 0)), 1)
	if season == 1 {
		return found
	}
	return b.Where(newest, found, w.newest(x, 1))
}

// repeat is season after season, batch×n×M: n values from a place on.
func repeat(b *op.Builder, season *G.Node, from, n int) *G.Node {
	s := season.Shape()
	from %= s[1]
	times := (from + n + s[1] - 1) / s[1]
	all := b.Reshape(b.Broadcast(b.Expand(season, 1), s[0], times, s[1], s[2]), s[0], times*s[1], s[2])
	return b.Slice(all, 1, from, from+n)
}

// base is what is forecast without the network, batch×horizon×M: see trainer.Residuals.
func (w *scaled) base(horizon int) *G.Node {
	b := w.b
	if b.Err() != nil {
		return w.z
	}
	before := func(season int) *G.Node { return repeat(b, w.newest(w.z, season), 0, horizon) }
	switch {
	case w.how.Residual == "none":
		s := w.z.Shape()
		return b.Fill(w.z, 0, s[0], horizon, s[2])
	case w.how.Residual == "last":
		return before(1)
	case w.how.Residual == "mix" && w.how.LongSeason > 0:
		return b.Affine(b.Add(before(w.how.Season), before(w.how.LongSeason)), 0.5, 0)
	}
	return before(w.how.Season)
}

// following is how what follows the window is scaled.
func (w *scaled) following(horizon int) models.ForecastScale {
	at := models.ForecastScale{Unit: w.unit, Offset: w.shift, Slope: w.slope, Log: w.how.Log}
	if w.season != nil {
		at.Offset = w.b.Add(at.Offset, repeat(w.b, w.season, w.z.Shape()[1], horizon))
	}
	return at
}
