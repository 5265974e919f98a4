package models

import (
	"cmp"
	"fmt"
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// LogProbs is ln p of each token, B×V; -∞ for tokens that no translation has: padding and start. A model may
// write that it does not know a token: were that barred, it would write another, which is wrong and does not
// look it.
func (m *Seq2Seq) LogProbs(b *op.Builder, logits *G.Node) *G.Node {
	columns := b.Iota(logits, 0, m.Target) // V
	barred := b.Fill(logits, 0)
	for _, t := range []int32{m.Tokens.Padding, m.Tokens.Start} {
		barred = b.Add(barred, b.Eq(columns, b.Fill(logits, float64(t))))
	}
	return b.Where(barred, b.Fill(logits, math.Inf(-1)), b.LogSoftmax(logits))
}

// Decoded is what a model writes by itself.
type Decoded struct {
	Tokens  *G.Node // T×B: up to the end token, then padding
	LogProb *G.Node // B: ln p of these tokens together
	Weights *G.Node // T×B×S, of the attention, 0 behind the end; nil without
}

// Writing is how far greedy decoding has come.
type Writing struct {
	Token   *G.Node   // B: the last of each row
	LogProb *G.Node   // B: ln p of all of them together
	States  []*G.Node // of the decoder
}

// Begin is where greedy decoding begins, for a batch of sources, S×B, of which Encode gave the states.
func (m *Seq2Seq) Begin(b *op.Builder, source *G.Node, states []*G.Node) Writing {
	if !ranked(b, "greedy decoding", source, 2) {
		return Writing{b.Fail(b.Err()), b.Fail(b.Err()), states}
	}
	batch := source.Shape()[1]
	return Writing{b.Fill(source, float64(m.Tokens.Start), batch), b.Fill(m.Decoder.Embedding, 0, batch), states}
}

// Write writes the likeliest token of each row, and padding behind the end. weights are those of the attention,
// 0 behind the end; nil without.
func (m *Seq2Seq) Write(b *op.Builder, memory Memory, w Writing) (next Writing, weights *G.Node) {
	logits, states, weights := m.Decoder.Step(b, memory, Input{X: w.Token, States: w.States})
	ln := m.LogProbs(b, logits)
	over := m.Over(b, w.Token, w.LogProb)
	next = Writing{
		Token:   b.Where(over, b.Fill(w.Token, float64(m.Tokens.Padding)), b.Argmax(ln)),
		LogProb: b.Add(w.LogProb, b.Where(over, b.Fill(w.LogProb, 0), b.MaxOver(ln, 1))),
		States:  states,
	}
	if weights != nil {
		weights = b.Where(b.Expand(over, 1), b.Fill(weights, 0), weights)
	}
	return next, weights
}

// Over is 1 for rows that were ended by their last token, or before, and 0 for others, in the element type of like.
func (m *Seq2Seq) Over(b *op.Builder, token, like *G.Node) *G.Node {
	ended := b.Cast(b.Eq(token, b.Fill(token, float64(m.Tokens.End))), like)
	return b.Max(ended, b.Cast(b.Eq(token, b.Fill(token, float64(m.Tokens.Padding))), like))
}

// Greedy writes a target of at most the given number of tokens for each source, S×B, and takes the likeliest
// token at every step.
func (m *Seq2Seq) Greedy(b *op.Builder, source *G.Node, steps int) Decoded {
	if steps < 1 {
		b.Fail(errors.Errorf("greedy decoding of %d steps: it must be at least 1", steps))
	}
	memory, states := m.Encode(b, Input{X: source})
	if b.Err() != nil {
		n := b.Fail(b.Err())
		return Decoded{n, n, n}
	}
	w := m.Begin(b, source, states)
	run := b.Scan(op.Scan{
		Name:   "greedy decoder",
		Seqs:   []*G.Node{b.Iota(source, 0, steps)}, // the time, which nothing reads
		States: append([]*G.Node{w.Token, w.LogProb}, states...),
	}, func(b *op.Builder, in op.In) op.Out {
		w, weights := m.Write(b, memory, Writing{in.States[0], in.States[1], in.States[2:]})
		return out(append([]*G.Node{w.Token, w.LogProb}, w.States...), weights)
	})
	d := Decoded{Tokens: run.States[0], LogProb: run.Final[1]}
	if m.Attention != nil {
		d.Weights = run.Outs[0]
	}
	return d
}

// Stepwise is a model cut into two programs, for searches that choose the tokens on the host: one reads
// sources, the other writes step by step and keeps its states. decode.NewStepper joins them when they are
// compiled:
//
//	graph.Config{Outputs: s.Encoded}
//	graph.Config{Outputs: s.Outputs(), Updates: s.States[i] becomes s.Next[i]}
type Stepwise struct {
	Tokens  Tokens
	Source  *G.Node   // S×B tokens
	Encoded []*G.Node // B×... each: what a decoder sees of the sources, and its first states

	Begin         []*G.Node // N×... each: inputs that take their rows from Encoded, the states last
	Token, Parent *G.Node   // N: what each row reads, and the row from whose states it goes on
	States, Next  []*G.Node // the states before and after the step
	Logits        *G.Node   // N×V, of the next token. Padding and start are no such token: see LogProbs
	LogSum        *G.Node   // N: ln Σ exp of the logits of each row, so that ln p = logits - LogSum
	Weights       *G.Node   // N×S, of the attention; nil without
}

// Outputs are what the second program gives.
func (s *Stepwise) Outputs() G.Nodes {
	if s.Weights == nil {
		return G.Nodes{s.Logits, s.LogSum}
	}
	return G.Nodes{s.Logits, s.LogSum, s.Weights}
}

// Stepwise declares the two programs for sources of S steps, batch of them at a time, with a number of rows for
// each: the width of a beam.
func (m *Seq2Seq) Stepwise(b *op.Builder, sourceSteps, batch, width int) (*Stepwise, error) {
	if err := cmp.Or(b.Err(), setting.AtLeast("source steps", sourceSteps, 1), setting.AtLeast("batch", batch, 1),
		setting.AtLeast("Width", width, 1)); err != nil {
		return nil, errors.Wrap(err, "decoding step by step")
	}
	integers := func(name string, shape ...int) *G.Node {
		return G.NewTensor(b.Graph(), tensor.Int32, len(shape), G.WithShape(shape...), G.WithName(name))
	}
	s := &Stepwise{
		Tokens: m.Tokens, Source: integers("stepwise.source", sourceSteps, batch),
		Token: integers("stepwise.token", batch*width), Parent: integers("stepwise.parent", batch*width),
	}
	memory, states := m.Encode(b, Input{X: s.Source})
	if b.Err() != nil {
		return nil, b.Err()
	}
	begin := func(n *G.Node) *G.Node {
		if n == nil {
			return nil
		}
		shape := append(tensor.Shape{batch * width}, n.Shape()[1:]...)
		in := G.NewTensor(b.Graph(), n.Dtype(), len(shape), G.WithShape(shape...),
			G.WithName(fmt.Sprint("stepwise.begin", len(s.Begin))))
		s.Encoded, s.Begin = append(s.Encoded, n), append(s.Begin, in)
		return in
	}
	memory = Memory{begin(memory.Values), begin(memory.Projected), begin(memory.Mask), begin(memory.Context)}
	var chosen []*G.Node
	for _, n := range states {
		s.States = append(s.States, begin(n))
		chosen = append(chosen, b.Gather(s.States[len(s.States)-1], s.Parent))
	}
	s.Logits, s.Next, s.Weights = m.Decoder.Step(b, memory, Input{X: s.Token, States: chosen})
	s.LogSum = b.LogSumExp(s.Logits, 1)
	return s, b.Err()
}
