// Package kernel writes the GPU kernels of tape instructions, as PTX.
//
// A kernel is specialised where that makes it simpler or faster (types, strides, the scalar program of a Map)
// and takes as parameters what differs between otherwise equal instructions (addresses, numbers of elements),
// so that one kernel serves many of them. Its name holds a hash of its specification: kernels of one name are
// the same, in whatever module.
//
// Results have the same bits on every GPU: block sizes, the split of sums into parts and the order in which
// they are added depend on shapes alone. A kernel reads and writes what its instruction names and nothing else,
// whatever an index says.
//
// This package knows instructions and their shapes. It must not know of buffers, streams or memory.
package kernel

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/bits"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
)

// Kernel is a kernel that can be written.
type Kernel struct {
	Name  string
	Whole bool // the launch after it must not begin before it has ended: its results are read early
	write func(b *ptx.Builder)
}

// newKernel names a kernel by its kind and all that it depends on.
func newKernel(kind string, spec any, threads int, write func(b *ptx.Builder)) Kernel {
	hash := sha256.Sum256(fmt.Appendf(nil, "%s %d %+v", kind, threads, spec))
	return Kernel{
		Name: fmt.Sprintf("%s_%x", kind, hash[:8]),
		write: func(b *ptx.Builder) {
			b.MaxThreads(threads)
			write(b)
		},
	}
}

// Module is the PTX of kernels with different names; early ones may be launched so that they begin before the
// kernel before them has ended, unless that one is to be waited for (Kernel.Whole).
func Module(kernels []Kernel, early bool) (string, error) {
	var m ptx.Module
	if early {
		m.Early()
	}
	for _, k := range kernels {
		m.Kernel(k.Name, k.write)
	}
	return m.PTX()
}

// Launch says how a kernel is launched.
type Launch struct {
	Kernel  Kernel
	Blocks  [2]int // of the grid, along x and y
	Threads int    // of a block
}

// Elem is the type of elements in memory.
type Elem uint8

const (
	F32 Elem = iota
	F64
	I32
	BF16 // as an output only
	B32  // bits that are moved and not looked at
	B64
	TF32 // as an output only: F32 with the lower bits of the mantissa zero
)

func (e Elem) String() string {
	return [...]string{"f32", "f64", "i32", "bf16", "b32", "b64", "tf32"}[e]
}

// Size is the number of bytes of an element.
func (e Elem) Size() int { return [...]int{4, 8, 4, 2, 4, 8, 4}[e] }

// register is the type of the register that an element is loaded to, or stored from.
func (e Elem) register() ptx.Type {
	return [...]ptx.Type{ptx.F32, ptx.F64, ptx.S32, ptx.F32, ptx.U32, ptx.U64, ptx.F32}[e]
}

// blockSize is the number of threads of the blocks that n independent threads are grouped into. Few threads are
// spread over many small blocks, so that all multiprocessors have some.
func blockSize(n int) int {
	if n <= 1<<15 {
		return 64
	}
	return 256
}

// perThread is the launch of n threads, and the number of the thread in the grid.
func perThread(n int) (blocks [2]int, threads int) {
	threads = blockSize(n)
	return [2]int{(n + threads - 1) / threads, 1}, threads
}

// thread is the number of a thread in a grid with one dimension of blocks of the given size.
func thread(b *ptx.Builder, size int, wide bool) ptx.Value {
	block, tid := b.Special(ptx.CtaidX), b.Special(ptx.TidX)
	if !wide {
		return b.Mad(block, ptx.Int(size), tid)
	}
	return b.MadWide(block, ptx.Int(size), b.Convert(ptx.U64, tid))
}

// divide is ⌊i/d⌋ and i mod d, of a U32 i below 2³¹ or of any U64 i. The first is done by a multiplication
// (Granlund and Montgomery, "Division by invariant integers using multiplication", 1994): with 2^s < d <=
// 2^(s+1) and m = ⌈2^(32+s)/d⌉ it is ⌊i·m/2^(32+s)⌋, because m·d exceeds 2^(32+s) by less than 2^(s+1), which
// adds less than 1/d to i/d.
func divide(b *ptx.Builder, i ptx.Value, d int) (quotient, remainder ptx.Value) {
	switch {
	case d == 1:
		return i, b.Var(i.Type().Int(0))
	case d&(d-1) == 0:
		return b.Shr(i, ptx.Int(bits.TrailingZeros(uint(d)))), b.And(i, ptx.Int(d-1))
	case i.Type() == ptx.U64:
		q := b.Div(i, ptx.Int(d))
		return q, b.Sub(i, b.Mul(q, ptx.Int(d)))
	}
	s := bits.Len(uint(d-1)) - 1
	m := (1<<(32+s) + d - 1) / d
	q := b.Shr(b.MulHi(i, ptx.U32.Int(m)), ptx.Int(s))
	return q, b.Sub(i, b.Mul(q, ptx.Int(d)))
}

// zero is the number 0 of a type.
func zero(t ptx.Type) ptx.Value {
	if t.IsFloat() {
		return t.Num(0)
	}
	return t.Int(0)
}

// lowest is below all numbers of a float type.
func lowest(t ptx.Type) ptx.Value { return t.Num(math.Inf(-1)) }
