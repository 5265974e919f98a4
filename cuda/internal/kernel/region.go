package kernel

import (
	"slices"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Region is what is computed of each row of a batch by itself, such as the attention of a decoder, in stages one
// after the other. One block does one row.
type Region struct {
	Float  Elem
	Rows   int
	Stages []Stretch
}

// Stretch is a stage of a Region: a scalar program for each element of Lines×Cols numbers of a row, and what is
// done with its registers: they are stored, or summed; or one is the argument of a function of lines.
type Stretch struct {
	Lines, Cols int
	In          []RowOperand
	Code        []tape.Op // without Iota
	Out         []RowResult
	Sums        []RowSum
	Of          *LineFunction // nil: none; with one there is nothing else
}

// LineFunction is a tape.Rows of a register.
type LineFunction struct {
	Kind      tape.RowsKind
	Mask      bool
	Smoothing float64
	X         int          // the register
	Operands  []RowOperand // the other inputs, and the result
}

// RowOperand is a strided view of memory: rows, lines, columns.
type RowOperand struct {
	Elem           Elem
	Row, Line, Col int // strides in elements; a Row of 0: all rows read the same
	Align          int // bytes: a divisor of its address, wherever it moves
}

// RowResult is where a register of the program is stored.
type RowResult struct {
	RowOperand
	Result int
}

// RowSum is a reduction of a register: over the columns of each line, or over the lines of each column.
type RowSum struct {
	RowResult
	Fn     tape.ReduceFn
	Across bool // over the lines
}

// regionSpec is what a Region's kernel depends on. It has the parameters, stage by stage,
//
//	the address of each input that is used, of each output, of each sum or operand of a function of lines
//
// and behind those of a function that checks indices those of a Fault. A stage reads what those before it have written, and waits for that.
type regionSpec struct {
	float   Elem
	threads int
	stages  []stretchSpec
}

// stretchSpec is a stage. The strides of its operands are those of lines and of items along a line, or, of sums
// over columns, of lines alone.
type stretchSpec struct {
	way
	cell        mapSpec
	rows        []int // strides, of the inputs, the outputs, the sums
	lines, cols int
	results     int // of the cell's results, those that are stored; the others are summed
	sums        []sumSpec
	of          rowsSpec
	others      []mapOperand // of the function
	group       int          // elements, or lines, that a thread loads before it needs them
}

type sumSpec struct {
	fn  tape.ReduceFn
	out mapOperand
}

// way is how threads share out a stage.
type way uint8

const (
	each   way = iota // elements, all alike
	along             // a team of threads a line: a warp, or the block if there is one line
	across            // a thread a column
	rowsOf            // a function of lines: teams, too
)

const (
	mostRegionThreads = 768
	busyThreads       = 512 // of a block, keep memory busy
	mostInFlight      = 32  // numbers that a thread loads before it needs the first
	mostUnrolled      = 128 // operations, of all elements that a thread has in hand
	longLine          = 128 // columns: a line that is longer has more than a warp, if it is the only one
)

// Regional is a Region made ready.
type Regional struct {
	Launch
	Used  [][]int // of each stage: the inputs that the kernel takes the addresses of
	Reads float64 // microseconds, about, that a GPU needs to read and write all operands
}

// NewRegion makes a Region ready; it reports false if an operand is too large to be counted with 31 bits.
func NewRegion(r Region) (x Regional, ok bool) {
	s := regionSpec{float: r.Float, threads: regionThreads(r)}
	bytes := 0.0
	for _, st := range r.Stages {
		spec, used, read, ok := s.stretch(st)
		if !ok {
			return x, false
		}
		s.stages = append(s.stages, spec)
		x.Used = append(x.Used, used)
		bytes += read
	}
	x.Reads = regionTime(r.Rows, bytes) / 1000
	x.Launch = Launch{Kernel: newKernel("region", s, s.threads, s.write), Blocks: [2]int{r.Rows, 1}, Threads: s.threads}
	return x, true
}

// regionTime is the nanoseconds that rows take, one a block, each of which moves so many bytes.
func regionTime(rows int, bytes float64) float64 {
	turns := float64((rows + multiprocessors - 1) / multiprocessors)
	return max(turns*bytes/readEach, float64(rows)*bytes/readTogether)
}

// Worth reports whether one launch for a region is sooner done than several that share each row out over all
// multiprocessors.
func (x Regional) Worth(launches int) bool {
	const start = 1500 // nanoseconds of a launch
	bytes := 1000 * x.Reads
	together := bytes * readEach / readTogether * float64(min(x.Blocks[0], multiprocessors))
	return 1000*x.Reads <= together+float64(launches-1)*start
}

func regionThreads(r Region) int {
	want := warp
	for _, st := range r.Stages {
		n := st.Lines * warp
		switch {
		case st.Of != nil && st.Lines == 1 && st.Cols > longLine:
			return rowThreads(st.Cols) // it adds in the order of the kernel that has nothing but the function
		case st.Of == nil && len(st.Sums) == 0:
			n = st.Lines * st.Cols
		case len(st.Sums) > 0 && st.Sums[0].Across:
			n = st.Cols
		case st.Lines == 1 && st.Cols > longLine:
			n = st.Cols / 2
		}
		want = max(want, n)
	}
	return warp * ((min(max(want, 2*warp), mostRegionThreads) + warp - 1) / warp)
}

// teamed reports whether the whole block works on the only line.
func (x stretchSpec) teamed() bool { return x.lines == 1 && x.cols > longLine }

// stretch specialises a stage, and counts the bytes that it moves.
func (s regionSpec) stretch(st Stretch) (x stretchSpec, used []int, bytes float64, ok bool) {
	x = stretchSpec{lines: st.Lines, cols: st.Cols, way: each}
	m := Map{Code: st.Code}
	for range st.In {
		m.In = append(m.In, Operand{})
	}
	var outs []RowOperand
	for _, o := range st.Out {
		outs, m.Result = append(outs, o.RowOperand), append(m.Result, o.Result)
	}
	x.results = len(outs)
	for _, r := range st.Sums {
		x.way = along
		if r.Across {
			x.way = across
		}
		m.Result = append(m.Result, r.Result)
	}
	if f := st.Of; f != nil {
		x.way, x.of = rowsOf, rowsSpec{kind: f.Kind, float: s.float, mask: f.Mask, smoothing: f.Smoothing}
		if f.Smoothing != 0 {
			x.of.uniform = f.Smoothing / float64(st.Cols)
		}
		m.Result = []int{f.X}
	}
	code, result, used := live(m)
	x.cell.code = code
	var ins []RowOperand
	for _, i := range used {
		ins = append(ins, st.In[i])
	}
	vectored := slices.Concat(ins, outs)
	for _, r := range st.Sums {
		if r.Across {
			vectored = append(vectored, r.RowOperand)
		}
	}
	v := s.vector(x, vectored)
	x.cell.compute, x.cell.vector, x.cell.result = s.float, v, result
	x.cell.iota = make([][]int, len(x.cell.code))
	operand := func(o RowOperand) mapOperand {
		if st.Lines == 1 {
			o.Line = 0
		}
		x.rows = append(x.rows, o.Row)
		reach := float64(st.Lines)*float64(abs(o.Line)) + float64(st.Cols)*float64(abs(o.Col))
		ok = ok && reach*float64(o.Elem.Size()) < 1<<31
		bytes += float64(o.Elem.Size()) * repeated(st.Lines, o.Line) * repeated(st.Cols, o.Col)
		return mapOperand{o.Elem, []int{o.Line, v * o.Col}, o.Col}
	}
	ok = float64(st.Lines)*float64(st.Cols) < 1<<31
	for _, o := range ins {
		x.cell.in = append(x.cell.in, operand(o))
	}
	for _, o := range outs {
		x.cell.out = append(x.cell.out, operand(o))
	}
	for _, r := range st.Sums {
		if r.Across {
			r.Line = 0
		} else {
			r.Col = 0
		}
		x.sums = append(x.sums, sumSpec{r.Fn, operand(r.RowOperand)})
	}
	if st.Of != nil {
		for _, o := range st.Of.Operands {
			x.others = append(x.others, operand(o))
		}
	}
	x.group = x.inHand()
	return x, used, bytes, ok
}

// repeated is how many numbers n steps of a stride reach.
func repeated(n, stride int) float64 {
	if stride == 0 {
		return 1
	}
	return float64(n)
}

// vector is how many neighbours of a line a thread computes at a time: more than 1 only where every operand
// allows it, and where enough threads have some.
func (s regionSpec) vector(x stretchSpec, operands []RowOperand) int {
	if x.way == rowsOf {
		return 1
	}
	items, enough := x.lines*x.cols, min(s.threads, busyThreads)
	switch {
	case x.way == across:
		items = x.cols
	case x.way == along && !x.teamed():
		enough = warp * x.lines
	}
	for v := vectorBytes / s.float.Size(); v > 1; v /= 2 {
		fits := x.cols%v == 0 && items/v >= enough
		for _, o := range operands {
			if o.Col != 0 {
				fits = fits && o.Col == 1 && o.Align%(v*o.Elem.Size()) == 0 && o.Line%v == 0 && o.Row%v == 0
			}
		}
		if fits {
			return v
		}
	}
	return 1
}

// inHand is how many elements of each input a thread loads before it computes: what it reads takes long to
// come, and what it has written it must not wait for.
func (x stretchSpec) inHand() int {
	n := 8
	for n > 1 && n*x.cell.vector*max(1, len(x.cell.in)) > mostInFlight ||
		n*x.cell.vector*len(x.cell.code) > mostUnrolled && n > 1 {
		n /= 2
	}
	return n
}
