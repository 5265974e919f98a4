package export

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/graph/internal/ir"
	"github.com/unroll-ml/unroll/internal/onnx"
)

// witnesses are the sizes with which a graph is declared, twice: primes that are larger than what else has a size, so
// that a dimension tells what it is made of. The second time other sizes must tell the same.
var witnesses = [2][]int{
	{1000003, 1100009, 1200007, 1300021},
	{1400017, 1500007, 1600033, 1700021},
}

// sizes are the names of sizes, each with the number that stands for it.
type sizes struct {
	values []int
	names  []string
}

// size is the number that stands for a name.
func (s *sizes) size(name string) (int, error) {
	i := slices.Index(s.names, name)
	switch {
	case i < 0 && len(s.names) == len(s.values):
		return 1, errors.Errorf("the size %s: a model has at most %d different ones", name, len(s.values))
	case i < 0:
		i, s.names = len(s.names), append(s.names, name)
	}
	return s.values[i], nil
}

// dim is what a dimension is made of: factor·sizes + plus, or without sizes the number plus.
type dim struct {
	of     []int // of sizes, which one
	factor int
	plus   int
}

// fixed says that a dimension is a number.
func (d dim) fixed() bool { return len(d.of) == 0 }

// named says that a dimension is a size, and which.
func (d dim) named() (which int, ok bool) {
	if len(d.of) == 1 && d.factor == 1 && d.plus == 0 {
		return d.of[0], true
	}
	return 0, false
}

// most are the largest numbers beside a size: a dimension may be a little more or less than one, or than some
// times one.
const most = 1000

// dim finds out what a dimension is made of.
func (s *sizes) dim(n int) dim {
	if n < s.values[0]-most {
		return dim{plus: n}
	}
	rest, of := n, []int(nil)
	for i := range s.names {
		for rest%s.values[i] == 0 {
			rest, of = rest/s.values[i], append(of, i)
		}
	}
	if len(of) > 0 {
		return dim{of: of, factor: rest}
	}
	for i := range s.names {
		factor := (n + most) / s.values[i]
		if plus := n - factor*s.values[i]; factor > 0 && -most <= plus && plus <= most {
			return dim{of: []int{i}, factor: factor, plus: plus}
		}
	}
	return dim{plus: n}
}

// dims are the dimensions as a value of the model has them.
func (s *sizes) dims(shape ir.Shape) []onnx.Dim {
	dims := make([]onnx.Dim, len(shape))
	for i, n := range shape {
		d := s.dim(n)
		if which, ok := d.named(); ok {
			dims[i].Name = s.names[which]
		} else if d.fixed() {
			dims[i].Size = n
		}
	}
	return dims
}

// size is a dimension as a vector of one integer, computed where it is no number.
func (t *translator) size(n int) value {
	d := t.m.sizes.dim(n)
	if d.fixed() {
		return t.vector(n)
	}
	if v, ok := t.computed[n]; ok {
		return v
	}
	v := t.source(d.of[0])
	for _, which := range d.of[1:] {
		v = t.emit("Mul", nil, v, t.source(which))
	}
	if d.factor != 1 {
		v = t.emit("Mul", nil, v, t.vector(d.factor))
	}
	if d.plus != 0 {
		v = t.emit("Add", nil, v, t.vector(d.plus))
	}
	t.computed[n] = v
	return v
}

// source is a size, read from an input that has it.
func (t *translator) source(which int) value {
	n := t.m.sizes.values[which]
	if v, ok := t.computed[n]; ok {
		return v
	}
	for _, in := range t.m.inputs {
		for axis, d := range in.Shape() {
			if d == n {
				v := t.emit("Shape", attributes("start", axis, "end", axis+1), value{in.Name(), t.main})
				t.computed[n] = v
				return v
			}
		}
	}
	t.fail(errors.Errorf("the size %s is computed with, and no input has it as a dimension", t.m.sizes.names[which]))
	return value{}
}

// shape is a shape as a vector of integers.
func (t *translator) shape(shape ir.Shape) value {
	if !slices.ContainsFunc(shape, func(n int) bool { return !t.m.sizes.dim(n).fixed() }) {
		return t.vector(shape...)
	}
	parts := make([]value, len(shape))
	for i, n := range shape {
		parts[i] = t.size(n)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return t.emit("Concat", attributes("axis", 0), parts...)
}
