package kernel

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Step is a product with few rows whose second operand stays the same for many products, and a Map of its
// result: what a recurrent cell computes in a step. One kernel does both, on tensor cores.
type Step struct {
	BF16      bool  // the operands are rounded to bfloat16, else to TF32
	M, K, LdA int   // of the product A·B; A is not transposed and lies at a multiple of 16 bytes
	Columns   []int // of each input of Map: the column of the product at which it begins; -1: it lies in memory, and is a Map's operand
	Map       Map   // of shape M×units
}

// stepSpec is what a Step's kernel depends on. It has the parameters
//
//	the addresses of A and of B as PackStep leaves it, of each input that is used and lies in memory, of each output
//
// A block computes some rows of some units: the columns of the product, at the same distance from the beginning
// of every gate, that the results of these units need. Its warps share out the rows, strips of them, and the
// terms of the sums, parts of them; a thread loads what it multiplies from memory straight into registers,
// several chunks of terms ahead, as no other warp of its part needs the same. The parts are added in shared
// memory in a fixed order, and there the Map finds its inputs.
type stepSpec struct {
	bf16       bool
	m, k, ldA  int
	gates      []int // the columns at which they begin
	cell       mapSpec
	gateOf     []int // of the cell's inputs, -1 for those in memory
	totalUnits int
	stepTile
}

// stepTile is how the work of a Step is shared out.
type stepTile struct {
	rows, units   int // of a block
	strips, parts int // of its warps
	ahead         int // chunks that are loaded before they are needed
}

// What a GPU such as an H100 can read from its cache in a nanosecond, all multiprocessors together and each of
// them, and how many it has. The shape of blocks is chosen by these numbers alone, so that it is the same on
// every GPU.
const (
	readTogether    = 5700
	readEach        = 90
	multiprocessors = 132
)

const (
	stepWarps  = 8         // of a block, at most
	stepRows   = 128       // of a product, at most: with more a library's kernel has enough blocks
	stepTime   = 8000      // nanoseconds, at most: longer products are no matter of latency
	stepShared = 48 << 10  // bytes of shared memory
	fragment   = 16 * warp // bytes of a chunk of eight columns of B
	stripRows  = 32        // of a warp, at most
	stepItems  = 4         // of the Map, that a thread computes at most: each has code of its own
)

// Stepped is a Step made ready.
type Stepped struct {
	Launch
	Used  []int   // the inputs that the kernel takes the addresses of
	Reads float64 // microseconds, about, that a GPU needs to read the operands
}

// NewStep makes a Step ready; it reports false where a library's product and a Map are to be preferred, or the
// kernel does not fit.
func NewStep(x Step) (s Stepped, ok bool) {
	spec, used, ok := specialiseStep(x)
	if !ok || !spec.choose() {
		return s, false
	}
	threads := spec.threads()
	return Stepped{
		Launch: Launch{
			Kernel:  newKernel("step", spec, threads, spec.write),
			Blocks:  [2]int{spec.totalUnits / spec.units, (spec.m + spec.rows - 1) / spec.rows},
			Threads: threads,
		},
		Used: used, Reads: spec.time() / 1000,
	}, true
}

func specialiseStep(x Step) (s stepSpec, used []int, ok bool) {
	if x.M < 1 || x.M > stepRows || len(x.Map.Shape) != 2 || x.Map.Compute != F32 {
		return s, nil, false
	}
	units := x.Map.Shape[1]
	s = stepSpec{bf16: x.BF16, m: x.M, k: x.K, ldA: x.LdA, totalUnits: units}
	s.cell = mapSpec{compute: F32, inner: []int{units}, vector: 1}
	code, result, all := live(x.Map)
	s.cell.code, s.cell.result = code, result
	fits := float64(x.M)*float64(x.LdA) < 1<<29
	operand := func(o Operand) mapOperand {
		fits = fits && reach(x.Map.Shape, o.Strides)*float64(o.Elem.Size()) < 1<<31
		return mapOperand{o.Elem, o.Strides, o.Strides[1]}
	}
	for _, i := range all {
		if x.Columns[i] < 0 {
			s.cell.in = append(s.cell.in, operand(x.Map.In[i]))
			s.gateOf = append(s.gateOf, -1)
			used = append(used, i)
			continue
		}
		fits = fits && x.Columns[i]%8 == 0
		gate := slices.Index(s.gates, x.Columns[i])
		if gate < 0 {
			gate = len(s.gates)
			s.gates = append(s.gates, x.Columns[i])
		}
		s.cell.in = append(s.cell.in, mapOperand{})
		s.gateOf = append(s.gateOf, gate)
	}
	for _, o := range x.Map.Out {
		s.cell.out = append(s.cell.out, operand(o))
	}
	s.cell.iota = make([][]int, len(code))
	for k, op := range code {
		if op.Fn == tape.Iota {
			s.cell.iota[k] = []int{1 - op.Axis, op.Axis}
		}
	}
	fits = fits && len(s.gates) > 0 && x.K > 0 && x.K%s.chunk() == 0 && units%8 == 0 && x.LdA%4 == 0
	return s, used, fits
}

// chunk is how many terms of a sum a warp loads at once.
func (s stepSpec) chunk() int {
	if s.bf16 {
		return 32
	}
	return 16
}

func (s stepSpec) chunks() int         { return s.k / s.chunk() }
func (s stepSpec) perWarp() int        { return s.chunks() / s.parts } // chunks
func (s stepSpec) threads() int        { return warp * s.strips * s.parts }
func (s stepSpec) columns() int        { return len(s.gates) * s.units }
func (s stepSpec) rowsOfStrip() int    { return s.rows / s.strips }
func (s stepSpec) itemsOfThread() int  { return (s.rows*s.units + s.threads() - 1) / s.threads() }
func (s stepSpec) sharedElements() int { return s.parts * s.rows * s.sharedLd() }

// sharedLd is the distance of rows in shared memory, such that the threads of half a warp that write pairs
// reach different banks.
func (s stepSpec) sharedLd() int { return (s.columns()+7)/16*16 + 8 }

// choose finds the tile that takes the least time to read, and reports whether that is little enough.
func (s *stepSpec) choose() bool {
	best := float64(stepTime)
	found := false
	for _, rows := range []int{16, 32, 64} {
		for _, units := range []int{8, 16, 32} {
			t := *s
			t.stepTile = stepTile{rows: rows, units: units, strips: max(1, rows/stripRows)}
			t.parts = stepWarps / t.strips
			for t.chunks()%t.parts != 0 {
				t.parts /= 2
			}
			if s.totalUnits%units != 0 || t.columns() > 64 || 4*t.sharedElements() > stepShared || len(s.cell.code) > 0 && t.itemsOfThread() > stepItems {
				continue
			}
			if time := t.time(); time < best {
				best, found = time, true
				t.ahead = t.farAhead()
				s.stepTile = t.stepTile
			}
		}
	}
	return found
}

// time is how many nanoseconds the blocks need to read their operands.
func (s stepSpec) time() float64 {
	sizeB := 4
	if s.bf16 {
		sizeB = 2
	}
	down := (s.m + s.rows - 1) / s.rows
	blocks := down * (s.totalUnits / s.units)
	bytes := float64(s.k) * (4*float64(s.m)/float64(down) + float64(sizeB*s.columns()))
	waves := float64((blocks + multiprocessors - 1) / multiprocessors)
	return max(float64(blocks)*bytes/readTogether, waves*bytes/readEach)
}

// farAhead is how many chunks fit into some 128 registers: a divisor of all that a warp has.
func (s stepSpec) farAhead() int {
	registers := s.rowsOfStrip()/8*s.chunk()/4 + s.columns()/8*4
	ahead := max(1, 96/registers)
	for s.perWarp()%ahead != 0 {
		ahead--
	}
	return ahead
}

// NewPackStep makes ready the Map that lays B out as a Step reads it: rounded, and in fragments of eight
// columns and one chunk of terms, in which each thread of a warp finds its numbers side by side. Of every
// sixteen terms a thread has four neighbours, as of a row of A. B[k,n] lies strideK·k + strideN·n elements on;
// K and N are those of a product that a Step computes.
func NewPackStep(bf16 bool, k, n, strideK, strideN, align int) (m Mapped, bytes int) {
	s, elem := stepSpec{bf16: bf16, k: k}, TF32
	if bf16 {
		elem = BF16
	}
	chunk := s.chunk() // by columns, chunks, columns, threads, sixteen terms, four terms
	return NewMap(Map{
		Compute: F32, Shape: []int{n / 8, s.chunks(), 8, 4, chunk / 16, 4}, Result: []int{0},
		In:  []Operand{{Elem: F32, Strides: []int{8 * strideN, chunk * strideK, strideN, 4 * strideK, 16 * strideK, strideK}, Align: align}},
		Out: []Operand{{Elem: elem, Strides: []int{8 * k, 8 * chunk, chunk, chunk / 4, 4, 1}, Align: vectorBytes}},
	}), n * k * elem.Size()
}
