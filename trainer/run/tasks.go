package run

import (
	"context"
	"slices"

	"github.com/unroll-ml/unroll/models"
)

// taskKinds is the table of tasks: a new one is a file with its taskKind, and a line here.
var taskKinds = []taskKind{lmKind{}, classifyKind{}, seq2seqKind{}, tagKind{}, regressKind{}, forecastKind{}, ownKind{}}

// taskKind is what one task has and others do not. All else in this package asks for it here, and knows no task
// by name.
type taskKind interface {
	// name is what config.yaml calls it, and words what messages do, such as "a language model".
	name() string
	words() string

	// data are the kinds of data that it learns from: those that Source.Kind may name, and KindText, which has
	// no Source.
	data() []string

	// scores are what Training.Best may name besides the loss: names of Measures, which also say whether less
	// is better.
	scores() []string

	// defaults sets what is usual for it and not for all tasks. A number of Training that is not 0 there must
	// be at least 1.
	defaults(c *Config)

	// check says what is wrong with settings that only it has. What package models knows is written there: see model.
	check(c *Config) error

	// lacks says what is missing in a config.yaml, which has what the data say; "" if nothing is.
	lacks(c *Config) string

	// model is the configuration of the model in package models; nil: there is none.
	model(c *Config) (architecture, error)

	// numbers is about how many a training step keeps for each token of a sequence of so many.
	numbers(c *Config, tokens int) float64

	// loss is what the loss is called, with its unit.
	loss(c *Config) string

	// load reads the data that the configuration names, and makes the model that learns them.
	load(c *Config) (Task, error)

	// shared says whether processes that train together can share a validation, with parallel.Share.
	shared() bool

	// evaluate measures the model of a run.
	evaluate(ctx context.Context, r *Run, e EvalConfig) (*Evaluation, error)
}

// architecture is a configuration of package models, by which a model is checked and counted before it is made.
type architecture interface {
	Declare(p *models.Params) error
	Weights() (float64, error)
}

// kindOf is a task by its name; nil if this version has no such task.
func kindOf(task string) taskKind {
	for _, k := range taskKinds {
		if k.name() == task {
			return k
		}
	}
	return nil
}

// taskNames are the names of all tasks, in alphabetical order.
func taskNames() []string {
	var names []string
	for _, k := range taskKinds {
		names = append(names, k.name())
	}
	slices.Sort(names)
	return names
}

// TaskName is a task in words, such as "a language model"; "" if there is no such task.
func TaskName(task string) string {
	if k := kindOf(task); k != nil {
		return k.words()
	}
	return ""
}

// DataKinds are the kinds of data that tasks have, and TaskScores what Training.Best may name: the loss, and
// the measures of a task.
var (
	DataKinds  = ofTasks(taskKind.data)
	TaskScores = ofTasks(func(k taskKind) []string { return append([]string{LossScore}, k.scores()...) })
)

func ofTasks(words func(taskKind) []string) map[string][]string {
	all := map[string][]string{}
	for _, k := range taskKinds {
		all[k.name()] = words(k)
	}
	return all
}
