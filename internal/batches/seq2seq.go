package batches

import (
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
)

// Seq2Seq are pairs of sequences of tokens.
type Seq2Seq struct {
	pairs *datasets.Pairs
	*datasets.EncodedPairs
}

// NewSeq2Seq encodes pairs with vocabularies that reserve tokens, as datasets.EncodePairs does.
func NewSeq2Seq(pairs *datasets.Pairs, source, target *datasets.Vocab, files datasets.TokenFiles) (*Seq2Seq, error) {
	if pairs == nil || source == nil || target == nil {
		return nil, errors.New("pairs, or one of their vocabularies, are nil")
	}
	if source.Reserved() == 0 || target.Reserved() == 0 {
		return nil, errors.New("a vocabulary of pairs must reserve tokens: build it with datasets.BuildVocab")
	}
	encoded, err := datasets.EncodePairs(pairs, source, target, files)
	return &Seq2Seq{pairs, encoded}, err
}

// Target is the tokens of the target of a pair, End included.
func (s *Seq2Seq) Target(i int32) ([]int32, error) {
	tokens, err := s.Tokens(int(i))
	return ended(tokens[1]), err
}

// Length is for NewPlan: the steps of a pair, End included.
func (s *Seq2Seq) Length(i int32) (Shape, error) {
	c, err := s.Count(i)
	return c.Shape(), err
}

// Counts are numbers of tokens of sources and of targets, End not included.
type Counts struct{ Tokens, Unknown [2]int }

// Shape are the steps of a pair of so many tokens, End included.
func (c Counts) Shape() Shape { return Shape{c.Tokens[0] + 1, c.Tokens[1] + 1} }

// Add adds those of other pairs.
func (c *Counts) Add(other Counts) {
	for side := range c.Tokens {
		c.Tokens[side] += other.Tokens[side]
		c.Unknown[side] += other.Unknown[side]
	}
}

// Count counts the tokens of a pair.
func (s *Seq2Seq) Count(i int32) (c Counts, err error) {
	tokens, err := s.Tokens(int(i))
	for side, ts := range tokens {
		c.Tokens[side] = len(ts)
		for _, t := range ts {
			if t == datasets.Unknown {
				c.Unknown[side]++
			}
		}
	}
	return c, err
}

// Paired is a batch of pairs, for an encoder that reads a source x₁ ... xₙ and a decoder that is taught to
// write y₁ ... yₘ.
//
// An example that is missing has a source of End alone, so that what attends to sources has something to attend
// to, and no targets.
type Paired struct {
	Group
	Sources []int32 // S×B: x₁ ... xₙ End Pad ...
	Targets []int32 // T×B: y₁ ... yₘ End Pad ...
	Tokens  int     // of sources and targets, End included
}

// Fill makes a batch. Its Shape must hold the examples, as it does in groups of a plan.
func (s *Seq2Seq) Fill(g Group) (*Paired, error) {
	batch := len(g.Examples)
	if err := g.check(s.pairs.Len()); err != nil {
		return nil, err
	}
	p := &Paired{Group: g, Sources: make([]int32, g.Source*batch), Targets: make([]int32, g.Target*batch)}
	for b, i := range g.Examples {
		if i < 0 {
			p.Sources[b] = datasets.End
			p.Tokens++
			continue
		}
		tokens, err := s.Tokens(int(i))
		if err != nil {
			return nil, err
		}
		source, target := ended(tokens[0]), ended(tokens[1])
		if !g.holds(Shape{len(source), len(target)}) {
			return nil, &datasets.Error{File: s.pairs.Name, Line: s.pairs.Line(int(i)),
				What: "the file has changed while it was used: leave it as it is, and repeat the command"}
		}
		column(p.Sources, b, batch, source)
		column(p.Targets, b, batch, target)
		p.Tokens += len(source) + len(target)
	}
	return p, nil
}

// ended is a copy of a sequence with End behind it.
func ended(tokens []int32) []int32 {
	return append(slices.Clone(tokens), datasets.End)
}
