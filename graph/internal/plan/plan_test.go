package plan

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/ir/irtest"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// checkPlan runs the plan of f twice on the reference device, whose memory is full of NaN before each run, and
// compares outputs and states with a direct evaluation.
func checkPlan(f *ir.Func, c Config) error {
	tp, err := Tape(f, tape.Float64, c)
	if err != nil {
		return err
	}
	p, err := ref.New(ref.Poison()).Load(tp)
	if err != nil {
		return fmt.Errorf("%w\n%v\n%v", err, f, tp)
	}
	defer p.Close()
	r := rand.New(rand.NewPCG(7, 7))
	args := make([][]float64, len(f.Params))
	for i, param := range f.Params {
		args[i] = make([]float64, param.Shape.Size())
		for k := range args[i] {
			args[i][k] = r.NormFloat64()
		}
		if err := p.Write(tape.SlotID(i), args[i]); err != nil {
			return err
		}
	}
	for run := range 2 {
		want, err := irtest.Eval(f, args)
		if err != nil {
			return err
		}
		if err := p.Run(); err != nil {
			return err
		}
		out := len(f.Params)
		for i, res := range c.Results {
			slot := tape.SlotID(res.Updates)
			if res.Updates < 0 {
				slot = tape.SlotID(out)
				out++
			} else {
				args[res.Updates] = want[i]
			}
			got := make([]float64, len(want[i]))
			if err := p.Read(slot, got); err != nil {
				return err
			}
			for k, w := range want[i] {
				if got[k] != w && !(math.Abs(got[k]-w) <= 1e-9*(1+math.Abs(w))) && !(math.IsNaN(w) && math.IsNaN(got[k])) {
					return fmt.Errorf("run %d, result %d (%s), element %d is %v, want %v\n%v\n%v", run, i, res.Name, k, got[k], w, f,
						tp)
				}
			}
		}
	}
	return nil
}

func TestPlansComputeWhatProgramsSay(t *testing.T) {
	for range 20 { // each draws -rapid.checks programs
		rapid.Check(t, checkRandomPlan)
	}
}

func checkRandomPlan(t *rapid.T) {
	a := &artist{t, &ir.Builder{Float: tape.Float64}}
	f := &ir.Func{}
	var c Config
	for i := range 1 + a.upTo(3) {
		f.AddParam(ir.Type{Dtype: tape.Float64, Shape: a.shape()}, "")
		c.Params = append(c.Params, fmt.Sprint("param", i))
	}
	pool := a.grow(f.Params, 3+a.upTo(10), 2)
	if a.b.Err() != nil {
		t.Fatal(a.b.Err())
	}
	for i := range 1 + a.upTo(4) {
		f.Results = append(f.Results, a.pick(pool))
		c.Results = append(c.Results, Result{fmt.Sprint("out", i), -1})
	}
	for i, p := range f.Params {
		for _, k := range rapid.Permutation(indices(len(pool))).Draw(t, "order") {
			if v := pool[k]; v.Shape.Equal(p.Shape) && a.coin() {
				f.Results = append(f.Results, v)
				c.Results = append(c.Results, Result{c.Params[i], i})
				break
			}
		}
	}
	if err := checkPlan(f, c); err != nil {
		t.Fatal(err)
	}
}

// f64 is a type of the tests' programs.
func f64(shape ...int) ir.Type { return ir.Type{Dtype: tape.Float64, Shape: shape} }

// listing plans a program, checks its numbers and returns the code, without the header.
func listing(t *testing.T, f *ir.Func, results ...Result) string {
	t.Helper()
	c := Config{Results: results}
	for _, p := range f.Params {
		c.Params = append(c.Params, p.Name)
	}
	if err := checkPlan(f, c); err != nil {
		t.Fatal(err)
	}
	tp, err := Tape(f, tape.Float64, c)
	if err != nil {
		t.Fatal(err)
	}
	return tp.String()
}

func checkCount(t *testing.T, code, what string, want int) {
	t.Helper()
	if got := strings.Count(code, what); got != want {
		t.Errorf("%d × %q, want %d, in\n%s", got, what, want, code)
	}
}

// A recurrence whose states and entry states are both stacked lives in one history: a step copies nothing.
func TestHistory(t *testing.T) {
	for _, reversed := range []bool{false, true} {
		b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
		x, h0, u := f.AddParam(f64(6, 2, 3), "x"), f.AddParam(f64(2, 3), "h0"), f.AddParam(f64(3, 3), "u")
		body := &ir.Func{}
		xt, h, ub := body.AddParam(f64(2, 3), "x"), body.AddParam(f64(2, 3), "h"), body.AddParam(f64(3, 3), "u")
		next := b.Elem(tape.Tanh, b.Add(xt, b.Product(h, ub, false, false)))
		body.Results = []*ir.Value{next, next, h}
		loop := b.New(&ir.Loop{Trip: 6, Seqs: []bool{reversed}, Carries: 1, Stacks: []bool{reversed, reversed}, Body: body},
			x, h0, u)
		f.Results = []*ir.Value{b.Reduce(tape.Sum, b.Mul(b.Proj(loop, 0), b.Proj(loop, 1)), 0, 1, 2), b.Proj(loop, 2)}
		code := listing(t, f, Result{"sum", -1}, Result{"h0", 1})
		checkCount(t, code, "copy", 2) // the initial state in, the final state out
		checkCount(t, code, "    copy", 0)
	}
}

// The parts of a concatenation are written straight into it.
func TestConcatInPlace(t *testing.T) {
	b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
	x, w := f.AddParam(f64(4, 3), "x"), f.AddParam(f64(3, 5), "w")
	f.Results = []*ir.Value{b.Concat(1, b.Elem(tape.Exp, x), b.Product(x, w, false, false), b.Elem(tape.Sin, x))}
	checkCount(t, listing(t, f, Result{"out", -1}), "copy", 0)
}

// A Map writes what is wanted in several places to all of them, unless rows become columns in one.
func TestSeveralPlaces(t *testing.T) {
	for columns, want := range map[bool]int{false: 0, true: 1} {
		b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
		x := f.AddParam(f64(3, 4), "x")
		y, z := b.Elem(tape.Exp, x), b.Elem(tape.Sin, x)
		second := b.Concat(1, y, b.Elem(tape.Cos, x))
		if columns {
			second = b.Concat(0, b.Transpose(y, 1, 0), b.Elem(tape.Cos, b.Transpose(x, 1, 0)))
		}
		f.Results = []*ir.Value{b.Concat(1, z, y), second, y}
		code := listing(t, f, Result{"first", -1}, Result{"second", -1}, Result{"third", -1})
		checkCount(t, code, "copy", want)
	}
}

// What is reshaped on its way to a place is written straight to it, and a step reads it there.
func TestReshapedInPlace(t *testing.T) {
	b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
	a, h0 := f.AddParam(f64(3, 5, 5), "a"), f.AddParam(f64(3, 5), "h0")
	body := &ir.Func{}
	h, ab := body.AddParam(f64(3, 5), "h"), body.AddParam(f64(3, 5, 5), "a")
	row := b.Reshape(b.Product(b.Reshape(h, 3, 1, 5), ab, false, false), 3, 5)
	wide := b.Concat(1, row, b.Elem(tape.Sin, row))
	body.Results = []*ir.Value{b.Elem(tape.Tanh, row), wide}
	loop := b.New(&ir.Loop{Trip: 6, Carries: 1, Stacks: []bool{false}, Body: body}, h0, a)
	f.Results = []*ir.Value{b.Proj(loop, 0)}
	code := listing(t, f, Result{"out", -1})
	checkCount(t, code, "    copy", 0)
}

// A state is updated in place when its old value is not needed any more, and only then.
func TestUpdates(t *testing.T) {
	b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
	w, g := f.AddParam(f64(4, 3), "w"), f.AddParam(f64(4, 3), "g")
	f.Results = []*ir.Value{b.Sub(w, g)}
	checkCount(t, listing(t, f, Result{"w", 0}), "copy", 0)

	f.Results = []*ir.Value{b.Sub(w, g), b.Reduce(tape.Sum, b.Transpose(b.Sub(w, g), 1, 0), 0)}
	listing(t, f, Result{"w", 0}, Result{"sum", -1})

	f.Results = []*ir.Value{b.Sub(w, g), b.Elem(tape.Exp, w)}
	listing(t, f, Result{"w", 0}, Result{"old", -1})

	f.Results = []*ir.Value{g, w} // they swap
	listing(t, f, Result{"w", 0}, Result{"g", 1})

	f.Results = []*ir.Value{b.Elem(tape.Exp, w), w}
	listing(t, f, Result{"w", 0}, Result{"old", -1})
}

// Buffers that are never alive together share memory.
func TestArenaIsReused(t *testing.T) {
	b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
	x := f.AddParam(f64(1000), "x")
	y := x
	for range 20 {
		y = b.Elem(tape.Tanh, y)
	}
	f.Results = []*ir.Value{b.Reduce(tape.Sum, y, 0)}
	tp, err := Tape(f, tape.Float64, Config{Params: []string{"x"}, Results: []Result{{"sum", -1}}})
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(3*8064 + 64); tp.Arena > most {
		t.Errorf("a chain of 20 values of 8000 bytes takes %d bytes, want at most the input and two at a time, %d",
			tp.Arena, most)
	}
}

// What two loops of as many steps touch, one after the other, does not share memory, so that they can run side
// by side: neither what the first reads, nor what it needs for itself, if it is planned so. A loop of other
// steps makes no difference to them.
func TestLoopsSideBySide(t *testing.T) {
	for _, c := range []struct {
		trips          [2]int
		overlap, share bool
	}{{[2]int{6, 6}, true, false}, {[2]int{6, 6}, false, true}, {[2]int{6, 5}, true, true}} {
		trips := c.trips
		b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
		x, u := f.AddParam(f64(6, 2, 3), "x"), f.AddParam(f64(3, 3), "u")
		layer := func(xs *ir.Value, trip int) *ir.Value {
			body := &ir.Func{}
			xt, h, ub := body.AddParam(f64(2, 3), "x"), body.AddParam(f64(2, 3), "h"), body.AddParam(f64(3, 3), "u")
			next := b.Elem(tape.Tanh, b.Add(xt, b.Product(h, ub, false, false)))
			body.Results = []*ir.Value{next, next}
			loop := b.New(&ir.Loop{Trip: trip, Seqs: []bool{false}, Carries: 1, Stacks: []bool{false}, Body: body}, xs,
				b.Const(0, 2, 3), u)
			return b.Proj(loop, 0)
		}
		first := layer(b.Elem(tape.Exp, x), 6)
		second := layer(b.Elem(tape.Sin, b.Slice(first, 0, 0, trips[1])), trips[1])
		f.Results = []*ir.Value{b.Reduce(tape.Sum, second, 0, 1, 2)}
		tp, err := Tape(f, tape.Float64, Config{Params: []string{"x", "u"}, Results: []Result{{"sum", -1}},
			Overlap: c.overlap})
		if err != nil {
			t.Fatal(err)
		}
		var touched [][]tape.BufferID
		for _, in := range tp.Code {
			if lp, ok := in.(*tape.Loop); ok {
				var buffers []tape.BufferID
				for _, in := range lp.Body {
					in.Refs(func(r tape.Ref, _ bool) { buffers = append(buffers, r.Buf) })
				}
				touched = append(touched, buffers)
			}
		}
		shared := false
		for _, i := range touched[0] {
			for _, j := range touched[1] {
				p, q := tp.Buffers[i], tp.Buffers[j]
				overlap := p.Offset < q.Offset+int64(8*q.Len) && q.Offset < p.Offset+int64(8*p.Len)
				shared = shared || overlap && i != j
			}
		}
		if shared != c.share {
			t.Errorf("loops of %v steps, overlap %v, share memory: %v\n%v", trips, c.overlap, shared, tp)
		}
	}
}

// Two recurrences in one loop, such as the directions of an encoder, do not share the memory of their products.
func TestRecurrencesSideBySide(t *testing.T) {
	b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
	h0, u, v := f.AddParam(f64(2, 3), "h0"), f.AddParam(f64(3, 3), "u"), f.AddParam(f64(3, 3), "v")
	body := &ir.Func{}
	g, h, bu, bv := body.AddParam(f64(2, 3), "g"), body.AddParam(f64(2, 3), "h"), body.AddParam(f64(3, 3), "u"),
		body.AddParam(f64(3, 3), "v")
	next := func(x, w *ir.Value) *ir.Value { return b.Elem(tape.Tanh, b.Product(x, w, false, false)) }
	body.Results = []*ir.Value{next(g, bu), next(h, bv)}
	loop := b.New(&ir.Loop{Trip: 6, Carries: 2, Body: body}, h0, b.Elem(tape.Sin, h0), u, v)
	f.Results = []*ir.Value{b.Add(b.Proj(loop, 0), b.Proj(loop, 1))}
	tp, err := Tape(f, tape.Float64, Config{Params: []string{"h0", "u", "v"}, Results: []Result{{"sum", -1}},
		Overlap: true})
	if err != nil {
		t.Fatal(err)
	}
	at := map[int64]bool{}
	for _, in := range tp.Code {
		if lp, ok := in.(*tape.Loop); ok {
			for _, in := range lp.Body {
				if p, ok := in.(*tape.Product); ok {
					at[tp.Buffers[p.C.Buf].Offset] = true
				}
			}
		}
	}
	if len(at) != 2 {
		t.Errorf("two products of a step write to %d places\n%v", len(at), tp)
	}
}

func TestRefuses(t *testing.T) {
	f := &ir.Func{}
	w := f.AddParam(f64(2), "w")
	f.AddParam(f64(3), "v")
	f.Results = []*ir.Value{w, w}
	for _, c := range []Config{
		{Params: []string{"w"}, Results: []Result{{"a", -1}, {"b", -1}}},       // a name is missing
		{Params: []string{"w", "v"}, Results: []Result{{"w", 0}, {"w", 0}}},    // two updates of one
		{Params: []string{"w", "v"}, Results: []Result{{"v", 1}, {"out", -1}}}, // another shape
		{Params: []string{"w", "v"}, Results: []Result{{"x", 2}, {"out", -1}}}, // no such parameter
	} {
		if _, err := Tape(f, tape.Float64, c); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}

// What a step needs in another order of memory, and is the same at every step, is copied once, before the loops.
func TestCopiedBeforeLoops(t *testing.T) {
	b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
	w := f.AddParam(f64(3, 5), "w")
	i := b.New(ir.Iota{Axis: 1, Of: ir.Type{Dtype: tape.Int32, Shape: ir.Shape{2, 2, 2}}})
	index := ir.Type{Dtype: tape.Int32, Shape: ir.Shape{2}}
	inner, outer := &ir.Func{}, &ir.Func{}
	at, table := inner.AddParam(index, "i"), inner.AddParam(f64(5, 3), "w")
	inner.Results = []*ir.Value{b.New(ir.Gather{}, table, at)}
	index.Shape = index.Shape.With(2)
	at, table = outer.AddParam(index, "i"), outer.AddParam(f64(5, 3), "w")
	stacks := []bool{false}
	outer.Results = []*ir.Value{b.Proj(b.New(&ir.Loop{Trip: 2, Seqs: stacks, Stacks: stacks, Body: inner}, at, table), 0)}
	loop := b.New(&ir.Loop{Trip: 2, Seqs: stacks, Stacks: stacks, Body: outer}, i, b.Transpose(w, 1, 0))
	f.Results = []*ir.Value{b.Proj(loop, 0)}
	code := listing(t, f, Result{"out", -1})
	checkCount(t, code, "\n  copy", 1)
	checkCount(t, code, "copy", 1)
}

// A sum begins with zeros in its own place.
func TestConstantStart(t *testing.T) {
	b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
	x := f.AddParam(f64(4, 3), "x")
	body := &ir.Func{}
	xt, sum := body.AddParam(f64(3), "x"), body.AddParam(f64(3), "sum")
	body.Results = []*ir.Value{b.Add(sum, xt)}
	loop := b.New(&ir.Loop{Trip: 4, Seqs: []bool{false}, Carries: 1, Body: body}, x, b.Const(0, 3))
	f.Results = []*ir.Value{b.Elem(tape.Exp, b.Proj(loop, 0))}
	checkCount(t, listing(t, f, Result{"out", -1}), "copy", 0)
}

// What is summed over processes is computed in one piece of memory, and summed there, unless something else reads it
// later.
func TestAllReduceInPlace(t *testing.T) {
	for later, copies := range map[bool]int{false: 0, true: 1} {
		b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
		x, w, one := f.AddParam(f64(4, 3), "x"), f.AddParam(f64(3, 5), "w"), f.AddParam(f64(), "one")
		dw, e := b.Product(x, w, false, false), b.Elem(tape.Exp, x)
		all := b.Concat(0, b.Reshape(dw, 20), b.Reshape(e, 12))
		sum := b.New(&ir.AllReduce{ID: 1, Sum: func(data any) error {
			for i, x := range data.([]float64) {
				data.([]float64)[i] = 2 * x
			}
			return nil
		}}, all, one)
		f.Results = []*ir.Value{b.Elem(tape.Neg, b.Reshape(b.Slice(sum, 0, 0, 20), 4, 5)), b.Elem(tape.Sin, b.Slice(sum, 0, 20, 32))}
		results := []Result{{"dw", -1}, {"e", -1}}
		if later {
			f.Results = append(f.Results, b.Elem(tape.Sub, b.Elem(tape.Cos, e), b.Reshape(b.Slice(sum, 0, 20, 32), 4, 3)))
			results = append(results, Result{"later", -1})
		}
		code := listing(t, f, results...)
		checkCount(t, code, "copy", 0)
		var to, from string
		at := strings.Index(code, "allreduce")
		if _, err := fmt.Sscanf(code[at:], "allreduce %s = sum(%s if", &to, &from); err != nil {
			t.Fatal(err)
		}
		if in := to == strings.TrimSuffix(from, ")"); in != (copies == 0) {
			t.Errorf("read later: %v; summed in place: %v\n%s", later, in, code)
		}
	}
}
