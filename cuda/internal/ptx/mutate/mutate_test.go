package mutate_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/mutate"
	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
	"github.com/unroll-ml/unroll/graph/tape"
)

// logSumExp writes y = ln Σ exp(x) of each row of a rows×cols matrix, one block a row, two warps a block.
func logSumExp(b *ptx.Builder) {
	cols, x, y := b.Param("cols", ptx.S64), b.Pointer("x"), b.Pointer("y")
	tid, row := b.Special(ptx.TidX), b.Special(ptx.CtaidX)
	x = b.At(x, b.Mul(b.Convert(ptx.S64, row), cols), 4)
	start, step := b.Convert(ptx.S64, tid), b.Convert(ptx.S64, b.Special(ptx.NtidX))
	warp := func(v ptx.Value, join func(x, y ptx.Value) ptx.Value) ptx.Value {
		for k := 16; k > 0; k /= 2 {
			v = join(v, b.ShuffleXor(v, k))
		}
		s := b.Shared(ptx.F32, 2)
		b.If(b.Eq(b.And(tid, ptx.Int(31)), ptx.Int(0)), func() { b.Store(b.At(s, b.Shr(tid, ptx.Int(5)), 4), 0, v) })
		b.Barrier()
		return join(b.Load(ptx.F32, s, 0), b.Load(ptx.F32, s, 4))
	}
	most := b.Var(ptx.F32.Num(math.Inf(-1)))
	b.For(start, cols, step, func(i ptx.Value) { b.Set(most, b.Max(most, b.Load(ptx.F32, b.At(x, i, 4), 0))) })
	largest := warp(most, b.Max)
	sum := b.Var(ptx.F32.Num(0))
	b.For(start, cols, step, func(i ptx.Value) {
		b.Set(sum, b.Add(sum, b.Fn(tape.Exp, b.Sub(b.Load(ptx.F32, b.At(x, i, 4), 0), largest))))
	})
	total := b.Fn(tape.Log, warp(sum, b.Add))
	b.If(b.Eq(tid, ptx.Int(0)), func() { b.Store(b.At(y, row, 4), 0, b.Add(largest, total)) })
}

func text(t testing.TB, write func(b *ptx.Builder)) string {
	t.Helper()
	var m ptx.Module
	m.Kernel("kernel", write)
	s, err := m.PTX()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// check runs a text on matrices of odd shapes and compares the result with the formula.
func check(text string) error {
	m, err := sim.Compile(text)
	if err != nil {
		return err
	}
	f, err := m.Function("kernel")
	if err != nil {
		return err
	}
	for _, shape := range [][2]int{{3, 101}, {2, 7}, {1, 300}} {
		if err := checkRows(f, shape[0], shape[1],
			func(i int) float32 { return 3 * float32(math.Sin(float64(7*i*i+1))) }); err != nil {
			return err
		}
	}
	// In each row another column is the largest, by so much that no exponential is finite unless it is subtracted.
	const cols = 70
	if err := checkRows(f, cols, cols, func(i int) float32 {
		return float32(300*(i%cols*cols/(i/cols+1)%2)) - float32(i%11) + map[bool]float32{true: 400}[i%cols == i/cols]
	}); err != nil {
		return err
	}
	return checkRows(f, 1, 1, func(int) float32 { return float32(math.NaN()) })
}

func checkRows(f *sim.Function, rows, cols int, at func(i int) float32) error {
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = at(i)
	}
	mem := sim.NewMemory(1<<20, true)
	bytes, _ := binary.Append(nil, binary.LittleEndian, x)
	px, err := mem.Alloc(int64(len(bytes)))
	if err != nil {
		return err
	}
	py, err := mem.Alloc(4 * int64(rows))
	if err != nil {
		return err
	}
	if err := mem.Write(px, bytes); err != nil {
		return err
	}
	_, err = f.Launch(&sim.Launch{Grid: sim.Dim{X: rows, Y: 1, Z: 1}, Block: sim.Dim{X: 64, Y: 1, Z: 1},
		Args: []uint64{uint64(cols), px, py}, Memory: mem, Budget: 10000, Workers: 1, Races: true})
	if err != nil {
		return err
	}
	got := make([]float32, rows)
	bytes = bytes[:4*rows]
	if err := mem.Read(bytes, py); err != nil {
		return err
	}
	if _, err := binary.Decode(bytes, binary.LittleEndian, got); err != nil {
		return err
	}
	for r := range rows {
		sum, most := 0., float64(slices.Max(x[r*cols:][:cols]))
		for _, v := range x[r*cols:][:cols] {
			sum += math.Exp(float64(v) - most)
		}
		want := most + math.Log(sum)
		if y := float64(got[r]); !(math.Abs(y-want) <= 5e-7*max(1, math.Abs(want))) && (y == y || want == want) {
			return fmt.Errorf("row %d: %v, want %v", r, y, want)
		}
	}
	return nil
}

// equivalent are mutants that compute the same, with the reason.
var equivalent = []struct{ was, now, why string }{
	{"cvt.s64.u32", "cvt.s64.s32", "places in a grid are less than 2³¹"},
	{"mad.wide.u32", "mad.wide.s32", "likewise"},
	{"setp.ge.s64", "setp.ge.u64", "and so are numbers of columns"},
	{"setp.lt.s64", "setp.lt.u64", "likewise"},
	{"shfl.sync.bfly", "shfl.sync.down", "one lane's result is used, and it is the same"},
	{", 16, 31, -1;", ", 17, 31, -1;", "16^17, 8, 4, 2 and 1 make all lanes too"},
	{", 8, 31, -1;", ", 9, 31, -1;", "likewise"},
	{", 4, 31, -1;", ", 5, 31, -1;", "likewise"},
	{", 2, 31, -1;", ", 3, 31, -1;", "likewise"},
	{"setp.eq.u32", ", 1;", "all lanes, and all threads, have the same result"},
	{", %rd3;", ", %rd2;", "an address in global memory is the same as a generic one"},
	{", %rd5;", ", %rd4;", "likewise"},
	{"%f52, %f50, %f51", "%f52, %f49, %f51", "in thread 0 it is the same sum"},
	{"%f75, %f16, %f74", "%f75, %f16, %f73", "the logarithm of what is not negative"},
}

func isEquivalent(m mutate.Mutant) bool {
	for _, e := range equivalent {
		if strings.Contains(m.Was, e.was) && strings.Contains(m.Now, e.now) {
			return true
		}
	}
	return false
}

func TestSimulatorFindsMutants(t *testing.T) {
	ptx := text(t, logSumExp)
	if err := check(ptx); err != nil {
		t.Fatalf("%v\n%s", err, ptx)
	}
	ms := mutate.Own(mutate.All(ptx))
	r := mutate.Run(slices.DeleteFunc(ms, isEquivalent), check)
	t.Logf("\n%v", r)
	if len(r.Survivors) > 0 {
		t.Errorf("%d mutants were not found, and are not known to be right", len(r.Survivors))
	}
}

func TestMutantsDifferByOneLine(t *testing.T) {
	original := text(t, logSumExp)
	lines := strings.Split(original, "\n")
	seen := map[string]bool{original: true}
	for _, m := range mutate.All(original) {
		s := m.Text()
		if seen[s] {
			t.Errorf("twice: %v", m)
		}
		seen[s] = true
		for i, l := range strings.Split(s, "\n") {
			if (l != lines[i]) != (i == m.Line-1) {
				t.Errorf("%v: line %d is %q", m, i+1, l)
			}
		}
	}
	if len(seen) < 500 {
		t.Errorf("only %d mutants", len(seen))
	}
}

// One line for each kind of mistake, with all that is made of it.
func TestMutants(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"bar.sync 0;", []string{"barrier: "}},
		{"sub.rn.f32 %f3, %f1, %f2;", []string{"drop: ", "swap: sub.rn.f32 %f3, %f2, %f1;", "op: add.rn.f32 %f3, %f1, %f2;",
			"register: sub.rn.f32 %f3, %f2, %f2;", "register: sub.rn.f32 %f3, %f1, %f1;"}},
		{"setp.lt.s32 %p1, %r3, 4;", []string{"drop: ", "swap: setp.lt.s32 %p1, 4, %r3;", "compare: setp.le.s32 %p1, %r3, 4;", "compare: setp.ge.s32 %p1, %r3, 4;",
			"type: setp.lt.u32 %p1, %r3, 4;", "constant: setp.lt.s32 %p1, %r3, 5;", "constant: setp.lt.s32 %p1, %r3, 3;",
			"constant: setp.lt.s32 %p1, %r3, 8;", "register: setp.lt.s32 %p1, %r2, 4;"}},
		{"@!%p1 bra L2;", []string{"drop: ", "guard: @%p1 bra L2;", "guard: bra L2;"}},
		{"cvt.rzi.s32.f32 %r1, %f2;", []string{"drop: ", "rounding: cvt.rni.s32.f32 %r1, %f2;", "register: cvt.rzi.s32.f32 %r1, %f1;"}},
		{"mov.u32 %r1, %tid.x;", []string{"drop: ", "special: mov.u32 %r1, %ctaid.x;", "special: mov.u32 %r1, %tid.y;"}},
		{"st.global.v2.f32 [%rd2+8], {%f1, %f2};", []string{"drop: ", "swap: st.global.v2.f32 [%rd2+8], {%f2, %f1};",
			"register: st.global.v2.f32 [%rd1+8], {%f1, %f2};", "register: st.global.v2.f32 [%rd2+8], {%f2, %f2};",
			"offset: st.global.v2.f32 [%rd2+12], {%f1, %f2};", "offset: st.global.v2.f32 [%rd2+4], {%f1, %f2};"}},
		{"fma.rn.f64 %fd2, %fd1, 0d3FF0000000000000, %fd3;", []string{"drop: ", "swap: fma.rn.f64 %fd2, %fd1, %fd3, 0d3FF0000000000000;",
			"op: mul.rn.f64 %fd2, %fd1, 0d3FF0000000000000;", "constant: fma.rn.f64 %fd2, %fd1, 0d4000000000000000, %fd3;",
			"register: fma.rn.f64 %fd2, %fd2, 0d3FF0000000000000, %fd3;", "register: fma.rn.f64 %fd2, %fd1, 0d3FF0000000000000, %fd2;"}},
		{"// add.f32 %f1, %f2, %f3;", nil},
		{".reg .f32 %f<9>;", nil},
	} {
		var got []string
		for _, m := range mutate.All("\t" + c.line + "\n\tret;\n}") {
			if m.Line == 1 {
				got = append(got, string(m.Kind)+": "+strings.TrimSpace(m.Now))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s\n got %q\nwant %q", c.line, got, c.want)
		}
	}
}

func TestSample(t *testing.T) {
	ms := mutate.All(text(t, logSumExp))
	some := mutate.Sample(ms, 50)
	if len(some) != 50 || some[0].Text() != ms[0].Text() {
		t.Errorf("%d mutants, the first of line %d", len(some), some[0].Line)
	}
	if all := mutate.Sample(ms, len(ms)+1); len(all) != len(ms) {
		t.Errorf("%d of %d", len(all), len(ms))
	}
}
