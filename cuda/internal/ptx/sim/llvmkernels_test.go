package sim_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// llvmKernel is a kernel in LLVM's language, a function of up to three numbers.
type llvmKernel struct {
	name string
	args []string // types
	ret  string
	body []string               // makes %r of %x, %y and %z
	fits func(in []uint64) bool // whether LLVM defines the result; nil: always
}

// llvmSize is the size of a type in bytes.
func llvmSize(t string) int { return map[string]int{"i32": 4, "float": 4, "i64": 8, "double": 8}[t] }

// llvmShort is how LLVM calls a type in the names of its functions.
func llvmShort(t string) string {
	return map[string]string{"i32": "i32", "i64": "i64", "float": "f32", "double": "f64"}[t]
}

// llvmInts is the type of integers that is as large as t.
func llvmInts(t string) string { return fmt.Sprintf("i%d", 8*llvmSize(t)) }

// llvmKernels are those of one operation each, and such as are made up by chance.
func llvmKernels() []llvmKernel {
	var ks []llvmKernel
	for _, t := range []string{"i32", "i64"} {
		ks = append(ks, integerKernels(t)...)
	}
	ks = append(ks, widthKernels()...)
	for _, t := range []string{"float", "double"} {
		ks = append(ks, floatKernels(t)...)
		for _, i := range []string{"i32", "i64"} {
			ks = append(ks, conversionKernels(t, i)...)
		}
	}
	for seed := range uint64(290) {
		ks = append(ks, chanceKernel(seed))
	}
	return ks
}

// llvm1, llvm2 and llvm3 make a kernel of one, two or three arguments of a type, in which T stands for that type,
// S for its name in those of functions.
func llvm1(name, t, ret string, body ...string) llvmKernel { return newKernel(1, name, t, ret, body) }
func llvm2(name, t, ret string, body ...string) llvmKernel { return newKernel(2, name, t, ret, body) }
func llvm3(name, t, ret string, body ...string) llvmKernel { return newKernel(3, name, t, ret, body) }

func newKernel(n int, name, t, ret string, body []string) llvmKernel {
	k := llvmKernel{name: name + "_" + t, ret: ret}
	for range n {
		k.args = append(k.args, t)
	}
	for _, line := range body {
		k.body = append(k.body, strings.NewReplacer("T", t, "S", llvmShort(t)).Replace(line))
	}
	return k
}

// fitting is the kernel with a condition on its arguments.
func (k llvmKernel) fitting(fits func(in []uint64) bool) llvmKernel {
	k.fits = fits
	return k
}

func integerKernels(t string) (ks []llvmKernel) {
	bits := 8 * llvmSize(t)
	for _, op := range []string{"add", "sub", "mul", "and", "or", "xor"} {
		ks = append(ks, llvm2(op, t, t, "%r = "+op+" T %x, %y"))
	}
	lowest := uint64(1) << (bits - 1)
	for _, op := range []string{"udiv", "urem", "sdiv", "srem"} {
		ks = append(ks, llvm2(op, t, t, "%r = "+op+" T %x, %y").fitting(func(in []uint64) bool {
			overflows := op[0] == 's' && in[0] == lowest && in[1] == lowest|(lowest-1)
			return in[1] != 0 && !overflows
		}))
	}
	for _, op := range []string{"shl", "lshr", "ashr"} {
		ks = append(ks, llvm2(op, t, t, fmt.Sprintf("%%s = and T %%y, %d", bits-1), "%r = "+op+" T %x, %s"))
	}
	for _, fn := range []string{"smin", "smax", "umin", "umax"} {
		ks = append(ks, llvm2(fn, t, t, "%r = call T @llvm."+fn+".S(T %x, T %y)"))
	}
	for _, is := range []string{"eq", "ne", "ult", "ule", "ugt", "uge", "slt", "sle", "sgt", "sge"} {
		ks = append(ks, llvm2("icmp_"+is, t, t, "%c = icmp "+is+" T %x, %y", "%r = select i1 %c, T 5, T 9"))
	}
	wide := fmt.Sprintf("i%d", 2*bits)
	for _, extend := range []string{"zext", "sext"} {
		ks = append(ks, llvm2("high_"+extend, t, t,
			"%a = "+extend+" T %x to "+wide, "%b = "+extend+" T %y to "+wide, "%m = mul "+wide+" %a, %b",
			fmt.Sprintf("%%h = lshr %s %%m, %d", wide, bits), "%r = trunc "+wide+" %h to T"))
	}
	return append(ks,
		llvm1("not", t, t, "%r = xor T %x, -1"),
		llvm1("neg", t, t, "%r = sub T 0, %x"),
		llvm1("abs", t, t, "%r = call T @llvm.abs.S(T %x, i1 false)"),
		llvm3("mad", t, t, "%m = mul T %x, %y", "%r = add T %m, %z"))
}

// widthKernels lead from 32 bits to 64 and back.
func widthKernels() (ks []llvmKernel) {
	for _, extend := range []string{"zext", "sext"} {
		a, b := "%a = "+extend+" i32 %x to i64", "%b = "+extend+" i32 %y to i64"
		ks = append(ks,
			llvm1(extend, "i32", "i64", "%r = "+extend+" i32 %x to i64"),
			llvm2("wide_"+extend, "i32", "i64", a, b, "%r = mul i64 %a, %b"),
			llvmKernel{
				name: "madwide_" + extend, args: []string{"i32", "i32", "i64"}, ret: "i64",
				body: []string{a, b, "%m = mul i64 %a, %b", "%r = add i64 %m, %z"},
			})
	}
	return append(ks,
		llvm1("trunc", "i64", "i32", "%a = trunc i64 %x to i32", "%r = xor i32 %a, -1"),
		llvm1("fpext", "float", "double", "%r = fpext float %x to double"),
		llvm1("fptrunc", "double", "float", "%r = fptrunc double %x to float"))
}

func floatKernels(t string) (ks []llvmKernel) {
	ints := llvmInts(t)
	for _, op := range []string{"fadd", "fsub", "fmul", "fdiv"} {
		ks = append(ks, llvm2(op, t, t, "%r = "+op+" T %x, %y"))
	}
	for _, fn := range []string{"fabs", "sqrt", "floor", "ceil", "trunc", "rint"} {
		ks = append(ks, llvm1(fn, t, t, "%r = call T @llvm."+fn+".S(T %x)"))
	}
	for _, fn := range []string{"minnum", "maxnum"} {
		// Of two zeros, and of a signalling NaN, LLVM lets each processor make what it will.
		ks = append(ks, llvm2(fn, t, t, "%r = call T @llvm."+fn+".S(T %x, T %y)").fitting(func(in []uint64) bool {
			x, y := llvmFloat(t, in[0]), llvmFloat(t, in[1])
			return !signals(t, in[0]) && !signals(t, in[1]) && (x != 0 || y != 0)
		}))
	}
	for _, is := range strings.Fields("oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno") {
		ks = append(ks, llvm2("fcmp_"+is, t, ints, "%c = fcmp "+is+" T %x, %y", "%r = select i1 %c, "+ints+" 5, "+ints+" 9"))
	}
	return append(ks,
		llvm2("copysign", t, t, "%r = call T @llvm.copysign.S(T %x, T %y)"),
		llvm2("select", t, t, "%c = fcmp olt T %x, %y", "%r = select i1 %c, T %x, T %y"),
		llvm1("fneg", t, t, "%r = fneg T %x"),
		llvm1("bits", t, ints, "%r = bitcast T %x to "+ints),
		llvm3("product_and_sum", t, t, "%m = fmul T %x, %y", "%r = fadd T %m, %z"), // which are not to become one fma
		llvm3("fma", t, t, "%r = call T @llvm.fma.S(T %x, T %y, T %z)"))
}

// conversionKernels lead from a type of floats to one of integers and back.
func conversionKernels(t, i string) []llvmKernel {
	bits := 8 * llvmSize(i)
	reach := func(least, most float64) func(in []uint64) bool {
		return func(in []uint64) bool {
			x := llvmFloat(t, in[0])
			return x > least && x < most
		}
	}
	half, all := math.Ldexp(1, bits-1), math.Ldexp(1, bits)
	return []llvmKernel{
		llvm1("sitofp_"+t, i, t, "%r = sitofp T %x to "+t),
		llvm1("uitofp_"+t, i, t, "%r = uitofp T %x to "+t),
		llvm1("fptosi_"+i, t, i, "%r = fptosi T %x to "+i).fitting(reach(-half, half)),
		llvm1("fptoui_"+i, t, i, "%r = fptoui T %x to "+i).fitting(reach(-1, all)),
		llvm1("fptosi_sat_"+i, t, i, "%r = call "+i+" @llvm.fptosi.sat."+i+".S(T %x)"),
		llvm1("fptoui_sat_"+i, t, i, "%r = call "+i+" @llvm.fptoui.sat."+i+".S(T %x)"),
	}
}

// llvmFloat is the number of type float or double with these bits.
func llvmFloat(t string, bits uint64) float64 {
	if t == "float" {
		return float64(math.Float32frombits(uint32(bits)))
	}
	return math.Float64frombits(bits)
}

// signals reports whether bits are a signalling NaN.
func signals(t string, bits uint64) bool {
	quiet := uint64(1) << 51
	if t == "float" {
		quiet = 1 << 22
	}
	x := llvmFloat(t, bits)
	return x != x && bits&quiet == 0
}

// chance makes up instructions of all types, each of which uses what those before it made.
type chance struct {
	*rand.Rand
	made map[string][]string // by type
	body []string
	n    int
}

// chanceKernel is a kernel that is made up.
func chanceKernel(seed uint64) llvmKernel {
	c := &chance{Rand: rand.New(rand.NewPCG(seed, 1)), made: map[string][]string{}}
	k := llvmKernel{name: fmt.Sprintf("chance%d", seed)}
	for _, name := range []string{"%x", "%y", "%z"} {
		t := c.one("i32", "i64", "float", "double")
		k.args = append(k.args, t)
		c.made[t] = append(c.made[t], name)
	}
	for range 25 {
		t := c.one("i32", "i64", "float", "double")
		c.made[t] = append(c.made[t], c.instruction(t))
	}
	k.ret = c.one("i32", "i64", "float", "double")
	for len(c.made[k.ret]) == 0 {
		k.ret = c.one("i32", "i64", "float", "double")
	}
	results := c.made[k.ret]
	add := map[bool]string{true: "add", false: "fadd"}[k.ret[0] == 'i']
	k.body = append(c.body, fmt.Sprintf("%%r = %s %s %s, %s", add, k.ret, results[len(results)-1], results[0]))
	return k
}

func (c *chance) one(of ...string) string { return of[c.IntN(len(of))] }

// value is one of the type t that there is, or a number.
func (c *chance) value(t string) string {
	if made := c.made[t]; len(made) > 0 && c.IntN(10) > 0 {
		return c.one(made...)
	}
	if t[0] == 'i' {
		return c.one("1", "3", "7", "-5", "1000003")
	}
	return c.one("1.0", "-0.5", "3.0")
}

// emit adds an instruction and returns the name of its result.
func (c *chance) emit(format string, args ...any) string {
	c.n++
	name := fmt.Sprintf("%%v%d", c.n)
	c.body = append(c.body, name+" = "+fmt.Sprintf(format, args...))
	return name
}

// instruction makes a value of the type t.
func (c *chance) instruction(t string) string {
	x, y, s, at := c.value(t), c.value(t), llvmShort(t), c.IntN(20)
	if t[0] == 'i' {
		switch {
		case at < 12:
			return c.emit("%s %s %s, %s", c.one("add", "sub", "mul", "and", "or", "xor"), t, x, y)
		case at < 14:
			return c.emit("%s %s %s, %d", c.one("shl", "lshr", "ashr"), t, x, 1+c.IntN(31))
		case at < 17:
			f := c.one("float", "double")
			is := c.emit("fcmp %s %s %s, %s", c.one("oeq", "one", "ult", "oge", "uno", "une"), f, c.value(f), c.value(f))
			return c.emit("select i1 %s, %s %s, %s %s", is, t, x, t, y)
		case t == "i32":
			return c.emit("trunc i64 %s to i32", c.value("i64"))
		}
		return c.emit("%s i32 %s to i64", c.one("sext", "zext"), c.value("i32"))
	}
	switch {
	case at < 10:
		return c.emit("%s %s %s, %s", c.one("fadd", "fsub", "fmul", "fdiv"), t, x, y)
	case at < 12:
		return c.emit("call %s @llvm.fma.%s(%[1]s %[3]s, %[1]s %[4]s, %[1]s %[5]s)", t, s, x, y, c.value(t))
	case at < 14:
		return c.emit("call %s @llvm.%s.%s(%[1]s %[4]s)", t, c.one("fabs", "sqrt", "floor", "trunc"), s, x)
	case at < 17:
		i := c.one("i32", "i64")
		is := c.emit("icmp %s %s %s, %s", c.one("eq", "ult", "slt", "sge", "ugt"), i, c.value(i), c.value(i))
		return c.emit("select i1 %s, %s %s, %s %s", is, t, x, t, y)
	}
	return c.emit("%s i32 %s to %s", c.one("sitofp", "uitofp"), c.value("i32"), t)
}
