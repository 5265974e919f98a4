// Package sim is a GPU in software: it compiles the text of PTX modules and runs their kernels on the CPU, so
// that the exact text that a GPU would run is executed and checked on machines that have none.
//
// It is strict where hardware is lenient. A launch ends with a *Fault that names the kernel, the block, the
// thread, the line and the address when a thread
//   - reads or writes outside of an allocation, or at an address that is no multiple of the access's size,
//   - uses a register, a word of shared memory or (if asked) of global memory that was never written,
//   - touches a word of shared memory that another thread touches between the same two barriers, one of them writing; or (if asked)
//     such a word of global memory,
//   - comes to a barrier or a shuffle that not all threads of the block, of the warp, come to together,
//   - divides an integer by zero, which PTX leaves undefined,
//   - multiplies matrices of numbers that are no TF32, whose last bits hardware would cut off,
//   - of a kernel that begins before the one before has ended, relies on that one before it has waited for it,
//   - does not end.
//
// Arithmetic is that of PTX: rounded as the instruction says, denormal numbers kept, fma exact, shift amounts
// clamped, conversions saturating. The .approx instructions err on purpose, by as much as NVIDIA allows the
// hardware to, and not at random.
//
// Warps run their 32 threads in lock-step: of threads that have parted, those at the lowest line run first,
// until they meet again. Blocks run in parallel on the cores of the machine. Nothing is said about speed on a
// GPU, nor about the order in which blocks see each other's writes.
//
// The package knows the part of PTX that package ptx writes and refuses everything else by name. It must not
// know what a kernel is for.
package sim

import (
	"sort"

	"github.com/pkg/errors"
)

// Module is a compiled text.
type Module struct {
	functions map[string]*Function
	target    int
}

// Function is a compiled kernel.
type Function struct {
	name       string
	code       []instr
	source     []string // the text of line 1, 2, ...
	params     []int32  // pseudo-registers of the parameters
	constants  []constant
	specials   []special
	registers  int // those of the text and pseudo-registers
	predicates int
	names      []string // of registers, for messages
	prednames  []string
	shared     int // bytes that are declared
	arrays     []array
	dynamic    bool
	maxThreads int
	bounded    bool // maxThreads is of the text
	early      bool // it can wait for the kernel before
}

// constant is a pseudo-register that holds a number.
type constant struct {
	reg  int32
	bits uint64
}

// Compile reads the text of a module. What it does not know it refuses, with a *SyntaxError.
func Compile(text string) (*Module, error) { return parse(text) }

// Function finds a kernel by its name.
func (m *Module) Function(name string) (*Function, error) {
	if f := m.functions[name]; f != nil {
		return f, nil
	}
	return nil, errors.Errorf("sim: the module has no kernel %q; it has %q", name, m.Functions())
}

// Target is the generation of GPUs that the text is for, such as 80: older ones do not run it.
func (m *Module) Target() int { return m.target }

// Functions are the names of all kernels, sorted.
func (m *Module) Functions() []string {
	var names []string
	for name := range m.functions {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Name is the kernel's.
func (f *Function) Name() string { return f.name }

// Params is the number of parameters, of 8 bytes each.
func (f *Function) Params() int { return len(f.params) }

// Shared is the number of bytes of shared memory that the text declares for each block.
func (f *Function) Shared() int { return f.shared }

// Instructions is the length of the kernel's code.
func (f *Function) Instructions() int { return len(f.code) }

// MaxThreads is the size of the largest block that is certain to have the registers it needs: what the text
// says, else 256.
func (f *Function) MaxThreads() int { return f.maxThreads }
