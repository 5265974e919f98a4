package sim

import "math"

func f32(x uint64) float32 { return math.Float32frombits(uint32(x)) }
func f64(x uint64) float64 { return math.Float64frombits(x) }

// bits32 are the bits of a result in float32; every NaN that the GPU computes is the same one.
func bits32(x float32) uint64 {
	if x != x {
		return 0x7FFFFFFF
	}
	return uint64(math.Float32bits(x))
}

func bits64(x float64) uint64 {
	if x != x {
		return 0x7FF8000000000000
	}
	return math.Float64bits(x)
}

// floats adds the instructions on floats.
func floats(t map[string]op) {
	t["add.rn.f32"] = op{sig: "fff", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = bits32(f32(a[i]) + f32(b[i]))
		}
	}}
	t["sub.rn.f32"] = op{sig: "fff", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = bits32(f32(a[i]) - f32(b[i]))
		}
	}}
	t["mul.rn.f32"] = op{sig: "fff", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = bits32(f32(a[i]) * f32(b[i]))
		}
	}}
	t["fma.rn.f32"] = op{sig: "ffff", vec: func(d, a, b, c *lanes) {
		for i := range d {
			d[i] = bits32(fma32(f32(a[i]), f32(b[i]), f32(c[i])))
		}
	}}
	t["add.rn.f64"] = op{sig: "ggg", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = bits64(f64(a[i]) + f64(b[i]))
		}
	}}
	t["sub.rn.f64"] = op{sig: "ggg", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = bits64(f64(a[i]) - f64(b[i]))
		}
	}}
	t["mul.rn.f64"] = op{sig: "ggg", vec: func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = bits64(f64(a[i]) * f64(b[i]))
		}
	}}
	t["fma.rn.f64"] = op{sig: "gggg", vec: func(d, a, b, c *lanes) {
		for i := range d {
			d[i] = bits64(math.FMA(f64(a[i]), f64(b[i]), f64(c[i])))
		}
	}}

	for name, f := range map[string]func(a, b float64) float64{
		"div.rn":   func(a, b float64) float64 { return a / b },
		"min":      minimum,
		"max":      maximum,
		"copysign": func(a, b float64) float64 { return math.Copysign(b, a) },
	} {
		// Rounded to float64 first and then to float32, a quotient is rounded as if once (Figueroa 1995), and
		// so is a square root.
		t[name+".f32"] = op{sig: "fff",
			vec: each2(func(a, b uint64) uint64 { return bits32(float32(f(float64(f32(a)), float64(f32(b))))) })}
		t[name+".f64"] = op{sig: "ggg", vec: each2(func(a, b uint64) uint64 { return bits64(f(f64(a), f64(b))) })}
	}
	for name, f := range map[string]func(x float64) float64{
		"sqrt.rn": math.Sqrt,
		"rcp.rn":  func(x float64) float64 { return 1 / x },
		"neg":     func(x float64) float64 { return -x },
		"abs":     math.Abs,
	} {
		t[name+".f32"] = op{sig: "ff", vec: each1(func(a uint64) uint64 { return bits32(float32(f(float64(f32(a))))) })}
		t[name+".f64"] = op{sig: "gg", vec: each1(func(a uint64) uint64 { return bits64(f(f64(a))) })}
	}
	for name, f := range map[string]func(x float64) float64{
		"rcp.approx": func(x float64) float64 { return approximately(1/x, 1) },
		"ex2.approx": exp2,
		"lg2.approx": log2,
	} {
		t[name+".f32"] = op{sig: "ff", vec: each1(func(a uint64) uint64 { return bits32(float32(f(float64(f32(a))))) })}
	}
	for name, f := range map[string]func(a, b float64) bool{
		"lt":  func(a, b float64) bool { return a < b },
		"le":  func(a, b float64) bool { return a <= b },
		"gt":  func(a, b float64) bool { return a > b },
		"ge":  func(a, b float64) bool { return a >= b },
		"eq":  func(a, b float64) bool { return a == b },
		"ne":  func(a, b float64) bool { return a < b || a > b },
		"ltu": func(a, b float64) bool { return !(a >= b) },
		"leu": func(a, b float64) bool { return !(a > b) },
		"gtu": func(a, b float64) bool { return !(a <= b) },
		"geu": func(a, b float64) bool { return !(a < b) },
		"equ": func(a, b float64) bool { return !(a < b || a > b) },
		"neu": func(a, b float64) bool { return a != b },
		"num": func(a, b float64) bool { return a == a && b == b },
		"nan": func(a, b float64) bool { return a != a || b != b },
	} {
		t["setp."+name+".f32"] = op{form: formCompare, sig: "pff",
			rel: related(func(a, b uint64) bool { return f(float64(f32(a)), float64(f32(b))) })}
		t["setp."+name+".f64"] = op{form: formCompare, sig: "pgg",
			rel: related(func(a, b uint64) bool { return f(f64(a), f64(b)) })}
	}
}

// minimum is the smaller number; NaN only if both are.
func minimum(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return min(a, b)
}

func maximum(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return max(a, b)
}

// fma32 is a*b + c, rounded once to float32.
//
// In float64 the product is exact and the sum s is rounded. Rounding s to float32 is right unless s lies just
// halfway between two neighbours there and the true sum does not, or unless the result is denormal, with halves
// elsewhere. Then s is rounded to odd instead, which preserves on which side of a half the sum is (Boldo &
// Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
func fma32(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c)
	u := math.Float64bits(s)
	if u&0x1FFFFFFF != 0x10000000 && math.Abs(s) >= 0x1p-126 {
		return float32(s)
	}
	if e := sumError(p, float64(c), s); e != 0 && u&1 == 0 {
		if (e > 0) == (s > 0) {
			u++
		} else {
			u--
		}
		s = math.Float64frombits(u)
	}
	return float32(s)
}

// sumError is a + b - s for s = a+b as rounded (Knuth's TwoSum); 0 where s is not finite.
func sumError(a, b, s float64) float64 {
	if math.IsInf(s, 0) || s != s {
		return 0
	}
	bb := s - a
	return (a - (s - bb)) + (b - bb)
}

// approximately is x in float32, up to the given number of units in the last place away from it: as far as the
// hardware may err, and always the same way for the same number. Zeros, infinities and NaN are exact.
func approximately(x float64, ulps uint32) float64 {
	y := float32(x)
	u := math.Float32bits(y)
	if y == 0 || math.IsInf(float64(y), 0) || y != y || u&^(1<<31) < 16 || u&^(1<<31) > 0x7F7FFFF0 {
		return float64(y)
	}
	u += u * 2654435761 >> 16 % (2*ulps + 1) // Knuth's multiplicative hash
	return float64(math.Float32frombits(u - ulps))
}

// exp2 errs by 2⁻²² relatively: between 1 and 2 units in the last place. 2⁰ is exact.
func exp2(x float64) float64 {
	if x == 0 {
		return 1
	}
	return approximately(math.Exp2(x), 1)
}

// log2 errs by 2⁻²² absolutely in (0.5, 2), relatively elsewhere. log₂1 is exact.
func log2(x float64) float64 {
	y := math.Log2(x)
	if x > 0.5 && x < 2 && x != 1 {
		return y + err22(x)
	}
	return approximately(y, 1)
}

// err22 is a number in [-2⁻²³, 2⁻²³] that depends on x.
func err22(x float64) float64 {
	h := math.Float32bits(float32(x)) * 2654435761 >> 16
	return (float64(h%3) - 1) * 0x1p-23
}
