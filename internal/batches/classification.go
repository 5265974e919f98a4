package batches

import "github.com/pkg/errors"

// Classification are sequences of tokens with a class each. Numbers of examples are indices.
type Classification struct {
	Sequences [][]int32
	Classes   []int32
}

// Length is for NewPlan. A sequence without tokens takes a step, too.
func (c *Classification) Length(i int32) (Shape, error) {
	if i < 0 || int(i) >= len(c.Sequences) {
		return Shape{}, errors.Errorf("sequence %d of %d", i, len(c.Sequences))
	}
	return Shape{Source: max(len(c.Sequences[i]), 1)}, nil
}

// Labelled is a batch of sequences with a class each.
type Labelled struct {
	Group
	Tokens  []int32   // T×B, 0 after the end
	Mask    []float32 // T×B: 1 for a token, 0 after the end
	Classes []int32   // B
	Weights []float32 // B: 1 for an example, 0 for one that is missing
}

// Fill makes a batch. Its Shape must hold the examples, as it does in groups of a plan.
func (c *Classification) Fill(g Group) (*Labelled, error) {
	batch := len(g.Examples)
	if err := g.check(len(c.Sequences)); err != nil {
		return nil, err
	}
	if len(c.Classes) != len(c.Sequences) {
		return nil, errors.Errorf("%d classes for %d sequences", len(c.Classes), len(c.Sequences))
	}
	for _, i := range g.Examples {
		if i >= 0 && !g.holds(Shape{Source: len(c.Sequences[i])}) {
			return nil, errors.Errorf("sequence %d of %d tokens is in a batch of %d steps", i, len(c.Sequences[i]), g.Source)
		}
	}
	l := &Labelled{
		Group: g, Tokens: make([]int32, g.Source*batch), Mask: make([]float32, g.Source*batch),
		Classes: make([]int32, batch), Weights: make([]float32, batch),
	}
	for b, i := range g.Examples {
		if i < 0 {
			continue
		}
		column(l.Tokens, b, batch, c.Sequences[i])
		for t := range c.Sequences[i] {
			l.Mask[t*batch+b] = 1
		}
		l.Classes[b], l.Weights[b] = c.Classes[i], 1
	}
	return l, nil
}

// column writes a sequence from step 0 on.
func column(tokens []int32, b, batch int, sequence []int32) {
	for t, token := range sequence {
		tokens[t*batch+b] = token
	}
}
