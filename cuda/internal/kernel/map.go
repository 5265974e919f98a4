package kernel

import (
	"slices"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Operand is a strided view of memory with the shape of its Map.
type Operand struct {
	Elem    Elem
	Strides []int // elements
	Align   int   // bytes: a divisor of its address, wherever it moves
}

// Map is a tape.Map over operands in memory.
type Map struct {
	Compute Elem // F32, F64; or B32, B64 to move elements without a look at them: then there is no Code
	Shape   []int
	In, Out []Operand
	Code    []tape.Op
	Result  []int
}

// mapSpec is what a Map's kernel depends on. The kernel has the parameters
//
//	the address of each input that is used, the address of each output, the number of items
//
// or, if it is a table's,
//
//	the address of the descriptions, the address of the blocks
//
// An item is vector neighbours along the last axis; a thread computes one.
type mapSpec struct {
	compute Elem
	inner   []int // the shape without its first axis, the last axis counted in items
	vector  int
	wide    bool // 64-bit indices
	table   bool // of several Maps
	in, out []mapOperand
	code    []tape.Op
	result  []int
	iota    [][]int // by operation: strides that give the index, of Iota only
}

type mapOperand struct {
	elem    Elem
	strides []int // elements per item along the last axis, elements along others
	across  int   // the stride of neighbours along the last axis
}

// Mapped is a Map made ready: its kernel, and how many items it has.
type Mapped struct {
	Launch
	Used  []int // the inputs that the kernel takes the addresses of
	Items int
	spec  mapSpec
}

// NewMap makes a Map ready that has a launch to itself, or shares one with a few others; it has at least one element.
func NewMap(m Map) Mapped { return newMap(m, enoughThreads) }

// NewPart makes a Map ready that shares a launch with any number of others of its kind, which together are
// large: as part of a Table, or of a Fold. The kind does not depend on how large one of them is.
func NewPart(m Map) Mapped { return newMap(m, 0) }

func newMap(m Map, enough int) Mapped {
	s, used, items := specialise(m, enough)
	blocks, threads := perThread(items)
	return Mapped{
		Launch: Launch{Kernel: newKernel("map", s, threads, func(b *ptx.Builder) { s.write(b, threads) }), Blocks: blocks,
			Threads: threads},
		Used: used, Items: items, spec: s,
	}
}

// specialise simplifies a Map: inputs and operations that no result needs go, axes of length 1 go, axes are
// sorted so that the first output is written in the order of its addresses, and neighbouring axes become one
// where every operand allows it. There are vectors if they leave work for enough threads.
func specialise(m Map, enough int) (s mapSpec, used []int, items int) {
	s = mapSpec{compute: m.Compute}
	code, result, used := live(m)
	s.code, s.result = code, result

	// All strides together: of the inputs, the outputs, and of the indices that Iota gives.
	var views [][]int
	for _, i := range used {
		views = append(views, m.In[i].Strides)
	}
	for _, o := range m.Out {
		views = append(views, o.Strides)
	}
	indices := len(views)
	for _, op := range code {
		if op.Fn == tape.Iota {
			unit := make([]int, len(m.Shape))
			unit[op.Axis] = 1
			views = append(views, unit)
		}
	}
	shape, views := simplify(m.Shape, views, len(used))

	operands := make([]Operand, 0, indices)
	for _, i := range used {
		operands = append(operands, m.In[i])
	}
	operands = append(operands, m.Out...)
	s.vector = vectorWidth(m.Compute, shape, enough, operands, views[:indices])
	last := len(shape) - 1
	shape[last] /= s.vector
	items = volume(shape)
	s.inner = shape[1:]
	s.wide = items > 1<<31-1
	for k, o := range operands {
		op := mapOperand{o.Elem, slices.Clone(views[k]), views[k][last]}
		op.strides[last] *= s.vector
		s.wide = s.wide || reach(shape, op.strides)*float64(o.Elem.Size()) > 1<<31-1
		if k < len(used) {
			s.in = append(s.in, op)
		} else {
			s.out = append(s.out, op)
		}
	}
	s.iota = make([][]int, len(code))
	for k, op := range code {
		if op.Fn == tape.Iota {
			s.iota[k] = views[indices]
			indices++
			s.code[k].Axis = 0 // said by the strides
		}
	}
	return s, used, items
}

// rounded is the value of an Id that rounds.
const rounded = 16

// Rounded is an operation that no tape has: a register rounded to bfloat16, as products of bfloat16 round their
// operands, but that denormal numbers stay what they are. It needs sm_80.
func Rounded(register int) tape.Op {
	return tape.Op{Fn: tape.Id, Value: rounded, Args: [3]int{register}}
}

// live drops operations and inputs that no result depends on.
func live(m Map) (code []tape.Op, result, used []int) {
	n := len(m.In)
	needed := make([]bool, n+len(m.Code))
	for _, r := range m.Result {
		needed[r] = true
	}
	for k := len(m.Code) - 1; k >= 0; k-- {
		for _, a := range m.Code[k].Args[:m.Code[k].Fn.Arity()] {
			needed[a] = needed[a] || needed[n+k]
		}
	}
	number := make([]int, len(needed)) // the registers anew
	next := 0
	for r := range needed {
		if !needed[r] {
			continue
		}
		number[r] = next
		next++
		if r < n {
			used = append(used, r)
			continue
		}
		op := m.Code[r-n]
		args := op.Args
		op.Args = [3]int{} // what an operation does not use must not tell kernels apart
		for i, a := range args[:op.Fn.Arity()] {
			op.Args[i] = number[a]
		}
		code = append(code, op)
	}
	for _, r := range m.Result {
		result = append(result, number[r])
	}
	return code, result, used
}

// simplify gives the same elements with fewer axes, at least one. Axes are sorted by the strides of view first.
func simplify(shape []int, views [][]int, first int) (short []int, shortened [][]int) {
	var axes []int
	for a, n := range shape {
		if n != 1 {
			axes = append(axes, a)
		}
	}
	slices.SortStableFunc(axes, func(a, b int) int { return abs(views[first][b]) - abs(views[first][a]) })
	shortened = make([][]int, len(views))
	for _, a := range axes {
		last := len(short) - 1
		joins := last >= 0
		for v, strides := range views {
			joins = joins && shortened[v][last] == strides[a]*shape[a]
		}
		if joins {
			short[last] *= shape[a]
		} else {
			short = append(short, shape[a])
		}
		for v, strides := range views {
			if joins {
				shortened[v][last] = strides[a]
			} else {
				shortened[v] = append(shortened[v], strides[a])
			}
		}
	}
	if len(short) == 0 {
		short = []int{1}
		for v := range shortened {
			shortened[v] = []int{1} // as a long one: one kernel for both
		}
	}
	return short, shortened
}

// vectorBytes is how many bytes of the type that is computed in a thread loads at once.
const vectorBytes = 16

// enoughThreads keep a large GPU busy: 256 for each of its multiprocessors. With fewer, a thread that computes
// several elements one after the other only takes longer: nothing hides how long each of its instructions
// takes.
const enoughThreads = 130 * 256

// vectorWidth is how many neighbours along the last axis a thread can compute with one load or store for each
// operand: more than 1 only if they are neighbours in memory, or one element, in all operands, and always
// aligned, and if enough threads are left.
func vectorWidth(compute Elem, shape []int, enough int, operands []Operand, views [][]int) int {
	last := len(shape) - 1
	pairs := slices.ContainsFunc(operands, func(o Operand) bool { return o.Elem == BF16 }) // two share a word
	for width := vectorBytes / compute.Size(); width > 1; width /= 2 {
		fits := shape[last]%width == 0 && (volume(shape)/width >= enough || pairs && width == 2)
		for k, o := range operands {
			if views[k][last] == 0 {
				continue
			}
			fits = fits && views[k][last] == 1 && o.Align%(width*o.Elem.Size()) == 0
			for _, s := range views[k][:last] {
				fits = fits && s%width == 0
			}
		}
		if fits {
			return width
		}
	}
	return 1
}

// reach is the largest distance in elements from the first element of a view to another.
func reach(shape, strides []int) float64 {
	r := 0.0
	for a, n := range shape {
		r += float64(n) * float64(abs(strides[a]))
	}
	return r
}

func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}
