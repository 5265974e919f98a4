package main

import "github.com/unroll-ml/unroll/trainer"

// moves is how the weights of a model move.
func (t *trainingConfig) moves() trainer.Training {
	return trainer.Training{Optimizer: optimizer(t.Optimizer, t.Momentum), Clip: t.Clip}
}

func optimizer(name string, momentum float64) trainer.Optimizer {
	if name == "sgd" {
		return trainer.SGD{Momentum: momentum}
	}
	return trainer.DefaultAdam
}
