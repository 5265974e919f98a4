package run

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

// The parts of data that Evaluate measures.
const (
	SplitValidation = "validation" // what training was validated on
	SplitTest       = "test"       // what training never saw
	SplitAll        = "all"        // whatever it is, the whole of it
)

// EvalConfig says what a model is measured on.
type EvalConfig struct {
	// Data are those to measure on; of data that the run was trained on, the validation part. What they do not say
	// of their format is that of the training data, if those are of the same kind. nil: the validation data of the run.
	Data *Source

	Whole  bool // the whole of Data, whatever they are
	Skip   bool // of a language model of characters that knows no unknown ones: leave them out
	Stride int  // of a language model: see datasets.NewSlidingEvalWindows; 0: long streams that carry their state on

	Backtest Backtest // of a forecaster

	// Of a sequence-to-sequence model:
	Translate translate.Options
	Tokenize  string // for BLEU, one of metrics.Tokenizers; "": as the run has it
	Several   bool   // a source that has several targets is translated once, and each of them is right
}

// Evaluation is what was found.
type Evaluation struct {
	Metrics
	Name, Split string             // of the data
	What        string             // the data in words
	Unit        string             // that the loss, in nats, is for; "": it is not in nats
	Count       string             // what is counted
	Unknown     int                // tokens that the model does not know, of a text or of examples
	LeftOut     int                // characters of a text that were left out
	NoLabel     int                // examples with labels that the model does not have
	Notes       []string           // what is to be said of the data
	Confusion   *metrics.Confusion // of a classifier: what examples are taken for; classes are those of Labels
	Labels      *datasets.Labels
	At          Position
	Seconds     float64
}

// time measures, and notes how long that took.
func (v *Evaluation) time(measure func() (Metrics, error)) (*Evaluation, error) {
	begin := time.Now()
	var err error
	v.Metrics, err = measure()
	v.Seconds = time.Since(begin).Seconds()
	return v, err
}

// toMeasure are the models of a run and of those that joined it, to be measured together; v notes where the first
// stands.
func toMeasure[M interface{ Close() error }](
	r *Run, v *Evaluation, open func(r *Run, v *Evaluation) (M, error),
) ([]M, error) {
	return modelsOf(r, func(x *Run) (M, error) {
		if x == r {
			return open(x, v)
		}
		return open(x, nil)
	})
}

// meanOf says of what the mean is measured where several runs answer together; "" of one run.
func (r *Run) meanOf(what string) string {
	if len(r.others) == 0 {
		return ""
	}
	return what + ": the mean of those of the models by themselves; what else is measured is what they answer together"
}

// Evaluate measures the model of the run, or those of all that joined it together, on the data of this run.
func (r *Run) Evaluate(ctx context.Context, e EvalConfig) (*Evaluation, error) {
	if err := cmp.Or(setting.Context(ctx), r.config.open()); err != nil {
		return nil, err
	}
	e.Data = e.Data.like(r.config.Data.Train)
	if err := e.Data.check(); err != nil {
		return nil, err
	}
	v, err := kindOf(r.config.Task).evaluate(ctx, r, e)
	if err == nil && v.Split == SplitValidation {
		v.Notes = append(v.Notes, r.dividedOtherwise()...)
	}
	return v, err
}

// dividedOtherwise says which of the runs that joined may have learned from what this one was validated on.
func (r *Run) dividedOtherwise() (notes []string) {
	a := &r.config.Data
	for _, o := range r.others {
		b := &o.config.Data
		bySeed := r.config.Task != TaskForecast && a.Held == nil && r.config.Training.Seed != o.config.Training.Seed
		if bySeed || !reflect.DeepEqual(a, b) {
			notes = append(notes, fmt.Sprintf("%s has other data than %s, or divided them otherwise, and may have learned from "+
				"what is measured: name data that none has learned from", o.dir, r.dir))
		}
	}
	return notes
}

// validateLM measures a language model on a whole text.
func validateLM(ctx context.Context, lm LM, w evalWindows, c *Training) (Metrics, error) {
	n := c.Batch * c.Seq
	inputs, targets, mask := make([]int32, n), make([]int32, n), make([]float32, n)
	var total trainer.Sums
	for i := range w.Len() {
		if err := done(ctx); err != nil {
			return Metrics{}, err
		}
		reset, err := w.Fill(i, inputs, targets, mask)
		if err != nil {
			return Metrics{}, err
		}
		if reset {
			if err := lm.ResetEval(); err != nil {
				return Metrics{}, err
			}
		}
		s, err := lm.Eval(inputs, targets, mask)
		if err != nil {
			return Metrics{}, err
		}
		total.Add(s)
	}
	return tokenMetrics(total), nil
}
