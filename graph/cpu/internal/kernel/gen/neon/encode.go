package main

import "fmt"

// A vec is a vector register: V0 to V31, or from firstVirtual on one that is given such a register later.
type vec int

const firstVirtual vec = 32

// A gp is a general register: R0 to R31, of which the last stands for "by as many bytes as are moved" in addresses.
type gp int

const bySize gp = 31

// An instr is a vector instruction: its word and its name, both without the vector registers, which stand in the word
// at certain bits. The first is written; others are read.
type instr struct {
	word  uint32
	text  string // GNU's, with %d for the vector registers
	regs  []vec
	at    []int
	reads bool // the first is read, too, or is not written at all
	move  bool // a copy, which is left out if both registers are the same
}

// encode gives the word and the name with real registers.
func (in instr) encode(regs []vec) (word uint32, text string) {
	word = in.word
	var numbers []any
	for i, r := range regs {
		word |= uint32(r) << in.at[i]
		numbers = append(numbers, r)
	}
	return word, fmt.Sprintf(in.text, numbers...)
}

// shape is how an instruction writes its registers: 4 words, 2 double words, 16 bytes.
type shape string

const (
	words   shape = "4s"
	doubles shape = "2d"
	bytes   shape = "16b"
)

// operation is an opcode of operations on whole registers.
type operation struct {
	word uint32
	name string
	shape
}

var (
	fadd    = operation{0x4E20D400, "fadd", words}
	fsub    = operation{0x4EA0D400, "fsub", words}
	fmul    = operation{0x6E20DC00, "fmul", words}
	fdiv    = operation{0x6E20FC00, "fdiv", words}
	fmla    = operation{0x4E20CC00, "fmla", words}
	fmls    = operation{0x4EA0CC00, "fmls", words}
	fmax    = operation{0x4E20F400, "fmax", words}
	fmin    = operation{0x4EA0F400, "fmin", words}
	fcmeq   = operation{0x4E20E400, "fcmeq", words}
	fcmge   = operation{0x6E20E400, "fcmge", words}
	fcmgt   = operation{0x6EA0E400, "fcmgt", words}
	add     = operation{0x4EA08400, "add", words}
	sub     = operation{0x6EA08400, "sub", words}
	and     = operation{0x4E201C00, "and", bytes}
	eor     = operation{0x6E201C00, "eor", bytes}
	bsl     = operation{0x6E601C00, "bsl", bytes} // the first chooses the second where it is set, else the third
	trn1    = operation{0x4E802800, "trn1", words}
	trn2    = operation{0x4E806800, "trn2", words}
	zip1    = operation{0x4EC03800, "zip1", doubles}
	zip2    = operation{0x4EC07800, "zip2", doubles}
	uzp1    = operation{0x4E801800, "uzp1", words}
	uzp2    = operation{0x4E805800, "uzp2", words}
	fneg    = operation{0x6EA0F800, "fneg", words}
	fabs    = operation{0x4EA0F800, "fabs", words}
	fsqrt   = operation{0x6EA1F800, "fsqrt", words}
	frintn  = operation{0x4E218800, "frintn", words} // to the nearest, of two to the even
	frintm  = operation{0x4E219800, "frintm", words} // down
	frintp  = operation{0x4EA18800, "frintp", words} // up
	fcvtns  = operation{0x4E21A800, "fcvtns", words}
	scvtf   = operation{0x4E21D800, "scvtf", words}
	mvn     = operation{0x6E205800, "mvn", bytes}
	updates = map[operation]bool{fmla: true, fmls: true, bsl: true}
)

// of is the operation on registers: the result, then its operands.
func (o operation) of(regs ...vec) instr {
	in := instr{word: o.word, text: o.name + " ", regs: regs, at: []int{0, 5, 16}[:len(regs)], reads: updates[o]}
	for i := range regs {
		if i > 0 {
			in.text += ", "
		}
		in.text += "v%d." + string(o.shape)
	}
	return in
}

func move(to, from vec) instr {
	return instr{word: 0x4EA01C00, text: "mov v%d.16b, v%[2]d.16b", regs: []vec{to, from, from}, at: []int{0, 5, 16},
		move: true}
}

// fmlaLane adds a times one lane of b to sum.
func fmlaLane(sum, a, b vec, lane int) instr {
	return instr{
		word: 0x4F801000 | uint32(lane&1)<<21 | uint32(lane>>1)<<11,
		text: fmt.Sprintf("fmla v%%d.4s, v%%d.4s, v%%d.s[%d]", lane),
		regs: []vec{sum, a, b}, at: []int{0, 5, 16}, reads: true,
	}
}

// Shifts of words: to the left, to the right with copies of the sign, and to the right with zeros.

func shiftLeft(to, from vec, by int) instr {
	return instr{word: 0x4F005400 | uint32(32+by)<<16, text: fmt.Sprintf("shl v%%d.4s, v%%d.4s, #%d", by),
		regs: []vec{to, from}, at: []int{0, 5}}
}

func shiftRight(to, from vec, by int) instr {
	return instr{word: 0x4F000400 | uint32(64-by)<<16, text: fmt.Sprintf("sshr v%%d.4s, v%%d.4s, #%d", by),
		regs: []vec{to, from}, at: []int{0, 5}}
}

func shiftRightZeros(to, from vec, by int) instr {
	return instr{word: 0x6F000400 | uint32(64-by)<<16, text: fmt.Sprintf("ushr v%%d.4s, v%%d.4s, #%d", by),
		regs: []vec{to, from}, at: []int{0, 5}}
}

// wide is the products, of 64 bits each, of the words of the lower and of the upper halves of two registers.
func wide(low, high, a, b vec) [2]instr {
	at := []int{0, 5, 16}
	return [2]instr{
		{word: 0x2EA0C000, text: "umull v%d.2d, v%d.2s, v%d.2s", regs: []vec{low, a, b}, at: at},
		{word: 0x6EA0C000, text: "umull2 v%d.2d, v%d.4s, v%d.4s", regs: []vec{high, a, b}, at: at},
	}
}

// dup is a general register in all words.
func dup(to vec, from gp) instr {
	return instr{word: 0x4E040C00 | uint32(from)<<5, text: fmt.Sprintf("dup v%%d.4s, w%d", from),
		regs: []vec{to}, at: []int{0}}
}

// An access moves registers from or to memory at an address, which then grows by a general register, or by the size.
type access struct {
	word  uint32 // of the load
	size  int
	list  string // of registers
	count int
}

// wholes is so many registers, which follow each other.
func wholes(count int) access {
	return access{0x4CC00800 | map[int]uint32{1: 7, 2: 10, 3: 6, 4: 2}[count]<<12, 16 * count, "4s", count}
}

var (
	half      = access{0x0CC07800, 8, "2s", 1} // two words; a load clears the others
	broadcast = access{0x4DC0C800, 4, "4s", 1} // a load of one word to all
	lanes     = [4]access{lane(0), lane(1), lane(2), lane(3)}
)

// lane is one word.
func lane(i int) access {
	return access{0x0DC08000 | uint32(i>>1)<<30 | uint32(i&1)<<12, 4, fmt.Sprintf("s}[%d]", i), 1}
}

func (a access) in(name string, word uint32, first vec, address, by gp) instr {
	list := fmt.Sprintf("v%%d.%s", a.list)
	if a.count > 1 { // given to registers that are known
		list = fmt.Sprintf("v%d.%s", first, a.list)
		for i := 1; i < a.count && a.count == 2; i++ {
			list += fmt.Sprintf(", v%d.%s", int(first)+i, a.list)
		}
		if a.count > 2 {
			list += fmt.Sprintf("-v%d.%s", int(first)+a.count-1, a.list)
		}
	}
	if list[len(list)-1] != ']' {
		list += "}"
	}
	step := fmt.Sprintf("x%d", by)
	if by == bySize {
		step = fmt.Sprintf("#%d", a.size)
	}
	in := instr{word: word | uint32(by)<<16 | uint32(address)<<5,
		text: fmt.Sprintf("%s {%s, [x%d], %s", name, list, address, step), regs: []vec{first}, at: []int{0}}
	if a.count > 1 {
		in.word, in.regs, in.at = in.word|uint32(first), nil, nil
	}
	return in
}

// load and store move the first registers and those that follow it.
func (a access) load(first vec, address, by gp) instr {
	name := "ld1"
	if a == broadcast {
		name = "ld1r"
	}
	in := a.in(name, a.word, first, address, by)
	in.reads = a.list[0] == 's' // other lanes stay
	return in
}

// storeInterleaved stores four registers, which follow each other: the first word of each, then the second of each.
func storeInterleaved(first vec, address gp) instr {
	a := access{0x4CDF0800, 64, "4s", 4}
	in := a.in("st4", a.word&^(1<<22), first, address, bySize)
	in.reads = true
	return in
}

func (a access) storeFrom(first vec, address, by gp) instr {
	in := a.in("st1", a.word&^(1<<22), first, address, by)
	in.reads = true
	return in
}
