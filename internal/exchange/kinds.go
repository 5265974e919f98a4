package exchange

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/export"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// languageModel reads tokens and goes on from states:
//
//	tokens batch×time, lengths batch, states n×batch×hidden -> logits batch×time×vocab, next_states n×batch×hidden
func languageModel(c models.LMConfig) declaration {
	return func(e *export.Model, p *models.Params) error {
		m, err := models.NewLM(p, c)
		if err != nil {
			return err
		}
		b, batch, time := e.Builder, e.Size("batch"), e.Size("time")
		tokens, lengths := e.Input("tokens", tensor.Int32, batch, time), e.Input("lengths", tensor.Int32, batch)
		n := len(m.States(op.New(G.NewGraph()), 1))
		states := e.Input("states", tensor.Float32, n, batch, c.Hidden)
		logits, last := m.Logits(b, models.Input{
			X: b.Transpose(tokens, 1, 0), Mask: valid(b, lengths, time), States: unstack(b, states),
		})
		e.Output("logits", b.Transpose(logits, 1, 0, 2))
		e.Output("next_states", b.Stack(0, last...))
		return b.Err()
	}
}

// sequences declares what a model reads that reads whole sequences, of tokens or of vectors:
//
//	tokens batch×time, or vectors batch×time×input; lengths batch
func sequences(e *export.Model, vocab, input int) models.Input {
	b, batch, time := e.Builder, e.Size("batch"), e.Size("time")
	var x *G.Node
	if vocab > 0 {
		x = b.Transpose(e.Input("tokens", tensor.Int32, batch, time), 1, 0)
	} else {
		x = b.Transpose(e.Input("vectors", tensor.Float32, batch, time, input), 1, 0, 2)
	}
	return models.Input{X: x, Mask: valid(b, e.Input("lengths", tensor.Int32, batch), time)}
}

// classifier reads sequences and gives logits batch×classes, probabilities batch×classes.
func classifier(c models.ClassifierConfig) declaration {
	return func(e *export.Model, p *models.Params) error {
		m, err := models.NewClassifier(p, c)
		if err != nil {
			return err
		}
		logits := m.Logits(e.Builder, sequences(e, c.Vocab, c.Input))
		e.Output("logits", logits)
		e.Output("probabilities", e.Softmax(logits))
		return e.Err()
	}
}

// Regressor is a regressor whose numbers are scaled: the file gives Mean + Deviation·ŷ.
type Regressor struct {
	models.RegressorConfig
	Mean, Deviation float64
}

// regressor reads sequences and gives number batch.
func regressor(c Regressor) declaration {
	return func(e *export.Model, p *models.Params) error {
		m, err := models.NewRegressor(p, c.RegressorConfig)
		if err != nil {
			return err
		}
		e.Output("number", e.Affine(m.Predict(e.Builder, sequences(e, c.Vocab, c.Input)), c.Deviation, c.Mean))
		return e.Err()
	}
}

// greedy translates, and takes the likeliest token at every step, until all rows have ended:
//
//	source batch×source_length, max_steps -> tokens batch×steps, log_prob batch, attention batch×steps×source_length
func greedy(c models.Seq2SeqConfig) declaration {
	return func(e *export.Model, p *models.Params) error {
		m, err := models.NewSeq2Seq(p, c)
		if err != nil {
			return err
		}
		b := e.Builder
		source := b.Transpose(e.Input("source", tensor.Int32, e.Size("batch"), e.Size("source_length")), 1, 0)
		memory, states := m.Encode(b, models.Input{X: source})
		begin := m.Begin(b, source, states)
		outs, last := e.While(export.While{
			Name: "greedy", Most: e.Input("max_steps", tensor.Int32),
			States: append([]*G.Node{begin.Token, begin.LogProb}, begin.States...),
			Step: func(states []*G.Node) export.WhileStep {
				now := models.Writing{Token: states[0], LogProb: states[1], States: states[2:]}
				w, weights := m.Write(b, memory, now)
				s := export.WhileStep{
					States: append([]*G.Node{w.Token, w.LogProb}, w.States...), Outs: []*G.Node{w.Token},
					More: b.MaxOver(b.Affine(m.Over(b, w.Token, w.LogProb), -1, 1), 0),
				}
				if weights != nil {
					s.Outs = append(s.Outs, weights)
				}
				return s
			},
		}, e.Size("steps"))
		if b.Err() != nil || len(outs) == 0 {
			return b.Err()
		}
		e.Output("tokens", b.Transpose(outs[0], 1, 0))
		e.Output("log_prob", last[1])
		if len(outs) > 1 {
			e.Output("attention", b.Transpose(outs[1], 1, 0, 2))
		}
		return b.Err()
	}
}

// remembered are the tensors of a memory that there are, and the names that they have in the files.
func remembered(m *models.Memory) (names []string, nodes []**G.Node) {
	for _, x := range []struct {
		name string
		node **G.Node
	}{{"values", &m.Values}, {"projected", &m.Projected}, {"mask", &m.Mask}, {"context", &m.Context}} {
		if *x.node != nil {
			names, nodes = append(names, x.name), append(nodes, x.node)
		}
	}
	return names, nodes
}

// encoder reads sources; what it gives, step takes:
//
//	source batch×source_length -> states n×batch×hidden and, as the model has them,
//	                              values, projected batch×source_length×..., mask batch×source_length, context batch×...
func encoder(c models.Seq2SeqConfig) declaration {
	return func(e *export.Model, p *models.Params) error {
		m, err := models.NewSeq2Seq(p, c)
		if err != nil {
			return err
		}
		b := e.Builder
		source := e.Input("source", tensor.Int32, e.Size("batch"), e.Size("source_length"))
		memory, states := m.Encode(b, models.Input{X: b.Transpose(source, 1, 0)})
		if b.Err() != nil {
			return b.Err()
		}
		e.Output("states", b.Stack(0, states...))
		names, nodes := remembered(&memory)
		for i, n := range nodes {
			e.Output(names[i], *n)
		}
		return b.Err()
	}
}

// step is a step of the decoder, for as many rows as there are hypotheses; row i goes on from the states of row
// parent[i]:
//
//	token, parent rows, states n×rows×hidden, and of the encoder's values, projected, mask, context those that
//	there are, a row for each -> log_probs rows×vocab, next_states n×rows×hidden, attention rows×source_length
func step(c models.Seq2SeqConfig) declaration {
	return func(e *export.Model, p *models.Params) error {
		m, err := models.NewSeq2Seq(p, c)
		if err != nil {
			return err
		}
		b, rows := e.Builder, e.Size("rows")
		token, parent := e.Input("token", tensor.Int32, rows), e.Input("parent", tensor.Int32, rows)
		source := G.NewMatrix(b.Graph(), tensor.Int32, G.WithShape(e.Size("source_length"), rows), G.WithName("source"))
		memory, states := m.Encode(b, models.Input{X: source}) // whose shapes are those of the inputs
		if b.Err() != nil {
			return b.Err()
		}
		before := unstack(b, e.Input("states", tensor.Float32, len(states), rows, c.Hidden))
		for i, h := range before {
			before[i] = b.Gather(h, parent)
		}
		names, nodes := remembered(&memory)
		for i, n := range nodes {
			*n = e.Input(names[i], (*n).Dtype(), (*n).Shape()...)
		}
		logits, next, weights := m.Decoder.Step(b, memory, models.Input{X: token, States: before})
		e.Output("log_probs", m.LogProbs(b, logits))
		e.Output("next_states", b.Stack(0, next...))
		if weights != nil {
			e.Output("attention", weights)
		}
		return b.Err()
	}
}
