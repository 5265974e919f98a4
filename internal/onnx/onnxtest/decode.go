// Package onnxtest reads ONNX files and computes them, for tests: in float64, by plain loops, as the specification of
// the operators reads (https://onnx.ai/onnx/operators). It knows the operators that unroll writes, and is strict:
// element types must agree where the specification wants it.
//
// It shares with package onnx the types, and no code.
package onnxtest

import (
	"encoding/binary"
	"math"

	"github.com/pkg/errors"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/unroll-ml/unroll/internal/onnx"
)

// field is a field of a message: a number or bytes.
type field struct {
	number protowire.Number
	x      int64
	bytes  []byte
}

// fields takes a message apart.
func fields(b []byte) ([]field, error) {
	var all []field
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			var x uint64
			x, n = protowire.ConsumeVarint(b)
			f.x = int64(x)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default:
			return nil, errors.Errorf("field %d is of wire type %d", number, kind)
		}
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b, all = b[n:], append(all, f)
	}
	return all, nil
}

// reader reads messages and keeps the first error.
type reader struct{ err error }

func (r *reader) each(b []byte, f func(f field)) {
	all, err := fields(b)
	if r.err == nil {
		r.err = err
	}
	for _, x := range all {
		f(x)
	}
}

// Decode reads a file.
func Decode(file []byte) (*onnx.Model, error) {
	r, m := &reader{}, &onnx.Model{}
	r.each(file, func(f field) {
		switch f.number {
		case 1:
			r.is("version", f.x, onnx.Version)
		case 2:
			m.Producer = string(f.bytes)
		case 7:
			m.Graph = r.graph(f.bytes)
		case 8:
			r.each(f.bytes, func(f field) { r.is("operators", f.x, onnx.Operators) })
		case 14:
			var e onnx.Entry
			r.each(f.bytes, func(f field) { *[]*string{&e.Key, &e.Value}[f.number-1] = string(f.bytes) })
			m.Metadata = append(m.Metadata, e)
		default:
			r.unknown("model", f)
		}
	})
	return m, r.err
}

func (r *reader) is(what string, x, want int64) {
	if x != want && r.err == nil {
		r.err = errors.Errorf("%s is %d, not %d", what, x, want)
	}
}

func (r *reader) unknown(what string, f field) {
	if r.err == nil {
		r.err = errors.Errorf("field %d of a %s is not known", f.number, what)
	}
}

func (r *reader) graph(b []byte) *onnx.Graph {
	g := &onnx.Graph{}
	r.each(b, func(f field) {
		switch f.number {
		case 1:
			g.Nodes = append(g.Nodes, r.node(f.bytes))
		case 2:
			g.Name = string(f.bytes)
		case 5:
			g.Constant = append(g.Constant, r.tensor(f.bytes))
		case 11:
			g.Inputs = append(g.Inputs, r.value(f.bytes))
		case 12:
			g.Outputs = append(g.Outputs, r.value(f.bytes))
		default:
			r.unknown("graph", f)
		}
	})
	return g
}

func (r *reader) node(b []byte) onnx.Node {
	var n onnx.Node
	r.each(b, func(f field) {
		switch f.number {
		case 1:
			n.Inputs = append(n.Inputs, string(f.bytes))
		case 2:
			n.Outputs = append(n.Outputs, string(f.bytes))
		case 4:
			n.Op = string(f.bytes)
		case 5:
			n.Attributes = append(n.Attributes, r.attribute(f.bytes))
		default:
			r.unknown("node", f)
		}
	})
	return n
}

func (r *reader) attribute(b []byte) onnx.Attribute {
	var a onnx.Attribute
	var ints []int
	var texts []string
	var single any
	kind := int64(0)
	r.each(b, func(f field) {
		switch f.number {
		case 1:
			a.Name = string(f.bytes)
		case 3:
			single = int(f.x)
		case 4:
			single = string(f.bytes)
		case 6:
			single = r.graph(f.bytes)
		case 8:
			ints = append(ints, int(f.x))
		case 9:
			texts = append(texts, string(f.bytes))
		case 20:
			kind = f.x
		default:
			r.unknown("attribute", f)
		}
	})
	a.Value = map[int64]any{2: single, 3: single, 5: single, 7: ints, 8: texts}[kind]
	return a
}

func (r *reader) tensor(b []byte) onnx.Tensor {
	var t onnx.Tensor
	var of onnx.Type
	var raw []byte
	r.each(b, func(f field) {
		switch f.number {
		case 1:
			t.Dims = append(t.Dims, int(f.x))
		case 2:
			of = onnx.Type(f.x)
		case 8:
			t.Name = string(f.bytes)
		case 9:
			raw = f.bytes
		default:
			r.unknown("tensor", f)
		}
	})
	little := binary.LittleEndian
	switch of {
	case onnx.Float:
		data := make([]float32, len(raw)/4)
		for i := range data {
			data[i] = math.Float32frombits(little.Uint32(raw[4*i:]))
		}
		t.Data = data
	case onnx.Int32:
		data := make([]int32, len(raw)/4)
		for i := range data {
			data[i] = int32(little.Uint32(raw[4*i:]))
		}
		t.Data = data
	case onnx.Int64:
		data := make([]int64, len(raw)/8)
		for i := range data {
			data[i] = int64(little.Uint64(raw[8*i:]))
		}
		t.Data = data
	default:
		r.is("the type of "+t.Name, int64(of), int64(onnx.Float))
	}
	return t
}

func (r *reader) value(b []byte) onnx.Value {
	var v onnx.Value
	r.each(b, func(f field) {
		if f.number == 1 {
			v.Name = string(f.bytes)
			return
		}
		r.each(f.bytes, func(f field) { // of a type, that of a tensor
			r.each(f.bytes, func(f field) {
				if f.number == 1 {
					v.Type = onnx.Type(f.x)
					return
				}
				v.Dims = []onnx.Dim{}
				r.each(f.bytes, func(f field) {
					var d onnx.Dim
					r.each(f.bytes, func(f field) {
						if f.number == 1 {
							d.Size = int(f.x)
						} else {
							d.Name = string(f.bytes)
						}
					})
					v.Dims = append(v.Dims, d)
				})
			})
		})
	})
	return v
}
