package sim

import "fmt"

// SyntaxError says what in a text is not understood.
type SyntaxError struct {
	Line int
	Text string // the line
	Why  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("sim: line %d `%s`: %s", e.Line, e.Text, e.Why)
}

// FaultKind is a way in which a kernel goes wrong.
type FaultKind string

const (
	OutOfBounds   FaultKind = "out of bounds"
	Misaligned    FaultKind = "misaligned"
	Uninitialised FaultKind = "uninitialised"
	Race          FaultKind = "race"
	Divergence    FaultKind = "divergence"
	DivideByZero  FaultKind = "division by zero"
	Unrounded     FaultKind = "unrounded"
	Hang          FaultKind = "hang"
	Early         FaultKind = "early"
)

// Fault says where and how a kernel went wrong.
type Fault struct {
	Kind          FaultKind
	Kernel        string
	Block, Thread Dim
	Line          int    // of the text
	Text          string // the line
	What          string // what happened, with the address and the allocation
}

func (f *Fault) Error() string {
	return fmt.Sprintf("sim: kernel %s, block %v, thread %v, line %d `%s`: %s: %s", f.Kernel, f.Block, f.Thread, f.Line,
		f.Text, f.Kind, f.What)
}

// Dim is the size of a grid or of a block, or a place in it.
type Dim struct{ X, Y, Z int }

func (d Dim) String() string { return fmt.Sprintf("(%d,%d,%d)", d.X, d.Y, d.Z) }

func (d Dim) size() int { return d.X * d.Y * d.Z }

// at is the place with the given number, counted along X first.
func (d Dim) at(i int) Dim { return Dim{i % d.X, i / d.X % d.Y, i / (d.X * d.Y)} }
