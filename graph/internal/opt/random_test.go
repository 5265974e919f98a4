package opt

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// TestRunKeepsNumbers draws programs and checks that the optimised one computes the same.
func TestRunKeepsNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFunc(t)
		g, err := Run(f)
		if err != nil {
			t.Fatalf("%v\n%v", err, f)
		}
		sameNumbers(t, f, g)
	})
}

// TestEachPassKeepsNumbers applies one pass to programs that no other pass has tidied.
func TestEachPassKeepsNumbers(t *testing.T) {
	passes := Passes()
	rapid.Check(t, func(t *rapid.T) {
		f := drawFunc(t)
		p := rapid.SampledFrom(passes).Draw(t, "pass")
		g, err := p.Run(f)
		if err != nil {
			t.Fatalf("%s: %v\n%v", p.Name, err, f)
		}
		sameNumbers(t, f, g)
	})
}

// drawer draws values of one scope.
type drawer struct {
	t     *rapid.T
	b     *ir.Builder
	scope []*ir.Value // whose values may be used
}

func drawFunc(t *rapid.T) *ir.Func {
	f := &ir.Func{}
	d := &drawer{t: t, b: &ir.Builder{Float: tape.Float64}}
	for range d.n(1, 4) {
		d.scope = append(d.scope, f.AddParam(f64(d.shape(0, 3)...), ""))
	}
	d.scope = append(d.scope, f.AddParam(i32(d.shape(0, 2)...), ""))
	d.values(d.n(0, 6))
	for range d.n(1, 3) {
		if d.coin() {
			d.loop(0)
		} else {
			d.twins()
		}
		d.values(d.n(0, 3))
	}
	for range d.n(1, 6) {
		f.Results = append(f.Results, d.pick())
	}
	if err := d.b.Err(); err != nil {
		t.Fatalf("drawing: %v", err)
	}
	return f
}

func (d *drawer) n(from, to int) int { return rapid.IntRange(from, to).Draw(d.t, "n") }
func (d *drawer) coin() bool         { return rapid.Bool().Draw(d.t, "coin") }

func (d *drawer) shape(from, to int) ir.Shape {
	return rapid.SliceOfN(rapid.SampledFrom([]int{1, 2, 3, 5}), from, to).Draw(d.t, "shape")
}

// pick is any value; late ones are as likely as all others together, so that chains arise.
func (d *drawer) pick() *ir.Value {
	if n := len(d.scope); n > 4 && d.coin() {
		return d.scope[d.n(n-4, n-1)]
	}
	return rapid.SampledFrom(d.scope).Draw(d.t, "value")
}

// float is any floating-point value.
func (d *drawer) float() *ir.Value { return d.b.Cast(d.pick(), tape.Float64) }

// index is any integer value in [0, n). The odd offset keeps simple fractions, which may be computed in two
// ways, off the steps.
func (d *drawer) index(n int) *ir.Value {
	b, x := d.b, d.b.Elem(tape.Abs, d.float())
	x = b.Add(b.Mul(x, b.Like(float64(n), x)), b.Like(0.1379, x))
	return b.Cast(b.Elem(tape.Min, x, b.Like(float64(n)-0.5, x)), tape.Int32)
}

// fit makes x a value of the given shape by cutting or repeating.
func (d *drawer) fit(x *ir.Value, shape ...int) *ir.Value {
	size := ir.Shape(shape).Size()
	if x.Shape.Equal(shape) {
		return x
	}
	if len(x.Shape) > 0 && len(x.Shape) <= len(shape) && slices.Equal(x.Shape, shape[len(shape)-len(x.Shape):]) {
		return d.b.Broadcast(x, shape...)
	}
	n := x.Shape.Size()
	if n == 0 {
		return d.b.Const(0, shape...)
	}
	flat := d.b.Reshape(x, n)
	switch {
	case n > size:
		flat = d.b.Slice(flat, 0, 0, size)
	case n < size && d.coin():
		flat = d.b.New(ir.Pad{Axis: 0, Before: (size - n) / 2, After: size - n - (size-n)/2}, flat)
	case n < size:
		times := (size + n - 1) / n
		flat = d.b.Slice(d.b.Reshape(d.b.Broadcast(flat, times, n), times*n), 0, 0, size)
	}
	return d.b.Reshape(flat, shape...)
}

func (d *drawer) values(n int) {
	for range n {
		d.scope = append(d.scope, d.value())
	}
}

// value applies a drawn operation. Functions are such that numbers stay moderate and small errors stay small.
func (d *drawer) value() *ir.Value {
	b := d.b
	unary := []tape.Fn{tape.Neg, tape.Abs, tape.Sin, tape.Tanh, tape.Tanh, tape.Sigmoid}
	binary := []tape.Fn{tape.Add, tape.Add, tape.Sub, tape.Mul, tape.Max, tape.Min}
	switch d.n(0, 18) {
	case 16:
		return d.host()
	case 17, 18:
		return d.selected()
	case 0, 1:
		return b.Elem(rapid.SampledFrom(unary).Draw(d.t, "fn"), d.float())
	case 2, 3, 4:
		x := d.float()
		return b.Elem(rapid.SampledFrom(binary).Draw(d.t, "fn"), x, d.fit(d.float(), x.Shape...))
	case 5:
		x := d.float()
		below := b.Elem(tape.Lt, b.New(ir.Iota{Axis: 0, Of: f64(x.Shape.With(3)...)}), b.Const(1.5, x.Shape.With(3)...))
		return b.Reduce(tape.Sum, b.Elem(tape.Where, below, b.Broadcast(x, x.Shape.With(3)...), b.Like(0.25, below)), 0)
	case 6:
		c := rapid.SampledFrom([]float64{0, 0, 1, -1, 0.5, 2}).Draw(d.t, "const")
		return b.Const(c, d.shape(0, 3)...)
	case 7:
		x := d.float()
		return b.Broadcast(x, append(d.shape(0, 1), x.Shape...)...)
	case 8:
		x := d.pick()
		return b.Transpose(x, rapid.Permutation(indices(len(x.Shape))).Draw(d.t, "perm")...)
	case 9, 10:
		return d.part(d.float())
	case 11, 12, 13:
		return d.product()
	case 14:
		x := d.float()
		var axes []int
		for a := range x.Shape {
			if d.coin() {
				axes = append(axes, a)
			}
		}
		return b.Reduce(rapid.SampledFrom([]tape.ReduceFn{tape.Sum, tape.Sum, tape.ReduceMax}).Draw(d.t, "reduce"), x,
			axes...)
	}
	return d.rows()
}

// hosts counts what host has drawn: two Go functions must never have one ID.
var hosts int

// host calls a Go function, with or without arguments.
func (d *drawer) host() *ir.Value {
	var args []*ir.Value
	for range d.n(0, 2) {
		args = append(args, d.float())
	}
	hosts++
	op := &ir.Host{Name: "drawn", ID: hosts, Of: f64(d.shape(0, 3)...), After: d.n(0, len(args))}
	op.Fn = func(out, in []any) error {
		y, sum := out[0].([]float64), float64(op.ID%7)/7
		for _, x := range in {
			for _, x := range x.([]float64) {
				sum += x
			}
		}
		for i := range y {
			y[i] = math.Sin(sum + float64(i))
		}
		return nil
	}
	return d.b.New(op, args...)
}

// part cuts, pads or joins along an axis.
func (d *drawer) part(x *ir.Value) *ir.Value {
	if len(x.Shape) == 0 {
		return d.b.Reshape(x, 1)
	}
	axis := d.n(0, len(x.Shape)-1)
	n := x.Shape[axis]
	switch d.n(0, 2) {
	case 0:
		from := d.n(0, n-1)
		return d.b.Slice(x, axis, from, d.n(from+1, n))
	case 1:
		return d.b.New(ir.Pad{Axis: axis, Before: d.n(0, 2), After: d.n(0, 2)}, x)
	}
	s := slices.Clone(x.Shape)
	s[axis] = d.n(1, 3)
	return d.b.Concat(axis, x, d.fit(d.float(), s...), x)
}

func (d *drawer) product() *ir.Value {
	m, k, n := d.n(1, 4), d.n(1, 4), d.n(1, 4)
	a, c := []int{m, k}, []int{k, n}
	transA, transB := d.coin(), d.coin()
	if transA {
		slices.Reverse(a)
	}
	if transB {
		slices.Reverse(c)
	}
	if d.n(0, 3) == 0 {
		batch := d.n(1, 3)
		a, c = append([]int{batch}, a...), append([]int{batch}, c...)
	}
	x, y := d.float(), d.float()
	if d.coin() { // a concatenation, as in [x; h]·W
		axis := d.n(0, len(a)-1)
		part := slices.Clone(a)
		part[axis] = 1
		rest := slices.Clone(a)
		rest[axis]--
		if rest[axis] > 0 {
			return d.b.Product(d.b.Concat(axis, d.fit(x, part...), d.fit(d.float(), rest...)), d.fit(y, c...), transA, transB)
		}
	}
	return d.b.Product(d.fit(x, a...), d.fit(y, c...), transA, transB)
}

// selected is rows of what is computed from a product, and others.
func (d *drawer) selected() *ir.Value {
	x := d.product()
	if len(x.Shape) == 2 && d.coin() {
		x = d.b.Product(x, d.fit(d.float(), x.Shape[1], 2), false, false)
	}
	if d.coin() {
		x = d.b.Elem(tape.Tanh, d.b.Add(x, d.fit(d.float(), x.Shape...)))
	}
	if d.coin() {
		x = d.part(x)
	}
	return d.where(d.fit(d.float(), x.Shape[:d.n(0, len(x.Shape))]...), x, d.fit(d.float(), x.Shape...))
}

// where selects rows: x where mask, which has the first of its dimensions, is less than 0.
func (d *drawer) where(mask, x, otherwise *ir.Value) *ir.Value {
	mask = d.b.Elem(tape.Lt, mask, d.b.Like(0, mask))
	rows := append(slices.Clone(mask.Shape), slices.Repeat([]int{1}, len(x.Shape)-len(mask.Shape))...)
	return d.b.Elem(tape.Where, d.b.Broadcast(d.b.Reshape(mask, rows...), x.Shape...), x, otherwise)
}

func (d *drawer) rows() *ir.Value {
	b := d.b
	x := d.float()
	cols := d.n(1, 4)
	rows := d.shape(0, 2)
	x = d.fit(x, append(slices.Clone(rows), cols)...)
	switch d.n(0, 7) {
	case 0:
		return b.New(ir.Rows{Kind: tape.Softmax}, x)
	case 1:
		return b.New(ir.Rows{Kind: tape.LogSoftmaxGrad}, b.New(ir.Rows{Kind: tape.LogSoftmax}, x),
			d.fit(d.float(), x.Shape...))
	case 2:
		return b.New(ir.Rows{Kind: tape.CrossEntropy, Smoothing: 0.1}, x, d.fit(d.index(cols), rows...))
	case 3:
		mask := b.Elem(tape.Lt, b.New(ir.Iota{Axis: len(rows), Of: x.Type}), b.Like(float64(cols-1), x))
		return b.New(ir.Rows{Kind: tape.Softmax, Mask: true}, x, mask)
	case 4:
		return b.New(ir.ScatterAdd{Rows: 3}, d.fit(d.index(3), rows...), x)
	case 5:
		keys := d.fit(d.index(3), d.n(1, 2), 4)
		return b.New(ir.Random{Stream: 7, Of: f64(2)}, keys)
	}
	index := d.index(cols)
	if d.coin() {
		return b.New(ir.Put{}, d.fit(d.float(), cols, 2), index, d.fit(x, append(slices.Clone(index.Shape), 2)...))
	}
	return b.New(ir.Gather{}, d.fit(x, cols, len(rows)+1), index)
}
