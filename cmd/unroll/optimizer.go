package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/trainer/run"
)

// optimizerFlags say how a model learns.
type optimizerFlags struct {
	Optimizer   string   `group:"Optimization:" enum:"${optimizers}" default:"adam" help:"Optimizer: ${enum}."`
	LR          *float64 `group:"Optimization:" name:"lr" placeholder:"X" help:"Learning rate. Default: ${learningRates}."`
	Momentum    *float64 `group:"Optimization:" placeholder:"X" help:"Momentum of sgd, nesterov and rmsprop. Default: ${nesterovMomentum} for nesterov, else 0."`
	WeightDecay *float64 `group:"Optimization:" placeholder:"X" help:"Weight decay of matrices: decoupled for adamw, L2 regularisation for the others. Default: ${adamwDecay} for adamw, else 0."`
	Clip        float64  `group:"Optimization:" default:"${clip=5}" help:"Scale gradients down to this global norm; 0: never."`
	ClipValue   float64  `group:"Optimization:" default:"0" help:"Limit each element of a gradient to this magnitude; 0: never."`
	Accumulate  int      `group:"Optimization:" placeholder:"K" default:"1" help:"Add up the gradients of K batches for each step: the same as a batch K times as large, with the memory of one. Default: ${default}."`

	Schedule         string   `group:"Optimization:" enum:"${schedules}" default:"${schedule=constant}" help:"How the learning rate changes: ${enum}."`
	Warmup           int      `group:"Optimization:" placeholder:"N" default:"0" help:"Warm-up: the learning rate rises during the first N steps. Default: ${warmupDefault=0}."`
	ScheduleSteps    *int     `group:"Optimization:" placeholder:"N" help:"Steps after the warm-up until cosine and linear end, or between those of step. Default: all steps, or an epoch."`
	ScheduleFactor   *float64 `group:"Optimization:" placeholder:"X" help:"What step and plateau multiply the learning rate by, or what part of it cosine and linear end with. Default: ${stepFactor}, or 0."`
	SchedulePatience *int     `group:"Optimization:" placeholder:"N" help:"Validations without a better one before plateau lowers the learning rate. Default: ${plateauPatience}."`

	EMA           float64 `group:"Optimization:" name:"ema" placeholder:"DECAY" default:"${ema=0}" help:"Validate, save and use an exponential moving average of the weights with this decay, such as 0.999; 0: the weights. Default: ${default}."`
	SparseUpdates bool    `group:"Optimization:" help:"Update embeddings by the rows that a batch reads: a step costs nothing for other words, whose moments (adam, momentum) and weights do not decay meanwhile. Not with --accumulate or --ema."`
	LossScaling   bool    `group:"Optimization:" help:"Multiply the loss by a factor, as large as nothing overflows, for gradients that vanish in narrow formats."`
	MaxSkipped    int     `group:"Optimization:" placeholder:"K" default:"10" help:"Give up after K steps in a row whose loss or gradient was not finite; until then they are left out. Default: ${default}."`
	Best          string  `group:"Optimization:" placeholder:"METRIC" default:"loss" help:"Validation metric that selects the best checkpoint: loss or another one of log.jsonl, such as accuracy. Default: ${default}."`
	Patience      int     `group:"Optimization:" placeholder:"N" default:"0" help:"Early stopping: stop after N validations in a row without a better one; 0: never. Default: ${default}."`
}

const (
	defaultNesterov = 0.9
	defaultDecay    = 0.01 // of adamw
	defaultFactor   = 0.5  // of the schedules step and plateau
	defaultPatience = 2    // of the schedule plateau
)

// learningRates says in words which learning rate each optimizer has unless --lr is given.
func learningRates() string {
	var words []string
	for _, name := range run.Optimizers {
		words = append(words, fmt.Sprintf("%g for %s", run.DefaultLR[name], name))
	}
	return strings.Join(words, ", ")
}

// config is what the flags ask for.
func (f *optimizerFlags) config() run.Training {
	t := run.Training{
		Optimizer: f.Optimizer, LR: run.DefaultLR[f.Optimizer], Clip: f.Clip, ClipValue: f.ClipValue,
		Accumulate: f.Accumulate,
		Schedule:   f.Schedule, Warmup: f.Warmup, EMA: f.EMA, SparseUpdates: f.SparseUpdates,
		LossScaling: f.LossScaling, MaxSkipped: f.MaxSkipped,
		Best: f.Best, Patience: f.Patience,
	}
	switch f.Optimizer {
	case "adamw":
		t.WeightDecay = defaultDecay
	case "nesterov":
		t.Momentum = defaultNesterov
	}
	switch f.Schedule {
	case "step":
		t.ScheduleFactor = defaultFactor
	case "plateau":
		t.ScheduleFactor, t.ScheduleWait = defaultFactor, defaultPatience
	}
	set(&t.LR, f.LR)
	set(&t.Momentum, f.Momentum)
	set(&t.WeightDecay, f.WeightDecay)
	set(&t.ScheduleSteps, f.ScheduleSteps)
	set(&t.ScheduleFactor, f.ScheduleFactor)
	set(&t.ScheduleWait, f.SchedulePatience)
	return t
}

// checkFlags says what is wrong with flags that were given and are not used.
func (f *optimizerFlags) checkFlags() error {
	for _, x := range []struct {
		flag      string
		given     bool
		schedules []string
	}{
		{"schedule-steps", f.ScheduleSteps != nil, []string{"step", "cosine", "linear"}},
		{"schedule-factor", f.ScheduleFactor != nil, []string{"step", "plateau", "cosine", "linear"}},
		{"schedule-patience", f.SchedulePatience != nil, []string{"plateau"}},
	} {
		if x.given && !slices.Contains(x.schedules, f.Schedule) {
			return usage("--%s is for --schedule %s, and it is %s: leave one of them out", x.flag,
				strings.Join(x.schedules, " or "), f.Schedule)
		}
	}
	if f.ScheduleSteps != nil && *f.ScheduleSteps < 1 {
		return usage("--schedule-steps is %d: it must be at least 1", *f.ScheduleSteps)
	}
	return nil
}
