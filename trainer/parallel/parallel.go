// Package parallel joins processes that train one model together: each has the whole model, and computes some of the
// parts of a batch.
//
// A Communicator is all that training knows of the others. Alone is one process by itself, Local are goroutines of one
// process, for tests and for programs that want no others; MPI joins processes of a cluster. The package knows
// neither models nor files.
package parallel

import "fmt"

// Communicator is one of several processes, the ranks, that train together. All methods but Rank, Size and Abort are
// collective: every rank must call the same ones in the same order, and each waits for the others. It is for one
// goroutine at a time, but for Abort.
type Communicator interface {
	// Rank is the number of this process, from 0, and Size how many there are.
	Rank() int
	Size() int

	// Sum makes x the sum of the x of all ranks, elementwise: the same bits on all of them. The lengths must be the same.
	Sum(x []float32) error

	// Vote gives the bits that at least one rank has set.
	Vote(bits uint32) (uint32, error)

	// Gather gives the x of every rank, by rank. They may have different lengths.
	Gather(x []byte) ([][]byte, error)

	// Bcast gives the x of rank 0. That of others is not looked at.
	Bcast(x []byte) ([]byte, error)

	// Abort says that this rank cannot go on, and why: all calls of the other ranks, those that wait now and those to
	// come, fail or end their processes.
	Abort(why error)
}

// AbortedError says that another rank cannot go on.
type AbortedError struct {
	Rank int // which
	Err  error
}

func (e *AbortedError) Error() string { return fmt.Sprintf("rank %d cannot go on: %v", e.Rank, e.Err) }
func (e *AbortedError) Unwrap() error { return e.Err }

// Alone is a process by itself.
type Alone struct{}

// Rank implements Communicator.
func (Alone) Rank() int { return 0 }

// Size implements Communicator.
func (Alone) Size() int { return 1 }

// Sum implements Communicator.
func (Alone) Sum([]float32) error { return nil }

// Vote implements Communicator.
func (Alone) Vote(bits uint32) (uint32, error) { return bits, nil }

// Gather implements Communicator.
func (Alone) Gather(x []byte) ([][]byte, error) { return [][]byte{x}, nil }

// Bcast implements Communicator.
func (Alone) Bcast(x []byte) ([]byte, error) { return x, nil }

// Abort implements Communicator.
func (Alone) Abort(error) {}
