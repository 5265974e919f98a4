package cpu

import (
	"slices"
	"unsafe"

	"github.com/unroll-ml/unroll/graph/cpu/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

const (
	shortRow   = 64       // rows that are shorter share a chunk; rows that are longer may
	callCost   = 10       // rough nanoseconds of starting an operation on a row
	copyCost   = 8        // rough nanoseconds of starting to copy a row
	copyRate   = 0.05     // rough nanoseconds an element of copying a row
	minChunk   = 256      // elements
	maxChunk   = 2048     // elements
	chunkBytes = 24 << 10 // of all registers together
)

// mapping is a tape.Map. Its index space, with the axes collapsed, is a list of rows. It is computed in chunks
// that stay in the first cache: a piece of one long row, or several whole short rows. For each chunk the
// operands are brought into vector registers, arrays as long as a chunk, or left where they lie if they are
// contiguous there; then each scalar operation runs over the whole chunk.
type mapping[T kernel.Float] struct {
	tape     *tape.Map
	outer    []int // the collapsed axes but the last
	inner    int   // the last: the length of a row
	float    tape.Dtype
	nRows    int
	together bool // a chunk may have several rows
	rows     int  // of a chunk
	piece    int  // elements of a row that are in a chunk; inner if rows > 1
	pieces   int  // of a row
	chunks   int
	in, out  []view
	held     *held[T] // nil: all rows are computed
	ops      []vectorOp[T]
	regs     int // vector registers
	length   int // of a register
	parts    int
	part     func(member, part int)
	states   []mapState[T] // of each member
	m        *machine
}

// A vectorOp is a tape.Op over a chunk. dst and args are the tape's registers, reg and out where the result is
// kept: a vector register or, if out is not -1, that output.
type vectorOp[T kernel.Float] struct {
	apply    func(n int, dst, x, y, z *T)
	dst      int
	args     [3]int
	reg, out int
}

// A mapState says where things are for the chunk in hand.
type mapState[T kernel.Float] struct {
	addr []*T // of the tape's registers
	out  []*T // of the outputs
}

func (l *loader[T]) mapping(t *tape.Map) []step {
	size := volume(t.Shape)
	if size == 0 {
		return nil
	}
	m := &mapping[T]{tape: t, float: l.tape.Float}
	m.layOut(l)
	consts, length := m.arrange(l, m.inner < shortRow || m.better())
	if m.together && length < 2*m.inner && m.inner >= shortRow {
		consts, length = m.arrange(l, false)
	}
	if m.together {
		m.rows, m.pieces = min(max(1, length/m.inner), (m.nRows+l.threads-1)/l.threads), 1
	} else {
		m.rows, m.pieces = 1, (m.inner+length-1)/length
	}
	m.piece = min(m.inner, roundUp((m.inner+m.pieces-1)/m.pieces, 16))
	m.length = roundUp(m.rows*m.piece, 16)
	m.pieces = (m.inner + m.piece - 1) / m.piece
	m.chunks = (m.nRows + m.rows - 1) / m.rows * m.pieces

	m.held = m.findHeld()
	m.states = make([]mapState[T], l.threads)
	for i := range m.states {
		m.states[i] = mapState[T]{addr: make([]*T, len(t.In)+len(t.Code)), out: make([]*T, len(t.Out))}
	}
	for _, r := range consts {
		memory := aligned[T](m.length)
		for i := range memory {
			memory[i] = T(t.Code[r-len(t.In)].Value)
		}
		for i := range m.states {
			m.states[i].addr[r] = unsafe.SliceData(memory)
		}
	}
	cost := 0.2 * float64(len(m.in)+len(m.out))
	for _, op := range t.Code {
		cost += float64(l.kernels.Cost[op.Fn])
	}
	m.parts = l.parts(cost*float64(size), m.chunks)
	m.part = m.compute
	l.scratch = max(l.scratch, m.regs*m.length*int(unsafe.Sizeof(T(0))))
	return []step{m}
}

// layOut collapses the axes and decides how each operand meets the chunks. A tape.Iota is a view too, after the
// inputs: of a memory whose elements are their own offsets.
func (m *mapping[T]) layOut(l *loader[T]) {
	var strides [][]int
	for i, o := range m.tape.In {
		strides = append(strides, o.Strides)
		m.in = append(m.in, view{place: newPlace(l.tape, o.Ref), dtype: l.tape.Buffers[o.Buf].Dtype, virtual: i})
	}
	for k, op := range m.tape.Code {
		if op.Fn == tape.Iota {
			unit := make([]int, len(m.tape.Shape))
			unit[op.Axis] = 1
			strides = append(strides, unit)
			m.in = append(m.in, view{isIota: true, virtual: len(m.tape.In) + k})
		}
	}
	for _, o := range m.tape.Out {
		strides = append(strides, o.Strides)
		m.out = append(m.out, view{place: newPlace(l.tape, o.Ref), dtype: l.tape.Buffers[o.Buf].Dtype})
	}
	dims, merged := collapse(m.tape.Shape, strides)
	last := len(dims) - 1
	m.outer, m.inner = dims[:last], dims[last]
	m.nRows = volume(m.outer)
	for _, views := range [][]view{m.in, m.out} {
		for i := range views {
			v := &views[i]
			v.outer, v.inner = merged[0][:last], merged[0][last]
			merged = merged[1:]
		}
	}
}

// better reports whether it pays to bring rows together, so that each operation starts once for several:
// operands that are not contiguous from row to row must be copied for it.
func (m *mapping[T]) better() bool {
	m.setKinds(true)
	together := m.direct()
	m.setKinds(false)
	copies := float64(m.direct() - together)
	return float64(len(m.tape.Code))*callCost > copies*(copyCost+copyRate*float64(m.inner))
}

// arrange decides how operands meet chunks. It returns the tape's registers that hold constants, and for how
// many elements there is room in the first cache.
func (m *mapping[T]) arrange(l *loader[T], together bool) (consts []int, length int) {
	m.together, m.regs, m.ops = together, 0, nil
	m.setKinds(together)
	consts = m.allocate(l)
	return consts, min(max(chunkBytes/int(unsafe.Sizeof(T(0)))/max(m.regs, 1), minChunk), maxChunk)
}

func (m *mapping[T]) setKinds(together bool) {
	for _, views := range [][]view{m.in, m.out} {
		for i := range views {
			views[i].reg = -1
			views[i].setKind(m.float, m.outer, m.inner, together)
		}
	}
}

// direct counts the operands that are used where they lie.
func (m *mapping[T]) direct() (n int) {
	for _, views := range [][]view{m.in, m.out} {
		for i := range views {
			if views[i].kind == direct {
				n++
			}
		}
	}
	return n
}

// allocate chooses the vector registers, each free again after its last use, and returns the tape's registers
// that hold constants.
func (m *mapping[T]) allocate(l *loader[T]) (consts []int) {
	code, nIn := m.tape.Code, len(m.tape.In)
	lastUse := make([]int, nIn+len(code)) // index of an operation; 0 for a result that nothing reads
	for k, op := range code {
		for _, a := range op.Args[:op.Fn.Arity()] {
			lastUse[a] = k
		}
	}
	for _, r := range m.tape.Result {
		lastUse[r] = len(code)
	}
	held := make(map[int]int) // the tape's register -> vector register
	var free []int
	take := func() int {
		if n := len(free); n > 0 {
			r := free[n-1]
			free = free[:n-1]
			return r
		}
		m.regs++
		return m.regs - 1
	}
	for i := range m.in {
		v := &m.in[i]
		if v.kind == direct {
			continue
		}
		v.reg = take()
		if v.kind == gathered { // what is uniform is loaded once for many chunks
			held[v.virtual] = v.reg
		}
	}
	for k, op := range code {
		dst := nIn + k
		if op.Fn == tape.Iota {
			continue
		}
		if op.Fn == tape.Const {
			consts = append(consts, dst)
			continue
		}
		if lastUse[dst] == 0 {
			continue // nothing reads it
		}
		o := vectorOp[T]{apply: l.kernels.Apply[op.Fn], dst: dst, args: op.Args, reg: -1, out: m.target(dst, k)}
		for i, a := range o.args {
			if i >= op.Fn.Arity() {
				o.args[i] = o.args[0]
			} else if r, ok := held[a]; ok && lastUse[a] == k {
				free = append(free, r)
				delete(held, a)
			}
		}
		if o.out < 0 {
			o.reg = take()
			held[dst] = o.reg
		}
		m.ops = append(m.ops, o)
	}
	return consts
}

// target returns an output to which operation k may write its result, register r, at once: one that is
// contiguous, and does not coincide with an input that is still to be read. It returns -1 if there is none.
func (m *mapping[T]) target(r, k int) int {
	for i, result := range m.tape.Result {
		if result == r && m.out[i].kind == direct && !m.readsAfter(k, m.tape.Out[i]) {
			return i
		}
	}
	return -1
}

// readsAfter reports whether an operation after k, or an output, reads an input that lies where o does.
func (m *mapping[T]) readsAfter(k int, o tape.Operand) bool {
	coincides := func(r int) bool {
		return r < len(m.tape.In) && samePlace(m.tape.In[r].Ref, o.Ref)
	}
	for _, op := range m.tape.Code[k+1:] {
		if slices.ContainsFunc(op.Args[:op.Fn.Arity()], coincides) {
			return true
		}
	}
	return slices.ContainsFunc(m.tape.Result, coincides)
}

// samePlace reports whether two references name the same elements at every step.
func samePlace(a, b tape.Ref) bool {
	depth := max(len(a.Step), len(b.Step))
	for i := range depth {
		var s, t int
		if i < len(a.Step) {
			s = a.Step[i]
		}
		if i < len(b.Step) {
			t = b.Step[i]
		}
		if s != t {
			return false
		}
	}
	return a.Buf == b.Buf && a.Off == b.Off
}

func (m *mapping[T]) run(mach *machine) error {
	m.m = mach
	for i := range m.in {
		m.in[i].locate(mach)
	}
	for i := range m.out {
		m.out[i].locate(mach)
	}
	if m.held != nil {
		m.held.locate(m)
	}
	mach.team.do(m.parts, m.part)
	return nil
}

func (m *mapping[T]) compute(member, part int) {
	from, to := share(m.chunks, m.parts, part)
	s := &m.states[member]
	var registers *T
	if m.regs > 0 {
		registers = unsafe.SliceData(scratchOf[T](m.m, member, 0, m.regs*m.length))
	}
	for i := range m.in {
		if v := &m.in[i]; v.reg >= 0 {
			s.addr[v.virtual] = offset(registers, v.reg*m.length)
			if v.kind == uniform {
				loadUniform(v, unsafe.Slice(s.addr[v.virtual], m.length))
			}
		}
	}
	for c := from; c < to; c++ {
		row := c / m.pieces * m.rows
		rows := min(m.rows, m.nRows-row)
		j := c % m.pieces * m.piece
		length := min(m.piece, m.inner-j)
		n := rows * length
		if m.held != nil && m.held.all(m.outer, row, rows) {
			m.held.keep(m, row, rows, j, length)
			continue
		}
		for i := range m.in {
			switch v := &m.in[i]; v.kind {
			case direct:
				s.addr[v.virtual] = (*T)(v.address(m.outer, row, j))
			case gathered:
				loadView(v, unsafe.Slice(s.addr[v.virtual], n), m.outer, row, rows, j, length)
			}
		}
		for i := range m.out {
			if v := &m.out[i]; v.kind == direct {
				s.out[i] = (*T)(v.address(m.outer, row, j))
			}
		}
		for i := range m.ops {
			o := &m.ops[i]
			var dst *T
			if o.out >= 0 {
				dst = s.out[o.out]
			} else {
				dst = offset(registers, o.reg*m.length)
			}
			s.addr[o.dst] = dst
			o.apply(n, dst, s.addr[o.args[0]], s.addr[o.args[1]], s.addr[o.args[2]])
		}
		for i, r := range m.tape.Result {
			v, result := &m.out[i], s.addr[r]
			if v.kind != direct {
				storeView(v, unsafe.Slice(result, n), m.outer, row, rows, j, length)
			} else if result != s.out[i] {
				copy(unsafe.Slice(s.out[i], n), unsafe.Slice(result, n))
			}
		}
	}
}

// roundUp is the smallest multiple of m that is not less than n.
func roundUp(n, m int) int { return (n + m - 1) / m * m }
