package run

import (
	"context"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models/decode"
)

// untrainedPause is how long the validation before the first step may take. On more data than can be measured in that
// time there is none: it would keep people from the first loss, and a number of a part of the data could not be
// compared with those that follow.
const untrainedPause = 400 * time.Millisecond

// measurer is a Task that can measure its model alone, in a fraction of the time of Validate: without what it writes or
// translates, for an untrained model writes nothing that is worth a look, and most of it.
type measurer interface {
	measure(ctx context.Context) (Metrics, error)
}

// validateUntrained validates before the first step. What it finds is shown and logged, and decides nothing: it is
// never the best, ends nothing and saves nothing.
func (r *training) validateUntrained(ctx context.Context) error {
	if r.at.Step > 0 || r.follows() {
		return nil
	}
	limited, stop := context.WithTimeout(ctx, untrainedPause)
	defer stop()
	measure := r.task.Validate
	if t, ok := r.task.(measurer); ok {
		measure = t.measure
	}
	m, err := measure(limited)
	number := (*decode.NotFiniteError)(nil)
	switch {
	case err != nil && limited.Err() != nil && errors.Is(err, limited.Err()), errors.As(err, &number):
		return nil
	case err != nil:
		return err
	case !finite(m.Loss): // which the first step says, too
		return nil
	}
	rec := ValidRecord{Event: "valid", Loss: Float(m.Loss), Measures: m.Measures, Seconds: r.seconds()}
	if err := r.append(rec); err != nil {
		return err
	}
	r.Report.Valid(rec)
	return nil
}

// When says in words after which step it was.
func (r *ValidRecord) When() string {
	if r.Step == 0 {
		return "before the first step"
	}
	return "after step " + words.Thousands(r.Step)
}
