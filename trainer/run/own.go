package run

import (
	"cmp"
	"context"
	"slices"

	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// TaskOwn is the task of a Task that is none of this package.
const TaskOwn = "own"

type ownKind struct{}

func (ownKind) name() string   { return TaskOwn }
func (ownKind) words() string  { return "a model of a program's own" }
func (ownKind) data() []string { return nil }

func (ownKind) loss(*Config) string { return "loss" }
func (ownKind) scores() []string {
	var all []string
	for _, m := range (&Measures{}).named() {
		all = append(all, m.name)
	}
	return all
}

func (ownKind) defaults(c *Config)                  { c.Model, c.Training.Batch = Model{}, 0 }
func (ownKind) check(*Config) error                 { return nil }
func (ownKind) lacks(*Config) string                { return "" }
func (ownKind) model(*Config) (architecture, error) { return nil, nil }
func (ownKind) numbers(*Config, int) float64        { return 0 }

func (ownKind) shared() bool { return false }

func (ownKind) load(*Config) (Task, error) {
	return nil, settings("`task` is own: only the program that has the task can make it")
}

func (ownKind) evaluate(_ context.Context, r *Run, _ EvalConfig) (*Evaluation, error) {
	return nil, r.Want(slices.DeleteFunc(taskNames(), func(task string) bool { return task == TaskOwn })...)
}

// Own is a Task of a model that is none of this package: all that a training needs to know of it.
type Own struct {
	// Learner is the model, such as a *trainer.Learner. If that has a trainer.Training.World, all its processes must make
	// the same task and train it, as InWorld says; rank 0 alone calls Measure.
	Learner

	Settings Config // start from Defaults(TaskOwn)
	Steps    int    // of an epoch; 0 is 1

	// Train takes the training step after so many, with a learning rate, and gives the loss and the norm of the
	// gradient.
	Train func(before int, rate float64) (loss, norm float64, err error)

	// Measure gives the loss on the validation data, the smaller the better, and the context's error if that is
	// done meanwhile.
	Measure func(ctx context.Context) (loss float64, err error)
}

// Config implements Task.
func (o *Own) Config() *Config { return &o.Settings }

// Ranks are the processes that train the Learner.
func (o *Own) Ranks() parallel.Communicator { return ranksOf(o.Learner) }

// Epoch implements Task.
func (o *Own) Epoch() int { return max(o.Steps, 1) }

// check says what is missing.
func (o *Own) check() error {
	return cmp.Or(
		setting.Set("Learner", o.Learner != nil, "a model, such as a *trainer.Learner"),
		setting.Set("Train", o.Train != nil, "a function that takes a training step"),
		setting.Set("Measure", o.Measure != nil, "a function that gives the loss on the validation data"),
	)
}

// Step implements Task.
func (o *Own) Step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	if err := o.check(); err != nil {
		return 0, 0, 0, err
	}
	loss, norm, err = o.Train(before, rate)
	return loss, norm, 0, err
}

// Validate implements Task.
func (o *Own) Validate(ctx context.Context) (Metrics, error) {
	if err := cmp.Or(o.check(), setting.Context(ctx)); err != nil {
		return Metrics{}, err
	}
	loss, err := o.Measure(ctx)
	return Metrics{Loss: loss}, err
}
