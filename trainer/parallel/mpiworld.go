//go:build mpi && linux

package parallel

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"github.com/pkg/errors"
)

// The levels of MPI_Init_thread that matter: calls from any thread, one at a time, and at any time. The second is asked
// for, so that a process can abort while it waits.
const (
	serialized = 2
	multiple   = 3
)

// piece is how many numbers are summed at once, 4 MiB of them: larger pieces are slower on shared memory, and their
// number must fit an int.
const piece = 1 << 20

// mpiWorld is MPI_COMM_WORLD.
type mpiWorld struct {
	*library
	rank, size int
	fatal      func(error) int
	leave      chan struct{} // asks the thread that has begun to end
	left       chan error
}

// MPI joins the processes.
func MPI(fatal func(error) int) (MPIWorld, error) {
	l, err := load()
	if err != nil {
		return nil, err
	}
	w := &mpiWorld{library: l, fatal: fatal, leave: make(chan struct{}), left: make(chan error)}
	begun := make(chan error)
	go w.live(begun)
	if err := <-begun; err != nil {
		return nil, err
	}
	return w, w.checkLauncher()
}

// live begins and ends on one thread, as MPI asks.
func (w *mpiWorld) live(begun chan<- error) {
	runtime.LockOSThread()
	begun <- w.begin()
	<-w.leave
	w.left <- w.call("MPI_Finalize", w.finalize)
}

func (w *mpiWorld) begin() error {
	level, rank, size := new(int32), new(int32), new(int32)
	if err := w.call("MPI_Init_thread", w.initThread, 0, 0, multiple, uintptr(unsafe.Pointer(level))); err != nil {
		return &MPIUnavailableError{err.Error()}
	}
	if *level < serialized {
		return &MPIUnavailableError{fmt.Sprintf("%s was built without support for threads", w.name)}
	}
	if err := w.call("MPI_Comm_set_errhandler", w.setErrhandler, w.abi.world, w.errorsReturn); err != nil {
		return err
	}
	if err := w.call("MPI_Comm_rank", w.commRank, w.abi.world, uintptr(unsafe.Pointer(rank))); err != nil {
		return err
	}
	if err := w.call("MPI_Comm_size", w.commSize, w.abi.world, uintptr(unsafe.Pointer(size))); err != nil {
		return err
	}
	w.rank, w.size = int(*rank), int(*size)
	return nil
}

// checkLauncher says whether there are as many processes as were started: the library of another MPI than that of
// mpirun makes each of them a world of its own, and says nothing.
func (w *mpiWorld) checkLauncher() error {
	n, by := LaunchedSize.Says()
	if by == "" || n == w.size {
		return nil
	}
	return &MPIUnavailableError{fmt.Sprintf("%d processes were started (%s), and %s, which was opened, sees %d: it is not of "+
		"the MPI that mpirun or srun has; name that library in %s", n, by, w.name, w.size, libraryVariable)}
}

func (w *mpiWorld) Library() string { return w.name }
func (w *mpiWorld) Rank() int       { return w.rank }
func (w *mpiWorld) Size() int       { return w.size }

func (w *mpiWorld) Close() error {
	close(w.leave)
	return <-w.left
}

func (w *mpiWorld) Sum(x []float32) error {
	for ; len(x) > 0; x = x[min(piece, len(x)):] {
		if err := w.call("MPI_Allreduce", w.allreduce, w.inPlace, uintptr(unsafe.Pointer(&x[0])),
			uintptr(min(piece, len(x))), w.float, w.sum, w.abi.world); err != nil {
			return err
		}
	}
	return nil
}

func (w *mpiWorld) Vote(bits uint32) (uint32, error) {
	all := &bits
	err := w.call("MPI_Allreduce", w.allreduce, w.inPlace, uintptr(unsafe.Pointer(all)), 1, w.int, w.or, w.abi.world)
	return *all, err
}

func (w *mpiWorld) Gather(x []byte) ([][]byte, error) {
	own := binary.LittleEndian.AppendUint64(nil, uint64(len(x)))
	lengths := make([]byte, len(own)*w.size)
	if err := w.allgatherBytes(own, lengths); err != nil {
		return nil, err
	}
	all, longest := make([][]byte, w.size), 0
	for r := range all {
		n := int(binary.LittleEndian.Uint64(lengths[8*r:]))
		all[r], longest = make([]byte, 0, n), max(longest, n)
	}
	for from := 0; from < longest; from += piece {
		n := min(piece, longest-from)
		own, received := make([]byte, n), make([]byte, n*w.size)
		copy(own, x[min(from, len(x)):])
		if err := w.allgatherBytes(own, received); err != nil {
			return nil, err
		}
		for r := range all {
			all[r] = append(all[r], received[n*r:][:min(n, cap(all[r])-len(all[r]))]...)
		}
	}
	return all, nil
}

func (w *mpiWorld) allgatherBytes(own, all []byte) error {
	n := uintptr(len(own))
	return w.call("MPI_Allgather", w.allgather, uintptr(unsafe.Pointer(&own[0])), n, w.byte,
		uintptr(unsafe.Pointer(&all[0])), n, w.byte, w.abi.world)
}

func (w *mpiWorld) Bcast(x []byte) ([]byte, error) {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(x)))
	if err := w.bcastBytes(length); err != nil {
		return nil, err
	}
	if w.rank > 0 {
		x = make([]byte, binary.LittleEndian.Uint64(length))
	}
	for rest := x; len(rest) > 0; rest = rest[min(4*piece, len(rest)):] {
		if err := w.bcastBytes(rest[:min(4*piece, len(rest))]); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (w *mpiWorld) bcastBytes(x []byte) error {
	return w.call("MPI_Bcast", w.bcast, uintptr(unsafe.Pointer(&x[0])), uintptr(len(x)), w.byte, 0, w.abi.world)
}

// abortTime is how long MPI_Abort may take; then the process ends by itself, which launchers see, too.
const abortTime = 5 * time.Second

func (w *mpiWorld) Abort(why error) {
	code := w.fatal(why)
	time.AfterFunc(abortTime, func() { os.Exit(code) })
	err := w.call("MPI_Abort", w.abort, w.abi.world, uintptr(code))
	fmt.Fprintln(os.Stderr, errors.Wrap(err, "MPI_Abort"))
	os.Exit(code)
}
