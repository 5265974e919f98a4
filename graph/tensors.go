package graph

import (
	"slices"

	"github.com/pkg/errors"
)

// Tensor is a dense row-major array on the host with a name, such as that of a parameter: what models give and
// take as their weights, and what package trainer/checkpoint keeps in files.
type Tensor struct {
	Name  string
	Shape []int // none for a scalar
	// []float32, []float64, []int32 or []int64, as long as the product of Shape; nil: only name and shape are known
	Data any
}

// MatchTensors checks that two lists of tensors have the same names and shapes, in any order, and names the
// first difference; what says what they are. What has data in got must have it as float32.
func MatchTensors(what string, want, got []Tensor) error {
	byName := map[string]Tensor{}
	for _, t := range got {
		byName[t.Name] = t
	}
	for _, w := range want {
		g, ok := byName[w.Name]
		if !ok {
			return errors.Errorf("%s: %q is missing", what, w.Name)
		}
		if !slices.Equal(g.Shape, w.Shape) {
			return errors.Errorf("%s: %q has shape %v, the model wants %v", what, w.Name, g.Shape, w.Shape)
		}
		if data, ok := g.Data.([]float32); g.Data != nil && (!ok || len(data) != elements(w.Shape)) {
			return errors.Errorf("%s: %q has data of type %T, or not as much as shape %v wants", what, w.Name, g.Data, w.Shape)
		}
		delete(byName, w.Name)
	}
	for _, g := range got {
		if _, left := byName[g.Name]; left {
			return errors.Errorf("%s: %q is not a part of the model", what, g.Name)
		}
	}
	return nil
}

// elements is the number of elements of a shape; -1 if there is none such.
func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > maxElements/d {
			return -1
		}
		n *= d
	}
	return n
}

const maxElements = int(^uint(0) >> 1)
