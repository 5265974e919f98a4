package ir_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/ir/irtest"
	"github.com/unroll-ml/unroll/graph/tape"
)

func f32(shape ...int) ir.Type { return ir.Type{Dtype: tape.Float32, Shape: shape} }
func i32(shape ...int) ir.Type { return ir.Type{Dtype: tape.Int32, Shape: shape} }

func value(t ir.Type) *ir.Value { return ir.NewParam(0, t, "") }

// recurrence is h' = tanh(x·w + h) over four steps, with all states stacked.
func recurrence() *ir.Func {
	b, f := &ir.Builder{Float: tape.Float32}, &ir.Func{}
	xs, h0, w := f.AddParam(f32(4, 2, 3), "xs"), f.AddParam(f32(2, 5), "h0"), f.AddParam(f32(3, 5), "w")
	body := &ir.Func{}
	x, h, wb := body.AddParam(f32(2, 3), "x"), body.AddParam(f32(2, 5), "h"), body.AddParam(f32(3, 5), "w")
	next := b.Elem(tape.Tanh, b.Add(b.Product(x, wb, false, false), h)).Named("next")
	body.Results = []*ir.Value{next, next}
	loop := b.New(&ir.Loop{Trip: 4, Seqs: []bool{false}, Carries: 1, Stacks: []bool{false}, Body: body, Label: "rnn"}, xs,
		h0, w)
	f.Results = []*ir.Value{b.Proj(loop, 0), b.Mul(b.Proj(loop, 1), b.Const(2))}
	return f
}

func TestDump(t *testing.T) {
	const want = `%p0 : f32[4 2 3] "xs"
%p1 : f32[2 5] "h0"
%p2 : f32[3 5] "w"
%0 = loop "rnn"(4, seqs +, carries 1, stacks +) %p0 %p1 %p2 : [f32[4 2 5] f32[2 5]]
    %ap0 : f32[2 3] "x"
    %ap1 : f32[2 5] "h"
    %ap2 : f32[3 5] "w"
    %a0 = product(a·b) %ap0 %ap2 : f32[2 5]
    %a1 = add:f32 %a0 %ap1 : f32[2 5]
    %a2 = tanh:f32 %a1 : f32[2 5] "next"
    return %a2 %a2
%1 = const(2, f32[])
%2 = broadcast([2 5]) %1 : f32[2 5]
%3 = mul:f32 %0.1 %2 : f32[2 5]
return %0.0 %3
`
	if diff := cmp.Diff(want, recurrence().String()); diff != "" {
		t.Errorf("the dump differs (-want +got):\n%s", diff)
	}
}

func TestVerify(t *testing.T) {
	f := recurrence()
	if err := f.Verify(); err != nil {
		t.Fatal(err)
	}
	f.Results = append(f.Results, value(f32(2)))
	if err := f.Verify(); err == nil || !strings.Contains(err.Error(), "another function") {
		t.Errorf("a foreign parameter: %v", err)
	}
	g := recurrence()
	g.Results[1].Shape = ir.Shape{7}
	if err := g.Verify(); err == nil || !strings.Contains(err.Error(), "inferred") {
		t.Errorf("a type that is not what the operation gives: %v", err)
	}
}

// Apply is inlining: a function of functions computes what the pieces compute.
func TestApply(t *testing.T) {
	b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
	double := ir.Type{Dtype: tape.Float64, Shape: ir.Shape{2}}
	x, y := f.AddParam(double, "x"), f.AddParam(double, "y")
	f.Results = []*ir.Value{b.Sub(x, y), x}

	g := &ir.Func{}
	u := g.AddParam(double, "u")
	once := f.Apply(b.Mul(u, u), u) // u²-u, u²
	g.Results = f.Apply(once[0], once[1])
	got, err := irtest.Eval(g, [][]float64{{3, 5}})
	if err != nil {
		t.Fatal(err)
	}
	if want := [][]float64{{-3, -5}, {6, 20}}; !cmp.Equal(want, got) { // (u²-u)-u², u²-u
		t.Errorf("got %v, want %v", got, want)
	}
	if err := g.Verify(); err != nil {
		t.Error(err)
	}
}

// Every operation refuses arguments that do not fit, and says why.
func TestNewRefuses(t *testing.T) {
	m, v, n := value(f32(2, 3)), value(f32(3)), value(i32(2))
	body := recurrence().Values()[3].Op.(*ir.Loop).Body
	for want, c := range map[string]struct {
		op   ir.Op
		args []*ir.Value
	}{
		"wants 2 arguments":     {ir.Elem{Fn: tape.Add}, []*ir.Value{m}},
		"shapes differ":         {ir.Elem{Fn: tape.Add}, []*ir.Value{m, v}},
		"no axis 2":             {ir.Iota{Axis: 2, Of: f32(2, 3)}, nil},
		"does not fit":          {ir.Broadcast{Shape: ir.Shape{2, 4}}, []*ir.Value{m}},
		"more dimensions":       {ir.Broadcast{Shape: ir.Shape{3}}, []*ir.Value{m}},
		"number of elements":    {ir.Reshape{Shape: ir.Shape{7}}, []*ir.Value{m}},
		"not a permutation":     {ir.Transpose{Perm: []int{0, 0}}, []*ir.Value{m}},
		"number of dimensions":  {ir.Transpose{Perm: []int{0}}, []*ir.Value{m}},
		"slice(1, 2:5)":         {ir.Slice{Axis: 1, From: 2, To: 5}, []*ir.Value{m}},
		"pad(2, 0, 0)":          {ir.Pad{Axis: 2}, []*ir.Value{m}},
		"cannot be joined":      {ir.Concat{}, []*ir.Value{m, v}},
		"nothing to join":       {ir.Concat{}, nil},
		"do not fit":            {ir.Product{}, []*ir.Value{m, m}},
		"have no product":       {ir.Product{}, []*ir.Value{m, v}},
		"axes do not fit":       {ir.Reduce{Axes: []int{2}}, []*ir.Value{m}},
		"integers are not":      {ir.Reduce{Axes: []int{0}}, []*ir.Value{n}},
		"argument 1 is":         {ir.Rows{Kind: tape.CrossEntropy}, []*ir.Value{m, v}},
		"takes no mask":         {ir.Rows{Kind: tape.Argmax, Mask: true}, []*ir.Value{m, m}},
		"cannot be looked up":   {ir.Gather{}, []*ir.Value{m, v}},
		"cannot be added at":    {ir.ScatterAdd{Rows: 2}, []*ir.Value{n, v}},
		"cannot be put at":      {ir.Put{}, []*ir.Value{m, n, v}},
		"are not keys":          {ir.Random{Of: f32(2)}, []*ir.Value{n}},
		"has 1 results":         {ir.Proj{Index: 3}, []*ir.Value{{Op: ir.Tuple{}, Parts: []ir.Type{f32()}}}},
		"argument 0 (x) is":     {&ir.Loop{Trip: 9, Seqs: []bool{false}, Carries: 1, Stacks: []bool{false}, Body: body}, []*ir.Value{value(f32(4, 2, 3)), value(f32(2, 5)), value(f32(3, 5))}},
		"body has 2 results":    {&ir.Loop{Trip: 4, Seqs: []bool{false}, Carries: 1, Body: body}, []*ir.Value{value(f32(4, 2, 3)), value(f32(2, 5)), value(f32(3, 5))}},
		"fused([3]){return p0}": {&ir.Fused{Shape: ir.Shape{3}, Body: &ir.Func{Params: []*ir.Value{v}, Results: []*ir.Value{v}}}, []*ir.Value{m}},
	} {
		if _, err := ir.New(c.op, c.args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one that says %q", c.op, err, want)
		}
	}
}

// A Builder keeps its first error and goes on with values that mean nothing.
func TestBuilderKeepsFirstError(t *testing.T) {
	b := &ir.Builder{Float: tape.Float32}
	x := b.Add(value(f32(2)), value(f32(3)))
	y := b.Product(x, x, false, false)
	if x == nil || y == nil {
		t.Fatal("a method returned nil")
	}
	if b.Err() == nil || !strings.Contains(b.Err().Error(), "[[2] [3]] cannot be broadcast") {
		t.Errorf("first error: %v", b.Err())
	}
}
