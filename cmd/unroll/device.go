package main

import (
	"fmt"
	"io"
	"math"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/device"
)

// deviceFlags are the flags of all commands that compute.
type deviceFlags struct {
	Device    string `enum:"${devices}" default:"auto" help:"What to compute on: ${enum}. auto: a GPU if there is one, else the CPU."`
	Threads   *int   `placeholder:"N" help:"Threads of the cpu device. Default: one for each processor."`
	Precision string `enum:"${precisions}" default:"fp32" help:"Arithmetic of products on a GPU: ${enum}."`
}

// maxThreads is more than any machine has processors: so many would only take memory.
const maxThreads = 1024

// running is what the flags ask for.
func (f *deviceFlags) running() runningConfig {
	r := runningConfig{Device: f.Device, Precision: f.Precision}
	set(&r.Threads, f.Threads)
	return r
}

func (f *deviceFlags) check() error {
	if f.Threads != nil && *f.Threads < 1 {
		return usage("--threads is %d: it must be at least 1", *f.Threads)
	}
	if f.Threads != nil && *f.Threads > maxThreads {
		return usage("--threads is %d: at most %s are supported", *f.Threads, thousands(maxThreads))
	}
	return f.running().checkPrecision()
}

func (r runningConfig) checkPrecision() error {
	if r.rounds() && r.Device != device.CUDA && r.Device != device.Auto {
		return usage("--precision %s is for --device cuda, and the device is %s: leave one of them out", r.Precision, r.Device)
	}
	return nil
}

// rounds says whether products are of numbers that are rounded before.
func (r runningConfig) rounds() bool { return r.Precision != "" && r.Precision != device.FP32 }

// reach is how the program reaches GPUs. Tests have GPUs of their own.
var reach = device.OwnDriver

// options are those of the device that a config names. What does not stop the work is said on stderr.
func (r runningConfig) options(stderr io.Writer) []device.Option {
	return []device.Option{
		device.Threads(r.Threads), device.Precision(r.Precision), device.Using(reach),
		device.Tell(func(message string) { fmt.Fprintf(stderr, "unroll: %s\n", oneLine(errors.New(message))) }),
	}
}

// open gets the device ready. What was opened stays open while the program runs.
func (r *runningConfig) open(stderr io.Writer) (err error) {
	r.on, err = device.Open(r.Device, r.options(stderr)...)
	return err
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
		return fail(exitGPU, "%s: end what else uses the GPU, or use --device cpu", memoryWords(full))
	case errors.As(err, &lost):
		return fail(exitGPU, "%v: run the command again; if that fails too, restart the machine or use --device cpu", lost)
	}
	return err
}

// gpuFailed is gpuFailure of a training.
func (r *training) gpuFailed(err error) error {
	var (
		full *device.MemoryError
		lost *device.LostError
	)
	switch {
	case errors.As(err, &full):
		if dirs, err := r.checkpoints(); err == nil && len(dirs) == 0 {
			r.folder.clear(nil) // so that another batch can be tried there
			return fail(exitGPU, "%s", r.config.tooLarge(full))
		}
		return fail(exitGPU, "%s, in a new run: what %s holds is whole", r.config.tooLarge(full), r.folder.dir)
	case errors.As(err, &lost):
		return fail(exitGPU, "%v: %s", lost, r.wayOn())
	}
	return err
}

// wayOn says what is left of a run that ended in the middle, and how to go on.
func (r *training) wayOn() string {
	dirs, err := r.checkpoints()
	if err != nil || len(dirs) == 0 {
		return "nothing was saved yet: begin again with " + resumeCommand(r.args, r.folder.dir)
	}
	return fmt.Sprintf("the last checkpoint, %s, is whole: continue with %s", dirs[0], resumeCommand(r.args, r.folder.dir))
}

// tooLarge says that a model and its batches do not fit into the GPU, and what would.
func (c *config) tooLarge(full *device.MemoryError) string {
	words := memoryWords(full)
	if batch := c.batchFor(full); batch > 0 {
		return fmt.Sprintf("%s: try --batch %d (it is %d)", words, batch, c.Training.Batch)
	}
	return fmt.Sprintf("%s: the model itself is too large for it; try a smaller --hidden, or --device cpu", words)
}

// batchFor estimates the batch with which a program would fit that is too large now; 0: none. What was asked for is the weights, with a
// gradient and two numbers of the optimizer for each, and what is proportional to the batch. A tenth is left free. If it is not known, half
// the batch is a guess.
func (c *config) batchFor(full *device.MemoryError) int {
	if full.Asked == 0 {
		return c.Training.Batch / 2
	}
	fixed := min(16*c.weights(), 0.9*float64(full.Asked))
	batch := math.Floor(float64(c.Training.Batch) * (0.9*float64(full.Free) - fixed) / (float64(full.Asked) - fixed))
	batch = min(batch, float64(c.Training.Batch-1))
	switch n := int(max(batch, 0)); {
	case n > 8:
		return n / 8 * 8
	default:
		return n
	}
}

func memoryWords(full *device.MemoryError) string {
	if full.Asked == 0 {
		return fmt.Sprintf("the GPU's memory is full: %s bytes free", thousands(int(full.Free)))
	}
	return fmt.Sprintf("the GPU's memory is full: %s bytes asked for, %s free", thousands(int(full.Asked)), thousands(int(full.Free)))
}
