package main

import (
	"time"

	"github.com/unroll-ml/unroll/internal/bench/collective"
	"github.com/unroll-ml/unroll/internal/bench/side"
	"github.com/unroll-ml/unroll/internal/joint"
	"github.com/unroll-ml/unroll/internal/machine"
	"github.com/unroll-ml/unroll/internal/safefile"
)

// benchCmd is the group of commands that measure devices.
type benchCmd struct {
	Kernels benchKernelsCmd `cmd:"" help:"Time every kind of instruction on the CPU and on the GPU, and compare them with the reference device."`
	Models  benchModelsCmd  `cmd:"" help:"Time training steps of reference models on the CPU and on the GPU."`

	AllReduce benchAllReduceCmd `cmd:"" name:"allreduce" help:"Under mpirun: time sums of gradients over processes, and predict how well a training can be spread."`
}

type benchAllReduceCmd struct{ collective.Flags }

func (c *benchAllReduceCmd) Run(a *app) error {
	return joint.Run(a.joint(true), func(w *joint.World) error { return w.Trained(c.Report(w, a.stdout)) })
}

type benchKernelsCmd struct{ benchFlags }
type benchModelsCmd struct{ benchFlags }

// benchFlags are the flags of both.
type benchFlags struct {
	Quick     bool   `help:"Measure for a shorter time."`
	JSON      bool   `name:"json" help:"Write JSON, an object a line, instead of a table."`
	Save      string `placeholder:"FILE" help:"Write the JSON to this file, too."`
	Plot      string `placeholder:"FILE.svg" help:"Draw the results."`
	Device    string `enum:"${devices}" default:"auto" help:"What to measure: ${enum}. auto: the CPU, and the GPU if there is one."`
	Threads   *int   `placeholder:"N" help:"Threads of the cpu device. Default: one for each processor."`
	Precision string `enum:"${precisions}" default:"fp32" help:"Arithmetic of products: ${enum}. tf32 is for GPUs."`
}

// How long to measure one thing, about, in a quick run and otherwise. Tests measure tiny things.
var (
	kernelTimes = [2]time.Duration{250 * time.Millisecond, time.Second}
	modelTimes  = [2]time.Duration{2500 * time.Millisecond, 10 * time.Second}
	benchTiny   = false
)

func (k *benchKernelsCmd) Run(a *app) error {
	return k.run(a, "unroll bench kernels", kernelTimes, side.Kernels)
}

func (m *benchModelsCmd) Run(a *app) error {
	return m.run(a, "unroll bench models", modelTimes, side.Models)
}

func (f *benchFlags) run(a *app, title string, times [2]time.Duration, measure side.Measure) error {
	if err := f.check(); err != nil {
		return err
	}
	d := f.device()
	r := d.running()
	sides, noGPU, err := machine.Sides(f.Device, f.Precision, r.Threads, deviceOptions(r, a.stderr)...)
	if err != nil {
		return err
	}
	o := side.Options{Time: times[1], Tiny: benchTiny}
	if f.Quick {
		o.Time = times[0]
	}
	b := side.Bench{
		Title: title, Version: machine.Version(), Sides: sides, NoGPU: noGPU, Ceilings: times[0], Options: o,
		Out: a.stdout, JSON: f.JSON, Save: f.Save, Plot: f.Plot,
	}
	return b.Run(measure)
}

// device are the flags that all commands have, with words of their own.
func (f *benchFlags) device() deviceFlags {
	return deviceFlags{Device: f.Device, Threads: f.Threads, Precision: f.Precision}
}

func (f *benchFlags) check() error {
	d := f.device()
	if err := d.check(); err != nil {
		return err
	}
	for _, file := range []string{f.Plot, f.Save} { // before minutes of measuring
		if file == "" {
			continue
		}
		if err := safefile.Writable(file); err != nil {
			return fail(exitNoOutput, "%s cannot be written (%v): choose another file", file, err)
		}
	}
	return nil
}
