package exchange_test

import (
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/exchange"
	"github.com/unroll-ml/unroll/internal/onnx/onnxtest"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
)

// plain is an attention of a user: it looks at all of the source equally, and a little at where the query is large.
type plain struct{ w *G.Node }

func (plain) NewAttention(p *models.Params, hidden, memory int) (models.Attention, error) {
	return plain{p.Uniform("w", 0.5, memory, hidden)}, nil
}

func (a plain) Scores(b *op.Builder, query, memory *G.Node) *G.Node {
	keys := b.Abs(b.Product(memory, a.w)) // B×S×H
	return b.MaxOver(b.Mul(keys, b.Expand(query, 1)), -1)
}

// translators are all that decoders may have.
var translators = map[string]models.Seq2SeqConfig{
	"none":                {},
	"every step":          {EveryStep: true},
	"dot":                 {Attention: models.Dot{}},
	"general":             {Attention: models.General{}, Bidirectional: true},
	"additive before":     {Attention: models.Additive{}, Before: true, Bidirectional: true},
	"additive feeding":    {Attention: models.Additive{}, Feeding: true, Layers: 2},
	"concat":              {Attention: models.Concat{}, Bidirectional: true},
	"tied and shared":     {Attention: models.General{}, Tied: true, Shared: true, Target: 9, Source: 9},
	"every step, both":    {EveryStep: true, Bidirectional: true, Layers: 2},
	"own attention":       {Attention: plain{}, Before: true},
	"additive two layers": {Attention: models.Additive{}, Bidirectional: true, Layers: 2},
}

func translator(c models.Seq2SeqConfig, cell models.CellKind) models.Seq2SeqConfig {
	if c.Cell == nil {
		c.Cell = cell
	}
	c.Layers, c.Source, c.Target = max(c.Layers, 1), max(c.Source, 9), max(c.Target, 8)
	c.Tokens, c.Embed, c.Hidden = models.DefaultTokens, 4, 3
	return c
}

// sources are rows of sources, batch×steps, with padding behind them.
func (f *fixture) sources(n, time int, lengths []int) []int32 {
	x := f.tokens(len(lengths), time, 4, n)
	for b, length := range lengths {
		for s := length; s < time; s++ {
			x[b*time+s] = 0
		}
	}
	return x
}

// greedy is a model whose end token is likely after a few, so that some rows end before others.
func (f *fixture) greedy(c models.Seq2SeqConfig, end float64) *models.Seq2Seq {
	f.Helper()
	m, err := models.NewSeq2Seq(f.p, c)
	if err != nil {
		f.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 6))
	for _, n := range f.p.Nodes() { // larger weights than initial ones, which write the same whatever they read
		data := n.Value().Data().([]float64)
		for i := range data {
			data[i] = 1.5 * random.NormFloat64()
		}
		if n.Name() == "decoder.output.bias" {
			data[c.Tokens.End] += end
		}
	}
	f.round()
	return m
}

// TestGreedy compares translations with unroll's: the same tokens, and the same numbers.
func TestGreedy(t *testing.T) {
	ended, different := 0, map[int]bool{}
	kinds := slices.Sorted(maps.Keys(cells))
	for i, name := range slices.Sorted(maps.Keys(translators)) {
		for _, kind := range []string{"lstm", "own", kinds[i%len(kinds)]} {
			c, cell := translators[name], cells[kind]
			t.Run(name+"/"+kind, func(t *testing.T) {
				c := translator(c, cell.kind)
				const most = 6
				var file []byte
				for _, x := range batches[:2] {
					f := newFixture(t, cell.tolerance)
					m, batch := f.greedy(c, 2.5), len(x.lengths)
					source := f.sources(c.Source, x.time, x.lengths)
					rows := f.input("source", tensor.Int32, source, batch, x.time)
					d := m.Greedy(f.b, f.b.Transpose(rows, 1, 0), most)
					wanted := []*G.Node{f.b.Transpose(d.Tokens, 1, 0), d.LogProb}
					if c.Attention != nil {
						wanted = append(wanted, f.b.Transpose(d.Weights, 1, 0, 2))
					}
					want := f.run(wanted...)
					if file == nil {
						file = f.file(c, exchange.Whole)
					}
					got := f.compute(file, map[string]*onnxtest.Tensor{
						"source": onnxtest.Ints(source, batch, x.time), "max_steps": onnxtest.Int(most),
					})
					// The model stops when all rows have ended; unroll writes padding up to the last step.
					steps := got["tokens"].Dims[1]
					for b := range batch {
						behind := want[0][b*most+steps : (b+1)*most]
						if slices.ContainsFunc(behind, func(x float64) bool { return x != 0 }) {
							t.Fatalf("it ended after %d steps, and unroll writes %v", steps, want[0])
						}
					}
					different[steps] = true
					if steps < most {
						ended++
					}
					f.near("tokens", got["tokens"], cut(want[0], batch, most, steps, 1), batch, steps)
					f.near("log_prob", got["log_prob"], want[1], batch)
					if c.Attention != nil {
						weights := cut(want[2], batch, most, steps, x.time)
						f.near("attention", got["attention"], weights, batch, steps, x.time)
					}
				}
			})
		}
	}
	if ended == 0 || len(different) < 3 {
		t.Errorf("%d translations ended early, at %v: the test shows nothing of it", ended, different)
	}
}

// cut leaves of rows of so many elements of a width the first.
func cut(x []float64, rows, from, to, width int) []float64 {
	var y []float64
	for r := range rows {
		y = append(y, x[r*from*width:][:to*width]...)
	}
	return y
}

// TestSearch writes what a greedy search writes by the encoder and the step alone, each row twice; the second goes on
// from the states of the first, for it has none of its own.
func TestSearch(t *testing.T) {
	for name, c := range translators {
		t.Run(name, func(t *testing.T) {
			c := translator(c, cells["gru"].kind)
			const most = 4
			f := newFixture(t, 0)
			m := f.greedy(c, 0)
			lengths, time := []int{4, 2}, 4
			source := f.sources(c.Source, time, lengths)
			d := m.Greedy(f.b, f.b.Transpose(f.input("source", tensor.Int32, source, 2, time), 1, 0), most)
			wanted := []*G.Node{f.b.Transpose(d.Tokens, 1, 0), d.LogProb}
			if c.Attention != nil {
				wanted = append(wanted, d.Weights) // most×2×time
			}
			want := f.run(wanted...)

			read := map[string]*onnxtest.Tensor{"source": onnxtest.Ints(source, 2, time)}
			encoded := f.compute(f.file(c, exchange.Encoder), read)
			file := f.file(c, exchange.Step)
			in := map[string]*onnxtest.Tensor{"token": onnxtest.Ints([]int32{2, 2, 2, 2}, 4)}
			for name, x := range encoded {
				if in[name] = doubled(x, 0); name == "states" {
					in[name] = doubled(x, 1)
				}
			}
			total := make([]float64, 4)
			for s := range most {
				in["parent"] = onnxtest.Ints([]int32{0, 0, 2, 2}, 4)
				for i := range in["states"].Data {
					if i/c.Hidden%2 == 1 {
						in["states"].Data[i] = 9
					}
				}
				out := f.compute(file, in)
				tokens := make([]int32, 4)
				for row := range tokens {
					p := out["log_probs"].Data[row*c.Target:][:c.Target]
					tokens[row] = int32(slices.Index(p, slices.Max(p)))
					wanted := int32(want[0][row/2*most+s])
					if wanted != 0 {
						total[row] += slices.Max(p)
					}
					if wanted != 0 && tokens[row] != wanted {
						t.Fatalf("step %d of row %d is %d, want %d", s, row, tokens[row], wanted)
					}
				}
				if c.Attention != nil { // both sources are written to the end of this step, or it is of padding
					for row := range 4 {
						if want[0][row/2*most+s] != 0 {
							weights := out["attention"].Data[row*time:][:time]
							f.near("attention", onnxtest.Floats(make([]float32, time), time).With(weights),
								want[2][(s*2+row/2)*time:][:time], time)
						}
					}
				} else if out["attention"] != nil {
					t.Error("there is no attention, and the file gives one")
				}
				in["token"], in["states"] = onnxtest.Ints(tokens, 4), out["next_states"]
			}
			f.near("log_prob", onnxtest.Floats([]float32{0, 0}, 2).With([]float64{total[0], total[3]}), want[1], 2)
		})
	}
}

// A part that a model does not have is a wrong setting, which says those that it has.
func TestNoSuchPart(t *testing.T) {
	_, err := exchange.Model{Config: translator(translators["additive before"], cells["gru"].kind)}.Write(io.Discard, "decoder")
	var wrong *setting.Error
	if !errors.As(err, &wrong) || wrong.Want != "one of [whole encoder step]" {
		t.Errorf("%v", err)
	}
}

// doubled has each element along an axis twice.
func doubled(x *onnxtest.Tensor, axis int) *onnxtest.Tensor {
	y := &onnxtest.Tensor{Type: x.Type, Dims: slices.Clone(x.Dims)}
	y.Dims[axis] *= 2
	inner := 1
	for _, d := range x.Dims[axis+1:] {
		inner *= d
	}
	for lo := 0; lo < len(x.Data); lo += inner {
		y.Data = append(append(y.Data, x.Data[lo:lo+inner]...), x.Data[lo:lo+inner]...)
	}
	return y
}
