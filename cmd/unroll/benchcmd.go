package main

import (
	"io"
	"time"

	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/internal/bench/side"
	"github.com/unroll-ml/unroll/internal/machine"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/run"
)

// benchCmd is the group of commands that measure devices.
type benchCmd struct {
	Kernels benchKernelsCmd `cmd:"" help:"Time every kind of instruction on the CPU and on the GPU, and compare them with the reference device."`
	Models  benchModelsCmd  `cmd:"" help:"Time training steps of reference models on the CPU and on the GPU."`
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
	Precision string `enum:"${precisions}" default:"fp32" help:"Arithmetic of products on a GPU: ${enum}."`
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
	sides, noGPU, err := f.sides(a.stderr)
	if err != nil {
		return err
	}
	o := side.Options{Time: times[1], Tiny: benchTiny}
	if f.Quick {
		o.Time = times[0]
	}
	b := side.Bench{
		Title: title, Version: version(), Sides: sides, NoGPU: noGPU, Ceilings: times[0], Options: o,
		Out: a.stdout, JSON: f.JSON, Save: f.Save, Plot: f.Plot,
	}
	return b.Run(measure)
}

func (f *benchFlags) check() error {
	d := deviceFlags{Device: f.Device, Threads: f.Threads, Precision: f.Precision}
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

// sides are the devices to measure; if there is no GPU where one may be, noGPU says why.
func (f *benchFlags) sides(stderr io.Writer) (all []*side.Side, noGPU string, err error) {
	r := run.Running{Device: f.Device, Precision: f.Precision}
	set(&r.Threads, f.Threads)
	switch f.Device {
	case "ref":
		return []*side.Side{{Device: ref.New(), What: "plain loops", Square: 128}}, "", nil
	case "cpu", device.Auto:
		c, err := machine.CPUSide(r.Threads)
		if err != nil {
			return nil, "", err
		}
		all = append(all, c)
	}
	if f.Device == "cpu" {
		return all, "", nil
	}
	on, gpu, err := device.OpenGPU(deviceOptions(r, stderr)...)
	switch {
	case err == nil:
	case f.Device == device.CUDA:
		return nil, "", &device.MissingError{Asked: "device cuda", Err: err}
	case r.Precision != device.FP32:
		return nil, "", &device.MissingError{Asked: "precision " + r.Precision, Err: err}
	default:
		return all, oneLine(err), nil
	}
	return append(all, &side.Side{Device: on, What: gpu.Info().Name + ", " + f.Precision, Square: 4096}), "", nil
}
