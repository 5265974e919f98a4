//go:build !gpu || !linux || !cgo

package driver

// Built says whether this build can reach GPUs.
const Built = false

// Open makes the GPU of that number ready for use. In a build without the tag gpu, as this is, it says that
// there is none, and how to have one: an *UnavailableError.
func Open(ordinal int) (GPU, error) { return nil, errNotBuilt }

// Count is how many GPUs there are for Open, which has none.
func Count() (int, error) { return 0, errNotBuilt }

var errNotBuilt = &UnavailableError{
	Reason: "this binary was built without GPU support; build one that has it with make gpu (linux, a C compiler)",
}
