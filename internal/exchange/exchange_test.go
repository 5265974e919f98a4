package exchange_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/internal/exchange"
	"github.com/unroll-ml/unroll/internal/onnx/onnxtest"
	"github.com/unroll-ml/unroll/models"
)

// mgu is a cell of a user: the minimal gated unit.
type mgu struct{ f, n *models.Linear }

func (mgu) NewCell(p *models.Params, in, hidden int) (models.Cell, error) {
	return mgu{models.NewLinear(p, "f", in+hidden, hidden), models.NewLinear(p, "n", in+hidden, hidden)}, nil
}
func (mgu) States() int { return 1 }
func (c mgu) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	h := states[0]
	f := b.Sigmoid(c.f.Apply(b, b.Concat(1, x, h)))
	n := b.Tanh(c.n.Apply(b, b.Concat(1, x, b.Mul(f, h))))
	return []*G.Node{b.Add(b.Mul(b.Affine(f, -1, 1), h), b.Mul(f, n))}
}

// cells are all kinds of cells, with the operator that a layer becomes.
var cells = map[string]struct {
	kind      models.CellKind
	operator  string
	tolerance float64 // 0: exact; a file has constants such as 1/3 in float32
}{
	"rnn":                    {models.CellConfig{Kind: "rnn"}, "RNN", 0},
	"rnn relu":               {models.CellConfig{Kind: "rnn", Activation: "relu"}, "RNN", 0},
	"rnn no bias":            {models.CellConfig{Kind: "rnn", NoBias: true}, "RNN", 0},
	"gru":                    {models.CellConfig{Kind: "gru"}, "GRU", 0},
	"gru no bias":            {models.CellConfig{Kind: "gru", NoBias: true}, "GRU", 0},
	"lstm":                   {models.CellConfig{Kind: "lstm", ForgetBias: 1}, "LSTM", 0},
	"lstm no bias":           {models.CellConfig{Kind: "lstm", NoBias: true}, "LSTM", 0},
	"lstm peepholes":         {models.CellConfig{Kind: "lstm", Peepholes: true}, "LSTM", 0},
	"lstm peepholes no bias": {models.CellConfig{Kind: "lstm", Peepholes: true, NoBias: true}, "LSTM", 0},
	"lstm layer norm":        {models.CellConfig{Kind: "lstm", LayerNorm: true}, "Scan", 1e-6},
	"own":                    {mgu{}, "Scan", 0},
}

// fixture is a model with weights in float64 that float32 has, too, and the program of unroll that it is compared with.
type fixture struct {
	*testing.T
	b       *op.Builder
	p       *models.Params
	weights map[string][]float32
	within  float64 // of unroll's numbers
	inputs  map[*G.Node]any
	random  *rand.Rand
}

func newFixture(t *testing.T, within float64) *fixture {
	b := op.New(G.NewGraph())
	return &fixture{
		T: t, b: b, p: models.NewParams(b, tensor.Float64, 7), within: max(within, 1e-11), inputs: map[*G.Node]any{},
		random: rand.New(rand.NewPCG(1, 2)),
	}
}

// round makes the weights numbers of float32.
func (f *fixture) round() {
	f.weights = map[string][]float32{}
	for _, n := range f.p.Nodes() {
		data := n.Value().Data().([]float64)
		narrow := make([]float32, len(data))
		for i, x := range data {
			narrow[i] = float32(x)
			data[i] = float64(narrow[i])
		}
		f.weights[n.Name()] = narrow
	}
}

func (f *fixture) input(name string, of tensor.Dtype, data any, shape ...int) *G.Node {
	n := G.NewTensor(f.b.Graph(), of, len(shape), G.WithShape(shape...), G.WithName(name))
	f.inputs[n] = data
	return n
}

// tokens are rows of tokens, batch×time, from least to below n.
func (f *fixture) tokens(batch, time, least, n int) []int32 {
	x := make([]int32, batch*time)
	for i := range x {
		x[i] = int32(least + f.random.IntN(n-least))
	}
	return x
}

func (f *fixture) numbers(n int) ([]float32, []float64) {
	x, wide := make([]float32, n), make([]float64, n)
	for i := range x {
		x[i] = float32(f.random.NormFloat64())
		wide[i] = float64(x[i])
	}
	return x, wide
}

// run gives what unroll computes.
func (f *fixture) run(outputs ...*G.Node) [][]float64 {
	f.Helper()
	if err := f.b.Err(); err != nil {
		f.Fatal(err)
	}
	p, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: outputs})
	if err != nil {
		f.Fatal(err)
	}
	for n, data := range f.inputs {
		if err := p.Set(n, data); err != nil {
			f.Fatal(err)
		}
	}
	if err := p.Run(); err != nil {
		f.Fatal(err)
	}
	var all [][]float64
	for _, n := range outputs {
		x := make([]float64, n.Shape().TotalSize())
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
			f.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// file exports a part of a model.
func (f *fixture) file(c exchange.Config, part string) []byte {
	f.Helper()
	var file bytes.Buffer
	if _, err := (exchange.Model{Config: c, Weights: f.weights}).Write(&file, part); err != nil {
		f.Fatal(err)
	}
	return file.Bytes()
}

func (f *fixture) compute(file []byte, inputs map[string]*onnxtest.Tensor) map[string]*onnxtest.Tensor {
	f.Helper()
	out, err := onnxtest.Run(file, inputs)
	if err != nil {
		f.Fatal(err)
	}
	if dir := os.Getenv("UNROLL_ONNX_CASES"); dir != "" {
		if err := onnxtest.Save(dir, f.Name(), file, inputs, out); err != nil {
			f.Fatal(err)
		}
	}
	return out
}

// near compares an output with what unroll computes: both in float64, of the same weights.
func (f *fixture) near(what string, got *onnxtest.Tensor, want []float64, dims ...int) {
	f.Helper()
	if got == nil || !slices.Equal(got.Dims, dims) || len(want) != len(got.Data) {
		f.Fatalf("%s is %+v, want shape %v of %d numbers", what, got, dims, len(want))
	}
	for i, x := range got.Data {
		if math.IsNaN(x) || math.Abs(x-want[i]) > f.within*max(1, math.Abs(want[i])) && x != want[i] {
			f.Fatalf("%s: number %d is %g, unroll has %g", what, i, x, want[i])
		}
	}
}

// operators are how often a model has each operator, loops included.
func operators(t *testing.T, file []byte) map[string]int {
	t.Helper()
	n, err := onnxtest.Operators(file)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// batches are the lengths of the rows of batches, none of them full.
var batches = []struct {
	time    int
	lengths []int
}{{1, []int{1}}, {4, []int{4, 2, 1}}, {7, []int{3, 7, 5, 6, 0}}}

func mask(time int, lengths []int) []float64 {
	m := make([]float64, time*len(lengths))
	for b, n := range lengths {
		for s := range n {
			m[s*len(lengths)+b] = 1
		}
	}
	return m
}

func ints(xs []int) []int32 {
	ys := make([]int32, len(xs))
	for i, x := range xs {
		ys[i] = int32(x)
	}
	return ys
}

// TestClassifier compares classifiers with unroll's on ragged batches: all cells, poolings and kinds of inputs.
func TestClassifier(t *testing.T) {
	pooled := 0
	for name, cell := range cells {
		for _, of := range []string{"embeddings", "one-hot", "vectors"} {
			c := models.ClassifierConfig{
				Cell: cell.kind, Hidden: 3, Layers: 1, Classes: 3, Bidirectional: of != "one-hot",
				Pooling: models.Poolings[pooled%3],
			}
			pooled++
			switch of {
			case "embeddings":
				c.Vocab, c.Embed, c.Layers = 6, 4, 2
			case "one-hot":
				c.Vocab = 6
			case "vectors":
				c.Input = 2
			}
			t.Run(fmt.Sprintf("%s/%s/%s", name, of, c.Pooling), func(t *testing.T) {
				var file []byte
				for _, x := range batches {
					f := newFixture(t, cell.tolerance)
					if file = f.classify(c, x.time, x.lengths, file); t.Failed() {
						return
					}
				}
				layers := c.Layers
				if c.Bidirectional {
					layers *= 2
				}
				if n := operators(t, file); n[cell.operator] != layers {
					t.Errorf("%d layers, and the operators are %v", layers, n)
				}
			})
		}
	}
}

// classify compares a batch, with a file that was written before or a new one, which it gives.
func (f *fixture) classify(c models.ClassifierConfig, time int, lengths []int, file []byte) []byte {
	f.Helper()
	m, err := models.NewClassifier(f.p, c)
	if err != nil {
		f.Fatal(err)
	}
	f.round()
	in, given := f.sequences(c.Vocab, c.Input, time, lengths)
	logits := m.Logits(f.b, in)
	want := f.run(logits, f.b.Softmax(logits))
	if file == nil {
		file = f.file(c, exchange.Whole)
	}
	got := f.compute(file, given)
	f.near("logits", got["logits"], want[0], len(lengths), c.Classes)
	f.near("probabilities", got["probabilities"], want[1], len(lengths), c.Classes)
	return file
}

// sequences are a batch of tokens or, without a vocabulary, of vectors: for unroll, and for a file.
func (f *fixture) sequences(vocab, input, time int, lengths []int) (models.Input, map[string]*onnxtest.Tensor) {
	batch := len(lengths)
	given := map[string]*onnxtest.Tensor{"lengths": onnxtest.Ints(ints(lengths), batch)}
	in := models.Input{Mask: f.input("mask", tensor.Float64, mask(time, lengths), time, batch)}
	if vocab > 0 {
		tokens := f.tokens(batch, time, 0, vocab)
		given["tokens"] = onnxtest.Ints(tokens, batch, time)
		in.X = f.b.Transpose(f.input("x", tensor.Int32, tokens, batch, time), 1, 0)
		return in, given
	}
	narrow, wide := f.numbers(batch * time * input)
	given["vectors"] = onnxtest.Floats(narrow, batch, time, input)
	in.X = f.b.Transpose(f.input("x", tensor.Float64, wide, batch, time, input), 1, 0, 2)
	return in, given
}

// TestRegressor compares numbers in units of the data.
func TestRegressor(t *testing.T) {
	for _, x := range batches {
		f := newFixture(t, 0)
		c := exchange.Regressor{Mean: -3, Deviation: 0.25, RegressorConfig: models.RegressorConfig{
			Input: 2, Cell: cells["gru"].kind, Hidden: 3, Layers: 2, Pooling: "mean",
		}}
		m, err := models.NewRegressor(f.p, c.RegressorConfig)
		if err != nil {
			t.Fatal(err)
		}
		f.round()
		in, given := f.sequences(0, c.Input, x.time, x.lengths)
		want := f.run(f.b.Affine(m.Predict(f.b, in), c.Deviation, c.Mean))
		f.near("number", f.compute(f.file(c, exchange.Whole), given)["number"], want[0], len(x.lengths))
	}
}

// TestLanguageModel compares language models with unroll's: from states that are not zero, and with rows of different
// lengths.
func TestLanguageModel(t *testing.T) {
	for name, cell := range cells {
		for of, c := range map[string]models.LMConfig{
			"one-hot":   {Vocab: 6, Layers: 2},
			"embedding": {Vocab: 7, Layers: 1, Embed: 4},
			"adaptive":  {Vocab: 7, Layers: 1, Embed: 4, Softmax: models.Softmax{Cutoffs: []int{2, 5}}},
			"sampled":   {Vocab: 7, Layers: 1, Embed: 4, Softmax: models.Softmax{Samples: 3}},
			"tied":      {Vocab: 7, Layers: 2, Embed: 4, Tied: true},
			"tied same": {Vocab: 7, Layers: 1, Embed: 3, Tied: true},
		} {
			t.Run(name+"/"+of, func(t *testing.T) {
				c.Cell, c.Hidden = cell.kind, 3
				var file []byte
				for _, x := range batches {
					f := newFixture(t, cell.tolerance)
					m, err := models.NewLM(f.p, c)
					if err != nil {
						t.Fatal(err)
					}
					f.round()
					batch := len(x.lengths)
					tokens := f.tokens(batch, x.time, 0, c.Vocab)
					states := m.States(f.b, batch)
					var narrow []float32
					for _, s := range states {
						n, wide := f.numbers(batch * c.Hidden)
						narrow = append(narrow, n...)
						f.inputs[s] = wide
					}
					logits, last := m.Logits(f.b, models.Input{
						X:      f.b.Transpose(f.input("x", tensor.Int32, tokens, batch, x.time), 1, 0),
						Mask:   f.input("mask", tensor.Float64, mask(x.time, x.lengths), x.time, batch),
						States: states,
					})
					want := f.run(f.b.Transpose(logits, 1, 0, 2), f.b.Stack(0, last...))
					if file == nil {
						file = f.file(c, exchange.Whole)
					}
					got := f.compute(file, map[string]*onnxtest.Tensor{
						"tokens":  onnxtest.Ints(tokens, batch, x.time),
						"lengths": onnxtest.Ints(ints(x.lengths), batch),
						"states":  onnxtest.Floats(narrow, len(states), batch, c.Hidden),
					})
					f.near("logits", got["logits"], want[0], batch, x.time, c.Vocab)
					f.near("next_states", got["next_states"], want[1], len(states), batch, c.Hidden)
				}
				if n := operators(t, file); n[cell.operator] != c.Layers {
					t.Errorf("%d layers, and the operators are %v", c.Layers, n)
				}
			})
		}
	}
}
