// Package cpu is the fast CPU device: it runs tapes on all cores in pure Go and assembly, without cgo.
//
// Loading a tape turns each instruction into a step that holds everything that can be known before the first
// run: collapsed shapes, split points, register assignments, and storage for packed weights. Running it
// allocates nothing. Work is split over independent outputs only, never over a sum, so that results do not
// depend on the number of threads.
//
// The arithmetic itself lives in internal/kernel, one set of kernels per instruction path. This package knows
// the tape and nothing above it: no graph, no derivative, no model.
package cpu

import (
	"os"
	"runtime"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// PathVariable is the environment variable that forces an instruction path: "avx512bf16", "avx512", "avx2",
// "neon" or "portable".
const PathVariable = "UNROLL_CPU"

// maxArena guards against a nonsensical size, for which the runtime has only a panic.
const maxArena = 1 << 40

// device implements tape.Device. It is immutable after New.
type device struct {
	threads int
	rounds  bool    // whether products are of numbers rounded to bfloat16
	int8    bool    // whether weights are int8
	path    string  // of internal/kernel; empty: PathVariable, else the best of this machine
	family  *family // of the programs; nil: each has memory of its own
	times   *Times  // nil: nothing is measured
}

// Option is a setting of New.
type Option func(*device)

// Threads sets the number of threads that a program computes with, the one that calls Run included. The
// default, and the meaning of a number below 1, is GOMAXPROCS.
func Threads(n int) Option { return func(d *device) { d.threads = n } }

// BFloat16 rounds the operands of the products of Float32 tapes to bfloat16. Sums, everything else, and products of
// Float64 tapes are not concerned. Results have the same bits on every instruction path, those that
// docs/architecture.md says, but for the bits of NaNs.
func BFloat16() Option { return func(d *device) { d.rounds = true } }

// onPath forces an instruction path, whatever the environment says.
func onPath(name string) Option { return func(d *device) { d.path = name } }

// New returns the CPU device, a tape.Sharer.
func New(opts ...Option) tape.Device {
	d := new(device)
	for _, o := range opts {
		o(d)
	}
	if d.threads < 1 {
		d.threads = runtime.GOMAXPROCS(0)
	}
	return d
}

// Path is the instruction path that devices use in this process: the one that PathVariable names, or the best
// that this machine has. An unknown name, or one that the machine cannot run, is an error.
func Path() (string, error) { return resolve("") }

func resolve(path string) (string, error) {
	from := ""
	if path == "" {
		path, from = os.Getenv(PathVariable), PathVariable+": "
	}
	path, err := kernel.Choose(path)
	return path, errors.WithMessage(err, "cpu: "+from+"choosing an instruction path")
}

func (d *device) Name() string { return "cpu" }

func (d *device) Load(t *tape.Tape) (tape.Program, error) {
	path, err := d.check(t)
	if err != nil {
		return nil, err
	}
	if t.Float == tape.Float64 {
		return newLoader(d, t, kernel.Float64()).load(d.times)
	}
	return newLoader(d, t, d.float32(path)).load(d.times)
}

// float32 is the kernels for Float32 tapes.
func (d *device) float32(path string) *kernel.Set[float32] {
	if d.rounds {
		return kernel.BFloat16(path)
	}
	return kernel.Float32(path)
}

// Measure implements tape.Measurer.
func (d *device) Measure(t *tape.Tape) (int64, error) {
	path, err := d.check(t)
	if err != nil {
		return 0, err
	}
	if t.Float == tape.Float64 {
		return newLoader(d, t, kernel.Float64()).measure()
	}
	return newLoader(d, t, d.float32(path)).measure()
}

// check says what is wrong with a tape, and which instruction path programs use.
func (d *device) check(t *tape.Tape) (path string, err error) {
	if path, err = resolve(d.path); err != nil {
		return "", err
	}
	if err := tape.Verify(t); err != nil {
		if u := (*tape.UnsupportedError)(nil); errors.As(err, &u) {
			u.Device = d.Name()
		}
		return "", errors.WithMessage(err, "cpu: load")
	}
	if t.Arena > maxArena {
		return "", errors.Errorf("cpu: load: an arena of %d bytes is larger than any memory", t.Arena)
	}
	return path, nil
}
