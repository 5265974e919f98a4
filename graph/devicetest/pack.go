package devicetest

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// A device may rearrange ("pack") a matrix once and use it for all steps of a loop. These checks change the
// matrix in every way that a tape has.
var packChecks = []check{
	{"pack fixed", "a Product in a loop whose matrix stays the same gives the same as one outside of it", packFixed},
	{"pack rewritten", "a Product sees what any instruction before it has written to its operands, at every step of a loop", packRewritten},
	{"pack aliased", "a Product sees what was written to its operands through another buffer that overlaps them in the arena", packAliased},
	{"pack nested", "a Product in an inner loop sees what its outer loop, or a loop before, has written to its operands", packNested},
	{"pack views", "Products may use one buffer's memory as different matrices", packViews},
	{"pack runs", "a Product sees what the host, or the tape, has written to its operands since the last run", packRuns},
}

func packFixed(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	const trip = 5
	for i := range 4 {
		for _, s := range [][3]int{{1, 20, 33}, {4, 64, 64}, {7, 100, 19}, {64, 48, 17}} {
			m, n, k := s[0], s[1], s[2]
			p := &tape.Product{Batch: 1, M: m, N: n, K: k, TransA: i&1 != 0, TransB: i&2 != 0, LdA: k, LdB: n, LdC: n}
			if p.TransA {
				p.LdA = m
			}
			if p.TransB {
				p.LdB = k
			}
			as, b := r.in(r.rand(trip*m*k)), r.in(r.rand(k*n))
			each, whole := r.temp(f, trip*m*n), r.out(trip*m*n)
			p.A, p.B, p.C = as.ref(m*k), b.ref(), each.ref(m*n)
			batch := *p
			batch.A, batch.C = as.Ref, each.Ref
			batch.Batch, batch.StrideA, batch.StrideC = trip, m*k, m*n
			// The difference to the same products outside of the loop: both are within (K+2)·u·Σ|a||b| <= (K+2)·K·u.
			r.emit(&tape.Loop{Trip: trip, Body: []tape.Instr{p}}, unary(tape.Neg, whole.Ref, each.Ref, trip*m*n))
			batch.C, batch.Acc = whole.Ref, true
			r.emit(&batch)
			whole.expectWithin(make([]float64, trip*m*n), slices.Repeat([]float64{2 * float64((k+2)*k) * unit(f)}, trip*m*n))
		}
	}
	return r.run(d)
}

const packK, packN = 33, 40 // of the matrix that changes

// A writer changes a packK×packN matrix at every step of a loop.
type writer struct {
	name string
	// add returns instructions that change the matrix, and what they do at step t.
	add func(r *rig, m tape.Ref) (code []tape.Instr, do func(m []float64, t int))
}

const packTrip = 4

// source is an input that holds another matrix for each step, and code to replace a matrix by it.
func source(r *rig) (*array, func(m []float64, t int)) {
	const n = packK * packN
	src := r.in(r.rand(packTrip * n))
	return src, func(m []float64, t int) { copy(m, src.vals[t*n:][:n]) }
}

var writers = []writer{
	{"map", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		const n = packK * packN
		return []tape.Instr{unary(tape.Neg, m, m, n)}, func(m []float64, t int) {
			for i := range m {
				m[i] *= -1
			}
		}
	}},
	{"map of one column", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		m.Off += packN - 1
		column := tape.Operand{Ref: m, Strides: []int{packN}}
		return []tape.Instr{&tape.Map{
				Shape: []int{packK}, In: []tape.Operand{column}, Out: []tape.Operand{column}, Code: []tape.Op{{Fn: tape.Neg}},
				Result: []int{1},
			}}, func(m []float64, t int) {
				for i := range packK {
					m[i*packN+packN-1] *= -1
				}
			}
	}},
	{"copy", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		const n = packK * packN
		src, do := source(r)
		return []tape.Instr{&tape.Copy{Shape: []int{n}, In: dense(src.ref(n), n), Out: dense(m, n)}}, do
	}},
	{"product", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		src, do := source(r)
		return []tape.Instr{&tape.Product{
			A: r.in([]float64{1}).Ref, B: src.ref(packK * packN), C: m, Batch: 1, M: 1, K: 1, N: packK * packN,
			LdA: 1, LdB: packK * packN, LdC: packK * packN,
		}}, do
	}},
	{"reduce", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		src, do := source(r)
		return []tape.Instr{&tape.Reduce{In: src.ref(packK * packN), Out: m, Outer: 1, N: 1, Inner: packK * packN}}, do
	}},
	{"rows", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		src, _ := source(r) // softmax of one number is 1
		return []tape.Instr{&tape.Rows{Kind: tape.Softmax, In: []tape.Ref{src.Ref}, Out: m, Rows: packK * packN,
				Cols: 1}}, func(m []float64, t int) {
				copy(m, slices.Repeat([]float64{1}, len(m)))
			}
	}},
	{"gather", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		src, do := source(r)
		return []tape.Instr{&tape.Gather{Table: src.Ref, Index: r.ints(0, 1, 2, 3).ref(1), Out: m, N: 1,
			Width: packK * packN, Rows: packTrip}}, do
	}},
	{"scatteradd", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		src, do := source(r)
		return []tape.Instr{&tape.ScatterAdd{Index: r.ints(0).Ref, In: src.ref(packK * packN), Out: m, N: 1,
			Width: packK * packN, Rows: 1}}, do
	}},
	{"random", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		return []tape.Instr{&tape.Random{Keys: r.ints(0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0).ref(4), Out: m, N: 1,
				Width: packK * packN}}, func(m []float64, t int) {
				for i := range m {
					m[i] = tape.Uniform(tape.RandomWord([4]int32{0, 0, int32(t), 0}, 0, i))
				}
			}
	}},
	{"host", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		src, do := source(r)
		return []tape.Instr{&tape.Host{
			Name: "copy", In: []tape.HostArg{{Ref: src.ref(packK * packN), Shape: []int{packK * packN}}},
			Out: []tape.HostArg{{Ref: m, Shape: []int{packK, packN}}},
			Fn:  func(out, in []any) error { copyTo(out[0], unhost(in[0])); return nil },
		}}, do
	}},
	{"inner loop", func(r *rig, m tape.Ref) ([]tape.Instr, func([]float64, int)) {
		row := m
		row.Step = []int{0, packN}
		return []tape.Instr{&tape.Loop{Trip: packK,
				Body: []tape.Instr{unary(tape.Neg, row, row, packN)}}}, func(m []float64, t int) {
				for i := range m {
					m[i] *= -1
				}
			}
	}},
}

// selector is a rows×cols matrix with a single 1 in each row, or each column: a product with it picks rows or
// columns of the other matrix, exactly.
func selector(rows, cols int, perRow bool) []float64 {
	s := make([]float64, rows*cols)
	if perRow {
		for i := range rows {
			s[i*cols+7*i%cols] = 1
		}
		return s
	}
	for j := range cols {
		s[7*j%rows*cols+j] = 1
	}
	return s
}

// packed is a product that picks rows or columns of a packK×packN matrix, which is its A or its B, maybe
// transposed. It returns the product without C, and the formula of C.
func packed(r *rig, m tape.Ref, asA, trans bool) (*tape.Product, func(m []float64) []float64) {
	rows, cols := packK, packN
	if trans {
		rows, cols = cols, rows
	}
	at := func(m []float64, i, j int) float64 {
		if trans {
			i, j = j, i
		}
		return m[i*packN+j]
	}
	const picks = 21
	if asA { // pick columns
		sel := r.in(selector(cols, picks, false))
		p := &tape.Product{A: m, B: sel.Ref, Batch: 1, M: rows, K: cols, N: picks, TransA: trans, LdA: packN,
			LdB: picks, LdC: picks}
		return p, func(m []float64) (c []float64) {
			for i := range rows {
				for j := range picks {
					c = append(c, at(m, i, 7*j%cols))
				}
			}
			return c
		}
	}
	sel := r.in(selector(picks, rows, true))
	p := &tape.Product{A: sel.Ref, B: m, Batch: 1, M: picks, K: rows, N: cols, TransB: trans, LdA: rows,
		LdB: packN, LdC: cols}
	return p, func(m []float64) (c []float64) {
		for i := range picks {
			for j := range cols {
				c = append(c, at(m, 7*i%rows, j))
			}
		}
		return c
	}
}

// forEachPack runs each writer with the matrix as A and B, transposed and not, changed before and after the product.
func forEachPack(d tape.Device, f tape.Dtype, matrix func(r *rig) (read, write tape.Ref, vals []float64)) error {
	for _, w := range writers {
		r := newRig(f)
		for i := range 8 {
			asA, trans, after := i&1 != 0, i&2 != 0, i&4 != 0
			read, write, vals := matrix(r)
			p, formula := packed(r, read, asA, trans)
			code, do := w.add(r, write)
			out := r.out(packTrip * p.M * p.N)
			p.C = out.ref(p.M * p.N)
			body := append(code, p)
			if after {
				body = append([]tape.Instr{p}, code...)
			}
			m, want := slices.Clone(vals), []float64{}
			for t := range packTrip {
				if !after {
					do(m, t)
				}
				want = append(want, formula(m)...)
				if after {
					do(m, t)
				}
			}
			out.expect(want)
			r.emit(&tape.Loop{Trip: packTrip, Body: body})
			for _, a := range r.arrays {
				if a.Buf == write.Buf {
					a.expect(m)
				}
			}
		}
		if err := r.run(d); err != nil {
			return errors.Wrapf(err, "the matrix is written by a %s", w.name)
		}
	}
	return nil
}

func packRewritten(d tape.Device, f tape.Dtype) error {
	return forEachPack(d, f, func(r *rig) (read, write tape.Ref, vals []float64) {
		m := r.state(r.rand(packK * packN))
		return m.Ref, m.Ref, m.vals
	})
}

// alias is a buffer over the same memory as another, from skip elements on.
func (r *rig) alias(of tape.BufferID, skip int) tape.Ref {
	b := r.tape.Buffers[of]
	b.Len -= skip
	b.Offset += int64(skip * b.Dtype.Size())
	r.tape.Buffers = append(r.tape.Buffers, b)
	return tape.Ref{Buf: tape.BufferID(len(r.tape.Buffers) - 1)}
}

func packAliased(d tape.Device, f tape.Dtype) error {
	const n = packK * packN
	aliased := func(skip int) func(r *rig) (read, write tape.Ref, vals []float64) {
		return func(r *rig) (read, write tape.Ref, vals []float64) {
			m, vals := r.temp(f, skip+n), r.rand(n)
			m.Off = skip
			r.emit(&tape.Copy{Shape: []int{n}, In: dense(r.in(vals).Ref, n), Out: dense(m.Ref, n)})
			return m.Ref, r.alias(m.Buf, skip), vals
		}
	}
	if err := forEachPack(d, f, aliased(0)); err != nil {
		return errors.Wrap(err, "buffers at the same place")
	}
	return errors.Wrap(forEachPack(d, f, aliased(48)), "buffers that overlap")
}

func packNested(d tape.Device, f tape.Dtype) error {
	const n, outer, inner = packK * packN, 3, 2
	for i := range 4 {
		asA, trans := i&1 != 0, i&2 != 0
		r := newRig(f)
		m := r.state(r.rand(n))
		now, want := slices.Clone(m.vals), []float64{}
		negate := func() tape.Instr {
			for i := range now {
				now[i] *= -1
			}
			return unary(tape.Neg, m.Ref, m.Ref, n)
		}
		// The inner loop's product; what it gives in the k-th of the outer loop's steps.
		p, formula := packed(r, m.Ref, asA, trans)
		size := p.M * p.N
		out := r.out((outer + 2) * inner * size)
		loop := func(off int, steps ...int) tape.Instr {
			q := *p
			q.C = out.at(off, steps...)
			return &tape.Loop{Trip: inner, Body: []tape.Instr{&q}}
		}
		expect := func() {
			for range inner {
				want = append(want, formula(now)...)
			}
		}
		body := []tape.Instr{loop(0, inner*size, size), unary(tape.Neg, m.Ref, m.Ref, n)}
		for range outer {
			expect()
			negate()
		}
		r.emit(&tape.Loop{Trip: outer, Body: body})
		for k := range 2 { // loops one after the other
			expect()
			r.emit(loop((outer+k)*inner*size, size), negate())
		}
		out.expect(want)
		m.expect(now)
		if err := r.run(d); err != nil {
			return err
		}

		// The matrix moves with the outer loop.
		r = newRig(f)
		ms := r.in(r.rand(outer * n))
		p, formula = packed(r, ms.ref(n), asA, trans)
		out = r.out(outer * inner * size)
		want = nil
		for o := range outer {
			for range inner {
				want = append(want, formula(ms.vals[o*n:][:n])...)
			}
		}
		out.expect(want)
		p.C = out.ref(inner*size, size)
		r.emit(&tape.Loop{Trip: outer, Body: []tape.Instr{&tape.Loop{Trip: inner, Body: []tape.Instr{p}}}})
		if err := r.run(d); err != nil {
			return errors.Wrap(err, "the matrix moves with the outer loop")
		}
	}
	return nil
}

func packViews(d tape.Device, f tape.Dtype) error {
	const n = packK * packN
	r := newRig(f)
	m := r.in(r.rand(3 * n))
	var body []tape.Instr
	for _, off := range []int{0, n, 2*n - 5, 1, 16} {
		for i := range 4 {
			p, formula := packed(r, m.at(off), i&1 != 0, i&2 != 0)
			out := r.out(p.M * p.N)
			out.expect(formula(m.vals[off:]))
			p.C = out.Ref
			body = append(body, p)
		}
	}
	// The same place with other extents and leading dimensions.
	for _, s := range [][3]int{
		{packK, packN, packN},
		{packK, packN - 3, packN},
		{packK, packN, packN + 2},
		{packK - 6, packN, packN},
		{packN, packK, packK},
	} {
		k, cols, ld := s[0], s[1], s[2]
		sel, out := r.in(selector(5, k, true)), r.out(5*cols)
		want := []float64{}
		for i := range 5 {
			want = append(want, m.vals[7*i%k*ld:][:cols]...)
		}
		out.expect(want)
		body = append(body, &tape.Product{A: sel.Ref, B: m.Ref, C: out.Ref, Batch: 1, M: 5, K: k, N: cols, LdA: k,
			LdB: ld, LdC: cols})
	}
	r.emit(&tape.Loop{Trip: 2, Body: body})
	return r.run(d)
}

func packRuns(d tape.Device, f tape.Dtype) error {
	const n = packK * packN
	for i := range 8 {
		asA, trans, negate := i&1 != 0, i&2 != 0, i&4 != 0
		r := newRig(f)
		m := r.state(r.rand(n))
		p, formula := packed(r, m.Ref, asA, trans)
		out := r.out(packTrip * p.M * p.N)
		p.C = out.ref(p.M * p.N)
		r.emit(&tape.Loop{Trip: packTrip, Body: []tape.Instr{p}})
		if negate { // as an optimizer changes a weight
			r.emit(unary(tape.Neg, m.Ref, m.Ref, n))
		}
		prog, err := d.Load(&r.tape)
		if err != nil {
			return errors.Wrap(err, "Load")
		}
		defer prog.Close()
		now := m.vals
		for run := range 4 {
			if run%2 == 0 {
				now = r.rand(n)
				copyTo(m.data, append(unhost(m.data)[:m.Off], now...))
				if err := r.write(prog); err != nil {
					return err
				}
			}
			if err := prog.Run(); err != nil {
				return err
			}
			got, err := r.read(prog)
			if err != nil {
				return err
			}
			want := []float64{}
			for range packTrip {
				want = append(want, formula(now)...)
			}
			out.expect(want)
			if err := out.compare(got[slices.Index(r.arrays, out)]); err != nil {
				return errors.Wrapf(err, "run %d", run)
			}
			if negate {
				now = slices.Clone(now)
				for i := range now {
					now[i] *= -1
				}
			}
		}
	}
	return nil
}
