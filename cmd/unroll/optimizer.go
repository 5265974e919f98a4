package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// What --optimizer, --schedule and --teacher-decay may name.
var (
	optimizers    = []string{"adam", "adamw", "sgd", "nesterov", "adagrad", "rmsprop"}
	schedules     = []string{"constant", "step", "plateau", "cosine", "inverse-sqrt", "linear"}
	teacherDecays = []string{noDecay, "linear", "exponential", "inverse-sigmoid"}
)

const noDecay = "none"

// optimizerFlags say how weights move.
type optimizerFlags struct {
	Optimizer   string   `group:"Optimization:" enum:"${optimizers}" default:"adam" help:"Optimizer: ${enum}."`
	LR          *float64 `group:"Optimization:" name:"lr" placeholder:"X" help:"Learning rate. Default: ${learningRates}."`
	Momentum    *float64 `group:"Optimization:" placeholder:"X" help:"Momentum of sgd, nesterov and rmsprop. Default: ${nesterovMomentum} for nesterov, else 0."`
	WeightDecay *float64 `group:"Optimization:" placeholder:"X" help:"Weight decay of matrices: decoupled for adamw, L2 regularisation for the others. Default: ${adamwDecay} for adamw, else 0."`
	Clip        float64  `group:"Optimization:" default:"5" help:"Scale gradients down to this global norm; 0: never."`
	ClipValue   float64  `group:"Optimization:" default:"0" help:"Limit each element of a gradient to this magnitude; 0: never."`
	Accumulate  int      `group:"Optimization:" placeholder:"K" default:"1" help:"Add up the gradients of K batches for each step: the same as a batch K times as large, with the memory of one. Default: ${default}."`

	Schedule         string   `group:"Optimization:" enum:"${schedules}" default:"constant" help:"How the learning rate changes: ${enum}."`
	Warmup           int      `group:"Optimization:" placeholder:"STEPS" default:"0" help:"Let the learning rate rise for so many steps first. Default: ${default}."`
	ScheduleSteps    *int     `group:"Optimization:" placeholder:"N" help:"Steps after the warm-up until cosine and linear end, or between those of step. Default: all steps, or an epoch."`
	ScheduleFactor   *float64 `group:"Optimization:" placeholder:"X" help:"What step and plateau multiply the learning rate by, or what part of it cosine and linear end with. Default: ${stepFactor}, or 0."`
	SchedulePatience *int     `group:"Optimization:" placeholder:"N" help:"Measurements without a better one that plateau bears. Default: ${plateauPatience}."`

	EMA         float64 `group:"Optimization:" name:"ema" placeholder:"DECAY" default:"0" help:"Measure, save and use an exponential moving average of the weights with this decay, such as 0.999; 0: the weights. Default: ${default}."`
	LossScaling bool    `group:"Optimization:" help:"Multiply the loss by a factor, as large as nothing overflows, for gradients that vanish in narrow formats."`
	MaxSkipped  int     `group:"Optimization:" placeholder:"K" default:"10" help:"Give up after K steps in a row whose loss or gradient was not finite; until then they are left out. Default: ${default}."`
	Best        string  `group:"Optimization:" placeholder:"METRIC" default:"loss" help:"By what the best checkpoint is chosen, on what is held out: loss or another measure of log.jsonl, such as accuracy. Default: ${default}."`
	Patience    int     `group:"Optimization:" placeholder:"N" default:"0" help:"Stop after N measurements in a row without a better one; 0: never. Default: ${default}."`
}

const (
	defaultNesterov = 0.9
	defaultDecay    = 0.01 // of adamw
	defaultFactor   = 0.5  // of the schedules step and plateau
	defaultPatience = 2    // of the schedule plateau
)

// defaultLR is the learning rate of each optimizer unless --lr is given.
var defaultLR = map[string]float64{"adam": 0.003, "adamw": 0.003, "sgd": 0.5, "nesterov": 0.05, "adagrad": 0.05, "rmsprop": 0.001}

// learningRates says the same in words.
func learningRates() string {
	var words []string
	for _, name := range optimizers {
		words = append(words, fmt.Sprintf("%g for %s", defaultLR[name], name))
	}
	return strings.Join(words, ", ")
}

// config is what the flags ask for.
func (f *optimizerFlags) config() trainingConfig {
	t := trainingConfig{
		Optimizer: f.Optimizer, LR: defaultLR[f.Optimizer], Clip: f.Clip, ClipValue: f.ClipValue, Accumulate: f.Accumulate,
		Schedule: f.Schedule, Warmup: f.Warmup, EMA: f.EMA, LossScaling: f.LossScaling, MaxSkipped: f.MaxSkipped, Best: f.Best, Patience: f.Patience,
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
			return usage("--%s is for --schedule %s, and it is %s: leave one of them out", x.flag, orList(x.schedules), f.Schedule)
		}
	}
	if f.ScheduleSteps != nil && *f.ScheduleSteps < 1 {
		return usage("--schedule-steps is %d: it must be at least 1", *f.ScheduleSteps)
	}
	return nil
}

// orList writes names with "or" before the last.
func orList(names []string) string { return joined(names, func(s string) string { return s }) }

// checkMoves says what is wrong with how weights move, in the terms of the flags.
func (t *trainingConfig) checkMoves(task string) error {
	momentum := []string{"sgd", "nesterov", "rmsprop"}
	fraction := func(x float64) bool { return x > 0 && x < 1 }
	switch {
	case !(t.LR > 0) || math.IsInf(t.LR, 0):
		return usage("--lr is %g: it must be larger than 0", t.LR)
	case !(t.Clip >= 0) || math.IsInf(t.Clip, 0):
		return usage("--clip is %g: it must be larger than 0, or 0 for no clipping", t.Clip)
	case !(t.ClipValue >= 0) || math.IsInf(t.ClipValue, 0):
		return usage("--clip-value is %g: it must be larger than 0, or 0 for no clipping", t.ClipValue)
	case !(t.Momentum >= 0 && t.Momentum < 1):
		return usage("--momentum is %g: it must be at least 0 and less than 1", t.Momentum)
	case t.Momentum != 0 && !slices.Contains(momentum, t.Optimizer):
		return usage("--momentum works with --optimizer %s only, the optimizer is %s: leave one of them out", orList(momentum), t.Optimizer)
	case t.Momentum == 0 && t.Optimizer == "nesterov":
		return usage("--optimizer nesterov is nothing without momentum, and --momentum is 0: leave it out, or use --optimizer sgd")
	case !(t.WeightDecay >= 0) || math.IsInf(t.WeightDecay, 0):
		return usage("--weight-decay is %g: it must be at least 0", t.WeightDecay)
	case slices.Contains([]string{"step", "plateau"}, t.Schedule) && !fraction(t.ScheduleFactor):
		return usage("--schedule-factor is %g: for --schedule %s it must be larger than 0 and less than 1", t.ScheduleFactor, t.Schedule)
	case !(t.ScheduleFactor >= 0 && t.ScheduleFactor <= 1):
		return usage("--schedule-factor is %g: it must be at least 0 and at most 1", t.ScheduleFactor)
	case !(t.EMA >= 0 && t.EMA < 1):
		return usage("--ema is %g: it must be at least 0 and less than 1", t.EMA)
	case !slices.Contains(taskScores[task], t.Best):
		return usage("--best is %s: for %s it must be one of %s", t.Best, taskNames[task], strings.Join(taskScores[task], ", "))
	}
	return nil
}

// olden gives what configs of before did not say the meaning that it had.
func (t *trainingConfig) olden(task string) {
	t.Accumulate, t.Schedule, t.Best = max(t.Accumulate, 1), cmp.Or(t.Schedule, "constant"), cmp.Or(t.Best, lossScore)
	t.MaxSkipped = cmp.Or(t.MaxSkipped, 1)
	if task == taskSeq2Seq {
		t.TeacherDecay, t.ValidPairs = cmp.Or(t.TeacherDecay, noDecay), cmp.Or(t.ValidPairs, translatedPairs)
	}
}

// words say how weights move.
func (t *trainingConfig) words() string {
	s := fmt.Sprintf("%s, learning rate %g", t.Optimizer, t.LR)
	if t.Schedule != "constant" {
		s += ", " + t.Schedule
	}
	if t.Warmup > 0 {
		s += fmt.Sprintf(", warm-up %s steps", thousands(t.Warmup))
	}
	if t.Accumulate > 1 {
		s += fmt.Sprintf(", %d batches a step", t.Accumulate)
	}
	if t.EMA > 0 {
		s += fmt.Sprintf(", averaged with %g", t.EMA)
	}
	return s
}

// accumulated is c with batches for a whole training step.
func (c *config) accumulated() *config {
	whole := *c
	whole.Training.Batch *= c.Training.Accumulate
	return &whole
}

// complete writes into a config what its schedule takes from the data: the steps of the run, 0 if they are not known, and of an epoch.
func (t *trainingConfig) complete(steps, epoch int) error {
	if t.ScheduleSteps != 0 {
		return nil
	}
	switch t.Schedule {
	case "step":
		t.ScheduleSteps = epoch
	case "cosine", "linear":
		if steps == 0 {
			return usage("--schedule %s ends with the last step, and --minutes does not say which that is: say when with --schedule-steps", t.Schedule)
		}
		if t.ScheduleSteps = steps - t.Warmup; t.ScheduleSteps < 1 {
			return usage("--warmup %d leaves none of %s steps for --schedule %s: a shorter warm-up, or more steps", t.Warmup, thousands(steps), t.Schedule)
		}
	}
	return nil
}

// schedule is how the learning rate changes by itself, after complete. See plateau for the rest.
func (t *trainingConfig) schedule() optim.Schedule {
	s := optim.Constant()
	switch t.Schedule {
	case "step":
		s = optim.StepDecay(t.ScheduleSteps, t.ScheduleFactor)
	case "cosine":
		s = optim.Cosine(t.ScheduleSteps, t.ScheduleFactor)
	case "linear":
		s = optim.Linear(t.ScheduleSteps, t.ScheduleFactor)
	case "inverse-sqrt":
		return optim.InverseSqrt(max(t.Warmup, 1))
	}
	return optim.Warmup(t.Warmup, s)
}

// plateau makes p, which may have a state already, what the schedule asks for; nil if it is another one.
func (t *trainingConfig) plateau(p *optim.Plateau) *optim.Plateau {
	if t.Schedule != "plateau" {
		return nil
	}
	if p == nil {
		p = &optim.Plateau{}
	}
	p.Factor, p.Patience = t.ScheduleFactor, t.ScheduleWait
	return p
}

// moves is how the weights of a model move.
func (t *trainingConfig) moves() trainer.Training {
	m := trainer.Training{
		Seed: t.Seed, Optimizer: t.optimizer(), Clip: t.Clip, ClipValue: t.ClipValue, Accumulate: t.Accumulate, Average: t.EMA,
	}
	if t.LossScaling {
		m.Scaling = optim.DefaultLossScaling
	}
	return m
}

func (t *trainingConfig) optimizer() optim.Optimizer {
	var o optim.Optimizer
	switch t.Optimizer {
	case "sgd":
		o = optim.SGD{Momentum: t.Momentum}
	case "nesterov":
		o = optim.SGD{Momentum: t.Momentum, Nesterov: true}
	case "adagrad":
		o = optim.DefaultAdagrad
	case "rmsprop":
		r := optim.DefaultRMSProp
		r.Momentum = t.Momentum
		o = r
	default:
		o = optim.DefaultAdam
	}
	switch {
	case t.WeightDecay == 0:
		return o
	case t.Optimizer == "adamw":
		return optim.Decoupled(o, t.WeightDecay)
	}
	return optim.Regularized(o, t.WeightDecay)
}

// teacherDecay is how teacher forcing becomes less: half of it at step TeacherSteps. nil: it stays.
func (t *trainingConfig) teacherDecay() models.Decay {
	n := float64(t.TeacherSteps)
	switch t.TeacherDecay {
	case "linear":
		return models.LinearDecay(1, 0.5/n, 0)
	case "exponential":
		return models.ExponentialDecay(math.Pow(0.5, 1/n))
	case "inverse-sigmoid":
		return models.InverseSigmoidDecay(halfAt(n))
	}
	return nil
}

// halfAt is the k ≥ 1 for which k/(k + e^(n/k)) is ½, k ln k = n, by Newton's method.
func halfAt(n float64) float64 {
	k := 1 + n
	for range 100 {
		next := (k + n) / (1 + math.Log(k))
		if math.Abs(next-k) <= 1e-15*k {
			break
		}
		k = next
	}
	return k
}
