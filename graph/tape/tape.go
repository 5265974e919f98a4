// Package tape is the narrow waist of unroll: the instruction set that the compiler writes and that every device runs.
//
// Above it stand graphs, derivatives and optimisations; below it stand kernels. A device knows nothing but this
// file, its instructions (instr.go) and the scalar functions (fn.go); the compiler knows nothing of a device
// but Device and Program. devicetest.Run checks every obligation that is written here.
//
// Nothing in this package may know what a Gorgonia node is, or what an LSTM is.
package tape

import "fmt"

// Dtype is the element type of a buffer.
type Dtype uint8

const (
	Float32 Dtype = iota
	Float64
	Int32
)

func (d Dtype) String() string {
	switch d {
	case Float32:
		return "f32"
	case Float64:
		return "f64"
	case Int32:
		return "i32"
	}
	return fmt.Sprintf("Dtype(%d)", uint8(d))
}

// Size is the number of bytes of one element.
func (d Dtype) Size() int {
	if d == Float64 {
		return 8
	}
	return 4
}

// Align is the alignment in bytes of every buffer in the arena: one cache line, one AVX-512 register.
const Align = 64

// BufferID names a buffer of a tape: an index into Tape.Buffers.
type BufferID int

// Buffer is a stretch of the arena. Buffers that are never alive together may overlap: what one instruction
// writes is what a later one reads there, through whichever buffer. A device must not reorder instructions
// whose buffers overlap in the arena.
type Buffer struct {
	Dtype  Dtype
	Len    int   // elements
	Offset int64 // bytes from the start of the arena, a multiple of Align
}

// Ref is a place in a buffer at which an instruction reads or writes.
//
// Inside loops the place moves: at steps s[0], s[1], ... of the enclosing loops, outermost first, it is element
// Off + s[0]*Step[0] + s[1]*Step[1] + ... of the buffer. Step may be shorter than the nesting is deep, never
// longer; what is missing is 0.
type Ref struct {
	Buf  BufferID
	Off  int   // elements
	Step []int // elements per step of each enclosing loop; may be negative
}

// Fixed reports whether the place is the same at every step of the loop at the given depth (0 is the outermost)
// and of all loops within it.
func (r Ref) Fixed(depth int) bool {
	for _, s := range r.Step[min(depth, len(r.Step)):] {
		if s != 0 {
			return false
		}
	}
	return true
}

// At is the element of the buffer that r names when the enclosing loops stand at the given steps.
func (r Ref) At(steps []int) int {
	at := r.Off
	for i, s := range r.Step {
		at += s * steps[i]
	}
	return at
}

// SlotKind says what the host may do with a slot.
type SlotKind uint8

const (
	Input  SlotKind = iota // written by the host; only read by the tape
	State                  // written by the host and by the tape: a parameter, the state of an optimizer or of a model
	Output                 // written by the tape
)

func (k SlotKind) String() string { return name("SlotKind", int(k), "input", "state", "output") }

// name is names[k], or, for a k that is none, the type and the number.
func name(kind string, k int, names ...string) string {
	if k < len(names) {
		return names[k]
	}
	return fmt.Sprintf("%s(%d)", kind, k)
}

// SlotID names a slot of a tape: an index into Tape.Slots.
type SlotID int

// Slot is a buffer with a name that the host can reach. Inputs and states keep their contents from one run to the next;
// they are zero until the host writes them. Outputs hold their contents until the next run.
type Slot struct {
	Name  string
	Kind  SlotKind
	Shape []int // row-major, dense, from the first element of the buffer on
	Buf   BufferID
}

// Tape is a compiled program: straight-line code and counted loops over buffers in one arena.
type Tape struct {
	Float   Dtype // Float32 or Float64: the type of every floating-point buffer and of all arithmetic
	Buffers []Buffer
	Arena   int64 // bytes
	Slots   []Slot
	Code    []Instr
}

// Dtype is the element type of a slot.
func (t *Tape) Dtype(s SlotID) Dtype { return t.Buffers[t.Slots[s].Buf].Dtype }

// Device runs tapes. Implementations are safe for use by several goroutines; a Program is not.
type Device interface {
	// Name is what a user calls the device: "ref", "cpu", "cuda".
	Name() string

	// Load compiles t for the device and reserves its arena. It must not run anything. A tape that holds an
	// instruction that the device cannot run gives an *UnsupportedError that names the instruction, never a
	// panic. The device may keep t and must not change it.
	Load(t *Tape) (Program, error)
}

// A Sharer is a Device whose programs can take turns in one memory.
type Sharer interface {
	Device

	// Share returns a device like this one for programs that run one at a time: a Run waits for the others'.
	// Together they need the memory of the largest, for but the slots nothing survives a run. Inputs and states
	// that common names are one in all of these programs: what one program or the host writes, the others read,
	// and Load leaves them as they are. Such a slot of another type or length is an error of Load.
	//
	// Share of such a device is for programs that have other slots in common; they may take turns with the first.
	Share(common map[string]bool) Device
}

// An Overlapper is a Device that runs loops that follow each other, and parts of a step, side by side where
// they touch no memory in common: a tape for it is planned so that they do not, which takes more memory.
type Overlapper interface {
	Device
	Overlaps()
}

// A Measurer is a Device that knows how many bytes of memory a program of a tape will take: the arena, and what the
// device needs beside it.
type Measurer interface {
	Device
	Measure(t *Tape) (int64, error)
}

// A Launcher is a Device on which instructions take their time however little they do: a step of a recurrence takes as
// long as StepRows more rows of a batch.
type Launcher interface {
	Device
	StepRows() int
}

// StepCost is what a step of a recurrence takes, in the time of a row of a batch that is needed.
type StepCost struct {
	Rows   int     // beside its rows: for fewer steps it pays to compute as many rows in vain
	Padded float64 // a row that is not needed, see Product: a power of two, so that equal times are equal as numbers
}

// StepCostOf is that of a device. nil is the CPU.
func StepCostOf(d Device) StepCost {
	if l, ok := d.(Launcher); ok {
		return StepCost{l.StepRows(), 1}
	}
	// A row alone reads as many weights as several. Of one that is not needed only what no mask reaches is computed.
	return StepCost{8, 0.125}
}

// Time is that of so many steps of so many rows, of which some are needed: the lengths of the sequences, added up.
func (c StepCost) Time(steps, rows, needed int) float64 {
	return float64(steps*c.Rows+needed) + c.Padded*float64(steps*rows-needed)
}

// Program is a loaded tape with its arena. After Load every input and state is zero.
type Program interface {
	// Write copies data, a dense row-major []float32, []float64 or []int32 of the slot's type and size, into an
	// Input or State slot. The device does not keep data. Another type or length, or an Output slot, is an
	// error that names the slot.
	Write(s SlotID, data any) error

	// Run executes the tape once. Instructions take effect as if one after the other, in order. The result is
	// the same to the bit for the same inputs and states on the same device, whatever the number of threads. An
	// *IndexError or a host function's error ends the run at once: outputs and states are then undefined until
	// they are written again.
	Run() error

	// Read copies the contents of any slot into data, with the rules of Write.
	Read(s SlotID, data any) error

	// Close frees the arena. Later calls of the other methods are errors. Closing twice is not.
	Close() error
}

// UnsupportedError says that a device cannot run an instruction.
type UnsupportedError struct {
	Device string
	Instr  string
	Why    string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("device %s cannot run %s: %s", e.Device, e.Instr, e.Why)
}

// IndexError says that an index of a Gather, ScatterAdd, Put or CrossEntropy lies outside of the rows that it
// selects from.
type IndexError struct {
	Instr string
	Pos   int // which index, in order
	Index int // its value
	Rows  int
}

func (e *IndexError) Error() string {
	return fmt.Sprintf("%s: index %d at position %d is outside of [0, %d)", e.Instr, e.Index, e.Pos, e.Rows)
}
