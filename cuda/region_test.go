package cuda_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
)

// rowProgram makes up a loop of instructions on vectors, lines of numbers and matrices of each row, most of which
// touch no other row.
type rowProgram struct {
	*builder
	rng               *rand.Rand
	rows, lines, cols int
	code              []tape.Instr
	kinds             [3][]tape.Ref // what was written: vectors, rows×cols; lines, rows×lines; matrices, rows×lines×cols
	temps             []tape.Ref
}

const (
	vectors = iota
	lines
	matrices
)

func (p *rowProgram) shape(kind int) []int {
	return [][]int{{p.rows, p.cols}, {p.rows, p.lines}, {p.rows, p.lines, p.cols}}[kind]
}

func (p *rowProgram) size(kind int) (n int) {
	n = 1
	for _, d := range p.shape(kind) {
		n *= d
	}
	return n
}

func (p *rowProgram) one(n int) bool { return p.rng.IntN(n) == 0 }

func (p *rowProgram) pick(kind int) tape.Ref { return p.kinds[kind][p.rng.IntN(len(p.kinds[kind]))] }

// other is where a result goes that must not be one of the arguments: memory of its own, at times that of an
// earlier result, or an argument of others.
func (p *rowProgram) other(kind int, args ...tape.Ref) tape.Ref {
	if p.one(3) {
		to := p.pick(kind)
		if !p.overlaps(to, args) {
			return to
		}
	}
	to := p.floats("", 0, p.size(kind))
	if len(p.temps) > 0 && p.one(3) {
		p.Buffers[to.Buf].Offset = p.Buffers[p.temps[p.rng.IntN(len(p.temps))].Buf].Offset
		if end := p.Buffers[to.Buf].Offset + int64(4*p.size(kind)); end > p.Arena || p.overlaps(to, args) {
			p.Buffers[to.Buf].Offset = p.Arena
			p.Arena += int64(4*p.size(kind)+tape.Align-1) / tape.Align * tape.Align
		}
	}
	p.temps = append(p.temps, to)
	return to
}

func (p *rowProgram) overlaps(r tape.Ref, with []tape.Ref) bool {
	of := func(r tape.Ref) (from, to int64) {
		b := p.Buffers[r.Buf]
		return b.Offset, b.Offset + int64(4*b.Len)
	}
	from, to := of(r)
	for _, w := range with {
		if a, b := of(w); from < b && a < to {
			return true
		}
	}
	for _, s := range p.Slots { // no other buffer shares memory with a slot
		if a, b := of(tape.Ref{Buf: s.Buf}); s.Buf != r.Buf && from < b && a < to {
			return true
		}
	}
	return false
}

// elementwise is a Map of kind, of arguments that may be less, kept small.
func (p *rowProgram) elementwise(kind int, to tape.Ref, args ...tape.Operand) {
	m := &tape.Map{Shape: p.shape(kind), In: args}
	emit := func(fn tape.Fn, value float64, args ...int) int {
		op := tape.Op{Fn: fn, Value: value}
		copy(op.Args[:], args)
		m.Code = append(m.Code, op)
		return len(m.In) + len(m.Code) - 1
	}
	sum := 0
	for i := 1; i < len(args); i++ {
		sum = emit([]tape.Fn{tape.Add, tape.Sub, tape.Mul}[p.rng.IntN(3)], 0, sum, i)
	}
	sixteen := emit(tape.Const, 16)
	floor := emit(tape.Floor, 0, emit(tape.Div, 0, emit(tape.Add, 0, sum, emit(tape.Const, 8)), sixteen))
	m.Result = []int{emit(tape.Sub, 0, sum, emit(tape.Mul, 0, floor, sixteen))}
	m.Out = []tape.Operand{p.dense(kind, to)}
	p.code = append(p.code, m)
}

func (p *rowProgram) dense(kind int, r tape.Ref) tape.Operand {
	return tape.Operand{Ref: r, Strides: [][]int{{p.cols, 1}, {p.lines, 1}, {p.lines * p.cols, p.cols, 1}}[kind]}
}

// wide is an operand of a kind as one of a matrix.
func (p *rowProgram) wide(kind int, r tape.Ref) tape.Operand {
	return tape.Operand{Ref: r, Strides: [][]int{{p.cols, 0, 1}, {p.lines, 1, 0}, {p.lines * p.cols, p.cols, 1}}[kind]}
}

// add adds an instruction, and one that keeps its result small.
func (p *rowProgram) add() {
	combined := func(kind int, to tape.Ref, in tape.Instr) {
		p.code = append(p.code, in)
		p.elementwise(kind, to, p.dense(kind, to))
		p.kinds[kind] = append(p.kinds[kind], to)
	}
	v, l, m := p.pick(vectors), p.pick(lines), p.pick(matrices)
	switch p.rng.IntN(8) {
	case 0, 1:
		to := m
		if p.one(2) {
			to = p.other(matrices, v, l, m)
		} else if p.overlaps(to, []tape.Ref{v, l}) {
			return
		}
		p.elementwise(matrices, to, p.wide(vectors, v), p.wide(lines, l), p.wide(matrices, m))
		p.kinds[matrices] = append(p.kinds[matrices], to)
	case 2: // the vector with each line of the matrix
		to := p.other(lines, v, m)
		combined(lines, to, &tape.Product{A: v, B: m, C: to, Batch: p.rows, M: 1, N: p.lines, K: p.cols, TransB: true,
			LdA: p.cols, LdB: p.cols, LdC: p.lines, StrideA: p.cols, StrideB: p.lines * p.cols, StrideC: p.lines})
	case 3: // one vector with all lines
		to := p.other(lines, v, m)
		combined(lines, to, &tape.Product{A: m, B: v, C: to, Batch: 1, M: p.rows * p.lines, N: 1, K: p.cols,
			LdA: p.cols, LdB: 1, LdC: 1})
	case 4: // the sum of lines with weights
		to := p.other(vectors, l, m)
		x := &tape.Product{A: l, B: m, C: to, Batch: p.rows, M: 1, N: p.cols, K: p.lines,
			LdA: p.lines, LdB: p.cols, LdC: p.cols, StrideA: p.lines, StrideB: p.lines * p.cols, StrideC: p.cols}
		if x.TransA = p.one(2); x.TransA {
			x.LdA = 1
		}
		combined(vectors, to, x)
	case 5:
		fn := []tape.ReduceFn{tape.Sum, tape.ReduceMax}[p.rng.IntN(2)]
		if p.one(2) {
			to := p.other(vectors, m)
			combined(vectors, to, &tape.Reduce{Fn: fn, In: m, Out: to, Outer: p.rows, N: p.lines, Inner: p.cols})
			return
		}
		to := p.other(lines, m)
		combined(lines, to, &tape.Reduce{Fn: fn, In: m, Out: to, Outer: p.rows * p.lines, N: p.cols, Inner: 1})
	case 6:
		if to := p.other(vectors, v); p.one(2) {
			p.code = append(p.code, &tape.Copy{Shape: p.shape(vectors), In: p.dense(vectors, v), Out: p.dense(vectors, to)})
			p.kinds[vectors] = append(p.kinds[vectors], to)
		} else { // another row's
			from := p.dense(vectors, v)
			from.Off, from.Strides = (p.rows-1)*p.cols, []int{-p.cols, 1}
			p.code = append(p.code, &tape.Copy{Shape: p.shape(vectors), In: from, Out: p.dense(vectors, to)})
			p.kinds[vectors] = append(p.kinds[vectors], to)
		}
	case 7: // as a whole number of eighths
		to := p.other(lines, l)
		p.code = append(p.code,
			&tape.Rows{Kind: tape.Softmax, In: []tape.Ref{l}, Out: to, Rows: p.rows, Cols: p.lines},
			&tape.Map{Shape: p.shape(lines), In: []tape.Operand{p.dense(lines, to)}, Out: []tape.Operand{p.dense(lines, to)},
				Code: []tape.Op{{Fn: tape.Const, Value: 8.3}, {Fn: tape.Mul, Args: [3]int{0, 1}},
					{Fn: tape.Floor, Args: [3]int{2}}},
				Result: []int{3}})
		p.kinds[lines] = append(p.kinds[lines], to)
	}
}

func newRowProgram(seed uint64) *builder {
	rng := rand.New(rand.NewPCG(seed, 9))
	p := &rowProgram{builder: &builder{}, rng: rng, rows: 2 + rng.IntN(4), lines: 1 + rng.IntN(6), cols: 1 + rng.IntN(40)}
	for kind := range p.kinds {
		for i := range 2 {
			p.kinds[kind] = append(p.kinds[kind], p.floats(fmt.Sprint("slot", kind, i), tape.State, p.size(kind)))
		}
	}
	for range 3 + rng.IntN(6) {
		p.add()
	}
	p.emit(&tape.Loop{Trip: 1 + rng.IntN(3), Body: p.code})
	for kind := range p.kinds { // what is looked at in the end
		from := p.pick(kind)
		if to := p.kinds[kind][0]; !p.overlaps(to, []tape.Ref{from}) {
			p.emit(&tape.Copy{Shape: p.shape(kind), In: p.dense(kind, from), Out: p.dense(kind, to)})
		}
	}
	return p.builder
}

// Regions compute what their instructions say, whoever else reads or overwrites what they touch.
func TestRegions(t *testing.T) {
	r := &recorder{GPU: sim.New(sim.Config{})}
	programs(t, cuda.New(r), 200, newRowProgram)
	if n := r.kernels("region_"); n < 100 {
		t.Errorf("there were %d kernels of regions in all programs", n)
	}
}

// A decoder's attention is one launch a step, forward and backward; training goes as on the reference device, with
// the same bits in every run.
func TestModelsWithRegions(t *testing.T) {
	for name, kind := range map[string]models.AttentionKind{"additive": models.Additive{}, "general": models.General{}} {
		c := training{name, seq2seq("gru", kind, true, 1)}
		r := &recorder{GPU: sim.New(sim.Config{})}
		follows(t, c.open(t, cuda.New(r)), c.open(t, ref.New()), trainingSteps, 1e-5)
		if n := r.kernels("region_"); n != 2 {
			t.Errorf("%s: %d kernels of regions, want one forward and one backward", name, n)
		}
		again := c.open(t, cuda.New(sim.New(sim.Config{}), cuda.Capture(false)))
		follows(t, c.open(t, cuda.New(sim.New(sim.Config{}))), again, trainingSteps, 0)
	}
}
