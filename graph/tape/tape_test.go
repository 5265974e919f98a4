package tape

import (
	"fmt"
	"strings"
	"testing"
)

func TestRef(t *testing.T) {
	r := at(3, 10, 5, -2)
	if got := r.At([]int{2, 3, 9}); got != 14 {
		t.Errorf("At = %d, want 10 + 2·5 - 3·2 = 14", got)
	}
	for _, c := range []struct {
		step  []int
		depth int
		want  bool
	}{
		{nil, 0, true},
		{[]int{1}, 0, false},
		{[]int{1}, 1, true},
		{[]int{1, 0}, 1, true},
		{[]int{0, 1}, 0, false},
		{[]int{0, 1}, 5, true},
	} {
		if got := at(0, 0, c.step...).Fixed(c.depth); got != c.want {
			t.Errorf("a Ref with steps %v is Fixed(%d) = %v", c.step, c.depth, got)
		}
	}
}

func TestFns(t *testing.T) {
	seen := map[string]bool{}
	for i, f := range Fns() {
		if int(f) != i || f.String() == "" || seen[f.String()] {
			t.Errorf("function %d is %q", i, f)
		}
		seen[f.String()] = true
	}
	for f, want := range map[Fn]int{Const: 0, Iota: 0, Id: 1, Sigmoid: 1, Add: 2, Ne: 2, Where: 3} {
		if f.Arity() != want {
			t.Errorf("%v takes %d arguments, want %d", f, f.Arity(), want)
		}
	}
}

// Refs names each operand, the written ones as such.
func TestRefs(t *testing.T) {
	for _, c := range []struct {
		in   Instr
		want string
	}{
		{&Product{A: at(1, 0), B: at(2, 0), C: at(3, 0)}, "1 2 3w"},
		{neg(at(3, 0), at(1, 0), 4), "1 3w"},
		{&Reduce{In: at(1, 0), Out: at(3, 0)}, "1 3w"},
		{&Rows{In: []Ref{at(1, 0), at(2, 0)}, Out: at(3, 0)}, "1 2 3w"},
		{&Gather{Table: at(1, 0), Index: at(2, 0), Out: at(3, 0)}, "1 2 3w"},
		{&ScatterAdd{Index: at(1, 0), In: at(2, 0), Out: at(3, 0)}, "1 2 3w"},
		{&Put{Index: at(1, 0), In: at(2, 0), Out: at(3, 0)}, "1 2 3w"},
		{&Random{Keys: at(1, 0), Out: at(3, 0)}, "1 3w"},
		{&Copy{In: op(at(1, 0)), Out: op(at(3, 0))}, "1 3w"},
		{loop(2, neg(at(3, 0), at(1, 0), 4)), ""},
		{&AllReduce{In: at(1, 0), When: at(2, 0), Out: at(3, 0)}, "1 2 3w"},
		{&Host{In: []HostArg{{Ref: at(1, 0)}}, Out: []HostArg{{Ref: at(3, 0)}, {Ref: at(4, 0)}}}, "1 3w 4w"},
	} {
		var got []string
		c.in.Refs(func(r Ref, write bool) { got = append(got, fmt.Sprint(int(r.Buf), map[bool]string{true: "w"}[write])) })
		if s := strings.ReplaceAll(strings.Join(got, ","), " ", ""); s != strings.ReplaceAll(c.want, " ", ",") {
			t.Errorf("%v names %q, want %q", c.in, s, c.want)
		}
	}
}

func ExampleTape_String() {
	t := newTape(loop(3,
		product(func(p *Product) { p.A = at(fx, 80, -20); p.Acc = true }),
		&Map{
			Shape: []int{5, 3}, In: []Operand{op(at(ft, 0), 3, 1), op(at(fs, 0), 0, 1)},
			Code: []Op{{Fn: Add, Args: [3]int{0, 1}}, {Fn: Tanh, Args: [3]int{2}}}, Result: []int{3},
			Out: []Operand{op(at(fu, 0, 15), 3, 1)},
		}))
	fmt.Print(t)
	// Output:
	// tape f32, 7 buffers, arena 2944 bytes
	//   input  b0 f32[10 10] "x"
	//   state  b1 f32[100] "s"
	//   output b2 f32[3] "y"
	//   input  b5 i32[100] "i"
	//   loop 3
	//     product b2 += b0+80-20·s0 · b1  5×4×3
	//     map b3+15·s0[3 1] = r3  over [5 3]; r0 = b2[3 1]; r1 = b1[0 1]; r2 = add(r0, r1); r3 = tanh(r2)
}
