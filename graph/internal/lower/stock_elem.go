package lower

import (
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

const binaryField = "ʘBinaryOperator"

// binaryOps are the operators of elemBinOp by their code.
var binaryOps = [...]struct {
	name string // what Gorgonia prints
	fn   tape.Fn
	swap bool // fn takes the arguments the other way round
}{
	{"+", tape.Add, false},
	{"-", tape.Sub, false},
	{"⊙", tape.Mul, false},
	{"÷", tape.Div, false},
	{"^", tape.Pow, false},
	{"<", tape.Lt, false},
	{">", tape.Lt, true},
	{"<=", tape.Le, false},
	{">=", tape.Le, true},
	{"==", tape.Eq, false},
	{"!=", tape.Ne, false},
}

// binary is an arithmetic operator or a comparison. A comparison gives 0 or 1, in the type of the arguments or
// as booleans.
func (c call) binary() *ir.Value {
	op := binaryOps[attribute(c.op, binaryField).(int)]
	x, y := c.in[0], c.in[1]
	if x.Parts != nil && op.fn == tape.Add {
		return c.addTuples(x, y)
	}
	if !c.floats() {
		return nil
	}
	x, y = c.operand(x), c.operand(y)
	if op.swap {
		x, y = y, x
	}
	v := c.Elem(op.fn, x, y)
	if op.fn >= tape.Lt && !c.flag("retSame") {
		v = c.Cast(v, tape.Int32)
	}
	return v
}

// addTuples adds part by part. Such sums arise where the derivative of a value with several results arrives
// from several users.
func (c call) addTuples(x, y *ir.Value) *ir.Value {
	if len(x.Parts) != len(y.Parts) {
		return c.Fail(errors.Errorf("tuples of %d and %d parts cannot be added", len(x.Parts), len(y.Parts)))
	}
	sums := make([]*ir.Value, len(x.Parts))
	for i := range sums {
		sums[i] = c.Add(c.Proj(x, i), c.Proj(y, i))
	}
	return c.Tuple(sums...)
}

// operand brings an argument to the shape of the result. Gorgonia pairs a number with anything, and vectors
// with columns and rows of the same length.
func (c call) operand(x *ir.Value) *ir.Value {
	if x.Shape.Size() == c.shape.Size() {
		return c.Reshape(x, c.shape...)
	}
	if x.Shape.Size() == 1 {
		return c.Broadcast(c.Reshape(x), c.shape...)
	}
	return c.Fail(errors.Errorf("an argument of shape %v does not fit the result %v", x.Shape, c.shape))
}

// unaryOps are the operators of elemUnaryOp, by the names that Gorgonia prints.
var unaryOps = map[string]func(c call, x *ir.Value) *ir.Value{
	"abs":     apply(tape.Abs),
	"sign":    call.sign,
	"ceil":    apply(tape.Ceil),
	"floor":   apply(tape.Floor),
	"sin":     apply(tape.Sin),
	"cos":     apply(tape.Cos),
	"exp":     apply(tape.Exp),
	"ln":      apply(tape.Log),
	"log2":    func(c call, x *ir.Value) *ir.Value { return c.Mul(c.Elem(tape.Log, x), c.Const(1/math.Ln2)) },
	"neg":     apply(tape.Neg),
	"square":  func(c call, x *ir.Value) *ir.Value { return c.Mul(x, x) },
	"sqrt":    apply(tape.Sqrt),
	"inv":     func(c call, x *ir.Value) *ir.Value { return c.Div(c.Const(1), x) },
	"invSqrt": func(c call, x *ir.Value) *ir.Value { return c.Div(c.Const(1), c.Elem(tape.Sqrt, x)) },
	"cube":    func(c call, x *ir.Value) *ir.Value { return c.Mul(c.Mul(x, x), x) },
	"tanh":    apply(tape.Tanh),
	"sigmoid": apply(tape.Sigmoid),
	"log1p":   apply(tape.Log1p),
	"expm1":   apply(tape.Expm1),

	"softplus": call.softplus,
}

func apply(fn tape.Fn) func(call, *ir.Value) *ir.Value {
	return func(c call, x *ir.Value) *ir.Value { return c.Elem(fn, x) }
}

func (c call) unary() *ir.Value {
	f := unaryOps[c.node.Op().String()]
	if f == nil || !c.floats() {
		return nil
	}
	return f(c, c.in[0])
}

// sign of a tensor is -1, 0 or 1. Of a number, which Gorgonia computes in another way, it is the sign bit: -1
// or 1, never 0.
func (c call) sign(x *ir.Value) *ir.Value {
	if !c.node.IsScalar() {
		return c.Elem(tape.Sign, x)
	}
	negative := func(x *ir.Value) *ir.Value { return c.Elem(tape.Lt, x, c.Const(0)) }
	negativeZero := negative(c.Div(c.Const(1), x))
	return c.Elem(tape.Where, negative(x), c.Const(-1), c.Elem(tape.Where, negativeZero, c.Const(-1), c.Const(1)))
}

// softplus is ln(1+eˣ), and x itself from where Gorgonia takes it for that; so eˣ cannot overflow in what is used.
func (c call) softplus(x *ir.Value) *ir.Value {
	limit := 16.0
	if c.Float == tape.Float32 {
		limit = 14
	}
	return c.Elem(tape.Where, c.Elem(tape.Lt, c.Const(limit), x), x, c.Elem(tape.Log1p, c.Elem(tape.Exp, x)))
}

func (c call) minBetween() *ir.Value { return c.extreme(tape.Min) }
func (c call) maxBetween() *ir.Value { return c.extreme(tape.Max) }
func (c call) extreme(fn tape.Fn) *ir.Value {
	if !c.floats() {
		return nil
	}
	return c.Elem(fn, c.operand(c.in[0]), c.operand(c.in[1]))
}

func (c call) identity() *ir.Value { return c.in[0] }

// convert is between integers and floats, to integers by truncation. Integers of other types than int32 have
// other bounds.
func (c call) convert() *ir.Value {
	if d := c.node.Dtype(); d != tensor.Int32 && d != tensor.Float32 && d != tensor.Float64 {
		return nil
	}
	to, err := DtypeOf(c.node.Dtype())
	if err != nil {
		return c.Fail(err)
	}
	return c.Cast(c.in[0], to)
}

// constant is a tensor of one number, which is what Gorgonia makes of numbers and of derivatives. Any other
// tensor is copied from the host in each run, unless it is given; see Leaves.
func (c call) constant() *ir.Value {
	t, err := TypeOf(c.node)
	if err != nil {
		return c.Fail(err)
	}
	x, ok, err := constantOf(c.node)
	if err != nil {
		return c.Fail(err)
	}
	if !ok {
		return nil
	}
	return c.New(ir.Const{Value: x, Of: t})
}

// isTable reports whether n is a constant whose elements are not all the same number.
func isTable(n *G.Node) bool {
	if stockName(n.Op()) != "constantTensor" {
		return false
	}
	_, ok, err := constantOf(n)
	return !ok && err == nil
}

// constantOf is the one number that all elements of a constant are.
func constantOf(n *G.Node) (x float64, ok bool, err error) {
	data, err := Flatten(n.Value())
	if err != nil {
		return 0, false, err
	}
	switch xs := data.(type) {
	case []float32:
		x, ok = one(xs)
	case []float64:
		x, ok = one(xs)
	case []int32:
		x, ok = one(xs)
	}
	return x, ok, nil
}

func one[T float32 | float64 | int32](xs []T) (x float64, ok bool) {
	for _, x := range xs {
		if x != xs[0] {
			return 0, false
		}
	}
	if len(xs) == 0 {
		return 0, false
	}
	return float64(xs[0]), true
}
