// Package lower translates Gorgonia expression graphs into the IR.
//
// unroll's own op types know their translation: they implement Op. Gorgonia's built-in op types are recognised by what
// reflection reads of them (stock.go); any other op becomes a Host value that calls its Do method.
//
// The package knows op types only through these two doors; it must not import package op.
package lower

import (
	"reflect"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
)

// Op is implemented by op types that know their translation. Mistakes go to b.Fail.
type Op interface {
	G.Op
	Lower(b *ir.Builder, in []*ir.Value) *ir.Value
}

// Tuple is implemented by op types whose node may stand for several values, of which none is the node's own.
// (Gorgonia adds such nodes up, where derivatives meet.)
type Tuple interface{ Tuple() bool }

// Func translates the computation of outputs from inputs. Its parameters are the inputs, its results the outputs,
// both in order. Every leaf that the outputs need must be among the inputs or a constant, and Gorgonia must not have
// merged nodes, but for those in alike (CheckMerged). Floating-point values get the element type float.
func Func(float ir.Dtype, inputs, outputs G.Nodes, alike ...*G.Node) (*ir.Func, error) {
	f := &ir.Func{}
	values := map[*G.Node]*ir.Value{}
	for _, n := range inputs {
		t, err := TypeOf(n)
		if err != nil {
			return nil, err
		}
		if t.Dtype != tape.Int32 && t.Dtype != float {
			return nil, errors.Errorf("%s is %v in a program of %v", Describe(n), t.Dtype, float)
		}
		values[n] = f.AddParam(t, n.Name())
	}
	b := &ir.Builder{Float: float}
	if err := CheckMerged(Sorted(outputs), alike); err != nil {
		return nil, err
	}
	var hidden order
	for _, n := range sorted(outputs, values) {
		err := Guard(n, func() (err error) {
			values[n], err = node(b, n, values, hidden.before(n))
			return errors.Wrap(err, Describe(n))
		})
		if err != nil {
			return nil, errors.Wrap(err, "lowering")
		}
	}
	for _, n := range outputs {
		f.Results = append(f.Results, values[n])
	}
	return f, nil
}

// node translates n; before are the nodes that it must come after although it does not take them.
func node(b *ir.Builder, n *G.Node, values map[*G.Node]*ir.Value, before G.Nodes) (v *ir.Value, err error) {
	if n.Op() == nil {
		return nil, errors.New("it is an input that was not given; a step reaches outside values as constants of its Scan")
	}
	valuesOf := func(ns G.Nodes) []*ir.Value {
		vs := make([]*ir.Value, len(ns))
		for i, n := range ns {
			vs[i] = values[n]
		}
		return vs
	}
	in := valuesOf(Children(n))
	if op, ok := n.Op().(Op); ok {
		v, err = op.Lower(b, in), b.Err()
	} else {
		v, err = stock(b, n, in, valuesOf(before))
	}
	if err != nil {
		return nil, err
	}
	return v, check(n, v)
}

// Leaves lists what outputs depend on and has to be given: the inputs (nodes without an op), and the constants that
// are not one number, whose elements are given like an input's. They stand in the order in which a depth-first walk
// meets them.
func Leaves(outputs G.Nodes) G.Nodes {
	var leaves G.Nodes
	for _, n := range sorted(outputs, nil) {
		if n.Op() == nil || isTable(n) {
			leaves = append(leaves, n)
		}
	}
	return leaves
}

// Sorted lists all that roots depend on, children before parents.
func Sorted(roots G.Nodes) G.Nodes { return sorted(roots, nil) }

// sorted lists what roots depend on, children before parents and in the order that hidden state asks for (see order),
// without the nodes that have a value already and what only they need. It does not recurse: graphs unrolled over time
// are tens of thousands of nodes deep.
func sorted(roots G.Nodes, values map[*G.Node]*ir.Value) G.Nodes {
	type frame struct {
		n        *G.Node
		children G.Nodes
	}
	var sorted G.Nodes
	var hidden order
	seen := map[*G.Node]bool{}
	enter := func(stack []frame, n *G.Node) []frame {
		if seen[n] || values[n] != nil {
			return stack
		}
		seen[n] = true
		return append(stack, frame{n, append(Children(n), hidden.before(n)...)})
	}
	for _, r := range roots {
		stack := enter(nil, r)
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.children) == 0 {
				sorted = append(sorted, top.n)
				stack = stack[:len(stack)-1]
				continue
			}
			c := top.children[0]
			top.children = top.children[1:]
			stack = enter(stack, c)
		}
	}
	return sorted
}

var childrenField = func() []int {
	f, ok := reflect.TypeFor[G.Node]().FieldByName("children")
	if !ok || f.Type != reflect.TypeFor[G.Nodes]() {
		return nil
	}
	return f.Index
}()

// Children lists the arguments of a node's op, in order. Gorgonia keeps them in an unexported field, which reflection
// may read.
func Children(n *G.Node) G.Nodes {
	field := reflect.ValueOf(n).Elem().FieldByIndex(childrenField)
	children := make(G.Nodes, field.Len())
	for i := range children {
		children[i] = (*G.Node)(field.Index(i).UnsafePointer())
	}
	return children
}

// TypeOf is the type of a node's value.
func TypeOf(n *G.Node) (ir.Type, error) {
	if n == nil || n.Type() == nil {
		return ir.Type{}, errors.Errorf("%s has no value: it is a statement, or was returned to Gorgonia's pool of nodes",
			Describe(n))
	}
	element := n.Type()
	for t, ok := element.(G.TensorType); ok; t, ok = element.(G.TensorType) {
		element = t.Of // Gorgonia's DiagFlat is a matrix of what it is given, a matrix too
	}
	of, ok := element.(tensor.Dtype)
	if !ok {
		return ir.Type{}, errors.Errorf("%s is of the type %v, which is no tensor of numbers", Describe(n), n.Type())
	}
	d, err := DtypeOf(of)
	if err != nil {
		return ir.Type{}, errors.Wrap(err, Describe(n))
	}
	return ir.Type{Dtype: d, Shape: ir.Shape(n.Shape())}, nil
}

// DtypeOf is the element type that holds a Gorgonia type. Integers of all types are held as Int32, and a number that
// does not fit is an error when it appears; bool is held as 0 or 1 in Int32.
func DtypeOf(d tensor.Dtype) (ir.Dtype, error) {
	switch d {
	case tensor.Float32:
		return tape.Float32, nil
	case tensor.Float64:
		return tape.Float64, nil
	case tensor.Int32, tensor.Int, tensor.Int64, tensor.Int16, tensor.Int8,
		tensor.Uint8, tensor.Uint16, tensor.Uint32, tensor.Uint64, tensor.Bool:
		return tape.Int32, nil
	}
	return 0, errors.Errorf("element type %v is not supported; use float32, float64, integers or bool", d)
}
