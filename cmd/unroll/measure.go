package main

import "github.com/unroll-ml/unroll/trainer"

// measure evaluates a model on a whole text.
func measure(lm LM, w evalWindows, c *trainingConfig) (metrics, error) {
	n := c.Batch * c.Seq
	inputs, targets, mask := make([]int32, n), make([]int32, n), make([]float32, n)
	var total trainer.Sums
	for i := range w.Len() {
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
		total.NLL += s.NLL
		total.Correct += s.Correct
		total.Top2 += s.Top2
		total.Count += s.Count
	}
	return tokenMetrics(total), nil
}
