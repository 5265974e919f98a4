package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/unroll-ml/unroll/internal/cmdline"
	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/trainer/run"
)

// averageCmd averages checkpoints of a run.
type averageCmd struct {
	Dir  string `arg:"" name:"RUN" help:"Folder that unroll train wrote."`
	Last int    `required:"" placeholder:"K" help:"Average the last K checkpoints; train --keep K keeps so many."`
	Out  string `placeholder:"DIR" help:"The folder of the averaged run. Default: RUN-averaged."`
}

func (k *averageCmd) Run(a *app) error {
	r, err := a.openRun("RUN", k.Dir, run.Last)
	if err != nil {
		return err
	}
	if k.Out == "" {
		k.Out = filepath.Clean(k.Dir) + "-averaged"
	}
	steps, err := r.Average(k.Last, k.Out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.prose(), "%s: the mean of the weights after steps %s\n\n", k.Out,
		strings.Trim(fmt.Sprint(steps), "[]"))
	if err != nil {
		return err
	}
	eval := calledAs + " eval "
	return report.WriteNext(a.prose(), []report.Command{
		{Line: eval + cmdline.Quote(k.Out)}, {Line: eval + cmdline.Quote(k.Dir), What: "to compare"},
	})
}
