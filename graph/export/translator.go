package export

import (
	"fmt"
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/onnx"
)

// scope is a graph of the model: the main one, or the body of a loop.
type scope struct {
	outer *scope // nil: the main one
	graph *onnx.Graph
}

// within says whether values of o can be seen in s.
func (s *scope) within(o *scope) bool {
	for ; s != nil; s = s.outer {
		if s == o {
			return true
		}
	}
	return false
}

// value is a value of the model, and the graph that has it. The name of an input that is left out is "".
type value struct {
	name string
	in   *scope
}

// translator makes the graph of a model. It keeps the first error; after one all methods return values without meaning.
type translator struct {
	m        *Model
	standard []Standard
	ordered  map[gatesOf][]float32 // weights of both declarations in the order of operators
	main     *scope
	frame    *frame
	result   map[*G.Node]*ir.Value // of the nodes that are wanted
	names    map[string]int
	constant map[any]value
	computed map[int]value // sizes
	lengths  map[*ir.Value]lengths
	weights  map[*G.Node]value
	whiles   map[*while][]value
	err      error
}

// frame is a function of the program while it is translated. What its parameters are in the model is only asked for
// when they are used.
type frame struct {
	outer  *frame // nil: the main one
	bind   []func() value
	values map[*ir.Value]value
	truths map[*ir.Value]value // those of them that are truth values there
	loops  map[*ir.Value][]value
	used   map[*ir.Value]map[int]bool // which results of a loop are used
}

func newTranslator(m *Model, o Options, ordered map[gatesOf][]float32) *translator {
	t := &translator{
		m: m, standard: o.Standard, ordered: ordered, main: &scope{graph: &onnx.Graph{Name: o.Name}},
		result: map[*G.Node]*ir.Value{}, names: map[string]int{}, constant: map[any]value{}, computed: map[int]value{},
		lengths: map[*ir.Value]lengths{}, weights: map[*G.Node]value{}, whiles: map[*while][]value{},
	}
	for _, n := range m.inputs {
		t.names[n.Name()]++
	}
	for _, n := range m.weights {
		t.names[n.Name()]++
	}
	for _, out := range m.outputs {
		t.names[out.name]++
	}
	for _, l := range m.loops {
		l.body = &scope{outer: t.main, graph: &onnx.Graph{Name: l.name}}
	}
	return t
}

func newFrame(outer *frame, f *ir.Func, bind []func() value) *frame {
	fr := &frame{
		outer: outer, bind: bind, values: map[*ir.Value]value{}, truths: map[*ir.Value]value{},
		loops: map[*ir.Value][]value{}, used: map[*ir.Value]map[int]bool{},
	}
	for _, v := range f.Values() {
		if p, ok := v.Op.(ir.Proj); ok {
			of := v.Args[0]
			if fr.used[of] == nil {
				fr.used[of] = map[int]bool{}
			}
			fr.used[of][p.Index] = true
		}
	}
	return fr
}

func (t *translator) fail(err error) value {
	if t.err == nil {
		t.err = err
	}
	return value{"", t.main}
}

// name makes a name that nothing else in the model has.
func (t *translator) name(like string) string {
	for {
		t.names[like]++
		name := fmt.Sprintf("%s_%d", like, t.names[like])
		if t.names[name] == 0 {
			t.names[name]++
			return name
		}
	}
}

// attributes are pairs of a name and a value.
func attributes(pairs ...any) []onnx.Attribute {
	var as []onnx.Attribute
	for i := 0; i < len(pairs); i += 2 {
		as = append(as, onnx.Attribute{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	return as
}

// none is an input that is left out.
func (t *translator) none() value { return value{"", t.main} }

// emit adds an operator with one result.
func (t *translator) emit(op string, as []onnx.Attribute, in ...value) value {
	return t.emits(op, 1, as, in...)[0]
}

// emits adds an operator to the outermost graph that can see its inputs: what does not depend on a step is computed
// before the loop.
func (t *translator) emits(op string, results int, as []onnx.Attribute, in ...value) []value {
	return t.emitsIn(t.deepest(in), op, results, as, in...)
}

// emitsIn adds an operator to a graph.
func (t *translator) emitsIn(at *scope, op string, results int, as []onnx.Attribute, in ...value) []value {
	out := make([]value, results)
	node := onnx.Node{Op: op, Attributes: as}
	for _, v := range in {
		node.Inputs = append(node.Inputs, v.name)
	}
	for i := range out {
		out[i] = value{t.name(op), at}
		node.Outputs = append(node.Outputs, out[i].name)
	}
	at.graph.Nodes = append(at.graph.Nodes, node)
	return out
}

// deepest is the outermost graph that can see values.
func (t *translator) deepest(vs []value) *scope {
	at := t.main
	for _, v := range vs {
		switch {
		case v.in.within(at):
			at = v.in
		case !at.within(v.in):
			t.fail(errors.New("a value of one loop is used in another: make it a result of the first"))
		}
	}
	return at
}

// add adds a constant.
func (t *translator) add(key any, name string, data any, dims ...int) value {
	if v, ok := t.constant[key]; ok {
		return v
	}
	v := value{name, t.main}
	t.main.graph.Constant = append(t.main.graph.Constant, onnx.Tensor{Name: name, Dims: dims, Data: data})
	t.constant[key] = v
	return v
}

// vector is a vector of integers of 64 bits, as operators take shapes and axes.
func (t *translator) vector(xs ...int) value {
	key := fmt.Sprint("vector", xs)
	if v, ok := t.constant[key]; ok {
		return v
	}
	data := make([]int64, len(xs))
	for i, x := range xs {
		data[i] = int64(x)
	}
	return t.add(key, t.name("integers"), data, len(xs))
}

// scalar is a number of a type.
func (t *translator) scalar(x float64, of tape.Dtype) value {
	type key struct {
		bits uint64
		of   tape.Dtype
	}
	k := key{math.Float64bits(x), of}
	if v, ok := t.constant[k]; ok {
		return v
	}
	if of == tape.Int32 {
		return t.add(k, t.name("integer"), []int32{int32(x)})
	}
	return t.add(k, t.name("number"), []float32{float32(x)})
}

// integer is a number of 64 bits, without dimensions.
func (t *translator) integer(x int) value {
	key := fmt.Sprint("integer", x)
	if v, ok := t.constant[key]; ok {
		return v
	}
	return t.add(key, t.name("integer"), []int64{int64(x)})
}

// weight is a weight as it is.
func (t *translator) weight(n *G.Node) value {
	if v, ok := t.weights[n]; ok {
		return v
	}
	t.weights[n] = t.add(n, n.Name(), t.m.data[n], n.Shape()...)
	return t.weights[n]
}

var types = map[tape.Dtype]onnx.Type{tape.Float32: onnx.Float, tape.Int32: onnx.Int32}

// cast converts to a type of the format.
func (t *translator) cast(v value, to onnx.Type) value {
	return t.emit("Cast", attributes("to", int(to)), v)
}

// take declares the inputs of the model.
func (t *translator) take(inputs G.Nodes) {
	for _, n := range inputs {
		of := ir.Type{Dtype: tape.Float32, Shape: ir.Shape(n.Shape())}
		if n.Dtype() == tensor.Int32 {
			of.Dtype = tape.Int32
		}
		t.main.graph.Inputs = append(t.main.graph.Inputs, t.declaration(n.Name(), of))
	}
}

// give makes a value an output of the model.
func (t *translator) give(name string, v *ir.Value) {
	x := t.value(v)
	if x.in != t.main {
		t.fail(errors.Errorf("the output %s is a value of a step of a loop: make it a result of the loop", name))
		return
	}
	node := onnx.Node{Op: "Identity", Inputs: []string{x.name}, Outputs: []string{name}}
	t.main.graph.Nodes = append(t.main.graph.Nodes, node)
	t.main.graph.Outputs = append(t.main.graph.Outputs, t.declaration(name, v.Type))
}

// declaration says what a value is that a graph takes or gives.
func (t *translator) declaration(name string, of ir.Type) onnx.Value {
	return onnx.Value{Name: name, Type: types[of.Dtype], Dims: t.m.sizes.dims(of.Shape)}
}
