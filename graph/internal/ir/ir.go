// Package ir is the compiler's language: typed values in static single assignment form.
//
// A Func is a graph of values without side effects; a value is an operation applied to other values, with an
// element type and a shape that New checks and infers. Nothing is scheduled and nothing has a place in memory:
// package plan decides both. Recurrences are Loop values with a Func as body. Passes (package opt) make new
// values and never change old ones.
//
// The package knows neither Gorgonia nor devices; from package tape it takes the vocabulary (element types,
// scalar functions).
package ir

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Dtype is the element type of a value.
type Dtype = tape.Dtype

// Shape is a list of dimensions; the empty list is a scalar.
type Shape []int

// Size is the number of elements.
func (s Shape) Size() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// Equal reports whether the shapes are the same.
func (s Shape) Equal(o Shape) bool { return slices.Equal(s, o) }

// With is s with the leading dimension n put before it.
func (s Shape) With(n int) Shape { return append(Shape{n}, s...) }

// Type is what is known of a value before it is computed.
type Type struct {
	Dtype Dtype
	Shape Shape
}

func (t Type) String() string { return fmt.Sprintf("%v%v", t.Dtype, []int(t.Shape)) }

// Op is an operation. Its String tells everything about it (two operations with the same String do the same to the same
// arguments), which makes dumps lossless and lets passes compare operations.
type Op interface {
	fmt.Stringer
	// Infer checks the arguments and gives the type of the result.
	Infer(args []*Value) (Type, error)
}

// MultiOp is an operation with several results. A value of it is a tuple; Proj takes the results out.
type MultiOp interface {
	Op
	// Results gives the types of all results. Infer gives the zero Type.
	Results(args []*Value) ([]Type, error)
}

// Value is an operation applied to arguments. It is immutable.
type Value struct {
	Op   Op
	Args []*Value
	Type
	Parts []Type // of the results of a MultiOp
	Name  string // what the user called it, for dumps and errors; may be empty
}

// New applies op to args. An argument of the wrong type or shape is an error.
func New(op Op, args ...*Value) (*Value, error) {
	if m, ok := op.(MultiOp); ok {
		parts, err := m.Results(args)
		if err != nil {
			return nil, errors.Wrap(err, op.String())
		}
		return &Value{Op: op, Args: args, Parts: parts}, nil
	}
	t, err := op.Infer(args)
	if err != nil {
		return nil, errors.Wrap(err, op.String())
	}
	return &Value{Op: op, Args: args, Type: t}, nil
}

// Named gives the value a name if it has none yet and returns it. Call it only on a value that was just made.
func (v *Value) Named(name string) *Value {
	if v.Name == "" {
		v.Name = name
	}
	return v
}

// IsConst reports whether every element of v is known to be the number c.
func (v *Value) IsConst(c float64) bool {
	k, ok := v.Op.(Const)
	return ok && k.Value == c
}

// Func is a function: the whole program, or the body of a Loop. All values that Results need must in the end be Params.
type Func struct {
	Params  []*Value // each with Op Param{i}
	Results []*Value

	order   []*Value // what Values found
	ordered []*Value // the results then
}

// Param is the i-th parameter of a Func.
type Param struct {
	Index int
	Of    Type
}

func (p Param) String() string                { return fmt.Sprintf("param(%d)", p.Index) }
func (p Param) Infer([]*Value) (Type, error)  { return p.Of, nil }
func isParam(v *Value) (i int, ok bool)       { p, ok := v.Op.(Param); return p.Index, ok }
func NewParam(i int, t Type, n string) *Value { return &Value{Op: Param{i, t}, Type: t, Name: n} }

// AddParam appends a parameter to f.
func (f *Func) AddParam(t Type, name string) *Value {
	p := NewParam(len(f.Params), t, name)
	f.Params = append(f.Params, p)
	return p
}

// Values lists the values that the results need, arguments before users, in an order that depends on the
// structure alone. It remembers the list, which must not be changed; a Func is not safe for use by several
// goroutines.
func (f *Func) Values() []*Value {
	if f.order != nil && slices.Equal(f.ordered, f.Results) {
		return f.order
	}
	var order []*Value
	seen := map[*Value]bool{}
	var visit func(v *Value)
	visit = func(v *Value) {
		if seen[v] {
			return
		}
		seen[v] = true
		for _, a := range v.Args {
			visit(a)
		}
		order = append(order, v)
	}
	for _, r := range f.Results {
		visit(r)
	}
	f.order, f.ordered = slices.Clip(order), slices.Clone(f.Results)
	return f.order
}

// Users counts how often each value is an argument or a result.
func (f *Func) Users() map[*Value]int {
	n := map[*Value]int{}
	for _, v := range f.Values() {
		for _, a := range v.Args {
			n[a]++
		}
	}
	for _, r := range f.Results {
		n[r]++
	}
	return n
}

// Verify checks that f is well formed: every Param reached is its own, types agree with a new inference, loops
// bodies hold.
func (f *Func) Verify() error {
	for i, p := range f.Params {
		if j, ok := isParam(p); !ok || i != j {
			return errors.Errorf("parameter %d is %v", i, p.Op)
		}
	}
	for _, v := range f.Values() {
		if i, ok := isParam(v); ok {
			if i >= len(f.Params) || f.Params[i] != v {
				return errors.Errorf("%v %q belongs to another function", v.Op, v.Name)
			}
			continue
		}
		w, err := New(v.Op, v.Args...)
		if err != nil {
			return err
		}
		if w.Dtype != v.Dtype || !w.Shape.Equal(v.Shape) {
			return errors.Errorf("%v has type %v, inferred %v", v.Op, v.Type, w.Type)
		}
		if l, ok := v.Op.(*Loop); ok {
			if err := l.Body.Verify(); err != nil {
				return errors.Wrap(err, l.String())
			}
		}
	}
	return nil
}

func arity(args []*Value, n int) error {
	if len(args) != n {
		return errors.Errorf("wants %d arguments, got %d", n, len(args))
	}
	return nil
}
