package onnxtest

import (
	"math"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/onnx"
)

// cell is a step of a recurrent operator for one row: z has x·Wᵀ, u has h·Rᵀ, wb and rb the biases, all G·H.
type cell func(z, u, wb, rb, p, h, c []float64)

// cells are the steps, with their gates: i o f c, and z r h.
var cells = map[string]struct {
	gates, states int
	step          func(n *node) cell
}{
	"LSTM": {4, 2, func(*node) cell {
		return func(z, u, wb, rb, p, h, c []float64) {
			size := len(h)
			gate := func(g, j int) float64 { return z[g*size+j] + u[g*size+j] + wb[g*size+j] + rb[g*size+j] }
			for j := range h {
				i := sigmoid(gate(0, j) + p[j]*c[j])
				f := sigmoid(gate(2, j) + p[2*size+j]*c[j])
				now := f*c[j] + i*math.Tanh(gate(3, j))
				h[j], c[j] = sigmoid(gate(1, j)+p[size+j]*now)*math.Tanh(now), now
			}
		}
	}},
	"GRU": {3, 1, func(n *node) cell {
		if n.int("linear_before_reset", 0) != 1 {
			return nil
		}
		return func(z, u, wb, rb, _, h, _ []float64) {
			size := len(h)
			for j := range h {
				update := sigmoid(z[j] + u[j] + wb[j] + rb[j])
				reset := sigmoid(z[size+j] + u[size+j] + wb[size+j] + rb[size+j])
				hidden := math.Tanh(z[2*size+j] + wb[2*size+j] + reset*(u[2*size+j]+rb[2*size+j]))
				h[j] = (1-update)*hidden + update*h[j]
			}
		}
	}},
	"RNN": {1, 1, func(n *node) cell {
		f := math.Tanh
		if a := n.attribute("activations", []string{"Tanh"}).([]string); len(a) == 1 && a[0] == "Relu" {
			f = func(x float64) float64 { return max(x, 0) }
		}
		return func(z, u, wb, rb, _, h, _ []float64) {
			for j := range h {
				h[j] = f(z[j] + u[j] + wb[j] + rb[j])
			}
		}
	}},
}

// recurrent computes LSTM, GRU or RNN in one direction. Behind the length of a row the outputs are 0, and a row of
// length 0 has the last state 0: so does onnxruntime.
func recurrent(n *node) ([]*Tensor, error) {
	kind := cells[n.Op]
	step, x, w, r := kind.step(n), n.in(0), n.in(1), n.in(2)
	hidden := n.int("hidden_size", 0)
	if step == nil || len(x.Dims) != 3 || w.Dims[0] != 1 || r.Dims[1] != kind.gates*hidden || n.int("layout", 0) != 0 {
		return nil, errors.New("a recurrence of a form that is not known")
	}
	steps, batch, in := x.Dims[0], x.Dims[1], x.Dims[2]
	bias := make([]float64, 2*kind.gates*hidden)
	if b := n.in(3); b != nil {
		if len(b.Data) != len(bias) {
			return nil, errors.Errorf("biases of shape %v", b.Dims)
		}
		bias = b.Data
	}
	peephole := make([]float64, 3*hidden)
	if p := n.in(7); p != nil {
		peephole = p.Data
	}
	y := &Tensor{onnx.Float, []int{steps, 1, batch, hidden}, make([]float64, steps*batch*hidden)}
	out := []*Tensor{y}
	for range kind.states {
		out = append(out, &Tensor{onnx.Float, []int{1, batch, hidden}, make([]float64, batch*hidden)})
	}
	for b := range batch {
		length := steps
		if l := n.in(4); l != nil {
			if l.Type != onnx.Int32 {
				return nil, errors.New("lengths are integers of 32 bits")
			}
			if length = int(l.Data[b]); length < 0 || length > steps {
				return nil, errors.Errorf("the length %d of %d steps", length, steps)
			}
		}
		states := [2][]float64{make([]float64, hidden), make([]float64, hidden)}
		for k := range kind.states {
			if s := n.in(5 + k); s != nil {
				copy(states[k], s.Data[b*hidden:(b+1)*hidden])
			}
		}
		for s := range length {
			t := s
			if n.attribute("direction", "forward") == "reverse" {
				t = length - 1 - s
			}
			z := rowProduct(x.Data[(t*batch+b)*in:][:in], w.Data)
			u := rowProduct(states[0], r.Data)
			half := len(bias) / 2
			step(z, u, bias[:half], bias[half:], peephole, states[0], states[1])
			copy(y.Data[(t*batch+b)*hidden:], states[0])
		}
		for k := range kind.states {
			if length > 0 {
				copy(out[1+k].Data[b*hidden:], states[k])
			}
		}
	}
	return out, nil
}

// rowProduct is x·Wᵀ for the rows of W.
func rowProduct(x, w []float64) []float64 {
	y := make([]float64, len(w)/len(x))
	for i := range y {
		for j, v := range x {
			y[i] += v * w[i*len(x)+j]
		}
	}
	return y
}
