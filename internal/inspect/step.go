package inspect

import (
	"io"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Step makes the task of a run again, with fresh weights, on a CPU device that is recorded, and takes a training step.
// The data must be where they were. The task is to be closed.
func Step(dir string, with []run.Option, opts ...cpu.Option) (run.Task, *Recorder, error) {
	r, err := run.Open(dir, with...)
	if err != nil {
		return nil, nil, err
	}
	c := *r.Config()
	c.Averaged, c.Running.Device, c.Running.Precision = nil, "cpu", "fp32"
	d := Record(cpu.New(opts...))
	task, err := run.Load(c, append([]run.Option{run.On(d)}, with...)...)
	if err != nil {
		return nil, nil, err
	}
	if _, _, _, err = task.Step(0, 0); err == nil && d.Busiest() == nil {
		err = &run.DataError{What: "the model of " + dir + " has no program for the CPU"}
	}
	if err != nil {
		task.Close()
		return nil, nil, err
	}
	return task, d, nil
}

// Drawing is a picture of a program.
type Drawing struct {
	*Diagram
	items []Item
}

// Draw draws a program of a run, or the graph that it was compiled from: folded, or each instruction.
func (p *Program) Draw(dir string, before, full bool) *Drawing {
	title, items := dir+": a training step, compiled", Items(p.Tape)
	if before {
		title, items = dir+": a training step, before it is compiled", p.Graph
	}
	d := &Drawing{Draw(title, Fold(items), full), items}
	if full && !before {
		d.Buffers(p.Tape)
	}
	return d
}

// Write writes the drawing as svg or as dot, for Graphviz.
func (d *Drawing) Write(w io.Writer, format string) error {
	switch {
	case format == "svg":
		return d.SVG(w)
	case d.full:
		return DotOf(w, d.title, d.items)
	}
	return d.Dot(w)
}
