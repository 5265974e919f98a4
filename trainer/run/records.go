package run

import (
	"path/filepath"

	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// What a run logs, a JSON object a line: in log.jsonl, and on stdout with --json. Seconds are wall time since
// the run began, over all times that it was continued.

// Float is a float64 of a record. One that is not finite, for which JSON has no number, is written as the string "NaN",
// "Infinity" or "-Infinity".
type Float = runlog.Float

// StepRecord is the event "step": a training step. TokensPerSecond is over the steps since the record before,
// without the time for measuring and saving: in the log that is the step alone, on stdout it may be several.
// What else there is is of this step.
type StepRecord struct {
	Event           string  `json:"event"`
	Step            int     `json:"step"`
	Epoch           int     `json:"epoch"`
	Loss            Float   `json:"loss"`
	TokensPerSecond Float   `json:"tokens_per_second"`
	GradNorm        Float   `json:"grad_norm"`
	LR              Float   `json:"lr"`
	Skipped         string  `json:"skipped,omitempty"`  // what was not finite, for which the step was not applied
	Overflow        bool    `json:"overflow,omitempty"` // for the loss was multiplied by too much, which is not counted
	PeakMemory      int64   `json:"peak_memory_bytes"`  // of the process, resident, so far
	Seconds         float64 `json:"seconds"`
}

// ValidRecord is the event "valid": a validation after a step, or of step 0, before the first one. What translations are worth is that of some of the
// pairs.
type ValidRecord struct {
	Event string `json:"event"`
	Step  int    `json:"step"`
	Epoch int    `json:"epoch"`
	Loss  Float  `json:"valid_loss"`
	Measures
	Samples []Sample `json:"samples,omitempty"`
	Best    bool     `json:"best"`
	Seconds float64  `json:"seconds"`
}

// StartRecord is the event "start", the first on stdout with --json: what is trained, and where.
type StartRecord struct {
	Event   string   `json:"event"`
	Run     string   `json:"run"`
	Config  string   `json:"config"` // the file that has all settings
	Task    string   `json:"task"`
	Device  string   `json:"device"`
	Weights int      `json:"weights"`
	Epoch   int      `json:"steps_per_epoch"`
	After   int      `json:"after_step"`
	Steps   int      `json:"steps,omitempty"` // of the whole run, or Seconds
	Seconds float64  `json:"seconds,omitempty"`
	Notes   []string `json:"notes,omitempty"` // what is to be said of the data and of the model
}

// Record is the event of a start.
func (s *Start) Record() StartRecord {
	return StartRecord{
		Event: "start", Run: s.Dir, Config: filepath.Join(s.Dir, ConfigName), Task: s.Task, Device: s.Device,
		Weights: s.Weights, Epoch: s.Epoch,
		After: s.After, Steps: s.Steps, Seconds: s.Seconds, Notes: s.Lines,
	}
}

// EndRecord is one of the events "done", "stopped" and "diverged", the last of a run, or "resumed".
type EndRecord struct {
	Event    string  `json:"event"`
	Step     int     `json:"step"`
	Run      string  `json:"run"`
	BestLoss *Float  `json:"best_valid_loss,omitempty"`
	BestStep int     `json:"best_step,omitempty"`
	Why      string  `json:"why,omitempty"`
	Seconds  float64 `json:"seconds"`
}

// Metrics are what is said of measured data.
type Metrics struct {
	Loss float64 // nats per token, or per example of a classifier
	Measures
	Samples []Sample // what the model makes of some of the data; in validation alone
}

// Measures are what is said of measured data, but the loss: those that the task has.
type Measures struct {
	Perplexity    *Float `json:"perplexity,omitempty"`
	BitsPerToken  *Float `json:"bits_per_token,omitempty"`
	Accuracy      *Float `json:"accuracy,omitempty"`
	Top2          *Float `json:"top2,omitempty"`
	ExactMatch    *Float `json:"exact_match,omitempty"`
	CharErrorRate *Float `json:"char_error_rate,omitempty"`
	BLEU          *Float `json:"bleu,omitempty"`
	ChrF          *Float `json:"chrf,omitempty"`
	MacroF1       *Float `json:"macro_f1,omitempty"`
	RMSE          *Float `json:"rmse,omitempty"` // of numbers, in the units of the data, and so is MAE
	MAE           *Float `json:"mae,omitempty"`
	Tokens        int    `json:"tokens"`
	Examples      int    `json:"examples,omitempty"`

	// Tokens of sources and of targets that the vocabularies lack. Those of targets are not in the accuracy.
	UnknownSources int `json:"unknown_sources,omitempty"`
	UnknownTargets int `json:"unknown_targets,omitempty"`

	*TranslationNotes // of a sequence-to-sequence model
	*TagMeasures      // of a tagger
	*NumberMeasures   // of a regressor
	*ForecastMeasures // of a forecaster
}

// namedMeasure is a measure with the name that records have for it.
type namedMeasure struct {
	name  string
	value *Float // nil if the task has none
	lower bool   // the lower the better
}

// named are the measures with their names.
func (m *Measures) named() []namedMeasure {
	t, n := m.TagMeasures, m.NumberMeasures
	if t == nil {
		t = &TagMeasures{}
	}
	var r2 *Float
	if n != nil {
		r2 = &n.R2
	}
	var f struct{ smape, mase, owa, quantiles *Float }
	if s := m.ForecastMeasures; s != nil {
		f.smape, f.mase, f.owa, f.quantiles = &s.SMAPE, &s.MASE, &s.OWA, s.QuantileLoss
	}
	return []namedMeasure{
		{"perplexity", m.Perplexity, true}, {"bits_per_token", m.BitsPerToken, true}, {"accuracy", m.Accuracy, false}, {"top2", m.Top2, false},
		{"exact_match", m.ExactMatch, false}, {"char_error_rate", m.CharErrorRate, true}, {"bleu", m.BLEU, false}, {"chrf", m.ChrF, false},
		{"macro_f1", m.MacroF1, false}, {"known_accuracy", t.KnownAccuracy, false}, {"unknown_accuracy", t.UnknownAccuracy, false},
		{"span_f1", t.SpanF1, false},
		{"rmse", m.RMSE, true}, {"mae", m.MAE, true}, {"r2", r2, false},
		{"smape", f.smape, true}, {"mase", f.mase, true}, {"owa", f.owa, true}, {"quantile_loss", f.quantiles, true},
	}
}

func some(x float64) *Float { return (*Float)(&x) }

// tokenMetrics are the means of sums over at least one token.
func tokenMetrics(s trainer.Sums) Metrics {
	m := exampleMetrics(s)
	m.Perplexity, m.BitsPerToken = some(metrics.Perplexity(s.NLL, s.Count)), some(metrics.Bits(s.NLL, s.Count))
	m.Tokens, m.Examples = s.Count, 0
	return m
}

// addWrong counts examples as wrong that were not measured.
func (m *Metrics) addWrong(n int) {
	part := Float(float64(m.Examples) / float64(m.Examples+n))
	*m.Accuracy *= part
	*m.Top2 *= part
	m.Examples += n
}

// exampleMetrics are the means of sums over at least one example.
func exampleMetrics(s trainer.Sums) Metrics {
	known := float64(s.Known())
	return Metrics{
		Loss: s.NLL / float64(s.Count),
		Measures: Measures{Accuracy: some(float64(s.Correct) / known), Top2: some(float64(s.Top2) / known),
			Examples: s.Count},
	}
}
