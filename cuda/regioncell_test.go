package cuda_test

import (
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
)

// normed is a cell of a user's own, with layer normalisation by equations:
//
//	h' = tanh((z - mean(z)) / √(var(z) + 1e-5))    with z = x·W + h·U
type normed struct{ in, state *models.Linear }

func (normed) NewCell(p *models.Params, in, hidden int) (models.Cell, error) {
	return normed{models.NewLinear(p, "in", in, hidden), models.NewLinear(p, "state", hidden, hidden)}, nil
}

func (normed) States() int { return 1 }

func (c normed) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	z := b.Add(c.in.Apply(b, x), c.state.Apply(b, states[0]))
	z = b.Sub(z, b.Expand(b.Mean(z, -1), -1))
	variance := b.Expand(b.Mean(b.Square(z), -1), -1)
	return []*G.Node{b.Tanh(b.Div(z, b.Sqrt(b.Affine(variance, 1, 1e-5))))}
}

// Layer normalisation in a cell of a user's own is one launch with all that is elementwise around it: a step forward
// is a product and that, a step back that and a product. The library's own LSTM has such launches, too.
func TestNormalisedCells(t *testing.T) {
	const steps, seq = 3, 6 // of training, and of languageModel
	lstm := models.CellConfig{Kind: "lstm", LayerNorm: true}
	for name, cell := range map[string]models.CellKind{"own": normed{}, "lstm": lstm} {
		c := languageModel(models.LMConfig{Vocab: 11, Cell: cell, Hidden: 12, Layers: 1}, 1)
		gpu := sim.New(sim.Config{})
		r := &recorder{GPU: gpu}
		follows(t, c(t, cuda.New(r)), c(t, ref.New()), steps, 1e-5)
		if n := r.kernels("region_"); n < 2 {
			t.Errorf("%s: %d kernels of regions, want them forward and backward", name, n)
		}
		if s := gpu.Stats(); name == "own" && s.Kernels > steps*(2*seq+16) {
			t.Errorf("%d kernels a training step, want one a step forward and one back, and what is around", s.Kernels/steps)
		}
	}
}

// A product of bfloat16 rounds its operands in a region, too, in a loop and out of it: it is as near to the sum of the
// rounded terms as one by itself.
func TestRegionsRound(t *testing.T) {
	const rows, lines, cols = 3, 5, 24
	for _, trip := range []int{0, 2} {
		b := &builder{}
		x, y := b.floats("x", tape.Input, rows*lines*cols), b.floats("y", tape.Input, rows*cols)
		z, soft := b.floats("z", tape.Output, rows*lines), b.floats("soft", tape.Output, rows*lines)
		code := []tape.Instr{
			&tape.Product{A: x, B: y, C: z, Batch: rows, M: lines, N: 1, K: cols, LdA: cols, LdB: 1, LdC: 1,
				StrideA: lines * cols, StrideB: cols, StrideC: lines},
			&tape.Rows{Kind: tape.Softmax, In: []tape.Ref{z}, Out: soft, Rows: rows, Cols: lines},
		}
		if trip > 0 {
			code = []tape.Instr{&tape.Loop{Trip: trip, Body: code}}
		}
		b.emit(code...)
		r := &recorder{GPU: sim.New(sim.Config{})}
		p, err := cuda.New(r, cuda.Precision(driver.BFloat16)).Load(&b.Tape)
		if err != nil {
			t.Fatal(err)
		}
		if n := r.kernels("region_"); n != 1 {
			t.Errorf("%d kernels of regions, want 1", n)
		}
		rng := rand.New(rand.NewPCG(1, 6))
		draw := func(n int) []float32 {
			xs := make([]float32, n)
			for i := range xs {
				xs[i] = float32(rng.NormFloat64())
			}
			return xs
		}
		xs, ys := draw(rows*lines*cols), draw(rows*cols)
		write(t, p, b.id("x"), xs)
		write(t, p, b.id("y"), ys)
		run(t, p)
		for i, got := range read(t, p, b.id("z"), rows*lines) {
			sum, size := 0.0, 0.0
			for k := range cols {
				term := roundTo(float64(xs[i*cols+k]), 8) * roundTo(float64(ys[i/lines*cols+k]), 8)
				sum, size = sum+term, size+math.Abs(term)
			}
			if math.Abs(float64(got)-sum) > (cols+2)*0x1p-24*size {
				t.Errorf("in a loop of %d steps: z[%d] = %v, want %v", trip, i, got, sum)
			}
		}
		p.Close()
	}
}
