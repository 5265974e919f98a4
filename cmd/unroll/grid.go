package main

import (
	"fmt"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/cmdline"
	"github.com/unroll-ml/unroll/internal/grid"
	"github.com/unroll-ml/unroll/internal/joint"
	"github.com/unroll-ml/unroll/trainer/run"
)

// gridFlags choose a training of a file. Package grid reads them, before the others; here they are for --help.
type gridFlags struct {
	Grid   string `group:"Sweeps:" placeholder:"FILE" help:"Train what one line of this file says: its flags are added to those given here. A line may begin with a name and a colon; # begins a comment. Its run is in a folder of that name, or of its flags, in --out or runs/FILE."`
	TaskID int    `group:"Sweeps:" name:"task-id" placeholder:"N" help:"Which training of the grid, from 1. Default: $$SLURM_ARRAY_TASK_ID, as job arrays have it, or one more than $$JOB_COMPLETION_INDEX."`
	DryRun bool   `group:"Sweeps:" help:"Train nothing: check the flags of all trainings of the grid, and write their commands, one a line."`
}

// trainOf runs a training of a grid. Where its run is finished already there is nothing to do: that is how an array
// is started again.
func (a app) trainOf(t grid.Command) error {
	a.args = t.Args
	err := a.run()
	if done := (*run.FinishedError)(nil); errors.As(err, &done) {
		if said := (*joint.SaidError)(nil); errors.As(err, &said) {
			return nil
		}
		notice(a.stderr)(fmt.Sprintf("%s: %s holds a run that is finished (%s): nothing to do", t.Where, done.Dir, done.Why))
		return nil
	}
	return inLine(t, advise(gpuFailure(err)))
}

// show writes the commands of all trainings of a grid.
func (a app) show(trainings []grid.Command) error {
	for _, t := range trainings {
		a.args = t.Args
		if _, err := a.parse(); err != nil {
			return inLine(t, err)
		}
	}
	for _, t := range trainings {
		if _, err := fmt.Fprintln(a.texts(), calledAs+" "+cmdline.QuoteAll(t.Args)); err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}

// inLine says of an error in which line of a grid it is.
func inLine(t grid.Command, err error) error {
	if err == nil {
		return nil
	}
	return fail(exitCode(err), "%s: %s", t.Where, cmdline.InFlags(err))
}

// gridError is an error of choosing a training.
func gridError(err error) error {
	var (
		wrong *grid.Error
		asked *grid.UsageError
	)
	if errors.As(err, &wrong) || errors.As(err, &asked) {
		return usage("%v", err)
	}
	return run.NewInputError("--grid", err)
}
