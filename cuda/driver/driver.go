// Package driver is the narrow way to a GPU: all that package cuda asks of one, as interfaces.
//
// There are two implementations. The GPU itself, through gorgonia.org/cu and cuBLAS, is in this package, built
// with -tags gpu (Open). The simulator (cuda/driver/sim) keeps device memory in a slice and interprets the
// kernels' PTX, so that everything above this line is proven on machines without a GPU.
//
// Nothing in this package may know what a tape is.
package driver

import "fmt"

// Ptr is an address in device memory; 0 is none. Alloc gives addresses that are multiples of 256.
type Ptr uint64

// Version is a number such as 12.4: of a driver, a library, a compute capability.
type Version struct{ Major, Minor int }

// Oldest is the first CUDA version whose driver compiles the project's kernels, PTX 7.8. What is called of it
// came earlier (the last was cuGraphInstantiateWithFlags, 11.4).
var Oldest = Version{11, 8}

// OldestNCCL is the first version of NCCL of which all is called and known here: it says what was wrong last
// (ncclGetLastError, 2.13), and that work goes on (ncclInProgress, 2.14).
var OldestNCCL = Version{2, 14}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Info is what does not change about a GPU.
type Info struct {
	Name             string  // "NVIDIA H200"
	UUID             string  // which GPU of all it is: "GPU-" and 32 hexadecimal digits
	Compute          Version // compute capability
	Driver           Version // the CUDA version that the driver supports
	BLAS             Version // of the cuBLAS library
	Multiprocessors  int
	SharedPerBlock   int   // bytes of shared memory that a block can have without asking
	MaxThreads       int   // threads of a block
	Memory           int64 // bytes
	ClockKHz, BusBit int   // of the memory: with them goes its bandwidth by the data sheet; 0 if unknown
}

// Early reports whether kernels can begin before the one before them has ended, also in graphs.
func (i Info) Early() bool {
	return i.Compute.Major >= 9 && (i.Driver.Major > 12 || i.Driver.Major == 12 && i.Driver.Minor >= 3)
}

// GPU is one device with its context. All its methods may be called from any goroutine; what belongs to one
// Stream may not be called from two at once.
type GPU interface {
	Info() Info

	// Free is the number of bytes of device memory that nobody has.
	Free() (int64, error)

	// Alloc reserves device memory; its contents are not defined. *MemoryError if there is not enough.
	Alloc(bytes int64) (Ptr, error)
	Release(Ptr) error

	// AllocHost reserves pinned host memory, which copies reach without staging.
	AllocHost(bytes int) ([]byte, error)
	ReleaseHost([]byte) error

	// Load compiles a module of PTX. A *CompileError holds the compiler's log.
	Load(ptx string) (Module, error)

	NewStream() (Stream, error)
	NewEvent() (Event, error)

	// NewBLAS makes a handle for products on one stream, with a fixed workspace of its own, of WorkspaceBytes,
	// so that results have the same bits in every run. A graph that holds products uses the workspace, too: the
	// handle must stay open as long as it is launched.
	NewBLAS(Stream) (BLAS, error)

	// Collectives says whether GPUs can add up numbers among themselves: the version of the library that does it, NCCL, or
	// a *NoCollectivesError.
	Collectives() (Version, error)

	// NewCollective makes what the ranks of a collective know each other by: one of them makes it, all Join with it.
	NewCollective() (id []byte, err error)

	// Join makes this GPU one of size ranks, and waits for the others. No two of them may be the same GPU.
	Join(id []byte, rank, size int) (Collective, error)

	// Close gives everything back. What was made by the GPU must not be used after it.
	Close() error
}

// WorkspaceBytes is the device memory of a BLAS's workspace, as NVIDIA recommends it: 32 MiB from Hopper on,
// else 4 MiB.
func WorkspaceBytes(compute Version) int64 {
	if compute.Major >= 9 {
		return 32 << 20
	}
	return 4 << 20
}

// Module is a compiled piece of PTX.
type Module interface {
	// Function finds a kernel by its name.
	Function(name string) (Function, error)
	Unload() error
}

// Function is a kernel.
type Function interface {
	// Resources says what a thread of it costs.
	Resources() (Resources, error)
}

// Resources are what one kernel needs.
type Resources struct {
	Registers int // of a thread
	Local     int // bytes of a thread: spilled registers and arrays
	Shared    int // bytes of a block, declared in the module
}

// Dim is the size of a grid, or of a block.
type Dim struct{ X, Y, Z int }

// Stream is a queue of work: what is put into it is done in order, after the call has returned. An error of the
// work itself may come from any later call, and is kept: a GPU that failed is lost (*LostError).
type Stream interface {
	// Launch runs f; args are the values of its parameters, one of 8 bytes each. Early, if Info.Early says that it
	// may, it begins when the kernel that was put in just before lets it, and must itself wait for that one's end
	// (griddepcontrol).
	Launch(f Function, grid, block Dim, shared int, early bool, args []uint64) error

	Upload(to Ptr, from []byte) error   // from must be pinned, and stay unchanged until it was read
	Download(to []byte, from Ptr) error // to must be pinned
	Copy(to, from Ptr, bytes int64) error
	Clear(to Ptr, bytes int64) error // with zeros

	// Record marks this point of the queue; Wait lets what follows wait for such a point of another queue.
	Record(Event) error
	Wait(Event) error

	// Sync waits until everything is done.
	Sync() error

	// Capture calls f and records what it puts into the stream, which is not done, as a Graph.
	Capture(f func() error) (Graph, error)

	Close() error
}

// Event is a point in a queue.
type Event interface {
	// Sync waits until the point is reached. An event that was never recorded is reached.
	Sync() error
	// Since is the time in seconds from an earlier event to this one, both reached.
	Since(earlier Event) (float64, error)
	Close() error
}

// Graph is work that was captured, to be done again and again with one call.
type Graph interface {
	Launch(Stream) error
	Close() error
}

// Precision is the arithmetic of a product.
type Precision uint8

const (
	Float32  Precision = iota // fp32 inputs, fp32 sums
	TF32                      // inputs rounded to 10 bits of mantissa, fp32 sums
	BFloat16                  // inputs are bfloat16 in memory, fp32 sums, fp32 result
	Float64
)

// Matrices are the operands of C = α·op(A)·op(B) + β·C, row-major as everywhere in unroll: op(A) is M×K, op(B)
// K×N, C M×N, matrix b of a batch lies b*Stride elements further on. Implementations for column-major libraries
// swap the operands.
type Matrices struct {
	Precision                 Precision
	TransA, TransB            bool
	Batch, M, N, K            int
	A, B, C                   Ptr
	LdA, LdB, LdC             int
	StrideA, StrideB, StrideC int
	Beta                      float64 // 0: C is overwritten, whatever it holds; 1: added to
}

// BLAS multiplies matrices on its stream.
type BLAS interface {
	Product(Matrices) error
	Close() error
}

// Collective is one of several GPUs, the ranks, each of a process of its own, that add up numbers without their hosts.
type Collective interface {
	// Sum puts into a stream of the GPU: n float32 at to become Σ over the ranks of those at from, which may be to. All
	// ranks must do so in the same order with the same n; the GPU waits for the others', the host does not. All get the
	// same bits; it is not said which of several roundings. It must not be captured: whether it is would have to be the
	// same on all ranks.
	Sum(s Stream, to, from Ptr, n int) error

	// Failed is why the sums that are waited for will never come: another rank has gone, or the network; nil if nothing
	// is known of that. It may be called while another goroutine waits.
	Failed() error

	// Close waits for the sums, unless it Failed, and leaves the others.
	Close() error
}
