package sim

import "github.com/pkg/errors"

// What NVIDIA's assembler and driver allow on every GPU since Volta.
const (
	maxBlock  = 1024
	maxBlockZ = 64
	maxGridX  = 1<<31 - 1
	maxGridYZ = 1<<16 - 1

	// maxShared is of a block: what the text declares and what the launch adds. GPUs have more for functions
	// with an attribute that asks for it, which nothing here sets.
	maxShared = 48 << 10

	// maxParams is 4 KiB of parameters, the bound of CUDA's documentation before PTX 8.1; the assembler takes
	// 256 bytes more.
	maxParams = 4 << 10 / 8

	// maxUnbounded is how many threads a block of any kernel can have: the assembler gives a thread up to 255
	// registers, in steps of 8, of the 65,536 that a block can have. Where the text says how large blocks will
	// be, it gives no more than fit.
	maxUnbounded = 65536 / 256
)

// Check is the error of a launch that a driver refuses, before anything runs.
func (f *Function) Check(l *Launch) error {
	threads, grid, block := l.Block.size(), l.Grid, l.Block
	switch {
	case l.Memory == nil:
		return errors.Errorf("sim: kernel %s: a launch without memory", f.name)
	case len(l.Args) != len(f.params):
		return errors.Errorf("sim: kernel %s: %d arguments for %d parameters", f.name, len(l.Args), len(f.params))
	case !grid.within(maxGridX, maxGridYZ, maxGridYZ):
		return errors.Errorf("sim: kernel %s: a grid of %v blocks", f.name, grid)
	case !block.within(maxBlock, maxBlock, maxBlockZ) || threads > maxBlock:
		return errors.Errorf("sim: kernel %s: a block of %v threads", f.name, block)
	case threads > f.maxThreads && f.bounded:
		return errors.Errorf("sim: kernel %s: a block of %v threads, and the text allows %d", f.name, block, f.maxThreads)
	case threads > f.maxThreads:
		return errors.Errorf("sim: kernel %s: a block of %v threads may want more registers than there are: "+
			"for more than %d the text must say .maxntid", f.name, block, f.maxThreads)
	case l.Shared < 0 || l.Shared > maxShared-f.shared:
		return errors.Errorf("sim: kernel %s: %d bytes of shared memory beside the %d declared, together at most %d",
			f.name, l.Shared, f.shared, maxShared)
	}
	return nil
}

// within reports whether each extent is at least 1 and at most what is given.
func (d Dim) within(x, y, z int) bool {
	return d.X >= 1 && d.Y >= 1 && d.Z >= 1 && d.X <= x && d.Y <= y && d.Z <= z
}
