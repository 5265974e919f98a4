package onnxtest

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/onnx"
)

// shapes are the operators that move elements.
var shapes = map[string]func(n *node) (*Tensor, error){
	"Shape": func(n *node) (*Tensor, error) {
		dims := n.in(0).Dims[n.int("start", 0):n.int("end", len(n.in(0).Dims))]
		t := &Tensor{Type: onnx.Int64, Dims: []int{len(dims)}}
		for _, d := range dims {
			t.Data = append(t.Data, float64(d))
		}
		return t, nil
	},
	"Range": func(n *node) (*Tensor, error) {
		t := &Tensor{Type: n.in(0).Type}
		for x := n.in(0).Data[0]; x < n.in(1).Data[0]; x += n.in(2).Data[0] {
			t.Data = append(t.Data, x)
		}
		t.Dims = []int{len(t.Data)}
		return t, nil
	},
	"Expand": func(n *node) (*Tensor, error) {
		x := n.in(0)
		dims, ok := broadcast(x.Dims, n.in(1).ints())
		if !ok {
			return nil, errors.Errorf("%v does not become %v", x.Dims, n.in(1).Data)
		}
		t := &Tensor{x.Type, dims, make([]float64, size(dims))}
		each(dims, func(i int, at []int) { t.Data[i] = x.at(at) })
		return t, nil
	},
	"Reshape": reshape,
	"Squeeze": func(n *node) (*Tensor, error) {
		x := n.in(0)
		var axes []int
		if a := n.in(1); a != nil {
			axes = a.ints()
		}
		var dims []int
		for i, d := range x.Dims {
			switch {
			case !slices.Contains(axes, i) && (axes != nil || d != 1):
				dims = append(dims, d)
			case d != 1:
				return nil, errors.Errorf("axis %d of %v is not 1", i, x.Dims)
			}
		}
		return &Tensor{x.Type, dims, x.Data}, nil
	},
	"Unsqueeze": func(n *node) (*Tensor, error) {
		x, axes := n.in(0), n.in(1).ints()
		dims := make([]int, len(x.Dims)+len(axes))
		rest := x.Dims
		for i := range dims {
			if slices.Contains(axes, i) {
				dims[i] = 1
				continue
			}
			dims[i], rest = rest[0], rest[1:]
		}
		return &Tensor{x.Type, dims, x.Data}, nil
	},
	"Transpose": func(n *node) (*Tensor, error) {
		x, perm := n.in(0), n.attribute("perm", nil).([]int)
		dims := make([]int, len(perm))
		for i, p := range perm {
			dims[i] = x.Dims[p]
		}
		t := &Tensor{x.Type, dims, make([]float64, len(x.Data))}
		each(dims, func(i int, at []int) {
			from := make([]int, len(at))
			for k, p := range perm {
				from[p] = at[k]
			}
			t.Data[i] = x.Data[offset(x.Dims, from)]
		})
		return t, nil
	},
	"Slice": func(n *node) (*Tensor, error) {
		x, axis := n.in(0), n.in(3).ints()[0]
		from, to := n.in(1).ints()[0], min(n.in(2).ints()[0], x.Dims[axis])
		return slice(x, axis, from, to), nil
	},
	"Pad": func(n *node) (*Tensor, error) {
		x, pads := n.in(0), n.in(1).ints()
		dims := slices.Clone(x.Dims)
		for i := range dims {
			dims[i] += pads[i] + pads[len(dims)+i]
		}
		t := &Tensor{x.Type, dims, make([]float64, size(dims))}
		each(x.Dims, func(i int, at []int) {
			to := slices.Clone(at)
			for k := range to {
				to[k] += pads[k]
			}
			t.Data[offset(dims, to)] = x.Data[i]
		})
		return t, nil
	},
	"Concat": func(n *node) (*Tensor, error) {
		var xs []*Tensor
		for i := range n.Inputs {
			if n.in(i).Type != n.in(0).Type {
				return nil, errors.New("the types differ")
			}
			xs = append(xs, n.in(i))
		}
		return concat(n.int("axis", 0), xs...), nil
	},
	"Gather": func(n *node) (*Tensor, error) {
		x, index := n.in(0), n.in(1)
		width := size(x.Dims[1:])
		t := &Tensor{Type: x.Type, Dims: append(slices.Clone(index.Dims), x.Dims[1:]...)}
		for _, i := range index.ints() {
			if i < 0 || i >= x.Dims[0] {
				return nil, errors.Errorf("index %d of %d", i, x.Dims[0])
			}
			t.Data = append(t.Data, x.Data[i*width:(i+1)*width]...)
		}
		return t, nil
	},
}

func reshape(n *node) (*Tensor, error) {
	x := n.in(0)
	dims, rest := n.in(1).ints(), -1
	for i, d := range dims {
		if d == 0 {
			dims[i] = x.Dims[i]
		}
		if d == -1 {
			rest, dims[i] = i, 1
		}
	}
	if rest >= 0 {
		dims[rest] = len(x.Data) / size(dims)
	}
	if size(dims) != len(x.Data) {
		return nil, errors.Errorf("%v does not become %v", x.Dims, dims)
	}
	return &Tensor{x.Type, dims, x.Data}, nil
}

func slice(x *Tensor, axis, from, to int) *Tensor {
	dims := slices.Clone(x.Dims)
	dims[axis] = to - from
	t := &Tensor{x.Type, dims, make([]float64, size(dims))}
	each(dims, func(i int, at []int) {
		at = slices.Clone(at)
		at[axis] += from
		t.Data[i] = x.Data[offset(x.Dims, at)]
	})
	return t
}

func concat(axis int, xs ...*Tensor) *Tensor {
	dims := slices.Clone(xs[0].Dims)
	dims[axis] = 0
	for _, x := range xs {
		dims[axis] += x.Dims[axis]
	}
	t := &Tensor{xs[0].Type, dims, make([]float64, size(dims))}
	before := 0
	for _, x := range xs {
		each(x.Dims, func(i int, at []int) {
			at = slices.Clone(at)
			at[axis] += before
			t.Data[offset(dims, at)] = x.Data[i]
		})
		before += x.Dims[axis]
	}
	return t
}

// row is element i of the leading dimension.
func (t *Tensor) row(i int) *Tensor {
	width := size(t.Dims[1:])
	return &Tensor{t.Type, t.Dims[1:], t.Data[i*width : (i+1)*width]}
}

// stack puts tensors of one shape below each other; rows is how many of none.
func stack(xs []*Tensor, like *Tensor) *Tensor {
	t := &Tensor{Type: like.Type, Dims: append([]int{len(xs)}, like.Dims...)}
	for _, x := range xs {
		t.Data = append(t.Data, x.Data...)
	}
	return t
}
