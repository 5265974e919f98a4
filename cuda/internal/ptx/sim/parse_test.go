package sim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/cuda/internal/ptx/sim"
)

// module is a kernel around some lines.
func module(body string) string {
	return `.version 7.8
.target sm_70
.address_size 64
.visible .entry kernel(.param .u64 p, .param .s64 n)
{
	.reg .pred %p<4>;
	.reg .b32 %r<4>;
	.reg .b64 %rd<4>;
	.reg .f32 %f<4>;
	.reg .f64 %fd<4>;
	.shared .align 16 .b8 shared0[64];
` + body + `
	ret;
}
`
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ body, why string }{
		{"	tanh.approx.f32 %f1, %f2;", `the instruction "tanh.approx.f32" is not known here`},
		{"	add.f32 %f1, %f2, %f3;", `"add.f32" is not known`}, // without .rn it may be contracted
		{"	st.global.f32.volatile [%rd1], %f1;", "not known"},
		{"	shfl.sync.up.b32 %r1, %r2, 1, 0, -1;", "not known"},
		{"	add.s32 %r1, %r2;", "has more operands"},
		{"	add.s32 %r1, %r2, %r3, %r1;", "has fewer operands"},
		{"	add.s32 %r1, %r2, %f3;", "%f3 is of another type"},
		{"	add.s32 %r1, %r2, %rd3;", "%rd3 is of another type"},
		{"	add.rn.f32 %f1, %f2, 1;", "1 is no number of the instruction's type"},
		{"	add.rn.f64 %fd1, %fd2, 0f3F800000;", "is no number of the instruction's type"},
		{"	add.s32 %r1, %r2, 4294967296;", "is no number"},
		{"	add.s32 7, %r2, %r3;", "7 where a register is expected"},
		{"	add.s32 %r1, %r2, %r4;", "the register %r4 is not declared"},
		{"	add.s32 %r01, %r2, %r3;", "the register %r01 is not declared"},
		{"	add.s32 %x1, %r2, %r3;", "the register %x1 is not declared"},
		{"	add.s32 %tid.x, %r2, %r3;", "%tid.x is not declared"},
		{"	mov.u32 %r1, %clock;", "%clock is not declared"},
		{"	mov.u32 %r1, elsewhere;", "elsewhere is no number"},
		{"	setp.lt.s32 %r1, %r2, %r3;", "%r1 is no predicate"},
		{"	selp.f32 %f1, %f2, %f3, %r1;", "%r1 is no predicate"},
		{"	@%r1 bra L;\nL:", "%r1 is no predicate"},
		{"	bra NOWHERE;", "no instruction at the label NOWHERE"},
		{"L:\nL:", "two labels L"},
		{"	ld.param.u64 %rd1, [x];", "no parameter x"},
		{"	ld.param.u64 %rd1, [p+4];", "no parameter p"},
		{"	ld.global.f32 %f1, [%r1];", "%r1 is of another type"},
		{"	ld.shared.f32 %f1, [%rd1];", "%rd1 is of another type"},
		{"	ld.global.f32 %f1, %rd1;", "operand 2 of ld.global.f32 is of another kind"},
		{"	ld.global.v4.f32 {%f1, %f2}, [%rd1];", "the vector of ld.global.v4.f32 has more elements"},
		{"	ld.global.v2.f32 {%f1, %f2, %f3}, [%rd1];", "has 2 elements"},
		{"	ld.global.v4.f64 {%fd1, %fd2, %fd3, %fd1}, [%rd1];", "not known"},
		{"	ld.global.f32 %f1, [%rd1+x];", "the offset of an address"},
		{"	bar.sync 1;", "there is one barrier"},
		{"	shfl.sync.bfly.b32 %r1, %r2, 32, 31, -1;", "a shuffle by 32"},
		{"	shfl.sync.bfly.b32 %r1, %r2, 1, 15, -1;", "over 32 threads"},
		{"	shfl.sync.bfly.b32 %r1, %r2, 1, 31, 255;", "all 32 threads"},
		{"	mov.b64 {%r1}, %rd1;", "two halves"},
		{"	mov.b64 {%r1, %rd1}, %rd1;", "%rd1 is of another type"},
		{"	.reg .b32 %r<4>;", "declared twice"},
		{"	.reg .b16 %h<4>;", "registers of type .b16"},
		{"	.shared .align 16 .b8 shared0[64];", "two of the name shared0"},
		{"	.shared .align 4 .b8 other[64];", "aligned to 16"},
		{"	.shared .align 16 .b8 other[9999999];", "a number up to"},
		{"	.shared .align 16 .b8 other[49089];", "49153 bytes of shared memory, at most 49152"},
		{"	.shared .align 16 .b8 one[1];\n	.shared .align 16 .b8 other[49073];", "49153 bytes of shared memory"},
		{"	.local .b8 x[4];", `"x" where "," is expected`},
		{"	add.s32 %r1, %r2, %r3", "\"ret\" where"},
		{"	add.s32 %r1 %r2;", "is expected"},
		{"	#", "a character that PTX does not have here"},
		{"}", "does not end with ret"},
	} {
		_, err := sim.Compile(module(c.body))
		var bad *sim.SyntaxError
		if !errors.As(err, &bad) {
			t.Errorf("%s\nis taken, or %v", c.body, err)
			continue
		}
		if !strings.Contains(bad.Error(), c.why) {
			t.Errorf("%s\n%v\nwhere %q is expected", c.body, bad, c.why)
		}
	}
}

// params are n more parameters.
func params(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ", .param .u64 p%d", i)
	}
	return b.String()
}

func TestRefusedModules(t *testing.T) {
	whole := module("")
	for _, c := range []struct{ text, why string }{
		{"", `"" where ".version" is expected`},
		{strings.Replace(whole, "7.8", "8.0", 1), "version 8.0"},
		{strings.Replace(whole, "sm_70", "gfx90", 1), "no target"},
		{strings.Replace(whole, "_size 64", "_size 32", 1), `"64" is expected`},
		{strings.Replace(whole, ".s64 n", ".s32 n", 1), "all have 8 bytes"},
		{strings.Replace(whole, ".s64 n", ".s64 p", 1), "two parameters p"},
		{strings.Replace(whole, ".s64 n", ".s64 n"+params(511), 1), "more than 512 parameters, which is 4,096 bytes"},
		{strings.Replace(whole, "	ret;", "", 1), "does not end with ret"},
		{strings.Replace(whole, "	ret;", "	@%p1 ret;", 1), "does not end with ret"},
		{whole + whole[strings.Index(whole, ".visible"):], "two kernels of this name"},
		{strings.Replace(whole, ".visible .entry", ".func", 1), ".visible .entry or .extern .shared is expected"},
		{strings.TrimSuffix(whole, "}\n"), "the text ends here"},
	} {
		if _, err := sim.Compile(c.text); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%v, want %q of\n%s", err, c.why, c.text)
		}
	}
	for _, text := range []string{
		whole,
		strings.Replace(whole, ".s64 n", ".s64 n"+params(510), 1),
		module("	.shared .align 16 .b8 other[49088];"),
		module("	.shared .align 16 .b8 one[1];\n	.shared .align 16 .b8 other[49072];"),
	} {
		if _, err := sim.Compile(text); err != nil {
			t.Error(err)
		}
	}
	m, err := sim.Compile(whole)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Function("kern"); err == nil || !strings.Contains(err.Error(), `["kernel"]`) {
		t.Error(err)
	}
}

// FuzzCompile: whatever the text, there is a module or a *SyntaxError, and no panic; and a module that runs
// does not panic either.
func FuzzCompile(f *testing.F) {
	f.Add(module("	@!%p1 bra L;\n	mov.b64 {%r1, %r2}, %rd1;\nL:\n	add.s32 %r1, %r2, -3; /"))
	f.Add(module("	mov.u32 %r1, %tid.x;\n	setp.lt.u32 %p1, %r1, 3;\n	@%p1 ret;\n	bar.sync 0;"))
	f.Add(module("	ld.param.u64 %rd1, [p];\nL:\n	ld.global.v2.f32 {%f1, %f2}, [%rd1+8];\n" +
		"	fma.rn.f32 %f1, %f1, 0f3F800000, %f2;\n	st.shared.f32 [%r1+-4], %f1;\n	bra L;"))
	f.Add(module("	shfl.sync.down.b32 %r1, %r2, 1, 31, -1;\n	selp.f64 %fd1, 0d0000000000000000, %fd2, %p2;\n" +
		"	cvt.rzi.s32.f64 %r1, %fd1;\n	red.global.min.u32 [%rd1], %r1;"))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := sim.Compile(text)
		if err != nil {
			if bad := (*sim.SyntaxError)(nil); !errors.As(err, &bad) {
				t.Fatalf("the error is %T", err)
			}
			return
		}
		for _, name := range m.Functions() {
			k, err := m.Function(name)
			if err != nil {
				t.Fatal(err)
			}
			mem := sim.NewMemory(1<<16, true)
			p, err := mem.Alloc(64)
			if err != nil {
				t.Fatal(err)
			}
			args := make([]uint64, k.Params())
			for i := range args {
				args[i] = p
			}
			// It may well go wrong, but it says so.
			_, err = k.Launch(&sim.Launch{Grid: line(2), Block: line(min(40, k.MaxThreads())), Args: args, Memory: mem,
				Budget: 200, Workers: 1})
			if fault := (*sim.Fault)(nil); err != nil && !errors.As(err, &fault) {
				t.Fatal(err)
			}
		}
	})
}
