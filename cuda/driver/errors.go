package driver

import "fmt"

// UnavailableError says why there is no GPU to be had: what was looked for, what was found, what is needed.
type UnavailableError struct {
	Reason string // one line
}

func (e *UnavailableError) Error() string { return "no GPU: " + e.Reason }

// NoCollectivesError says why GPUs cannot add up numbers among themselves.
type NoCollectivesError struct {
	Reason string // one line
}

func (e *NoCollectivesError) Error() string { return "no NCCL: " + e.Reason }

// CollectiveError is what NCCL says of a collective.
type CollectiveError struct {
	Op         string // what was called
	Rank, Size int
	Text       string
}

func (e *CollectiveError) Error() string {
	return fmt.Sprintf("rank %d of %d: %s: %s", e.Rank, e.Size, e.Op, e.Text)
}

// MemoryError says that device memory did not suffice.
type MemoryError struct {
	Asked, Free int64 // bytes; Asked is 0 if it is not known, as when a library wanted memory for itself
}

func (e *MemoryError) Error() string {
	if e.Asked == 0 {
		return fmt.Sprintf("out of device memory: %d bytes free", e.Free)
	}
	return fmt.Sprintf("out of device memory: %d bytes asked for, %d free", e.Asked, e.Free)
}

// CompileError says that a module was refused.
type CompileError struct {
	Log string // the compiler's, as it wrote it
}

func (e *CompileError) Error() string { return "the driver refuses the PTX: " + e.Log }

// LostError says that the GPU can no longer be used: a kernel went wrong, or the device fell off the bus.
type LostError struct {
	Op  string // what was called
	Err error
}

func (e *LostError) Error() string { return fmt.Sprintf("the GPU is lost (%s): %v", e.Op, e.Err) }
func (e *LostError) Unwrap() error { return e.Err }
