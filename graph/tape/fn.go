package tape

import (
	"fmt"
	"math"

	"github.com/unroll-ml/unroll/graph/internal/real"
)

// Fn is a scalar function: the vocabulary of Map, the same on every device.
//
// A new one is a constant and a line of the table functions here, its operation in graph/op with a test, its
// loop in graph/ref, and its PTX in the GPU's fn.go. The passes of the compiler, the direct evaluation that
// tests them, the rules of devices and the CPU's portable loop follow from the table; a vector kernel, and the
// node of Gorgonia that means the same, may be added.
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

// function is all that there is to know of a Fn but how devices compute it.
type function struct {
	name    string
	arity   int
	formula func(x, y, z float64) float64 // nil: no function of numbers
	kind    precision
}

// precision says how near to its formula a device computes a function, which is also what it costs.
type precision uint8

const (
	rounded      precision = iota // the formula, rounded as IEEE 754 says
	roundedDear                   // the same, at several times the cost of an addition
	approximated                  // within some units in the last place; dear, too
)

var functions = [numFn]function{
	Const: {"const", 0, nil, rounded},
	Iota:  {"iota", 0, nil, rounded},

	Id:      unary("id", rounded, func(x float64) float64 { return x }),
	Neg:     unary("neg", rounded, func(x float64) float64 { return -x }),
	Abs:     unary("abs", rounded, math.Abs),
	Sign:    unary("sign", rounded, sign),
	Floor:   unary("floor", rounded, math.Floor),
	Ceil:    unary("ceil", rounded, math.Ceil),
	Sqrt:    unary("sqrt", roundedDear, math.Sqrt),
	Exp:     unary("exp", approximated, real.Exp),
	Log:     unary("log", approximated, real.Log),
	Log1p:   unary("log1p", approximated, math.Log1p),
	Expm1:   unary("expm1", approximated, math.Expm1),
	Sin:     unary("sin", approximated, math.Sin),
	Cos:     unary("cos", approximated, math.Cos),
	Tanh:    unary("tanh", approximated, math.Tanh),
	Sigmoid: unary("sigmoid", approximated, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }),

	Add: binary("add", rounded, func(x, y float64) float64 { return x + y }),
	Sub: binary("sub", rounded, func(x, y float64) float64 { return x - y }),
	Mul: binary("mul", rounded, func(x, y float64) float64 { return x * y }),
	Div: binary("div", roundedDear, func(x, y float64) float64 { return x / y }),
	Pow: binary("pow", approximated, real.Pow),
	Max: binary("max", rounded, func(x, y float64) float64 { return max(x, y) }),
	Min: binary("min", rounded, func(x, y float64) float64 { return min(x, y) }),
	Lt:  binary("lt", rounded, func(x, y float64) float64 { return truth(x < y) }),
	Le:  binary("le", rounded, func(x, y float64) float64 { return truth(x <= y) }),
	Eq:  binary("eq", rounded, func(x, y float64) float64 { return truth(x == y) }),
	Ne:  binary("ne", rounded, func(x, y float64) float64 { return truth(x != y) }),

	Where: {"where", 3, func(x, y, z float64) float64 {
		if x != 0 {
			return y
		}
		return z
	}, rounded},
}

func unary(name string, p precision, f func(x float64) float64) function {
	return function{name, 1, func(x, _, _ float64) float64 { return f(x) }, p}
}

func binary(name string, p precision, f func(x, y float64) float64) function {
	return function{name, 2, func(x, y, _ float64) float64 { return f(x, y) }, p}
}

func sign(x float64) float64 {
	if x != x {
		return x
	}
	return truth(x > 0) - truth(x < 0)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (f Fn) String() string {
	if f < numFn {
		return functions[f].name
	}
	return fmt.Sprintf("Fn(%d)", uint8(f))
}

// Arity is the number of arguments.
func (f Fn) Arity() int { return functions[f].arity }

// Of is the function's value in float64, NaN for those that are no functions of numbers. Arguments beyond Arity
// have no effect.
func (f Fn) Of(x, y, z float64) float64 {
	if formula := functions[f].formula; formula != nil {
		return formula(x, y, z)
	}
	return math.NaN()
}

// Rounded says that devices compute the function as IEEE 754 says, rounded once; the others are approximated.
func (f Fn) Rounded() bool { return functions[f].kind != approximated }

// Dear says that the function costs several times what an addition costs.
func (f Fn) Dear() bool { return functions[f].kind != rounded }

// Fns lists every function, in order.
func Fns() []Fn {
	fs := make([]Fn, numFn)
	for i := range fs {
		fs[i] = Fn(i)
	}
	return fs
}
