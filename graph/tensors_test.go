package graph

import (
	"strings"
	"testing"
)

// The first difference between two lists of tensors is named, in whatever order they are.
func TestMatchTensors(t *testing.T) {
	want := []Tensor{{Name: "w", Shape: []int{2, 3}}, {Name: "b", Shape: []int{3}}, {Name: "scale"}}
	six, three, one := make([]float32, 6), make([]float32, 3), make([]float32, 1)
	for _, c := range []struct {
		got  []Tensor
		want string
	}{
		{[]Tensor{{"b", []int{3}, three}, {"scale", nil, one}, {"w", []int{2, 3}, six}}, ""},
		{[]Tensor{{"b", []int{3}, nil}, {"scale", nil, nil}, {"w", []int{2, 3}, nil}}, ""},
		{[]Tensor{{"b", []int{3}, three}, {"w", []int{2, 3}, six}}, `weights: "scale" is missing`},
		{[]Tensor{{"b", []int{3}, three}, {"scale", nil, one}, {"w", []int{3, 2}, six}}, `weights: "w" has shape [3 2], the model wants [2 3]`},
		{[]Tensor{{"b", []int{3}, three}, {"scale", nil, one}, {"w", []int{2, 3}, three}}, `weights: "w" has data of type []float32, or not as much`},
		{[]Tensor{{"b", []int{3}, make([]float64, 3)}, {"scale", nil, one}, {"w", []int{2, 3}, six}}, `weights: "b" has data of type []float64`},
		{[]Tensor{{"b", []int{3}, three}, {"scale", nil, one}, {"w", []int{2, 3}, six}, {"u", nil, one}}, `weights: "u" is not a part of the model`},
	} {
		err := MatchTensors("weights", want, c.got)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.got, err, c.want)
		}
	}
	huge := []Tensor{{Name: "w", Shape: []int{1 << 32, 1 << 32}}}
	if err := MatchTensors("weights", huge, []Tensor{{"w", huge[0].Shape, []float32{}}}); err == nil {
		t.Error("no data do for a shape whose size overflows to 0")
	}
}
