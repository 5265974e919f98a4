package devicetest

import (
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

var mapChecks = []check{
	{"map sizes", "Map computes every element of its shape, at any length and alignment, and no other", mapSizes},
	{"map views", "an operand's element i, j, ... lies at Ref + i*Strides[0] + j*Strides[1] ..., at any rank; a stride of 0 broadcasts", mapViews},
	{"map programs", "a Map runs Code in order, op k writes register len(In)+k, and any register may be a result", mapPrograms},
	{"map in place", "an output of a Map may coincide with an input of the same Ref and Strides: every index is loaded before it is stored", mapInPlace},
	{"map held", "where the condition of a Where is 0 all along a row, its result is the third operand to the bit, wherever outputs and operands lie", mapHeld},
	{"map empty", "a Map over no elements writes nothing, a Map without dimensions is one element", mapEmpty},
}

// heldConditions are those of rows: of floats some are less than any normal number, or no number.
var heldConditions = []float64{1, 0, math.Copysign(0, -1), -1, 0, 0, math.NaN(), 0x1p-140, 0, 0, 0}

// mapHeld has states of rows that stay as they are, or are 0, where a condition is 0: each in its place, in another, or
// in that of the other state.
func mapHeld(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for i := range 24 {
		rows, cols := len(heldConditions), []int{1, 7, 70, 600}[i%4]
		conditions := heldConditions
		if i%8 > 5 {
			rows, conditions = 1, heldConditions[i%2:][:1]
		}
		n := rows * cols
		var mask tape.Ref
		if i%3 == 0 {
			whole := make([]int, rows)
			for row, c := range conditions {
				if c != 0 && c == c {
					whole[row] = int(math.Copysign(1, c))
				}
			}
			conditions = make([]float64, rows)
			for row := range conditions {
				conditions[row] = float64(whole[row])
			}
			mask = r.ints(whole...).Ref
		} else {
			mask = r.in(conditions).Ref
		}
		x, g, h := r.in(r.rand(n)), r.state(r.rand(n)), r.state(r.rand(n))
		toG, toH := g, h
		switch i / 4 % 3 {
		case 1:
			toG, toH = h, g // each takes the place of the other
		case 2:
			toG, toH = r.out(n), r.out(n)
		}
		wantG, wantH := make([]float64, n), make([]float64, n)
		for at := range n {
			if row := at / cols; conditions[row] != 0 {
				wantG[at], wantH[at] = round(f, x.vals[at]-g.vals[at]), round(f, x.vals[at]-h.vals[at])
			} else if wantG[at] = g.vals[at]; i%5 > 0 {
				wantH[at] = h.vals[at]
			}
		}
		toG.expect(wantG)
		toH.expect(wantH)
		third := 3 // the state, or 0
		if i%5 == 0 {
			third = 6
		}
		shape := []int{rows, cols}
		r.emit(&tape.Map{
			Shape: shape,
			In: []tape.Operand{
				{Ref: mask, Strides: []int{1, 0}}, dense(x.Ref, shape...), dense(g.Ref, shape...), dense(h.Ref, shape...),
			},
			Code: []tape.Op{
				{Fn: tape.Sub, Args: [3]int{1, 2}}, {Fn: tape.Sub, Args: [3]int{1, 3}}, {Fn: tape.Const},
				{Fn: tape.Where, Args: [3]int{0, 4, 2}}, {Fn: tape.Where, Args: [3]int{0, 5, third}},
			},
			Result: []int{7, 8}, Out: []tape.Operand{dense(toG.Ref, shape...), dense(toH.Ref, shape...)},
		})
	}
	return r.runEach(d)
}

func mapSizes(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	sizes := []int{127, 128, 129, 255, 257, 1000, 1027, 70001}
	for n := 1; n <= 40; n++ {
		sizes = append(sizes, n)
	}
	for _, n := range sizes {
		x, y := r.rand(n), r.rand(n)
		want := make([]float64, n)
		for i := range want {
			want[i] = round(f, x[i]-y[i])
		}
		out := r.out(n)
		out.expect(want)
		r.emit(binary(tape.Sub, out.Ref, r.in(x).Ref, r.in(y).Ref, n))
	}
	return r.runEach(d)
}

// view is an operand with strides of its own somewhere in an array.
type view struct {
	tape.Operand
	array *array
	first int // where in the array element 0, 0, ... lies
}

// at is the place in the array of an element.
func (v view) at(index []int) int { return v.first + offset(index, v.Strides) }

// view makes up a view of a shape: its axes in random order, with gaps, some reversed, and some broadcast if it
// is not an output.
func (r *rig) view(shape []int, dtype tape.Dtype, output bool) view {
	v := view{Operand: tape.Operand{Strides: make([]int, len(shape))}}
	span := 1
	for _, axis := range r.rng.Perm(len(shape)) {
		if !output && r.rng.IntN(4) == 0 {
			continue
		}
		stride := span + r.rng.IntN(3)
		reach := stride * (shape[axis] - 1)
		if r.rng.IntN(4) == 0 {
			v.first += reach
			stride = -stride
		}
		v.Strides[axis] = stride
		span += reach
	}
	vals := r.rand(span)
	if dtype == tape.Int32 {
		for i := range vals {
			vals[i] = math.Floor(0x1p31 * vals[i])
		}
	}
	kind := tape.Input
	if output {
		kind = tape.State
	}
	v.array = r.slot(kind, dtype, vals)
	v.Ref = v.array.at(v.first)
	return v
}

var shapes = [][]int{{}, {7}, {1}, {5, 3}, {1, 9}, {9, 1}, {4, 1, 6}, {2, 33}, {33, 2}, {3, 5, 17}, {2, 3, 4, 5},
	{1, 2, 1, 3}, {2, 3, 2, 1, 7}, {3, 1, 2, 5, 1}, {260, 3}, {3, 260}}

func mapViews(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for i := range 6 * len(shapes) {
		shape := shapes[i%len(shapes)]
		x, y, out := r.view(shape, f, false), r.view(shape, f, false), r.view(shape, f, true)
		want := slices.Clone(out.array.vals)
		each(shape, func(index []int) {
			want[out.at(index)] = round(f, x.array.vals[x.at(index)]+y.array.vals[y.at(index)])
		})
		out.array.expect(want)
		r.emit(&tape.Map{
			Shape: shape, In: []tape.Operand{x.Operand, y.Operand}, Out: []tape.Operand{out.Operand},
			Code: []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}}, Result: []int{2},
		})
	}
	return r.runEach(d)
}

// An approx is a number that a device may compute with an error of at most err.
type approx struct{ v, err float64 }

// bounded are functions that keep numbers of a reasonable size so, each with the bound on its error.
var bounded = []tape.Fn{tape.Id, tape.Neg, tape.Abs, tape.Tanh, tape.Sigmoid, tape.Sin, tape.Add, tape.Sub, tape.Mul,
	tape.Max, tape.Min, tape.Where}

func (r *rig) apply(fn tape.Fn, x, y, z approx) approx {
	u, tol := unit(r.float()), fnTol(r.float())
	rounded := func(v, err float64) approx { return approx{v, err + u*(math.Abs(v)+err)} }
	switch fn {
	case tape.Id:
		return x
	case tape.Neg:
		return approx{-x.v, x.err}
	case tape.Abs:
		return approx{math.Abs(x.v), x.err}
	case tape.Tanh: // |f'| <= 1
		return approx{math.Tanh(x.v), x.err + tol}
	case tape.Sigmoid:
		return approx{1 / (1 + math.Exp(-x.v)), x.err + tol}
	case tape.Sin:
		return approx{math.Sin(x.v), x.err + tol}
	case tape.Add:
		return rounded(x.v+y.v, x.err+y.err)
	case tape.Sub:
		return rounded(x.v-y.v, x.err+y.err)
	case tape.Mul:
		return rounded(x.v*y.v, x.err*math.Abs(y.v)+y.err*math.Abs(x.v)+x.err*y.err)
	case tape.Max:
		return approx{max(x.v, y.v), max(x.err, y.err)}
	case tape.Min:
		return approx{min(x.v, y.v), max(x.err, y.err)}
	case tape.Where: // x is exact
		if x.v != 0 {
			return y
		}
		return z
	}
	panic(fn)
}

// longShapes do not fit in a device's registers at once.
var longShapes = [][]int{{5003}, {3, 2500}, {900, 7}, {2, 5, 1030}}

func mapPrograms(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for i := range 80 {
		shape := shapes[i%len(shapes)]
		if i%4 == 3 {
			shape = longShapes[i/4%len(longShapes)]
		}
		m := &tape.Map{Shape: shape}
		var in []view
		for k := range 1 + i%3 {
			dtype := f
			if k == 1 && i%2 == 0 {
				dtype = tape.Int32
			}
			in = append(in, r.view(shape, dtype, false))
			m.In = append(m.In, in[k].Operand)
		}
		// Registers 0, 1, ... are inputs; then a condition, a constant and an index; then what chance gives.
		value := round(f, r.rng.Float64())
		nIn := len(in)
		m.Code = []tape.Op{{Fn: tape.Const, Value: value}, {Fn: tape.Lt, Args: [3]int{0, nIn}}}
		if len(shape) > 0 {
			m.Code = append(m.Code, tape.Op{Fn: tape.Iota, Axis: r.rng.IntN(len(shape))})
		}
		for range 3 + r.rng.IntN(12) {
			any := func() int { return r.rng.IntN(nIn + len(m.Code)) }
			op := tape.Op{Fn: bounded[r.rng.IntN(len(bounded))], Args: [3]int{any(), any(), any()}}
			if op.Fn == tape.Where {
				op.Args[0] = nIn + 1
			}
			m.Code = append(m.Code, op)
		}
		var out []view
		var want, tol [][]float64
		for k := range 1 + i%3 {
			out = append(out, r.view(shape, f, true))
			m.Out = append(m.Out, out[k].Operand)
			result := nIn + len(m.Code) - 1
			if k > 0 {
				result = r.rng.IntN(nIn + len(m.Code))
			}
			m.Result = append(m.Result, result)
			want = append(want, slices.Clone(out[k].array.vals))
			tol = append(tol, make([]float64, len(want[k])))
		}
		each(shape, func(index []int) {
			var regs []approx
			for _, v := range in {
				regs = append(regs, approx{round(f, v.array.vals[v.at(index)]), 0})
			}
			for _, op := range m.Code {
				switch op.Fn {
				case tape.Const:
					regs = append(regs, approx{op.Value, 0})
				case tape.Lt:
					regs = append(regs, approx{truth(regs[op.Args[0]].v < regs[op.Args[1]].v), 0})
				case tape.Iota:
					regs = append(regs, approx{float64(index[op.Axis]), 0})
				default:
					regs = append(regs, r.apply(op.Fn, regs[op.Args[0]], regs[op.Args[1]], regs[op.Args[2]]))
				}
			}
			for k, v := range out {
				want[k][v.at(index)], tol[k][v.at(index)] = regs[m.Result[k]].v, regs[m.Result[k]].err
			}
		})
		for k, v := range out {
			v.array.expectWithin(want[k], tol[k])
		}
		r.emit(m)
	}
	return r.runEach(d)
}

func mapInPlace(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for _, n := range []int{1, 5, 8, 33, 1000, 5000} {
		// x, y = x+y, x-y
		x, y := r.state(r.rand(n)), r.state(r.rand(n))
		sum, diff := make([]float64, n), make([]float64, n)
		for i := range n {
			sum[i], diff[i] = round(f, x.vals[i]+y.vals[i]), round(f, x.vals[i]-y.vals[i])
		}
		x.expect(sum)
		y.expect(diff)
		ops := []tape.Operand{dense(x.Ref, n), dense(y.Ref, n)}
		r.emit(&tape.Map{
			Shape: []int{n}, In: ops, Out: ops,
			Code: []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}, {Fn: tape.Sub, Args: [3]int{0, 1}}}, Result: []int{2, 3},
		})
	}
	for _, shape := range shapes {
		v := r.view(shape, f, true)
		want := slices.Clone(v.array.vals)
		each(shape, func(index []int) { want[v.at(index)] *= -1 })
		v.array.expect(want)
		r.emit(&tape.Map{
			Shape: shape, In: []tape.Operand{v.Operand}, Out: []tape.Operand{v.Operand},
			Code: []tape.Op{{Fn: tape.Neg}}, Result: []int{1},
		})
	}
	return errors.Wrap(r.runEach(d), "x, y = x+y, x-y and x = -x in place")
}

func mapEmpty(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	x := r.state([]float64{3})
	x.expect([]float64{-3})
	r.emit(&tape.Map{
		In: []tape.Operand{{Ref: x.Ref}}, Out: []tape.Operand{{Ref: x.Ref}}, Code: []tape.Op{{Fn: tape.Neg}},
		Result: []int{1},
	})
	for _, shape := range [][]int{{0}, {0, 3}, {3, 0}, {2, 0, 5}} {
		in, out := r.in(nil), r.out(3) // of which nothing is written
		r.emit(&tape.Map{
			Shape: shape, In: []tape.Operand{dense(in.Ref, shape...)}, Out: []tape.Operand{dense(out.Ref, shape...)},
			Code: []tape.Op{{Fn: tape.Neg}}, Result: []int{1},
		})
	}
	return r.runEach(d)
}
