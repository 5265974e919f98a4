package models

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// Tokens are the tokens with a meaning of their own, of source and target alike.
type Tokens struct {
	Padding int32 // fills sequences up to a common length, behind their end
	Unknown int32 // stands for words that the vocabulary lacks
	Start   int32 // what the decoder reads before it writes the first token
	End     int32 // the last token of every target
}

// DefaultTokens are those that vocabularies of package datasets reserve.
var DefaultTokens = Tokens{Padding: datasets.Pad, Unknown: datasets.Unknown, Start: datasets.Start, End: datasets.End}

// Seq2SeqConfig describes a sequence-to-sequence model.
type Seq2SeqConfig struct {
	Source, Target int // numbers of tokens
	Tokens         Tokens
	Cell           CellKind
	Embed          int // size of the embeddings
	Hidden         int // units of a layer in one direction
	Layers         int // of the encoder, and of the decoder
	Bidirectional  bool
	Dropout        float64 // of the embeddings and between layers
	EveryStep      bool    // these five: see DecoderConfig
	Attention      AttentionKind
	Before         bool
	Feeding        bool
	Tied           bool
	Shared         bool    // source and target have one embedding
	Smoothing      float64 // label smoothing: see op.CrossEntropy
	Softmax        Softmax // the zero value: over all tokens
}

// Seq2Seq turns a source into a target of another length (Sutskever et al., 2014).
//
//	memory, s_0 = encoder(source)
//	logits_t, s_t = decoder(target_{t-1}, s_{t-1}, memory)          target_{-1} is the start token
//	p(target_t) = softmax(logits_t)
//
// A source is S×B tokens, a target T×B tokens that end with the end token; both are filled with padding.
type Seq2Seq struct {
	Seq2SeqConfig
	Params  *Params
	Encoder *Encoder
	Decoder *Decoder
	bridge  []*Linear // by state of the decoder; nil: the encoder's last states are the decoder's first
}

// NewSeq2Seq declares the model's parameters.
func NewSeq2Seq(p *Params, c Seq2SeqConfig) (*Seq2Seq, error) {
	m, err := newSeq2Seq(p, c)
	return m, errors.Wrap(err, "sequence-to-sequence model")
}

func newSeq2Seq(p *Params, c Seq2SeqConfig) (*Seq2Seq, error) {
	if err := cmp.Or(p.usable(), c.check()); err != nil {
		return nil, err
	}
	m := &Seq2Seq{Seq2SeqConfig: c, Params: p}
	deviation := 1.0
	if c.Tied {
		deviation = tiedDeviation(c.Embed)
	}
	ofSource := 1.0
	if c.Shared {
		ofSource = deviation
	}
	source := p.Normal("encoder.embedding.weight", ofSource, c.Source, c.Embed)
	target := source
	layers := RecurrentConfig{Cell: c.Cell, Input: c.Embed, Hidden: c.Hidden, Layers: c.Layers,
		Bidirectional: c.Bidirectional, Dropout: c.Dropout}
	var err error
	if m.Encoder, err = NewEncoder(p, "encoder", source, layers); err != nil {
		return nil, err
	}
	if c.Bidirectional {
		for l := range c.Layers {
			for k := range m.Encoder.Layers.perCell() {
				m.bridge = append(m.bridge, NewLinear(p, fmt.Sprintf("bridge.state%d_l%d", k, l),
					m.Encoder.Layers.Output(), c.Hidden))
			}
		}
	}
	if !c.Shared {
		target = p.Normal("decoder.embedding.weight", deviation, c.Target, c.Embed)
	}
	layers.Bidirectional = false
	m.Decoder, err = NewDecoder(p, "decoder", target, DecoderConfig{
		Layers: layers, Vocab: c.Target, Memory: m.Encoder.Layers.Output(),
		EveryStep: c.EveryStep, Attention: c.Attention, Before: c.Before, Feeding: c.Feeding, Tied: c.Tied,
		Softmax: c.Softmax,
	})
	return m, err
}

// check says what is wrong with the configuration; what concerns the layers or the decoder alone, they say.
func (c Seq2SeqConfig) check() error {
	special := []int32{c.Tokens.Padding, c.Tokens.Unknown, c.Tokens.Start, c.Tokens.End}
	for i, t := range special {
		if t < 0 || int(t) >= min(c.Source, c.Target) {
			return &setting.Error{Setting: "Tokens", Value: t,
				Want: fmt.Sprintf("among the %d tokens of the source and the %d of the target", c.Source, c.Target)}
		}
		if slices.Contains(special[:i], t) {
			return &setting.Error{Setting: "Tokens", Value: c.Tokens, Want: "four different tokens, such as DefaultTokens"}
		}
	}
	if c.Shared && c.Source != c.Target {
		return &setting.Error{Setting: "Shared", Value: true,
			Want: fmt.Sprintf("left out where the source has %d tokens and the target %d: one embedding needs one vocabulary",
				c.Source, c.Target)}
	}
	if c.Smoothing != 0 && (len(c.Softmax.Cutoffs) > 0 || c.Softmax.Samples > 0) {
		return &setting.Error{Setting: "Smoothing", Value: c.Smoothing,
			Want: "0 with a Softmax that does not compute all tokens"}
	}
	return cmp.Or(setting.Fraction("Smoothing", c.Smoothing), setting.AtLeast("Embed", c.Embed, 1))
}

// Mask is 1 where tokens are not padding, 0 elsewhere: integers of the same shape.
func (m *Seq2Seq) Mask(b *op.Builder, tokens *G.Node) *G.Node {
	return b.Ne(tokens, b.Fill(tokens, float64(m.Tokens.Padding)))
}

// Encode reads a source, in.X, S×B tokens. It gives what the decoder sees of it and the decoder's first states. Where
// padding begins it finds out itself.
//
// The encoder's last states are the decoder's first. Those of a bidirectional encoder pass a bridge, h =
// tanh([→h; ←h]·Wᵀ + b) and, for cell states, c = [→c; ←c]·Wᵀ + b.
func (m *Seq2Seq) Encode(b *op.Builder, in Input) (Memory, []*G.Node) {
	in.Mask = m.Mask(b, in.X)
	outputs, last := m.Encoder.Apply(b, in)
	if b.Err() != nil {
		return Memory{}, nil
	}
	memory := m.Decoder.Remember(b, Source{Outputs: outputs, Mask: in.Mask, Context: m.Encoder.Layers.Top(b, last)})
	if m.bridge == nil {
		return memory, m.Decoder.Begin(b, last)
	}
	var states []*G.Node
	n := m.Encoder.Layers.perCell()
	for i, bridge := range m.bridge {
		l, k := i/n, i%n
		s := bridge.Apply(b, b.Concat(1, last[2*l*n+k], last[(2*l+1)*n+k]))
		if k == 0 {
			s = b.Tanh(s)
		}
		states = append(states, s)
	}
	return memory, m.Decoder.Begin(b, states)
}

// Teaching says what the decoder reads while it learns.
type Teaching struct {
	// Key is the random key of the training step, 4 integers; nil: nothing is dropped and Ratio must be nil too.
	Key *G.Node

	// Ratio is the probability, a scalar, with which a token that the decoder reads is the target's: it is
	// drawn for each token by itself (scheduled sampling of Bengio et al., 2015). The decoder reads its own
	// choice otherwise, through which no gradient flows. nil: always the target's (teacher forcing).
	Ratio *G.Node

	// Sample makes the decoder's own choice a draw from its distribution; else it is the likeliest token.
	Sample bool
}

// Prediction is what a model predicts for each token of a target.
type Prediction struct {
	Logits  *G.Node // T×B×V
	Weights *G.Node // T×B×S, of the attention; nil without
}

// Predict gives the logits of each token of a target, T×B, from the source, S×B, and the tokens before it.
func (m *Seq2Seq) Predict(b *op.Builder, source, target *G.Node, teach Teaching) Prediction {
	return m.predict(b, source, target, teach, m.Decoder.output.Apply)
}

// predict is Predict with something else that is made of what the output sees.
func (m *Seq2Seq) predict(b *op.Builder, source, target *G.Node, teach Teaching,
	of func(b *op.Builder, x *G.Node) *G.Node) Prediction {
	broken := func() Prediction { n := b.Fail(b.Err()); return Prediction{n, n} }
	if !ranked(b, "source", source, 2) || !ranked(b, "target", target, 2) {
		return broken()
	}
	if teach.Ratio != nil && teach.Key == nil {
		b.Fail(errors.New("teaching with a ratio draws random numbers: it needs a key"))
		return broken()
	}
	steps, batch := target.Shape()[0], target.Shape()[1]
	var sourceKeys *G.Node
	scan := op.Scan{Name: "decoder"}
	start := b.Fill(target, float64(m.Tokens.Start), 1, batch)
	read := start // T×B: the tokens before those of the target
	if steps > 1 {
		read = b.Concat(0, start, b.Slice(target, 0, 0, steps-1))
	}
	if teach.Ratio == nil { // all is known that is read: one lookup
		read = b.Gather(m.Decoder.Embedding, read) // T×B×E
	}
	scan.Seqs = []*G.Node{read}
	if teach.Key != nil {
		sourceKeys = b.Keys(teach.Key, source.Shape()[0])
		scan.Seqs = append(scan.Seqs, b.Keys(teach.Key, steps))
	}
	memory, states := m.Encode(b, Input{X: source, Keys: sourceKeys})
	if b.Err() != nil {
		return broken()
	}
	scan.States = states
	if teach.Ratio != nil {
		scan.States = append([]*G.Node{b.Reshape(start, batch)}, states...)
	}
	run := b.Scan(scan, func(b *op.Builder, in op.In) op.Out {
		read, states := in.Seqs[0], in.States
		var key *G.Node
		if teach.Key != nil {
			key = in.Seqs[1]
		}
		if teach.Ratio != nil {
			own := states[0]
			states = states[1:]
			token := b.Where(b.Lt(b.Uniform(key, teach.Ratio, batch), teach.Ratio), read, own)
			read = b.Gather(m.Decoder.Embedding, token)
		}
		x, next, weights := m.Decoder.features(b, memory, Input{X: read, States: states, Keys: key})
		if teach.Ratio != nil {
			logits := m.Decoder.output.Apply(b, x)
			own := b.Argmax(logits)
			if teach.Sample {
				own = b.Argmax(b.Add(logits, gumbel(b, key, logits)))
			}
			next = append([]*G.Node{own}, next...)
		}
		return out(next, of(b, x), weights)
	})
	p := Prediction{Logits: run.Outs[0]}
	if m.Attention != nil {
		p.Weights = run.Outs[1]
	}
	return p
}

// out is the result of a step whose outputs may be nil.
func out(states []*G.Node, outs ...*G.Node) op.Out {
	o := op.Out{States: states}
	for _, n := range outs {
		if n != nil {
			o.Outs = append(o.Outs, n)
		}
	}
	return o
}

// gumbel draws numbers of the standard Gumbel distribution, -ln(-ln u), in the shape of x: the index of the
// largest of logits + gumbel has the distribution softmax(logits) (Gumbel, 1954).
func gumbel(b *op.Builder, key, x *G.Node) *G.Node {
	return b.Neg(b.Log(b.Neg(b.Log(b.Uniform(key, x, x.Shape()...)))))
}

// Loss is the mean over the target's tokens that are not padding of -ln p(token), in nats, with label
// smoothing; a scalar.
func (m *Seq2Seq) Loss(b *op.Builder, logits, target *G.Node) *G.Node {
	mask := m.Mask(b, target)
	return b.MaskedMean(b.CrossEntropy(logits, target, mask, m.Smoothing), mask)
}

// TrainingLoss is Loss as training has it, which does not compute all tokens if the softmax is such: aid is what
// Softmax.NewAid declared.
func (m *Seq2Seq) TrainingLoss(b *op.Builder, source, target *G.Node, teach Teaching, aid *Aid) *G.Node {
	if aid == nil {
		return m.Loss(b, m.Predict(b, source, target, teach).Logits, target)
	}
	xs := m.predict(b, source, target, teach, func(_ *op.Builder, x *G.Node) *G.Node { return x }).Logits // T×B×R
	mask := m.Mask(b, target)
	return b.MaskedMean(m.Decoder.output.loss(b, xs, target, mask, 0, aid), mask)
}
