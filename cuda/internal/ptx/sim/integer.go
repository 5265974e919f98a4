package sim

import "math/bits"

// integers adds the instructions on integers.
func integers(t map[string]op) {
	integers32(t)
	integers64(t)

	t["mul.wide.u32"] = op{sig: "drr", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = a[i] * b[i]
		}
	}}
	t["mul.wide.s32"] = op{sig: "drr", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = uint64(int64(int32(a[i])) * int64(int32(b[i])))
		}
	}}
	t["mad.wide.u32"] = op{sig: "drrd", vec: func(d, a, b, c *lanes) {
		for i := range d {
			d[i] = a[i]*b[i] + c[i]
		}
	}}
	t["mad.wide.s32"] = op{sig: "drrd", vec: func(d, a, b, c *lanes) {
		for i := range d {
			d[i] = uint64(int64(int32(a[i]))*int64(int32(b[i]))) + c[i]
		}
	}}
}

func integers32(t map[string]op) {
	add := op{sig: "rrr", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = uint64(uint32(a[i] + b[i]))
		}
	}}
	sub := op{sig: "rrr", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = uint64(uint32(a[i] - b[i]))
		}
	}}
	mul := op{sig: "rrr", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = uint64(uint32(a[i] * b[i]))
		}
	}}
	mad := op{sig: "rrrr", vec: func(d, a, b, c *lanes) {
		for i := range d {
			d[i] = uint64(uint32(a[i]*b[i] + c[i]))
		}
	}}
	for _, s := range []string{".u32", ".s32"} {
		t["add"+s], t["sub"+s], t["mul.lo"+s], t["mad.lo"+s] = add, sub, mul, mad
		t["setp.eq"+s] = op{form: formCompare, sig: "prr", rel: related(func(a, b uint64) bool { return a == b })}
		t["setp.ne"+s] = op{form: formCompare, sig: "prr", rel: related(func(a, b uint64) bool { return a != b })}
	}
	t["mul.hi.u32"] = op{sig: "rrr", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = a[i] * b[i] >> 32
		}
	}}
	t["and.b32"] = op{sig: "rrr", vec: and}
	t["or.b32"] = op{sig: "rrr", vec: or}
	t["xor.b32"] = op{sig: "rrr", vec: xor}
	t["not.b32"] = op{sig: "rr", vec: each1(func(a uint64) uint64 { return uint64(^uint32(a)) })}
	t["shl.b32"] = op{sig: "rrr", vec: each2(func(a, b uint64) uint64 { return uint64(uint32(a) << uint32(b)) })}
	t["shr.u32"] = op{sig: "rrr", vec: each2(func(a, b uint64) uint64 { return uint64(uint32(a) >> uint32(b)) })}
	t["shr.s32"] = op{sig: "rrr", vec: each2(func(a, b uint64) uint64 { return uint64(uint32(int32(a) >> uint32(b))) })}

	u := func(f func(a, b uint32) uint32) vector {
		return each2(func(a, b uint64) uint64 { return uint64(f(uint32(a), uint32(b))) })
	}
	s := func(f func(a, b int32) int32) vector {
		return each2(func(a, b uint64) uint64 { return uint64(uint32(f(int32(a), int32(b)))) })
	}
	t["mul.hi.s32"] = op{sig: "rrr", vec: s(func(a, b int32) int32 { return int32(int64(a) * int64(b) >> 32) })}
	// b is 0 only where nobody looks
	t["div.u32"] = op{form: formDivide, sig: "rrr", vec: u(func(a, b uint32) uint32 { return a / max(b, 1) })}
	t["rem.u32"] = op{form: formDivide, sig: "rrr", vec: u(func(a, b uint32) uint32 { return a % max(b, 1) })}
	t["div.s32"] = op{form: formDivide, sig: "rrr", vec: s(func(a, b int32) int32 { return a / nonzero(b) })}
	t["rem.s32"] = op{form: formDivide, sig: "rrr", vec: s(func(a, b int32) int32 { return a % nonzero(b) })}
	t["min.u32"] = op{sig: "rrr", vec: u(func(a, b uint32) uint32 { return min(a, b) })}
	t["max.u32"] = op{sig: "rrr", vec: u(func(a, b uint32) uint32 { return max(a, b) })}
	t["min.s32"] = op{sig: "rrr", vec: s(func(a, b int32) int32 { return min(a, b) })}
	t["max.s32"] = op{sig: "rrr", vec: s(func(a, b int32) int32 { return max(a, b) })}
	t["neg.s32"] = op{sig: "rr", vec: each1(func(a uint64) uint64 { return uint64(-uint32(a)) })}
	t["abs.s32"] = op{sig: "rr", vec: each1(func(a uint64) uint64 { return uint64(uint32(max(int32(a), -int32(a)))) })}
	t["red.global.min.u32"] = op{form: formReduce, sig: "Gr", vec: t["min.u32"].vec, size: 4}
	t["red.global.min.s32"] = op{form: formReduce, sig: "Gr", vec: t["min.s32"].vec, size: 4}

	ru := func(name string, f func(a, b uint32) bool) {
		t["setp."+name+".u32"] = op{form: formCompare, sig: "prr",
			rel: related(func(a, b uint64) bool { return f(uint32(a), uint32(b)) })}
	}
	rs := func(name string, f func(a, b int32) bool) {
		t["setp."+name+".s32"] = op{form: formCompare, sig: "prr",
			rel: related(func(a, b uint64) bool { return f(int32(a), int32(b)) })}
	}
	ru("lt", func(a, b uint32) bool { return a < b })
	ru("le", func(a, b uint32) bool { return a <= b })
	ru("gt", func(a, b uint32) bool { return a > b })
	ru("ge", func(a, b uint32) bool { return a >= b })
	rs("lt", func(a, b int32) bool { return a < b })
	rs("le", func(a, b int32) bool { return a <= b })
	rs("gt", func(a, b int32) bool { return a > b })
	rs("ge", func(a, b int32) bool { return a >= b })
}

func integers64(t map[string]op) {
	add := op{sig: "ddd", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = a[i] + b[i]
		}
	}}
	sub := op{sig: "ddd", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = a[i] - b[i]
		}
	}}
	mul := op{sig: "ddd", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = a[i] * b[i]
		}
	}}
	mad := op{sig: "dddd", vec: func(d, a, b, c *lanes) {
		for i := range d {
			d[i] = a[i]*b[i] + c[i]
		}
	}}
	for _, s := range []string{".u64", ".s64"} {
		t["add"+s], t["sub"+s], t["mul.lo"+s], t["mad.lo"+s] = add, sub, mul, mad
		t["setp.eq"+s] = op{form: formCompare, sig: "pdd", rel: related(func(a, b uint64) bool { return a == b })}
		t["setp.ne"+s] = op{form: formCompare, sig: "pdd", rel: related(func(a, b uint64) bool { return a != b })}
	}
	t["and.b64"] = op{sig: "ddd", vec: and}
	t["or.b64"] = op{sig: "ddd", vec: or}
	t["xor.b64"] = op{sig: "ddd", vec: xor}
	t["not.b64"] = op{sig: "dd", vec: each1(func(a uint64) uint64 { return ^a })}
	t["shl.b64"] = op{sig: "ddr", vec: each2(func(a, b uint64) uint64 { return a << b })}
	t["shr.u64"] = op{sig: "ddr", vec: each2(func(a, b uint64) uint64 { return a >> b })}
	t["shr.s64"] = op{sig: "ddr", vec: each2(func(a, b uint64) uint64 { return uint64(int64(a) >> b) })}

	s := func(f func(a, b int64) int64) vector {
		return each2(func(a, b uint64) uint64 { return uint64(f(int64(a), int64(b))) })
	}
	t["mul.hi.u64"] = op{sig: "ddd", vec: each2(func(a, b uint64) uint64 { hi, _ := bits.Mul64(a, b); return hi })}
	t["mul.hi.s64"] = op{sig: "ddd", vec: s(func(a, b int64) int64 {
		hi, _ := bits.Mul64(uint64(a), uint64(b))
		return int64(hi) - a>>63&b - b>>63&a
	})}
	t["div.u64"] = op{form: formDivide, sig: "ddd", vec: each2(func(a, b uint64) uint64 { return a / max(b, 1) })}
	t["rem.u64"] = op{form: formDivide, sig: "ddd", vec: each2(func(a, b uint64) uint64 { return a % max(b, 1) })}
	t["div.s64"] = op{form: formDivide, sig: "ddd", vec: s(func(a, b int64) int64 { return a / nonzero(b) })}
	t["rem.s64"] = op{form: formDivide, sig: "ddd", vec: s(func(a, b int64) int64 { return a % nonzero(b) })}
	t["min.u64"] = op{sig: "ddd", vec: each2(func(a, b uint64) uint64 { return min(a, b) })}
	t["max.u64"] = op{sig: "ddd", vec: each2(func(a, b uint64) uint64 { return max(a, b) })}
	t["min.s64"] = op{sig: "ddd", vec: s(func(a, b int64) int64 { return min(a, b) })}
	t["max.s64"] = op{sig: "ddd", vec: s(func(a, b int64) int64 { return max(a, b) })}
	t["neg.s64"] = op{sig: "dd", vec: each1(func(a uint64) uint64 { return -a })}
	t["abs.s64"] = op{sig: "dd", vec: each1(func(a uint64) uint64 { return uint64(max(int64(a), -int64(a))) })}
	t["red.global.min.u64"] = op{form: formReduce, sig: "Gd", vec: t["min.u64"].vec, size: 8}
	t["red.global.min.s64"] = op{form: formReduce, sig: "Gd", vec: t["min.s64"].vec, size: 8}

	ru := func(name string, f func(a, b uint64) bool) {
		t["setp."+name+".u64"] = op{form: formCompare, sig: "pdd", rel: related(f)}
	}
	rs := func(name string, f func(a, b int64) bool) {
		t["setp."+name+".s64"] = op{form: formCompare, sig: "pdd",
			rel: related(func(a, b uint64) bool { return f(int64(a), int64(b)) })}
	}
	ru("lt", func(a, b uint64) bool { return a < b })
	ru("le", func(a, b uint64) bool { return a <= b })
	ru("gt", func(a, b uint64) bool { return a > b })
	ru("ge", func(a, b uint64) bool { return a >= b })
	rs("lt", func(a, b int64) bool { return a < b })
	rs("le", func(a, b int64) bool { return a <= b })
	rs("gt", func(a, b int64) bool { return a > b })
	rs("ge", func(a, b int64) bool { return a >= b })
}

func and(d, a, b, _ *lanes) {
	for i := range d {
		d[i] = a[i] & b[i]
	}
}

func or(d, a, b, _ *lanes) {
	for i := range d {
		d[i] = a[i] | b[i]
	}
}

func xor(d, a, b, _ *lanes) {
	for i := range d {
		d[i] = a[i] ^ b[i]
	}
}

// nonzero is b, or 1 for 0, which is looked at only in lanes that take no part.
func nonzero[T int32 | int64](b T) T {
	if b == 0 {
		return 1
	}
	return b
}
