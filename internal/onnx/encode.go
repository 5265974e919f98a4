package onnx

import (
	"encoding/binary"
	"io"

	"github.com/pkg/errors"
	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protocol buffer: pieces that follow each other. The data of tensors are pieces that are made of
// numbers only when they are written, so that no weight is in memory twice.
type message struct {
	pieces []piece
	size   int
}

type piece struct {
	bytes []byte
	data  any // numbers, where bytes is nil
}

func (m *message) bytes() *[]byte {
	if n := len(m.pieces); n == 0 || m.pieces[n-1].data != nil {
		m.pieces = append(m.pieces, piece{})
	}
	return &m.pieces[len(m.pieces)-1].bytes
}

// raw appends to the bytes at the end.
func (m *message) raw(add func(b []byte) []byte) {
	b := m.bytes()
	before := len(*b)
	*b = add(*b)
	m.size += len(*b) - before
}

func (m *message) number(field protowire.Number, x int64) {
	m.raw(func(b []byte) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(x))
	})
}

func (m *message) text(field protowire.Number, s string) {
	m.raw(func(b []byte) []byte {
		return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
	})
}

// begin is the tag and the length of so many bytes that follow.
func (m *message) begin(field protowire.Number, size int) {
	m.raw(func(b []byte) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(size))
	})
}

func (m *message) message(field protowire.Number, inner *message) {
	m.begin(field, inner.size)
	for _, p := range inner.pieces {
		if p.data != nil {
			m.pieces = append(m.pieces, p)
			continue
		}
		b := m.bytes()
		*b = append(*b, p.bytes...)
	}
	m.size += inner.size
}

func (m *message) write(w io.Writer) error {
	for _, p := range m.pieces {
		if p.data == nil {
			if _, err := w.Write(p.bytes); err != nil {
				return errors.WithStack(err)
			}
			continue
		}
		if err := writeNumbers(w, p.data); err != nil {
			return err
		}
	}
	return nil
}

// writeNumbers writes numbers in little endian, some at a time.
func writeNumbers(w io.Writer, data any) error {
	switch data := data.(type) {
	case []float32:
		return inParts(w, data)
	case []int32:
		return inParts(w, data)
	case []int64:
		return inParts(w, data)
	}
	return errors.Errorf("numbers of type %T", data)
}

func inParts[T any](w io.Writer, data []T) error {
	const part = 1 << 14
	buf := make([]byte, 0, 8*min(part, len(data)))
	for lo := 0; lo < len(data); lo += part {
		var err error
		if buf, err = binary.Append(buf[:0], binary.LittleEndian, data[lo:min(lo+part, len(data))]); err != nil {
			return errors.WithStack(err)
		}
		if _, err := w.Write(buf); err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}

// The numbers of fields below are those of onnx.proto.

func (m *Model) encode() *message {
	out := &message{}
	out.number(1, Version)
	out.text(2, m.Producer)
	out.message(7, m.Graph.encode())
	operators := &message{}
	operators.number(2, Operators)
	out.message(8, operators)
	for _, e := range m.Metadata {
		entry := &message{}
		entry.text(1, e.Key)
		entry.text(2, e.Value)
		out.message(14, entry)
	}
	return out
}

func (g *Graph) encode() *message {
	out := &message{}
	for i := range g.Nodes {
		out.message(1, g.Nodes[i].encode())
	}
	out.text(2, g.Name)
	for i := range g.Constant {
		out.message(5, g.Constant[i].encode())
	}
	for i := range g.Inputs {
		out.message(11, g.Inputs[i].encode())
	}
	for i := range g.Outputs {
		out.message(12, g.Outputs[i].encode())
	}
	return out
}

func (n *Node) encode() *message {
	out := &message{}
	for _, name := range n.Inputs {
		out.text(1, name)
	}
	for _, name := range n.Outputs {
		out.text(2, name)
	}
	out.text(4, n.Op)
	for _, a := range n.Attributes {
		out.message(5, a.encode())
	}
	return out
}

func (a *Attribute) encode() *message {
	const typeOf = 20
	out := &message{}
	out.text(1, a.Name)
	switch x := a.Value.(type) {
	case int:
		out.number(3, int64(x))
		out.number(typeOf, 2)
	case string:
		out.text(4, x)
		out.number(typeOf, 3)
	case *Graph:
		out.message(6, x.encode())
		out.number(typeOf, 5)
	case []int:
		for _, i := range x {
			out.number(8, int64(i))
		}
		out.number(typeOf, 7)
	case []string:
		for _, s := range x {
			out.text(9, s)
		}
		out.number(typeOf, 8)
	}
	return out
}

func (t *Tensor) encode() *message {
	out := &message{}
	for _, d := range t.Dims {
		out.number(1, int64(d))
	}
	of, width, length := t.describe()
	out.number(2, int64(of))
	out.text(8, t.Name)
	out.begin(9, width*length)
	if length > 0 {
		out.pieces = append(out.pieces, piece{data: t.Data})
		out.size += width * length
	}
	return out
}

func (v *Value) encode() *message {
	shape := &message{}
	for _, d := range v.Dims {
		dim := &message{}
		switch {
		case d.Name != "":
			dim.text(2, d.Name)
		case d.Size > 0:
			dim.number(1, int64(d.Size))
		}
		shape.message(1, dim)
	}
	tensor, of, out := &message{}, &message{}, &message{}
	tensor.number(1, int64(v.Type))
	tensor.message(2, shape)
	of.message(1, tensor)
	out.text(1, v.Name)
	out.message(2, of)
	return out
}
