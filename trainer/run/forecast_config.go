package run

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// TaskForecast is the task of a forecaster of time series. Its data are of KindSeries.
const TaskForecast = "forecast"

// What ForecastModel.Loss, Head and Log may name, besides Auto, which leaves the choice to what the data are.
var (
	ForecastLosses = []string{"mse", "mae", "huber", "smape", "mase", "owa", "gaussian", "student", "negbin", "quantile"}
	ForecastHeads  = []string{DirectHead, AutoregressiveHead}
	YesNo          = []string{"yes", "no"}
)

const (
	Auto       = "auto"
	DirectHead = "direct" // the last state gives all values of the horizon
	// a decoder makes the forecast, patch after patch, each from the middle of the one before
	AutoregressiveHead = "autoregressive"

	// So the distributions of an autoregressive head are those of a value given the middle of the values before
	// it: behind the first patch they are narrower than what may come.
)

// ForecastModel is what a configuration says of a forecaster, besides Model.Cell, Hidden, Layers, Dropout and Embed.
// What is 0, "" or Auto is chosen when the data are known, and config.yaml has what was chosen.
type ForecastModel struct {
	Horizon    int    `yaml:"horizon"`               // values to forecast; 0: what the data say
	Season     int    `yaml:"season"`                // values of a season, 1: none; 0: what the data say, or else 1
	LongSeason int    `yaml:"long_season,omitempty"` // of the residual mix; 0: 7 seasons of a multiple of 24 values, the week of a day
	Window     int    `yaml:"window"`                // values that are read; 0: the long season, or three seasons or two horizons
	Patch      int    `yaml:"patch"`                 // values that are read in a step; 0: a season
	Scale      string `yaml:"scale"`                 // one of trainer.Scalings
	Log        string `yaml:"log"`                   // of YesNo; Auto: if all values are larger than 0
	Residual   string `yaml:"residual"`              // one of trainer.Residuals; Auto: mix, seasonal or last, as there are seasons

	Loss      string    `yaml:"loss"`                     // of ForecastLosses; Auto: quantile with Quantiles, else owa, or mase where values are not all positive
	Quantiles []float64 `yaml:"quantiles,omitempty,flow"` // of the loss quantile
	Head      string    `yaml:"head"`                     // of ForecastHeads

	DecoderCell   string `yaml:"decoder_cell,omitempty"`   // of the autoregressive head; "": Model.Cell
	DecoderHidden int    `yaml:"decoder_hidden,omitempty"` // likewise; 0: Model.Hidden

	Calendar bool `yaml:"calendar,omitempty"`     // covariates of the hour, the day of the week and so on, from the times of the values
	TrainAll bool `yaml:"train_on_all,omitempty"` // the last values, which validation measures, are learned from, too

	// What the data say.
	Targets       int     `yaml:"targets,omitempty"`        // columns to forecast
	Known         int     `yaml:"known,omitempty"`          // covariates, those of the calendar included
	Static        []int   `yaml:"static,omitempty,flow"`    // categories of each feature
	ColumnsSHA256 string  `yaml:"columns_sha256,omitempty"` // of columns.json
	Naive2SMAPE   float64 `yaml:"naive2_smape,omitempty"`   // of the loss owa: what the forecast Naive2 has on the validation values, 0 to 2
	Naive2MASE    float64 `yaml:"naive2_mase,omitempty"`
}

type forecastKind struct{}

func (forecastKind) name() string   { return TaskForecast }
func (forecastKind) words() string  { return "a forecaster" }
func (forecastKind) data() []string { return []string{KindSeries} }
func (forecastKind) loss(c *Config) string {
	return "loss, " + c.Model.Forecast.Loss + ", of scaled values"
}
func (forecastKind) scores() []string {
	return []string{"owa", "smape", "mase", "mae", "rmse", "quantile_loss"}
}

func (forecastKind) defaults(c *Config) {
	c.Model = Model{Cell: "gru", Hidden: 128, Layers: 1, Embed: 8, Forecast: &ForecastModel{
		Scale: "mean", Log: Auto, Residual: Auto, Loss: Auto, Head: DirectHead,
	}}
	t := &c.Training
	t.Batch, t.Clip, t.EMA, t.Epochs, t.Steps, t.ValidEvery = 128, 1, 0.995, 0, 8000, 500
	t.Schedule, t.Warmup = "cosine", t.Steps/10
	t.TeacherForcing, t.TeacherDecay = 1, NoDecay
}

func (forecastKind) lacks(c *Config) string {
	f := c.Model.Forecast
	switch {
	case f == nil:
		return "a forecaster without `forecast`"
	case f.Targets < 1 || f.ColumnsSHA256 == "":
		return fmt.Sprintf("%d columns to forecast", f.Targets)
	case slices.Contains([]string{f.Log, f.Residual, f.Loss}, Auto) || min(f.Horizon, f.Season, f.Window, f.Patch) < 1:
		return "a forecaster whose settings are not chosen"
	}
	return c.Data.lacksTrain()
}

func (forecastKind) check(c *Config) error {
	f, t := c.Model.Forecast, &c.Training
	for _, s := range []struct {
		name, value string
		may         []string
	}{
		{"scale", f.Scale, trainer.Scalings}, {"log", f.Log, append(YesNo, Auto)}, {"residual", f.Residual, append(trainer.Residuals, Auto)},
		{"loss", f.Loss, append(ForecastLosses, Auto)}, {"head", f.Head, ForecastHeads},
	} {
		if !slices.Contains(s.may, s.value) {
			return settings("`%s` is %q: it must be one of %s", s.name, s.value, strings.Join(s.may, ", "))
		}
	}
	for _, n := range []struct {
		name        string
		value, most int
	}{
		{"horizon", f.Horizon, maxForecast}, {"season", f.Season, maxForecast}, {"long_season", f.LongSeason, maxForecast},
		{"window", f.Window, maxForecast}, {"patch", f.Patch, maxForecast}, {"decoder_hidden", f.DecoderHidden, MaxInteger},
		{"targets", f.Targets, maxForecast}, {"known", f.Known, maxForecast}, {"static", len(f.Static), maxForecast},
	} {
		if n.value < 0 || n.value > n.most {
			return settings("`%s` is %d: it must be from 0 to %d", n.name, n.value, n.most)
		}
	}
	for _, n := range f.Static {
		if n < 1 || n > MaxInteger {
			return settings("`static` has %d categories", n)
		}
	}
	own := f.DecoderCell != "" || f.DecoderHidden > 0
	switch {
	case f.Loss == "quantile" && len(f.Quantiles) == 0:
		return settings("`loss` quantile needs `quantiles`, such as 0.1,0.5,0.9")
	case len(f.Quantiles) > 0 && f.Loss != "quantile" && f.Loss != Auto:
		return settings("`quantiles` are for `loss` quantile, and the loss is %s: leave one of them out", f.Loss)
	case len(f.Quantiles) > maxQuantiles:
		return settings("`quantiles` are %d: at most %d are supported", len(f.Quantiles), maxQuantiles)
	case f.Head == DirectHead && own:
		return settings("`decoder_cell` and `decoder_hidden` are for `head` autoregressive: leave them out, or choose it")
	case !(f.Naive2SMAPE >= 0 && f.Naive2SMAPE <= 2) || !(f.Naive2MASE >= 0) || math.IsInf(f.Naive2MASE, 1):
		return settings("`naive2_smape` and `naive2_mase` are %g and %g: errors of a forecast are at least 0", f.Naive2SMAPE,
			f.Naive2MASE)
	}
	if err := t.checkTeaching(); err != nil {
		return err
	}
	learner := trainer.ForecasterConfig{TeacherForcing: t.TeacherForcing, Training: c.trainer()}
	return c.ownWords(learner.Check())
}

// The most that a forecaster may have: of values in a window, and of quantiles.
const (
	maxForecast  = 1 << 20
	maxQuantiles = 1000
)

func (forecastKind) model(c *Config) (architecture, error) {
	return c.forecastModel()
}

func (forecastKind) numbers(c *Config, _ int) float64 {
	f := c.Model.Forecast
	if f == nil {
		return 0
	}
	window, horizon := float64(max(f.Window, 1)), float64(max(f.Horizon, 1))
	steps := (window + horizon) / float64(max(f.Patch, 1))
	each := 2*float64(max(f.Targets, 1)) + float64(f.Known)
	return steps*c.Model.states() + window*each + horizon*each*(8+float64(len(f.Quantiles)))
}

func (forecastKind) shared() bool { return true }

func (forecastKind) load(c *Config) (Task, error) { return readForecaster(c) }

func (forecastKind) evaluate(ctx context.Context, r *Run, e EvalConfig) (*Evaluation, error) {
	return r.evaluateForecaster(ctx, e)
}

// loss is what the forecasts cost.
func (f *ForecastModel) loss() models.ForecastLoss {
	switch f.Loss {
	case "mse":
		return models.SquaredError{}
	case "huber":
		return models.Huber{}
	case "smape":
		return models.SMAPE{}
	case "mase":
		return models.MASE{}
	case "owa":
		return models.OWA{SMAPE: cmp.Or(f.Naive2SMAPE, 1), MASE: cmp.Or(f.Naive2MASE, 1)}
	case "gaussian":
		return models.Gaussian{}
	case "student":
		return models.StudentT{}
	case "negbin":
		return models.NegativeBinomial{}
	}
	if len(f.Quantiles) > 0 {
		return models.Quantiles{Levels: f.Quantiles}
	}
	return models.AbsoluteError{}
}

// steps is how many patches a window has.
func (f *ForecastModel) steps() int { return max(f.Window, 1) / max(f.Patch, 1) }

// scaling is how the values of a window become those that the network sees.
func (f *ForecastModel) scaling() trainer.Scaling {
	return trainer.Scaling{
		By: f.Scale, Log: f.Log == "yes", Season: f.Season, Residual: f.Residual, LongSeason: f.LongSeason,
	}
}

// forecastModel is the model as package models wants it said. What is not chosen yet is as small as can be.
func (c *Config) forecastModel() (models.ForecasterConfig, error) {
	m, f := &c.Model, c.Model.Forecast
	model := models.ForecasterConfig{
		Targets: max(f.Targets, 1), Horizon: max(f.Horizon, 1), Patch: max(f.Patch, 1), Known: f.Known, Static: f.Static,
		Embed: m.Embed,
		Cell:  c.cell(), Hidden: m.Hidden, Layers: m.Layers, Dropout: m.Dropout,
		Autoregressive: f.Head == AutoregressiveHead, DecoderHidden: f.DecoderHidden, Loss: f.loss(),
	}
	if f.DecoderCell != "" {
		if own, ok := c.with.cells[f.DecoderCell]; ok {
			model.DecoderCell = own
		} else if err := setting.OneOf("DecoderCell", f.DecoderCell, Cells); err != nil {
			return model, err
		} else {
			model.DecoderCell = models.CellConfig{Kind: f.DecoderCell}
		}
	}
	return model, nil
}

// newForecaster makes the forecaster that the configuration asks for, with fresh weights.
func (c *Config) newForecaster() (*trainer.Forecaster, error) {
	model, err := c.forecastModel()
	if err != nil {
		return nil, err
	}
	f := c.Model.Forecast
	return trainer.NewForecaster(trainer.ForecasterConfig{
		Model: model, Steps: f.steps(),
		Scaling:        f.scaling(),
		TeacherForcing: c.Training.TeacherForcing, TeacherDecay: c.Training.teacherDecay(),
		Training: c.trainer(), Device: c.with.device,
	})
}
