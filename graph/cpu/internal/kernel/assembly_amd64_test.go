package kernel

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// An instruction is a line of assembly: sources first, then the destination.
type instruction struct {
	name  string
	args  []string
	bytes []byte // of what Go's assembler does not know; name and args are then those of its comment
}

type program struct {
	code   []instruction
	labels map[string]int
}

var (
	assembly = sync.OnceValue(readAssembly)
	words    = map[string]map[int]uint32{} // of data, by symbol and offset
)

func readAssembly() map[string]*program {
	text, err := os.ReadFile("kernels_amd64.s")
	if err != nil {
		panic(err)
	}
	data := regexp.MustCompile(`DATA (\w+)<>\+(\d+)\(SB\)/4, \$(\w+)`)
	for _, m := range data.FindAllStringSubmatch(string(text), -1) {
		at, _ := strconv.Atoi(m[2])
		v, _ := strconv.ParseUint(m[3], 0, 32)
		if words[m[1]] == nil {
			words[m[1]] = map[int]uint32{}
		}
		words[m[1]][at] = uint32(v)
	}
	all := map[string]*program{}
	for _, f := range strings.Split(string(text), "\nTEXT ·")[1:] {
		name, body, _ := strings.Cut(f, "(SB)")
		_, body, _ = strings.Cut(body, "\n")
		p := &program{labels: map[string]int{}}
		for line := range strings.Lines(body) {
			line = strings.TrimSpace(line)
			if label, ok := strings.CutSuffix(line, ":"); ok {
				p.labels[label] = len(p.code)
			} else if line != "" && !strings.HasPrefix(line, "//") {
				p.code = append(p.code, parse(line))
			}
		}
		all[name] = p
	}
	return all
}

var raw = regexp.MustCompile(`^LONG \$(\w+); WORD \$(\w+) // (.*)$`)

func parse(line string) instruction {
	in := instruction{}
	if m := raw.FindStringSubmatch(line); m != nil {
		long, _ := strconv.ParseUint(m[1], 0, 32)
		word, _ := strconv.ParseUint(m[2], 0, 16)
		for i := range 6 { // the least byte of a word comes first
			in.bytes = append(in.bytes, byte((word<<32|long)>>(8*i)))
		}
		line = m[3]
	}
	name, args, _ := strings.Cut(line, " ")
	in.name = name
	for _, a := range strings.Split(args, ",") {
		if a = strings.TrimSpace(a); a != "" {
			in.args = append(in.args, a)
		}
	}
	return in
}

// decodeEVEX is how a processor understands the bytes of an instruction of AVX512_BF16.
func decodeEVEX(in *instruction) (src2, src1, dst int, err string) {
	b := in.bytes
	bit := func(at, shift int) int { return int(b[at]>>shift) & 1 }
	prefix, opcode := byte(2), byte(0x52) // F3: VDPBF16PS
	if in.name == "VCVTNE2PS2BF16" {
		prefix, opcode = 3, 0x72 // F2
	}
	switch {
	case b[0] != 0x62:
		return 0, 0, 0, "it does not begin as EVEX does"
	case b[1]&0xF != 2:
		return 0, 0, 0, "it is not of the map 0F38"
	case b[2]&0x87 != 4|prefix:
		return 0, 0, 0, "it has another prefix, or is not of W0"
	case b[3]>>5 != 2 || b[3]&7 != 0 || bit(3, 4) != 0:
		return 0, 0, 0, "it is not of 512 bits without a mask"
	case b[4] != opcode:
		return 0, 0, 0, "it has another opcode"
	case b[5]>>6 != 3:
		return 0, 0, 0, "an operand is no register"
	}
	dst = int(b[5]>>3&7) | (1-bit(1, 7))<<3 | (1-bit(1, 4))<<4
	src2 = int(b[5]&7) | (1-bit(1, 5))<<3 | (1-bit(1, 6))<<4
	src1 = int(^b[2]>>3&15) | (1-bit(3, 3))<<4
	if got := []int{src2, src1, dst}; !slices.Equal(got, []int{index(in.args[0]), index(in.args[1]), index(in.args[2])}) {
		return 0, 0, 0, "its registers are other ones"
	}
	return src2, src1, dst, ""
}
