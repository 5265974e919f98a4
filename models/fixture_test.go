package models_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/models"
)

// fixture is a graph in float64 with its inputs, for holding a model against plain loops.
type fixture struct {
	t    *testing.T
	b    *op.Builder
	p    *models.Params
	rand *rand.Rand
}

func newFixture(t *testing.T) *fixture {
	b := op.New(G.NewGraph())
	return &fixture{t, b, models.NewParams(b, tensor.Float64, 3), rand.New(rand.NewPCG(1, 2))}
}

// floats declares an input of numbers from N(0, 1).
func (f *fixture) floats(name string, shape ...int) (*G.Node, []float64) {
	data := make([]float64, tensor.Shape(shape).TotalSize())
	for i := range data {
		data[i] = f.rand.NormFloat64()
	}
	return f.input(name, data, shape...), data
}

// tokens declares an input of integers from [0, n).
func (f *fixture) tokens(name string, n int, shape ...int) (*G.Node, []int32) {
	data := make([]int32, tensor.Shape(shape).TotalSize())
	for i := range data {
		data[i] = int32(f.rand.IntN(n))
	}
	return f.input(name, data, shape...), data
}

// mask declares the mask of sequences of given lengths, T×B: 1 where a step is valid.
func (f *fixture) mask(name string, steps int, lengths []int) *G.Node {
	data := make([]int32, steps*len(lengths))
	for k, n := range lengths {
		for s := range n {
			data[s*len(lengths)+k] = 1
		}
	}
	return f.input(name, data, steps, len(lengths))
}

// key declares a random key.
func (f *fixture) key() *G.Node { return f.input("key", []int32{7, 0, 3, 0}, 4) }

// input declares an input with a value.
func (f *fixture) input(name string, data any, shape ...int) *G.Node {
	v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
	return G.NewTensor(f.b.Graph(), v.Dtype(), len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
}

// params are the values of the parameters, by name.
func (f *fixture) params() map[string][]float64 {
	w := map[string][]float64{}
	for _, n := range f.p.Nodes() {
		w[n.Name()] = numbers(n)
	}
	return w
}

// spread moves all parameters away from values that hide mistakes, such as gains of 1 and biases of 0.
func (f *fixture) spread() {
	for _, n := range f.p.Nodes() {
		for i, w := range numbers(n) {
			numbers(n)[i] = w + 0.5*f.rand.NormFloat64()
		}
	}
}

func (f *fixture) compile(outputs ...*G.Node) *graph.Program {
	f.t.Helper()
	if f.b.Err() != nil {
		f.t.Fatal(f.b.Err())
	}
	p, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: outputs})
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// run computes outputs.
func (f *fixture) run(outputs ...*G.Node) [][]float64 {
	f.t.Helper()
	p := f.compile(outputs...)
	if err := p.Run(); err != nil {
		f.t.Fatal(err)
	}
	values := make([][]float64, len(outputs))
	for i, n := range outputs {
		values[i] = f.get(p, n)
	}
	return values
}

func (f *fixture) get(p *graph.Program, n *G.Node) []float64 {
	f.t.Helper()
	x := make([]float64, n.Shape().TotalSize())
	var err error
	if n.Dtype() == tensor.Int32 {
		ints := make([]int32, len(x))
		err = p.Get(n, ints)
		for i, v := range ints {
			x[i] = float64(v)
		}
	} else {
		err = p.Get(n, x)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return x
}

// checkGradients compares the derivative of a scalar with differences of fourth order, for each parameter and
// each of further inputs along a random direction.
func (f *fixture) checkGradients(loss *G.Node, inputs ...*G.Node) {
	f.t.Helper()
	if f.b.Err() != nil {
		f.t.Fatal(f.b.Err())
	}
	wrt := append(append(G.Nodes{}, f.p.Nodes()...), inputs...)
	grads, err := G.Grad(loss, wrt...)
	if err != nil {
		f.t.Fatal(err)
	}
	p := f.compile(append(G.Nodes{loss}, grads...)...)
	run := func() float64 {
		f.t.Helper()
		if err := p.Run(); err != nil {
			f.t.Fatal(err)
		}
		return f.get(p, loss)[0]
	}
	run()
	slopes, ways := make([]float64, len(wrt)), make([][]float64, len(wrt))
	for i, g := range grads {
		for _, d := range f.get(p, g) {
			v := f.rand.NormFloat64()
			ways[i] = append(ways[i], v)
			slopes[i] += d * v
		}
	}
	const h = 3e-5 // the error is of the order of h⁴ and of 1e-16/h
	for i, n := range wrt {
		at := func(h float64) float64 {
			x := append([]float64{}, numbers(n)...)
			for j := range x {
				x[j] += h * ways[i][j]
			}
			if err := p.Set(n, x); err != nil {
				f.t.Fatal(err)
			}
			return run()
		}
		want := (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)
		if math.Abs(slopes[i]-want) > 1e-9*(1+math.Abs(want)) || want == 0 {
			f.t.Errorf("the derivative with respect to %s is %v, differences give %v", n.Name(), slopes[i], want)
		}
		at(0)
	}
}

// equal compares numbers.
func equal(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// affine is W·x + b by plain loops; b may be nil.
func affine(w, b, x []float64) []float64 {
	y := make([]float64, len(w)/len(x))
	for i := range y {
		for j := range x {
			y[i] += w[i*len(x)+j] * x[j]
		}
		if b != nil {
			y[i] += b[i]
		}
	}
	return y
}

// norm is layer normalisation by plain loops; bias may be nil.
func norm(x, gain, bias []float64) []float64 {
	n := float64(len(x))
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / n
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (v - mean) / math.Sqrt(variance+1e-5) * gain[i]
		if bias != nil {
			y[i] += bias[i]
		}
	}
	return y
}

// cellStep is one step of a cell by plain loops over its equations: the new states.
func cellStep(
	c models.CellConfig, w map[string][]float64, name, layer string, x []float64, states [][]float64,
) [][]float64 {
	of := func(what string) []float64 { return w[fmt.Sprintf("%s.%s_%s", name, what, layer)] }
	h := states[0]
	n := len(h)
	zx, zh := affine(of("weight_ih"), of("bias_ih"), x), affine(of("weight_hh"), of("bias_hh"), h)
	if c.LayerNorm {
		zx = norm(affine(of("weight_ih"), nil, x), of("norm_ih"), of("bias_ih"))
		zh = norm(affine(of("weight_hh"), nil, h), of("norm_hh"), of("bias_hh"))
	}
	next := make([]float64, n)
	switch {
	case c.Kind == "rnn" && c.Activation == "relu":
		for j := range next {
			next[j] = max(0, zx[j]+zh[j])
		}
	case c.Kind == "rnn":
		for j := range next {
			next[j] = math.Tanh(zx[j] + zh[j])
		}
	case c.Kind == "gru":
		for j := range next {
			r, z := sigmoid(zx[j]+zh[j]), sigmoid(zx[n+j]+zh[n+j])
			next[j] = (1-z)*math.Tanh(zx[2*n+j]+r*zh[2*n+j]) + z*h[j]
		}
	case c.Kind == "lstm":
		peep := make([]float64, 3*n)
		if c.Peepholes {
			peep = of("peephole")
		}
		cell, o := make([]float64, n), make([]float64, n)
		for j, old := range states[1] {
			i, f := sigmoid(zx[j]+zh[j]+peep[j]*old), sigmoid(zx[n+j]+zh[n+j]+peep[n+j]*old)
			cell[j] = f*old + i*math.Tanh(zx[2*n+j]+zh[2*n+j])
			o[j] = sigmoid(zx[3*n+j] + zh[3*n+j] + peep[2*n+j]*cell[j])
		}
		y := cell
		if c.LayerNorm {
			y = norm(cell, w[name+".norm_c_"+layer+".weight"], w[name+".norm_c_"+layer+".bias"])
		}
		for j := range next {
			next[j] = o[j] * math.Tanh(y[j])
		}
		return [][]float64{next, cell}
	}
	return [][]float64{next}
}

// layersOf runs a stack of layers over one sequence of valid steps by plain loops: the outputs of each step,
// and the last states in the order layer, direction, state of the cell.
func layersOf(
	c models.RecurrentConfig, w map[string][]float64, name string, xs, states [][]float64,
) (outputs, last [][]float64) {
	directions := []string{"", "_reverse"}
	if !c.Bidirectional {
		directions = directions[:1]
	}
	per := len(states) / (c.Layers * len(directions))
	for l := range c.Layers {
		ys := make([][]float64, len(xs))
		for _, d := range directions {
			now := states[:per]
			states = states[per:]
			for i := range xs {
				s := i
				if d != "" {
					s = len(xs) - 1 - i
				}
				now = cellStep(c.Cell.(models.CellConfig), w, name, fmt.Sprintf("l%d%s", l, d), xs[s], now)
				ys[s] = append(ys[s], now[0]...)
			}
			last = append(last, now...)
		}
		xs = ys
	}
	return xs, last
}
