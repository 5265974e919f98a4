package run

import (
	"context"
	"sync"

	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/trainer"
)

// Regressor is the regressor of a run, or those of runs that were joined. Several goroutines may use it: they take turns.
type Regressor struct {
	runs   []*Run // one, or those that were joined
	mu     sync.Mutex
	models []*trainer.Regressor
}

// Regressor makes the model of the run ready to predict numbers. Close it. A run of another task is a *TaskError.
func (r *Run) Regressor() (*Regressor, error) {
	if err := r.Want(TaskRegress); err != nil {
		return nil, err
	}
	all, err := modelsOf(r, func(r *Run) (*trainer.Regressor, error) { return r.regressor(nil) })
	if err != nil {
		return nil, err
	}
	return &Regressor{runs: r.Members(), models: all}, nil
}

// Close frees the models, when it is its turn.
func (m *Regressor) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return closeAll(m.models)
}

// Predict gives the number of each of the cases, whose labels are not looked at. Cases of other channels than
// the model reads are a *DataError.
func (m *Regressor) Predict(ctx context.Context, cases *series.Cases) ([]float64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	predicted := make([]float64, casesIn(cases))
	for i, model := range m.models {
		c := m.runs[i].config
		err := c.eachCases(ctx, cases, model.StepCost(), func(x trainer.Sequences, which []int32) error {
			ys, err := model.Predict(x)
			if err != nil {
				return err
			}
			for row, i := range which {
				predicted[i] += c.Model.Number.unscaled(ys[row])
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for i := range predicted {
		predicted[i] /= float64(len(m.models))
	}
	return predicted, nil
}

// ClassifyCases gives all labels of each of the cases with their probabilities, the likeliest first: Classify
// for a model of series. Labels of the cases are not looked at. Cases of other channels than the model reads
// are a *DataError.
func (c *Classifier) ClassifyCases(ctx context.Context, cases *series.Cases) ([][]Label, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([][]Label, casesIn(cases))
	err := c.config.eachCases(ctx, cases, c.models[0].StepCost(), func(x trainer.Sequences, which []int32) error {
		ln, err := c.models.LogProbs(x)
		if err != nil {
			return err
		}
		for row, i := range which {
			all[i] = c.ranked(ln[row])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func casesIn(cases *series.Cases) int {
	if cases == nil {
		return 0
	}
	return len(cases.Cases)
}

// eachCases visits cases in batches of similar lengths, see group, with the numbers of the cases by row.
func (c *Config) eachCases(
	ctx context.Context, cases *series.Cases, cost tape.StepCost, visit func(x trainer.Sequences, which []int32) error,
) error {
	if casesIn(cases) == 0 {
		return badData("there are no series")
	}
	x, err := c.caseInputs(cases, numbers(len(cases.Cases)))
	if err != nil {
		return err
	}
	lengths := make([]int, len(cases.Cases))
	for i, v := range x.vectors {
		lengths[i] = len(v) / x.size
	}
	for _, g := range group(lengths, cost) {
		if err := done(ctx); err != nil {
			return err
		}
		if err := c.checkSize(g.Steps); err != nil {
			return badData("%s: %v", cases.Name, err)
		}
		batch := batches.Group{Shape: batches.Shape{Source: g.Steps}}
		for row := range g.Rows {
			i := int32(-1)
			if row < len(g.Which) {
				i = int32(g.Which[row])
			}
			batch.Examples = append(batch.Examples, i)
		}
		s, _ := x.fill(batch)
		if err := visit(s, batch.Examples[:len(g.Which)]); err != nil {
			return err
		}
	}
	return nil
}
