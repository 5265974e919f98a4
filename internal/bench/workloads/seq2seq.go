package workloads

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/models"
)

// seq2seq is translation with additive attention (Bahdanau et al., 2015), word for word as it is taught: every
// step of the decoder repeats its state beside every word of the source, multiplies both together, and ends
// with the whole vocabulary.
//
//	enc   = [→RNN(E src); ←RNN(E src)]              s_0 = tanh(Wₛ [→h_S; ←h_1] + bₛ)
//	a_t   = softmax_s(v · tanh(Wₐ [s_{t-1}; enc_s] + bₐ))
//	w_t   = Σ_s a_ts enc_s
//	s_t   = RNN([E y_t; w_t], s_{t-1})
//	p_t   = softmax(W_o [s_t; w_t; E y_t] + b_o)
//
// In is the size of embeddings, Steps the length of both sentences; the decoder makes Steps-1 steps.
func seq2seq(kind string) func(*op.Builder, Size) (*Problem, error) {
	return func(b *op.Builder, s Size) (*Problem, error) {
		p := models.NewParams(b, tensor.Float32, 0)
		x := newBatch(b)
		source := x.tokens("source", s.Source, s.Steps, s.Batch)
		inputs := x.tokens("inputs", s.Target, s.Steps-1, s.Batch)
		targets := x.tokens("targets", s.Target, s.Steps-1, s.Batch)
		enc, state, err := encode(b, p, kind, s, source)
		if err != nil {
			return nil, err
		}
		logits, err := decode(b, p, kind, s, enc, state, inputs)
		if err != nil {
			return nil, err
		}
		return &Problem{Loss: b.Mean(b.CrossEntropy(logits, targets, nil, 0)), Params: p.Nodes(), Inputs: x.inputs}, nil
	}
}

// encode gives the states of both directions for every word, B×S×2H, and the decoder's first state.
func encode(b *op.Builder, p *models.Params, kind string, s Size, source *G.Node) (enc, first *G.Node, err error) {
	embedded := b.Gather(p.Normal("encoder.embedding", 1, s.Source, s.In), source) // S×B×E
	config := recurrent(kind, s.In, s)
	config.Bidirectional = true
	layer, err := models.NewRecurrent(p, "encoder.rnn", config)
	if err != nil {
		return nil, nil, err
	}
	enc, last := layer.Apply(b, models.Input{X: embedded, States: layer.States(b, s.Batch)}) // S×B×2H
	first = b.Tanh(models.NewLinear(p, "encoder.state", 2*s.Hidden, s.Hidden).Apply(b, layer.Top(b, last)))
	return b.Transpose(enc, 1, 0, 2), first, nil
}

func decode(b *op.Builder, p *models.Params, kind string, s Size, enc, first, inputs *G.Node) (*G.Node, error) {
	attention := models.NewLinear(p, "attention", 3*s.Hidden, s.Hidden)
	v := p.Uniform("attention.v", 1/math.Sqrt(float64(s.Hidden)), 1, s.Hidden)
	embedded := b.Gather(p.Normal("decoder.embedding", 1, s.Target, s.In), inputs)
	layer, err := models.NewRecurrent(p, "decoder.rnn", recurrent(kind, 2*s.Hidden+s.In, s))
	if err != nil {
		return nil, err
	}
	linear := models.NewLinear(p, "output", 3*s.Hidden+s.In, s.Target)

	states := append([]*G.Node{first}, layer.States(b, s.Batch)[1:]...) // a cell state is 0 at first
	run := b.Scan(op.Scan{Name: "decoder", Seqs: []*G.Node{embedded}, States: states},
		func(b *op.Builder, in op.In) op.Out {
			e, h := in.Seqs[0], in.States[0]
			repeated := b.Broadcast(b.Expand(h, 1), s.Batch, s.Steps, s.Hidden)
			energy := b.Tanh(attention.Apply(b, b.Concat(2, repeated, enc)))                      // B×S×H
			weights := b.Softmax(b.Reshape(b.Product(energy, v, op.TransY), s.Batch, 1, s.Steps)) // B×1×S
			context := b.Reshape(b.Product(weights, enc), s.Batch, 2*s.Hidden)                    // B×2H
			output, states := layer.Step(b, models.Input{X: b.Concat(1, e, context), States: in.States})
			return op.Out{States: states, Outs: []*G.Node{linear.Apply(b, b.Concat(1, output, context, e))}}
		})
	return run.Outs[0], nil // T×B×V
}
