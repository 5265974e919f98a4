//go:build !gpu || !linux || !cgo

package driver

// Open makes a GPU ready for use. This binary has no way to one: it was built for every machine, without the tag gpu.
func Open(ordinal int) (GPU, error) {
	return nil, &UnavailableError{Reason: "this binary was built without GPU support; build one that has it with make gpu (linux, a C compiler)"}
}
