// Package export writes computations of Gorgonia graphs as ONNX models, for other runtimes.
//
// A graph has sizes, such as that of a batch, that are fixed when it is built; in the model they may be any. So the
// graph is declared with sizes that stand for names (Model.Size), and whatever depends on them in the program becomes
// a computation on the sizes that the model finds in its inputs. To be sure, it is declared a second time with other
// sizes: both must give the same model.
//
// What is translated is the program that the compiler starts from. Any operation that it knows has a translation, so
// that cells of anybody can be written; a scan becomes the operator Scan, or one of the operators LSTM, GRU and RNN
// where its step is what they compute (Standard). The package knows no model.
package export

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/internal/lower"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/onnx"
)

// Options say what is written besides a graph.
type Options struct {
	Name     string     // of the graph
	Metadata []Entry    // what the model says of itself
	Standard []Standard // the steps of scans that become operators
}

// Entry is what a model says of itself: a Key and its Value, both strings.
type Entry = onnx.Entry

// TooLargeError says that a model does not fit in a file.
type TooLargeError = onnx.TooLargeError

// Model is a model while its graph is declared.
type Model struct {
	*op.Builder // of the graph

	sizes   sizes
	inputs  G.Nodes
	outputs []output
	weights G.Nodes
	data    map[*G.Node][]float32
	loops   []*while
	err     error
}

type output struct {
	name string
	node *G.Node
}

// Write writes the model that declare declares, and says what it takes and gives. It calls declare twice: see the
// package.
func Write(w io.Writer, o Options, declare func(m *Model) error) (*Ports, error) {
	if w == nil || declare == nil {
		return nil, errors.New("exporting a model needs a writer and a declaration: one is nil")
	}
	for i := range o.Standard {
		if err := o.Standard[i].check(); err != nil {
			return nil, errors.Wrapf(err, "standard step %d", i)
		}
	}
	graphs, ordered := make([]*onnx.Graph, len(witnesses)), map[gatesOf][]float32{}
	for i, values := range witnesses {
		m := &Model{Builder: op.New(G.NewGraph()), sizes: sizes{values: values}, data: map[*G.Node][]float32{}}
		if err := declare(m); err != nil {
			return nil, err
		}
		var err error
		if graphs[i], err = m.translate(o, ordered); err != nil {
			return nil, errors.Wrap(err, "exporting")
		}
	}
	if !reflect.DeepEqual(graphs[0], graphs[1]) {
		return nil, errors.New("exporting: the model computes with a size that its callers choose, such as a mean " +
			"over the batch or over time, which a graph has as a number: sum a mask instead")
	}
	model := onnx.Model{Producer: "unroll", Graph: graphs[0], Metadata: o.Metadata}
	return &Ports{ports(graphs[0].Inputs), ports(graphs[0].Outputs)}, model.Write(w)
}

// Ports are what a model takes and gives, in the order of their declaration.
type Ports struct{ Inputs, Outputs []Port }

// String has a line for each.
func (p *Ports) String() string {
	var b strings.Builder
	for _, x := range p.Inputs {
		fmt.Fprintf(&b, "  takes %v\n", x)
	}
	for _, x := range p.Outputs {
		fmt.Fprintf(&b, "  gives %v\n", x)
	}
	return b.String()
}

// Port is an input or output of a model.
type Port struct {
	Name string
	Type string   // float32 or int32
	Dims []string // of each dimension its size, or the name of one that callers choose; none for a number
}

func (p Port) String() string {
	return fmt.Sprintf("%s %s[%s]", p.Name, p.Type, strings.Join(p.Dims, ", "))
}

func ports(values []onnx.Value) []Port {
	all := make([]Port, len(values))
	for i, v := range values {
		all[i] = Port{Name: v.Name, Type: map[onnx.Type]string{onnx.Float: "float32", onnx.Int32: "int32"}[v.Type]}
		for _, d := range v.Dims {
			size := d.Name
			if size == "" {
				size = strconv.Itoa(d.Size)
			}
			all[i].Dims = append(all[i].Dims, size)
		}
	}
	return all
}

// Size is a number that stands for a size which callers of the model choose, such as "batch". The graph is built with
// it.
func (m *Model) Size(name string) int {
	size, err := m.sizes.size(name)
	m.fail(err)
	return size
}

// Input declares an input of the model: float32 or int32.
func (m *Model) Input(name string, of tensor.Dtype, shape ...int) *G.Node {
	if name == "" || slices.ContainsFunc(m.inputs, func(n *G.Node) bool { return n.Name() == name }) {
		m.fail(errors.Errorf("the input %q: it needs a name that no other has", name))
	}
	n := m.given(name, of, shape...)
	m.inputs = append(m.inputs, n)
	return n
}

// given declares a leaf of the graph.
func (m *Model) given(name string, of tensor.Dtype, shape ...int) *G.Node {
	if of != tensor.Float32 && of != tensor.Int32 {
		m.fail(errors.Errorf("the value %s of type %v: models have float32 and int32", name, of))
		of = tensor.Float32
	}
	if slices.ContainsFunc(shape, func(d int) bool { return d < 1 }) {
		m.fail(errors.Errorf("the value %s of shape %v: its dimensions must be at least 1", name, shape))
		shape = nil
	}
	if len(shape) == 0 {
		return G.NewScalar(m.Graph(), of, G.WithName(name))
	}
	return G.NewTensor(m.Graph(), of, len(shape), G.WithShape(shape...), G.WithName(name))
}

// Weight gives an input of the graph, by the name that it has, its value in the model.
func (m *Model) Weight(n *G.Node, data []float32) {
	if n == nil {
		m.fail(errors.New("a weight is nil"))
		return
	}
	if size := n.Shape().TotalSize(); n.Dtype() != tensor.Float32 || size != len(data) {
		m.fail(errors.Errorf("the weight %s of type %v and shape %v has %d numbers: it needs as many, of float32",
			n.Name(), n.Dtype(), n.Shape(), len(data)))
		return
	}
	m.weights, m.data[n] = append(m.weights, n), data
}

// Output makes a node an output of the model.
func (m *Model) Output(name string, n *G.Node) {
	if n == nil || name == "" {
		m.fail(errors.Errorf("the output %q: it needs a name and a node", name))
	}
	m.outputs = append(m.outputs, output{name, n})
}

// fail keeps the first error.
func (m *Model) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

// translate makes the graph of what was declared.
func (m *Model) translate(o Options, ordered map[gatesOf][]float32) (*onnx.Graph, error) {
	switch {
	case m.err != nil:
		return nil, m.err
	case m.Err() != nil:
		return nil, m.Err()
	case len(m.outputs) == 0:
		return nil, errors.New("the model has no output")
	}
	t := newTranslator(m, o, ordered)
	leaves, bind := t.leaves()
	var results G.Nodes
	for _, out := range m.outputs {
		results = append(results, out.node)
	}
	for _, l := range m.loops {
		results = append(results, l.results()...)
	}
	f, err := lower.Func(tape.Float32, leaves, results)
	if err != nil {
		return nil, err
	}
	t.frame = newFrame(nil, f, bind)
	for i, n := range results {
		t.result[n] = f.Results[i]
	}
	t.take(m.inputs)
	for _, out := range m.outputs {
		t.give(out.name, t.result[out.node])
	}
	return t.main.graph, t.err
}

// leaves are what the graph has of its own, and what they are in the model.
func (t *translator) leaves() (leaves G.Nodes, bind []func() value) {
	add := func(n *G.Node, what func() value) { leaves, bind = append(leaves, n), append(bind, what) }
	for _, n := range t.m.inputs {
		add(n, func() value { return value{n.Name(), t.main} })
	}
	for _, n := range t.m.weights {
		add(n, func() value { return t.weight(n) })
	}
	for _, l := range t.m.loops {
		for i, n := range l.states {
			add(n, func() value { return value{l.stateName(i), l.body} })
		}
		for i, n := range l.given() {
			add(n, func() value { return t.while(l)[i] })
		}
	}
	return leaves, bind
}
