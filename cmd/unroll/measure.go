package main

import (
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer"
)

// errStopped is what measuring gives when it was told to stop.
var errStopped = errors.New("measuring was stopped")

// never does not stop measuring.
func never() bool { return false }

// measure evaluates a model on a whole text.
func measure(lm LM, w evalWindows, c *trainingConfig, stop func() bool) (metrics, error) {
	n := c.Batch * c.Seq
	inputs, targets, mask := make([]int32, n), make([]int32, n), make([]float32, n)
	var total trainer.Sums
	for i := range w.Len() {
		if stop() {
			return metrics{}, errStopped
		}
		anew, err := w.Fill(i, inputs, targets, mask)
		if err != nil {
			return metrics{}, err
		}
		if anew {
			if err := lm.ResetEval(); err != nil {
				return metrics{}, err
			}
		}
		s, err := lm.Eval(inputs, targets, mask)
		if err != nil {
			return metrics{}, err
		}
		total.Add(s)
	}
	return tokenMetrics(total), nil
}
