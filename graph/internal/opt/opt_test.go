package opt

import (
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/internal/ir/irtest"
	"github.com/unroll-ml/unroll/graph/tape"
)

var update = flag.Bool("update", false, "write the golden files anew")

// passCase shows what one pass does, on a small function.
type passCase struct {
	pass, name string
	build      func(b *ir.Builder, f *ir.Func)
}

// TestPasses checks each case of each pass: the dumps before and after against testdata, and the numbers
// against the evaluator.
func TestPasses(t *testing.T) {
	passes := map[string]Pass{}
	shown := map[string]bool{}
	for _, p := range Passes() {
		passes[p.Name] = p
	}
	for _, c := range passCases {
		t.Run(c.pass+"/"+c.name, func(t *testing.T) {
			f := build(t, c.build)
			g, err := passes[c.pass].Run(f)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := passes[c.pass].Run(f); err != nil || again.String() != g.String() {
				t.Errorf("a second run of the pass differs: %v\n%v", err, again)
			}
			sameNumbers(t, f, g)
			golden(t, c.pass+"_"+c.name, "before\n"+f.String()+"\nafter\n"+g.String())
		})
		shown[c.pass] = true
	}
	for name := range passes {
		if !shown[name] {
			t.Errorf("pass %s has no case that shows what it does", name)
		}
	}
}

func build(t testing.TB, make func(b *ir.Builder, f *ir.Func)) *ir.Func {
	t.Helper()
	b, f := &ir.Builder{Float: tape.Float64}, &ir.Func{}
	make(b, f)
	if err := b.Err(); err != nil {
		t.Fatal(err)
	}
	if err := f.Verify(); err != nil {
		t.Fatal(err)
	}
	return f
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s\nwant\n%s", path, got, want)
	}
}

// sameNumbers checks that f and g are well formed and compute the same from random arguments.
func sameNumbers(t interface {
	Helper()
	Fatalf(string, ...any)
}, f, g *ir.Func) {
	t.Helper()
	if err := g.Verify(); err != nil {
		t.Fatalf("%v\n%v", err, g)
	}
	args := arguments(f, rand.New(rand.NewPCG(1, 2)))
	want, err := irtest.Eval(f, args)
	if err != nil {
		t.Fatalf("%v\n%v", err, f)
	}
	got, err := irtest.Eval(g, args)
	if err != nil {
		t.Fatalf("%v\n%v", err, g)
	}
	if len(got) != len(want) {
		t.Fatalf("%d results, want %d", len(got), len(want))
	}
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("result %d has %d elements, want %d", i, len(got[i]), len(want[i]))
		}
		for j, x := range want[i] {
			if y := got[i][j]; x != y && !(math.Abs(x-y) <= 1e-9*max(1, math.Abs(x))) && !(math.IsNaN(x) && math.IsNaN(y)) {
				t.Fatalf("result %d, element %d is %v, want %v\nbefore\n%v\nafter\n%v", i, j, y, x, f, g)
			}
		}
	}
}

// arguments are uniform in [-1, 1); integers are 0, 1 or 2.
func arguments(f *ir.Func, rng *rand.Rand) [][]float64 {
	args := make([][]float64, len(f.Params))
	for i, p := range f.Params {
		args[i] = make([]float64, p.Shape.Size())
		for j := range args[i] {
			if p.Dtype == tape.Int32 {
				args[i][j] = float64(rng.IntN(3))
			} else {
				args[i][j] = 2*rng.Float64() - 1
			}
		}
	}
	return args
}

func f64(shape ...int) ir.Type { return ir.Type{Dtype: tape.Float64, Shape: shape} }
func i32(shape ...int) ir.Type { return ir.Type{Dtype: tape.Int32, Shape: shape} }

// loopSpec describes a Loop in terms of its body's values.
type loopSpec struct {
	b                   *ir.Builder
	trip                int
	label               string
	seqs, inits, consts []*ir.Value
	seqRev, stackRev    []bool
	seqP, carryP, conP  []*ir.Value
	next, stacks        []*ir.Value
	back                bool
}

func newLoop(b *ir.Builder, label string, trip int) *loopSpec {
	return &loopSpec{b: b, trip: trip, label: label}
}

func (l *loopSpec) seq(arg *ir.Value, rev bool) *ir.Value {
	p := ir.NewParam(0, ir.Type{Dtype: arg.Dtype, Shape: arg.Shape[1:]}, arg.Name)
	l.seqs, l.seqRev, l.seqP = append(l.seqs, arg), append(l.seqRev, rev), append(l.seqP, p)
	return p
}

func (l *loopSpec) carry(init *ir.Value) *ir.Value {
	p := ir.NewParam(0, init.Type, init.Name)
	l.inits, l.carryP = append(l.inits, init), append(l.carryP, p)
	return p
}

func (l *loopSpec) constant(arg *ir.Value) *ir.Value {
	p := ir.NewParam(0, arg.Type, arg.Name)
	l.consts, l.conP = append(l.consts, arg), append(l.conP, p)
	return p
}

func (l *loopSpec) stack(v *ir.Value, rev bool) {
	l.stacks, l.stackRev = append(l.stacks, v), append(l.stackRev, rev)
}

// build gives the loop's results: stacks, then final values. The parameters are numbered only now, before
// anyone has seen them.
func (l *loopSpec) build() []*ir.Value {
	body := &ir.Func{}
	for _, ps := range [][]*ir.Value{l.seqP, l.carryP, l.conP} {
		for _, p := range ps {
			p.Op = ir.Param{Index: len(body.Params), Of: p.Type}
			body.Params = append(body.Params, p)
		}
	}
	body.Results = append(append(body.Results, l.next...), l.stacks...)
	op := &ir.Loop{Trip: l.trip, Seqs: l.seqRev, Carries: len(l.inits), Stacks: l.stackRev, Body: body, Label: l.label,
		Back: l.back}
	args := append(append(append([]*ir.Value{}, l.seqs...), l.inits...), l.consts...)
	loop := l.b.New(op, args...)
	var rs []*ir.Value
	for i := range len(l.stacks) + len(l.inits) {
		rs = append(rs, l.b.Proj(loop, i))
	}
	return rs
}

// TestWithout checks that passes can be left out by name, and that other names are refused.
func TestWithout(t *testing.T) {
	f := build(t, func(b *ir.Builder, f *ir.Func) {
		x := f.AddParam(f64(2), "x")
		f.Results = append(f.Results, b.Add(x, b.Like(0, x)))
	})
	g, err := Run(f, Without("fold", "fuse"))
	if err != nil {
		t.Fatal(err)
	}
	if g != f {
		t.Errorf("fold was left out, but the program became\n%v", g)
	}
	_, err = Run(f, Without("folding"))
	if err == nil || !strings.Contains(err.Error(), `no pass "folding"`) || !strings.Contains(err.Error(), "fold, ") {
		t.Errorf("an unknown pass gives %v", err)
	}
}

// TestTrace checks that every pass that changes the program is shown with its name.
func TestTrace(t *testing.T) {
	f := build(t, func(b *ir.Builder, f *ir.Func) {
		x := f.AddParam(f64(2), "x")
		f.Results = append(f.Results, b.Add(x, b.Like(0, x)))
	})
	var s strings.Builder
	if _, err := Run(f, Trace(&s)); err != nil {
		t.Fatal(err)
	}
	want := "== program\n" + f.String() + "\n== fold\n%p0 : f64[2] \"x\"\nreturn %p0\n\n"
	if s.String() != want {
		t.Errorf("got\n%q\nwant\n%q", s.String(), want)
	}
}

// doc.go says of each pass, in order, what it is called elsewhere and why it is there.
func TestDocNamesPasses(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, m := range regexp.MustCompile(`(?m)^//\t([a-z]+) {2,}\S`).FindAllSubmatch(doc, -1) {
		named = append(named, string(m[1]))
	}
	var passes []string
	for _, p := range Passes() {
		passes = append(passes, p.Name)
	}
	if !slices.Equal(named, passes) {
		t.Errorf("doc.go names %v, and the passes are %v", named, passes)
	}
}
