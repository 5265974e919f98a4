package trainer

import (
	"cmp"
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// ForecasterConfig says how a forecaster of time series is trained.
type ForecasterConfig struct {
	Model   models.ForecasterConfig
	Steps   int // T: patches of a window
	Scaling Scaling

	// TeacherForcing is the probability with which a patch that the decoder of an autoregressive model reads in
	// training is the true one, in [0, 1], and not its own. TeacherDecay is what it is multiplied by at each step;
	// nil: 1.
	TeacherForcing float64
	TeacherDecay   models.Decay

	Training
	Device tape.Device // nil: the CPU
}

// Forecaster is a forecaster of time series in use.
type Forecaster struct {
	config ForecasterConfig
	*shared
	learner *Learner[forecastShape]
}

// forecastShape is what a program is compiled for.
type forecastShape struct {
	mode  forecastMode
	batch int
	steps int // patches that are read
}

// forecastMode is what a program does.
type forecastMode int

const (
	forecastTrain   forecastMode = iota // the loss of windows, with dropout, and with true values for the decoder
	forecastMeasure                     // the loss of windows as they are forecast
	forecastApply                       // the numbers that models.ForecastLoss has for each value
	forecastBegin                       // the states after patches, from zeros
	forecastAdvance                     // the states after patches, from those before
	forecastHead                        // the numbers, from the states after the past, of which the last patch is read
)

// Check says what is wrong with how the model is trained; package models knows what is wrong with the model.
func (c *ForecasterConfig) Check() error {
	return cmp.Or(setting.Within("TeacherForcing", c.TeacherForcing, 0, 1), c.Training.Check())
}

// NewForecaster declares the model and draws its initial weights.
func NewForecaster(c ForecasterConfig) (*Forecaster, error) {
	for _, err := range []error{
		c.Check(), setting.AtLeast("Steps", c.Steps, 1), c.Scaling.check(c.Steps*c.Model.Patch, c.counts()),
	} {
		if err != nil {
			return nil, errors.Wrap(err, "forecaster")
		}
	}
	f := &Forecaster{config: c}
	var err error
	f.learner, err = NewLearner(LearnerConfig[forecastShape]{
		Declare: f.config.declare, Shape: forecastShape{forecastTrain, 1, c.Steps}, Training: c.Training, Device: c.Device,
	})
	if err != nil {
		return nil, err
	}
	f.shared = f.learner.shared
	return f, nil
}

// counts says whether forecasts are of counts, whose unit is 1.
func (c *ForecasterConfig) counts() bool {
	_, counts := c.Model.Loss.(models.NegativeBinomial)
	return counts
}

// declare is the graph of a shape. Its inputs are those of values, in this order.
func (c *ForecasterConfig) declare(b *op.Builder, p *models.Params, s forecastShape) (*Graph, error) {
	m, err := models.NewForecaster(p, c.Model)
	if err != nil {
		return nil, err
	}
	k := &c.Model
	d := (k.Horizon + k.Patch - 1) / k.Patch
	g := &Graph{}
	input := func(name string, of tensor.Dtype, shape ...int) *G.Node {
		n := G.NewTensor(b.Graph(), of, len(shape), G.WithShape(shape...), G.WithName(name))
		g.Inputs = append(g.Inputs, n)
		return n
	}
	var in models.ForecastInput
	if s.mode != forecastHead || k.Autoregressive { // the decoder begins with the last patch
		in.Past = input("past", tensor.Float32, s.steps, s.batch, k.Patch*(2*k.Targets+k.Known))
	}
	var future *G.Node
	reads := s.mode == forecastBegin || s.mode == forecastAdvance
	if !reads {
		future = input("future", tensor.Float32, futureParts, s.batch, k.Horizon, k.Targets)
	}
	if k.Known > 0 && !reads {
		in.Known = input("known", tensor.Float32, d, s.batch, k.Patch*k.Known)
	}
	if len(k.Static) > 0 {
		in.Static = input("static", tensor.Int32, s.batch, len(k.Static))
	}
	part := func(i int) *G.Node {
		return b.Reshape(b.Slice(future, 0, i, i+1), s.batch, k.Horizon, k.Targets) // B×H×M
	}
	if s.mode == forecastAdvance || s.mode == forecastHead {
		in.States = m.States(b, s.batch)
		g.Inputs = append(g.Inputs, in.States...)
	}
	if reads {
		g.Outputs = m.Encode(b, in)
		return g, b.Err()
	}
	in.Base = part(futureBase)
	var teach models.ForecastTeaching
	if s.mode == forecastTrain {
		if sampled := c.TeacherForcing > 0 && (c.TeacherForcing < 1 || c.TeacherDecay != nil); k.Dropout > 0 ||
			k.Autoregressive && sampled {
			g.Key = keyNode(b)
			teach.Key = g.Key
		}
		if k.Autoregressive && c.TeacherForcing > 0 {
			teach.Truth, teach.Weight = part(futureScaled), part(futureWeight)
			if c.TeacherForcing < 1 || c.TeacherDecay != nil {
				teach.Ratio = G.NewScalar(b.Graph(), tensor.Float32, G.WithName("teacher forcing"))
				g.Inputs = append(g.Inputs, teach.Ratio)
			}
		}
		if k.Dropout > 0 {
			in.Keys = b.Keys(g.Key, c.Steps)
		}
	}
	states := in.States
	if s.mode != forecastHead {
		states = m.Encode(b, in)
	}
	var numbers []*G.Node
	if k.Autoregressive {
		numbers = m.Decode(b, states, in, teach)
	} else {
		numbers = m.Direct(b, states, in)
	}
	if s.mode == forecastApply || s.mode == forecastHead {
		g.Outputs = numbers
		return g, b.Err()
	}
	weight := part(futureWeight)
	g.Loss = m.Mean(b, numbers, models.Truth{
		Scaled: part(futureScaled), Own: part(futureOwn), Offset: part(futureOffset), Slope: part(futureSlope),
		Error: part(futureError),
		Log:   c.Scaling.Log,
	}, weight)
	g.Weight = b.Sum(weight)
	return g, b.Err()
}

// values are those of the inputs of declare.
func (c *ForecasterConfig) values(x *forecastBatch, s forecastShape, step int) []any {
	vs := []any{x.past, x.future}
	if c.Model.Known > 0 {
		vs = append(vs, x.known)
	}
	if len(c.Model.Static) > 0 {
		vs = append(vs, x.static)
	}
	if s.mode == forecastTrain && c.Model.Autoregressive && c.TeacherForcing > 0 &&
		(c.TeacherForcing < 1 || c.TeacherDecay != nil) {
		ratio := c.TeacherForcing
		if c.TeacherDecay != nil {
			ratio *= c.TeacherDecay(step)
		}
		vs = append(vs, []float32{float32(ratio)})
	}
	return vs
}

// ForecastBatch is a batch of windows that is ready for a training step: see Forecaster.Batch.
type ForecastBatch struct {
	shape forecastShape
	parts []*forecastBatch // nil: those of other processes
}

// Batch makes a batch of windows ready for a training step. It may be made while another step is taken. The windows
// must be divisible by Training.Accumulate, and be followed by their true values.
func (m *Forecaster) Batch(windows []Window) (*ForecastBatch, error) {
	parts := m.parts()
	if len(windows) == 0 || len(windows)%parts != 0 {
		return nil, errors.Errorf("a batch of %d windows cannot be divided into %d equal parts", len(windows), parts)
	}
	n := len(windows) / parts
	x := &ForecastBatch{shape: forecastShape{forecastTrain, n, m.config.Steps}}
	x.parts = make([]*forecastBatch, parts)
	first, own := m.ownParts()
	for k := first; k < first+own; k++ {
		var err error
		if x.parts[k], err = m.config.fill(windows[k*n : (k+1)*n]); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// Train runs a training step, the step-th counted from 0, with the given learning rate. It gives the mean loss of the
// values that are not missing, and the norm of all gradients together before clipping, both at the weights before the
// step.
func (m *Forecaster) Train(x *ForecastBatch, step int, rate float64) (loss, norm float64, err error) {
	if x == nil {
		return 0, 0, errors.New("there is no batch: make one with Batch")
	}
	parts := make([][]any, len(x.parts))
	for k, part := range x.parts {
		if part != nil { // a part of this process
			parts[k] = m.config.values(part, x.shape, step)
		}
	}
	return m.learner.Train(x.shape, step, rate, parts...)
}

// Measure is the sum of the losses of the values that follow windows, as they are forecast, and how many they are.
func (m *Forecaster) Measure(windows []Window) (sum float64, count int, err error) {
	x, err := m.config.fill(windows)
	if err != nil {
		return 0, 0, err
	}
	s := forecastShape{forecastMeasure, len(windows), m.config.Steps}
	loss, _, err := m.learner.Run(s, m.config.values(x, s, 0)...)
	return loss * x.weight, int(x.weight), err
}

// Forecast forecasts what follows windows, whose Future is not looked at. Numbers that are not finite are a
// *decode.NotFiniteError.
func (m *Forecaster) Forecast(windows []Window) ([]Forecast, error) {
	if len(windows) == 0 {
		return nil, nil
	}
	x, err := m.config.fill(windows)
	if err != nil {
		return nil, err
	}
	s := forecastShape{forecastApply, len(windows), m.config.Steps}
	_, numbers, err := m.learner.Run(s, m.config.values(x, s, 0)...)
	if err != nil {
		return nil, err
	}
	k := &m.config.Model
	for _, n := range numbers {
		if err := decode.CheckFinite(n); err != nil {
			return nil, err
		}
	}
	forecasts := make([]Forecast, len(windows))
	for i := range windows {
		forecasts[i] = m.config.forecastOf(numbers, x.levels[i], i, m.config.Steps*k.Patch)
	}
	return forecasts, nil
}

// forecastOf is the forecast of window i of a batch, whose values are scaled by levels and end before place t of them.
func (c *ForecasterConfig) forecastOf(numbers [][]float32, levels []level, i, t int) Forecast {
	k := &c.Model
	f := Forecast{loss: k.Loss, horizon: k.Horizon}
	for target := range k.Targets {
		for h := range k.Horizon {
			v := forecastValue{at: levels[target].at(t + h)}
			for _, n := range numbers {
				v.numbers = append(v.numbers, float64(n[(i*k.Horizon+h)*k.Targets+target]))
			}
			f.values = append(f.values, v)
		}
	}
	return f
}

// Forecast is what is forecast for a window.
type Forecast struct {
	loss    models.ForecastLoss
	horizon int
	values  []forecastValue // [target][h]
}

// forecastValue is what is forecast for one value.
type forecastValue struct {
	numbers []float64
	at      models.Level
}

// Point is the forecast of value h, counted from 0, of a target.
func (f *Forecast) Point(target, h int) float64 {
	v := &f.values[target*f.horizon+h]
	return f.loss.Point(v.numbers, v.at)
}

// Quantile is the value that value h of a target does not exceed with probability p; NaN if the model knows none: see
// Forecaster.CheckQuantile.
func (f *Forecast) Quantile(target, h int, p float64) float64 {
	if f.loss.CheckQuantile(p) != nil {
		return math.NaN()
	}
	v := &f.values[target*f.horizon+h]
	return f.loss.Quantile(v.numbers, p, v.at)
}

// CheckQuantile says whether forecasts have a quantile.
func (m *Forecaster) CheckQuantile(p float64) error { return m.config.Model.Loss.CheckQuantile(p) }
