package run

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// What Training.Optimizer, Schedule and TeacherDecay may name.
var (
	Optimizers    = []string{"adam", "adamw", "sgd", "nesterov", "adagrad", "rmsprop"}
	Schedules     = []string{"constant", "step", "plateau", "cosine", "inverse-sqrt", "linear"}
	TeacherDecays = []string{NoDecay, "linear", "exponential", "inverse-sigmoid"}
)

// NoDecay is the TeacherDecay that leaves teacher forcing as it is.
const NoDecay = "none"

// orList writes names with "or" between them.
func orList(items []string, name func(string) string) string {
	var names []string
	for _, i := range items {
		names = append(names, name(i))
	}
	return strings.Join(names, " or ")
}

// checkOptimizer says what is wrong with the optimizer, its schedule and the choice of the best checkpoint.
// What packages trainer and optim know is written there.
func (c *Config) checkOptimizer() error {
	t := &c.Training
	momentum := []string{"sgd", "nesterov", "rmsprop"}
	fraction := func(x float64) bool { return x > 0 && x < 1 }
	switch {
	case !(t.LR > 0) || math.IsInf(t.LR, 0):
		return settings("`lr` is %g: it must be larger than 0", t.LR)
	case t.Momentum != 0 && !slices.Contains(momentum, t.Optimizer):
		return settings("`momentum` works with `optimizer` %s only, the optimizer is %s: leave one of them out",
			strings.Join(momentum, " or "), t.Optimizer)
	case slices.Contains([]string{"step", "plateau"}, t.Schedule) && !fraction(t.ScheduleFactor):
		return settings("`schedule_factor` is %g: for `schedule` %s it must be larger than 0 and less than 1",
			t.ScheduleFactor, t.Schedule)
	case !(t.ScheduleFactor >= 0 && t.ScheduleFactor <= 1):
		return settings("`schedule_factor` is %g: it must be at least 0 and at most 1", t.ScheduleFactor)
	case !slices.Contains(TaskScores[c.Task], t.Best):
		return settings("`best` is %s: for %s it must be one of %s", t.Best, TaskName(c.Task),
			strings.Join(TaskScores[c.Task], ", "))
	}
	learning := c.trainer()
	return c.ownWords(cmp.Or(learning.Check(), optim.Group{Decay: t.WeightDecay}.Check()))
}

// applyDefaults gives what older configurations do not say, and a Go program may leave out, the meaning that it had.
func (t *Training) applyDefaults(task string) {
	usual := Defaults(task).Training
	t.Accumulate, t.Schedule, t.Best = max(t.Accumulate, 1), cmp.Or(t.Schedule, usual.Schedule), cmp.Or(t.Best, usual.Best)
	t.MaxSkipped = cmp.Or(t.MaxSkipped, 1)
	t.TeacherDecay, t.ValidPairs = cmp.Or(t.TeacherDecay, usual.TeacherDecay), cmp.Or(t.ValidPairs, usual.ValidPairs)
}

// summary says how a model is trained.
func (t *Training) summary() string {
	s := fmt.Sprintf("%s, learning rate %g", t.Optimizer, t.LR)
	if t.Schedule != "constant" {
		s += ", " + t.Schedule
	}
	if t.Warmup > 0 {
		s += ", warm-up " + words.Count(t.Warmup, "step", "steps")
	}
	if t.Accumulate > 1 {
		s += fmt.Sprintf(", %d batches a step", t.Accumulate)
	}
	if t.SparseUpdates {
		s += ", embeddings by rows"
	}
	if t.EMA > 0 {
		s += fmt.Sprintf(", averaged with %g", t.EMA)
	}
	return s
}

// accumulated is c with batches for a whole training step.
func (c *Config) accumulated() *Config {
	whole := *c
	whole.Training.Batch *= c.Training.Accumulate
	return &whole
}

// batches says how so many examples are put into batches: of no more rows than there are examples, in as many
// equal parts as are accumulated. Rows that are no examples would cost as much as those that are.
func (c *Config) batches(examples int) batches.Config {
	parts := max(c.Training.Accumulate, 1)
	return batches.Config{Batch: min(c.Training.Batch, (max(examples, 1)+parts-1)/parts*parts),
		Buckets: c.Training.Buckets}
}

// complete writes into a config what its schedule takes from the data: the steps of the run, 0 if they are not
// known, and of an epoch.
func (t *Training) complete(steps, epoch int) error {
	if t.ScheduleSteps != 0 {
		return nil
	}
	switch t.Schedule {
	case "step":
		t.ScheduleSteps = epoch
	case "cosine", "linear":
		if steps == 0 {
			return settings("`schedule` %s ends with the last step, and `minutes` does not say which that is: say "+
				"when with `schedule_steps`", t.Schedule)
		}
		if t.ScheduleSteps = steps - t.Warmup; t.ScheduleSteps < 1 {
			return settings("`warmup` %d leaves none of %s for `schedule` %s: a shorter warm-up, or more steps",
				t.Warmup, words.Count(steps, "step", "steps"), t.Schedule)
		}
	}
	return nil
}

// schedule is how the learning rate changes by itself, after complete. See plateau for the rest.
func (t *Training) schedule() optim.Schedule {
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
func (t *Training) plateau(p *optim.Plateau) *optim.Plateau {
	if t.Schedule != "plateau" {
		return nil
	}
	if p == nil {
		p = &optim.Plateau{}
	}
	p.Factor, p.Patience = t.ScheduleFactor, t.ScheduleWait
	return p
}

// trainer is how the model learns, as package trainer wants it said.
func (c *Config) trainer() trainer.Training {
	t := &c.Training
	m := trainer.Training{
		Seed: t.Seed, Optimizer: c.optimizer(), Clip: t.Clip, ClipValue: t.ClipValue, Accumulate: t.Accumulate,
		Average: t.EMA,
		World:   c.with.world, RowUpdates: t.SparseUpdates, Frozen: c.frozen(), Recompute: c.Running.Recompute,
	}
	if t.LossScaling {
		m.Scaling = optim.DefaultLossScaling
	}
	return m
}

// optimizer is the one that the configuration names. That of a program's own, where it is not there, is any: a model is
// used without it, and Check lets nobody train so.
func (c *Config) optimizer() optim.Optimizer {
	t := &c.Training
	o := c.with.optimizers[t.Optimizer]
	if o == nil {
		o = optim.SGD{}
	}
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
	case "adam", "adamw":
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
func (t *Training) teacherDecay() models.Decay {
	n := float64(t.TeacherSteps)
	switch t.TeacherDecay {
	case "linear":
		return models.LinearDecay(1, 0.5/n, 0)
	case "exponential":
		return models.ExponentialDecay(math.Pow(0.5, 1/n))
	case "inverse-sigmoid":
		return models.InverseSigmoidDecay(models.InverseSigmoidHalf(n))
	}
	return nil
}

// DefaultLR is the usual learning rate of each optimizer.
var DefaultLR = map[string]float64{"adam": 0.003, "adamw": 0.003, "sgd": 0.5, "nesterov": 0.05, "adagrad": 0.05,
	"rmsprop": 0.001}
