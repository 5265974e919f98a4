package optim

import (
	"errors"
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
)

// lookup is a step on the loss Σ (E[index] - 1)² ⊙ [1, 2, ...], of a table that is looked up twice, in float64.
type lookup struct {
	*Step
	table, first, second *G.Node
	now                  []float64
}

// newLookup looks up n rows, and n rows again if twice.
func newLookup(t *testing.T, start []float64, width, n int, twice bool, c StepConfig) *lookup {
	t.Helper()
	b := op.New(G.NewGraph())
	rows := len(start) / width
	l := &lookup{now: make([]float64, len(start))}
	l.table = G.NewMatrix(b.Graph(), G.Float64, G.WithShape(rows, width), G.WithName("table"),
		G.WithValue(tensor.New(tensor.WithShape(rows, width), tensor.WithBacking(slices.Clone(start)))))
	c.Params = G.Nodes{l.table}
	of := func(name string) (index, loss *G.Node) {
		index = G.NewVector(b.Graph(), tensor.Int32, G.WithShape(n), G.WithName(name))
		x := b.Gather(l.table, index)
		return index, b.Sum(b.Mul(b.Affine(b.Iota(x, 0, n, width), 1, 1), b.Square(b.Affine(x, 1, -1))))
	}
	l.first, c.Loss = of("first")
	if twice {
		var more *G.Node
		l.second, more = of("second")
		c.Loss = b.Add(c.Loss, more)
	}
	var err error
	if l.Step, err = NewStep(b, c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// take takes a step, and gives the table after it.
func (l *lookup) take(t *testing.T, rate float64, first, second []int32) []float64 {
	t.Helper()
	err := errors.Join(l.Set(l.Rate, []float64{rate}), l.Set(l.first, first))
	if l.second != nil {
		err = errors.Join(err, l.Set(l.second, second))
	}
	if err := errors.Join(err, l.Run(), l.Get(l.table, l.now)); err != nil {
		t.Fatal(err)
	}
	return l.now
}

// Updates of rows are those of PyTorch's sparse gradients: SparseAdam, and SGD and Adagrad of sparse embeddings.
func TestRowsArePyTorchs(t *testing.T) {
	golden := readOptim(t)
	for name, o := range map[string]Optimizer{"sgd": SGD{}, "adagrad": DefaultAdagrad, "adam": DefaultAdam} {
		for _, d := range []tape.Device{ref.New(), cpu.New()} {
			l := newLookup(t, golden.Rows.Start, 2, 4, false, StepConfig{Device: d, Optimizer: o, Rows: name == "adam"})
			for k, want := range golden.Rows.Optimizers[name] {
				got := l.take(t, 0.05, golden.Rows.Index[k], nil)
				for i, w := range want {
					// SparseAdam adds ε to √v before it corrects the bias.
					if math.Abs(got[i]-w) > 1e-7 {
						t.Fatalf("%s on %s, step %d: weight %d is %v, PyTorch has %v", name, d.Name(), k, i, got[i], w)
					}
				}
			}
		}
	}
}

// Where all rows are read, in two lookups and some of them several times, lazy Adam is Adam, with weight decay of both
// kinds and clipping by the same norm.
func TestRowsOfAllAreTheWhole(t *testing.T) {
	start := []float64{1, -2, 0.3, 4, 0, 0.5, -1, 2}
	for name, o := range map[string]Optimizer{
		"adam": DefaultAdam, "decoupled": Decoupled(DefaultAdam, 0.1), "regularized": Regularized(SGD{Momentum: 0.9}, 0.1),
	} {
		for _, scaling := range []LossScaling{{}, DefaultLossScaling} {
			c := StepConfig{Device: ref.New(), Optimizer: o, Clip: 2, ClipValue: 0.5, Scaling: scaling}
			whole := newLookup(t, start, 2, 4, true, c)
			c.Rows = true
			rows := newLookup(t, start, 2, 4, true, c)
			for k := range 10 {
				first, second := []int32{0, 1, 1, 3}, []int32{2, 2, int32(k) % 4, 3}
				want, got := whole.take(t, 0.05, first, second), rows.take(t, 0.05, first, second)
				var norms [2]float64
				for i, l := range []*lookup{whole, rows} {
					x := make([]float64, 1)
					if err := l.Get(l.Norm, x); err != nil {
						t.Fatal(err)
					}
					norms[i] = x[0]
				}
				if math.Abs(norms[1]-norms[0]) > 1e-12*norms[0] {
					t.Errorf("%s, step %d: norm %v, want %v", name, k, norms[1], norms[0])
				}
				for i, w := range want {
					if math.Abs(got[i]-w) > 1e-12 {
						t.Errorf("%s, step %d: weight %d is %v, want %v", name, k, i, got[i], w)
					}
				}
			}
		}
	}
}

// What nobody reads keeps its bits, moments included, also in a step that is not finite; and no instruction touches
// as many numbers as the table has.
func TestRowsTouchNothingElse(t *testing.T) {
	const rows, width, n = 1000, 8, 5
	start := make([]float64, rows*width)
	for i := range start {
		start[i] = float64(i%13) - 6
	}
	for _, c := range []StepConfig{
		{Optimizer: DefaultAdam, Rows: true, Clip: 1}, {Optimizer: SGD{}, Clip: 1}, {Optimizer: DefaultAdagrad},
		{Optimizer: Decoupled(SGD{Momentum: 0.5}, 0.1), Rows: true, Scaling: DefaultLossScaling},
	} {
		c.Device = cpu.New()
		l := newLookup(t, start, width, n, true, c)
		for _, in := range l.Tape().Code {
			touched := 0
			switch in := in.(type) {
			case *tape.Map:
				touched = tensor.Shape(in.Shape).TotalSize()
			case *tape.Copy:
				touched = tensor.Shape(in.Shape).TotalSize()
			case *tape.Reduce:
				touched = in.Outer * in.N * in.Inner
			case *tape.ScatterAdd:
				touched = in.Rows * in.Width
			}
			if touched >= rows*width {
				t.Errorf("%T: %v", c.Optimizer, in)
			}
		}
		states := func() map[string][]float64 {
			all := map[string][]float64{}
			for _, s := range l.States {
				if s.Shape().TotalSize() == rows*width {
					x := make([]float64, rows*width)
					if err := l.Get(s, x); err != nil {
						t.Fatal(err)
					}
					all[s.Name()] = x
				}
			}
			return all
		}
		l.take(t, 0.1, []int32{1, 2, 3, 4, 5}, []int32{9, 9, 9, 9, 9})
		before, moments := slices.Clone(l.now), states()
		after := l.take(t, 0.1, []int32{2, 7, 2, 999, 0}, []int32{0, 0, 3, 3, 3})
		read := []int{0, 2, 3, 7, 999}
		moments["table"] = before
		later := states()
		later["table"] = after
		for name, x := range later {
			for r := range rows {
				same := slices.Equal(x[r*width:][:width], moments[name][r*width:][:width])
				if slices.Contains(read, r) == same {
					t.Errorf("%T: row %d of %s, read %v: the same %v", c.Optimizer, r, name, !same, same)
				}
			}
		}
		broken := slices.Clone(l.now)
		broken[7*width] = math.Inf(1)
		if err := l.Set(l.table, broken); err != nil {
			t.Fatal(err)
		}
		if got := l.take(t, 0.1, []int32{2, 7, 2, 999, 0}, []int32{0, 0, 3, 3, 3}); !slices.Equal(got, broken) {
			t.Errorf("%T: a step that is not finite was applied", c.Optimizer)
		}
	}
}

func TestRowsRefuse(t *testing.T) {
	for _, c := range []StepConfig{{Rows: true, Accumulate: true}, {Rows: true, Average: 0.9}} {
		c.Optimizer = SGD{}
		if err := c.CheckSettings(); err == nil ||
			err.Error() != "Rows is true: it must be left out with Accumulate, Average, or several processes, which touch all weights" {
			t.Errorf("%v", err)
		}
	}
}
