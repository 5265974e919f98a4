// Package irtest evaluates programs of the IR directly: the judge of optimisations, plans and devices in tests.
//
// Everything is computed in float64 by plain loops over indices, one value after the other, as the documentation of the
// operations reads. It shares no code with what it judges.
package irtest

import (
	"math"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Eval is the results of f for args, all dense and row-major. Integers are given and returned as float64.
func Eval(f *ir.Func, args [][]float64) ([][]float64, error) {
	if len(args) != len(f.Params) {
		return nil, errors.Errorf("%d arguments for %d parameters", len(args), len(f.Params))
	}
	at := map[*ir.Value][][]float64{} // the results of each value; one but for tuples
	for i, p := range f.Params {
		if len(args[i]) != p.Shape.Size() {
			return nil, errors.Errorf("argument %d has %d elements, wants %v", i, len(args[i]), p.Type)
		}
		at[p] = [][]float64{args[i]}
	}
	for _, v := range f.Values() {
		if at[v] != nil {
			continue
		}
		in := make([][]float64, len(v.Args))
		for i, a := range v.Args {
			if len(at[a]) > 0 {
				in[i] = at[a][0]
			}
		}
		switch op := v.Op.(type) {
		case ir.Param:
			return nil, errors.Errorf("%v %q is not a parameter of the function", op, v.Name)
		case ir.Proj:
			at[v] = [][]float64{at[v.Args[0]][op.Index]}
		case ir.Tuple:
			at[v] = in
		case *ir.Fused:
			rs, err := Eval(op.Body, in)
			if err != nil {
				return nil, errors.Wrap(err, "fused")
			}
			at[v] = rs
		case *ir.Loop:
			rs, err := loop(op, in)
			if err != nil {
				return nil, errors.Wrapf(err, "loop %q", op.Label)
			}
			at[v] = rs
		default:
			r, err := eval(v, in)
			if err != nil {
				return nil, errors.Wrap(err, v.Op.String())
			}
			at[v] = [][]float64{r}
		}
	}
	rs := make([][]float64, len(f.Results))
	for i, r := range f.Results {
		rs[i] = at[r][0]
	}
	return rs, nil
}

func loop(l *ir.Loop, args [][]float64) ([][]float64, error) {
	seqs := len(l.Seqs)
	in := make([][]float64, len(args))
	copy(in, args)
	out := make([][]float64, len(l.Stacks))
	for k := range l.Stacks {
		out[k] = make([]float64, l.Trip*l.Body.Results[l.Carries+k].Shape.Size())
	}
	// row is element i of a stack of Trip values, counted from the end if reversed.
	row := func(x []float64, i int, reversed bool) []float64 {
		if reversed {
			i = l.Trip - 1 - i
		}
		n := len(x) / l.Trip
		return x[i*n : (i+1)*n]
	}
	for i := range l.Trip {
		for k, reversed := range l.Seqs {
			in[k] = row(args[k], i, reversed)
		}
		rs, err := Eval(l.Body, in)
		if err != nil {
			return nil, err
		}
		for k, reversed := range l.Stacks {
			copy(row(out[k], i, reversed), rs[l.Carries+k])
		}
		copy(in[seqs:], rs[:l.Carries])
	}
	return append(out, in[seqs:seqs+l.Carries]...), nil
}

func eval(v *ir.Value, in [][]float64) ([]float64, error) {
	out := make([]float64, v.Shape.Size())
	shape := func(i int) ir.Shape { return v.Args[i].Shape }
	switch op := v.Op.(type) {
	case ir.Const:
		for i := range out {
			out[i] = op.Value
		}
	case ir.Iota:
		each(v.Shape, func(i int, x []int) { out[i] = float64(x[op.Axis]) })
	case ir.Elem:
		var x [3]float64
		for i := range out {
			for k := range in {
				x[k] = in[k][i]
			}
			out[i] = op.Fn.Of(x[0], x[1], x[2])
			if op.To == tape.Int32 {
				out[i] = math.Trunc(out[i])
			}
		}
	case ir.Broadcast:
		s := shape(0)
		each(v.Shape, func(i int, x []int) {
			y := append([]int{}, x[len(x)-len(s):]...)
			for k, d := range s {
				if d == 1 {
					y[k] = 0
				}
			}
			out[i] = in[0][offset(s, y)]
		})
	case ir.Reshape:
		copy(out, in[0])
	case ir.Transpose:
		each(v.Shape, func(i int, x []int) {
			y := make([]int, len(x))
			for k, p := range op.Perm {
				y[p] = x[k]
			}
			out[i] = in[0][offset(shape(0), y)]
		})
	case ir.Slice:
		each(v.Shape, func(i int, x []int) {
			y := append([]int{}, x...)
			y[op.Axis] += op.From
			out[i] = in[0][offset(shape(0), y)]
		})
	case ir.Pad:
		each(shape(0), func(i int, x []int) {
			y := append([]int{}, x...)
			y[op.Axis] += op.Before
			out[offset(v.Shape, y)] = in[0][i]
		})
	case ir.Concat:
		at := 0
		for k := range in {
			each(shape(k), func(i int, x []int) {
				y := append([]int{}, x...)
				y[op.Axis] += at
				out[offset(v.Shape, y)] = in[k][i]
			})
			at += shape(k)[op.Axis]
		}
	case ir.Product:
		product(op, shape(0), shape(1), in, out)
		if op.Need {
			spoil(in[2], out)
		}
	case ir.Reduce:
		reduce(op, shape(0), v.Shape, in[0], out)
	case ir.Rows:
		return out, rows(op, shape(0), in, out)
	case ir.Gather:
		table := shape(0)
		width := table[1:].Size()
		for n, index := range in[1] {
			if index < 0 || int(index) >= table[0] {
				return nil, errors.Errorf("index %g at position %d is outside of [0, %d)", index, n, table[0])
			}
			copy(out[n*width:(n+1)*width], in[0][int(index)*width:])
		}
	case ir.ScatterAdd:
		width := v.Shape[1:].Size()
		for n, index := range in[0] {
			if index < 0 || int(index) >= op.Rows {
				return nil, errors.Errorf("index %g at position %d is outside of [0, %d)", index, n, op.Rows)
			}
			for j := range width {
				out[int(index)*width+j] += in[1][n*width+j]
			}
		}
	case ir.Put:
		width := v.Shape[1:].Size()
		copy(out, in[0])
		for n, index := range in[1] {
			if index < 0 || int(index) >= v.Shape[0] {
				return nil, errors.Errorf("index %g at position %d is outside of [0, %d)", index, n, v.Shape[0])
			}
			copy(out[int(index)*width:][:width], in[2][n*width:])
		}
	case ir.Random:
		width := op.Of.Shape.Size()
		for n := range len(in[0]) / 4 {
			var key [4]int32
			for k := range key {
				key[k] = int32(in[0][n*4+k])
			}
			for j := range width {
				out[n*width+j] = tape.Uniform(tape.RandomWord(key, op.Stream, j))
			}
		}
	case *ir.Host:
		return out, host(op, v, in, out)
	case *ir.AllReduce:
		copy(out, in[0])
		if in[1][0] != 0 {
			return out, summed(op, v, out)
		}
	default:
		return nil, errors.New("the evaluator does not know this operation")
	}
	return out, nil
}

func product(op ir.Product, a, b ir.Shape, in [][]float64, out []float64) {
	r := len(a)
	m, k, n := a[r-2], a[r-1], b[r-1]
	if op.TransA {
		m, k = k, m
	}
	if op.TransB {
		n = b[r-2]
	}
	at := func(x []float64, s ir.Shape, batch, i, j int, trans bool) float64 {
		if trans {
			i, j = j, i
		}
		return x[(batch*s[r-2]+i)*s[r-1]+j]
	}
	batches := 1
	if r == 3 {
		batches = a[0]
	}
	for batch := range batches {
		for i := range m {
			for j := range n {
				sum := 0.0
				for l := range k {
					sum += at(in[0], a, batch, i, l, op.TransA) * at(in[1], b, batch, l, j, op.TransB)
				}
				out[(batch*m+i)*n+j] = sum
			}
		}
	}
}

// spoil puts numbers that nobody should use into the rows that are not needed.
func spoil(need, out []float64) {
	for row, n := range need {
		if width := len(out) / len(need); n == 0 {
			for j := range width {
				out[row*width+j] = 1000 + float64(row*width+j)
			}
		}
	}
}

func reduce(op ir.Reduce, from, to ir.Shape, in, out []float64) {
	if op.Fn == tape.ReduceMax {
		for i := range out {
			out[i] = math.Inf(-1)
		}
	}
	gone := map[int]bool{}
	for _, a := range op.Axes {
		gone[a] = true
	}
	each(from, func(i int, x []int) {
		var y []int
		for k := range x {
			if !gone[k] {
				y = append(y, x[k])
			}
		}
		o := offset(to, y)
		if op.Fn == tape.ReduceMax {
			out[o] = max(out[o], in[i])
		} else {
			out[o] += in[i]
		}
	})
}

// each calls f with every index of a tensor of shape s, in row-major order.
func each(s ir.Shape, f func(i int, x []int)) {
	x := make([]int, len(s))
	for i := range s.Size() {
		rest := i
		for k := len(s) - 1; k >= 0; k-- {
			x[k] = rest % s[k]
			rest /= s[k]
		}
		f(i, x)
	}
}

func offset(s ir.Shape, x []int) int {
	o := 0
	for k, d := range s {
		o = o*d + x[k]
	}
	return o
}
