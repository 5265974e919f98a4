package kernel

import (
	"math"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// A simulator runs the text of kernels_amd64.s, so that the kernels for AVX-512 are tested where no processor has it.
// It knows the instructions that they use, and the memory that they may touch: more of either is a failure.
type simulator struct {
	t       *testing.T
	gp      map[string]uint64
	z       [32][16]uint32
	k       [8]uint16
	state   uint32 // MXCSR
	zero    bool   // of the last comparison or result
	less    bool
	greater bool
	stack   [2]uint32
	args    map[string]uint64 // by offset
	memory  [][]float32
}

// run runs a function. Pointers among the arguments must be into memory, which is checked.
func (s *simulator) run(name string, args map[string]uint64) {
	p := assembly()[name]
	if p == nil {
		s.t.Fatalf("there is no function %s", name)
	}
	s.gp, s.args, s.state = map[string]uint64{}, args, 0x1F80
	for pc := 0; ; pc++ {
		in := &p.code[pc]
		if in.name == "RET" {
			break
		}
		if s.jumps(in) {
			pc = p.labels[in.args[0]] - 1
		}
	}
	if s.state != 0x1F80 {
		s.t.Fatalf("%s leaves MXCSR as %x", name, s.state)
	}
}

// jumps does one instruction, and says whether it is a jump that is taken.
func (s *simulator) jumps(in *instruction) bool {
	switch in.name {
	case "JMP":
		return true
	case "JEQ":
		return s.zero
	case "JNE":
		return !s.zero
	case "JLT":
		return s.less
	}
	if !s.integer(in) && !s.vector(in) {
		s.t.Fatalf("%s %v is unknown", in.name, in.args)
	}
	return false
}

func (s *simulator) integer(in *instruction) bool {
	a := in.args
	last := ""
	if len(a) > 0 {
		last = a[len(a)-1]
	}
	switch in.name {
	case "PREFETCHT0", "PREFETCHT1", "VZEROUPPER":
	case "MOVQ":
		s.gp[last] = s.value(a[0])
	case "MOVL":
		if last == "4(SP)" {
			s.stack[1] = uint32(s.value(a[0]))
		} else {
			s.gp[last] = uint64(uint32(s.value(a[0])))
		}
	case "MOVB":
		s.gp[last] = s.gp[last]&^0xFF | s.value(a[0])&0xFF
	case "ADDQ":
		s.result(last, s.gp[last]+s.value(a[0]))
	case "SUBQ":
		s.result(last, s.gp[last]-s.value(a[0]))
	case "DECQ":
		s.result(last, s.gp[last]-1)
	case "NEGQ":
		s.result(last, -s.gp[last])
	case "ORL":
		s.result(last, uint64(uint32(s.gp[last]|s.value(a[0]))))
	case "SHLQ":
		s.result(last, s.gp[last]<<s.value(a[0]))
	case "SHRQ":
		s.result(last, s.gp[last]>>s.value(a[0]))
	case "SHRL":
		s.result(last, uint64(uint32(s.gp[last])>>s.value(a[0])))
	case "LEAQ":
		s.gp[last] = s.address(a[0])
	case "BZHIL":
		s.gp[last] = uint64(uint32(s.value(a[1])) & (1<<min(s.value(a[0])&0xFF, 32) - 1))
	case "CMPQ":
		x, y := int64(s.value(a[0])), int64(s.value(a[1]))
		s.zero, s.less, s.greater = x == y, x < y, x > y
	case "CMOVQGT":
		if s.greater {
			s.gp[last] = s.gp[a[0]]
		}
	case "TESTQ":
		s.zero = s.value(a[0])&s.value(a[1]) == 0
	case "TESTB":
		s.zero = s.value(a[0])&s.value(a[1])&0xFF == 0
	case "KMOVW":
		s.k[index(last)] = uint16(s.value(a[0]))
	case "VSTMXCSR":
		s.stack[0] = s.state
	case "VLDMXCSR":
		s.state = s.stack[map[string]int{"(SP)": 0, "4(SP)": 1}[a[0]]]
	default:
		return false
	}
	return true
}

func (s *simulator) result(reg string, v uint64) {
	s.gp[reg], s.zero = v, v == 0
	s.less, s.greater = int64(v) < 0, int64(v) > 0
}

func (s *simulator) vector(in *instruction) bool {
	a := in.args
	last := a[len(a)-1]
	switch in.name {
	case "VMOVUPS", "VMOVUPS.Z", "VMOVAPS.Z":
		mask := uint16(0xFFFF)
		if len(a) == 3 {
			mask = s.k[index(a[1])]
		}
		if a[0][0] == 'Z' && last[0] != 'Z' {
			s.store(last, mask, s.z[index(a[0])])
			return true
		}
		s.z[index(last)] = s.load(a[0], mask)
	case "VBROADCASTSS":
		x := s.load(a[0], 1)[0]
		for i := range s.z[index(last)] {
			s.z[index(last)][i] = x
		}
	case "VXORPS":
		x, y := s.load(a[0], 0xFFFF), s.load(a[1], 0xFFFF)
		s.lanes(last, func(i int) uint32 { return x[i] ^ y[i] })
	case "VFMADD231PS":
		if s.state&0x8040 != 0x8040 {
			s.t.Fatalf("denormal numbers are not zeros where a term is added")
		}
		x, y, c := s.load(a[0], 0xFFFF), s.load(a[1], 0xFFFF), s.z[index(last)]
		s.lanes(last, func(i int) uint32 {
			return math.Float32bits(fmaBF16(fromBits(x[i]), fromBits(y[i]), flush(fromBits(c[i]))))
		})
	case "VPERMW":
		x, which := s.z[index(a[0])], s.z[index(a[1])]
		half := func(v [16]uint32, i uint32) uint32 { return v[i/2] >> (i % 2 * 16) & 0xFFFF }
		s.lanes(last, func(i int) uint32 {
			return half(x, which[i]&0x1F) | half(x, which[i]>>16&0x1F)<<16
		})
	case "VUNPCKLPS", "VUNPCKHPS", "VUNPCKLPD", "VUNPCKHPD":
		second, first := s.z[index(a[0])], s.z[index(a[1])]
		high := 0
		if in.name[6] == 'H' {
			high = 1
		}
		s.lanes(last, func(i int) uint32 {
			quad, lane := i&^3, i&3
			if in.name[8] == 'S' {
				return [2][16]uint32{first, second}[lane&1][quad+2*high+lane/2]
			}
			return [2][16]uint32{first, second}[lane/2][quad+2*high+lane&1]
		})
	case "VSHUFF32X4":
		control, second, first := int(s.value(a[0])), s.z[index(a[1])], s.z[index(a[2])]
		s.lanes(last, func(i int) uint32 {
			from := first
			if i >= 8 {
				from = second
			}
			return from[control>>(i/4*2)&3*4+i%4]
		})
	case "VDPBF16PS":
		src2, src1, dst := s.decode(in)
		x, y, c := s.z[src2], s.z[src1], s.z[dst]
		s.lanes(last, func(i int) uint32 {
			sum := fmaBF16(fromBits(y[i]&0xFFFF0000), fromBits(x[i]&0xFFFF0000), flush(fromBits(c[i])))
			return math.Float32bits(fmaBF16(fromBits(y[i]<<16), fromBits(x[i]<<16), sum))
		})
	case "VCVTNE2PS2BF16":
		src2, src1, _ := s.decode(in)
		low, high := s.z[src2], s.z[src1]
		s.lanes(last, func(i int) uint32 {
			from := low
			if i >= 8 {
				from = high
			}
			round := func(b uint32) uint32 { return math.Float32bits(roundBF16(fromBits(b))) >> 16 }
			return round(from[i%8*2]) | round(from[i%8*2+1])<<16
		})
	default:
		return false
	}
	return true
}

// lanes sets the lanes of a register.
func (s *simulator) lanes(reg string, f func(lane int) uint32) {
	var r [16]uint32
	for i := range r {
		r[i] = f(i)
	}
	s.z[index(reg)] = r
}

// decode reads the registers from the bytes of an instruction as the processor does, and holds them against its text.
func (s *simulator) decode(in *instruction) (src2, src1, dst int) {
	src2, src1, dst, err := decodeEVEX(in)
	if err != "" {
		s.t.Fatalf("%s %v: % x: %s", in.name, in.args, in.bytes, err)
	}
	return src2, src1, dst
}

// index is the number of a vector or mask register.
func index(reg string) int {
	n, err := strconv.Atoi(reg[1:])
	if err != nil {
		panic(reg)
	}
	return n
}

// value is a constant, an argument, a word of the stack or a register.
func (s *simulator) value(a string) uint64 {
	if text, ok := strings.CutPrefix(a, "$"); ok {
		if v, err := strconv.ParseInt(text, 0, 64); err == nil {
			return uint64(v)
		}
		s.t.Fatalf("the constant %s", a)
	}
	if a == "(SP)" {
		return uint64(s.stack[0])
	}
	if name, ok := strings.CutSuffix(a, "(FP)"); ok {
		name, _, _ = strings.Cut(name, "+")
		return s.args[name]
	}
	v, ok := s.gp[a]
	if !ok {
		s.t.Fatalf("%s is read before it is written", a)
	}
	return v
}

var place = regexp.MustCompile(`^(\d+)?\((\w+)\)(?:\((\w+)\*(\d)\))?$`)

// A reference is a place in memory: base + index*scale + disp.
type reference struct {
	base, index string
	scale, disp uint64
}

var references = map[string]reference{} // that have been read

func (s *simulator) address(a string) uint64 {
	r, ok := references[a]
	if !ok {
		m := place.FindStringSubmatch(a)
		if m == nil {
			s.t.Fatalf("the address %s", a)
		}
		disp, _ := strconv.ParseInt("0"+m[1], 10, 64)
		scale, _ := strconv.ParseUint("0"+m[4], 10, 64)
		r = reference{m[2], m[3], scale, uint64(disp)}
		references[a] = r
	}
	at := s.value(r.base) + r.disp
	if r.index != "" {
		at += s.value(r.index) * r.scale
	}
	return at
}

// word is where a float of the known memory lies.
func (s *simulator) word(address uint64) *float32 {
	for _, m := range s.memory {
		if at := address - addressOf(&m[0]); at < uint64(4*len(m)) && at%4 == 0 {
			return &m[at/4]
		}
	}
	s.t.Fatalf("memory is touched outside of what was given")
	return nil
}

func addressOf(p *float32) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

// load gives a register, or the lanes of memory that the mask has; the others are 0.
func (s *simulator) load(a string, mask uint16) (v [16]uint32) {
	if a[0] == 'Z' {
		v = s.z[index(a)]
		for i := range v {
			v[i] *= uint32(mask >> i & 1)
		}
		return v
	}
	symbol, _, constant := strings.Cut(a, "<>+0(SB)")
	var at uint64
	if !constant {
		at = s.address(a)
	}
	for set := mask; set != 0; set &= set - 1 {
		i := bits.TrailingZeros16(set)
		if constant {
			v[i] = words[symbol][4*i]
		} else {
			v[i] = math.Float32bits(*s.word(at + uint64(4*i)))
		}
	}
	return v
}

func (s *simulator) store(a string, mask uint16, v [16]uint32) {
	at := s.address(a)
	for set := mask; set != 0; set &= set - 1 {
		i := bits.TrailingZeros16(set)
		*s.word(at + uint64(4*i)) = fromBits(v[i])
	}
}
