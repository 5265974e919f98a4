package tape

import "fmt"

// Fn is a scalar function: the vocabulary of Map, the same on every device.
type Fn uint8

const (
	// Nullary.
	Const Fn = iota // the number Op.Value
	Iota            // the index along axis Op.Axis of the Map's shape

	// Unary.
	Id      // x: a copy, or a conversion between element types (to Int32 by truncation)
	Neg     // -x
	Abs     // |x|
	Sign    // -1, 0 or 1; NaN for NaN
	Floor   // largest integer <= x
	Ceil    // smallest integer >= x
	Sqrt    // √x
	Exp     // eˣ
	Log     // ln x
	Log1p   // ln(1+x)
	Expm1   // eˣ-1
	Sin     // sin x; for |x| > 2³⁰ some number in [-1, 1]
	Cos     // cos x; likewise
	Tanh    // tanh x
	Sigmoid // 1/(1+e⁻ˣ)

	// Binary.
	Add // x+y
	Sub // x-y
	Mul // x*y
	Div // x/y
	Pow // xʸ, as math.Pow
	Max // the larger; NaN if either is NaN
	Min // the smaller; NaN if either is NaN
	Lt  // 1 if x < y, else 0
	Le  // 1 if x <= y, else 0
	Eq  // 1 if x == y, else 0
	Ne  // 1 if x != y, else 0

	// Ternary.
	Where // y if x != 0, else z; the value not chosen has no effect, be it NaN

	numFn
)

var fnNames = [numFn]string{
	"const", "iota",
	"id", "neg", "abs", "sign", "floor", "ceil", "sqrt", "exp", "log", "log1p", "expm1", "sin", "cos", "tanh", "sigmoid",
	"add", "sub", "mul", "div", "pow", "max", "min", "lt", "le", "eq", "ne",
	"where",
}

func (f Fn) String() string {
	if f < numFn {
		return fnNames[f]
	}
	return fmt.Sprintf("Fn(%d)", uint8(f))
}

// Arity is the number of arguments.
func (f Fn) Arity() int {
	switch {
	case f <= Iota:
		return 0
	case f <= Sigmoid:
		return 1
	case f <= Ne:
		return 2
	}
	return 3
}

// Fns lists every function, in order.
func Fns() []Fn {
	fs := make([]Fn, numFn)
	for i := range fs {
		fs[i] = Fn(i)
	}
	return fs
}
