package sim

import (
	"math"
	"strconv"
	"strings"
)

// instr is an instruction as it is executed: operands are indices of registers, and numbers are
// pseudo-registers that hold them.
type instr struct {
	form    form
	negate  bool // of the guard
	n       uint8
	size    uint8
	line    int32
	guard   int32 // a predicate, or -1
	d, a, b int32
	c       int32
	target  int32    // of a branch
	list    [4]int32 // registers of a load, a store, halves
	offset  uint64   // of an address; the distance of a shuffle
	vec     vector
	rel     relation

	matrices *matrices
}

// kernel is a Function while it is read.
type kernel struct {
	*parser
	f          *Function
	params     map[string]int32
	declared   map[string]declaration // by prefix
	registers  map[string]int32
	predicates map[string]int32
	constants  map[uint64]int32
	specials   map[string]int32
	shared     map[string]int // address
	labels     map[string]int32
	jumps      []jump
}

// declaration is of registers with one prefix.
type declaration struct {
	class byte // as in op.sig
	n     int
}

type jump struct {
	at    int // in code
	label string
	line  int
}

func (k *kernel) register(name string) int32 {
	r := int32(k.f.registers)
	k.f.registers++
	k.f.names = append(k.f.names, name)
	return r
}

// constant is the pseudo-register that holds a number.
func (k *kernel) constant(bits uint64) int32 {
	r, ok := k.constants[bits]
	if !ok {
		r = k.register("a constant")
		k.constants[bits] = r
		k.f.constants = append(k.f.constants, constant{r, bits})
	}
	return r
}

func (k *kernel) param() {
	line, name := k.line(), k.name()
	if _, two := k.params[name]; two {
		k.fail(line, "there are two parameters %s", name)
	}
	if len(k.f.params) == maxParams {
		k.fail(line, "more than %d parameters, which is 4,096 bytes", maxParams)
	}
	r := k.register("parameter " + name)
	k.params[name] = r
	k.f.params = append(k.f.params, r)
}

// statement reads a declaration, a label or an instruction.
func (k *kernel) statement() {
	switch t := k.next(); {
	case t.text == ".reg":
		k.declareRegisters(t.line)
	case t.text == ".shared":
		k.declareShared(t.line)
	case k.peek() == ":":
		k.expect(":")
		if _, two := k.labels[t.text]; two || strings.ContainsAny(t.text, ".%") {
			k.fail(t.line, "there are two labels %s, or it is no name", t.text)
		}
		k.labels[t.text] = int32(len(k.f.code))
	default:
		k.instruction(t)
	}
}

var classes = map[string]byte{
	".pred": 'p', ".b32": 'r', ".u32": 'r', ".s32": 'r', ".b64": 'd', ".u64": 'd', ".s64": 'd', ".f32": 'f', ".f64": 'g',
}

func (k *kernel) declareRegisters(line int) {
	kind := k.next().text
	class, ok := classes[kind]
	if !ok {
		k.fail(line, "registers of type %s", kind)
	}
	prefix := k.next().text
	if !strings.HasPrefix(prefix, "%") || strings.TrimRight(prefix, "0123456789") != prefix ||
		strings.Contains(prefix, ".") {
		k.fail(line, "%q is no prefix of registers", prefix)
	}
	if _, two := k.declared[prefix]; two {
		k.fail(line, "the registers %s are declared twice", prefix)
	}
	k.expect("<")
	k.declared[prefix] = declaration{class, k.number(maxRegisters)}
	k.expect(">", ";")
}

func (k *kernel) declareShared(line int) {
	k.expect(".align")
	if k.number(sharedAlign) != sharedAlign {
		k.fail(line, "shared memory is aligned to %d bytes", sharedAlign)
	}
	k.expect(".b8")
	name := k.name()
	if _, two := k.shared[name]; two {
		k.fail(line, "there are two of the name %s", name)
	}
	k.expect("[")
	n := k.number(maxArray)
	k.expect("]", ";")
	a := place(k.f.arrays, name, n)
	k.f.arrays = append(k.f.arrays, a)
	k.shared[name] = a.at
	k.f.shared = (k.f.shared+sharedAlign-1)/sharedAlign*sharedAlign + n
	if k.f.shared > maxShared {
		k.fail(line, "%d bytes of shared memory, at most %d", k.f.shared, maxShared)
	}
}

// operand is what stands between the commas: its tokens, joined.
type operand struct {
	text string
	list []string // of {a, b}
	mem  bool     // [text+offset]
	off  int64
}

func (k *kernel) instruction(first token) {
	in := instr{guard: -1, line: int32(first.line)}
	if first.text == "@" {
		in.negate = k.accept("!")
		in.guard = k.predicate(k.next().text, first.line)
		first = k.next()
	}
	name := first.text
	var operands []operand
	for !k.accept(";") {
		if len(operands) > 0 {
			k.expect(",")
		}
		operands = append(operands, k.operand())
	}
	if name == "mov.b64" && len(operands) == 2 && (operands[0].list == nil) != (operands[1].list == nil) {
		k.halves(&in, operands)
		return
	}
	if need := since(name); need > k.target {
		k.fail(first.line, "%s is of sm_%d, and the module is for sm_%d", name, need, k.target)
	}
	if m, ok := multiplications[name]; ok {
		k.matrices(&in, m, operands)
		return
	}
	o, ok := ops[name]
	if !ok {
		k.fail(first.line, "the instruction %q is not known here", name)
	}
	in.form, in.vec, in.rel, in.size = o.form, o.vec, o.rel, o.size
	k.bind(&in, name, o.sig, operands)
	k.f.early = k.f.early || in.form == formAwait
	k.f.code = append(k.f.code, in)
}

func (k *kernel) operand() operand {
	line := k.line()
	switch {
	case k.accept("{"):
		o := operand{list: []string{}}
		for !k.accept("}") {
			if len(o.list) > 0 {
				k.expect(",")
			}
			o.list = append(o.list, k.signed())
		}
		return o
	case k.accept("["):
		o := operand{text: k.next().text, mem: true}
		if k.accept("+") {
			off, err := strconv.ParseInt(k.signed(), 10, 32)
			if err != nil {
				k.fail(line, "the offset of an address: %v", err)
			}
			o.off = off
		}
		k.expect("]")
		return o
	}
	return operand{text: k.signed()}
}

// signed reads a word, or a number that may have a sign.
func (k *kernel) signed() string {
	sign := ""
	if k.accept("-") {
		sign = "-"
	}
	t := k.next()
	if !wordByte(t.text[0]) {
		k.fail(t.line, "%q where an operand is expected", t.text)
	}
	return sign + t.text
}

// bind turns operands into what the signature of the instruction says.
func (k *kernel) bind(in *instr, name, sig string, operands []operand) {
	line := int(in.line)
	slots := []*int32{&in.d, &in.a, &in.b, &in.c}
	if in.form == formStore || in.form == formStoreShared || in.form == formReduce {
		slots = slots[1:] // no result
	}
	for i := 0; i < len(sig); i++ {
		if len(operands) == 0 {
			k.fail(line, "%s has more operands", name)
		}
		o := operands[0]
		operands = operands[1:]
		class := sig[i]
		if o.mem != strings.ContainsRune("GSP", rune(class)) || (o.list != nil) != (class == '{') {
			k.fail(line, "operand %d of %s is of another kind", i+1, name)
		}
		switch class {
		case '{':
			for i++; sig[i] != '}'; i++ {
				if int(in.n) == len(o.list) {
					k.fail(line, "the vector of %s has more elements", name)
				}
				in.list[in.n] = k.value(o.list[in.n], sig[i], in.form == formLoad || in.form == formLoadShared, line)
				in.n++
			}
			if int(in.n) != len(o.list) {
				k.fail(line, "the vector of %s has %d elements", name, in.n)
			}
		case 'G', 'S':
			in.a = k.value(o.text, map[byte]byte{'G': 'd', 'S': 'r'}[class], true, line)
			in.offset = uint64(o.off)
		case 'P':
			r, ok := k.params[o.text]
			if !ok || o.off != 0 {
				k.fail(line, "there is no parameter %s", o.text)
			}
			in.a = r
		case 'L':
			k.jumps = append(k.jumps, jump{len(k.f.code), o.text, line})
		case '#':
			k.immediate(in, name, i, o.text)
		case 'p':
			r := k.predicate(o.text, line)
			*slots[0] = r
			slots = slots[1:]
		default:
			if memory := in.form >= formLoad && in.form <= formStoreShared; memory {
				in.list[0], in.n = k.value(o.text, class, in.form == formLoad || in.form == formLoadShared, line), 1
				break
			}
			if in.form == formReduce {
				in.b = k.value(o.text, class, false, line)
				break
			}
			if i == 1 && (name == "mov.u32" || name == "mov.b32") {
				if r, ok := k.special(o.text); ok {
					in.a = r
					break
				}
			}
			*slots[0] = k.value(o.text, class, i == 0, line)
			slots = slots[1:]
		}
	}
	if len(operands) > 0 {
		k.fail(line, "%s has fewer operands", name)
	}
}

// immediate reads a number that is part of the instruction.
func (k *kernel) immediate(in *instr, name string, i int, text string) {
	line := int(in.line)
	v, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		k.fail(line, "%q: %s wants a number here", text, name)
	}
	switch {
	case in.form == formBarrier:
		if v != 0 {
			k.fail(line, "there is one barrier, 0")
		}
	case i == 2: // of a shuffle
		if v < 0 || v > 31 {
			k.fail(line, "a shuffle by %d", v)
		}
		in.offset = uint64(v)
		if strings.Contains(name, "down") {
			in.n = 1
		}
	case i == 3 && v != 31:
		k.fail(line, "shuffles go over 32 threads, which is 31 here")
	case i == 4 && v != -1 && v != math.MaxUint32:
		k.fail(line, "shuffles are of all 32 threads, which is -1 here")
	}
}

// halves reads mov.b64 {lo, hi}, x and mov.b64 x, {lo, hi}.
func (k *kernel) halves(in *instr, operands []operand) {
	line := int(in.line)
	split := operands[0].list != nil
	list, whole := operands[0].list, operands[1]
	in.form, in.n = formSplit, 2
	if !split {
		in.form, list, whole = formJoin, operands[1].list, operands[0]
	}
	if len(list) != 2 || whole.mem {
		k.fail(line, "mov.b64 has two halves and a register")
	}
	for i, h := range list {
		in.list[i] = k.value(h, 'x', split, line)
	}
	if split {
		in.a = k.value(whole.text, 'y', true, line)
	} else {
		in.d = k.value(whole.text, 'y', true, line)
	}
	k.f.code = append(k.f.code, *in)
}

// finish resolves the branches.
func (k *kernel) finish(line int) {
	if n := len(k.f.code); n == 0 || k.f.code[n-1].guard >= 0 ||
		k.f.code[n-1].form != formReturn && k.f.code[n-1].form != formBranch {
		k.fail(line, "the code of %s does not end with ret", k.f.name)
	}
	for _, j := range k.jumps {
		at, ok := k.labels[j.label]
		if !ok || int(at) >= len(k.f.code) {
			k.fail(j.line, "there is no instruction at the label %s", j.label)
		}
		k.f.code[j.at].target = at
	}
}
