package run

import (
	"context"
	"slices"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/datasets/tasks"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/metrics"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// rawNumbers are series with a number each.
type rawNumbers struct {
	cases *series.Cases
	test  *series.Cases // those that a task has for measuring; else nil
}

// readNumbers reads what a setting, or a file, of that name names. The seed is that of the run.
func readNumbers(name string, s *Source, seed uint64) (*rawNumbers, error) {
	x := &rawNumbers{}
	var err error
	if s.Kind == KindTask {
		x.cases, x.test, err = tasks.Numbers(s.Paths[0], tasks.Config{Seed: seed, Train: taskPairs, Valid: taskHeld})
		if err != nil {
			return nil, settings("`task`: %v", err)
		}
	} else {
		own := series.Options{}
		if s.Series != nil {
			own = *s.Series
		}
		own.Regression = true
		s.Series = &own
		x.cases, err = readCases(s)
	}
	return x, NewInputError(name, err)
}

func (x *rawNumbers) origin() (name, sha256 string) { return x.cases.Name, x.cases.SHA256 }

func (x *rawNumbers) toMeasure() numbersPart {
	return numbersPart{x.cases, numbers(len(x.cases.Cases))}
}

// divide gives the series to train on and those to measure on: a part, or those that a task has for measuring.
func (x *rawNumbers) divide(c *Config) (train, valid numbersPart, err error) {
	if x.test != nil {
		return x.toMeasure(), numbersPart{x.test, numbers(len(x.test.Cases))}, nil
	}
	train, valid = numbersPart{cases: x.cases}, numbersPart{cases: x.cases}
	d := datasets.Division{Name: x.cases.Name, Len: len(x.cases.Cases), Part: c.Data.validShare(), Seed: c.Training.Seed}
	train.which, valid.which, err = d.Split()
	return train, valid, err
}

// numbersPart are some of the series.
type numbersPart struct {
	cases *series.Cases
	which []int32
}

// labelled says that there are no numbers to learn.
func (p numbersPart) labelled() error {
	if p.cases.Unlabelled {
		return &datasets.Error{File: p.cases.Name, What: "its series have no numbers to predict: name a file that has them"}
	}
	return nil
}

// numberedSeries are series with a number each, ready for a regressor, in batches.
type numberedSeries struct {
	numbersPart
	*caseInputs
	number  *NumberModel
	plan    *batches.Plan
	longest int // steps
}

// encode makes batches of a part as the model of a config wants them.
func (p numbersPart) encode(c *Config) (*numberedSeries, error) {
	if err := p.labelled(); err != nil {
		return nil, err
	}
	x := &numberedSeries{numbersPart: p, number: c.Model.Number}
	var err error
	if x.caseInputs, err = c.caseInputs(p.cases, p.which); err != nil {
		return nil, err
	}
	if x.plan, err = batches.NewPlan(c.batches(len(p.which)), p.which, x.length); err != nil {
		return nil, &datasets.Error{File: p.cases.Name, What: err.Error()}
	}
	for _, s := range x.plan.Shapes() {
		x.longest = max(x.longest, s.Source)
	}
	return x, nil
}

// numberBatch is a batch for trainer.Regressor.
type numberBatch struct {
	trainer.Sequences
	right, weights []float32
	steps          int // without padding
}

func (x *numberedSeries) fill(g batches.Group) *numberBatch {
	b := &numberBatch{right: make([]float32, len(g.Examples)), weights: make([]float32, len(g.Examples))}
	b.Sequences, b.steps = x.caseInputs.fill(g)
	for k, i := range g.Examples {
		if i >= 0 {
			b.right[k], b.weights[k] = x.number.scaled(x.cases.Cases[i].Number), 1
		}
	}
	return b
}

// NumberMeasures are what is said of numbers that were predicted, in the units of the data.
type NumberMeasures struct {
	R2           Float `json:"r2"`            // 1 - the squared errors, divided by the squared distances from the mean of what was measured
	BaselineRMSE Float `json:"baseline_rmse"` // of always saying the mean of the numbers that the model learned from
	BaselineMAE  Float `json:"baseline_mae"`
}

// predicting is a regressor with how it scales numbers.
type predicting struct {
	*trainer.Regressor
	number *NumberModel
}

// eval measures a batch: the sum of the losses, and the numbers that are predicted in units of the data.
func (m predicting) eval(
	x *numberedSeries, g batches.Group, b *numberBatch,
) (loss float64, predicted []float64, err error) {
	right := make([]float32, len(b.right))
	for k, i := range g.Examples {
		if i >= 0 {
			right[k] = m.number.scaled(x.cases.Cases[i].Number)
		}
	}
	loss, _, ys, err := m.Eval(b.Sequences, right, b.weights)
	for _, y := range ys {
		predicted = append(predicted, m.number.unscaled(y))
	}
	return loss, predicted, err
}

// validate measures a regressor, or the mean of what several predict. Their loss is the mean of theirs.
func (x *numberedSeries) validate(ctx context.Context, models ...predicting) (Metrics, error) {
	var measured Metrics
	var right, predicted, mean []float64
	chosen, samples := evenly(x.which, validSamples), []Sample(nil)
	type judged struct {
		Loss  float64
		Steps int
		Said  []float64
	}
	loss, groups := 0.0, x.plan.InOrder()
	err := parallel.Share(ctx, len(groups), func(i int) (j judged, err error) {
		b := x.fill(groups[i])
		j.Steps, j.Said = b.steps, make([]float64, len(b.right))
		for _, m := range models {
			loss, said, err := m.eval(x, groups[i], b)
			if err != nil {
				return j, err
			}
			j.Loss += loss / float64(len(models))
			for k, y := range said {
				j.Said[k] += y / float64(len(models))
			}
		}
		return j, nil
	}, func(i int, j judged) error {
		loss += j.Loss
		measured.Tokens += j.Steps
		for k, e := range groups[i].Examples {
			if e < 0 {
				continue
			}
			right = append(right, x.cases.Cases[e].Number)
			predicted, mean = append(predicted, j.Said[k]), append(mean, x.number.Mean)
			if slices.Contains(chosen, e) {
				samples = append(samples, Sample{Input: "series " + words.Thousands(int(e)+1), Numbers: true,
					Output: sampleNumbers(predicted[len(predicted)-1:]), Wanted: sampleNumbers(right[len(right)-1:])})
			}
		}
		return nil
	})
	if err != nil {
		return measured, err
	}
	measured.Loss, measured.Examples, measured.Samples = loss/float64(len(right)), len(right), samples
	measured.RMSE, measured.MAE = some(metrics.RMSE(right, predicted)), some(metrics.MAE(right, predicted))
	measured.NumberMeasures = &NumberMeasures{
		R2: Float(metrics.R2(right, predicted)), BaselineRMSE: Float(metrics.RMSE(right, mean)),
		BaselineMAE: Float(metrics.MAE(right, mean)),
	}
	return measured, nil
}

// evaluateRegressor measures a regressor.
func (r *Run) evaluateRegressor(ctx context.Context, e EvalConfig) (*Evaluation, error) {
	p, split, err := toEvaluate(r, e,
		func(name string, s *Source) (*rawNumbers, error) { return readNumbers(name, s, r.config.Training.Seed) })
	if err != nil {
		return nil, err
	}
	x, err := p.encode(r.config)
	if err != nil {
		return nil, err
	}
	if err := r.config.checkSize(x.longest); err != nil {
		return nil, badData("%s: %v", p.cases.Name, err)
	}
	v := &Evaluation{Name: p.cases.Name, Split: split, What: whichPart(p.cases.Name, split, r.config), Count: "examples"}
	v.Notes = append(r.Notes(p.cases), known(r.learnedFrom(p.cases.SHA256, split))...)
	v.Notes = append(v.Notes, known(r.meanOf("the loss"))...)
	models, err := toMeasure(r, v, func(r *Run, v *Evaluation) (predicting, error) {
		m, err := r.regressor(v)
		return predicting{m, r.config.Model.Number}, err
	})
	if err != nil {
		return nil, err
	}
	defer closeAll(models)
	return v.time(func() (Metrics, error) { return x.validate(ctx, models...) })
}

// regressor makes the regressor of the run: see lm.
func (r *Run) regressor(v *Evaluation) (*trainer.Regressor, error) {
	if err := r.fits(); err != nil {
		return nil, err
	}
	m, err := r.config.newRegressor()
	if err != nil {
		return nil, err
	}
	return m, r.loadFor(m, v)
}
