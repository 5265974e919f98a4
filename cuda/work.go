package cuda

import (
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/internal/kernel"
)

// work is a piece of a run, put into a stream.
type work interface {
	put(m *machine) error
}

// A machine is what the work of one program needs.
type machine struct {
	*queue
	now    *lane          // that work is put into
	early  bool           // kernels may begin before the one before has ended
	base   [spaces]uint64 // addresses of the program's device memory
	steps  []int          // where the enclosing loops stand, outermost first
	faults func() error   // program.faults
	watch  *watch         // program.watch

	collective driver.Collective // nil: none
}

func (m *machine) address(p *place) driver.Ptr { return driver.Ptr(p.in(&m.base, m.steps)) }

func putAll(m *machine, ws []work) error {
	for _, w := range ws {
		if err := w.put(m); err != nil {
			return err
		}
		if _, ok := w.(*loop); !ok {
			l, ok := w.(*launch)
			m.now.open = ok && !l.kernel.Whole
		}
	}
	return nil
}

// launch is a kernel with its arguments.
type launch struct {
	kernel   kernel.Kernel
	function driver.Function
	grid     driver.Dim
	block    driver.Dim
	args     []place
	reads    float64  // microseconds that it takes to read much
	values   []uint64 // of args
}

func newLaunch(k kernel.Launch, args ...place) *launch {
	return &launch{kernel: k.Kernel, grid: dim(k.Blocks), block: driver.Dim{X: k.Threads, Y: 1, Z: 1}, args: args,
		values: make([]uint64, len(args))}
}

func (l *launch) put(m *machine) error {
	for i := range l.args {
		l.values[i] = l.args[i].in(&m.base, m.steps)
	}
	return m.now.stream.Launch(l.function, l.grid, l.block, 0, m.early && m.now.open, l.values)
}

// product is a product of matrices.
type product struct {
	matrices driver.Matrices // but for the addresses
	a, b, c  place
}

func (p *product) put(m *machine) error {
	x := p.matrices
	x.A, x.B, x.C = m.address(&p.a), m.address(&p.b), m.address(&p.c)
	return m.now.blas.Product(x)
}

// move is a copy of contiguous memory.
type move struct {
	to, from place
	bytes    int64
}

func (c *move) put(m *machine) error {
	return m.now.stream.Copy(m.address(&c.to), m.address(&c.from), c.bytes)
}

// zero fills contiguous memory with zeros.
type zero struct {
	to    place
	bytes int64
}

func (z *zero) put(m *machine) error { return m.now.stream.Clear(m.address(&z.to), z.bytes) }

// loop is a tape.Loop.
type loop struct {
	depth, trip int
	body        []work
}

func (l *loop) put(m *machine) error {
	for s := range l.trip {
		m.steps[l.depth] = s
		if err := putAll(m, l.body); err != nil {
			return err
		}
	}
	return nil
}

// calls is how many calls of the driver work makes.
func calls(ws []work) int {
	n := 0
	for _, w := range ws {
		if l, ok := w.(*loop); ok {
			n += l.trip * calls(l.body)
		} else {
			n++
		}
	}
	return n
}
