package main

import (
	"fmt"
	"time"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/internal/inspect"
)

// graphCmd draws the program of a training step.
type graphCmd struct {
	inspectFlags
	Full   bool   `help:"A line for each instruction, or a node for each in a .dot, not only for each loop and what lies between."`
	Before bool   `help:"The graph of the step before it is compiled, not the program that it becomes."`
	Out    string `placeholder:"FILE" help:"Draw it, as .svg or as .dot for Graphviz, instead of writing text."`
}

// profileCmd says where the time and the memory of a training step go.
type profileCmd struct {
	inspectFlags
	Threads int           `placeholder:"N" default:"1" help:"Threads of the CPU. Default: 1."`
	Time    time.Duration `default:"5s" help:"How long to measure, about."`
	Picture string        `placeholder:"FILE" help:"Draw it, too, as .svg or .png."`
}

// inspectFlags name a run.
type inspectFlags struct {
	Dir string `arg:"" name:"RUN" help:"Folder that unroll train wrote; its data must be where they were."`
}

func (k *graphCmd) Run(a *app) error {
	task, d, err := inspect.Step(k.Dir, modelOptions, cpu.Threads(1))
	if err != nil {
		return err
	}
	defer task.Close()
	drawing := d.Busiest().Draw(k.Dir, k.Before, k.Full)
	if k.Out != "" {
		return a.draw("out", k.Out, drawing.Write, "svg", "dot")
	}
	if err := drawing.Text(a.prose(), 80); err != nil || k.Before {
		return err
	}
	return d.Busiest().WriteLaunches(a.prose())
}

func (k *profileCmd) Run(a *app) error {
	if k.Threads < 1 || k.Threads > maxThreads {
		return usage("--threads is %d: it must be from 1 to %d", k.Threads, maxThreads)
	}
	if k.Time < 10*time.Millisecond || k.Time > time.Hour {
		return usage("--time is %v: it must be from 10ms to 1h", k.Time)
	}
	times := &cpu.Times{}
	task, d, err := inspect.Step(k.Dir, modelOptions, cpu.Threads(k.Threads), cpu.Timed(times))
	if err != nil {
		return err
	}
	defer task.Close()
	ctx, stop := untilInterrupted()
	defer stop()
	p, err := inspect.Measure(ctx, task, d, times, k.Time)
	if err != nil {
		return err
	}
	title := fmt.Sprintf("%s: training steps on the CPU, threads: %d", k.Dir, k.Threads)
	if err := a.draw("picture", k.Picture, p.Picture(title).Write); err != nil {
		return err
	}
	return p.Text(a.prose(), title)
}
