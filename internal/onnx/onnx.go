// Package onnx writes files in the ONNX format (https://onnx.ai): a graph of operators with the weights in it.
//
// It knows the format, and neither what a graph computes nor what it was made of. What is written is of version 8 of
// the format and version 17 of the operators, the newest that all runtimes of the last years read.
package onnx

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/pkg/errors"
)

// The versions of what is written.
const (
	Version   = 8  // of the format
	Operators = 17 // of the operators
)

// Type is the type of the elements of a tensor, as the format numbers it.
type Type int32

// The types that are used here.
const (
	Float Type = 1 // 32 bits
	Int32 Type = 6
	Int64 Type = 7
	Bool  Type = 9
)

// Model is a file.
type Model struct {
	Producer string
	Graph    *Graph
	Metadata []Entry
}

// Entry is what a model says of itself under a key.
type Entry struct{ Key, Value string }

// Graph is a whole graph, or the body of a Loop or Scan. Nodes come after those whose outputs they take. The body
// sees the names of the graph around it; names that are given in a graph are given nowhere else in the file.
type Graph struct {
	Name     string
	Inputs   []Value
	Outputs  []Value
	Constant []Tensor // with their values
	Nodes    []Node
}

// Value is what a graph takes or gives.
type Value struct {
	Name string
	Type Type
	Dims []Dim
}

// Dim is the size of a dimension. One that has neither a name nor a size may be any.
type Dim struct {
	Name string // of a size that who runs the model chooses
	Size int
}

// Tensor is a constant: []float32, []int32 or []int64 in row-major order. No dimensions are a scalar.
type Tensor struct {
	Name string
	Dims []int
	Data any
}

// Node is an operator applied to values. An input that is left out is "".
type Node struct {
	Op         string
	Inputs     []string
	Outputs    []string
	Attributes []Attribute
}

// Attribute is an int, a []int, a string, a []string or a *Graph.
type Attribute struct {
	Name  string
	Value any
}

// MostBytes is the size that a file must not reach: the format is made of messages whose length is a signed number of
// 32 bits.
const MostBytes = math.MaxInt32

// TooLargeError says that a model does not fit in a file.
type TooLargeError struct{ Bytes int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the model has %d bytes, and a file of ONNX less than %d: train a smaller one, or read the "+
		"weights of the run as they are", e.Bytes, MostBytes)
}

// Write writes the file. A model that contradicts itself is an error, as is one that is too large, a *TooLargeError;
// nothing is written then.
func (m *Model) Write(w io.Writer) error {
	if w == nil {
		return errors.New("no writer to write a model to: it is nil")
	}
	if m.Graph == nil {
		return errors.New("a model without a graph")
	}
	if err := m.Graph.check(map[string]bool{}); err != nil {
		return err
	}
	file := m.encode()
	if file.size >= MostBytes {
		return &TooLargeError{file.size}
	}
	return file.write(w)
}

// check says what is wrong with the names in a graph: given holds those of the graphs around it, and gets its own.
func (g *Graph) check(given map[string]bool) error {
	visible := map[string]bool{}
	for name := range given {
		visible[name] = true
	}
	define := func(name string) error {
		switch {
		case name == "":
			return nil // an output that nobody wants
		case strings.ContainsRune(name, 0):
			return errors.Errorf("%q is no name of a value", name)
		case visible[name]:
			return errors.Errorf("two values are named %s", name)
		}
		visible[name] = true
		return nil
	}
	for _, v := range g.Inputs {
		if err := define(v.Name); err != nil {
			return err
		}
	}
	for _, t := range g.Constant {
		if err := define(t.Name); err != nil {
			return err
		}
		if err := t.check(); err != nil {
			return err
		}
	}
	for _, n := range g.Nodes {
		if err := n.check(visible); err != nil {
			return err
		}
		for _, name := range n.Outputs {
			if err := define(name); err != nil {
				return err
			}
		}
	}
	for _, v := range g.Outputs {
		if !visible[v.Name] {
			return errors.Errorf("the output %s of %s is computed nowhere", v.Name, g.Name)
		}
	}
	return nil
}

// check says what is wrong with what a node takes, when the visible values are there.
func (n *Node) check(visible map[string]bool) error {
	for _, name := range n.Inputs {
		if name != "" && !visible[name] {
			return errors.Errorf("%s takes %s, which is not there before it", n.Op, name)
		}
	}
	for _, a := range n.Attributes {
		switch x := a.Value.(type) {
		case *Graph:
			if err := x.check(visible); err != nil {
				return errors.Wrap(err, n.Op)
			}
		case int, []int, string, []string:
		default:
			return errors.Errorf("%s: the attribute %s is of type %T", n.Op, a.Name, x)
		}
	}
	return nil
}

func (t *Tensor) check() error {
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	switch _, _, length := t.describe(); {
	case length < 0:
		return errors.Errorf("the constant %s of shape %v has elements of type %T", t.Name, t.Dims, t.Data)
	case length != n:
		return errors.Errorf("the constant %s of shape %v has %d elements", t.Name, t.Dims, length)
	}
	return nil
}

// describe is the type of the elements, the bytes of each, and how many there are; -1 if they are none that can be
// written.
func (t *Tensor) describe() (of Type, width, length int) {
	switch data := t.Data.(type) {
	case []float32:
		return Float, 4, len(data)
	case []int32:
		return Int32, 4, len(data)
	case []int64:
		return Int64, 8, len(data)
	}
	return 0, 0, -1
}
