package kernel

import (
	"math"
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Step is a product with few rows whose second operand stays the same for many products, and a Map of its
// result: what a recurrent cell computes in a step. One kernel does both.
type Step struct {
	Elem      Elem // what the operands are rounded to, for tensor cores: TF32, BF16; F32: they are not
	M, K, LdA int  // of the product A·B; A is not transposed and lies at a multiple of 16 bytes
	// of each input of Map: the column of the product at which it begins; -1: it lies in memory, and is a Map's operand
	Columns []int
	Map     Map // of shape M×units
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
	elem       Elem // of the operands
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

// What an H200 was seen to do, in nanoseconds: bytes that it reads from its cache in one, all multiprocessors
// together and each of them; how long a warp waits for what it loads at once; what one more warp saves. The shape
// of blocks is chosen by these numbers alone, so that it is the same on every GPU. Of the shapes that were
// measured (K from 256 to 2048, 1 to 4 gates of 256 and 512 units, 50 and 128 rows) the choice takes at most 10%
// more time than the best, on tensor cores 6%.
const (
	readTogether    = 5000
	readEach        = 50
	loadTime        = 100
	warpGain        = 10
	multiprocessors = 132
	cycle           = 0.57 // of a multiprocessor
)

const (
	stepWarps  = 16       // of a block, at most
	stepRows   = 128      // of a product, at most: with more a library's kernel has enough blocks
	stepTime   = 8000     // nanoseconds, at most: longer products are no matter of latency
	stepFMA    = 12000    // the same without tensor cores
	stepShared = 48 << 10 // bytes of shared memory
	stepItems  = 4        // of the Map, that a thread computes at most: each has code of its own
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
	return Stepped{Launch: spec.launch(), Used: used, Reads: spec.time() / 1000}, true
}

func (s stepSpec) launch() Launch {
	return Launch{
		Kernel:  newKernel("step", s, s.threads(), s.write),
		Blocks:  [2]int{s.totalUnits / s.units, (s.m + s.rows - 1) / s.rows},
		Threads: s.threads(),
	}
}

func specialiseStep(x Step) (s stepSpec, used []int, ok bool) {
	if x.M < 1 || x.M > stepRows || len(x.Map.Shape) != 2 || x.Map.Compute != F32 {
		return s, nil, false
	}
	units := x.Map.Shape[1]
	s = stepSpec{elem: x.Elem, m: x.M, k: x.K, ldA: x.LdA, totalUnits: units}
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
	switch s.elem {
	case BF16:
		return 32
	case TF32:
		return 16
	}
	return 4
}

// fragment is how many bytes a chunk of eight columns of B has.
func (s stepSpec) fragment() int { return 8 * s.chunk() * s.elem.Size() }

// tensor says whether the products are those of tensor cores.
func (s stepSpec) tensor() bool { return s.elem != F32 }

// rowsApart is how far the rows of a thread are apart: the threads of a warp that have the same ones have
// different terms of them on tensor cores, and different columns otherwise.
func (s stepSpec) rowsApart() int {
	if s.tensor() {
		return 8
	}
	return 4
}

func (s stepSpec) chunks() int         { return s.k / s.chunk() }
func (s stepSpec) perWarp() int        { return s.chunks() / s.parts } // chunks
func (s stepSpec) threads() int        { return warp * s.strips * s.parts }
func (s stepSpec) columns() int        { return len(s.gates) * s.units }
func (s stepSpec) rowsOfStrip() int    { return s.rows / s.strips }
func (s stepSpec) rowsOfThread() int   { return s.rowsOfStrip() / s.rowsApart() }
func (s stepSpec) itemsOfThread() int  { return (s.rows*s.units + s.threads() - 1) / s.threads() }
func (s stepSpec) sharedElements() int { return s.parts * s.rows * s.sharedLd() }

// sharedLd is the distance of rows in shared memory, such that the threads of half a warp that write pairs
// reach different banks.
func (s stepSpec) sharedLd() int { return (s.columns()+7)/16*16 + 8 }

// choose finds a tile, and reports whether a library's kernel is not better. Whether there is one, and in how
// many parts the terms of sums are added, depends on the product alone: it has the same bits with any Map.
func (s *stepSpec) choose() bool {
	alone := *s
	alone.gates, alone.cell, alone.totalUnits = []int{0}, mapSpec{}, len(s.gates)*s.totalUnits
	limit := float64(stepTime)
	if !s.tensor() {
		limit = stepFMA
	}
	if !alone.fastest(0) || alone.time() >= limit {
		return false
	}
	return s.fastest(alone.parts)
}

// fastest finds the tile that takes the least time, of those with so many parts; 0: of all. It reports whether
// there is one.
func (s *stepSpec) fastest(parts int) bool {
	best := math.Inf(1)
	for _, t := range s.tiles() {
		if time := t.time(); time < best && (parts == 0 || parts == t.parts) {
			best, s.stepTile = time, t.stepTile
		}
	}
	return best < math.Inf(1)
}

// tiles are the specification with each tile that there can be a kernel for.
func (s stepSpec) tiles() (all []stepSpec) {
	for _, rows := range []int{16, 32, 64} {
		for _, units := range []int{8, 16, 32} {
			for _, strip := range []int{16, 32} {
				for parts := 1; parts <= stepWarps; parts *= 2 {
					t := s
					t.stepTile = stepTile{rows: rows, units: units, strips: max(1, rows/strip), parts: parts}
					if !t.possible() || strip > rows {
						continue
					}
					for ahead := 1; ahead <= 8 && t.perWarp()%ahead == 0; ahead *= 2 {
						if t.ahead = ahead; t.registers() <= t.mostRegisters() {
							all = append(all, t)
						}
					}
				}
			}
		}
	}
	return all
}

// possible says whether there can be a kernel for the tile.
func (s stepSpec) possible() bool {
	return s.chunks()%s.parts == 0 && s.totalUnits%s.units == 0 && s.columns() <= 64 && s.threads() <= stepWarps*warp &&
		4*s.sharedElements() <= stepShared && (len(s.cell.code) == 0 || s.itemsOfThread() <= stepItems)
}

// registers are about those of a thread that hold terms and sums; mostRegisters, so that all of a block have some.
func (s stepSpec) registers() int {
	chunk := s.rowsOfThread()*s.chunk()/4 + s.columns()/8*4
	if !s.tensor() {
		chunk = 4 * (s.rowsOfThread() + s.columns()/8)
	}
	return s.ahead*chunk + s.rowsOfStrip()*s.columns()/warp
}

func (s stepSpec) mostRegisters() int {
	if s.threads() > 8*warp {
		return 90
	}
	return 150
}

// time is about how many nanoseconds the blocks take, but for what every kernel takes.
func (s stepSpec) time() float64 {
	down := (s.m + s.rows - 1) / s.rows
	blocks := down * (s.totalUnits / s.units)
	bytes := float64(s.k) * (4*float64(s.m)/float64(down) + float64(s.elem.Size()*s.columns()))
	waves := float64((blocks + multiprocessors - 1) / multiprocessors)
	rounds := float64(s.perWarp()) / float64(s.ahead)
	warps := float64(s.threads() / warp)
	arithmetic := max(1, float64(blocks)/multiprocessors) * s.arithmetic()
	return max(float64(blocks)*bytes/readTogether, waves*bytes/readEach, arithmetic) + loadTime*rounds - warpGain*warps
}

// arithmetic is how many nanoseconds a block's multiply-adds, and the loads for them, take without tensor cores:
// in a cycle a multiprocessor does those of four warps, or serves a quarter of a warp's load; it was seen to do
// one after the other.
func (s stepSpec) arithmetic() float64 {
	if s.tensor() {
		return 0
	}
	rows, columns := s.rowsOfThread(), s.columns()/8
	return float64(s.threads()/warp*s.perWarp()*(rows*columns+4*(rows+columns))) * cycle
}

// NewPackStep makes ready the Map that lays B out as a Step reads it: rounded, and in fragments of eight
// columns and one chunk of terms, in which each thread of a warp finds its numbers side by side. On tensor cores
// a thread has four neighbours of every sixteen terms, as of a row of A. B[k,n] lies strideK·k + strideN·n
// elements on; K and N are those of a product that a Step computes.
func NewPackStep(elem Elem, k, n, strideK, strideN, align int) Mapped {
	s := stepSpec{elem: elem, k: k}
	chunk := s.chunk()
	threads, sixteens := 1, 1
	if s.tensor() {
		threads, sixteens = 4, chunk/16
	}
	m := NewMap(Map{ // by columns, chunks, columns, threads, sixteen terms, four terms
		Compute: F32, Shape: []int{n / 8, s.chunks(), 8, threads, sixteens, 4}, Result: []int{0},
		In: []Operand{{Elem: F32, Strides: []int{8 * strideN, chunk * strideK, strideN, 4 * strideK, 16 * strideK, strideK},
			Align: align}},
		Out: []Operand{{Elem: elem, Strides: []int{8 * k, 8 * chunk, chunk, chunk / threads, 4, 1}, Align: vectorBytes}},
	})
	m.Kernel.Whole = true
	return m
}
