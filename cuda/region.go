package cuda

import (
	"slices"

	"github.com/unroll-ml/unroll/cuda/internal/kernel"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Instructions of a loop that touch each row of a batch by itself, such as the attention of a decoder forward and
// backward, are one launch: a block does one row (kernel.NewRegion). Which instructions these are is found from
// what they read and write; what only they read is not written.

// region is such instructions, in order.
type region struct {
	tape.Instr // the first
	members    []tape.Instr
	launch     kernel.Regional
	args       []regionArg
}

// regionArg is an operand, or, of a function that checks indices, where it reports them.
type regionArg struct {
	ref     tape.Ref
	checked *tape.Rows
}

func (r *region) Refs(f func(r tape.Ref, write bool)) {
	for _, in := range r.members {
		in.Refs(f)
	}
}

func (r *region) String() string {
	s := "region"
	for _, in := range r.members {
		s += "; " + in.String()
	}
	return s
}

// regions puts together what can be regions in the body of a loop.
func (l *lowering) regions(code []tape.Instr) (out []tape.Instr) {
	done := make([]bool, len(code))
	for i, in := range code {
		if done[i] {
			continue
		}
		if r, members := l.regionAt(code, done, i); r != nil {
			for _, m := range members {
				done[m] = true
			}
			in = r
		}
		out = append(out, in)
	}
	return out
}

// regionAt is the largest region that begins with code[i], and its instructions' indices; nil: there is none.
// Those that stand further down can as well run at once.
func (l *lowering) regionAt(code []tape.Instr, done []bool, i int) (best *region, members []int) {
	for _, rows := range rowCounts(code[i:min(len(code), i+2*mostBetween)]) {
		b := &regionBuilder{lowering: l, rows: rows}
		var in, between []int
		for j := i; j < len(code) && (len(in) > 0 || j == i) && len(between) < mostBetween && !isLoop(code[j]) &&
			len(in) < mostMembers && len(b.touched) < mostOperands; j++ {
			if done[j] {
				continue
			}
			before, ok := b.needed(code, between, j)
			if ok {
				_, ok = b.fits(code[j])
			}
			if !ok {
				between = append(between, j)
				continue
			}
			for _, k := range append(before, j) {
				s, ok := b.fits(code[k])
				if !ok { // beside those that were taken just now
					between = append(between, j)
					break
				}
				b.take(code[k], s)
				in = append(in, k)
			}
			between = slices.DeleteFunc(between, func(k int) bool { return slices.Contains(in, k) })
		}
		if len(in) <= len(members) {
			continue
		}
		if r := b.build(); r != nil {
			best, members = r, in
		}
	}
	return best, members
}

const (
	// mostBetween is how many instructions may stand between those of a region, and mostMembers how many those may be.
	mostBetween = 24
	mostMembers = 48

	// mostOperands is how many operands they may have before one more joins them: a kernel takes 512 parameters.
	mostOperands = 400
)

// needed is which of the instructions between those of the region must run before code[j], so that this can run
// with the region; it reports false if they cannot, or if code[j] has nothing to do with it.
func (b *regionBuilder) needed(code []tape.Instr, between []int, j int) (before []int, ok bool) {
	if !b.related(code[j]) {
		return nil, false
	}
	for i := len(between) - 1; i >= 0; i-- {
		k := between[i]
		later := append([]tape.Instr{code[j]}, instructions(code, before)...)
		if b.independent(code[k], later) {
			continue
		}
		_, fits := b.fits(code[k])
		if combines(code[k]) || !fits {
			return nil, false
		}
		before = slices.Insert(before, 0, k)
	}
	return before, true
}

func instructions(code []tape.Instr, at []int) (ins []tape.Instr) {
	for _, i := range at {
		ins = append(ins, code[i])
	}
	return ins
}

// rowCounts are the numbers of rows that the instructions suggest.
func rowCounts(code []tape.Instr) (counts []int) {
	for _, in := range code {
		n := 0
		switch in := in.(type) {
		case *tape.Product:
			n = in.Batch
		case *tape.Rows:
			n = in.Rows
		case *tape.Reduce:
			n = in.Outer
		}
		if n > 1 && !slices.Contains(counts, n) {
			counts = append(counts, n)
		}
	}
	return counts
}

// A regionBuilder collects the instructions of a region.
type regionBuilder struct {
	*lowering
	rows    int
	members []tape.Instr
	stages  []*rowStage
	touched []rowAccess
}

// related reports whether an instruction is worth to be in the region: it is not elementwise, or it touches what
// the region touches.
func (b *regionBuilder) related(in tape.Instr) bool {
	switch in.(type) {
	case *tape.Map, *tape.Copy:
	default:
		return true
	}
	related := len(b.members) == 0
	in.Refs(func(r tape.Ref, _ bool) {
		related = related || slices.ContainsFunc(b.touched, func(a rowAccess) bool { return a.ref.Buf == r.Buf })
	})
	return related
}

// fits is an instruction as a stage; it reports false if what it does to a row has to do with what the region does
// to others.
func (b *regionBuilder) fits(in tape.Instr) (*rowStage, bool) {
	s, ok := b.stage(in)
	if !ok {
		return nil, false
	}
	touched := b.accessesOf(s)
	for i, a := range touched {
		for _, other := range slices.Concat(b.touched, touched[i:]) {
			if !b.local(a, other) {
				return nil, false
			}
		}
	}
	return s, true
}

// take adds an instruction that fits.
func (b *regionBuilder) take(in tape.Instr, s *rowStage) {
	b.touched = append(b.touched, b.accessesOf(s)...)
	b.members = append(b.members, in)
	if last := len(b.stages) - 1; last < 0 || !b.join(b.stages[last], s) {
		b.stages = append(b.stages, s)
	}
}

// rowAccess is the memory that an operand touches of the first row, in bytes of the arena, and how far it is to
// that of the next.
type rowAccess struct {
	ref      tape.Ref
	lo, hi   int64
	row      int64
	write    bool
	rowsFrom int64 // of all rows
	rowsTo   int64
}

func (b *regionBuilder) accessesOf(s *rowStage) (as []rowAccess) {
	access := func(v rowView, lines, cols int, write bool) {
		t := b.tape.Buffers[v.Buf]
		size := int64(t.Dtype.Size())
		a := rowAccess{ref: v.Ref, row: int64(v.row) * size, write: write}
		a.lo = t.Offset + int64(v.Off)*size
		a.hi = a.lo + size
		for _, reach := range []int{(lines - 1) * v.line, (cols - 1) * v.col} {
			a.lo += min(0, int64(reach)*size)
			a.hi += max(0, int64(reach)*size)
		}
		a.rowsFrom, a.rowsTo = a.lo, a.hi
		a.rowsFrom += min(0, int64(b.rows-1)*a.row)
		a.rowsTo += max(0, int64(b.rows-1)*a.row)
		as = append(as, a)
	}
	for _, v := range s.in {
		access(v, s.lines, s.cols, false)
	}
	for _, o := range s.out {
		access(o.rowView, s.lines, s.cols, true)
	}
	for _, o := range s.sums {
		access(o.rowView, s.lines, s.cols, true)
	}
	if s.of != nil {
		for i, v := range s.of.operands {
			access(v, s.lines, s.cols, i == len(s.of.operands)-1)
		}
	}
	return as
}

// local reports whether two operands of a region touch the same memory, if one of them writes it, in the same row
// alone.
func (b *regionBuilder) local(x, y rowAccess) bool {
	if !x.write && !y.write || !extentOf(b.tape, x.ref.Buf).overlaps(extentOf(b.tape, y.ref.Buf)) {
		return true
	}
	if !slices.Equal(b.steps64(x.ref), b.steps64(y.ref)) {
		return false
	}
	if x.rowsTo <= y.rowsFrom || y.rowsTo <= x.rowsFrom {
		return true
	}
	return x.row == y.row && max(x.hi, y.hi)-min(x.lo, y.lo) <= max(x.row, -x.row)
}

// steps64 is how many bytes a place moves with each enclosing loop.
func (b *regionBuilder) steps64(r tape.Ref) []int {
	steps := make([]int, len(b.trips))
	for i := range steps {
		if i < len(r.Step) {
			steps[i] = r.Step[i] * b.tape.Buffers[r.Buf].Dtype.Size()
		}
	}
	return steps
}

// build makes the region ready; nil if it is not worth a kernel of its own.
func (b *regionBuilder) build() *region {
	if len(b.members) < 2 || !slices.ContainsFunc(b.members, combines) {
		return nil
	}
	b.inline()
	if b.dropUnread(); len(b.stages) == 0 {
		return nil
	}
	k := kernel.Region{Float: b.float, Rows: b.rows}
	for _, s := range b.stages {
		k.Stages = append(k.Stages, b.stretch(s))
	}
	launch, ok := kernel.NewRegion(k)
	if !ok || !launch.Worth(len(b.members)) {
		return nil
	}
	r := &region{Instr: b.members[0], members: b.members, launch: launch}
	for i, s := range b.stages {
		arg := func(v rowView) { r.args = append(r.args, regionArg{ref: v.Ref}) }
		for _, in := range launch.Used[i] {
			arg(s.in[in])
		}
		for _, o := range s.out {
			arg(o.rowView)
		}
		for _, o := range s.sums {
			arg(o.rowView)
		}
		if s.of == nil {
			continue
		}
		for _, v := range s.of.operands {
			arg(v)
		}
		if checks(s.of.Rows) {
			r.args = append(r.args, regionArg{checked: s.of.Rows})
		}
	}
	return r
}

// combines reports whether an instruction's results depend on several elements each: a region has more of them
// than of elementwise ones, which share launches anyhow.
func combines(in tape.Instr) bool {
	switch in.(type) {
	case *tape.Map, *tape.Copy:
		return false
	}
	return true
}

// dropUnread drops results that nobody reads but the stage that computes them.
func (b *regionBuilder) dropUnread() {
	for _, s := range b.stages {
		s.out = slices.DeleteFunc(s.out, func(o rowResult) bool {
			read := slices.ContainsFunc(b.stages, func(t *rowStage) bool { return t.reads(o.Buf) })
			return !read && b.unread(o.Buf, b.members)
		})
	}
	b.stages = slices.DeleteFunc(b.stages, func(s *rowStage) bool { return len(s.out)+len(s.sums) == 0 && s.of == nil })
}

// stretch is a stage as the kernel takes it.
func (b *regionBuilder) stretch(s *rowStage) kernel.Stretch {
	operand := func(v rowView) kernel.RowOperand {
		return kernel.RowOperand{
			Elem: elem(b.tape.Buffers[v.Buf].Dtype), Row: v.row, Line: v.line, Col: v.col, Align: b.place(v.Ref).align(),
		}
	}
	register := func(r int) int {
		if r >= firstOp {
			return r - firstOp + len(s.in)
		}
		return r
	}
	st := kernel.Stretch{Lines: s.lines, Cols: s.cols}
	if f := s.of; f != nil {
		st.Of = &kernel.LineFunction{Kind: f.Kind, Mask: f.Mask, Smoothing: f.Smoothing, X: register(f.x)}
		for _, v := range f.operands {
			st.Of.Operands = append(st.Of.Operands, operand(v))
		}
	}
	for _, v := range s.in {
		st.In = append(st.In, operand(v))
	}
	for _, op := range s.code {
		for i := range op.Fn.Arity() {
			op.Args[i] = register(op.Args[i])
		}
		st.Code = append(st.Code, op)
	}
	for _, o := range s.out {
		st.Out = append(st.Out, kernel.RowResult{RowOperand: operand(o.rowView), Result: register(o.reg)})
	}
	for _, o := range s.sums {
		r := kernel.RowResult{RowOperand: operand(o.rowView), Result: register(o.reg)}
		st.Sums = append(st.Sums, kernel.RowSum{RowResult: r, Fn: o.fn, Across: o.across})
	}
	return st
}

// regional makes the launch of a region.
func (l *lowering) regional(r *region) []work {
	var args []place
	for _, a := range r.args {
		if a.checked != nil {
			args = append(args, l.targets(a.checked)...)
			continue
		}
		args = append(args, l.place(a.ref))
	}
	w := l.launch(r, r.launch.Launch, args...)
	w.reads = r.launch.Reads
	return []work{w}
}
