package devicetest

import (
	"math"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

var moveChecks = []check{
	{"copy", "Copy copies a strided view to another of the same element type, at any rank", copyViews},
	{"copy bits", "Copy, Write and Read keep every bit: the payload of a NaN, the sign of a zero, integers that no float32 holds", copyBits},
	{"gather", "Gather is Out[n] = Table[Index[n]], of floats and of integers", gatherRows},
	{"scatteradd", "ScatterAdd is Out = 0, then Out[Index[n]] += In[n] in the order of n, in the tape's float type, to the bit", scatterRows},
	{"put", "Put is Out[Index[n]] = In[n] in the order of n, of floats and of integers, and leaves all other rows as they are", putRows},
	{"index error", "an index outside of its rows ends the run with an *IndexError that says which index, its value and the number of rows; afterwards the program runs again", indexErrors},
}

func copyViews(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for i := range 4 * len(shapes) {
		shape := shapes[i%len(shapes)]
		dtype := f
		if i%3 == 2 {
			dtype = tape.Int32
		}
		in, out := r.view(shape, dtype, false), r.view(shape, dtype, true)
		want := slices.Clone(out.array.vals)
		each(shape, func(index []int) { want[out.at(index)] = in.array.vals[in.at(index)] })
		out.array.expect(want)
		r.emit(&tape.Copy{Shape: shape, In: in.Operand, Out: out.Operand})
	}
	for _, shape := range [][]int{{70000}, {300, 233}, {0}, {3, 0, 2}} {
		in, out := r.in(r.rand(size(shape))), r.out(size(shape))
		out.expect(in.vals)
		r.emit(&tape.Copy{Shape: shape, In: dense(in.Ref, shape...), Out: dense(out.Ref, shape...)})
	}
	// A transposition.
	in, out := r.in(r.rand(37*50)), r.out(37*50)
	want := make([]float64, 37*50)
	for i := range 37 {
		for j := range 50 {
			want[j*37+i] = in.vals[i*50+j]
		}
	}
	out.expect(want)
	r.emit(&tape.Copy{Shape: []int{37, 50}, In: dense(in.Ref, 37, 50),
		Out: tape.Operand{Ref: out.Ref, Strides: []int{1, 37}}})
	return r.runEach(d)
}

// oddBits are n elements whose bits a device that handles them as numbers would change.
func oddBits(dtype tape.Dtype, n int) any {
	switch dtype {
	case tape.Float32:
		bits := []uint32{0x7f800001, 0x7fc12345, 0xff800123, 0xffffffff, 0x80000000, 1, 0x807fffff, 0x7f800000, 0x3f800001}
		xs := make([]float32, n)
		for i := range xs {
			xs[i] = math.Float32frombits(bits[i%len(bits)])
		}
		return xs
	case tape.Float64:
		bits := []uint64{0x7ff0000000000001, 0x7ff8123456789abc, 0xfff0000000123456, math.MaxUint64, 1 << 63, 1,
			0x7ff0000000000000, 0x3ff0000000000001}
		xs := make([]float64, n)
		for i := range xs {
			xs[i] = math.Float64frombits(bits[i%len(bits)])
		}
		return xs
	}
	ints := []int32{math.MinInt32, math.MaxInt32, 1<<24 + 1, -(1<<24 + 1), -1, 0x7f800001, 0}
	xs := make([]int32, n)
	for i := range xs {
		xs[i] = ints[i%len(ints)]
	}
	return xs
}

func copyBits(d tape.Device, f tape.Dtype) error {
	for _, dtype := range []tape.Dtype{f, tape.Int32} {
		const n = 5 * 9
		tp := &tape.Tape{Float: f, Arena: 4 * 512}
		for i := range 4 {
			tp.Buffers = append(tp.Buffers, tape.Buffer{Dtype: dtype, Len: n, Offset: int64(512 * i)})
			kind := tape.Output
			if i == 0 {
				kind = tape.Input
			}
			tp.Slots = append(tp.Slots, tape.Slot{Name: "slot", Kind: kind, Shape: []int{n}, Buf: tape.BufferID(i)})
		}
		at := func(b tape.BufferID) tape.Ref { return tape.Ref{Buf: b} }
		across := tape.Operand{Ref: at(2), Strides: []int{1, 5}}
		tp.Code = []tape.Instr{
			&tape.Copy{Shape: []int{n}, In: dense(at(0), n), Out: dense(at(1), n)},
			&tape.Copy{Shape: []int{5, 9}, In: dense(at(0), 5, 9), Out: across},
			&tape.Copy{Shape: []int{5, 9}, In: across, Out: dense(at(3), 5, 9)},
		}
		p, err := d.Load(tp)
		if err != nil {
			return errors.Wrap(err, "Load")
		}
		want := oddBits(dtype, n)
		if err := p.Write(0, want); err != nil {
			return err
		}
		if err := p.Run(); err != nil {
			return err
		}
		for _, s := range []tape.SlotID{0, 1, 3} {
			got := host(dtype, make([]float64, n))
			if err := p.Read(s, got); err != nil {
				return err
			}
			if !sameBits(got, want) {
				return errors.Errorf("slot %d of %v holds other bits than were written: %x, want %x", s, dtype, got, want)
			}
		}
		if err := p.Close(); err != nil {
			return err
		}
	}
	return nil
}

func gatherRows(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for i, width := range []int{1, 2, 3, 4, 7, 8, 9, 16, 31, 33, 64, 100, 0} {
		for _, n := range []int{0, 1, 5, 130} {
			rows := 1 + 3*i
			index := make([]int, n)
			for k := range index {
				index[k] = r.rng.IntN(rows)
			}
			if n > 1 {
				index[0], index[1] = rows-1, 0
			}
			table, out := r.in(r.rand(rows*width)), r.out(n*width)
			if i%2 == 1 {
				ints := r.rand(rows * width)
				for k := range ints {
					ints[k] = math.Floor(0x1p31 * ints[k])
				}
				table, out = r.slot(tape.Input, tape.Int32, ints), r.outInts(n*width)
			}
			want := []float64{}
			for _, row := range index {
				want = append(want, table.vals[row*width:][:width]...)
			}
			out.expect(want)
			r.emit(&tape.Gather{Table: table.Ref, Index: r.ints(index...).Ref, Out: out.Ref, N: n, Width: width, Rows: rows})
		}
	}
	return r.runEach(d)
}

func scatterRows(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for i, width := range []int{1, 2, 3, 5, 8, 9, 17, 33, 64, 0} {
		for _, n := range []int{0, 1, 7, 200} {
			rows := []int{1, 3, 40}[i%3] // many additions to a row; rows without any
			index, vals := make([]int, n), r.rand(n*width)
			for k := range index {
				index[k] = r.rng.IntN(rows)
			}
			for k := range vals { // of sizes such that another order gives another sum
				vals[k] = round(f, vals[k]*[]float64{1, 1 / unit(f), -0.75 / unit(f), 3}[r.rng.IntN(4)])
			}
			in, out := r.in(vals), r.out(rows*width)
			want := make([]float64, rows*width)
			for k, row := range index {
				for j := range width {
					want[row*width+j] = round(f, want[row*width+j]+in.vals[k*width+j])
				}
			}
			out.expect(want)
			r.emit(&tape.ScatterAdd{Index: r.ints(index...).Ref, In: in.Ref, Out: out.Ref, N: n, Width: width, Rows: rows})
		}
	}
	return r.runEach(d)
}

func putRows(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for i, width := range []int{1, 2, 3, 5, 8, 9, 17, 33, 300, 0} {
		for _, n := range []int{0, 1, 7, 200} {
			rows := []int{1, 3, 400}[i%3] // many that replace each other; rows that stay
			dtype := f
			if i%2 == 1 {
				dtype = tape.Int32
			}
			numbers := func(n int) []float64 {
				vals := r.rand(n)
				for k := range vals {
					vals[k] = math.Floor(0x1p20 * vals[k])
				}
				return vals
			}
			index := make([]int, n)
			for k := range index {
				index[k] = r.rng.IntN(rows)
			}
			in, out := r.slot(tape.Input, dtype, numbers(n*width)), r.slot(tape.State, dtype, numbers(rows*width))
			want := slices.Clone(out.vals)
			for k, row := range index {
				copy(want[row*width:][:width], in.vals[k*width:])
			}
			out.expect(want)
			r.emit(&tape.Put{Index: r.ints(index...).Ref, In: in.Ref, Out: out.Ref, N: n, Width: width, Rows: rows})
		}
	}
	return r.runEach(d)
}

func indexErrors(d tape.Device, f tape.Dtype) error {
	const n, rows, width = 9, 6, 5
	kinds := []struct {
		name string
		add  func(r *rig, index, out *array)
	}{
		{"gather", func(r *rig, index, out *array) {
			r.emit(&tape.Gather{Table: r.in(r.rand(rows * width)).Ref, Index: index.Ref, Out: out.Ref, N: n, Width: width,
				Rows: rows})
		}},
		{"scatteradd", func(r *rig, index, out *array) {
			r.emit(&tape.ScatterAdd{Index: index.Ref, In: r.in(r.rand(n * width)).Ref, Out: out.Ref, N: n, Width: width,
				Rows: rows})
		}},
		{"put", func(r *rig, index, out *array) {
			r.emit(&tape.Put{Index: index.Ref, In: r.in(r.rand(n * width)).Ref, Out: out.Ref, N: n, Width: width, Rows: rows})
		}},
		{"crossentropy", func(r *rig, index, out *array) {
			r.emit(&tape.Rows{Kind: tape.CrossEntropy, In: []tape.Ref{r.in(r.rand(n * rows)).Ref, index.Ref}, Out: out.Ref,
				Rows: n, Cols: rows})
		}},
		{"crossentropygrad", func(r *rig, index, out *array) {
			r.emit(&tape.Rows{Kind: tape.CrossEntropyGrad, In: []tape.Ref{r.in(r.rand(n * rows)).Ref, index.Ref,
				r.in(r.rand(n)).Ref, r.in(slices.Repeat([]float64{1}, n)).Ref}, Out: out.Ref, Rows: n, Cols: rows, Mask: true})
		}},
	}
	for _, kind := range kinds {
		for _, bad := range []int{rows, -1, math.MaxInt32, math.MinInt32} {
			for _, pos := range []int{0, 4, n - 1} {
				for _, looped := range []bool{false, true} {
					r := newRig(f)
					index, out := r.ints(make([]int, n)...), r.out(max(n*width, n*rows))
					kind.add(r, index, out)
					if looped {
						r.tape.Code = []tape.Instr{&tape.Loop{Trip: 2, Body: r.tape.Code}}
					}
					if err := indexError(d, r, index, kind.name, pos, bad, rows); err != nil {
						return errors.Wrapf(err, "%v with index %d at position %d", r.tape.Code[0], bad, pos)
					}
				}
			}
		}
	}
	return nil
}

// indexError runs the tape with good indices, then with a bad one, then with good ones again.
func indexError(d tape.Device, r *rig, index *array, name string, pos, bad, rows int) error {
	p, err := d.Load(&r.tape)
	if err != nil {
		return errors.Wrap(err, "Load")
	}
	defer p.Close()
	good := index.data
	vals := unhost(good)
	vals[index.Off+pos] = float64(bad)
	var first []any
	for run, data := range []any{good, host(tape.Int32, vals), good} {
		index.data = data
		if err := r.write(p); err != nil {
			return err
		}
		err := p.Run()
		if run != 1 {
			if err != nil {
				return errors.Wrapf(err, "run %d, with good indices", run)
			}
			got, err := r.read(p)
			if err != nil {
				return err
			}
			if first == nil {
				first = got
			}
			for i := range got {
				if !sameBits(got[i], first[i]) {
					return errors.New("the run after the error gives other results than the run before it")
				}
			}
			continue
		}
		var ie *tape.IndexError
		switch {
		case !errors.As(err, &ie):
			return errors.Errorf("Run gives %v, which is no *IndexError", err)
		case ie.Pos != pos || ie.Index != bad || ie.Rows != rows:
			return errors.Errorf("Run says index %d at position %d of %d rows", ie.Index, ie.Pos, ie.Rows)
		case !strings.Contains(ie.Instr, name):
			return errors.Errorf("the error calls the instruction %q", ie.Instr)
		}
	}
	return nil
}
