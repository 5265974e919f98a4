package cuda_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
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
	switch p.rng.IntN(9) {
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
	case 7:
		to := p.other(lines, l)
		p.rounded(lines, to, &tape.Rows{Kind: tape.Softmax, In: []tape.Ref{l}, Out: to, Rows: p.rows, Cols: p.lines})
	case 8:
		p.loss(l, m)
	}
}

// rounded adds a function of rows, and makes its results whole numbers of eighths.
func (p *rowProgram) rounded(kind int, to tape.Ref, in *tape.Rows) {
	p.code = append(p.code, in, &tape.Map{
		Shape: p.shape(kind), In: []tape.Operand{p.dense(kind, to)}, Out: []tape.Operand{p.dense(kind, to)},
		Code: []tape.Op{
			{Fn: tape.Const, Value: 8.2718}, {Fn: tape.Mul, Args: [3]int{0, 1}}, // no whole number is near a step
			{Fn: tape.Const, Value: 0.4142}, {Fn: tape.Add, Args: [3]int{2, 3}}, {Fn: tape.Floor, Args: [3]int{4}},
		},
		Result: []int{5},
	})
	p.elementwise(kind, to, p.dense(kind, to))
	p.kinds[kind] = append(p.kinds[kind], to)
}

// loss adds the cross-entropy of a matrix, with a number added to each line, and its derivative.
func (p *rowProgram) loss(l, m tape.Ref) {
	target := p.buffer("", 0, tape.Int32, p.size(lines))
	logits := p.other(matrices, l, m, target)
	p.code = append(p.code, &tape.Map{
		Shape: p.shape(lines), In: []tape.Operand{p.dense(lines, l)}, Out: []tape.Operand{p.dense(lines, target)},
		Code:   []tape.Op{{Fn: tape.Abs}, {Fn: tape.Const, Value: float64(p.cols - 1)}, {Fn: tape.Min, Args: [3]int{1, 2}}},
		Result: []int{3},
	}, &tape.Map{
		Shape: p.shape(matrices), In: []tape.Operand{p.wide(lines, l), p.wide(matrices, m)},
		Out:  []tape.Operand{p.dense(matrices, logits)},
		Code: []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}}, Result: []int{2},
	})
	losses := p.other(lines, l, logits, target)
	rows := tape.Rows{Kind: tape.CrossEntropy, In: []tape.Ref{logits, target}, Out: losses, Rows: p.rows * p.lines,
		Cols: p.cols}
	derivative := rows
	if rows.Mask = p.one(2); rows.Mask {
		rows.In = append(rows.In, l)
	}
	p.rounded(lines, losses, &rows)
	derivative.Kind, derivative.Smoothing, derivative.Out = tape.CrossEntropyGrad, 0.25,
		p.other(matrices, l, logits, losses, target)
	derivative.In = append(slices.Clip(derivative.In), losses)
	p.rounded(matrices, derivative.Out, &derivative)
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
	switch loop := (&tape.Loop{Trip: 1 + rng.IntN(3), Body: p.code}); rng.IntN(6) {
	case 0:
		p.emit(p.code...)
	case 1:
		p.emit(&tape.Loop{Trip: 2, Body: []tape.Instr{loop}})
	default:
		p.emit(loop)
	}
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
	programs(t, cuda.New(r), 150, newRowProgram)
	if n := r.kernels("region_"); n < 100 {
		t.Errorf("there were %d kernels of regions in all programs", n)
	}
}

// A decoder's attention is one launch a step, forward and backward, and so is the loss; training goes as on the reference device, with
// the same bits in every run.
func TestModelsWithRegions(t *testing.T) {
	for name, kind := range map[string]models.AttentionKind{"additive": models.Additive{}, "general": models.General{}} {
		c := training{name, seq2seq("gru", kind, true, 1)}
		r := &recorder{GPU: sim.New(sim.Config{})}
		follows(t, c.open(t, cuda.New(r)), c.open(t, ref.New()), trainingSteps, 1e-5)
		if n := r.kernels("region_"); n != 4 {
			t.Errorf("%s: %d kernels of regions, want those of the attention and of the loss, forward and backward", name, n)
		}
		again := c.open(t, cuda.New(sim.New(sim.Config{}), cuda.Capture(false)))
		follows(t, c.open(t, cuda.New(sim.New(sim.Config{}))), again, trainingSteps, 0)
	}
	beside := training{"beside steps", translator(32, "gru", models.Additive{}, true, 1)}
	r := &recorder{GPU: sim.New(sim.Config{})}
	follows(t, beside.open(t, cuda.New(r, cuda.Precision(driver.TF32))), beside.open(t, ref.New()), trainingSteps, 2e-4)
	if regions, steps := r.kernels("region_"), r.kernels("step_"); regions < 3 || steps == 0 {
		t.Errorf("at TF32 there are %d kernels of regions and %d of steps", regions, steps)
	}
}

// A bad target is reported as the instruction's, from a region, too: by the host before the run where only it
// writes targets, else by the kernel.
func TestRegionReportsTargets(t *testing.T) {
	const rows, cols, bad = 5, 7, 3
	for _, byHost := range []bool{true, false} {
		b := &builder{}
		x := b.floats("x", tape.Input, rows*cols)
		given, target := b.buffer("target", tape.Input, tape.Int32, rows), b.buffer("", 0, tape.Int32, rows)
		logits, loss := b.floats("", 0, rows*cols), b.floats("loss", tape.Output, rows)
		from := target
		if byHost {
			from = given
		} else {
			b.emit(&tape.Copy{Shape: []int{rows}, In: flat(given), Out: flat(target)})
		}
		b.emit(add(logits, x, x, rows*cols),
			&tape.Rows{Kind: tape.CrossEntropy, In: []tape.Ref{logits, from}, Out: loss, Rows: rows, Cols: cols})
		r := &recorder{GPU: sim.New(sim.Config{})}
		p, err := cuda.New(r).Load(&b.Tape)
		if err != nil {
			t.Fatal(err)
		}
		if r.kernels("region_") != 1 {
			t.Errorf("%d kernels of regions, want 1", r.kernels("region_"))
		}
		targets := []int32{0, 1, 2, cols, 4}
		write(t, p, b.id("target"), targets)
		err = p.Run()
		index := (*tape.IndexError)(nil)
		if !errors.As(err, &index) || index.Pos != bad || index.Index != cols || index.Rows != cols ||
			!strings.HasPrefix(index.Instr, "rows ") {
			t.Errorf("by the host %v: a bad target gives %v", byHost, err)
		}
		targets[bad] = 3
		write(t, p, b.id("target"), targets)
		run(t, p)
		for i, got := range read(t, p, b.id("loss"), rows) {
			if want := float32(math.Log(cols)); math.Abs(float64(got-want)) > 1e-6 {
				t.Errorf("loss %d is %v, want %v", i, got, want)
			}
		}
		p.Close()
	}
}

// What belongs to the rows of a batch may be more than a kernel takes: then it is several.
func TestRegionsOfManyInstructions(t *testing.T) {
	const rows, cols, layers = 3, 5, 400
	b := &builder{}
	x := b.floats("x", tape.Input, rows*cols)
	for i := range layers {
		y := b.floats("", 0, rows*cols)
		if i == layers-1 {
			y = b.floats("y", tape.Output, rows*cols)
		}
		b.emit(&tape.Rows{Kind: tape.Softmax, In: []tape.Ref{x}, Out: y, Rows: rows, Cols: cols})
		x = y
	}
	r := &recorder{GPU: sim.New(sim.Config{})}
	p, err := cuda.New(r).Load(&b.Tape)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	in := make([]float32, rows*cols)
	for i := range in {
		in[i] = float32(i % cols)
	}
	write(t, p, b.id("x"), in)
	run(t, p)
	for i, got := range read(t, p, b.id("y"), rows*cols) { // softmax again and again tends to the uniform distribution
		if math.Abs(float64(got)-1./cols) > 1e-6 {
			t.Errorf("element %d is %v, want %v", i, got, 1./cols)
		}
	}
}
