// Package device opens devices by name: the CPU, the reference device, a GPU.
//
// A GPU needs a binary that was built with the tag gpu. The package knows which devices there are, and nothing
// of what they compute.
package device

import (
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// The names of devices, and of the arithmetic of products.
const (
	Auto = "auto" // a GPU if there is one, else the CPU
	CPU  = "cpu"
	Ref  = "ref" // plain loops: slow, and the oracle of all others
	CUDA = "cuda"

	FP32 = "fp32"
	TF32 = "tf32" // of GPUs alone
	BF16 = "bf16"
	INT8 = "int8" // of weights
)

// Names are what Open knows, Precisions what Precision knows, and WeightTypes what Weights knows.
var (
	Names      = []string{Auto, CPU, Ref, CUDA}
	Precisions = []string{FP32, TF32, BF16}

	WeightTypes = []string{FP32, INT8}
)

// NeedsGPU says whether GPUs alone have a precision.
func NeedsGPU(precision string) bool { return precision == TF32 }

// MissingError says that a GPU was asked for, by a name or by a precision, and there is none.
type MissingError struct {
	Asked string // "device cuda" or "precision tf32"
	Err   error  // why there is none
}

func (e *MissingError) Error() string { return e.Asked + ": " + e.Err.Error() }
func (e *MissingError) Unwrap() error { return e.Err }

// What can go wrong with a GPU later: its memory does not suffice, or it can no longer be used. Compiling and
// running give them.
type (
	MemoryError = driver.MemoryError
	LostError   = driver.LostError
)

// Driver is how GPUs are reached.
type Driver struct {
	Built bool // whether the binary has what it takes
	Open  func(ordinal int) (driver.GPU, error)
	Count func() (int, error) // how many there are; nil: Open(0) is the only one
}

// OwnDriver is how this binary reaches them.
var OwnDriver = Driver{driver.Built, driver.Open, driver.Count}

// StepKernels is the environment variable that, set to off, leaves all products to cuBLAS (cuda.StepKernels).
const StepKernels = "UNROLL_STEP_KERNELS"

// EarlyLaunches is the environment variable that, set to off, lets no kernel of a GPU begin before the one before it has
// ended (cuda.EarlyLaunches).
const EarlyLaunches = "UNROLL_EARLY_LAUNCHES"

// Names are the devices that the binary knows, whether the machine has them or not.
func (d Driver) Names() []string {
	return slices.DeleteFunc(slices.Clone(Names),
		func(name string) bool { return name == Auto || name == CUDA && !d.Built })
}

// Option is a setting of Open.
type Option func(*options)

type options struct {
	threads   int
	precision string
	weights   string
	driver    Driver
	tell      func(string)
	world     parallel.Communicator
}

// Threads is the number of threads of the CPU; 0, the default: one for each processor.
func Threads(n int) Option { return func(o *options) { o.threads = n } }

// Precision is the arithmetic of products, one of Precisions; fp32 by default. Some need a GPU.
func Precision(name string) Option { return func(o *options) { o.precision = name } }

// Weights is how the products of a model that is used, and not trained, see its weights, one of WeightTypes; fp32 by
// default. Another one is for the CPU (cpu.Int8Weights), and Auto is the CPU then.
func Weights(name string) Option { return func(o *options) { o.weights = name } }

// Tell lets f know of what does not stop the work: that Auto has found no GPU though the binary could use one, or that
// the GPU works in a slower way. It must be safe for use by several goroutines if the device is.
func Tell(f func(message string)) Option { return func(o *options) { o.tell = f } }

// Using reaches GPUs through a driver other than OwnDriver, such as the simulator.
func Using(d Driver) Option { return func(o *options) { o.driver = d } }

// settings are those of a device of a name, if there is one and they fit together.
func settings(name string, opts []Option) (*options, error) {
	o := &options{precision: FP32, weights: FP32, driver: OwnDriver, tell: func(string) {}}
	for i, set := range opts {
		if set == nil {
			return nil, errors.Errorf("option %d is nil", i)
		}
		set(o)
	}
	return o, o.check(name)
}

// Open gets a device ready. What it opens stays open while the process runs. If a GPU was asked for and there
// is none, the error is a *MissingError.
func Open(name string, opts ...Option) (tape.Device, error) {
	o, err := settings(name, opts)
	if err != nil {
		return nil, err
	}
	gpu, err := o.find(name)
	if err != nil {
		return nil, err
	}
	joined, err := o.join(gpu)
	switch {
	case err != nil:
		return nil, err
	case gpu != nil:
		return o.cuda(gpu, joined...), nil
	case name == Ref:
		return o.ref(), nil
	}
	return o.cpu(), nil
}

// find gets the GPU ready that a device of that name needs; nil: none.
func (o *options) find(name string) (driver.GPU, error) {
	if name == Ref || name == CPU || o.weights == INT8 {
		return nil, nil
	}
	gpu, err := o.open()
	switch {
	case err == nil:
		return gpu, nil
	case name == CUDA:
		return nil, &MissingError{"device " + name, err}
	case NeedsGPU(o.precision):
		return nil, &MissingError{"precision " + o.precision, err}
	case o.driver.Built:
		o.tell(err.Error() + "; computing on the CPU")
	}
	return nil, nil
}

// OpenGPU gets a GPU ready, and gives it beside its device, for those who ask it for more than a run. Close it
// when the device is no longer used.
func OpenGPU(opts ...Option) (tape.Device, driver.GPU, error) {
	o, err := settings(CUDA, opts)
	if err != nil {
		return nil, nil, err
	}
	gpu, err := o.open()
	if err != nil {
		return nil, nil, err
	}
	return o.cuda(gpu), gpu, nil
}

// check says that there is no such device or precision, or that they do not fit together.
func (o *options) check(name string) error {
	switch {
	case !slices.Contains(Names, name):
		return errors.Errorf("there is no device %q; the devices are %v", name, Names)
	case o.precision != "" && !slices.Contains(Precisions, o.precision):
		return errors.Errorf("there is no precision %q; the precisions are %v", o.precision, Precisions)
	case NeedsGPU(o.precision) && name != CUDA && name != Auto:
		return errors.Errorf("precision %s is for the device cuda, not for %s", o.precision, name)
	case o.weights != "" && !slices.Contains(WeightTypes, o.weights):
		return errors.Errorf("there are no weights %q; they are %v", o.weights, WeightTypes)
	case o.weights == INT8 && NeedsGPU(o.precision):
		return errors.Errorf("weights %s are for the device cpu, and precision %s is not", o.weights, o.precision)
	case o.weights == INT8 && name != CPU && name != Auto:
		return errors.Errorf("weights %s are for the device cpu, not for %s", o.weights, name)
	}
	return nil
}

func (o *options) cpu() tape.Device {
	opts := []cpu.Option{cpu.Threads(o.threads)}
	if o.precision == BF16 {
		opts = append(opts, cpu.BFloat16())
	}
	if o.weights == INT8 {
		opts = append(opts, cpu.Int8Weights())
	}
	return cpu.New(opts...)
}

func (o *options) ref() tape.Device {
	if o.precision == BF16 {
		return ref.New(ref.BFloat16())
	}
	return ref.New()
}

func (o *options) cuda(gpu driver.GPU, more ...cuda.Option) tape.Device {
	var once sync.Once
	precision := map[string]driver.Precision{TF32: driver.TF32, BF16: driver.BFloat16}[o.precision] // else 0, Float32
	return cuda.New(gpu, append(more, cuda.Precision(precision), cuda.StepKernels(os.Getenv(StepKernels) != "off"),
		cuda.EarlyLaunches(os.Getenv(EarlyLaunches) != "off"),
		cuda.Uncaptured(func(err error) {
			once.Do(func() {
				o.tell(fmt.Sprintf("the GPU does not record a run (%v): its pieces are launched one by one, which is slower", err))
			})
		}))...)
}
