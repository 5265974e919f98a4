package onnxtest

import (
	"math"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/onnx"
)

// products are the operators that sum or compare along axes.
var products = map[string]func(n *node) (*Tensor, error){
	"MatMul": func(n *node) (*Tensor, error) { return matmul(n.in(0), n.in(1)) },
	"Gemm": func(n *node) (*Tensor, error) {
		x, y := n.in(0), n.in(1)
		if n.int("transA", 0) == 1 {
			x = transpose(x)
		}
		if n.int("transB", 0) == 1 {
			y = transpose(y)
		}
		return matmul(x, y)
	},
	"ReduceSum": func(n *node) (*Tensor, error) {
		return reduce(n.in(0), n.in(1).ints(), 0, func(x, y float64) float64 { return x + y }), nil
	},
	"ReduceMax": func(n *node) (*Tensor, error) {
		axes := n.attribute("axes", nil).([]int)
		return reduce(n.in(0), axes, math.Inf(-1), func(x, y float64) float64 { return max(x, y) }), nil
	},
	"Softmax": func(n *node) (*Tensor, error) {
		return rows(n.in(0), func(x []float64) []float64 {
			log := logSoftmax(x)
			for i := range log {
				log[i] = math.Exp(log[i])
			}
			return log
		}), nil
	},
	"LogSoftmax": func(n *node) (*Tensor, error) { return rows(n.in(0), logSoftmax), nil },
	"ArgMax": func(n *node) (*Tensor, error) {
		x := n.in(0)
		t := rows(x, func(x []float64) []float64 { return []float64{float64(slices.Index(x, slices.Max(x)))} })
		return &Tensor{onnx.Int64, x.Dims[:len(x.Dims)-1], t.Data}, nil
	},
}

func transpose(x *Tensor) *Tensor {
	r, c := x.Dims[0], x.Dims[1]
	t := &Tensor{x.Type, []int{c, r}, make([]float64, len(x.Data))}
	for i := range r {
		for j := range c {
			t.Data[j*r+i] = x.Data[i*c+j]
		}
	}
	return t
}

func matmul(x, y *Tensor) (*Tensor, error) {
	rx, ry := len(x.Dims), len(y.Dims)
	if rx < 2 || rx != ry || x.Dims[rx-1] != y.Dims[ry-2] || !slices.Equal(x.Dims[:rx-2], y.Dims[:ry-2]) {
		return nil, errors.Errorf("%v and %v have no product", x.Dims, y.Dims)
	}
	m, k, c := x.Dims[rx-2], x.Dims[rx-1], y.Dims[ry-1]
	t := &Tensor{Type: onnx.Float, Dims: append(slices.Clone(x.Dims[:rx-1]), c)}
	for b := range size(x.Dims[:rx-2]) {
		for i := range m {
			for j := range c {
				sum := 0.0
				for l := range k {
					sum += x.Data[(b*m+i)*k+l] * y.Data[(b*k+l)*c+j]
				}
				t.Data = append(t.Data, sum)
			}
		}
	}
	return t, nil
}

func reduce(x *Tensor, axes []int, zero float64, f func(x, y float64) float64) *Tensor {
	var dims []int
	for i, d := range x.Dims {
		if !slices.Contains(axes, i) {
			dims = append(dims, d)
		}
	}
	t := &Tensor{x.Type, dims, slices.Repeat([]float64{zero}, size(dims))}
	each(x.Dims, func(i int, at []int) {
		var left []int
		for k, p := range at {
			if !slices.Contains(axes, k) {
				left = append(left, p)
			}
		}
		o := offset(dims, left)
		t.Data[o] = f(t.Data[o], x.Data[i])
	})
	return t
}

// rows applies a function to the last axis.
func rows(x *Tensor, f func(x []float64) []float64) *Tensor {
	t := &Tensor{Type: x.Type, Dims: x.Dims}
	width := x.Dims[len(x.Dims)-1]
	for lo := 0; lo < len(x.Data); lo += width {
		t.Data = append(t.Data, f(x.Data[lo:lo+width])...)
	}
	return t
}

func logSoftmax(x []float64) []float64 {
	most, sum := slices.Max(x), 0.0
	for _, v := range x {
		sum += math.Exp(v - most)
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v - most - math.Log(sum)
	}
	return y
}

// scan: states, then sequences; gives the last states, then the outputs of all steps.
func scan(n *node) ([]*Tensor, error) {
	body, seqs := n.attribute("body", nil).(*onnx.Graph), n.int("num_scan_inputs", 0)
	states := len(n.Inputs) - seqs
	back := func(name string, i int) bool {
		d, ok := n.attribute(name, []int(nil)).([]int)
		return ok && i < len(d) && d[i] == 1
	}
	steps := n.in(states).Dims[0]
	if steps == 0 {
		return nil, errors.New("a scan of no steps")
	}
	at := map[string]*Tensor{}
	for name, t := range n.visible {
		at[name] = t
	}
	now := make([]*Tensor, states)
	for i := range now {
		now[i] = n.in(i)
	}
	outs := make([][]*Tensor, len(body.Outputs)-states)
	for s := range steps {
		for i, v := range body.Inputs {
			x := n.in(i)
			switch {
			case i < states:
				x = now[i]
			case back("scan_input_directions", i-states):
				x = x.row(steps - 1 - s)
			default:
				x = x.row(s)
			}
			if x.Type != v.Type {
				return nil, errors.Errorf("%s is of type %v", v.Name, x.Type)
			}
			at[v.Name] = x
		}
		out, err := evalGraph(body, at)
		if err != nil {
			return nil, err
		}
		copy(now, out)
		for i, x := range out[states:] {
			outs[i] = append(outs[i], x)
		}
	}
	for i, xs := range outs {
		if back("scan_output_directions", i) {
			slices.Reverse(xs)
		}
		now = append(now, stack(xs, xs[0]))
	}
	return now, nil
}

// loop: the most steps, whether there is one, states; gives the last states, then the outputs of all steps.
func loop(n *node) ([]*Tensor, error) {
	body := n.attribute("body", nil).(*onnx.Graph)
	if n.in(0).Type != onnx.Int64 || n.in(1) != nil && n.in(1).Type != onnx.Bool {
		return nil, errors.New("the types of the condition do not fit")
	}
	at := map[string]*Tensor{}
	for name, t := range n.visible {
		at[name] = t
	}
	var now []*Tensor
	for i := 2; i < len(n.Inputs); i++ {
		now = append(now, n.in(i))
	}
	states := len(now)
	outs := make([][]*Tensor, len(body.Outputs)-1-states)
	more := n.in(1) == nil || n.in(1).Data[0] != 0
	for s := 0; more && s < int(n.in(0).Data[0]); s++ {
		at[body.Inputs[0].Name] = &Tensor{onnx.Int64, nil, []float64{float64(s)}}
		at[body.Inputs[1].Name] = &Tensor{onnx.Bool, nil, []float64{1}}
		for i, v := range body.Inputs[2:] {
			at[v.Name] = now[i]
		}
		out, err := evalGraph(body, at)
		if err != nil {
			return nil, err
		}
		if out[0].Type != onnx.Bool || len(out[0].Dims) != 0 {
			return nil, errors.Errorf("the condition is %+v", out[0])
		}
		more = out[0].Data[0] != 0
		copy(now, out[1:])
		for i, x := range out[1+states:] {
			outs[i] = append(outs[i], x)
		}
	}
	for _, xs := range outs {
		if len(xs) == 0 {
			return nil, errors.New("a loop of no steps")
		}
		now = append(now, stack(xs, xs[0]))
	}
	return now, nil
}
