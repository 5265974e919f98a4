//go:build generate

package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// arithmetic is how a product adds a term.
type arithmetic string

const (
	plain   arithmetic = ""      // fused, from zero; what C holds is added at the end
	rounded arithmetic = "BF16"  // fused, from what C holds, denormal numbers as zeros: what VDPBF16PS does with a term
	pairs   arithmetic = "Pairs" // VDPBF16PS, which adds two terms, from what C holds

	// halves is rounded for a B whose pairs lie in 32 bits each, and an A whose terms do.
	halves arithmetic = "Halves"
)

// factors are what an element of B is multiplied by, in all lanes; factorBytes is what they take in memory.
func (how arithmetic) factors(s simd, a Mem) (xs []VecVirtual) {
	for at := 0; at < how.factorBytes(); at += 4 {
		x := s.reg()
		VBROADCASTSS(a.Offset(at), x)
		xs = append(xs, x)
	}
	return xs
}

func (how arithmetic) factorBytes() int {
	if how == halves {
		return 8
	}
	return 4
}

// addTerms adds b times its factors to sum.
func (how arithmetic) addTerms(s simd, sum VecVirtual, b Op, xs []VecVirtual) {
	switch how {
	case pairs:
		dpbf16(s.loaded(b), xs[0], sum)
	case halves:
		both, upper, lower := s.loaded(b), s.reg(), s.reg()
		VPAND(bits(0xffff0000), both, upper)
		VPSLLD(U8(16), both, lower)
		s.fma(sum, upper, xs[0])
		s.fma(sum, lower, xs[1])
	default:
		s.fma(sum, b, xs[0])
	}
}

// flushed is the state of vector arithmetic in which denormal numbers are zeros, as operands and as results. It lives
// between begin and end alone: nothing that Go has compiled, and no other goroutine, sees it.
const flushed = 0x8040

// saved is where the state of vector arithmetic lies meanwhile.
var saved Mem

func (how arithmetic) begin() {
	if !how.flushes() {
		return
	}
	saved = AllocLocal(8)
	state := GP32()
	VSTMXCSR(saved)
	MOVL(saved, state)
	ORL(U32(flushed), state)
	MOVL(state, saved.Offset(4))
	VLDMXCSR(saved.Offset(4))
}

func (how arithmetic) end() {
	if how.flushes() {
		VLDMXCSR(saved)
	}
}

func (how arithmetic) flushes() bool { return how == rounded || how == halves }

// Instructions of AVX512_BF16, each by a stand-in: an instruction that this package does not use otherwise, and that
// reads and writes its operands alike, so that registers are given out as the instruction needs them.

// dpbf16 is VDPBF16PS: to each lane of sum it adds the product of the upper halves of the lanes of a and b, then that
// of the lower.
func dpbf16(a, b, sum VecVirtual) { VPDPWSSD(a, b, sum) }

// cvtne2 is VCVTNE2PS2BF16: low and high rounded to bfloat16, in the lower and in the upper half of r.
func cvtne2(low, high, r VecVirtual) { VPSRLVD(low, high, r) }

// An encoding is EVEX.512.pp.0F38.W0 opcode /r.
type encoding struct {
	name       string
	pp, opcode byte
}

const (
	ppF3 = 2
	ppF2 = 3
)

var standIns = map[string]encoding{
	"VPDPWSSD": {"VDPBF16PS", ppF3, 0x52},
	"VPSRLVD":  {"VCVTNE2PS2BF16", ppF2, 0x72},
}

// bytes are those of the instruction with three registers of 512 bits.
func (e encoding) bytes(dst, src1, src2 byte) [6]byte {
	inverted := func(b byte, bit uint) byte { return ^(b >> bit) & 1 }
	return [6]byte{
		0x62,
		inverted(dst, 3)<<7 | inverted(src2, 4)<<6 | inverted(src2, 3)<<5 | inverted(dst, 4)<<4 | 2, // 2: the map 0F38
		(^src1&15)<<3 | 4 | e.pp,
		2<<5 | inverted(src1, 4)<<3, // 2: 512 bits
		e.opcode,
		3<<6 | dst&7<<3 | src2&7, // 3: src2 is a register
	}
}

var standIn = regexp.MustCompile(`(?m)^\t(VPDPWSSD|VPSRLVD) +Z(\d+), Z(\d+), Z(\d+)$`)

// writeBF16 puts the bytes of the instructions in the place of their stand-ins in a file that was generated.
func writeBF16(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	text = standIn.ReplaceAllFunc(text, func(line []byte) []byte {
		m := standIn.FindSubmatch(line)
		var z [3]byte // src2, src1, dst: the order of Go's assembler
		for i := range z {
			n, err := strconv.ParseUint(string(m[2+i]), 10, 5)
			if err != nil {
				panic(err)
			}
			z[i] = byte(n)
		}
		e := standIns[string(m[1])]
		b := e.bytes(z[2], z[1], z[0])
		return fmt.Appendf(nil, "\tLONG $0x%02x%02x%02x%02x; WORD $0x%02x%02x // %s Z%d, Z%d, Z%d",
			b[3], b[2], b[1], b[0], b[5], b[4], e.name, z[0], z[1], z[2])
	})
	result := strings.ReplaceAll(string(text), "AVX512VNNI", "AVX512_BF16")
	for name := range standIns {
		if strings.Contains(result, name) {
			panic(name + " is left where it stands in for another instruction")
		}
	}
	if err := os.WriteFile(file, []byte(result), 0o644); err != nil {
		panic(err)
	}
}
