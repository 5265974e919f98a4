package sim

import "math"

// conversions adds the forms of cvt.
func conversions(t map[string]op) {
	mode := map[string]func(float64) float64{"rni": math.RoundToEven, "rzi": math.Trunc, "rmi": math.Floor,
		"rpi": math.Ceil}
	for name, round := range mode {
		t["cvt."+name+".f32.f32"] = op{sig: "ff",
			vec: each1(func(a uint64) uint64 { return bits32(float32(round(float64(f32(a))))) })}
		t["cvt."+name+".f64.f64"] = op{sig: "gg", vec: each1(func(a uint64) uint64 { return bits64(round(f64(a))) })}
		for to, saturate := range map[string]func(float64) uint64{
			"u32": func(x float64) uint64 { return saturated(x, 0, math.MaxUint32) },
			"s32": func(x float64) uint64 { return uint64(uint32(saturated(x, math.MinInt32, math.MaxInt32))) },
			"u64": saturatedU64,
			"s64": saturatedS64,
		} {
			class := "r"
			if to[1:] == "64" {
				class = "d"
			}
			// What NaN becomes is not the same for all types.
			nan32, nan64 := uint64(0), uint64(1<<31)
			if class == "d" {
				nan32, nan64 = 1<<63, 1<<63
			}
			integer := func(x float64, nan uint64) uint64 {
				if x != x {
					return nan
				}
				return saturate(round(x))
			}
			t["cvt."+name+"."+to+".f32"] = op{sig: class + "f",
				vec: each1(func(a uint64) uint64 { return integer(float64(f32(a)), nan32) })}
			t["cvt."+name+"."+to+".f64"] = op{sig: class + "g",
				vec: each1(func(a uint64) uint64 { return integer(f64(a), nan64) })}
		}
	}

	t["cvt.rn.f32.u32"] = op{sig: "fr", vec: each1(func(a uint64) uint64 { return bits32(float32(uint32(a))) })}
	t["cvt.rn.f32.s32"] = op{sig: "fr", vec: each1(func(a uint64) uint64 { return bits32(float32(int32(a))) })}
	t["cvt.rn.f32.u64"] = op{sig: "fd", vec: each1(func(a uint64) uint64 { return bits32(float32(a)) })}
	t["cvt.rn.f32.s64"] = op{sig: "fd", vec: each1(func(a uint64) uint64 { return bits32(float32(int64(a))) })}
	t["cvt.rn.f64.u32"] = op{sig: "gr", vec: each1(func(a uint64) uint64 { return bits64(float64(uint32(a))) })}
	t["cvt.rn.f64.s32"] = op{sig: "gr", vec: each1(func(a uint64) uint64 { return bits64(float64(int32(a))) })}
	t["cvt.rn.f64.u64"] = op{sig: "gd", vec: each1(func(a uint64) uint64 { return bits64(float64(a)) })}
	t["cvt.rn.f64.s64"] = op{sig: "gd", vec: each1(func(a uint64) uint64 { return bits64(float64(int64(a))) })}
	t["cvt.f64.f32"] = op{sig: "gf", vec: each1(func(a uint64) uint64 { return bits64(float64(f32(a))) })}
	t["cvt.rn.f32.f64"] = op{sig: "fg", vec: each1(func(a uint64) uint64 { return bits32(float32(f64(a))) })}

	t["cvt.rna.tf32.f32"] = op{sig: "rf", vec: each1(tf32)}
	t["cvt.rn.bf16x2.f32"] = op{sig: "rff", vec: each2(func(a, b uint64) uint64 { return bf16(a)<<16 | bf16(b) })}

	extend := each1(func(a uint64) uint64 { return uint64(int64(int32(a))) })
	shorten := each1(func(a uint64) uint64 { return uint64(uint32(a)) })
	for _, to := range []string{"u64", "s64"} {
		t["cvt."+to+".u32"] = op{sig: "dr", vec: move}
		t["cvt."+to+".s32"] = op{sig: "dr", vec: extend}
		t["cvt.u32."+to] = op{sig: "rd", vec: shorten}
		t["cvt.s32."+to] = op{sig: "rd", vec: shorten}
	}
}

// saturated is the integer x, or the nearest in [lo, hi].
func saturated(x, lo, hi float64) uint64 { return uint64(int64(min(max(x, lo), hi))) }

func saturatedU64(x float64) uint64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1<<64:
		return math.MaxUint64
	}
	return uint64(x)
}

func saturatedS64(x float64) uint64 {
	switch {
	case x >= 1<<63:
		return math.MaxInt64
	case x < -1<<63:
		return 1 << 63
	}
	return uint64(int64(x))
}
