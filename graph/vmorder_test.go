package graph_test

import (
	"fmt"
	"hash"
	"io"
	"log"
	"os"
	"slices"
	"testing"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
)

// Graphs whose derivative reads what the forward op left in itself, and whose cost is linear in the forward op's
// value, so that no value says what comes first.
var hiddenState = map[string]func(m *stockModel) *G.Node{
	"BatchNorm":                func(m *stockModel) *G.Node { return linear(m, batchNorm(m, m.param("x", 3, 2, 1, 2))) },
	"BatchNorm1d":              func(m *stockModel) *G.Node { return linear(m, batchNorm1d(m, m.param("x", 4, 3))) },
	"GroupNorm":                func(m *stockModel) *G.Node { return linear(m, groupNorm(m, m.param("x", 2, 4, 2, 2))) },
	"CTCLoss":                  ctc,
	"an op that is pointed to": func(m *stockModel) *G.Node { return linear(m, apply(m, &squareOp{new(recording)})) },
	"an op that shares a struct": func(m *stockModel) *G.Node {
		return linear(m, apply(m, &sharingOp{squareOp{new(recording)}}))
	},
	"two in a row": func(m *stockModel) *G.Node {
		return linear(m, batchNorm(m, groupNorm(m, m.param("x", 2, 4, 2, 2))))
	},
}

func (m *stockModel) fill(name string, x float64, shape ...int) *G.Node {
	return G.NewTensor(m.g, m.dtype, len(shape), G.WithShape(shape...), G.WithName(name), G.WithInit(G.ValuesOf(x)))
}

func linear(m *stockModel, y *G.Node) *G.Node {
	return G.Must(G.Sum(G.Must(G.HadamardProd(y, m.input("weights", y.Shape()...)))))
}

func batchNorm(m *stockModel, x *G.Node) *G.Node {
	c := x.Shape()[1]
	y, _, _, _, err := G.BatchNorm(x, m.fill("scale", 1.5, 1, c, 1, 1), m.fill("bias", 0.5, 1, c, 1, 1), 0.9, 1e-5)
	return G.Must(y, err)
}

func batchNorm1d(m *stockModel, x *G.Node) *G.Node {
	c := x.Shape()[1]
	y, _, _, _, err := G.BatchNorm(x, m.fill("scale", 1.5, 1, c), m.fill("bias", 0.5, 1, c), 0.9, 1e-5)
	return G.Must(y, err)
}

func groupNorm(m *stockModel, x *G.Node) *G.Node {
	c := x.Shape()[1]
	return G.Must(G.GroupNorm(x, m.fill("gscale", 1.5, 1, c, 1, 1), m.fill("gbias", 0.5, 1, c, 1, 1), 2, c, 1e-5))
}

func apply(m *stockModel, o G.Op) *G.Node { return G.Must(G.ApplyOp(o, m.param("x", 4))) }

// ctc is the loss of two sequences of 5 steps over 4 symbols, of which 0 is the blank.
func ctc(m *stockModel) *G.Node {
	ints := func(name string, shape tensor.Shape, xs ...int) *G.Node {
		v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(xs))
		return G.NewTensor(m.g, tensor.Int, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
	}
	logits := m.param("logits", 5, 2, 4)
	logProbs := G.Must(G.LogSoftMax(logits, 2))
	return G.Must(G.CTCLoss(logProbs, ints("targets", tensor.Shape{2, 2}, 1, 2, 3, 1),
		ints("steps", tensor.Shape{2}, 5, 5), ints("lengths", tensor.Shape{2}, 2, 1), G.ReductionSum))
}

// Gorgonia's GroupNorm writes its gradient to the log.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// squareOp is a user's op: x², whose derivative finds x in what Do left, not in its arguments.
type squareOp struct{ seen *recording }

type recording struct{ x []float64 }

func (o *squareOp) Do(in ...G.Value) (G.Value, error) {
	o.seen.x = slices.Clone(in[0].Data().([]float64))
	ys := make([]float64, len(o.seen.x))
	for i, x := range o.seen.x {
		ys[i] = x * x
	}
	return tensor.New(tensor.WithShape(len(ys)), tensor.WithBacking(ys)), nil
}

func (r *recording) diff(grad G.Value) (G.Value, error) {
	ds := slices.Clone(grad.Data().([]float64))
	for i, x := range r.x {
		ds[i] *= 2 * x
	}
	return tensor.New(tensor.WithShape(len(ds)), tensor.WithBacking(ds)), nil
}

func (o *squareOp) Arity() int         { return 1 }
func (o *squareOp) String() string     { return "square" }
func (o *squareOp) DiffWRT(int) []bool { return []bool{true} }
func (o *squareOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	d, err := G.ApplyOp(&squareDiffOp{o}, in[0], grad)
	return G.Nodes{d}, err
}
func (o *squareOp) Type() hm.Type { return vectors(2) }
func (o *squareOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (o *squareOp) ReturnsPtr() bool      { return false }
func (o *squareOp) CallsExtern() bool     { return false }
func (o *squareOp) OverwritesInput() int  { return -1 }
func (o *squareOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "square %p", o) }
func (o *squareOp) Hashcode() uint32      { return 77 }

// vectors is the type of a function of n-1 vectors to a vector.
func vectors(n int) hm.Type {
	return hm.NewFnType(slices.Repeat([]hm.Type{G.TensorType{Dims: 1, Of: tensor.Float64}}, n)...)
}

// squareDiffOp embeds the op.
type squareDiffOp struct{ *squareOp }

func (o *squareDiffOp) Arity() int                        { return 2 }
func (o *squareDiffOp) Type() hm.Type                     { return vectors(3) }
func (o *squareDiffOp) String() string                    { return "squareDiff" }
func (o *squareDiffOp) WriteHash(h hash.Hash)             { fmt.Fprintf(h, "square diff %p", o) }
func (o *squareDiffOp) Hashcode() uint32                  { return 78 }
func (o *squareDiffOp) Do(in ...G.Value) (G.Value, error) { return o.seen.diff(in[1]) }

// sharingOp is the same with a derivative that knows only the memory.
type sharingOp struct{ squareOp }

func (o *sharingOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	d, err := G.ApplyOp(&squareDiffOp{&squareOp{o.seen}}, in[0], grad)
	return G.Nodes{d}, err
}
func (o *sharingOp) Do(in ...G.Value) (G.Value, error) { return o.squareOp.Do(in...) }

// elements are the places of the numbers of all parameters.
func (m *stockModel) elements() (xs []*float64) {
	for _, p := range m.params {
		switch v := p.Value().(type) {
		case *G.F64:
			xs = append(xs, (*float64)(v))
		case *tensor.Dense:
			for i := range v.Data().([]float64) {
				xs = append(xs, &v.Data().([]float64)[i])
			}
		}
	}
	return xs
}

// perturb gives the parameters other values, so that what an op kept of the run before is wrong.
func (m *stockModel) perturb() {
	for _, x := range m.elements() {
		*x = m.rng.Float64() - 0.5
	}
}

// gradients are those of the last run, one after the other.
func (m *stockModel) gradients(t *testing.T) (gs []float64) {
	t.Helper()
	for _, p := range m.params {
		g, err := p.Grad()
		if err != nil {
			t.Fatal(err)
		}
		gs = append(gs, numbers(t, g)...)
	}
	return gs
}

// differences are the derivatives of the cost by central differences.
func (m *stockModel) differences(t *testing.T, vm G.VM) (ds []float64) {
	t.Helper()
	for i := range m.elements() {
		ds = append(ds, m.difference(t, vm, i))
	}
	return ds
}

// difference is that of the i-th element of all parameters.
func (m *stockModel) difference(t *testing.T, vm G.VM, i int) float64 {
	t.Helper()
	const h = 1e-5
	x := m.elements()[i]
	was := *x
	costAt := func(value float64) float64 {
		*x = value
		run(t, vm)
		return numbers(t, m.cost.Value())[0]
	}
	d := (costAt(was+h) - costAt(was-h)) / (2 * h)
	*x = was
	return d
}

func TestHiddenStateIsReadAfterItIsWritten(t *testing.T) {
	for name, build := range hiddenState {
		t.Run(name, func(t *testing.T) {
			m := newStockModel(tensor.Float64, build)
			vm := newVM(t, m.g)
			for range 3 {
				run(t, vm)
				got := m.gradients(t)
				near(t, "gradient", got, m.differences(t, vm), 1e-6)
				m.perturb()
			}
		})
	}
}

// A program that is asked for the gradients alone computes what they read the state of, too.
func TestHiddenStateInPrograms(t *testing.T) {
	for name, build := range hiddenState {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprint(name, "/", plain), func(t *testing.T) {
				m, same := newStockModel(tensor.Float64, build), newStockModel(tensor.Float64, build)
				m.perturb()
				same.perturb()
				vm := newVM(t, same.g)
				run(t, vm)
				var grads G.Nodes
				for _, p := range m.params {
					grads = append(grads, p.Deriv())
				}
				p, err := graph.Compile(graph.Config{Device: ref.New(ref.Poison()), Outputs: grads, Plain: plain})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				if err := p.Run(); err != nil {
					t.Fatal(err)
				}
				var got []float64
				for _, g := range grads {
					xs := make([]float64, g.Shape().TotalSize())
					if err := p.Get(g, xs); err != nil {
						t.Fatal(err)
					}
					got = append(got, xs...)
				}
				near(t, "gradient", got, same.differences(t, vm), 1e-6)
			})
		}
	}
}

// In a scan the derivative of each step reads the state of that step.
func TestHiddenStateInScan(t *testing.T) {
	m := newStockModel(tensor.Float64, func(m *stockModel) *G.Node {
		b := op.New(m.g)
		xs, h0 := m.param("xs", 3, 4), m.param("h0", 4)
		r := b.Scan(op.Scan{Seqs: []*G.Node{xs}, States: []*G.Node{h0}}, func(b *op.Builder, in op.In) op.Out {
			y := G.Must(G.ApplyOp(&squareOp{new(recording)}, in.Seqs[0]))
			return op.Out{States: []*G.Node{b.Add(b.Mul(in.States[0], b.Fill(y, 0.5)), y)}}
		})
		if b.Err() != nil {
			t.Fatal(b.Err())
		}
		return linear(m, r.Final[0])
	})
	vm := newVM(t, m.g)
	run(t, vm)
	near(t, "gradient", m.gradients(t), m.differences(t, vm), 1e-6)
}
