package devicetest

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

var loopChecks = []check{
	{"loop moves", "at step s of a loop a Ref is element Off + s·Step of its buffer, forward and backward", loopMoves},
	{"loop carries", "the steps of a loop run in order 0, 1, ..., each after all of the one before", loopCarries},
	{"loop nested", "in nested loops a Ref moves by Step[i] per step of loop i, outermost first; steps that it lacks are 0", loopNested},
	{"loop empty", "a loop of no steps does nothing", loopEmpty},
	{"loop instructions", "every kind of instruction works within a loop, with moving operands", loopInstructions},
}

func loopMoves(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for _, n := range []int{1, 5, 16, 33} {
		const trip = 7
		in, out := r.in(r.rand(trip*n)), r.out(trip*n)
		var want []float64
		for t := range trip {
			want = append(want, in.vals[(trip-1-t)*n:][:n]...)
		}
		out.expect(want)
		r.emit(&tape.Loop{Trip: trip, Body: []tape.Instr{unary(tape.Id, out.ref(n), in.at((trip-1)*n, -n), n)}})
	}
	return r.run(d)
}

// loopCarries is h = h/2 + x[t] with the states of all steps kept: out[t+1] reads out[t].
func loopCarries(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	for _, backward := range []bool{false, true} {
		const trip, n = 9, 19
		x, out := r.in(r.rand(trip*n)), r.state(r.rand((trip+1)*n))
		want := slices.Clone(out.vals)
		from, to, step := 0, n, n
		if backward {
			from, to, step = trip*n, (trip-1)*n, -n
		}
		for t := range trip {
			for i := range n {
				want[to+t*step+i] = round(f, want[from+t*step+i]/2+x.vals[t*n+i])
			}
		}
		out.expect(want)
		r.emit(&tape.Loop{Trip: trip, Body: []tape.Instr{&tape.Map{
			Shape: []int{n}, In: []tape.Operand{dense(out.at(from, step), n), dense(x.ref(n), n)},
			Out: []tape.Operand{dense(out.at(to, step), n)},
			Code: []tape.Op{{Fn: tape.Const, Value: 0.5}, {Fn: tape.Mul, Args: [3]int{0, 2}},
				{Fn: tape.Add, Args: [3]int{3, 1}}},
			Result: []int{4},
		}}})
	}
	return r.run(d)
}

func loopNested(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	const a, b, c, n = 3, 4, 2, 5
	// out[i][k][j] = x[i][j] + y[j][k] + z[k], with j backward.
	x, y, z := r.in(r.rand(a*b*n)), r.in(r.rand(b*c*n)), r.in(r.rand(c*n))
	last := r.out(n) // written by every step: the last one counts
	out := r.out(a * b * c * n)
	want := make([]float64, a*b*c*n)
	for i := range a {
		for s := range b {
			for k := range c {
				for e := range n {
					j := b - 1 - s
					want[((i*c+k)*b+j)*n+e] = round(f, round(f, x.vals[(i*b+j)*n+e]+y.vals[(j*c+k)*n+e])+z.vals[k*n+e])
				}
			}
		}
	}
	out.expect(want)
	last.expect(x.vals[(a-1)*b*n:][:n])
	j := b - 1
	r.emit(&tape.Loop{Trip: a, Body: []tape.Instr{&tape.Loop{Trip: b, Body: []tape.Instr{
		unary(tape.Id, last.Ref, x.at(j*n, b*n, -n), n),
		&tape.Loop{Trip: c, Body: []tape.Instr{&tape.Map{
			Shape: []int{n},
			In:    []tape.Operand{dense(x.at(j*n, b*n, -n), n), dense(y.at(j*c*n, 0, -c*n, n), n), dense(z.ref(0, 0, n), n)},
			Code:  []tape.Op{{Fn: tape.Add, Args: [3]int{0, 1}}, {Fn: tape.Add, Args: [3]int{3, 2}}}, Result: []int{4},
			Out: []tape.Operand{dense(out.at(j*n, c*b*n, -n, b*n), n)},
		}}},
	}}}})
	return r.run(d)
}

func loopEmpty(d tape.Device, f tape.Dtype) error {
	r := newRig(f)
	a, b := r.state(r.rand(5)), r.state(r.rand(5))
	neg := unary(tape.Neg, a.ref(), a.ref(), 5)
	called := func(out, in []any) error { return errors.New("the body of a loop of no steps has run") }
	r.emit(
		&tape.Loop{Trip: 0, Body: []tape.Instr{neg, &tape.Host{Name: "never", Fn: called}}},
		&tape.Loop{Trip: 3, Body: []tape.Instr{&tape.Loop{Trip: 0, Body: []tape.Instr{neg}},
			unary(tape.Neg, b.Ref, b.Ref, 5)}},
		&tape.Loop{Trip: 0, Body: []tape.Instr{&tape.Loop{Trip: 3, Body: []tape.Instr{neg}}}},
		&tape.Loop{Trip: 2})
	want := make([]float64, 5)
	for i := range want {
		want[i] = -b.vals[i]
	}
	b.expect(want)
	return r.run(d)
}

// loopInstructions puts each kind of instruction in a loop whose operands move, and gives its results in one
// call outside of it.
func loopInstructions(d tape.Device, f tape.Dtype) error {
	const trip, n, width = 4, 3, 6
	r := newRig(f)

	reduceIn, reduceOut := r.in(r.rand(trip*n*width)), r.out(trip*width)
	want := make([]float64, trip*width)
	for t := range trip {
		for j := range width {
			largest := reduceIn.vals[t*n*width+j]
			for i := range n {
				largest = max(largest, reduceIn.vals[(t*n+i)*width+j])
			}
			want[t*width+j] = largest
		}
	}
	reduceOut.expect(want)

	argmaxOut := r.outInts(trip * n)
	want = nil
	for i := range trip * n {
		row := reduceIn.vals[i*width:][:width]
		want = append(want, float64(slices.Index(row, slices.Max(row))))
	}
	argmaxOut.expect(want)

	copyOut := r.out(trip * n * width) // backward
	want = nil
	for t := range trip {
		want = append(want, reduceIn.vals[(trip-1-t)*n*width:][:n*width]...)
	}
	copyOut.expect(want)

	index := []int{2, 0, 1, 1, 1, 0, 2, 2, 2, 0, 1, 2}
	indices := r.ints(index...)
	gatherOut, scatterOut := r.out(trip*n*width), r.out(trip*n*width)
	gathered, scattered := make([]float64, trip*n*width), make([]float64, trip*n*width)
	for i, row := range index {
		copy(gathered[i*width:], reduceIn.vals[row*width:][:width])
		for j := range width {
			at := (i/n*n+row)*width + j
			scattered[at] = round(f, scattered[at]+reduceIn.vals[i*width+j])
		}
	}
	gatherOut.expect(gathered)
	scatterOut.expect(scattered)

	keys := []int{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 5, -1, -2, -3, -4}
	randomOut := r.out(trip * width)
	want = nil
	for t := range trip {
		key := [4]int32(convert[int32](unhost(host(tape.Int32, floats(keys[4*t:][:4])))))
		for j := range width {
			want = append(want, tape.Uniform(tape.RandomWord(key, 7, j)))
		}
	}
	randomOut.expect(want)

	hostOut := r.out(trip)
	want = nil
	for t := range trip {
		want = append(want, 2*reduceIn.vals[t*n*width])
	}
	hostOut.expect(want)

	r.emit(&tape.Loop{Trip: trip, Body: []tape.Instr{
		&tape.Reduce{Fn: tape.ReduceMax, In: reduceIn.ref(n * width), Out: reduceOut.ref(width), Outer: 1, N: n, Inner: width},
		&tape.Rows{Kind: tape.Argmax, In: []tape.Ref{reduceIn.ref(n * width)}, Out: argmaxOut.ref(n), Rows: n, Cols: width},
		&tape.Copy{Shape: []int{n, width}, In: dense(reduceIn.at((trip-1)*n*width, -n*width), n, width), Out: dense(copyOut.ref(n*width), n, width)},
		&tape.Gather{Table: reduceIn.ref(), Index: indices.ref(n), Out: gatherOut.ref(n * width), N: n, Width: width, Rows: n},
		&tape.ScatterAdd{Index: indices.ref(n), In: reduceIn.ref(n * width), Out: scatterOut.ref(n * width), N: n, Width: width, Rows: n},
		&tape.Random{Keys: r.ints(keys...).ref(4), Out: randomOut.ref(width), N: 1, Width: width, Stream: 7},
		&tape.Host{
			Name: "double", In: []tape.HostArg{{Ref: reduceIn.ref(n * width), Shape: []int{1}}},
			Out: []tape.HostArg{{Ref: hostOut.ref(1)}},
			Fn: func(out, in []any) error {
				copyTo(out[0], []float64{2 * unhost(in[0])[0]})
				return nil
			},
		},
	}})
	return r.run(d)
}
