package doors

import (
	"maps"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// bench is a graph with inputs for models: 3 steps of 2 sequences of 4 numbers, or of tokens below 5.
type bench struct {
	b                    *op.Builder
	p                    *models.Params
	xs, tokens, mask, at *G.Node // at: one step of tokens
	vector, matrix       *G.Node // 2×4, 2×3×4
}

func newBench() *bench {
	g := G.NewGraph()
	b := op.New(g)
	input := func(name string, of tensor.Dtype, shape ...int) *G.Node {
		return G.NewTensor(g, of, len(shape), G.WithShape(shape...), G.WithName(name))
	}
	return &bench{
		b, models.NewParams(b, tensor.Float32, 1),
		input("xs", tensor.Float32, 3, 2, 4), input("tokens", tensor.Int32, 3, 2), input("mask", tensor.Int32, 3, 2),
		input("at", tensor.Int32, 2),
		input("vector", tensor.Float32, 2, 4), input("matrix", tensor.Float32, 2, 3, 4),
	}
}

var (
	gru        = models.CellConfig{Kind: "gru"}
	recurrent  = models.RecurrentConfig{Cell: gru, Input: 4, Hidden: 4, Layers: 1, Dropout: 0.1}
	lm         = models.LMConfig{Vocab: 5, Cell: gru, Hidden: 4, Layers: 1, Embed: 3}
	classifier = models.ClassifierConfig{Vocab: 5, Embed: 3, Cell: gru, Hidden: 4, Layers: 1, Pooling: "mean", Classes: 3}
	regressor  = models.RegressorConfig{Vocab: 5, Embed: 3, Cell: gru, Hidden: 4, Layers: 1, Pooling: "max", Loss: "huber"}
	seq2seq    = models.Seq2SeqConfig{
		Source: 6, Target: 7, Tokens: models.DefaultTokens, Cell: gru, Embed: 3, Hidden: 4, Layers: 1,
		Attention: models.Additive{},
	}
	decoder = models.DecoderConfig{
		Layers: models.RecurrentConfig{Cell: gru, Input: 3, Hidden: 4, Layers: 1}, Vocab: 7, Memory: 4,
		Attention: models.Dot{},
	}
)

// made gives what a constructor of models gives, or fails.
func made[M, C any](t *testing.T, p *models.Params, make func(*models.Params, C) (M, error), c C) M {
	t.Helper()
	m, err := make(p, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (x *bench) stack(t *testing.T) *models.Recurrent {
	return made(t, x.p, func(p *models.Params, c models.RecurrentConfig) (*models.Recurrent, error) {
		return models.NewRecurrent(p, "rnn", c)
	}, recurrent)
}

func (x *bench) decoder(t *testing.T) *models.Decoder {
	return made(t, x.p, func(p *models.Params, c models.DecoderConfig) (*models.Decoder, error) {
		return models.NewDecoder(p, "decoder", p.Normal("embedding", 1, 7, 3), c)
	}, decoder)
}

func (x *bench) encoder(t *testing.T) *models.Encoder {
	c := recurrent
	c.Input = 3
	return made(t, x.p, func(p *models.Params, c models.RecurrentConfig) (*models.Encoder, error) {
		return models.NewEncoder(p, "encoder", p.Normal("embedding", 1, 5, 3), c)
	}, c)
}

func (x *bench) cell(t *testing.T, kind string) models.Cell {
	return made(t, x.p, func(p *models.Params, c models.CellConfig) (models.Cell, error) { return c.NewCell(p, 4, 4) },
		models.CellConfig{Kind: kind})
}

func (x *bench) attention(t *testing.T, name string) models.Attention {
	kind, err := models.AttentionNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return made(t, x.p, func(p *models.Params, c models.AttentionKind) (models.Attention, error) {
		return c.NewAttention(p, 4, 4)
	}, kind)
}

func (x *bench) input() models.Input {
	return models.Input{X: x.tokens, Mask: x.mask}
}

// kind tries a kind of attention.
func kind(k models.AttentionKind) func(*testing.T) call {
	return func(*testing.T) call { return call{k.NewAttention, []any{newBench().p, 4, 4}} }
}

// scores tries an attention.
func scores(name string) func(t *testing.T) call {
	return func(t *testing.T) call {
		x := newBench()
		return call{x.attention(t, name).Scores, []any{x.b, x.vector, x.matrix}}
	}
}

func project(name string) func(t *testing.T) call {
	return func(t *testing.T) call {
		x := newBench()
		return call{x.attention(t, name).(models.Projector).Project, []any{x.b, x.matrix}}
	}
}

func init() {
	doors = append(doors, door{"models", map[string]func(t *testing.T) call{
		"NewParams": func(*testing.T) call {
			x := newBench()
			return call{declares(models.NewParams), []any{x.b, tensor.Float32, uint64(1)}}
		},
		"DeclareParams": func(*testing.T) call { x := newBench(); return call{models.DeclareParams, []any{x.b, tensor.Float32}} },
		"NewRecurrent":  func(*testing.T) call { return call{models.NewRecurrent, []any{newBench().p, "rnn", recurrent}} },
		"NewEncoder": func(*testing.T) call {
			x := newBench()
			return call{models.NewEncoder, []any{x.p, "encoder", x.p.Normal("embedding", 1, 5, 4), recurrent}}
		},
		"NewDecoder": func(*testing.T) call {
			x := newBench()
			return call{models.NewDecoder, []any{x.p, "decoder", x.p.Normal("embedding", 1, 7, 3), decoder}}
		},
		"NewLM":                 func(*testing.T) call { return call{models.NewLM, []any{newBench().p, lm}} },
		"NewClassifier":         func(*testing.T) call { return call{models.NewClassifier, []any{newBench().p, classifier}} },
		"NewSeq2Seq":            func(*testing.T) call { return call{models.NewSeq2Seq, []any{newBench().p, seq2seq}} },
		"CellConfig.NewCell":    func(*testing.T) call { return call{gru.NewCell, []any{newBench().p, 4, 4}} },
		"AttentionNamed":        func(*testing.T) call { return call{models.AttentionNamed, []any{"dot"}} },
		"Dot.NewAttention":      kind(models.Dot{}),
		"General.NewAttention":  kind(models.General{}),
		"Additive.NewAttention": kind(models.Additive{}),
		"Concat.NewAttention":   kind(models.Concat{}),
		"Dot.Scores":            scores("dot"),
		"General.Scores":        scores("general"),
		"Additive.Scores":       scores("additive"),
		"Concat.Scores":         scores("concat"),
		"General.Project":       project("general"),
		"Additive.Project":      project("additive"),
		"Recurrent.Apply": func(t *testing.T) call {
			x := newBench()
			return call{x.stack(t).Apply, []any{x.b, models.Input{X: x.xs, Mask: x.mask}}}
		},
		"Recurrent.Step": func(t *testing.T) call {
			x := newBench()
			return call{x.stack(t).Step, []any{x.b, models.Input{X: x.vector}}}
		},
		"Recurrent.States": func(t *testing.T) call { x := newBench(); return call{x.stack(t).States, []any{x.b, 2}} },
		"Recurrent.Top":    func(t *testing.T) call { x := newBench(); return call{x.stack(t).Top, []any{x.b, []*G.Node{x.vector}}} },
		"LM.Logits": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewLM, lm).Logits, []any{x.b, x.input()}}
		},
		"LM.Losses": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewLM, lm).Losses, []any{x.b, x.input(), x.tokens, (*models.Aid)(nil)}}
		},
		"Softmax.NewAid": func(*testing.T) call {
			return call{models.Softmax{Cutoffs: []int{2, 3}}.NewAid, []any{newBench().b, []int{1, 2}}}
		},
		"ChooseCutoffs": func(*testing.T) call {
			return call{models.ChooseCutoffs, []any{[]int{9, 8, 7, 6, 5, 4, 3, 2, 1}, 64, 10}}
		},
		"Seq2Seq.TrainingLoss": func(t *testing.T) call {
			x := newBench()
			m := made(t, x.p, models.NewSeq2Seq, seq2seq)
			return call{m.TrainingLoss, []any{x.b, x.tokens, x.tokens, models.Teaching{}, (*models.Aid)(nil)}}
		},
		"LM.States": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewLM, lm).States, []any{x.b, 2}}
		},
		"NewRegressor":            func(*testing.T) call { return call{models.NewRegressor, []any{newBench().p, regressor}} },
		"RegressorConfig.Declare": func(t *testing.T) call { return call{regressor.Declare, []any{newBench().p}} },
		"RegressorConfig.Weights": func(*testing.T) call { return call{models.RegressorConfig.Weights, []any{regressor}} },
		"Regressor.Predict": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewRegressor, regressor).Predict, []any{x.b, x.input()}}
		},
		"Regressor.Losses": func(t *testing.T) call {
			x := newBench()
			m := made(t, x.p, models.NewRegressor, regressor)
			return call{m.Losses, []any{x.b, x.vector, x.vector}}
		},
		"Classifier.Logits": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewClassifier, classifier).Logits, []any{x.b, x.input()}}
		},
		"Encoder.Apply": func(t *testing.T) call { x := newBench(); return call{x.encoder(t).Apply, []any{x.b, x.input()}} },
		"RNN.Step": func(t *testing.T) call {
			x := newBench()
			return call{x.cell(t, "rnn").Step, []any{x.b, x.vector, []*G.Node{x.vector}}}
		},
		"GRU.Step": func(t *testing.T) call {
			x := newBench()
			return call{x.cell(t, "gru").Step, []any{x.b, x.vector, []*G.Node{x.vector}}}
		},
		"LSTM.Step": func(t *testing.T) call {
			x := newBench()
			return call{x.cell(t, "lstm").Step, []any{x.b, x.vector, []*G.Node{x.vector, x.vector}}}
		},
		"Linear.Apply": func(*testing.T) call {
			x := newBench()
			return call{models.NewLinear(x.p, "l", 4, 2).Apply, []any{x.b, x.xs}}
		},
		"LayerNorm.Apply": func(*testing.T) call {
			x := newBench()
			return call{models.NewLayerNorm(x.p, "l", 4).Apply, []any{x.b, x.xs}}
		},
		"Memory.For": func(t *testing.T) call {
			x := newBench()
			return call{models.Memory{Values: x.matrix}.For, []any{x.b, x.attention(t, "general")}}
		},
		"Decoder.Remember": func(t *testing.T) call {
			x := newBench()
			return call{x.decoder(t).Remember, []any{x.b, models.Source{Outputs: x.xs, Mask: x.mask}}}
		},
		"Decoder.Begin": func(t *testing.T) call {
			x := newBench()
			return call{x.decoder(t).Begin, []any{x.b, []*G.Node{x.vector}}}
		},
		"Decoder.Step": func(t *testing.T) call {
			x := newBench()
			return call{x.decoder(t).Step, []any{x.b, models.Memory{Values: x.matrix},
				models.Input{X: x.at, States: []*G.Node{x.vector}}}}
		},
		"Attend": func(t *testing.T) call {
			x := newBench()
			return call{models.Attend, []any{x.b, x.attention(t, "dot"), x.vector, models.Memory{Values: x.matrix}}}
		},
		"LMConfig.Declare":         func(t *testing.T) call { return call{lm.Declare, []any{newBench().p}} },
		"ClassifierConfig.Declare": func(t *testing.T) call { return call{classifier.Declare, []any{newBench().p}} },
		"Seq2SeqConfig.Declare":    func(t *testing.T) call { return call{seq2seq.Declare, []any{newBench().p}} },
		"LMConfig.Weights":         func(*testing.T) call { return call{models.LMConfig.Weights, []any{lm}} },
		"ClassifierConfig.Weights": func(*testing.T) call { return call{models.ClassifierConfig.Weights, []any{classifier}} },
		"Seq2SeqConfig.Weights":    func(*testing.T) call { return call{models.Seq2SeqConfig.Weights, []any{seq2seq}} },
		"Layer.Apply": func(t *testing.T) call {
			x := newBench()
			return call{func(l models.Layer, b *op.Builder, in models.Input) { l.Apply(b, in) },
				[]any{models.Layer{Name: "l", Cell: x.cell(t, "gru")}, x.b,
					models.Input{X: x.xs, Mask: x.mask, States: []*G.Node{x.vector}}}}
		},
		"Seq2Seq.Mask": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewSeq2Seq, seq2seq).Mask, []any{x.b, x.tokens}}
		},
		"Seq2Seq.Encode": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewSeq2Seq, seq2seq).Encode, []any{x.b, models.Input{X: x.tokens}}}
		},
		"Seq2Seq.Predict": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewSeq2Seq, seq2seq).Predict, []any{x.b, x.tokens, x.mask, models.Teaching{}}}
		},
		"Seq2Seq.Loss": func(t *testing.T) call {
			x := newBench()
			m := made(t, x.p, models.NewSeq2Seq, seq2seq)
			return call{m.Loss, []any{x.b, m.Predict(x.b, x.tokens, x.mask, models.Teaching{}).Logits, x.mask}}
		},
		"Seq2Seq.Greedy": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewSeq2Seq, seq2seq).Greedy, []any{x.b, x.tokens, 3}}
		},
		"Seq2Seq.Begin": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewSeq2Seq, seq2seq).Begin, []any{x.b, x.tokens, []*G.Node{x.vector}}}
		},
		"Seq2Seq.Write": func(t *testing.T) call {
			x := newBench()
			m := made(t, x.p, models.NewSeq2Seq, seq2seq)
			memory, states := m.Encode(x.b, models.Input{X: x.tokens})
			return call{m.Write, []any{x.b, memory, m.Begin(x.b, x.tokens, states)}}
		},
		"Seq2Seq.Over": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewSeq2Seq, seq2seq).Over, []any{x.b, x.tokens, x.vector}}
		},
		"Seq2Seq.LogProbs": func(t *testing.T) call {
			x := newBench()
			m := made(t, x.p, models.NewSeq2Seq, seq2seq)
			return call{m.LogProbs, []any{x.b, x.p.Normal("logits", 1, 2, 7)}}
		},
		"Seq2Seq.Stepwise": func(t *testing.T) call {
			x := newBench()
			return call{made(t, x.p, models.NewSeq2Seq, seq2seq).Stepwise, []any{x.b, 3, 2, 2}}
		},
	}})
	maps.Copy(doors[len(doors)-1].calls, forecasterDoors())
}

// declares is NewParams, and a parameter, so that a builder gets to know what is wrong.
func declares(make func(*op.Builder, tensor.Dtype, uint64) *models.Params) any {
	return func(b *op.Builder, of tensor.Dtype, seed uint64) { make(b, of, seed).Uniform("w", 1, 2, 2) }
}
