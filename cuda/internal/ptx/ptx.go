// Package ptx writes GPU kernels: a small typed builder of PTX text, the assembly language that every NVIDIA
// driver compiles.
//
// A kernel is a Go function that calls the methods of a Builder; each method writes one instruction, or a few,
// and returns the register that holds the result. Registers have types, checked when the kernel is written; the
// first mistake is kept, as bufio.Writer keeps its first error, and returned with the text. Branches and loops
// are functions of functions (If, For, GridStride), so that every kernel is structured and its threads meet
// again where the Go block ends.
//
// The text is PTX 7.8 for sm_70, which drivers from CUDA 11.8 on compile for every GPU since Volta; a module
// that multiplies matrices on tensor cores is for sm_80, Ampere, and one whose kernels may begin early for sm_90,
// Hopper. Arithmetic means what it says: Add, Sub, Mul,
// Div, Sqrt and Fma are IEEE 754, rounded to nearest, with denormal numbers. They carry the modifier .rn, which
// also forbids the assembler to contract a product and a sum into one fma; what is to be one is written as Fma.
//
// What the GPU runs is this text to the letter, and package ptx/sim executes the same text on the CPU.
//
// This package knows of the tape only the scalar functions (Fn). It must not know of instructions, buffers or launches.
package ptx

import (
	"bytes"
	"fmt"

	"github.com/pkg/errors"
)

// header is what every module begins with; it names the oldest generation of GPUs that has all instructions of
// the module.
const header = ".version 7.8\n.target sm_%d\n.address_size 64\n"

// oldest is the generation that every module needs at least: Volta.
const oldest = 70

// dynamic is the name of the shared memory whose size is set at launch.
const dynamic = "dynamic_shared"

// Module is a text under construction: kernels that are compiled together. The zero value is an empty module.
type Module struct {
	kernels []*Builder
	names   map[string]bool
	dynamic bool
	early   bool
	target  int // the generation of GPUs that an instruction needs; 0: the oldest
	err     error
}

// Kernel adds the kernel that write writes.
func (m *Module) Kernel(name string, write func(b *Builder)) {
	b := &Builder{module: m, name: name}
	switch {
	case !identifier(name):
		b.fail("kernel", "%q is no name: letters, digits and _, a letter first", name)
	case m.names[name]:
		b.fail("kernel", "there are two of this name in the module")
	}
	if m.names == nil {
		m.names = map[string]bool{}
	}
	m.names[name] = true
	write(b)
	b.wait() // if nothing of it had to
	b.line("\tret;")
	m.kernels = append(m.kernels, b)
	if m.err == nil {
		m.err = b.err
	}
}

// PTX returns the text, or the first mistake that was made in writing it.
func (m *Module) PTX() (string, error) {
	if m.err != nil {
		return "", m.err
	}
	var w bytes.Buffer
	fmt.Fprintf(&w, header, max(oldest, m.target))
	if m.dynamic {
		fmt.Fprintf(&w, "\n.extern .shared .align 16 .b8 %s[];\n", dynamic)
	}
	for _, b := range m.kernels {
		b.writeTo(&w)
	}
	return w.String(), nil
}

// Builder writes one kernel. Its methods may be called only while Module.Kernel runs the function that it was given to.
type Builder struct {
	module     *Module
	name       string
	params     []string // declarations
	names      map[string]bool
	shared     []string // declarations
	maxThreads int
	regs       [numClasses]int // how many there are of each class
	labels     int
	code       bytes.Buffer
	waited     bool // for the kernel before
	err        error
}

// Err is the first mistake made so far.
func (b *Builder) Err() error { return b.err }

// fail keeps the first mistake, with the place in the kernel's source.
func (b *Builder) fail(op, format string, args ...any) {
	if b.err == nil {
		b.err = errors.Errorf("ptx: kernel %s: %s: %s%s", b.name, op, fmt.Sprintf(format, args...), caller())
	}
}

// Comment writes a comment.
func (b *Builder) Comment(format string, args ...any) {
	for _, l := range bytes.Split(fmt.Appendf(nil, format, args...), []byte("\n")) {
		b.line("\t// %s", l)
	}
}

// MaxThreads says that no block will have more than n threads, so that the assembler knows how many registers
// each can have.
func (b *Builder) MaxThreads(n int) {
	if n < 1 || n > 1024 {
		b.fail("max threads", "%d is not in [1, 1024]", n)
	}
	b.maxThreads = n
}

// needs says that an instruction is only on GPUs of a generation, such as 80, and newer ones.
func (b *Builder) needs(generation int) { b.module.target = max(b.module.target, generation) }

func (b *Builder) line(format string, args ...any) { fmt.Fprintf(&b.code, format+"\n", args...) }

// emit writes one instruction.
func (b *Builder) emit(op string, operands ...any) {
	b.code.WriteByte('\t')
	b.code.WriteString(op)
	for i, x := range operands {
		if i > 0 {
			b.code.WriteByte(',')
		}
		fmt.Fprintf(&b.code, " %v", x)
	}
	b.code.WriteString(";\n")
}

func (b *Builder) writeTo(w *bytes.Buffer) {
	fmt.Fprintf(w, "\n.visible .entry %s(", b.name)
	for i, p := range b.params {
		if i > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(w, "\n\t%s", p)
	}
	if len(b.params) > 0 {
		w.WriteByte('\n')
	}
	w.WriteString(")\n")
	if b.maxThreads > 0 {
		fmt.Fprintf(w, ".maxntid %d, 1, 1\n", b.maxThreads)
	}
	w.WriteString("{\n")
	for c, n := range b.regs {
		if n > 0 {
			fmt.Fprintf(w, "\t.reg .%s %%%s<%d>;\n", classes[c].decl, classes[c].prefix, n+1) // numbered from 1
		}
	}
	for _, s := range b.shared {
		fmt.Fprintf(w, "\t%s\n", s)
	}
	w.WriteByte('\n')
	w.Write(b.code.Bytes())
	w.WriteString("}\n")
}
