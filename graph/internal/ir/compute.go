package ir

import (
	"fmt"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Product is op(A)·op(B) of two matrices (M×K, K×N), or of two stacks of N matrices each (N×M×K, N×K×N). The Trans
// flags say that the last two dimensions of the operand are exchanged.
//
// With Need there is a third argument, M or N×M numbers, integers or not: of a row whose number is 0 nothing is used, and
// what it holds, which is finite, is not specified. The last of the passes (package opt) makes such products, and no other
// knows them.
type Product struct{ TransA, TransB, Need bool }

func (o Product) String() string {
	t, n := map[bool]string{true: "ᵀ"}, map[bool]string{true: " where c"}
	return fmt.Sprintf("product(a%s·b%s%s)", t[o.TransA], t[o.TransB], n[o.Need])
}
func (o Product) Infer(args []*Value) (Type, error) {
	n := 2
	if o.Need {
		n = 3
	}
	if err := arity(args, n); err != nil {
		return Type{}, err
	}
	t, err := o.of(args[0], args[1])
	if rows := len(t.Shape) - 1; err == nil && o.Need && !args[2].Shape.Equal(t.Shape[:rows]) {
		err = errors.Errorf("%v does not say which rows of %v are needed", args[2].Type, t)
	}
	return t, err
}

func (o Product) of(a, b *Value) (Type, error) {
	r := len(a.Shape)
	if r != len(b.Shape) || r < 2 || r > 3 || a.Dtype != b.Dtype || a.Dtype == tape.Int32 {
		return Type{}, errors.Errorf("%v and %v have no product", a.Type, b.Type)
	}
	m, k := a.Shape[r-2], a.Shape[r-1]
	if o.TransA {
		m, k = k, m
	}
	k2, n := b.Shape[r-2], b.Shape[r-1]
	if o.TransB {
		k2, n = n, k2
	}
	if k != k2 || r == 3 && a.Shape[0] != b.Shape[0] {
		return Type{}, errors.Errorf("%v and %v do not fit", a.Shape, b.Shape)
	}
	return Type{a.Dtype, append(append(Shape{}, a.Shape[:r-2]...), m, n)}, nil
}

// Reduce sums (or takes the maximum) over Axes, which are increasing and disappear.
type Reduce struct {
	Fn   tape.ReduceFn
	Axes []int
}

func (o Reduce) String() string { return fmt.Sprintf("%v(%v)", o.Fn, o.Axes) }
func (o Reduce) Infer(args []*Value) (Type, error) {
	if err := arity(args, 1); err != nil {
		return Type{}, err
	}
	x, s, k := args[0], Shape{}, 0
	if x.Dtype == tape.Int32 {
		return Type{}, errors.New("integers are not reduced")
	}
	for i, d := range x.Shape {
		if k < len(o.Axes) && o.Axes[k] == i {
			k++
			continue
		}
		s = append(s, d)
	}
	if k != len(o.Axes) {
		return Type{}, errors.Errorf("axes do not fit %v", x.Shape)
	}
	return Type{x.Dtype, s}, nil
}

// Rows is a function of the rows (the last dimension) of its first argument; see tape.Rows for what the kinds compute
// and which arguments they take. Dimensions before the last are rows.
type Rows struct {
	Kind      tape.RowsKind
	Mask      bool // the last argument is a mask
	Smoothing float64
}

func (o Rows) String() string {
	s := o.Kind.String()
	if o.Mask {
		s += ":masked"
	}
	if o.Smoothing != 0 {
		s += fmt.Sprintf(":smoothing(%g)", o.Smoothing)
	}
	return s
}
func (o Rows) Infer(args []*Value) (Type, error) {
	want := map[tape.RowsKind]int{tape.SoftmaxGrad: 2, tape.LogSoftmaxGrad: 2, tape.CrossEntropy: 2,
		tape.CrossEntropyGrad: 3}[o.Kind]
	if want == 0 {
		want = 1
	}
	if o.Mask {
		if o.Kind != tape.Softmax && o.Kind != tape.CrossEntropy && o.Kind != tape.CrossEntropyGrad {
			return Type{}, errors.New("takes no mask")
		}
		want++
	}
	if err := arity(args, want); err != nil {
		return Type{}, err
	}
	x := args[0]
	if len(x.Shape) == 0 {
		return Type{}, errors.New("a scalar has no rows")
	}
	rows := x.Shape[:len(x.Shape)-1]
	for i, a := range args[1:] {
		shape, dtype := rows, x.Dtype
		switch {
		case o.Kind <= tape.LogSoftmaxGrad:
			shape = x.Shape
		case i == 0:
			dtype = tape.Int32
		}
		if !a.Shape.Equal(shape) || a.Dtype != dtype {
			return Type{}, errors.Errorf("argument %d is %v, wants %v", i+1, a.Type, Type{dtype, shape})
		}
	}
	switch o.Kind {
	case tape.CrossEntropy:
		return Type{x.Dtype, rows}, nil
	case tape.Argmax:
		return Type{tape.Int32, rows}, nil
	}
	return x.Type, nil
}

// Gather looks up rows: (table V×D..., index N...) -> N...×D....
type Gather struct{}

func (Gather) String() string { return "gather" }
func (Gather) Infer(args []*Value) (Type, error) {
	if err := arity(args, 2); err != nil {
		return Type{}, err
	}
	table, index := args[0], args[1]
	if index.Dtype != tape.Int32 || len(table.Shape) == 0 {
		return Type{}, errors.Errorf("%v cannot be looked up by %v", table.Type, index.Type)
	}
	return Type{table.Dtype, append(append(Shape{}, index.Shape...), table.Shape[1:]...)}, nil
}

// ScatterAdd is the derivative of Gather: (index N..., g N...×D...) -> Rows×D..., where the rows of g with the same
// index are added.
type ScatterAdd struct{ Rows int }

func (o ScatterAdd) String() string { return fmt.Sprintf("scatteradd(%d)", o.Rows) }
func (o ScatterAdd) Infer(args []*Value) (Type, error) {
	if err := arity(args, 2); err != nil {
		return Type{}, err
	}
	index, g := args[0], args[1]
	n := len(index.Shape)
	if index.Dtype != tape.Int32 || g.Dtype == tape.Int32 || len(g.Shape) < n || !g.Shape[:n].Equal(index.Shape) {
		return Type{}, errors.Errorf("%v cannot be added at %v", g.Type, index.Type)
	}
	return Type{g.Dtype, g.Shape[n:].With(o.Rows)}, nil
}

// Put replaces rows of a table: (table V×D..., index N..., rows N...×D...) -> V×D..., where of rows with the same index
// the last counts.
type Put struct{}

func (Put) String() string { return "put" }
func (Put) Infer(args []*Value) (Type, error) {
	if err := arity(args, 3); err != nil {
		return Type{}, err
	}
	table, index, rows := args[0], args[1], args[2]
	if index.Dtype == tape.Int32 && len(table.Shape) > 0 && rows.Dtype == table.Dtype &&
		rows.Shape.Equal(append(append(Shape{}, index.Shape...), table.Shape[1:]...)) {
		return table.Type, nil
	}
	return Type{}, errors.Errorf("%v cannot be put at %v of %v", rows.Type, index.Type, table.Type)
}

// Random is uniform numbers in [0, 1): (keys N...×4) -> N...×Shape; see tape.Random.
type Random struct {
	Stream uint32
	Of     Type // of one draw
}

func (o Random) String() string { return fmt.Sprintf("random(stream %d, %v)", o.Stream, o.Of) }
func (o Random) Infer(args []*Value) (Type, error) {
	if err := arity(args, 1); err != nil {
		return Type{}, err
	}
	k := args[0]
	n := len(k.Shape)
	if k.Dtype != tape.Int32 || n == 0 || k.Shape[n-1] != 4 {
		return Type{}, errors.Errorf("%v are not keys", k.Type)
	}
	return Type{o.Of.Dtype, append(append(Shape{}, k.Shape[:n-1]...), o.Of.Shape...)}, nil
}

// Host calls a Go function; see tape.Host. ID makes it unique: two Host values with different functions have
// different IDs.
//
// The last After arguments are not given to the function. They only have to be computed before it is called: it reads
// what their functions left in memory of their own.
type Host struct {
	Name  string
	ID    int
	Of    Type
	Fn    func(out, in []any) error
	After int
}

// Given are the arguments that the function gets.
func (o *Host) Given(args []*Value) []*Value { return args[:len(args)-o.After] }

func (o *Host) String() string {
	if o.After > 0 {
		return fmt.Sprintf("host(%s#%d, after %d)", o.Name, o.ID, o.After)
	}
	return fmt.Sprintf("host(%s#%d)", o.Name, o.ID)
}
func (o *Host) Infer(args []*Value) (Type, error) {
	if o.After > len(args) {
		return Type{}, errors.Errorf("wants %d arguments to come after, got %d", o.After, len(args))
	}
	return o.Of, nil
}

// AllReduce is the sum over processes: (x, when scalar) -> x; see tape.AllReduce. ID makes it unique, as that of Host.
type AllReduce struct {
	ID  int
	Sum func(data any) error
}

func (o *AllReduce) String() string { return fmt.Sprintf("allreduce(#%d)", o.ID) }
func (o *AllReduce) Infer(args []*Value) (Type, error) {
	if err := arity(args, 2); err != nil {
		return Type{}, err
	}
	x, when := args[0], args[1]
	if x.Dtype == tape.Int32 || when.Dtype != x.Dtype || len(when.Shape) > 0 {
		return Type{}, errors.Errorf("%v cannot be summed if %v", x.Type, when.Type)
	}
	return x.Type, nil
}
