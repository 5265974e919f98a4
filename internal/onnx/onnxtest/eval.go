package onnxtest

import (
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/onnx"
)

// Tensor is a value: its elements, of whatever type, are held as float64.
type Tensor struct {
	Type onnx.Type
	Dims []int
	Data []float64
}

// Floats, Ints and Int are tensors to give to a model.
func Floats(data []float32, dims ...int) *Tensor {
	t := &Tensor{onnx.Float, dims, make([]float64, len(data))}
	for i, x := range data {
		t.Data[i] = float64(x)
	}
	return t
}
func Ints(data []int32, dims ...int) *Tensor {
	t := &Tensor{onnx.Int32, dims, make([]float64, len(data))}
	for i, x := range data {
		t.Data[i] = float64(x)
	}
	return t
}
func Int(x int32) *Tensor { return Ints([]int32{x}) }

// Run computes the outputs of a file.
func Run(file []byte, inputs map[string]*Tensor) (map[string]*Tensor, error) {
	m, err := Decode(file)
	if err != nil {
		return nil, err
	}
	g := m.Graph
	if len(inputs) != len(g.Inputs) {
		return nil, errors.Errorf("%d inputs are given of %d", len(inputs), len(g.Inputs))
	}
	sizes := map[string]int{}
	for _, v := range g.Inputs {
		if err := fits(v, inputs[v.Name], sizes); err != nil {
			return nil, err
		}
	}
	out, err := evalGraph(g, inputs)
	if err != nil {
		return nil, err
	}
	byName := map[string]*Tensor{}
	for i, v := range g.Outputs {
		if err := fits(v, out[i], sizes); err != nil {
			return nil, err
		}
		byName[v.Name] = out[i]
	}
	return byName, nil
}

// fits says whether a tensor is what a model declares.
func fits(v onnx.Value, t *Tensor, sizes map[string]int) error {
	if t == nil || t.Type != v.Type || len(t.Dims) != len(v.Dims) {
		return errors.Errorf("%s is %+v, declared as %+v", v.Name, t, v)
	}
	for i, d := range v.Dims {
		want := d.Size
		if d.Name != "" {
			if want = sizes[d.Name]; want == 0 {
				sizes[d.Name], want = t.Dims[i], t.Dims[i]
			}
		}
		if want > 0 && want != t.Dims[i] {
			return errors.Errorf("%s has shape %v, declared as %v", v.Name, t.Dims, v.Dims)
		}
	}
	return nil
}

// evalGraph computes the outputs of a graph that sees the values of visible.
func evalGraph(g *onnx.Graph, visible map[string]*Tensor) ([]*Tensor, error) {
	at := map[string]*Tensor{}
	for name, t := range visible {
		at[name] = t
	}
	for _, c := range g.Constant {
		t := &Tensor{Dims: c.Dims}
		switch data := c.Data.(type) {
		case []float32:
			t = Floats(data, c.Dims...)
		case []int32:
			t = Ints(data, c.Dims...)
		case []int64:
			t.Type = onnx.Int64
			for _, x := range data {
				t.Data = append(t.Data, float64(x))
			}
		}
		at[c.Name] = t
	}
	for _, n := range g.Nodes {
		out, err := evalNode(&node{Node: n, visible: at})
		if err != nil {
			return nil, errors.Wrapf(err, "%s %v", n.Op, n.Outputs)
		}
		if len(out) < len(n.Outputs) {
			return nil, errors.Errorf("%s has %d results, not %d", n.Op, len(out), len(n.Outputs))
		}
		for i, name := range n.Outputs {
			at[name] = out[i]
		}
	}
	out := make([]*Tensor, len(g.Outputs))
	for i, v := range g.Outputs {
		if out[i] = at[v.Name]; out[i] == nil {
			return nil, errors.Errorf("there is no output %s", v.Name)
		}
	}
	return out, nil
}

// node is an operator with the values that it may take.
type node struct {
	onnx.Node
	visible map[string]*Tensor
}

// in is input i; nil if it is left out.
func (n *node) in(i int) *Tensor {
	if i >= len(n.Inputs) || n.Inputs[i] == "" {
		return nil
	}
	return n.visible[n.Inputs[i]]
}

func (n *node) attribute(name string, usual any) any {
	for _, a := range n.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return usual
}

func (n *node) int(name string, usual int) int { return n.attribute(name, usual).(int) }

// ints are the elements of an input of integers.
func (t *Tensor) ints() []int {
	xs := make([]int, len(t.Data))
	for i, x := range t.Data {
		xs[i] = int(x)
	}
	return xs
}

var unary = map[string]func(float64) float64{
	"Abs": math.Abs, "Neg": func(x float64) float64 { return -x }, "Floor": math.Floor, "Ceil": math.Ceil,
	"Sqrt": math.Sqrt, "Exp": math.Exp, "Log": math.Log, "Sin": math.Sin, "Cos": math.Cos, "Tanh": math.Tanh,
	"Sigmoid": sigmoid,
	"Not":     func(x float64) float64 { return 1 - x }, "Identity": func(x float64) float64 { return x },
	"Sign": func(x float64) float64 { return truth(x > 0) - truth(x < 0) },
}

var binaries = map[string]func(x, y float64) float64{
	"Add": func(x, y float64) float64 { return x + y }, "Sub": func(x, y float64) float64 { return x - y },
	"Mul": func(x, y float64) float64 { return x * y }, "Div": func(x, y float64) float64 { return x / y },
	"Pow":         math.Pow,
	"Max":         func(x, y float64) float64 { return max(x, y) },
	"Min":         func(x, y float64) float64 { return min(x, y) },
	"Less":        func(x, y float64) float64 { return truth(x < y) },
	"LessOrEqual": func(x, y float64) float64 { return truth(x <= y) },
	"Equal":       func(x, y float64) float64 { return truth(x == y) },
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// evalNode computes the results of an operator.
func evalNode(n *node) ([]*Tensor, error) {
	for i, name := range n.Inputs {
		if name != "" && n.in(i) == nil {
			return nil, errors.Errorf("the input %s is not there", name)
		}
	}
	if f := unary[n.Op]; f != nil {
		return one(elementwise(func(x ...float64) float64 { return f(x[0]) }, n.in(0).Type, n.in(0)))
	}
	if f := binaries[n.Op]; f != nil {
		of := n.in(0).Type
		if n.in(1).Type != of {
			return nil, errors.Errorf("the types %v and %v differ", of, n.in(1).Type)
		}
		if n.Op == "Equal" || n.Op == "Less" || n.Op == "LessOrEqual" {
			of = onnx.Bool
		}
		return one(elementwise(func(x ...float64) float64 { return f(x[0], x[1]) }, of, n.in(0), n.in(1)))
	}
	switch n.Op {
	case "Cast":
		return one(cast(n.in(0), onnx.Type(n.int("to", 0))))
	case "Where":
		if n.in(0).Type != onnx.Bool || n.in(1).Type != n.in(2).Type {
			return nil, errors.New("the types do not fit")
		}
		return one(elementwise(func(x ...float64) float64 {
			if x[0] != 0 {
				return x[1]
			}
			return x[2]
		}, n.in(1).Type, n.in(0), n.in(1), n.in(2)))
	case "Scan":
		return scan(n)
	case "Loop":
		return loop(n)
	case "LSTM", "GRU", "RNN":
		return recurrent(n)
	}
	if f := shapes[n.Op]; f != nil {
		return one(f(n))
	}
	if f := products[n.Op]; f != nil {
		return one(f(n))
	}
	return nil, errors.New("the evaluator does not know this operator")
}

func one(t *Tensor, err error) ([]*Tensor, error) { return []*Tensor{t}, err }

func cast(x *Tensor, to onnx.Type) (*Tensor, error) {
	t := &Tensor{to, x.Dims, slices.Clone(x.Data)}
	for i, v := range t.Data {
		switch to {
		case onnx.Bool:
			t.Data[i] = truth(v != 0)
		case onnx.Int32, onnx.Int64:
			t.Data[i] = math.Trunc(v)
		}
	}
	return t, nil
}

// elementwise broadcasts as NumPy does.
func elementwise(f func(x ...float64) float64, of onnx.Type, in ...*Tensor) (*Tensor, error) {
	dims := []int{}
	for _, x := range in {
		var ok bool
		if dims, ok = broadcast(dims, x.Dims); !ok {
			return nil, errors.Errorf("shapes do not fit: %v", x.Dims)
		}
	}
	t := &Tensor{of, dims, make([]float64, size(dims))}
	args := make([]float64, len(in))
	each(dims, func(i int, at []int) {
		for k, x := range in {
			args[k] = x.at(at)
		}
		t.Data[i] = f(args...)
	})
	return t, nil
}

// at is an element of a tensor that is broadcast.
func (t *Tensor) at(index []int) float64 {
	o, lead := 0, len(index)-len(t.Dims)
	for k, d := range t.Dims {
		i := index[lead+k]
		if d == 1 {
			i = 0
		}
		o = o*d + i
	}
	return t.Data[o]
}

func broadcast(a, b []int) ([]int, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	a = slices.Clone(a)
	lead := len(a) - len(b)
	for i, d := range b {
		switch {
		case a[lead+i] == 1:
			a[lead+i] = d
		case d != 1 && d != a[lead+i]:
			return nil, false
		}
	}
	return a, true
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// each calls f with every index, in row-major order.
func each(dims []int, f func(i int, at []int)) {
	at := make([]int, len(dims))
	for i := range size(dims) {
		rest := i
		for k := len(dims) - 1; k >= 0; k-- {
			at[k] = rest % dims[k]
			rest /= dims[k]
		}
		f(i, at)
	}
}

func offset(dims, at []int) int {
	o := 0
	for k, d := range dims {
		o = o*d + at[k]
	}
	return o
}

// Operators are how often a file has each operator, in the bodies of loops too.
func Operators(file []byte) (map[string]int, error) {
	m, err := Decode(file)
	if err != nil {
		return nil, err
	}
	n := map[string]int{}
	var count func(g *onnx.Graph)
	count = func(g *onnx.Graph) {
		for _, x := range g.Nodes {
			n[x.Op]++
			for _, a := range x.Attributes {
				if body, ok := a.Value.(*onnx.Graph); ok {
					count(body)
				}
			}
		}
	}
	count(m.Graph)
	return n, nil
}

// With is a tensor of the same type and shape with other elements.
func (t *Tensor) With(data []float64) *Tensor { return &Tensor{t.Type, t.Dims, data} }
