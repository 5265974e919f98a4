package exchange

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/export"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// Forecaster is a forecaster with all that makes what it reads of the values of series.
type Forecaster struct {
	models.ForecasterConfig
	Steps      int // patches of a window
	Scaling    trainer.Scaling
	Covariates []Moments // of each that is known in advance, which is scaled by them
}

// Moments are the mean and the deviation of what a model has learned from.
type Moments struct{ Mean, Deviation float64 }

// forecaster reads series, of which only the end may matter, with NaN for what is missing:
//
//	values batch×length×targets, lengths batch -> forecast batch×horizon×targets, and what else the loss gives
//
// With covariates also known batch×known_length×covariates, whose rows are those of values and then of the horizon;
// with static features static batch×features, categories from 0, and any other for one that is not known.
func forecaster(c Forecaster) declaration {
	return func(e *export.Model, p *models.Params) error {
		m, err := models.NewForecaster(p, c.ForecasterConfig)
		if err != nil {
			return err
		}
		b, batch, values := e.Builder, e.Size("batch"), c.Steps*c.Patch
		y := e.Input("values", tensor.Float32, batch, e.Size("length"), c.Targets)
		lengths := e.Input("lengths", tensor.Int32, batch)
		y, there := window(b, y, lengths, values, 0)
		w := scale(b, c.Scaling, y, there)
		in := models.ForecastInput{Base: w.base(c.Horizon)}
		past := []*G.Node{patches(b, w.z, c.Patch), patches(b, w.there, c.Patch)}
		if c.Known > 0 {
			known := e.Input("known", tensor.Float32, batch, e.Size("known_length"), c.Known)
			known = c.known(b, known, lengths)
			past = append(past, patches(b, b.Slice(known, 1, 0, values), c.Patch))
			in.Known = b.Transpose(patches(b, b.Slice(known, 1, values, known.Shape()[1]), c.Patch), 1, 0, 2)
		}
		in.Past = b.Transpose(b.Concat(2, past...), 1, 0, 2)
		if n := len(c.Static); n > 0 {
			in.Static = c.static(b, e.Input("static", tensor.Int32, batch, n), y)
		}
		states := m.Encode(b, in)
		var numbers []*G.Node
		if c.Autoregressive {
			numbers = m.Decode(b, states, in, models.ForecastTeaching{})
		} else {
			numbers = m.Direct(b, states, in)
		}
		for _, r := range m.Results(b, numbers, w.following(c.Horizon)) {
			e.Output(r.Name, r.Node)
		}
		return b.Err()
	}
}

// window is the end of each series, batch×n×M, and more rows behind it, and which of these numbers are there: those of
// before rows up to the length of the series, and of after rows from there on. x is batch×length×M.
func window(b *op.Builder, x, lengths *G.Node, before, after int) (rows, there *G.Node) {
	batch, n := lengths.Shape()[0], before+after
	end := b.Expand(b.Cast(lengths, x), 1)                                  // batch×1
	at := b.Affine(b.Add(b.Iota(x, 1, batch, n), end), 1, -float64(before)) // batch×n
	index := b.Cast(b.Max(at, b.Fill(at, 0)), lengths)
	rows = b.Scan(op.Scan{Name: "window", Seqs: []*G.Node{x, index}}, func(b *op.Builder, in op.In) op.Out {
		return op.Out{Outs: []*G.Node{b.Gather(in.Seqs[0], in.Seqs[1])}}
	}).Outs[0]
	there = b.Mul(b.Expand(b.Ge(at, b.Fill(at, 0)), 2), b.Eq(rows, rows))
	return rows, there
}

// patches puts P rows of batch×n×M into one.
func patches(b *op.Builder, x *G.Node, patch int) *G.Node {
	if b.Err() != nil {
		return x
	}
	s := x.Shape()
	return b.Reshape(x, s[0], s[1]/patch, patch*s[2])
}

// known are the covariates of a window and of the patches that follow, scaled, 0 where there are none.
func (c *Forecaster) known(b *op.Builder, x, lengths *G.Node) *G.Node {
	x, there := window(b, x, lengths, c.Steps*c.Patch, c.Horizon)
	if b.Err() != nil {
		return x
	}
	columns := make([]*G.Node, len(c.Covariates))
	for i, k := range c.Covariates {
		// Of a mean that is much larger than the deviation float32 has too few digits: the rest is taken off by itself.
		most := float64(float32(k.Mean))
		columns[i] = b.Affine(b.Slice(x, 2, i, i+1), 1, -most)
		columns[i] = b.Affine(columns[i], 1/k.Deviation, (most-k.Mean)/k.Deviation)
	}
	x = b.Concat(2, columns...)
	x = b.Where(there, x, b.Fill(x, 0))
	if more := (c.Patch - c.Horizon%c.Patch) % c.Patch; more > 0 {
		x = b.Pad(x, 1, 0, more)
	}
	return x
}

// static are the rows of the embedding for categories, batch×S.
func (c *Forecaster) static(b *op.Builder, categories, float *G.Node) *G.Node {
	x, rows := b.Cast(categories, float), make([]*G.Node, len(c.Static))
	for i, n := range c.Static {
		category := b.Slice(x, 1, i, i+1)
		has := b.Mul(b.Ge(category, b.Fill(x, 0)), b.Lt(category, b.Fill(x, float64(n))))
		rows[i] = b.Affine(b.Mul(has, b.Affine(category, 1, 1)), 1, float64(c.StaticRow(i, -1)))
	}
	return b.Cast(b.Concat(1, rows...), categories)
}
