package main

import (
	"fmt"
	"io"
	"time"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/internal/inspect"
	"github.com/unroll-ml/unroll/trainer/run"
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

// step makes the task of the run, with fresh weights, and takes a training step on the CPU, which is recorded.
func (f *inspectFlags) step(a *app, opts ...cpu.Option) (run.Task, *inspect.Recorder, error) {
	r, err := run.Open(f.Dir, modelOptions...)
	if err != nil {
		return nil, nil, err
	}
	c := *r.Config()
	c.Averaged, c.Running.Device, c.Running.Precision = nil, "cpu", "fp32"
	d := inspect.Record(cpu.New(opts...))
	task, err := run.Load(c, append([]run.Option{run.On(d)}, modelOptions...)...)
	if err != nil {
		return nil, nil, err
	}
	if _, _, _, err = task.Step(0, 0); err == nil && d.Busiest() == nil {
		err = fail(exitData, "RUN: the model of %s has no program for the CPU", f.Dir)
	}
	if err != nil {
		task.Close()
		return nil, nil, err
	}
	return task, d, nil
}

func (k *graphCmd) Run(a *app) error {
	task, d, err := k.step(a, cpu.Threads(1))
	if err != nil {
		return err
	}
	defer task.Close()
	p := d.Busiest()
	title, items := k.Dir+": a training step, compiled", inspect.Items(p.Tape)
	if k.Before {
		title, items = k.Dir+": a training step, before it is compiled", p.Graph
	}
	drawing := inspect.Draw(title, inspect.Fold(items), k.Full)
	if k.Full && !k.Before {
		drawing.Buffers(p.Tape)
	}
	if k.Out == "" {
		return drawing.Text(a.texts(), 80)
	}
	return a.draw("out", k.Out, func(w io.Writer, format string) error {
		switch {
		case format == "svg":
			return drawing.SVG(w)
		case k.Full:
			return inspect.DotOf(w, title, items)
		}
		return drawing.Dot(w)
	}, "svg", "dot")
}

func (k *profileCmd) Run(a *app) error {
	if k.Threads < 1 || k.Threads > maxThreads {
		return usage("--threads is %d: it must be from 1 to %d", k.Threads, maxThreads)
	}
	if k.Time < 10*time.Millisecond || k.Time > time.Hour {
		return usage("--time is %v: it must be from 10ms to 1h", k.Time)
	}
	times := &cpu.Times{}
	task, d, err := k.step(a, cpu.Threads(k.Threads), cpu.Timed(times))
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
	if k.Picture != "" {
		if err := a.draw("picture", k.Picture, p.Picture(title).Write); err != nil {
			return err
		}
	}
	return p.Text(a.texts(), title)
}
