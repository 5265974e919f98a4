package run

import (
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// LM is a recurrent language model together with its optimizer. It keeps three independent states from call to
// call, of the same weights: of training, of evaluation and of sampling. All are zero at first.
//
// Windows are T×B and time-major: element t*B+b is step t of stream b. Losses are in nats.
//
// An implementation should compile what a method needs when it is first called: sampling must not pay for training.
type LM interface {
	Learner

	// Train takes a training step on a window, the step-th counted from 0, with the learning rate lr, and
	// carries the state of training on. It returns the mean loss per token and the global norm of the gradient
	// before clipping, both at the weights before the step.
	Train(inputs, targets []int32, step int, lr float64) (loss, gradNorm float64, err error)

	// ResetTrain zeroes the carried state of training, not the optimizer's.
	ResetTrain() error

	// Eval measures a window, and carries the state of evaluation on. Where mask is 0 nothing is counted.
	Eval(inputs, targets []int32, mask []float32) (trainer.Sums, error)

	// ResetEval zeroes the carried state of evaluation.
	ResetEval() error

	// Next reads one token, carries the state of sampling on, and gives the logits of the token after it. The
	// slice may be overwritten by the next call.
	Next(token int32) ([]float32, error)

	// ResetSample zeroes the carried state of sampling.
	ResetSample() error
}

// Learner is a model of any task together with its optimizer.
type Learner interface {
	// Device is what the model runs on: "cpu", "ref", "cuda".
	Device() string

	// Params are the weights.
	Params() ([]checkpoint.Tensor, error)

	// TrainState is what else the next training step depends on: the optimizer's state, and the carried state
	// of training, if there is one.
	TrainState() ([]checkpoint.Tensor, error)

	// Load replaces the weights, and the training state unless it is nil. If names, types and shapes are not
	// those that Params and TrainState give, the error names the first difference.
	Load(weights, trainState []checkpoint.Tensor) error

	// NonFinite says what was not finite in the newest training step, which was not applied for that; overflow
	// says that only the scaling of the loss was too large.
	NonFinite() (what string, overflow bool, err error)

	// Close frees the model.
	Close() error
}
