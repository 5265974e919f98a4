package main

import (
	"context"
	"io"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/cmdline"
	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/run"
)

// deviceFlags are the flags of all commands that compute.
type deviceFlags struct {
	Device    string `enum:"${devices}" default:"auto" help:"What to compute on: ${enum}. auto: a GPU if there is one, else the CPU."`
	Threads   *int   `placeholder:"N" help:"Threads of the cpu device. Default: one for each processor."`
	Precision string `enum:"${precisions}" default:"fp32" help:"Arithmetic of products: ${enum}. tf32 is for GPUs."`
}

// maxThreads is more than any machine has processors: so many would only take memory.
const maxThreads = 1024

// running is what the flags ask for.
func (f *deviceFlags) running() run.Running {
	r := run.Running{Device: f.Device, Precision: f.Precision}
	set(&r.Threads, f.Threads)
	return r
}

func (f *deviceFlags) check() error {
	if f.Threads != nil && *f.Threads < 1 {
		return usage("--threads is %d: it must be at least 1", *f.Threads)
	}
	if f.Threads != nil && *f.Threads > maxThreads {
		return usage("--threads is %d: at most %s are supported", *f.Threads, words.Thousands(maxThreads))
	}
	r := f.running()
	return r.Check()
}

// reach is how the program reaches GPUs. Tests have GPUs of their own.
var reach = device.OwnDriver

// deviceOptions are those of the device that a config names. What does not stop the work is said on stderr.
func deviceOptions(r run.Running, stderr io.Writer) []device.Option {
	return []device.Option{device.Threads(r.Threads), device.Precision(r.Precision), device.Using(reach),
		device.Tell(notice(stderr))}
}

// notice says on stderr what the user should know.
func notice(stderr io.Writer) func(message string) {
	return func(message string) {
		report.Say(stderr, oneLine(errors.New(message)), "")
	}
}

// modelOptions are for all models that the program makes. Tests have models of their own.
var modelOptions []run.Option

// runOptions opens the device that is asked for. What was opened stays open while the program runs.
func (a *app) runOptions(r run.Running, more ...device.Option) ([]run.Option, error) {
	d, err := device.Open(r.Device, append(deviceOptions(r, a.stderr), more...)...)
	return append(slices.Clip(modelOptions), run.On(d)), err
}

// gpuFailure says what to do about a GPU that is missing, full or lost; other errors pass.
func gpuFailure(err error) error {
	var (
		coded *exitError
		none  *device.MissingError
		full  *device.MemoryError
		lost  *device.LostError
	)
	switch {
	case errors.As(err, &coded):
		return err
	case errors.As(err, &none):
		return fail(exitUnavailable, "--%v", none)
	case errors.As(err, &full):
		return fail(exitGPU, "%s: end what else uses the GPU, or use --device cpu", report.FullGPU(full))
	case errors.As(err, &lost):
		return fail(exitGPU, "%v: run the command again; if that fails too, restart the machine or use --device cpu", lost)
	}
	return err
}

// trainError says what to do about an error that ended a training.
func trainError(err error, resume string, f *run.Folder, c *run.Config) error {
	var (
		full     *device.MemoryError
		lost     *device.LostError
		diverged *run.DivergedError
		stopped  *run.StoppedError
		unsaved  *run.UnsavedError
	)
	switch {
	case errors.As(err, &full):
		return memoryFailure(full, f, c)
	case errors.As(err, &lost):
		return failThen(exitGPU, resume, "%v: %s", lost, report.Left(f))
	case errors.As(err, &diverged):
		return fail(exitDiverged, "%s", report.Diverged(diverged, c))
	case errors.As(err, &unsaved):
		return failThen(exitIO, resume, "%v: what was saved before is whole: make room and continue with", unsaved.Err)
	case errors.As(err, &stopped) && errors.Is(stopped.Err, context.Canceled):
		return failThen(exitStopped, resume, "stopped after step %s, saved in %s: continue with", words.Thousands(stopped.Step),
			stopped.Saved)
	case errors.As(err, &stopped):
		return failThen(exitCode(stopped.Err), resume, "%s; step %s is saved in %s: then continue with",
			cmdline.InFlags(stopped.Err), words.Thousands(stopped.Step), stopped.Saved)
	}
	return err
}

// memoryFailure says which batch would fit. A run that has nothing yet is removed, so that another batch can be
// tried there.
func memoryFailure(full *device.MemoryError, f *run.Folder, c *run.Config) error {
	if names, err := f.Checkpoints(); err == nil && len(names) == 0 {
		f.Clear()
		return fail(exitGPU, "%s", report.TooLarge(full, c))
	}
	return fail(exitGPU, "%s, in a new run: what %s holds is whole", report.TooLarge(full, c), f.Dir())
}
