package devicetest

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/unroll-ml/unroll/graph/tape"
)

var faults = slices.Concat(slotFaults(), productFaults(), fnFaults(), mapFaults(), rowsFaults(), moveFaults(), loopFaults(), packFaults(), hostFaults())

// program passes all on but what a fault changes.
type program struct {
	tape.Program
	write func(s tape.SlotID, data any) error
	run   func() error
	read  func(s tape.SlotID, data any) error
	close func() error
}

func (p *program) Write(s tape.SlotID, data any) error {
	if p.write != nil {
		return p.write(s, data)
	}
	return p.Program.Write(s, data)
}

func (p *program) Run() error {
	if p.run != nil {
		return p.run()
	}
	return p.Program.Run()
}

func (p *program) Read(s tape.SlotID, data any) error {
	if p.read != nil {
		return p.read(s, data)
	}
	return p.Program.Read(s, data)
}

func (p *program) Close() error {
	if p.close != nil {
		return p.close()
	}
	return p.Program.Close()
}

// fillSlots writes a number to all slots of a kind.
func fillSlots(p tape.Program, t *tape.Tape, kind tape.SlotKind, x float64) {
	for s, slot := range t.Slots {
		if slot.Kind == kind {
			if err := writeSlot(p, t, tape.SlotID(s), x); err != nil {
				panic(err)
			}
		}
	}
}

func slotFaults() []fault {
	type wrapper = func(p tape.Program, t *tape.Tape) tape.Program
	wrap := func(f func(w *program, t *tape.Tape)) wrapper {
		return func(p tape.Program, t *tape.Tape) tape.Program {
			w := &program{Program: p}
			f(w, t)
			return w
		}
	}
	return []fault{
		{check: "slots zero", name: "reuses memory with its old contents", wrap: wrap(func(w *program, t *tape.Tape) { fillSlots(w.Program, t, tape.State, 1) })},
		{check: "slots keep", name: "clears states before each run", wrap: wrap(func(w *program, t *tape.Tape) {
			w.run = func() error { fillSlots(w.Program, t, tape.State, 0); return w.Program.Run() }
		})},
		{check: "slots keep", name: "consumes its inputs", wrap: wrap(func(w *program, t *tape.Tape) {
			w.run = func() error { err := w.Program.Run(); fillSlots(w.Program, t, tape.Input, 0); return err }
		})},
		{check: "slots copy", name: "keeps the slice that Write got", wrap: wrap(func(w *program, t *tape.Tape) {
			later := map[tape.SlotID]any{}
			w.write = func(s tape.SlotID, data any) error { later[s] = data; return w.Program.Write(s, data) }
			w.run = func() error {
				for s, data := range later {
					if err := w.Program.Write(s, data); err != nil {
						return err
					}
				}
				return w.Program.Run()
			}
		})},
		{check: "slots copy", name: "fills the slice that Read got again after a run", wrap: wrap(func(w *program, t *tape.Tape) {
			later := map[tape.SlotID]any{}
			w.read = func(s tape.SlotID, data any) error { later[s] = data; return w.Program.Read(s, data) }
			w.run = func() error {
				if err := w.Program.Run(); err != nil {
					return err
				}
				for s, data := range later {
					if err := w.Program.Read(s, data); err != nil {
						return err
					}
				}
				return nil
			}
		})},
		{check: "slots shapes", name: "cannot read an empty slot", wrap: wrap(func(w *program, t *tape.Tape) {
			w.read = func(s tape.SlotID, data any) error {
				if len(unhost(data)) == 0 {
					return errors.New("nothing to read")
				}
				return w.Program.Read(s, data)
			}
		})},
		{check: "programs apart", name: "loads a tape only once", load: func() func(d tape.Device, t *tape.Tape) (tape.Program, error) {
			loaded := map[*tape.Tape]tape.Program{}
			return func(d tape.Device, t *tape.Tape) (p tape.Program, err error) {
				if loaded[t] == nil {
					loaded[t], err = d.Load(t)
				}
				return loaded[t], err
			}
		}()},
		{check: "programs concurrent", name: "runs one program at a time", wrap: func() wrapper {
			var busy sync.Mutex
			return wrap(func(w *program, t *tape.Tape) {
				w.run = func() error {
					if !busy.TryLock() {
						return errors.New("busy")
					}
					defer busy.Unlock()
					time.Sleep(5 * time.Millisecond)
					return w.Program.Run()
				}
			})
		}()},
		{check: "errors slots", name: "lets the host write an output", wrap: wrap(func(w *program, t *tape.Tape) {
			w.write = func(s tape.SlotID, data any) error {
				if s >= 0 && int(s) < len(t.Slots) && t.Slots[s].Kind == tape.Output {
					return nil
				}
				return w.Program.Write(s, data)
			}
		})},
		{check: "errors slots", name: "takes too few elements", wrap: wrap(func(w *program, t *tape.Tape) {
			w.write = func(s tape.SlotID, data any) error {
				if len(t.Slots) == 3 {
					switch data := data.(type) {
					case []float32:
						if len(data) == 2 {
							return nil
						}
					case []float64:
						if len(data) == 2 {
							return nil
						}
					}
				}
				return w.Program.Write(s, data)
			}
		})},
		{check: "errors slots", name: "names no slot", wrap: wrap(func(w *program, t *tape.Tape) {
			w.read = func(s tape.SlotID, data any) error {
				if w.Program.Read(s, data) != nil {
					return errors.New("bad argument")
				}
				return nil
			}
		})},
		{check: "errors closed", name: "closes only once", wrap: wrap(func(w *program, t *tape.Tape) {
			closed := false
			w.close = func() error {
				if closed {
					return errors.New("closed")
				}
				closed = true
				return w.Program.Close()
			}
		})},
		{check: "errors closed", name: "never closes", wrap: wrap(func(w *program, t *tape.Tape) { w.close = func() error { return nil } })},
		{check: "errors unsupported", name: "panics on what it does not know", load: func(d tape.Device, t *tape.Tape) (tape.Program, error) {
			p, err := d.Load(t)
			if err != nil {
				panic(err)
			}
			return p, err
		}},
		{check: "errors unsupported", name: "has no type for that error", load: func(d tape.Device, t *tape.Tape) (tape.Program, error) {
			p, err := d.Load(t)
			if err != nil {
				err = errors.New(err.Error())
			}
			return p, err
		}},
		{check: "errors malformed", name: "loads anything", load: func(d tape.Device, t *tape.Tape) (tape.Program, error) {
			p, err := d.Load(t)
			if err != nil {
				return d.Load(&tape.Tape{Float: t.Float})
			}
			return p, err
		}},
		{check: "index error", name: "counts positions from 1", wrap: wrap(func(w *program, t *tape.Tape) {
			w.run = func() error {
				err := w.Program.Run()
				if ie := (*tape.IndexError)(nil); errors.As(err, &ie) {
					ie.Pos++
				}
				return err
			}
		})},
		{check: "index error", name: "has no type for a bad index", wrap: wrap(func(w *program, t *tape.Tape) {
			w.run = func() error {
				if err := w.Program.Run(); err != nil {
					return errors.New(err.Error())
				}
				return nil
			}
		})},
		{check: "index error", name: "never runs again after a bad index", wrap: wrap(func(w *program, t *tape.Tape) {
			var failed error
			w.run = func() error {
				if failed == nil {
					failed = w.Program.Run()
				}
				return failed
			}
		})},
		{check: "host error", name: "swallows a host function's error", wrap: wrap(func(w *program, t *tape.Tape) {
			w.run = func() error { _ = w.Program.Run(); return nil }
		})},
		{check: "host load", name: "runs the tape on Load", wrap: wrap(func(w *program, t *tape.Tape) { _ = w.Program.Run() })},
		{check: "reduce", name: "adds in another order at each run", wrap: wrap(func(w *program, t *tape.Tape) {
			runs := 0
			w.run = func() error { runs++; return w.Program.Run() }
			w.read = func(s tape.SlotID, data any) error {
				if err := w.Program.Read(s, data); err != nil {
					return err
				}
				if xs, ok := data.([]float32); ok && runs == 2 {
					for i, x := range xs {
						if math.Abs(float64(x)) > 3 && x != -77 {
							xs[i] = math.Nextafter32(x, 1e30)
						}
					}
				}
				if xs, ok := data.([]float64); ok && runs == 2 {
					for i, x := range xs {
						if math.Abs(x) > 3 && x != -77 {
							xs[i] = math.Nextafter(x, 1e300)
						}
					}
				}
				return nil
			}
		})},
	}
}

func productFaults() []fault {
	return []fault{
		{check: "product sizes", name: "ignores Acc", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.Acc = false })},
		{check: "product sizes", name: "always accumulates", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.Acc = true })},
		{check: "product sizes", name: "forgets the last of K where K is not even", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.K -= p.K % 2 * min(p.K/5, 1) })},
		{check: "product sizes", name: "forgets a remainder of columns", rewrite: edit(func(_ *tape.Tape, p *tape.Product) {
			if p.N%16 == 15 {
				p.N--
			}
		})},
		{check: "product sizes", name: "computes with fewer digits", rewrite: naive(func(a, b float64) float64 { return a * b * (1 + 2e-6) })},
		{check: "product layouts", name: "takes B as dense", rewrite: edit(func(_ *tape.Tape, p *tape.Product) {
			if p.LdB = p.N; p.TransB {
				p.LdB = p.K
			}
		})},
		{check: "product layouts", name: "does only the first of a batch", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.Batch = min(p.Batch, 1) })},
		{check: "product layouts", name: "writes zeros between the rows of C", rewrite: replace(func(_ *tape.Tape, p *tape.Product, _ int) []tape.Instr {
			if p.LdC == p.N || p.Batch > 1 || p.M < 2 {
				return nil
			}
			gap := p.C
			gap.Off += p.N
			return []tape.Instr{p, &tape.Map{
				Shape: []int{p.M - 1, p.LdC - p.N}, Code: []tape.Op{{Fn: tape.Const}}, Result: []int{0},
				Out: []tape.Operand{{Ref: gap, Strides: []int{p.LdC, 1}}},
			}}
		})},
		{check: "product layouts", name: "uses the first B for all of a batch", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.StrideB = 0 })},
		{check: "product large", name: "forgets what lies past the first block of K", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.K = min(p.K, 512) })},
		{check: "product empty", name: "leaves C where K is 0", rewrite: drop(func(p *tape.Product) bool { return p.K == 0 })},
		{check: "product NaN", name: "skips zeros", rewrite: naive(func(a, b float64) float64 {
			if a == 0 || b == 0 {
				return 0
			}
			return a * b
		})},
		{check: "product NaN", name: "skips zeros of A only", rewrite: naive(func(a, b float64) float64 {
			if a == 0 {
				return 0
			}
			return a * b
		})},
	}
}

func fnFaults() []fault {
	type add = func(fn tape.Fn, args ...int) int
	type num = func(v float64) int
	off := func(fn tape.Fn, by float64) rewriter {
		return instead(fn, func(x, y, _ int, add add, num num) int {
			r := add(fn, x, y)
			return add(tape.Add, r, add(tape.Mul, r, num(by)))
		})
	}
	flush := func(fn tape.Fn) rewriter {
		return instead(fn, func(x, y, _ int, add add, num num) int {
			r := add(fn, x, y)
			return add(tape.Where, add(tape.Lt, add(tape.Abs, r), num(0x1p-126)), add(tape.Mul, r, num(0)), r)
		})
	}
	fs := []fault{
		{check: "fn exact", name: "negates by 0-x", rewrite: instead(tape.Neg, func(x, _, _ int, add add, num num) int { return add(tape.Sub, num(0), x) })},
		{check: "fn exact", name: "drops a NaN in Max", rewrite: instead(tape.Max, func(x, y, _ int, add add, _ num) int { return add(tape.Where, add(tape.Lt, x, y), y, x) })},
		{check: "fn exact", name: "drops a NaN in Min", rewrite: instead(tape.Min, func(x, y, _ int, add add, _ num) int { return add(tape.Where, add(tape.Lt, y, x), y, x) })},
		{check: "fn exact", name: "takes Lt for Le", rewrite: instead(tape.Lt, func(x, y, _ int, add add, _ num) int { return add(tape.Le, x, y) })},
		{check: "fn exact", name: "has Ne false for NaN", rewrite: instead(tape.Ne, func(x, y, _ int, add add, _ num) int { return add(tape.Add, add(tape.Lt, x, y), add(tape.Lt, y, x)) })},
		{check: "fn exact", name: "has a Sign of 0 for NaN", rewrite: instead(tape.Sign, func(x, _, _ int, add add, num num) int {
			return add(tape.Sub, add(tape.Lt, num(0), x), add(tape.Lt, x, num(0)))
		})},
		{check: "fn exact", name: "divides by a reciprocal", rewrite: instead(tape.Div, func(x, y, _ int, add add, num num) int { return add(tape.Mul, x, add(tape.Div, num(1), y)) })},
		{check: "fn exact", name: "flushes denormal sums", rewrite: flush(tape.Add)},
		{check: "fn exact", name: "flushes denormal products", rewrite: flush(tape.Mul)},
		{check: "fn accurate", name: "overflows in Sigmoid", rewrite: instead(tape.Sigmoid, func(x, _, _ int, add add, num num) int {
			e := add(tape.Exp, x)
			return add(tape.Div, e, add(tape.Add, num(1), e))
		})},
		{check: "fn accurate", name: "overflows in Tanh", rewrite: instead(tape.Tanh, func(x, _, _ int, add add, num num) int {
			e := add(tape.Exp, add(tape.Mul, num(2), x))
			return add(tape.Div, add(tape.Sub, e, num(1)), add(tape.Add, e, num(1)))
		})},
		{check: "fn accurate", name: "has NaN for 1 to the power of NaN", rewrite: instead(tape.Pow, func(x, y, _ int, add add, num num) int {
			return add(tape.Add, add(tape.Pow, x, y), add(tape.Mul, y, num(0)))
		})},
		{check: "fn accurate", name: "computes powers of positive numbers only", rewrite: instead(tape.Pow, func(x, y, _ int, add add, _ num) int { return add(tape.Exp, add(tape.Mul, y, add(tape.Log, x))) })},
		{check: "fn where", name: "computes Where by products", rewrite: instead(tape.Where, func(x, y, z int, add add, num num) int {
			c := add(tape.Ne, x, num(0))
			return add(tape.Add, add(tape.Mul, c, y), add(tape.Mul, add(tape.Sub, num(1), c), z))
		})},
		{check: "fn where", name: "takes NaN for false", rewrite: instead(tape.Where, func(x, y, z int, add add, num num) int {
			return add(tape.Where, add(tape.Lt, num(0), add(tape.Abs, x)), y, z)
		})},
		{check: "fn nullary", name: "counts along the last axis only", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			m.Code = slices.Clone(m.Code)
			for i := range m.Code {
				if m.Code[i].Fn == tape.Iota {
					m.Code[i].Axis = len(m.Shape) - 1
				}
			}
		})},
		{check: "fn nullary", name: "rounds constants to 3 digits", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			m.Code = slices.Clone(m.Code)
			for i, op := range m.Code {
				if op.Fn == tape.Const && math.Abs(op.Value) < 100 {
					m.Code[i].Value = math.Round(op.Value*1000) / 1000
				}
			}
		})},
		{check: "fn int", name: "rounds to the nearest integer", rewrite: edit(func(t *tape.Tape, m *tape.Map) {
			if t.Buffers[m.Out[0].Buf].Dtype == tape.Int32 {
				n := len(m.In) + len(m.Code)
				m.Code = append(slices.Clone(m.Code), tape.Op{Fn: tape.Const, Value: 0.5}, tape.Op{Fn: tape.Add, Args: [3]int{m.Result[0], n}}, tape.Op{Fn: tape.Floor, Args: [3]int{n + 1}})
				m.Result = []int{n + 2}
			}
		})},
	}
	for _, fn := range []tape.Fn{tape.Exp, tape.Log, tape.Log1p, tape.Expm1, tape.Sin, tape.Cos, tape.Tanh, tape.Sigmoid, tape.Pow} {
		fs = append(fs, fault{check: "fn accurate", name: "computes " + fn.String() + " to 5 digits", rewrite: off(fn, 1e-5)})
	}
	return fs
}

func mapFaults() []fault {
	flat := func(m *tape.Map) bool { return len(m.Shape) == 1 && m.Shape[0] > 0 }
	return []fault{
		{check: "map sizes", name: "forgets the last element of an odd length", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			if flat(m) && m.Shape[0]%8 == 7 {
				m.Shape = []int{m.Shape[0] - 1}
			}
		})},
		{check: "map sizes", name: "writes whole vectors", rewrite: replace(func(t *tape.Tape, m *tape.Map, _ int) []tape.Instr {
			rest := m.Out[0].Ref
			rest.Off += m.Shape[0]
			n := min(-m.Shape[0]&7, t.Buffers[rest.Buf].Len-rest.Off)
			return []tape.Instr{m, &tape.Map{
				Shape: []int{n}, Code: []tape.Op{{Fn: tape.Const}}, Result: []int{0}, Out: []tape.Operand{dense(rest, n)},
			}}
		})},
		{check: "map views", name: "takes the last axis as dense", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			m.In = slices.Clone(m.In)
			for i, o := range m.In {
				if n := len(o.Strides); n > 0 && o.Strides[n-1] > 1 {
					m.In[i].Strides = append(slices.Clone(o.Strides[:n-1]), 1)
				}
			}
		})},
		{check: "map views", name: "broadcasts all that goes backward", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			m.In = slices.Clone(m.In)
			for i, o := range m.In {
				m.In[i].Strides = slices.Clone(o.Strides)
				for k, s := range o.Strides {
					m.In[i].Strides[k] = max(s, 0)
				}
			}
		})},
		{check: "map programs", name: "stores only the first result", rewrite: edit(func(_ *tape.Tape, m *tape.Map) { m.Out, m.Result = m.Out[:1], m.Result[:1] })},
		{check: "map programs", name: "gives the last register as every result", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			m.Result = slices.Repeat([]int{len(m.In) + len(m.Code) - 1}, len(m.Result))
		})},
		{check: "map in place", name: "stores one output before it computes the next", rewrite: replace(func(_ *tape.Tape, m *tape.Map, _ int) (code []tape.Instr) {
			for i := range m.Out {
				one := *m
				one.Out, one.Result = m.Out[i:i+1], m.Result[i:i+1]
				code = append(code, &one)
			}
			return code
		})},
		{check: "map empty", name: "has no Map without dimensions", rewrite: drop(func(m *tape.Map) bool { return len(m.Shape) == 0 })},
		{check: "map empty", name: "takes an extent of 0 for 1", rewrite: edit(func(_ *tape.Tape, m *tape.Map) {
			if slices.Equal(m.Shape, []int{0}) { // of an operand that has an element
				m.Shape, m.In = []int{1}, m.Out
			}
		})},
		{check: "reduce", name: "gives nothing for no numbers", rewrite: drop(func(r *tape.Reduce) bool { return r.N == 0 })},
		{check: "reduce", name: "takes the largest for the sum", rewrite: edit(func(_ *tape.Tape, r *tape.Reduce) { r.Fn = tape.ReduceMax })},
		{check: "reduce", name: "forgets the last of an odd number", rewrite: edit(func(_ *tape.Tape, r *tape.Reduce) {
			if r.Inner == 1 && r.Outer == 1 {
				r.N -= r.N % 2
			}
		})},
		{check: "reduce special", name: "drops a NaN", rewrite: largest(func(acc, x float64) float64 {
			if x > acc {
				return x
			}
			return acc
		})},
		{check: "reduce special", name: "starts from the smallest finite number", rewrite: largest(func(acc, x float64) float64 { return max(acc, x, -math.MaxFloat32) })},
	}
}

// largest computes ReduceMax by f.
func largest(f func(acc, x float64) float64) rewriter {
	return replace(func(_ *tape.Tape, r *tape.Reduce, _ int) []tape.Instr {
		if r.Fn != tape.ReduceMax {
			return nil
		}
		return onHost([]tape.HostArg{arg(r.Out, r.Outer, r.Inner)}, []tape.HostArg{arg(r.In, r.Outer, r.N, r.Inner)}, func(out, in [][]float64) {
			for o := range r.Outer {
				for i := range r.Inner {
					acc := math.Inf(-1)
					for n := range r.N {
						acc = f(acc, in[0][(o*r.N+n)*r.Inner+i])
					}
					out[0][o*r.Inner+i] = acc
				}
			}
		})
	})
}

// byRow computes the rows of one kind on the host: f gets one row of each operand.
func byRow(kind tape.RowsKind, f func(r *tape.Rows, out []float64, in [][]float64)) rewriter {
	return replace(func(_ *tape.Tape, r *tape.Rows, _ int) []tape.Instr {
		if r.Kind != kind {
			return nil
		}
		each := kind == tape.CrossEntropy || kind == tape.CrossEntropyGrad
		width := func(i int) int { // of an operand; of the output, -1
			switch {
			case i > 0 && each, i < 0 && (kind == tape.CrossEntropy || kind == tape.Argmax):
				return 1
			}
			return r.Cols
		}
		var in []tape.HostArg
		for i, a := range r.In {
			in = append(in, arg(a, r.Rows, width(i)))
		}
		return onHost([]tape.HostArg{arg(r.Out, r.Rows, width(-1))}, in, func(out, in [][]float64) {
			for i := range r.Rows {
				var rows [][]float64
				for k, a := range in {
					rows = append(rows, a[i*width(k):][:width(k)])
				}
				f(r, out[0][i*width(-1):][:width(-1)], rows)
			}
		})
	})
}

func rowsFaults() []fault {
	unmask := edit(func(_ *tape.Tape, r *tape.Rows) {
		if r.Mask && (r.Kind == tape.Softmax || r.Kind == tape.CrossEntropy) {
			r.Mask, r.In = false, r.In[:len(r.In)-1]
		}
	})
	return []fault{
		{check: "rows softmax", name: "ignores the mask", rewrite: unmask},
		{check: "rows softmax", name: "masks by adding -1e9", rewrite: byRow(tape.Softmax, func(r *tape.Rows, out []float64, in [][]float64) {
			x := in[0]
			for j := range x {
				if r.Mask && in[1][j] == 0 {
					x[j] = -1e9
				}
			}
			copy(out, softmax(x, all))
		})},
		{check: "rows softmax", name: "does not shift by the largest", rewrite: byRow(tape.Softmax, func(r *tape.Rows, out []float64, in [][]float64) {
			sum := 0.0
			for j, x := range in[0] {
				if out[j] = 0; !r.Mask || in[1][j] != 0 {
					out[j] = math.Exp(x)
				}
				sum += out[j]
			}
			for j := range out {
				out[j] /= max(sum, math.SmallestNonzeroFloat64)
			}
		})},
		{check: "rows softmax", name: "shifts by the largest of all columns", rewrite: byRow(tape.Softmax, func(r *tape.Rows, out []float64, in [][]float64) {
			largest, sum := slices.Max(append(in[0], math.Inf(-1))), 0.0
			for j, x := range in[0] {
				if out[j] = 0; !r.Mask || in[1][j] != 0 {
					out[j] = math.Exp(x - largest)
				}
				sum += out[j]
			}
			for j := range out {
				out[j] /= max(sum, math.SmallestNonzeroFloat64)
			}
		})},
		{check: "rows logsoftmax", name: "takes the logarithm of the softmax", rewrite: byRow(tape.LogSoftmax, func(_ *tape.Rows, out []float64, in [][]float64) {
			for j, y := range softmax(in[0], all) {
				out[j] = math.Log(max(y, 1e-20))
			}
		})},
		{check: "rows gradients", name: "forgets the sum in SoftmaxGrad", rewrite: byRow(tape.SoftmaxGrad, func(_ *tape.Rows, out []float64, in [][]float64) {
			for j := range out {
				out[j] = in[0][j] * in[1][j]
			}
		})},
		{check: "rows gradients", name: "forgets the sum in LogSoftmaxGrad", rewrite: byRow(tape.LogSoftmaxGrad, func(_ *tape.Rows, out []float64, in [][]float64) {
			for j := range out {
				out[j] = in[1][j] - math.Exp(in[0][j])
			}
		})},
		{check: "rows crossentropy", name: "ignores the smoothing", rewrite: edit(func(_ *tape.Tape, r *tape.Rows) { r.Smoothing = 0 })},
		{check: "rows crossentropy", name: "ignores the smoothing of the derivative", rewrite: edit(func(_ *tape.Tape, r *tape.Rows) {
			if r.Kind == tape.CrossEntropyGrad {
				r.Smoothing = 0
			}
		})},
		{check: "rows crossentropy", name: "takes any mask for 1", rewrite: byRow(tape.CrossEntropyGrad, func(r *tape.Rows, out []float64, in [][]float64) {
			for j, y := range softmax(in[0], all) {
				q := r.Smoothing / float64(r.Cols)
				if j == int(in[1][0]) {
					q += 1 - r.Smoothing
				}
				if out[j] = (y - q) * in[2][0]; r.Mask && in[3][0] == 0 {
					out[j] = 0
				}
			}
		})},
		{check: "rows crossentropy masked", name: "ignores the mask", rewrite: unmask},
		{check: "rows crossentropy masked", name: "multiplies by the mask", rewrite: byRow(tape.CrossEntropy, func(r *tape.Rows, out []float64, in [][]float64) {
			t := int(min(max(in[1][0], 0), float64(r.Cols-1)))
			out[0] = (logSumExp(in[0]) - in[0][t]) * in[2][0]
		})},
		{check: "rows argmax", name: "finds the last of equals", rewrite: byRow(tape.Argmax, func(_ *tape.Rows, out []float64, in [][]float64) {
			best := 0
			for j, x := range in[0] {
				if x >= in[0][best] || x != x {
					best = j
				}
			}
			out[0] = float64(best)
		})},
		{check: "rows argmax", name: "passes over NaN", rewrite: byRow(tape.Argmax, func(_ *tape.Rows, out []float64, in [][]float64) {
			best := 0
			for j, x := range in[0] {
				if x > in[0][best] {
					best = j
				}
			}
			out[0] = float64(best)
		})},
		{check: "rows in place", name: "clears its output first", rewrite: replace(func(_ *tape.Tape, r *tape.Rows, _ int) []tape.Instr {
			n := r.Rows * r.Cols
			return []tape.Instr{&tape.Map{Shape: []int{n}, Code: []tape.Op{{Fn: tape.Const}}, Result: []int{0}, Out: []tape.Operand{dense(r.Out, n)}}, r}
		})},
	}
}

func moveFaults() []fault {
	return []fault{
		{check: "copy", name: "takes its output as dense", rewrite: edit(func(_ *tape.Tape, c *tape.Copy) {
			if len(c.Shape) == 2 && c.Out.Strides[1] > 1 && c.Out.Strides[0] == 1 {
				c.Out = dense(c.Out.Ref, c.Shape...)
			}
		})},
		{check: "copy bits", name: "copies by way of arithmetic", rewrite: replace(func(t *tape.Tape, c *tape.Copy, _ int) []tape.Instr {
			return []tape.Instr{&tape.Map{
				Shape: c.Shape, In: []tape.Operand{c.In}, Out: []tape.Operand{c.Out},
				Code: []tape.Op{{Fn: tape.Const, Value: 0}, {Fn: tape.Add, Args: [3]int{0, 1}}}, Result: []int{2},
			}}
		})},
		{check: "gather", name: "gathers the rows in reverse", rewrite: replace(func(_ *tape.Tape, g *tape.Gather, _ int) (code []tape.Instr) {
			for n := range g.N {
				one := *g
				one.N = 1
				one.Index.Off += n
				one.Out.Off += (g.N - 1 - n) * g.Width
				code = append(code, &one)
			}
			return code
		})},
		{check: "scatteradd", name: "does not clear its output", rewrite: scatter(func(out, in []float64, index, width int) {
			for i, x := range in {
				out[index*width+i] += x
			}
		}, false)},
		{check: "scatteradd", name: "adds in float64", rewrite: scatter(func(out, in []float64, index, width int) {
			for i, x := range in {
				out[index*width+i] += x * (1 + 0x1p-50) // and so not to the bit in Float64 either
			}
		}, true)},
		{check: "index error", name: "clamps indices", rewrite: replace(func(_ *tape.Tape, g *tape.Gather, _ int) []tape.Instr {
			return onHost([]tape.HostArg{arg(g.Out, g.N, g.Width)}, []tape.HostArg{arg(g.Table, g.Rows, g.Width), arg(g.Index, g.N)}, func(out, in [][]float64) {
				for n, row := range in[1] {
					copy(out[0][n*g.Width:][:g.Width], in[0][int(min(max(row, 0), float64(g.Rows-1)))*g.Width:])
				}
			})
		})},
		{check: "random", name: "ignores the stream", rewrite: edit(func(_ *tape.Tape, r *tape.Random) { r.Stream = 0 })},
		{check: "random", name: "draws all rows with the first key", rewrite: replace(func(_ *tape.Tape, r *tape.Random, _ int) (code []tape.Instr) {
			for n := range r.N {
				one := *r
				one.N = 1
				one.Out.Off += n * r.Width
				code = append(code, &one)
			}
			return code
		})},
	}
}

// scatter computes ScatterAdd on the host.
func scatter(add func(out, in []float64, index, width int), clearFirst bool) rewriter {
	return replace(func(_ *tape.Tape, s *tape.ScatterAdd, _ int) []tape.Instr {
		return onHost([]tape.HostArg{arg(s.Out, s.Rows, s.Width)}, []tape.HostArg{arg(s.Index, s.N), arg(s.In, s.N, s.Width)}, func(out, in [][]float64) {
			if clearFirst {
				clear(out[0])
			}
			for n, row := range in[0] {
				add(out[0], in[1][n*s.Width:][:s.Width], int(row), s.Width)
			}
		})
	})
}

// moves rewrites how every operand moves in loops.
func moves(f func(r *tape.Ref)) rewriter {
	return func(_ *tape.Tape, in tape.Instr, _ int) []tape.Instr {
		m, ok := in.(*tape.Map)
		if !ok {
			return []tape.Instr{in}
		}
		c := *m
		for _, ops := range []*[]tape.Operand{&c.In, &c.Out} {
			*ops = slices.Clone(*ops)
			for i := range *ops {
				o := &(*ops)[i]
				o.Step = slices.Clone(o.Step)
				f(&o.Ref)
			}
		}
		return []tape.Instr{&c}
	}
}

func loopFaults() []fault {
	return []fault{
		{check: "loop moves", name: "stands still where a step is negative", rewrite: moves(func(r *tape.Ref) {
			for i, s := range r.Step {
				r.Step[i] = max(s, 0)
			}
		})},
		{check: "loop carries", name: "runs loops from the last step to the first", rewrite: replace(func(_ *tape.Tape, l *tape.Loop, depth int) []tape.Instr {
			reversed := &tape.Loop{Trip: l.Trip}
			for _, in := range l.Body {
				reversed.Body = append(reversed.Body, moves(func(r *tape.Ref) {
					if depth < len(r.Step) {
						r.Off += (l.Trip - 1) * r.Step[depth]
						r.Step[depth] *= -1
					}
				})(nil, in, depth)...)
			}
			return []tape.Instr{reversed}
		})},
		{check: "loop nested", name: "moves by the outermost loop only", rewrite: moves(func(r *tape.Ref) { r.Step = r.Step[:min(len(r.Step), 1)] })},
		{check: "loop nested", name: "moves by the innermost loop only", rewrite: moves(func(r *tape.Ref) {
			for i := range max(len(r.Step), 1) - 1 {
				r.Step[i] = 0
			}
		})},
		{check: "loop empty", name: "runs every loop at least once", rewrite: edit(func(_ *tape.Tape, l *tape.Loop) { l.Trip = max(l.Trip, 1) })},
		{check: "loop instructions", name: "gathers with the first step's indices", rewrite: edit(func(_ *tape.Tape, g *tape.Gather) { g.Index.Step = nil })},
		{check: "loop instructions", name: "draws with the first step's keys", rewrite: edit(func(_ *tape.Tape, r *tape.Random) { r.Keys.Step = nil })},
		{check: "loop instructions", name: "reduces the first step's numbers", rewrite: edit(func(_ *tape.Tape, r *tape.Reduce) { r.In.Step = nil })},
		{check: "loop instructions", name: "copies the first step's numbers", rewrite: edit(func(_ *tape.Tape, c *tape.Copy) { c.In.Step = nil })},
		{check: "loop instructions", name: "scatters to the first step's place", rewrite: edit(func(_ *tape.Tape, s *tape.ScatterAdd) { s.Out.Step = nil })},
	}
}

// packOnce makes every loop use a copy of the B, or the A, of its products that is made before the loop, where the operand does not
// move and fresh does not see it written.
func packOnce(ofA bool, fresh func(t *tape.Tape, l *tape.Loop, b tape.BufferID) bool) rewriter {
	return replace(func(t *tape.Tape, l *tape.Loop, depth int) []tape.Instr {
		var before []tape.Instr
		loop := &tape.Loop{Trip: l.Trip}
		for _, in := range l.Body {
			p, ok := in.(*tape.Product)
			if !ok {
				loop.Body = append(loop.Body, in)
				continue
			}
			c := *p
			operand, n := &c.B, extentB(p)
			if ofA {
				operand, n = &c.A, extentA(p)
			}
			if n > 0 && operand.Fixed(depth) && !fresh(t, l, operand.Buf) {
				pack, from := scratch(t, t.Float, n), *operand
				from.Step = from.Step[:min(depth, len(from.Step))]
				before = append(before, &tape.Copy{Shape: []int{n}, In: dense(from, n), Out: dense(pack, n)})
				*operand = pack
			}
			loop.Body = append(loop.Body, &c)
		}
		return append(before, loop)
	})
}

// writes reports whether code writes a buffer that touches holds for.
func writes(code []tape.Instr, touches func(b tape.BufferID) bool) bool {
	found := false
	for _, in := range code {
		in.Refs(func(r tape.Ref, write bool) { found = found || write && touches(r.Buf) })
		if l, ok := in.(*tape.Loop); ok {
			found = found || writes(l.Body, touches)
		}
	}
	return found
}

func packFaults() []fault {
	never := func(*tape.Tape, *tape.Loop, tape.BufferID) bool { return false }
	byID := func(_ *tape.Tape, l *tape.Loop, b tape.BufferID) bool {
		return writes(l.Body, func(w tape.BufferID) bool { return w == b })
	}
	byStart := func(t *tape.Tape, l *tape.Loop, b tape.BufferID) bool {
		return writes(l.Body, func(w tape.BufferID) bool { return t.Buffers[w].Offset == t.Buffers[b].Offset })
	}
	return []fault{
		{check: "pack fixed", name: "packs a part of B", rewrite: replace(func(_ *tape.Tape, p *tape.Product, depth int) []tape.Instr {
			c := *p
			c.K = min(p.K, p.K-5*depth)
			return []tape.Instr{&c}
		})},
		{check: "pack rewritten", name: "packs B once per loop", rewrite: packOnce(false, never)},
		{check: "pack rewritten", name: "packs A once per loop", rewrite: packOnce(true, never)},
		{check: "pack aliased", name: "packs once where no instruction writes the buffer of B", rewrite: packOnce(false, byID)},
		{check: "pack aliased", name: "packs once where no instruction writes the start of A", rewrite: packOnce(true, byStart)},
		{check: "pack nested", name: "packs once for both of two nested loops", rewrite: packTwice()},
		{check: "pack views", name: "packs one matrix per buffer", rewrite: edit(func(_ *tape.Tape, p *tape.Product) { p.B.Off = 0 })},
		{check: "pack runs", name: "packs B once per program", rewrite: replace(func(t *tape.Tape, p *tape.Product, _ int) []tape.Instr {
			var kept []float64
			pack, n := scratch(t, t.Float, extentB(p)), extentB(p)
			c := *p
			c.B = pack
			return append(onHost([]tape.HostArg{arg(pack, n)}, []tape.HostArg{arg(p.B, n)}, func(out, in [][]float64) {
				if kept == nil {
					kept = in[0]
				}
				copy(out[0], kept)
			}), &c)
		})},
		{check: "programs", name: "runs what names other buffers in another order", rewrite: early()},
	}
}

// packTwice moves the copy of an operand out of the inner loop, and then out of the outer one.
func packTwice() rewriter {
	return replace(func(t *tape.Tape, l *tape.Loop, depth int) []tape.Instr {
		if depth > 0 {
			return packOnce(false, func(*tape.Tape, *tape.Loop, tape.BufferID) bool { return false })(t, l, depth)
		}
		outer := &tape.Loop{Trip: l.Trip}
		var before []tape.Instr
		for _, in := range l.Body {
			if c, ok := in.(*tape.Copy); ok {
				before = append(before, c)
			} else {
				outer.Body = append(outer.Body, in)
			}
		}
		return append(before, outer)
	})
}

// early runs each instruction of a loop as early as it can, before all that name no buffer in common with it, whatever memory they
// share.
func early() rewriter {
	buffers := func(in tape.Instr) (bs []tape.BufferID) {
		in.Refs(func(r tape.Ref, _ bool) { bs = append(bs, r.Buf) })
		return bs
	}
	apart := func(a, b tape.Instr) bool {
		as, bs := buffers(a), buffers(b)
		return len(as) > 0 && len(bs) > 0 && !slices.ContainsFunc(as, func(id tape.BufferID) bool { return slices.Contains(bs, id) })
	}
	return edit(func(_ *tape.Tape, l *tape.Loop) {
		l.Body = slices.Clone(l.Body)
		for i := range l.Body {
			for k := i; k > 0 && apart(l.Body[k-1], l.Body[k]); k-- {
				l.Body[k-1], l.Body[k] = l.Body[k], l.Body[k-1]
			}
		}
	})
}

func hostFaults() []fault {
	return []fault{
		{check: "host", name: "runs host functions before all else", load: func(d tape.Device, t *tape.Tape) (tape.Program, error) {
			c := *t
			c.Code = slices.Clone(t.Code)
			slices.SortStableFunc(c.Code, func(a, b tape.Instr) int {
				_, hostA := a.(*tape.Host)
				_, hostB := b.(*tape.Host)
				return int(truth(hostB) - truth(hostA))
			})
			return d.Load(&c)
		}},
		{check: "host order", name: "calls a host function once per loop", rewrite: replace(func(_ *tape.Tape, l *tape.Loop, depth int) []tape.Instr {
			if _, ok := l.Body[0].(*tape.Host); ok {
				return []tape.Instr{&tape.Loop{Trip: 1, Body: l.Body}}
			}
			return nil
		})},
		{check: "host error", name: "goes on after a host function's error", rewrite: edit(func(_ *tape.Tape, h *tape.Host) {
			fn := h.Fn
			h.Fn = func(out, in []any) error {
				if err := fn(out, in); err != nil {
					_ = fn(out, in)
					return err
				}
				return nil
			}
		})},
	}
}
