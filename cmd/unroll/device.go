package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// What --device and --precision may name.
var (
	devices    = []string{deviceAuto, "cpu", "ref", deviceCUDA}
	precisions = []string{precisionFP32, "tf32", "bf16"}
)

const (
	deviceAuto    = "auto"
	deviceCUDA    = "cuda"
	precisionFP32 = "fp32"
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
	if r.rounds() && r.Device != deviceCUDA && r.Device != deviceAuto {
		return usage("--precision %s is for --device cuda, and the device is %s: leave one of them out", r.Precision, r.Device)
	}
	return nil
}

// rounds says whether products are of numbers that are rounded before.
func (r runningConfig) rounds() bool { return r.Precision != "" && r.Precision != precisionFP32 }

// gpus is how the program reaches GPUs.
type gpus struct {
	built bool // whether the binary has what it takes
	open  func(ordinal int) (driver.GPU, error)
}

// devices are those that the binary knows, whether the machine has them or not.
func (g gpus) devices() []string {
	return slices.DeleteFunc(slices.Clone(devices), func(d string) bool { return d == deviceAuto || d == deviceCUDA && !g.built })
}

// reach is how this binary does. Tests have GPUs of their own.
var reach = gpus{driver.Built, driver.Open}

// open gets the device ready. A GPU that auto looked for in vain is said on stderr, unless the binary cannot have one. What was opened
// stays open while the program runs.
func (r *runningConfig) open(stderr io.Writer) error {
	switch r.Device {
	case "ref":
		r.on = ref.New()
		return nil
	case "cpu":
		r.on = newCPU(r.Threads)
		return nil
	}
	_, err := r.openGPU(stderr)
	if err == nil || r.Device == deviceCUDA || r.rounds() {
		return err
	}
	if reach.built {
		fmt.Fprintf(stderr, "unroll: %s; computing on the CPU\n", oneLine(err))
	}
	r.on = newCPU(r.Threads)
	return nil
}

// openGPU gets the GPU ready. What it does not do as well as it could is said on stderr, once.
func (r *runningConfig) openGPU(stderr io.Writer) (driver.GPU, error) {
	gpu, err := reach.open(0)
	switch {
	case err == nil:
		var once sync.Once
		r.on = cuda.New(gpu, cuda.Precision(r.precision()), cuda.Uncaptured(func(err error) {
			once.Do(func() {
				fmt.Fprintf(stderr, "unroll: the GPU does not record a run (%s): its pieces are launched one by one, which is slower\n", oneLine(err))
			})
		}))
		return gpu, nil
	case r.Device == deviceCUDA:
		return nil, fail(exitUnavailable, "--device cuda: %v", err)
	case r.rounds():
		return nil, fail(exitUnavailable, "--precision %s: %v", r.Precision, err)
	}
	return nil, err
}

func newCPU(threads int) tape.Device { return cpu.New(cpu.Threads(threads)) }

func (r *runningConfig) precision() driver.Precision {
	switch r.Precision {
	case "tf32":
		return driver.TF32
	case "bf16":
		return driver.BFloat16
	}
	return driver.Float32
}

// gpuFailure says what to do about a GPU that is full or lost; other errors pass.
func gpuFailure(err error) error {
	var (
		coded *exitError
		full  *driver.MemoryError
		lost  *driver.LostError
	)
	switch {
	case errors.As(err, &coded):
		return err
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
		full *driver.MemoryError
		lost *driver.LostError
	)
	switch {
	case errors.As(err, &full):
		if dirs, err := r.checkpoints(); err == nil && len(dirs) == 0 {
			r.folder.clear() // so that another batch can be tried there
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
func (c *config) tooLarge(full *driver.MemoryError) string {
	words := memoryWords(full)
	if batch := c.batchFor(full); batch > 0 {
		return fmt.Sprintf("%s: try --batch %d (it is %d)", words, batch, c.Training.Batch)
	}
	return fmt.Sprintf("%s: the model itself is too large for it; try a smaller --hidden, or --device cpu", words)
}

// batchFor estimates the batch with which a program would fit that is too large now; 0: none. What was asked for is the weights, with a
// gradient and two numbers of the optimizer for each, and what is proportional to the batch. A tenth is left free. If it is not known, half
// the batch is a guess.
func (c *config) batchFor(full *driver.MemoryError) int {
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

func memoryWords(full *driver.MemoryError) string {
	if full.Asked == 0 {
		return fmt.Sprintf("the GPU's memory is full: %s bytes free", thousands(int(full.Free)))
	}
	return fmt.Sprintf("the GPU's memory is full: %s bytes asked for, %s free", thousands(int(full.Asked)), thousands(int(full.Free)))
}
