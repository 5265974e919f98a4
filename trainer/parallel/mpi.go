package parallel

import "fmt"

// MPI is in programs that are built with the tag mpi, for Linux; those need the C library's dynamic linker, as the MPI
// library does, which is opened when the program runs. Open MPI and MPICH, with all that have the ABI of either, are
// told apart by their symbols. In other programs MPI says that there is none.

// MPIUnavailableError says why there is no MPI.
type MPIUnavailableError struct{ What string }

func (e *MPIUnavailableError) Error() string { return "MPI is not available: " + e.What }

// MPIError is what a function of the MPI library has said.
type MPIError struct {
	Function string
	Code     int
	Text     string
}

func (e *MPIError) Error() string {
	return fmt.Sprintf("%s: %s (error %d)", e.Function, e.Text, e.Code)
}

// MPIWorld are the processes that mpirun or srun has started together.
type MPIWorld interface {
	Communicator

	// Library says which MPI it is.
	Library() string

	// Close leaves the others; it waits until they do so, too.
	Close() error
}
