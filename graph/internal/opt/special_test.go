package opt

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/ir/irtest"
	"github.com/unroll-ml/unroll/graph/tape"
)

// TestFoldKeepsSpecialValues checks what fold promises and zero does not: that NaN and infinities come out as they did.
func TestFoldKeepsSpecialValues(t *testing.T) {
	special := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 1, -2}
	for _, c := range passCases {
		if c.pass != "fold" && c.pass != "cse" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			f := build(t, c.build)
			g, err := fold(f)
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(5, 6))
			for range 20 {
				args := arguments(f, rng)
				for _, x := range args {
					for i := range x {
						x[i] = special[rng.IntN(len(special))]
					}
				}
				want, err := irtest.Eval(f, args)
				if err != nil {
					t.Fatal(err)
				}
				got, err := irtest.Eval(g, args)
				if err != nil {
					t.Fatal(err)
				}
				for i := range want {
					same := func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) < 1e-9 }
					if !slices.EqualFunc(want[i], got[i], same) {
						t.Fatalf("result %d is %v, want %v, from %v\n%v", i, got[i], want[i], args, g)
					}
				}
			}
		})
	}
}

// TestZero checks that a product with 0 stays for fold and goes for zero.
func TestZero(t *testing.T) {
	f := build(t, func(b *ir.Builder, f *ir.Func) {
		x := f.AddParam(f64(2), "x")
		f.Results = append(f.Results, b.Mul(x, b.Like(0, x)))
	})
	g, err := fold(f)
	if err != nil || g != f {
		t.Errorf("fold made of 0*x (%v)\n%v", err, g)
	}
	g, err = zero(f)
	if err != nil || !g.Results[0].IsConst(0) {
		t.Errorf("zero made of 0*x (%v)\n%v", err, g)
	}
	f = build(t, func(b *ir.Builder, f *ir.Func) { f.Results = append(f.Results, b.Div(b.Const(0, 2), b.Const(0, 2))) })
	g, err = zero(f)
	if err != nil {
		t.Fatal(err)
	}
	sameNumbers(t, f, g) // NaN
}

// TestUniformAgreesWithEval checks the scalar functions that fold computes with against the evaluator.
func TestUniformAgreesWithEval(t *testing.T) {
	for _, fn := range tape.Fns() {
		if fn.Arity() == 0 {
			continue
		}
		for _, x := range [][3]float64{{0.3, -1.2, 2}, {-0.7, 0.7, -1}, {0, 3, 4}, {2, 2, 1}, {1.5, -0.5, 0}} {
			f := build(t, func(b *ir.Builder, f *ir.Func) {
				var args []*ir.Value
				for i := range fn.Arity() {
					args = append(args, b.Const(x[i], 2))
				}
				f.Results = append(f.Results, b.Elem(fn, args...))
			})
			g, err := fold(f)
			if err != nil {
				t.Fatal(err)
			}
			if !isConst(g.Results[0]) {
				t.Errorf("%v of constants is %v", fn, g)
			}
			sameNumbers(t, f, g)
		}
	}
}

// TestRunWithoutSomePasses checks that no pass relies on another for its correctness, and that the result is
// the same each time.
func TestRunWithoutSomePasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFunc(t)
		var left []string
		for _, p := range Passes() {
			if rapid.IntRange(0, 3).Draw(t, p.Name) == 0 {
				left = append(left, p.Name)
			}
		}
		g, err := Run(f, Without(left...))
		if err != nil {
			t.Fatalf("without %v: %v\n%v", left, err, f)
		}
		sameNumbers(t, f, g)
		again, err := Run(f, Without(left...))
		if err != nil || again.String() != g.String() {
			t.Fatalf("a second run gives something else: %v\n%v\n%v", err, g, again)
		}
	})
}

// TestHostRunsAtEveryStep checks that no pass moves a Go function out of a loop, be its arguments ever so constant.
func TestHostRunsAtEveryStep(t *testing.T) {
	calls := 0
	f := build(t, func(b *ir.Builder, f *ir.Func) {
		x := f.AddParam(f64(2), "x")
		l := newLoop(b, "", 4)
		h, c := l.carry(x), l.constant(x)
		draw := b.New(&ir.Host{Name: "draw", ID: 1, Of: f64(2), Fn: func(out, in []any) error {
			calls++
			y := out[0].([]float64)
			for i, x := range in[0].([]float64) {
				y[i] = x + float64(calls)
			}
			return nil
		}}, b.Mul(c, c))
		l.next = []*ir.Value{b.Add(h, b.Mul(draw, draw))}
		l.stack(draw, false)
		f.Results = l.build()
	})
	g, err := Run(f)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := irtest.Eval(g, [][]float64{{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{1, 2, 2, 3, 3, 4, 4, 5}; calls != 4 || !slices.Equal(rs[0], want) {
		t.Errorf("%d calls gave %v, want 4 and %v\n%v", calls, rs[0], want, g)
	}
}

// TestFuseLimits checks that large groups are cut, and that the pieces compute the same.
func TestFuseLimits(t *testing.T) {
	f := build(t, func(b *ir.Builder, f *ir.Func) {
		long := f.AddParam(f64(2), "x")
		for range 3*maxFusedOps + 5 {
			long = b.Elem(tape.Sin, long)
		}
		wide := b.Const(1, 3)
		for range 2*maxFusedOperands + 3 {
			wide = b.Mul(wide, f.AddParam(f64(3), ""))
		}
		f.Results = []*ir.Value{long, wide}
	})
	g, err := fuse(f)
	if err != nil {
		t.Fatal(err)
	}
	sameNumbers(t, f, g)
	sizes := map[int][]int{} // by the length of the vectors
	for _, v := range g.Values() {
		if o, ok := v.Op.(*ir.Fused); ok {
			ops := len(o.Body.Values()) - len(o.Body.Params)
			if ops > maxFusedOps+1 || len(v.Args)+len(v.Parts) > maxFusedOperands {
				t.Errorf("%d functions of %d operands in one", ops, len(v.Args)+len(v.Parts))
			}
			sizes[o.Shape[0]] = append(sizes[o.Shape[0]], ops)
		}
	}
	if len(sizes[2]) != 4 || len(sizes[3]) != 3 {
		t.Errorf("the pieces have %v and %v functions, want 4 and 3 pieces", sizes[2], sizes[3])
	}
}

// TestDirections checks that sequences and stacks in different directions are different.
func TestDirections(t *testing.T) {
	f := build(t, func(b *ir.Builder, f *ir.Func) {
		x := f.AddParam(f64(3, 2), "x")
		l := newLoop(b, "", 3)
		l.stack(b.Elem(tape.Exp, l.seq(x, false)), true)
		f.Results = l.build()
	})
	p := takeApart(f.Results[0].Args[0])
	x, v := p.seqs[0], p.stacks[0].value
	if p.addSeq(x.arg, false, "") != x.param || p.addSeq(x.arg, true, "") == x.param {
		t.Error("a sequence is found again in its own direction only")
	}
	if p.stackOf(v, true).Op != (ir.Proj{Index: 0}) || p.stackOf(v, false).Op != (ir.Proj{Index: 1}) {
		t.Error("a stack is found again in its own direction only")
	}
}
