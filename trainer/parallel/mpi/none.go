//go:build !mpi || !linux

package mpi

// Open says that this program has no MPI.
func Open(Fatal) (World, error) {
	return nil, &UnavailableError{"this program was built without it: build it with go build -tags mpi"}
}
