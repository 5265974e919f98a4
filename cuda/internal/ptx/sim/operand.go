package sim

import (
	"math"
	"strconv"
	"strings"
)

// find returns the class of a declared register.
func (k *kernel) find(name string, line int) byte {
	prefix := strings.TrimRight(name, "0123456789")
	d, ok := k.declared[prefix]
	n, err := strconv.Atoi(name[len(prefix):])
	if !ok || err != nil || n >= d.n || strconv.Itoa(n) != name[len(prefix):] {
		k.fail(line, "the register %s is not declared", name)
	}
	return d.class
}

func (k *kernel) predicate(name string, line int) int32 {
	if k.find(name, line) != 'p' {
		k.fail(line, "%s is no predicate", name)
	}
	r, ok := k.predicates[name]
	if !ok {
		r = int32(k.f.predicates)
		k.f.predicates++
		k.predicates[name] = r
		k.f.prednames = append(k.f.prednames, name)
	}
	return r
}

// value is the register that an operand of the given class names, or that holds it if it is a number.
func (k *kernel) value(text string, class byte, mustRegister bool, line int) int32 {
	if strings.HasPrefix(text, "%") {
		if got := k.find(text, line); !fits(got, class) {
			k.fail(line, "%s is of another type than the instruction", text)
		}
		r, ok := k.registers[text]
		if !ok {
			r = k.register(text)
			k.registers[text] = r
		}
		return r
	}
	if mustRegister {
		k.fail(line, "%s where a register is expected", text)
	}
	bits, ok := number(text, class)
	if !ok {
		k.fail(line, "%s is no number of the instruction's type", text)
	}
	return k.constant(bits)
}

// fits reports whether a register of class got is one of class want: x and y stand for any of 32 and of 64 bits.
func fits(got, want byte) bool {
	return got == want || want == 'x' && (got == 'r' || got == 'f') || want == 'y' && (got == 'd' || got == 'g')
}

// number reads a constant of the given class.
func number(text string, class byte) (uint64, bool) {
	switch class {
	case 'f':
		v, err := strconv.ParseUint(strings.TrimPrefix(text, "0f"), 16, 32)
		return v, err == nil && strings.HasPrefix(text, "0f") && len(text) == 10
	case 'g':
		v, err := strconv.ParseUint(strings.TrimPrefix(text, "0d"), 16, 64)
		return v, err == nil && strings.HasPrefix(text, "0d") && len(text) == 18
	}
	if v, err := strconv.ParseInt(text, 0, 64); err == nil {
		if class == 'r' || class == 'x' {
			return uint64(uint32(v)), v >= math.MinInt32 && v <= math.MaxUint32
		}
		return uint64(v), true
	}
	v, err := strconv.ParseUint(text, 0, 64)
	return v, err == nil && (class == 'd' || class == 'y')
}
