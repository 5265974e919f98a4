package onnx_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/internal/onnx"
	"github.com/unroll-ml/unroll/internal/onnx/onnxtest"
)

// example uses all there is of the format.
func example() *onnx.Model {
	dims := []onnx.Dim{{Name: "batch"}, {Size: 2}, {}}
	scalar := func(name string, of onnx.Type) onnx.Value {
		return onnx.Value{Name: name, Type: of, Dims: []onnx.Dim{}}
	}
	body := &onnx.Graph{
		Name:    "body",
		Inputs:  []onnx.Value{scalar("i", onnx.Int64), scalar("more", onnx.Bool)},
		Outputs: []onnx.Value{scalar("more_too", onnx.Bool), {Name: "y", Type: onnx.Float, Dims: dims}},
		Nodes: []onnx.Node{
			{Op: "Identity", Inputs: []string{"more"}, Outputs: []string{"more_too"}},
			{Op: "Add", Inputs: []string{"x", "w"}, Outputs: []string{"y"}},
		},
	}
	return &onnx.Model{
		Producer: "test", Metadata: []onnx.Entry{{Key: "key", Value: "Wört"}},
		Graph: &onnx.Graph{
			Name: "main", Inputs: []onnx.Value{{Name: "x", Type: onnx.Float, Dims: dims}},
			Outputs: []onnx.Value{{Name: "ys", Type: onnx.Float, Dims: []onnx.Dim{{}, {}, {}, {}}}},
			Constant: []onnx.Tensor{
				{Name: "w", Dims: []int{2, 1}, Data: []float32{0.5, -1}}, {Name: "n", Data: []int64{-3}},
				{Name: "k", Dims: []int{2}, Data: []int32{1, -2}},
			},
			Nodes: []onnx.Node{
				{Op: "Loop", Inputs: []string{"n", ""}, Outputs: []string{"ys"}, Attributes: []onnx.Attribute{
					{Name: "body", Value: body},
				}},
				{Op: "X", Outputs: []string{"", "z"}, Attributes: []onnx.Attribute{
					{Name: "int", Value: -1}, {Name: "ints", Value: []int{0, -5}},
					{Name: "text", Value: "t"}, {Name: "texts", Value: []string{"a", "b"}},
				}},
			},
		},
	}
}

// TestWrite reads what was written with a reader that shares no code.
func TestWrite(t *testing.T) {
	var file bytes.Buffer
	if err := example().Write(&file); err != nil {
		t.Fatal(err)
	}
	got, err := onnxtest.Decode(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(example(), got); diff != "" {
		t.Error(diff)
	}
}

// TestBytes is a small file by hand: the numbers of fields are those of onnx.proto.
func TestBytes(t *testing.T) {
	m := &onnx.Model{Producer: "u", Graph: &onnx.Graph{
		Name: "g", Inputs: []onnx.Value{{Name: "x", Type: onnx.Float, Dims: []onnx.Dim{{Name: "b"}, {Size: 2}}}},
		Constant: []onnx.Tensor{{Name: "c", Dims: []int{1}, Data: []int64{-1}}},
		Nodes: []onnx.Node{
			{Op: "F", Inputs: []string{"x"}, Outputs: []string{"y"}, Attributes: []onnx.Attribute{
				{Name: "a", Value: 1},
			}},
		},
	}}
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll("08 08 12 01 75"+ // version 8, producer
		"3a 41"+ // the graph
		"0a 13 0a 01 78 12 01 79 22 01 46 2a 08 0a 01 61 18 01 a0 01 02"+ // the node, its attribute of type 2
		"12 01 67"+ // the name
		"2a 11 08 01 10 07 42 01 63 4a 08 ff ff ff ff ff ff ff ff"+ // the constant: dims, type 7, name, data
		"5a 14 0a 01 78 12 0f 0a 0d 08 01 12 09 0a 03 12 01 62 0a 02 08 02"+
		"42 02 10 11", " ", "") // operators 17
	got := hex.EncodeToString(file.Bytes())
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// body is that of the loop.
func body(m *onnx.Model) *onnx.Graph { return m.Graph.Nodes[0].Attributes[0].Value.(*onnx.Graph) }

// TestRefuse changes one thing of a model that is right.
func TestRefuse(t *testing.T) {
	for what, c := range map[string]struct {
		change func(m *onnx.Model)
		want   string
	}{
		"no graph": {func(m *onnx.Model) { m.Graph = nil }, "a model without a graph"},
		"unknown input": {func(m *onnx.Model) { m.Graph.Nodes[1].Inputs = []string{"q"} },
			"X takes q, which is not there before it"},
		"wrong order": {func(m *onnx.Model) { m.Graph.Nodes[0].Inputs[0] = "z" },
			"Loop takes z, which is not there before it"},
		"two of a name":   {func(m *onnx.Model) { m.Graph.Nodes[1].Outputs[0] = "ys" }, "two values are named ys"},
		"a name is taken": {func(m *onnx.Model) { body(m).Nodes[1].Outputs[0] = "x" }, "Loop: two values are named x"},
		"no output": {func(m *onnx.Model) { m.Graph.Outputs[0].Name = "q" },
			"the output q of main is computed nowhere"},
		"elements": {func(m *onnx.Model) { m.Graph.Constant[0].Dims[0] = 3 },
			"the constant w of shape [3 1] has 2 elements"},
		"element type": {func(m *onnx.Model) { m.Graph.Constant[0].Data = []float64{1, 2} },
			"the constant w of shape [2 1] has elements of type []float64"},
		"attribute": {func(m *onnx.Model) { m.Graph.Nodes[1].Attributes[0].Value = 0.5 },
			"X: the attribute int is of type float64"},
	} {
		m := example()
		c.change(m)
		var file bytes.Buffer
		if err := m.Write(&file); err == nil || err.Error() != c.want || file.Len() > 0 {
			t.Errorf("%s: %v with %d bytes, want %q", what, err, file.Len(), c.want)
		}
	}
	if err := example().Write(nil); err == nil {
		t.Error("a nil writer is taken")
	}
}

// TestTooLarge: the bytes of a model are counted before any is written. It has the same numbers many times.
func TestTooLarge(t *testing.T) {
	m, data := example(), make([]float32, 1<<20)
	for i := range 512 {
		c := onnx.Tensor{Name: fmt.Sprint("c", i), Dims: []int{len(data)}, Data: data}
		m.Graph.Constant = append(m.Graph.Constant, c)
	}
	var file bytes.Buffer
	var large *onnx.TooLargeError
	if err := m.Write(&file); !errors.As(err, &large) || large.Bytes < 1<<31 || file.Len() > 0 {
		t.Errorf("%v with %d bytes", err, file.Len())
	}
}
