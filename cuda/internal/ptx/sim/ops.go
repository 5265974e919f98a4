package sim

// A register of a warp is 32 lanes; 32-bit values have their upper half zero.
type lanes [32]uint64

// vector computes d from a, b and c in all lanes, of those that take no part too.
type vector func(d, a, b, c *lanes)

// relation compares a and b in all lanes.
type relation func(a, b *lanes) uint32

// form says how an instruction is executed.
type form uint8

const (
	formVector   form = iota
	formDivide        // formVector; b must not be 0
	formCompare       // predicate = relation of a and b
	formSelect        // d = a where predicate, else b
	formMovePred      // predicates: d = a
	formNotPred       // d = not a
	formAndPred       // d = a and b
	formOrPred        // d = a or b
	formXorPred       // d = a xor b
	formLoad          // from global memory
	formStore         // to global memory
	formLoadShared
	formStoreShared
	formReduce  // memory = vector(memory, b), in one step
	formShuffle // d = a of another lane
	formSplit   // two registers = halves of one
	formJoin    // one register = two halves
	formBranch
	formBarrier
	formReturn
	formMatrices // fragments of a warp: d = a·b + c
	formAwait    // until the kernel before has ended
	formRelease  // lets the next kernel begin
)

// op is what the table of instructions says of one.
//
// sig are the classes of its operands, the result first: p a predicate, r an integer of 32 bits, d one of 64
// bits, f float32, g float64, x any of 32 bits, y any of 64 bits; G is a place in global memory, S one in
// shared memory, P a parameter; # a number; L a label. Braces stand around the registers of a vector.
type op struct {
	form form
	sig  string
	vec  vector
	rel  relation
	size uint8 // bytes of an element in memory
}

// ops is every instruction that is understood.
var ops = table()

func table() map[string]op {
	t := map[string]op{
		"ret":          {form: formReturn},
		"exit":         {form: formReturn},
		"bra":          {form: formBranch, sig: "L"},
		"bra.uni":      {form: formBranch, sig: "L"},
		"bar.sync":     {form: formBarrier, sig: "#"},
		"barrier.sync": {form: formBarrier, sig: "#"},

		"griddepcontrol.wait":              {form: formAwait},
		"griddepcontrol.launch_dependents": {form: formRelease},

		"mov.pred": {form: formMovePred, sig: "pp"},
		"not.pred": {form: formNotPred, sig: "pp"},
		"and.pred": {form: formAndPred, sig: "ppp"},
		"or.pred":  {form: formOrPred, sig: "ppp"},
		"xor.pred": {form: formXorPred, sig: "ppp"},

		"cvta.to.global.u64": {sig: "dd", vec: move},

		"shfl.sync.bfly.b32": {form: formShuffle, sig: "xx###"},
		"shfl.sync.down.b32": {form: formShuffle, sig: "xx###"},
	}
	for name, class := range map[string]string{"u32": "r", "s32": "r", "b32": "x", "f32": "f", "u64": "d", "s64": "d",
		"b64": "y", "f64": "g"} {
		size := uint8(4)
		if name[1:] == "64" {
			size = 8
			t["ld.param."+name] = op{sig: class + "P", vec: move}
		}
		t["mov."+name] = op{sig: class + class, vec: move}
		t["selp."+name] = op{form: formSelect, sig: class + class + class + "p"}
		t["ld.global."+name] = op{form: formLoad, sig: class + "G", size: size}
		t["st.global."+name] = op{form: formStore, sig: "G" + class, size: size}
		t["ld.shared."+name] = op{form: formLoadShared, sig: class + "S", size: size}
		t["st.shared."+name] = op{form: formStoreShared, sig: "S" + class, size: size}
		for n := 2; n*int(size) <= 16; n *= 2 {
			list := "{" + map[int]string{2: class + class, 4: class + class + class + class}[n] + "}"
			v := map[int]string{2: "v2.", 4: "v4."}[n]
			t["ld.global."+v+name] = op{form: formLoad, sig: list + "G", size: size}
			t["st.global."+v+name] = op{form: formStore, sig: "G" + list, size: size}
			t["ld.shared."+v+name] = op{form: formLoadShared, sig: list + "S", size: size}
			t["st.shared."+v+name] = op{form: formStoreShared, sig: "S" + list, size: size}
		}
	}
	t["ld.global.u16"] = op{form: formLoad, sig: "rG", size: 2}
	t["st.global.u16"] = op{form: formStore, sig: "Gr", size: 2}
	integers(t)
	floats(t)
	conversions(t)
	return t
}

func move(d, a, _, _ *lanes) { *d = *a }

// each1 and each2 make a vector of a function of one lane. What is executed most has a loop of its own instead.
func each1(f func(a uint64) uint64) vector {
	return func(d, a, _, _ *lanes) {
		for i := range d {
			d[i] = f(a[i])
		}
	}
}

func each2(f func(a, b uint64) uint64) vector {
	return func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = f(a[i], b[i])
		}
	}
}

func related(f func(a, b uint64) bool) relation {
	return func(a, b *lanes) (m uint32) {
		for i := range a {
			if f(a[i], b[i]) {
				m |= 1 << i
			}
		}
		return m
	}
}
