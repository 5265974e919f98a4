package trainer

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/op"
)

// Sequences is a batch of B sequences of T steps.
type Sequences struct {
	Steps, Batch int
	Tokens       []int32   // T×B; of a model of tokens
	Vectors      []float32 // T×B×I; of a model of vectors
	Mask         []float32 // T×B: 0 after the end of a sequence, else 1; nil: no sequence ends before the others
}

// shape is what a program that reads sequences is compiled for.
type shape struct {
	steps, batch int
	masked       bool
}

// shape checks the sizes of a batch for a model of tokens or, with vocab 0, of vectors of so many numbers.
func (x Sequences) shape(vocab, input int) (shape, error) {
	n := x.Steps * x.Batch
	tokens, vectors := n, 0
	if vocab == 0 {
		tokens, vectors = 0, n*input
	}
	if n < 1 || len(x.Tokens) != tokens || len(x.Vectors) != vectors || x.Mask != nil && len(x.Mask) != n {
		return shape{}, errors.Errorf("a batch of %d steps of %d sequences with %d tokens, %d numbers and a mask of %d: "+
			"want %d tokens, %d numbers and a mask of %d or none",
			x.Steps, x.Batch, len(x.Tokens), len(x.Vectors), len(x.Mask), tokens, vectors, n)
	}
	return shape{x.Steps, x.Batch, x.Mask != nil}, nil
}

// parts is the shape of each of so many equal parts of a batch.
func (x Sequences) parts(vocab, input, parts int) (shape, error) {
	at, err := x.shape(vocab, input)
	if err == nil && x.Batch%parts != 0 {
		err = errors.Errorf("a batch of %d examples cannot be divided into %d equal parts", x.Batch, parts)
	}
	at.batch /= parts
	return at, err
}

// values are those of the k-th of n parts of a batch, in the order of sequenceInputs.nodes.
func (x Sequences) values(k, n int) []any {
	var vs []any
	if x.Tokens != nil {
		vs = append(vs, part(x.Tokens, x.Steps, k, n))
	} else {
		vs = append(vs, part(x.Vectors, x.Steps, k, n))
	}
	if x.Mask != nil {
		vs = append(vs, part(x.Mask, x.Steps, k, n))
	}
	return vs
}

// sequenceInputs are the nodes of a batch of sequences.
type sequenceInputs struct{ xs, mask *G.Node } // T×B tokens or T×B×I vectors; T×B or nil

// newSequenceInputs declares a batch for a model of tokens or, with vocab 0, of vectors of so many numbers.
func newSequenceInputs(b *op.Builder, vocab, input int, s shape) (in sequenceInputs) {
	if vocab > 0 {
		in.xs = tokens(b, "tokens", s.steps, s.batch)
	} else {
		in.xs = G.NewTensor(b.Graph(), tensor.Float32, 3, G.WithShape(s.steps, s.batch, input), G.WithName("vectors"))
	}
	if s.masked {
		in.mask = G.NewMatrix(b.Graph(), tensor.Float32, G.WithShape(s.steps, s.batch), G.WithName("mask"))
	}
	return in
}

// nodes are those that there are.
func (in sequenceInputs) nodes() G.Nodes {
	if in.mask == nil {
		return G.Nodes{in.xs}
	}
	return G.Nodes{in.xs, in.mask}
}

// pairs are the nodes with the values of the k-th of n parts of a batch.
func (in sequenceInputs) pairs(x Sequences, k, n int) (pairs []any) {
	values := x.values(k, n)
	for i, n := range in.nodes() {
		pairs = append(pairs, n, values[i])
	}
	return pairs
}
