package models

import (
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
)

// Encoder reads a source:
//
//	x_s = E[token_s]
//	h_s = layers(x_s, h_{s-1})
type Encoder struct {
	Embedding *G.Node // V×E
	Layers    *Recurrent
}

// NewEncoder declares the parameters of the layers; embedding is V×E, with E the layers' input.
func NewEncoder(p *Params, name string, embedding *G.Node, c RecurrentConfig) (*Encoder, error) {
	layers, err := NewRecurrent(p, name+".rnn", c)
	return &Encoder{embedding, layers}, err
}

// Apply gives the outputs for tokens, S×B -> S×B×D, and the last states, from zero states on; embeddings are
// dropped as the outputs between layers are.
func (e *Encoder) Apply(b *op.Builder, in Input) (outputs *G.Node, last []*G.Node) {
	in.X = dropout(b, b.Gather(e.Embedding, in.X), e.Layers.Dropout, in.Keys) // S×B×E
	return e.Layers.Apply(b, in)
}
