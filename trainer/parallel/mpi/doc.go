// Package mpi joins the processes that mpirun or srun has started, by the MPI library of the machine.
//
// It is in programs that are built with the tag mpi, for Linux; those need the C library's dynamic linker, as the MPI
// library does, which is opened when the program runs. Open MPI and MPICH, with all that have the ABI of either, are
// told apart by their symbols. In other programs Open says that there is no MPI.
package mpi

import (
	"fmt"

	"github.com/unroll-ml/unroll/trainer/parallel"
)

// UnavailableError says why there is no MPI.
type UnavailableError struct{ What string }

func (e *UnavailableError) Error() string { return "MPI is not available: " + e.What }

// Error is what a function of the MPI library has said.
type Error struct {
	Function string
	Code     int
	Text     string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s (error %d)", e.Function, e.Text, e.Code) }

// World are the processes that were started together.
type World interface {
	parallel.Communicator

	// Library says which MPI it is.
	Library() string

	// Close leaves the others; it waits until they do so, too.
	Close() error
}

// Fatal tells the user of an error that this process cannot go on after, and gives its exit code.
type Fatal func(error) int
