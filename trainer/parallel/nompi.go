//go:build !mpi || !linux

package parallel

// MPI says that this program has no MPI.
func MPI(func(error) int) (MPIWorld, error) {
	return nil, &MPIUnavailableError{"this program was built without it: build it with go build -tags mpi"}
}
