package cuda

import (
	"slices"

	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// rowStage is a stage of a region: what instructions do to the elements of one row, by lines and columns.
type rowStage struct {
	lines, cols int
	in          []rowView
	code        []tape.Op // registers are inputs, or, from firstOp on, operations
	out         []rowResult
	sums        []rowSum
	of          *rowFunction // nil: none; with one there is nothing else
}

const firstOp = 1 << 16

// rowView is an operand: rows, lines, columns lie so many elements apart.
type rowView struct {
	tape.Ref
	row, line, col int
}

type rowResult struct {
	rowView
	reg int
}

type rowSum struct {
	rowResult
	fn     tape.ReduceFn
	across bool
}

// rowFunction is a function of lines of a register.
type rowFunction struct {
	*tape.Rows
	x        int
	operands []rowView // the other inputs, and the result
}

func (f *rowFunction) result() rowView { return f.operands[len(f.operands)-1] }

// stage is an instruction as a stage; it reports false if it does not fall into rows, or is no work for one block
// a row.
func (b *regionBuilder) stage(in tape.Instr) (*rowStage, bool) {
	var s *rowStage
	switch in := in.(type) {
	case *tape.Map:
		if slices.ContainsFunc(in.Code, func(op tape.Op) bool { return op.Fn == tape.Iota }) {
			return nil, false
		}
		s = b.elements(in)
	case *tape.Copy:
		if b.tape.Buffers[in.In.Buf].Dtype == b.tape.Float {
			s = b.elements(&tape.Map{
				Shape: in.Shape, In: []tape.Operand{in.In}, Result: []int{0}, Out: []tape.Operand{in.Out},
			})
		}
	case *tape.Product:
		if b.precision != driver.BFloat16 || b.rounds {
			s = b.multiplied(in)
		}
	case *tape.Reduce:
		s = b.reduced(in)
	case *tape.Rows:
		s = b.function(in)
	}
	return s, s != nil && s.lines > 0 && s.cols > 0
}

// elements is a Map as a stage.
func (b *regionBuilder) elements(m *tape.Map) *rowStage {
	operands := slices.Concat(m.In, m.Out)
	lines, cols, views := byRow(b.rows, m.Shape, operands)
	if views == nil {
		return nil
	}
	s := &rowStage{lines: lines, cols: cols, in: views[:len(m.In)]}
	register := func(r int) int {
		if r >= len(m.In) {
			return firstOp + r - len(m.In)
		}
		return r
	}
	for _, op := range m.Code {
		for i := range op.Fn.Arity() {
			op.Args[i] = register(op.Args[i])
		}
		if op.Fn == tape.Id {
			op.Value = 0 // others are kernel.Rounded
		}
		s.code = append(s.code, op)
	}
	for i, r := range m.Result {
		s.out = append(s.out, rowResult{views[len(m.In)+i], register(r)})
	}
	return s
}

// byRow takes rows off the first dimension of a shape, and makes lines and columns of the others; there are no
// views where that cannot be.
func byRow(rows int, shape []int, operands []tape.Operand) (lines, cols int, views []rowView) {
	var dims []int
	var axes [][]int // strides, of all operands
	for a, n := range shape {
		if n == 1 {
			continue
		}
		var axis []int
		for _, o := range operands {
			axis = append(axis, o.Strides[a])
		}
		dims, axes = append(dims, n), append(axes, axis)
	}
	if len(dims) == 0 || dims[0]%rows != 0 {
		return 0, 0, nil
	}
	dims[0] /= rows
	row := make([]int, len(operands))
	for i := range row {
		row[i] = axes[0][i] * dims[0]
	}
	lines, cols = 1, 1
	line, col := make([]int, len(operands)), make([]int, len(operands))
	for a := len(dims) - 1; a >= 0; a-- { // from the last on: columns as long as they are one run, then lines
		switch {
		case dims[a] == 1:
		case cols == 1:
			cols, col = dims[a], axes[a]
		case lines == 1 && runsOn(axes[a], col, cols):
			cols *= dims[a]
		case lines == 1:
			lines, line = dims[a], axes[a]
		case runsOn(axes[a], line, lines):
			lines *= dims[a]
		default:
			return 0, 0, nil
		}
	}
	for i, o := range operands {
		views = append(views, rowView{o.Ref, row[i], line[i], col[i]})
	}
	return lines, cols, views
}

// runsOn reports whether all operands go on along an axis where n steps of the inner one have ended.
func runsOn(outer, inner []int, n int) bool {
	for i, s := range inner {
		if outer[i] != n*s {
			return false
		}
	}
	return true
}

// multiplied is a product of a matrix and a vector for each row.
func (b *regionBuilder) multiplied(p *tape.Product) *rowStage {
	x, y, z := rowView{p.A, p.StrideA, p.LdA, 1}, rowView{p.B, p.StrideB, p.LdB, 1}, rowView{p.C, p.StrideC, p.LdC, 1}
	m := p.M
	switch {
	case p.Acc || p.K == 0:
		return nil
	case p.Batch == b.rows:
	case p.Batch == 1 && p.N == 1 && !p.TransA && m%b.rows == 0: // one vector for all
		m /= b.rows
		x.row, y.row, z.row = m*p.LdA, 0, m*p.LdC
	default:
		return nil
	}
	if p.TransA { // line: along M; column: along K
		x.line, x.col = x.col, x.line
	}
	if !p.TransB { // line: along N
		y.line, y.col = y.col, y.line
	}
	if m == 1 && p.N > 1 {
		x, y, m = y, x, p.N
		z.line = z.col
	} else if p.N > 1 {
		return nil
	}
	y.line, z.col = 0, 0
	s := &rowStage{lines: m, cols: p.K}
	across := x.col != 1 && x.line == 1 && m > 1
	if across {
		s.lines, s.cols = s.cols, s.lines
		for _, v := range []*rowView{&x, &y, &z} {
			v.line, v.col = v.col, v.line
		}
	}
	s.in = []rowView{x, y}
	factors := [3]int{0, 1}
	if b.precision == driver.BFloat16 {
		s.code, factors = []tape.Op{kernel.Rounded(0), kernel.Rounded(1)}, [3]int{firstOp, firstOp + 1}
	}
	s.sums = []rowSum{{rowResult{z, firstOp + len(s.code)}, tape.Sum, across}}
	s.code = append(s.code, tape.Op{Fn: tape.Mul, Args: factors})
	return s
}

// reduced is a reduction of each row, along its lines or across them.
func (b *regionBuilder) reduced(r *tape.Reduce) *rowStage {
	outer := r.Outer / b.rows
	if r.Outer%b.rows != 0 || r.Inner != 1 && outer != 1 || r.N == 0 {
		return nil
	}
	if r.Inner == 1 {
		return &rowStage{
			lines: outer, cols: r.N, in: []rowView{{r.In, outer * r.N, r.N, 1}},
			sums: []rowSum{{rowResult{rowView{r.Out, outer, 1, 0}, 0}, r.Fn, false}},
		}
	}
	return &rowStage{
		lines: r.N, cols: r.Inner, in: []rowView{{r.In, r.N * r.Inner, r.Inner, 1}},
		sums: []rowSum{{rowResult{rowView{r.Out, r.Inner, 0, 1}, 0}, r.Fn, true}},
	}
}

// function is a function of lines.
func (b *regionBuilder) function(r *tape.Rows) *rowStage {
	lines := r.Rows / b.rows
	if r.Rows%b.rows != 0 || r.Kind == tape.Argmax {
		return nil
	}
	line := func(ref tape.Ref) rowView { return rowView{ref, lines * r.Cols, r.Cols, 1} }
	other := line
	if checks(r) {
		other = func(ref tape.Ref) rowView { return rowView{ref, lines, 1, 0} }
	}
	f := &rowFunction{Rows: r}
	for _, in := range r.In[1:] {
		f.operands = append(f.operands, other(in))
	}
	out := line(r.Out)
	if r.Kind == tape.CrossEntropy {
		out = other(r.Out)
	}
	f.operands = append(f.operands, out)
	return &rowStage{lines: lines, cols: r.Cols, in: []rowView{line(r.In[0])}, of: f}
}

// join makes one stage of two, if the second reads of what the first gives only the very element.
func (b *regionBuilder) join(s, t *rowStage) bool {
	if s.of != nil || t.of != nil || !sameGrid(s, t) ||
		len(s.sums) > 0 && len(t.sums) > 0 && s.sums[0].across != t.sums[0].across {
		return false
	}
	regs := make([]int, len(t.in))
	in := s.in
	for i, v := range t.in {
		if k := slices.IndexFunc(s.out, func(o rowResult) bool { return o.same(v, s) }); k >= 0 {
			regs[i] = s.out[k].reg
			continue
		}
		written := func(o rowView) bool { return b.overlap(o, v) }
		if slices.ContainsFunc(s.out, func(o rowResult) bool { return written(o.rowView) }) ||
			slices.ContainsFunc(s.sums, func(o rowSum) bool { return written(o.rowView) }) {
			return false
		}
		if regs[i] = slices.IndexFunc(in, func(w rowView) bool { return w.same(v, s) }); regs[i] < 0 {
			regs[i] = len(in)
			in = append(slices.Clip(in), v)
		}
	}
	for _, o := range t.out { // over the very element that was read, and nothing else
		for _, v := range s.in {
			if b.overlap(o.rowView, v) && !o.same(v, s) {
				return false
			}
		}
		if b.writes(s, o.rowView) {
			return false
		}
	}
	for _, o := range t.sums {
		if b.writes(s, o.rowView) || slices.ContainsFunc(in, func(v rowView) bool { return b.overlap(o.rowView, v) }) {
			return false
		}
	}
	register := func(r int) int {
		if r >= firstOp {
			return r + len(s.code)
		}
		return regs[r]
	}
	var code []tape.Op
	for _, op := range t.code {
		for i := range op.Fn.Arity() {
			op.Args[i] = register(op.Args[i])
		}
		code = append(code, op)
	}
	for _, o := range t.out {
		s.out = append(s.out, rowResult{o.rowView, register(o.reg)})
	}
	for _, o := range t.sums {
		s.sums = append(s.sums, rowSum{rowResult{o.rowView, register(o.reg)}, o.fn, o.across})
	}
	s.in, s.code = in, append(s.code, code...)
	return true
}

// writes reports whether a stage writes memory of an operand.
func (b *regionBuilder) writes(s *rowStage, v rowView) bool {
	return s.of != nil && b.overlap(s.of.result(), v) ||
		slices.ContainsFunc(s.out, func(o rowResult) bool { return b.overlap(o.rowView, v) }) ||
		slices.ContainsFunc(s.sums, func(o rowSum) bool { return b.overlap(o.rowView, v) })
}

// overlap reports whether two operands may have memory in common.
func (b *regionBuilder) overlap(v, w rowView) bool {
	return extentOf(b.tape, v.Buf).overlaps(extentOf(b.tape, w.Buf))
}

// same reports whether two operands of a stage are the same elements.
func (v rowView) same(w rowView, s *rowStage) bool {
	return v.Ref.String() == w.Ref.String() && v.row == w.row && (s.lines == 1 || v.line == w.line) &&
		(s.cols == 1 || v.col == w.col)
}

// sameGrid gives two stages the same lines and columns, if they can have them: one that has one long line may be
// as many as the other's.
func sameGrid(s, t *rowStage) bool {
	s.cutLine(t.lines, t.cols)
	t.cutLine(s.lines, s.cols)
	return s.lines == t.lines && s.cols == t.cols
}

func (s *rowStage) cutLine(lines, cols int) {
	if s.lines != 1 || s.cols != lines*cols || len(s.sums) > 0 || s.of != nil {
		return
	}
	s.lines, s.cols = lines, cols
	for i := range s.in {
		s.in[i].line = cols * s.in[i].col
	}
	for i := range s.out {
		s.out[i].line = cols * s.out[i].col
	}
}

// inline lets functions of lines compute what they are functions of, which is not written then.
func (b *regionBuilder) inline() {
	for k, s := range b.stages {
		cheap := len(s.code) <= mostInlined &&
			!slices.ContainsFunc(s.code, func(op tape.Op) bool { return op.Fn.Dear() })
		if s.of == nil && len(s.sums) == 0 && cheap {
			s.out = slices.DeleteFunc(s.out, func(o rowResult) bool { return b.inlined(k, o) })
		}
	}
}

// mostInlined is how many operations are computed anew each time that a function looks at its argument.
const mostInlined = 4

// inlined puts the program of a result of stage k into the functions of it, if nobody else reads it.
func (b *regionBuilder) inlined(k int, o rowResult) bool {
	s := b.stages[k]
	var readers []*rowStage
	for i, t := range b.stages[k+1:] {
		if !t.reads(o.Buf) {
			continue
		}
		function := t.of != nil && len(t.in) == 1 && t.in[0].same(o.rowView, s) && s.lines == t.lines && s.cols == t.cols &&
			!slices.ContainsFunc(t.of.operands, func(v rowView) bool { return v.Buf == o.Buf })
		overwritten := slices.ContainsFunc(b.stages[k+1:][:i], func(between *rowStage) bool {
			return slices.ContainsFunc(s.in, func(v rowView) bool { return b.writes(between, v) })
		})
		aside := slices.ContainsFunc(s.in, func(v rowView) bool { return b.overlap(v, t.written()) })
		if !function || overwritten || aside {
			return false
		}
		readers = append(readers, t)
	}
	if len(readers) == 0 || !b.unread(o.Buf, b.members) {
		return false
	}
	for _, t := range readers {
		t.in, t.code, t.of.x = slices.Clone(s.in), slices.Clone(s.code), o.reg
	}
	return true
}

// written is the result of a stage that is a function.
func (s *rowStage) written() rowView {
	if s.of == nil {
		return rowView{}
	}
	return s.of.result()
}

// reads reports whether a stage reads a buffer.
func (s *rowStage) reads(id tape.BufferID) bool {
	of := func(v rowView) bool { return v.Buf == id }
	return slices.ContainsFunc(s.in, of) || s.of != nil && slices.ContainsFunc(s.of.operands[:len(s.of.operands)-1], of)
}
