package run

import (
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/setting"
)

// A feed is the batches of a training, from the step on at which it is first asked for one.
type feed[B any] struct {
	fill func(step int) (B, error) // makes the batch of a step
	from *batches.Feed[B]          // nil: not begun
}

// next is the batch of the step after so many; later calls give the ones that follow.
func (f *feed[B]) next(before int) (B, error) {
	if err := setting.AtLeast("step", before, 0); err != nil {
		var none B
		return none, err
	}
	if f.from == nil {
		f.from = batches.NewFeed(before, f.fill)
	}
	return f.from.Next()
}

// planned makes the batch of a step as a plan has it.
func planned[B any](p *batches.Plan, seed uint64, fill func(batches.Group) (B, error)) func(step int) (B, error) {
	at := p.Steps(seed)
	return func(step int) (B, error) { return fill(at(step)) }
}

func (f *feed[B]) close() {
	if f.from != nil {
		f.from.Close()
	}
}
