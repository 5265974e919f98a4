// Package mutate makes wrong kernels of right ones: it takes the text of a PTX module and gives texts that each
// differ from it by one mistake that a programmer could make: an operand in the wrong place, a constant off by
// one, a barrier forgotten. Tests that cannot tell a kernel from its mutants prove nothing about it (DeMillo,
// Lipton & Sayward, "Hints on test data selection", 1978).
//
// The package knows the lines that package ptx writes, one instruction each. It must not know what a kernel is
// for, nor run any.
package mutate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kind is a sort of mistake.
type Kind string

const (
	Drop     Kind = "drop"     // an instruction is missing
	Barrier  Kind = "barrier"  // a barrier is missing
	Swap     Kind = "swap"     // two operands changed places
	Op       Kind = "op"       // another operation: add for sub, min for max
	Compare  Kind = "compare"  // another comparison: < for <=, == for !=
	Constant Kind = "constant" // a number is off by one, or twice as large
	Register Kind = "register" // another register of the same type
	Type     Kind = "type"     // unsigned for signed, or the reverse
	Rounding Kind = "rounding" // another way to round to an integer
	Offset   Kind = "offset"   // an address is off by an element
	Guard    Kind = "guard"    // a branch is taken when it should not be
	Special  Kind = "special"  // the block for the thread, y for x
	Param    Kind = "param"    // another parameter
)

// Kinds lists all of them.
func Kinds() []Kind {
	return []Kind{Drop, Barrier, Swap, Op, Compare, Constant, Register, Type, Rounding, Offset, Guard, Special, Param}
}

// Mutant is a text with one mistake.
type Mutant struct {
	Kind     Kind
	Line     int    // from 1
	Was, Now string // the line; Now is empty where it is missing
	Function string // the function of the tape that the line is part of, as exp; empty for the kernel's own

	lines []string
}

// Text is the whole mutant.
func (m Mutant) Text() string {
	lines := slices.Clone(m.lines)
	lines[m.Line-1] = m.Now
	return strings.Join(lines, "\n")
}

func (m Mutant) String() string {
	now := strings.TrimSpace(m.Now)
	if now == "" {
		now = "nothing"
	}
	return fmt.Sprintf("%-8s line %d: %s -> %s", m.Kind, m.Line, strings.TrimSpace(m.Was), now)
}

// All returns every mutant of a text, in the order of its lines. No two are the same, and none is the text itself.
func All(text string) []Mutant {
	w := &writer{lines: strings.Split(text, "\n"), seen: map[string]bool{}}
	for w.at = range w.lines {
		if strings.HasPrefix(strings.TrimSpace(w.lines[w.at]), ".visible") {
			w.params = map[string][]string{}
		}
		if f := strings.Fields(strings.TrimSuffix(w.lines[w.at], ",")); len(f) == 3 && f[0] == ".param" {
			w.params[f[1]] = append(w.params[f[1]], f[2])
		}
		if c, ok := strings.CutPrefix(strings.TrimSpace(w.lines[w.at]), "// "); ok {
			w.comment(c)
		}
		if in, ok := parse(w.lines[w.at]); ok {
			clear(w.seen)
			w.seen[w.lines[w.at]] = true
			w.instruction(in)
		}
	}
	return w.mutants
}

// Own are the mutants of the kernel's own lines, without those of the functions that it calls.
func Own(ms []Mutant) []Mutant {
	return slices.DeleteFunc(slices.Clone(ms), func(m Mutant) bool { return m.Function != "" })
}

// Sample is about n of the mutants, evenly spread, so that all places and kinds are among them.
func Sample(ms []Mutant, n int) []Mutant {
	if n >= len(ms) {
		return ms
	}
	var some []Mutant
	for i := range n {
		some = append(some, ms[i*len(ms)/n])
	}
	return some
}

// instr is a line in its parts.
type instr struct {
	guard    string // @%p1 or @!%p1, or nothing
	op       string
	operands []string
}

// parse reads a line that holds an instruction.
func parse(line string) (instr, bool) {
	s, ok := strings.CutSuffix(strings.TrimSpace(line), ";")
	if !ok || s == "" || s[0] == '.' || strings.HasPrefix(s, "//") {
		return instr{}, false
	}
	var in instr
	if s[0] == '@' {
		in.guard, s, _ = strings.Cut(s, " ")
	}
	in.op, s, _ = strings.Cut(s, " ")
	depth, from := 0, 0
	for i, r := range s {
		switch r {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				in.operands = append(in.operands, strings.TrimSpace(s[from:i]))
				from = i + 1
			}
		}
	}
	if s != "" {
		in.operands = append(in.operands, strings.TrimSpace(s[from:]))
	}
	return in, true
}

func (in instr) String() string {
	s := "\t"
	if in.guard != "" {
		s += in.guard + " "
	}
	s += in.op
	if len(in.operands) > 0 {
		s += " " + strings.Join(in.operands, ", ")
	}
	return s + ";"
}

// with is in with operand i replaced.
func (in instr) with(i int, operand string) instr {
	in.operands = slices.Clone(in.operands)
	in.operands[i] = operand
	return in
}

// sources is the index of the first operand that is read.
func (in instr) sources() int {
	if strings.HasPrefix(in.op, "st.") || strings.HasPrefix(in.op, "red.") || strings.HasPrefix(in.op, "bra") {
		return 0
	}
	return 1
}

type writer struct {
	lines   []string
	at      int
	seen    map[string]bool // what was made of this line
	params  map[string][]string
	within  []string // functions
	mutants []Mutant
}

// comment looks for the beginning and the end of a function: exp { and }.
func (w *writer) comment(c string) {
	if name, ok := strings.CutSuffix(c, " {"); ok {
		w.within = append(w.within, name)
	} else if n := len(w.within); c == "}" && n > 0 {
		w.within = w.within[:n-1]
	}
}

func (w *writer) add(k Kind, in instr) { w.addLine(k, in.String()) }

func (w *writer) addLine(k Kind, now string) {
	if !w.seen[now] {
		w.seen[now] = true
		m := Mutant{Kind: k, Line: w.at + 1, Was: w.lines[w.at], Now: now, lines: w.lines}
		if len(w.within) > 0 {
			m.Function = w.within[0]
		}
		w.mutants = append(w.mutants, m)
	}
}

// instruction makes all mutants of one.
func (w *writer) instruction(in instr) {
	switch {
	case in.op == "bar.sync":
		w.addLine(Barrier, "")
		return
	case in.op == "ret":
		if in.guard == "" && strings.TrimSpace(w.lines[min(w.at+1, len(w.lines)-1)]) == "}" {
			return // the end of the kernel
		}
	}
	w.addLine(Drop, "")
	w.guards(in)
	w.swaps(in)
	w.ops(in)
	w.constants(in)
	w.registers(in)
	w.places(in)
}

func (w *writer) guards(in instr) {
	if in.guard == "" {
		return
	}
	g := in
	if p, ok := strings.CutPrefix(in.guard, "@!"); ok {
		g.guard = "@" + p
	} else {
		g.guard = "@!" + in.guard[1:]
	}
	w.add(Guard, g)
	g.guard = ""
	w.add(Guard, g)
}

// commutes lists the operations whose first two operands may change places.
var commutes = []string{"add", "mul", "mad", "fma", "min", "max", "and", "or", "xor", "setp.eq", "setp.ne", "setp.neu",
	"setp.equ", "setp.nan", "setp.num"}

func (w *writer) swaps(in instr) {
	first := in.sources()
	if in.op == "mov.b64" || strings.HasPrefix(in.op, "ld.") || strings.HasPrefix(in.op, "st.") {
		for i, o := range in.operands { // of a vector
			if list, ok := strings.CutPrefix(o, "{"); ok {
				e := strings.Split(strings.TrimSuffix(list, "}"), ", ")
				e[0], e[1] = e[1], e[0]
				w.add(Swap, in.with(i, "{"+strings.Join(e, ", ")+"}"))
			}
		}
		return
	}
	if strings.HasPrefix(in.op, "shfl") || strings.HasPrefix(in.op, "cvt") {
		return
	}
	for i := first; i+1 < len(in.operands); i++ {
		if i == first &&
			slices.ContainsFunc(commutes, func(c string) bool { return in.op == c || strings.HasPrefix(in.op, c+".") }) {
			continue
		}
		if strings.HasPrefix(in.op, "selp") && i > first {
			continue // the condition is no number
		}
		w.add(Swap, in.with(i, in.operands[i+1]).with(i+1, in.operands[i]))
	}
}

// others says which parts of an instruction's name are mistaken for which.
var others = []struct {
	kind      Kind
	part, now string
}{
	{Op, "add.", "sub."}, {Op, "sub.", "add."}, {Op, "mul.rn.", "add.rn."}, {Op, "div.rn.", "mul.rn."}, {Op, "div.", "rem."}, {Op, "rem.", "div."},
	{Op, "mul.hi.", "mul.lo."}, {Op, "min.", "max."}, {Op, "max.", "min."}, {Op, "and.", "or."}, {Op, "or.", "and."}, {Op, "xor.", "or."},
	{Op, "shl.b32", "shr.u32"}, {Op, "shl.b64", "shr.u64"}, {Op, "shr.u32", "shl.b32"}, {Op, "shr.u64", "shl.b64"}, {Op, "shr.s32", "shr.u32"},
	{Op, "shr.s64", "shr.u64"}, {Op, "bfly", "down"}, {Op, "down", "bfly"}, {Op, "neg.", "abs."}, {Op, "abs.", "neg."},
	{Op, "sqrt.rn.", "rcp.rn."}, {Op, "rcp.rn.", "sqrt.rn."}, {Op, "ex2.approx", "lg2.approx"}, {Op, "lg2.approx", "ex2.approx"},
	{Compare, "setp.lt.", "setp.le."}, {Compare, "setp.lt.", "setp.ge."}, {Compare, "setp.le.", "setp.lt."}, {Compare, "setp.le.", "setp.gt."},
	{Compare, "setp.gt.", "setp.ge."}, {Compare, "setp.gt.", "setp.le."}, {Compare, "setp.ge.", "setp.gt."}, {Compare, "setp.ge.", "setp.lt."},
	{Compare, "setp.eq.", "setp.ne."}, {Compare, "setp.ne.", "setp.eq."}, {Compare, "setp.neu.", "setp.eq."}, {Compare, "setp.neu.", "setp.ne."},
	{Compare, "setp.equ.", "setp.eq."}, {Compare, "setp.ltu.", "setp.lt."}, {Compare, "setp.leu.", "setp.le."}, {Compare, "setp.gtu.", "setp.gt."},
	{Compare, "setp.geu.", "setp.ge."}, {Compare, "setp.nan.", "setp.num."}, {Compare, "setp.num.", "setp.nan."},
	{Rounding, "cvt.rzi.", "cvt.rni."}, {Rounding, "cvt.rni.", "cvt.rzi."}, {Rounding, "cvt.rmi.", "cvt.rpi."}, {Rounding, "cvt.rpi.", "cvt.rmi."},
}

// signs lists the operations for which the sign of an integer's type makes a difference.
var signs = []string{"setp.lt.", "setp.le.", "setp.gt.", "setp.ge.", "div.", "rem.", "min.", "max.", "mul.hi.",
	"mul.wide.", "mad.wide.", "cvt.", "red."}

func (w *writer) ops(in instr) {
	for _, o := range others {
		// The name of an operation is at its start, or after the dots of shfl.sync and red.global.
		if i := strings.Index(in.op, o.part); i == 0 || i > 0 && in.op[i-1] == '.' {
			m := in
			m.op = strings.Replace(in.op, o.part, o.now, 1)
			w.add(o.kind, m)
		}
	}
	if p, ok := strings.CutPrefix(in.op, "fma.rn."); ok {
		w.add(Op, instr{in.guard, "mul.rn." + p, in.operands[:3]})
	}
	if p, ok := strings.CutPrefix(in.op, "mad.lo."); ok {
		w.add(Op, instr{in.guard, "mul.lo." + p, in.operands[:3]})
	}
	if p, ok := strings.CutPrefix(in.op, "mad.wide."); ok {
		w.add(Op, instr{in.guard, "mul.wide." + p, in.operands[:3]})
	}
	if slices.ContainsFunc(signs, func(s string) bool { return strings.HasPrefix(in.op, s) }) {
		last := strings.LastIndexByte(in.op, '.')
		m := in
		switch t := in.op[last+1:]; t {
		case "s32", "s64":
			m.op = in.op[:last+1] + "u" + t[1:]
			w.add(Type, m)
		case "u32", "u64":
			m.op = in.op[:last+1] + "s" + t[1:]
			w.add(Type, m)
		}
	}
}

func (w *writer) constants(in instr) {
	if strings.HasPrefix(in.op, "bra") {
		return
	}
	for i, o := range in.operands {
		if strings.HasPrefix(in.op, "shfl") && i > 2 {
			break // not the programmer's
		}
		switch {
		case strings.HasPrefix(o, "0f"):
			if bits, err := strconv.ParseUint(o[2:], 16, 32); err == nil {
				w.add(Constant,
					in.with(i, fmt.Sprintf("0f%08X", math.Float32bits(float32(another(float64(math.Float32frombits(uint32(bits)))))))))
			}
		case strings.HasPrefix(o, "0d"):
			if bits, err := strconv.ParseUint(o[2:], 16, 64); err == nil {
				w.add(Constant, in.with(i, fmt.Sprintf("0d%016X", math.Float64bits(another(math.Float64frombits(bits))))))
			}
		default:
			if v, err := strconv.ParseInt(o, 10, 64); err == nil {
				for _, u := range []int64{v + 1, v - 1, 2 * v} {
					if u >= 0 || !strings.HasPrefix(in.op[strings.LastIndexByte(in.op, '.')+1:], "u") {
						w.add(Constant, in.with(i, strconv.FormatInt(u, 10)))
					}
				}
			}
		}
	}
}

// another is a number clearly different from x.
func another(x float64) float64 {
	switch {
	case x == 0:
		return 1
	case math.IsInf(x, 0):
		return -x
	case x != x:
		return 0
	}
	return 2 * x
}

// registers replaces each register that is read by the one before it of the same type.
func (w *writer) registers(in instr) {
	for i := in.sources(); i < len(in.operands); i++ {
		o := in.operands[i]
		at := strings.IndexByte(o, '%')
		if at < 0 {
			continue
		}
		end := at + 1
		for end < len(o) && o[end] >= 'a' && o[end] <= 'z' {
			end++
		}
		digits := end
		for digits < len(o) && o[digits] >= '0' && o[digits] <= '9' {
			digits++
		}
		n, err := strconv.Atoi(o[end:digits])
		if err != nil {
			w.specials(in, i)
			continue
		}
		if n--; n == 0 {
			n = 2
		}
		w.add(Register, in.with(i, o[:end]+strconv.Itoa(n)+o[digits:]))
	}
}

func (w *writer) specials(in instr, i int) {
	for _, s := range [][2]string{{"%tid", "%ctaid"}, {"%ctaid", "%tid"}, {"%ntid", "%nctaid"}, {"%nctaid", "%ntid"}} {
		if rest, ok := strings.CutPrefix(in.operands[i], s[0]+"."); ok {
			w.add(Special, in.with(i, s[1]+"."+rest))
			w.add(Special, in.with(i, s[0]+"."+map[string]string{"x": "y", "y": "x", "z": "x"}[rest]))
		}
	}
	if in.operands[i] == "%laneid" {
		w.add(Special, in.with(i, "%tid.x"))
	}
}

// places moves an access to memory by an element, and takes another parameter.
func (w *writer) places(in instr) {
	last := in.op[strings.LastIndexByte(in.op, '.')+1:]
	for i, o := range in.operands {
		inner, ok := strings.CutPrefix(o, "[")
		if !ok {
			continue
		}
		inner = strings.TrimSuffix(inner, "]")
		if strings.HasPrefix(in.op, "ld.param.") {
			names := w.params["."+last]
			if k := slices.Index(names, inner); k >= 0 && len(names) > 1 {
				w.add(Param, in.with(i, "["+names[(k+1)%len(names)]+"]"))
			}
			continue
		}
		size := 4
		if strings.HasSuffix(last, "64") {
			size = 8
		}
		base, offset, _ := strings.Cut(inner, "+")
		n, _ := strconv.Atoi(offset) // nothing is 0
		for _, step := range []int{size, -size} {
			w.add(Offset, in.with(i, fmt.Sprintf("[%s+%d]", base, n+step)))
		}
	}
}
