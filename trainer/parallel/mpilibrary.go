//go:build mpi && linux

package parallel

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// libraryVariable names a library to open in place of those that are usual.
const libraryVariable = "UNROLL_MPI_LIBRARY"

// The names of the libraries: those of Open MPI 4 and 5, and those of MPICH and of all that keep its ABI.
var (
	openMPI = []string{"libmpi.so.40"}
	mpich   = []string{"libmpich.so.12", "libmpi.so.12"}
)

// candidates are the libraries to try, those first that fit what has started this process.
func candidates() []string {
	if name := os.Getenv(libraryVariable); name != "" {
		return []string{name}
	}
	if os.Getenv("PMI_SIZE") != "" && os.Getenv("OMPI_COMM_WORLD_SIZE") == "" && os.Getenv("PMIX_RANK") == "" {
		return slices.Concat(mpich, openMPI)
	}
	return slices.Concat(openMPI, mpich)
}

// abi is what programs know of a library beside its functions: Open MPI's handles are addresses of its variables, those
// of MPICH are numbers.
type abi struct {
	name                string
	world, errorsReturn uintptr
	float, int, byte    uintptr
	sum, or             uintptr
	inPlace             uintptr
}

// library is an MPI library.
type library struct {
	abi
	handle uintptr

	initThread, finalize, commRank, commSize, setErrhandler uintptr
	allreduce, allgather, bcast, abort, errorString         uintptr
}

// load opens the library.
func load() (*library, error) {
	l := &library{}
	var failed []string
	for _, name := range candidates() {
		var err error
		// What the library opens itself must find its symbols.
		if l.handle, err = purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL); err == nil {
			break
		}
		failed = append(failed, err.Error())
	}
	if l.handle == 0 {
		return nil, &MPIUnavailableError{strings.Join(failed, "; ") + ": install Open MPI or MPICH, or name a library in " + libraryVariable}
	}
	for name, to := range map[string]*uintptr{
		"MPI_Init_thread": &l.initThread, "MPI_Finalize": &l.finalize, "MPI_Comm_rank": &l.commRank,
		"MPI_Comm_size": &l.commSize, "MPI_Comm_set_errhandler": &l.setErrhandler, "MPI_Allreduce": &l.allreduce,
		"MPI_Allgather": &l.allgather, "MPI_Bcast": &l.bcast, "MPI_Abort": &l.abort, "MPI_Error_string": &l.errorString,
	} {
		if err := l.symbol(name, to); err != nil {
			return nil, err
		}
	}
	return l, l.handles()
}

// handles finds out which ABI it is.
func (l *library) handles() error {
	if _, err := purego.Dlsym(l.handle, "ompi_mpi_comm_world"); err != nil {
		l.abi = abi{
			name: "MPICH", world: 0x44000000, errorsReturn: 0x54000001, float: 0x4c00040a, int: 0x4c000405, byte: 0x4c00010d,
			sum: 0x58000003, or: 0x58000008, inPlace: ^uintptr(0),
		}
		return nil
	}
	l.abi = abi{name: "Open MPI", inPlace: 1}
	for name, to := range map[string]*uintptr{
		"ompi_mpi_comm_world": &l.world, "ompi_mpi_errors_return": &l.errorsReturn, "ompi_mpi_float": &l.float,
		"ompi_mpi_int": &l.int, "ompi_mpi_byte": &l.byte, "ompi_mpi_op_sum": &l.sum, "ompi_mpi_op_bor": &l.or,
	} {
		if err := l.symbol(name, to); err != nil {
			return err
		}
	}
	return nil
}

func (l *library) symbol(name string, to *uintptr) (err error) {
	if *to, err = purego.Dlsym(l.handle, name); err != nil {
		return &MPIUnavailableError{fmt.Sprintf("the library has no %s: it is no MPI, or too old", name)}
	}
	return nil
}

// call calls a function of the library. Memory whose address is given to it, converted in the call, stays where it is
// until the call returns.
//
//go:uintptrescapes
func (l *library) call(name string, function uintptr, args ...uintptr) error {
	code, _, _ := purego.SyscallN(function, args...)
	if int32(code) == 0 {
		return nil
	}
	return &MPIError{Function: name, Code: int(int32(code)), Text: l.text(int32(code))}
}

// text is that of an error code.
func (l *library) text(code int32) string {
	buffer, n := make([]byte, 8192), new(int32) // no MPI has longer ones
	purego.SyscallN(l.errorString, uintptr(code), address(&buffer[0]), address(n))
	runtime.KeepAlive(buffer)
	runtime.KeepAlive(n)
	return string(buffer[:max(0, min(int(*n), len(buffer)))])
}

func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
