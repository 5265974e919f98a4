package ptx

import "github.com/unroll-ml/unroll/graph/tape"

// Fn writes a scalar function of the tape on floats of one type, all but Const and Iota. The exact functions
// are rounded as IEEE 754 says; the others keep the tape's bounds, 2e-6 in F32 and 1e-13 in F64, absolute or
// relative, and treat infinities, NaN and denormal numbers as package math does. Comparisons give 1 or 0.
func (b *Builder) Fn(f tape.Fn, args ...Value) Value {
	if len(args) != f.Arity() || f.Arity() == 0 {
		b.fail(f.String(), "%d arguments", len(args))
		return b.new(F32)
	}
	ps := make([]*Value, len(args))
	for i := range args {
		ps[i] = &args[i]
	}
	t := b.unify(f.String(), Type.IsFloat, ps...)
	x := args[0]
	if g := exact[f]; g != nil {
		return g(b, b.register(x))
	}
	if g := approximated[f]; g != nil {
		for i := range args {
			args[i] = b.register(args[i])
		}
		// The comments say where the function begins and ends, for readers and for who looks for mistakes in the rest.
		b.Comment("%v {", f)
		y := g(b, args)
		b.Comment("}")
		return y
	}
	if c, ok := comparisons[f]; ok {
		return b.Convert(t, b.Compare(c, x, args[1]))
	}
	switch f {
	case tape.Add:
		return b.Add(x, args[1])
	case tape.Sub:
		return b.Sub(x, args[1])
	case tape.Mul:
		return b.Mul(x, args[1])
	case tape.Div:
		return b.Div(x, args[1])
	case tape.Max:
		return b.MaxNaN(x, args[1])
	case tape.Min:
		return b.MinNaN(x, args[1])
	case tape.Where:
		return b.Select(b.Ne(x, Num(0)), args[1], args[2])
	}
	b.fail(f.String(), "there is no such function")
	return x
}

// register is x, in a register if it is a constant.
func (b *Builder) register(x Value) Value {
	if x.owner == nil {
		return b.Var(x)
	}
	return x
}

var exact = map[tape.Fn]func(b *Builder, x Value) Value{
	tape.Id:    func(b *Builder, x Value) Value { return x },
	tape.Neg:   (*Builder).Neg,
	tape.Abs:   (*Builder).Abs,
	tape.Sign:  (*Builder).sign,
	tape.Floor: (*Builder).Floor,
	tape.Ceil:  (*Builder).Ceil,
	tape.Sqrt:  (*Builder).Sqrt,
}

var approximated = map[tape.Fn]func(b *Builder, args []Value) Value{
	tape.Exp:     func(b *Builder, x []Value) Value { return b.exp(x[0]) },
	tape.Expm1:   func(b *Builder, x []Value) Value { return b.expm1(x[0]) },
	tape.Log:     func(b *Builder, x []Value) Value { return b.log(x[0]) },
	tape.Log1p:   func(b *Builder, x []Value) Value { return b.log1p(x[0]) },
	tape.Sin:     func(b *Builder, x []Value) Value { return b.sine(x[0], 0) },
	tape.Cos:     func(b *Builder, x []Value) Value { return b.sine(x[0], 1) },
	tape.Tanh:    func(b *Builder, x []Value) Value { return b.tanh(x[0]) },
	tape.Sigmoid: func(b *Builder, x []Value) Value { return b.sigmoid(x[0]) },
	tape.Pow:     func(b *Builder, x []Value) Value { return b.pow(x[0], x[1]) },
}

var comparisons = map[tape.Fn]Condition{tape.Lt: LT, tape.Le: LE, tape.Eq: EQ, tape.Ne: NE}

// sign is -1, 0 or 1; x itself where it is 0 or NaN.
func (b *Builder) sign(x Value) Value {
	one := b.Copysign(Num(1), x)
	return b.Select(b.Compare(EQU, x, Num(0)), x, one)
}
