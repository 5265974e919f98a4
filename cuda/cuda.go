// Package cuda is the CUDA device: it runs tapes on an NVIDIA GPU.
//
// Loading a tape turns each instruction into work for a stream: launches of kernels that package kernel writes,
// products of cuBLAS, copies. Addresses that move with the steps of loops are known beforehand, so that a whole
// run, its loops included, is one graph of work: the second run of a program captures it, and later ones replay
// it with a single call. Inputs go up from pinned memory while the run before still computes; parameters never
// move unless they are read or written.
//
// This package knows the tape, and of a GPU what package driver says. It must not know what is above the tape,
// nor whether the GPU is real: tests run all of it on the simulator (driver/sim).
package cuda

import (
	"sync"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Device is a GPU that runs tapes.
type Device struct {
	*engine
	family *family // of the programs; nil: each has memory of its own
}

// An engine is what devices that share a GPU's memory, and a device alone, compute with.
type engine struct {
	gpu       driver.GPU
	precision driver.Precision
	capture   bool
	steps     bool        // have kernels of their own
	early     bool        // kernels begin before the one before has ended
	refused   func(error) // is told why a run could not be captured; nil: nobody
	queue     queue       // of the work of all programs

	collective driver.Collective // that makes sums over several GPUs; nil: their hosts do
	guard      func() (done func())

	mu      sync.Mutex
	kernels map[string]driver.Function // by name: they stay from one program to the next
	modules []driver.Module
}

var _ tape.Sharer = (*Device)(nil)

// Option is a setting of New.
type Option func(*Device)

// Precision sets the arithmetic of the products of Float32 tapes: driver.Float32, the default, TF32 or
// BFloat16. Products of Float64 tapes and everything else are not concerned: sums, functions, parameters and
// the optimizer keep the tape's type.
func Precision(p driver.Precision) Option { return func(d *Device) { d.precision = p } }

// Capture says whether runs are captured and replayed; they are unless told otherwise. Without it each kernel
// is launched by itself, which is slower but shows in a profiler which one takes how long.
func Capture(on bool) Option { return func(d *Device) { d.capture = on } }

// StepKernels says whether products in loops, with few rows and a second operand that stays the same, are
// computed by kernels of our own, those of TF32 and BFloat16 on GPUs of compute capability 8.0 or more; they are
// unless told otherwise. Without them all products are cuBLAS's.
func StepKernels(on bool) Option { return func(d *Device) { d.steps = on } }

// EarlyLaunches says whether kernels of captured runs begin before the kernel before them has ended, and wait for
// its end when they need it, on GPUs that can (driver.Info.Early); they do unless told otherwise. It changes no
// number.
func EarlyLaunches(on bool) Option { return func(d *Device) { d.early = on } }

// Uncaptured lets f know why a run could not be captured, once for each program: its runs are then launched
// piece by piece, with the same results. It must be safe for use by several goroutines if the device is.
func Uncaptured(f func(error)) Option { return func(d *Device) { d.refused = f } }

// New makes a device of a GPU, which must stay open as long as the device and its programs are used.
func New(gpu driver.GPU, opts ...Option) *Device {
	d := withOptions(opts)
	d.gpu, d.early = gpu, d.early && gpu.Info().Early()
	return d
}

// withOptions is a device that has no GPU yet.
func withOptions(opts []Option) *Device {
	d := &Device{engine: &engine{capture: true, steps: true, early: true, kernels: map[string]driver.Function{}}}
	for _, o := range opts {
		o(d)
	}
	return d
}

// Name is "cuda".
func (d *Device) Name() string { return "cuda" }

// Overlaps implements tape.Overlapper: a captured run has two lanes.
func (d *Device) Overlaps() {}

// StepRows implements tape.Launcher: a kernel for a few rows leaves most of the GPU without work.
func (d *Device) StepRows() int { return 128 }

// Load implements tape.Device. Programs of a device take turns on the GPU: one waits for what another one, in
// another goroutine, asks for. A host function holds nobody up. Device memory that does not suffice is a
// *driver.MemoryError.
func (d *Device) Load(t *tape.Tape) (tape.Program, error) {
	if err := tape.Verify(t); err != nil {
		if u := (*tape.UnsupportedError)(nil); errors.As(err, &u) {
			u.Device = d.Name()
		}
		return nil, errors.WithMessage(err, "cuda: load")
	}
	if d.precision > driver.BFloat16 {
		return nil, errors.Errorf("cuda: load: products of precision %d: choose Float32, TF32 or BFloat16", d.precision)
	}
	if t.Arena > maxMemory {
		return nil, errors.Errorf("cuda: load: an arena of %d bytes is larger than the memory of any GPU", t.Arena)
	}
	l := d.lowering(t, d.gpu.Info().Compute)
	var p *program
	var err error
	if d.family != nil {
		p, err = d.family.load(d.engine, l)
	} else if err = l.lower(); err == nil {
		p, err = d.start(l, nil)
	}
	if err != nil {
		return nil, errors.WithMessage(err, "cuda: load")
	}
	return p, nil
}

// Pieces is how many kernels, products and copies a run of a tape puts onto a GPU of a compute capability, and so
// about how many nodes the graph of a captured run has: a product may be more than one. The options are those of
// New; no GPU is needed.
func Pieces(t *tape.Tape, compute driver.Version, opts ...Option) (int, error) {
	return withOptions(opts).pieces(t, compute)
}

// Pieces is the same for this device's GPU. Nothing is loaded.
func (d *Device) Pieces(t *tape.Tape) (int, error) { return d.pieces(t, d.gpu.Info().Compute) }

func (d *Device) pieces(t *tape.Tape, compute driver.Version) (int, error) {
	if err := tape.Verify(t); err != nil {
		return 0, errors.WithMessage(err, "cuda: pieces")
	}
	l := d.lowering(t, compute)
	if err := l.lower(); err != nil {
		return 0, errors.WithMessage(err, "cuda: pieces")
	}
	n := 0
	for _, s := range l.segments {
		n += s.calls()
	}
	return n, nil
}

// lowering is that of a tape for a GPU of a compute capability.
func (d *Device) lowering(t *tape.Tape, compute driver.Version) *lowering {
	ampere := compute.Major >= 8 // knows TF32 and bfloat16
	l := newLowering(t, d.precision, d.steps && (ampere || d.precision == driver.Float32))
	l.rounds, l.collective = ampere, d.collective != nil
	return l
}

// guarded tells the guard that what follows may wait for other GPUs.
func (d *engine) guarded() (done func()) {
	if d.collective == nil || d.guard == nil {
		return func() {}
	}
	return d.guard()
}

// Close gives back what the device's programs had in common, kernels included, and closes the collective. The programs must be closed
// before, those of devices that Share gave, too.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := d.queue.close() // waits for the kernels
	if d.collective != nil {
		if err := d.collective.Close(); first == nil {
			first = err
		}
		d.collective = nil
	}
	for _, m := range d.modules {
		if err := m.Unload(); first == nil {
			first = err
		}
	}
	d.modules, d.kernels = nil, map[string]driver.Function{}
	return errors.WithMessage(first, "cuda: close")
}
