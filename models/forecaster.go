package models

import (
	"cmp"
	"fmt"
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// ForecasterConfig describes a forecaster of time series.
type ForecasterConfig struct {
	Targets int   // M: columns that are forecast together
	Horizon int   // H: values to forecast of each
	Patch   int   // P: values of each column that are read in one step, such as the hours of a day
	Known   int   // C: covariates that are known in advance, for each value
	Static  []int // the number of categories of each feature that a series has all the time
	Embed   int   // size of the embedding of each of them

	Cell    CellKind
	Hidden  int
	Layers  int
	Dropout float64 // between layers, and of what the head reads

	// Autoregressive makes the forecast with a decoder, a patch at a time, each from those before. Without it the
	// last state gives all of it.
	Autoregressive bool
	DecoderCell    CellKind // nil: Cell
	DecoderHidden  int      // 0: Hidden

	Loss ForecastLoss
}

// Forecaster forecasts the next values of a series from the last ones. One model learns from many series (Salinas et
// al., 2020). A step reads a patch of P values:
//
//	h_t = layers([z_t; o_t; c_t; e], h_{t-1})           z: the values, scaled; o: 1 where one was observed, else 0; c: covariates; e: static
//	[x_1, ..., x_H] = [h_T; c_{T+1}; ...; e]·Wᵀ + b       the direct head
//	x_d, s_d = decoder([z_{d-1}; c_d; e], s_{d-1})        the autoregressive one: in training from true values, then from its own
//
// x are the numbers that ForecastLoss has for a value. Where they say where it lies, they are a correction of what is
// forecast without the network, ForecastInput.Base.
type Forecaster struct {
	ForecasterConfig
	Params    *Params
	embedding *G.Node // one row for each category of each static feature, and one for those that are not known
	layers    *Recurrent
	decoder   *Recurrent // nil: direct
	bridge    []*Linear  // by state of the decoder; nil: the last states of the layers are its first
	head      *Linear
}

// ForecastInput is what a forecaster reads: T patches of B windows, and what is known of the D = ⌈H/P⌉ patches that
// follow.
type ForecastInput struct {
	Past   *G.Node // T×B×P(2M+C): the values, value by value, then whether they were observed, then the covariates
	Known  *G.Node // D×B×PC; nil without covariates
	Static *G.Node // B×S integers, rows of the embedding: see StaticRow; nil without static features
	Base   *G.Node // B×H×M: the forecast without the network, scaled
	States []*G.Node
	Keys   *G.Node // T×4: see op.Keys; nil: nothing is dropped
}

// check says what is wrong with the configuration; what concerns the layers alone, NewRecurrent says.
func (c *ForecasterConfig) check() error {
	if err := cmp.Or(
		setting.AtLeast("Targets", c.Targets, 1), setting.AtLeast("Horizon", c.Horizon, 1),
		setting.AtLeast("Patch", c.Patch, 1),
		setting.AtLeast("Known", c.Known, 0), setting.AtLeast("Embed", c.Embed, 0),
		setting.AtLeast("DecoderHidden", c.DecoderHidden, 0),
		setting.Set("Loss", c.Loss != nil, "what the forecasts cost, such as models.SquaredError{}"),
	); err != nil {
		return err
	}
	for _, n := range c.Static {
		if err := cmp.Or(setting.AtLeast("Static", n, 1), setting.AtLeast("Embed", c.Embed, 1)); err != nil {
			return err
		}
	}
	if !c.Autoregressive && (c.DecoderCell != nil || c.DecoderHidden > 0) {
		return &setting.Error{Setting: "DecoderCell", Value: true, Want: "left out, as DecoderHidden, without Autoregressive"}
	}
	if l, ok := c.Loss.(interface{ check() error }); ok {
		return l.check()
	}
	return nil
}

// StaticRow is the row of the embedding for a category of a static feature, both counted from 0; category -1 is one
// that is not known.
func (c *ForecasterConfig) StaticRow(feature, category int) int32 {
	row := 1 + category
	for _, n := range c.Static[:feature] {
		row += n + 1
	}
	return int32(row)
}

// patches is D.
func (c *ForecasterConfig) patches() int { return (c.Horizon + c.Patch - 1) / c.Patch }

// embedded is the size of the embeddings of a series together.
func (c *ForecasterConfig) embedded() int { return len(c.Static) * c.Embed }

// NewForecaster declares the model's parameters.
func NewForecaster(p *Params, c ForecasterConfig) (*Forecaster, error) {
	m, err := newForecaster(p, c)
	return m, errors.Wrap(err, "forecaster")
}

func newForecaster(p *Params, c ForecasterConfig) (*Forecaster, error) {
	err := cmp.Or(p.usable(), c.check())
	if err != nil {
		return nil, err
	}
	m := &Forecaster{ForecasterConfig: c, Params: p}
	if len(c.Static) > 0 {
		m.embedding = p.Normal("static.weight", 0.3, int(c.StaticRow(len(c.Static), -1)), c.Embed)
	}
	values, known := c.Patch*c.Targets, c.Patch*c.Known
	m.layers, err = NewRecurrent(p, "rnn", RecurrentConfig{
		Cell: c.Cell, Input: 2*values + known + c.embedded(), Hidden: c.Hidden, Layers: c.Layers, Dropout: c.Dropout,
	})
	if err != nil {
		return nil, err
	}
	each, _ := c.Loss.Numbers()
	if !c.Autoregressive {
		m.head = m.newHead(p, c.Hidden+c.patches()*known+c.embedded(), each*c.Horizon*c.Targets)
		return m, p.b.Err()
	}
	hidden := cmp.Or(c.DecoderHidden, c.Hidden)
	decoder := RecurrentConfig{
		Cell: c.Cell, Input: values + known + c.embedded(), Hidden: hidden, Layers: c.Layers, Dropout: c.Dropout,
	}
	if c.DecoderCell != nil {
		decoder.Cell = c.DecoderCell
	}
	if m.decoder, err = NewRecurrent(p, "decoder", decoder); err != nil {
		return nil, err
	}
	if c.DecoderCell != nil || hidden != c.Hidden {
		for i := range c.Layers * m.decoder.perCell() {
			m.bridge = append(m.bridge, NewLinear(p, fmt.Sprintf("bridge.state%d", i), c.Hidden, hidden))
		}
	}
	m.head = m.newHead(p, hidden, each*values)
	return m, p.b.Err()
}

// newHead declares the output layer with a tenth of the usual weights: at first the forecast is about that without
// the network.
func (m *Forecaster) newHead(p *Params, in, out int) *Linear {
	bound := 0.1 / math.Sqrt(float64(in))
	return &Linear{p.Uniform("head.weight", bound, out, in), p.Uniform("head.bias", bound, out)}
}

// fits says whether the nodes that are always needed are there.
func (m *Forecaster) fits(b *op.Builder, in ForecastInput) bool {
	if (m.Known > 0) != (in.Known != nil) || (m.embedding != nil) != (in.Static != nil) {
		b.Fail(errors.Errorf("forecaster: Known and Static must be there if the model has such, %d and %d, and else nil",
			m.Known, len(m.Static)))
	}
	return ranked(b, "forecaster", in.Base, 3)
}

// static are the embeddings of the series of each window, B×E, from their rows, B×S; nil without static features.
func (m *Forecaster) static(b *op.Builder, rows *G.Node) *G.Node {
	if m.embedding == nil {
		return nil
	}
	if !ranked(b, "the static features of a forecaster", rows, 2) {
		return b.Fail(b.Err())
	}
	return b.Reshape(b.Gather(m.embedding, rows), rows.Shape()[0], m.embedded())
}

// States declares the states before the first patch, as inputs: see Recurrent.States.
func (m *Forecaster) States(b *op.Builder, batch int) []*G.Node { return m.layers.States(b, batch) }

// Encode reads the patches of the past. It gives the states after them; in.States are those before, and nil are zeros.
func (m *Forecaster) Encode(b *op.Builder, in ForecastInput) []*G.Node {
	x := in.Past
	if e := m.static(b, in.Static); e != nil && ranked(b, "forecaster", x, 3) {
		x = b.Concat(2, x, b.Broadcast(b.Expand(e, 0), x.Shape()[0], x.Shape()[1], m.embedded())) // T×B×I
	}
	_, last := m.layers.Apply(b, Input{X: x, Keys: in.Keys, States: in.States})
	return last
}

// Direct gives the numbers of all values of the horizon, B×H×M each, from the states after the past.
func (m *Forecaster) Direct(b *op.Builder, states []*G.Node, in ForecastInput) []*G.Node {
	if !m.fits(b, in) || !m.layers.fits(b, states) {
		return m.broken(b)
	}
	h := m.layers.Top(b, states) // B×H
	if in.Keys != nil {
		h = b.Dropout(h, m.Dropout, b.Reshape(b.Slice(in.Keys, 0, 0, 1), 4))
	}
	read, batch := []*G.Node{h}, h.Shape()[0]
	if in.Known != nil {
		read = append(read, b.Reshape(b.Transpose(in.Known, 1, 0, 2), batch, m.patches()*m.Patch*m.Known))
	}
	if e := m.static(b, in.Static); e != nil {
		read = append(read, e)
	}
	all, places := m.Loss.Numbers()
	numbers := b.Split(m.head.Apply(b, join(b, read)), 1, all) // B×HM each
	for i, x := range numbers {
		numbers[i] = b.Reshape(x, batch, m.Horizon, m.Targets)
		if i < places {
			numbers[i] = b.Add(numbers[i], in.Base)
		}
	}
	return numbers
}

// broken are the numbers after an error.
func (m *Forecaster) broken(b *op.Builder) []*G.Node {
	all, _ := m.Loss.Numbers()
	numbers := make([]*G.Node, all)
	for i := range numbers {
		numbers[i] = b.Fail(b.Err())
	}
	return numbers
}

// Mean is the mean loss of the values whose weight, B×H×M, is not 0: a value counts as much as its weight says, and
// what there is where a weight is 0 has no effect. It is a scalar.
func (m *Forecaster) Mean(b *op.Builder, numbers []*G.Node, truth Truth, weight *G.Node) *G.Node {
	loss := m.Loss.Loss(b, numbers, truth)
	return b.MaskedMean(b.Where(weight, loss, b.Fill(loss, 0)), weight)
}
