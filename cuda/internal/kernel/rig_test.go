package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// rig is a simulated GPU that is as strict as can be: memory that nobody wrote, accesses that race, one byte
// too far are faults, and so is what relies on the launch before, but for one that is to be waited for.
type rig struct {
	mem     *sim.Memory
	rng     *rand.Rand
	text    func(k Kernel) (string, error) // of a kernel; a mutant's perhaps
	kernels map[string]Kernel              // that were launched
	modules map[string]*sim.Module         // that were compiled, by text
	halves  bool                           // threads write halves of one word, which looks like a race
	last    *sim.Launch                    // before whose end the next one may begin; nil: all have ended
}

func newRig() *rig {
	return &rig{
		mem: sim.NewMemory(64<<20, true), rng: rand.New(rand.NewPCG(1, 2)), kernels: map[string]Kernel{},
		modules: map[string]*sim.Module{},
		text:    func(k Kernel) (string, error) { return Module([]Kernel{k}, true) },
	}
}

// put is the address of a copy of data in device memory.
func (r *rig) put(data any) uint64 {
	bytes, err := binary.Append(nil, binary.NativeEndian, data)
	if err != nil {
		panic(err)
	}
	at := r.space(len(bytes))
	if err := r.mem.Write(at, bytes); err != nil {
		panic(err)
	}
	return at
}

// clear gives all memory back: launches that look for races cost as much as there is memory.
func (r *rig) clear() { r.mem = sim.NewMemory(64<<20, true) }

// space is the address of memory that nobody has written.
func (r *rig) space(bytes int) uint64 {
	at, err := r.mem.Alloc(int64(bytes))
	if err != nil {
		panic(err)
	}
	return at
}

// budget is more instructions than any warp of these tests runs.
const budget = 200_000

func (r *rig) launch(l Launch, args ...uint64) error {
	r.kernels[l.Kernel.Name] = l.Kernel
	text, err := r.text(l.Kernel)
	if err != nil {
		return err
	}
	if r.modules[text] == nil {
		m, err := sim.Compile(text)
		if err != nil {
			return err
		}
		r.modules[text] = m
	}
	f, err := r.modules[text].Function(l.Kernel.Name)
	if err != nil {
		return err
	}
	now := &sim.Launch{
		Grid: sim.Dim{X: l.Blocks[0], Y: l.Blocks[1], Z: 1}, Block: sim.Dim{X: l.Threads, Y: 1, Z: 1},
		Args: args, Memory: r.mem, Budget: budget, Workers: 1, Races: !r.halves,
		Early: true, After: r.last,
	}
	if r.last = now; l.Kernel.Whole {
		r.last = nil
	}
	_, err = f.Launch(now)
	return err
}

// number is an element of memory.
type number interface {
	float32 | float64 | int32 | uint16 | uint32 | uint64
}

// get reads n elements.
func get[T number](r *rig, at uint64, n int) []T {
	x := make([]T, n)
	bytes := make([]byte, binary.Size(x))
	if err := r.mem.Read(bytes, at); err != nil {
		panic(err)
	}
	if _, err := binary.Decode(bytes, binary.NativeEndian, x); err != nil {
		panic(err)
	}
	return x
}

// equal compares memory with what it should hold.
func equal[T number](r *rig, what string, at uint64, want []T) error {
	return within(r, what, at, want, 0)
}

// within allows for an error, absolute or relative.
func within[T number](r *rig, what string, at uint64, want []T, tolerance float64) error {
	for i, g := range get[T](r, at, len(want)) {
		g, w := float64(g), float64(want[i])
		if g != w && !(math.Abs(g-w) <= tolerance*max(1, math.Abs(w))) && (g == g || w == w) {
			return fmt.Errorf("%s[%d] = %v, want %v", what, i, g, w)
		}
	}
	return nil
}

// wholes are n whole numbers of at most 8 in size.
func (r *rig) wholes(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.rng.IntN(17) - 8)
	}
	return x
}

// normals are n numbers from N(0, 1).
func (r *rig) normals(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.rng.NormFloat64())
	}
	return x
}

// indices are n numbers from [0, rows).
func (r *rig) indices(n, rows int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(r.rng.IntN(rows))
	}
	return x
}

func convert[To, From number](xs []From) []To {
	ys := make([]To, len(xs))
	for i, x := range xs {
		ys[i] = To(x)
	}
	return ys
}

// first is the first of some errors.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A check runs kernels of one kind on data that is hard for them, and compares with plain loops.
type check struct {
	name string
	run  func(r *rig) error
}

var checks []check

func TestKernels(t *testing.T) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(newRig()); err != nil {
				t.Error(err)
			}
		})
	}
}
