package checkpoint

import (
	"fmt"
	"math"
	"math/bits"
	"unicode/utf8"

	"github.com/unroll-ml/unroll/graph"
)

// Tensor is a dense row-major array with a name.
type Tensor = graph.Tensor

// The limits on what is written and read. The format itself allows more than one hundred times as many tensors,
// at a price in time and memory that no checkpoint is worth.
const (
	maxHeader   = 100_000_000 // bytes, the format's own limit
	maxTensors  = 65_536
	maxName     = 512 // bytes of a name
	maxRank     = 32
	maxMetadata = 1 << 20 // bytes
)

// dtypes are the element types, as the format calls them, with their sizes in bytes.
var dtypes = map[string]int{"F32": 4, "F64": 8, "I32": 4, "I64": 8}

// describe is the dtype and length of a tensor's data.
func describe(data any) (dtype string, n int, err error) {
	switch d := data.(type) {
	case []float32:
		return "F32", len(d), nil
	case []float64:
		return "F64", len(d), nil
	case []int32:
		return "I32", len(d), nil
	case []int64:
		return "I64", len(d), nil
	}
	return "", 0, fmt.Errorf("data is %T, want []float32, []float64, []int32 or []int64", data)
}

func allocate(dtype string, n int) any {
	switch dtype {
	case "F32":
		return make([]float32, n)
	case "F64":
		return make([]float64, n)
	case "I32":
		return make([]int32, n)
	}
	return make([]int64, n)
}

// part is data[lo:hi].
func part(data any, lo, hi int) any {
	switch d := data.(type) {
	case []float32:
		return d[lo:hi]
	case []float64:
		return d[lo:hi]
	case []int32:
		return d[lo:hi]
	case []int64:
		return d[lo:hi]
	}
	return nil
}

// check says why a tensor cannot be written.
func check(t *Tensor) error {
	switch {
	case t.Name == "" || t.Name == metadataKey || len(t.Name) > maxName || !utf8.ValidString(t.Name):
		return fmt.Errorf("%.40q is not a name for a tensor", t.Name)
	case len(t.Shape) > maxRank:
		return fmt.Errorf("tensor %q has %d dimensions, at most %d are kept", t.Name, len(t.Shape), maxRank)
	}
	_, n, err := describe(t.Data)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if size, ok := product(t.Shape); !ok || size != int64(n) {
		return fmt.Errorf("tensor %q has %d elements and the shape %v", t.Name, n, t.Shape)
	}
	return nil
}

// product is the number of elements of a shape; false if it is negative or does not fit.
func product(shape []int) (int64, bool) {
	n := uint64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, false
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt64 {
			return 0, false
		}
		n = lo
	}
	return int64(n), true
}

// FirstNotFinite is the first tensor with a NaN or an infinity, and where it is; false if all are finite.
func FirstNotFinite(tensors []Tensor) (name string, index int, found bool) {
	for _, t := range tensors {
		switch d := t.Data.(type) {
		case []float32:
			for i, x := range d {
				if x-x != 0 { // NaN for both NaN and infinities
					return t.Name, i, true
				}
			}
		case []float64:
			for i, x := range d {
				if x-x != 0 {
					return t.Name, i, true
				}
			}
		}
	}
	return "", 0, false
}
