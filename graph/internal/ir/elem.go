package ir

import (
	"fmt"
	"strconv"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Const is a tensor whose elements are all Value.
type Const struct {
	Value float64
	Of    Type
}

func (c Const) String() string {
	return fmt.Sprintf("const(%s, %v)", strconv.FormatFloat(c.Value, 'g', -1, 64), c.Of)
}
func (c Const) Infer(args []*Value) (Type, error) { return c.Of, arity(args, 0) }

// Iota is a tensor whose elements are their own index along Axis.
type Iota struct {
	Axis int
	Of   Type
}

func (c Iota) String() string { return fmt.Sprintf("iota(%d, %v)", c.Axis, c.Of) }
func (c Iota) Infer(args []*Value) (Type, error) {
	if c.Axis < 0 || c.Axis >= len(c.Of.Shape) {
		return Type{}, errors.Errorf("no axis %d in %v", c.Axis, c.Of.Shape)
	}
	return c.Of, arity(args, 0)
}

// Elem is a scalar function of Fn.Arity() tensors of one shape, element by element. Integer arguments are
// converted to the program's float type, and the result to To.
type Elem struct {
	Fn tape.Fn
	To Dtype
}

func (e Elem) String() string { return fmt.Sprintf("%v:%v", e.Fn, e.To) }
func (e Elem) Infer(args []*Value) (Type, error) {
	if err := arity(args, e.Fn.Arity()); err != nil {
		return Type{}, err
	}
	if len(args) == 0 {
		return Type{}, errors.New("a constant is a Const or an Iota")
	}
	for _, a := range args[1:] {
		if !a.Shape.Equal(args[0].Shape) {
			return Type{}, errors.Errorf("shapes differ: %v and %v", args[0].Shape, a.Shape)
		}
	}
	return Type{e.To, args[0].Shape}, nil
}

// Fused is several Elems in one: what the fusion pass makes. Its arguments, its results and all values of Body
// have one Shape; Body holds only Elem, Const and Iota values.
type Fused struct {
	Shape Shape
	Body  *Func
}

func (f *Fused) String() string               { return fmt.Sprintf("fused(%v)", []int(f.Shape)) + f.Body.inline() }
func (f *Fused) Infer([]*Value) (Type, error) { return Type{}, nil }
func (f *Fused) Results(args []*Value) ([]Type, error) {
	if err := arity(args, len(f.Body.Params)); err != nil {
		return nil, err
	}
	for i, a := range args {
		if !a.Shape.Equal(f.Shape) {
			return nil, errors.Errorf("argument %d has shape %v, not %v", i, a.Shape, f.Shape)
		}
		if a.Dtype != f.Body.Params[i].Dtype {
			return nil, errors.Errorf("argument %d is %v, not %v", i, a.Dtype, f.Body.Params[i].Dtype)
		}
	}
	ts := make([]Type, len(f.Body.Results))
	for i, r := range f.Body.Results {
		ts[i] = Type{r.Dtype, f.Shape}
	}
	return ts, nil
}

// Tuple holds several values as one.
type Tuple struct{}

func (Tuple) String() string               { return "tuple" }
func (Tuple) Infer([]*Value) (Type, error) { return Type{}, nil }
func (Tuple) Results(args []*Value) ([]Type, error) {
	ts := make([]Type, len(args))
	for i, a := range args {
		ts[i] = a.Type
	}
	return ts, nil
}

// Proj takes result Index out of a tuple.
type Proj struct{ Index int }

func (p Proj) String() string { return fmt.Sprintf("proj(%d)", p.Index) }
func (p Proj) Infer(args []*Value) (Type, error) {
	if err := arity(args, 1); err != nil {
		return Type{}, err
	}
	if p.Index < 0 || p.Index >= len(args[0].Parts) {
		return Type{}, errors.Errorf("%v has %d results", args[0].Op, len(args[0].Parts))
	}
	return args[0].Parts[p.Index], nil
}
