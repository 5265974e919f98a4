package models

import (
	"cmp"
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// Poolings are the ways to make one vector of the outputs of a sequence: the last ones, the mean, the largest
// of each unit.
var Poolings = []string{"last", "mean", "max"}

// pooledConfig describes what reads a sequence into one vector: see ClassifierConfig, which has the same settings.
type pooledConfig struct {
	Vocab, Input, Embed int
	Cell                CellKind
	Hidden, Layers      int
	Bidirectional       bool
	Dropout             float64
	Pooling             string
}

// check says what is wrong with the configuration; what concerns the layers alone, NewRecurrent says.
func (c pooledConfig) check() error {
	switch {
	case c.Vocab == 0 && c.Embed > 0:
		return &setting.Error{Setting: "Embed", Value: c.Embed, Want: "0 without tokens, that is with Vocab 0"}
	case c.Vocab > 0 && c.Input > 0:
		return &setting.Error{Setting: "Input", Value: c.Input,
			Want: fmt.Sprintf("0 with %d tokens, which are no vectors of numbers", c.Vocab)}
	case c.Pooling != "":
		if err := setting.OneOf("Pooling", c.Pooling, Poolings); err != nil {
			return err
		}
	}
	return cmp.Or(setting.AtLeast("Vocab", c.Vocab, 0), setting.AtLeast("Embed", c.Embed, 0))
}

// pooled reads a sequence into one vector, for a head that says something of the whole.
//
//	x_t = E[token_t]          or the one-hot vector of token_t, or a vector
//	h_t = layers(x_t, h_{t-1})
//	y = pool(h_1, ..., h_T)
type pooled struct {
	pooledConfig
	embedding *G.Node // V×E, or nil
	layers    *Recurrent
}

// newPooled declares the parameters embedding.weight, if there are tokens that have one, and those of the layers, rnn.
func newPooled(p *Params, c pooledConfig) (*pooled, error) {
	err := cmp.Or(p.usable(), c.check())
	if err != nil {
		return nil, err
	}
	r := &pooled{pooledConfig: c}
	in := c.Vocab + c.Input
	if c.Embed > 0 {
		r.embedding = p.Normal("embedding.weight", 1, c.Vocab, c.Embed)
		in = c.Embed
	}
	r.layers, err = NewRecurrent(p, "rnn", RecurrentConfig{
		Cell: c.Cell, Input: in, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, Dropout: c.Dropout,
	})
	return r, err
}

// apply gives the vector, B×D, of sequences in.X, T×B tokens or T×B×I vectors.
func (r *pooled) apply(b *op.Builder, in Input) *G.Node {
	if r.embedding != nil {
		in.X = dropout(b, b.Gather(r.embedding, in.X), r.Dropout, in.Keys) // T×B×E
	}
	hs, last := r.layers.Apply(b, in) // T×B×D
	y := r.layers.Top(b, last)        // B×D
	switch r.Pooling {
	case "mean":
		y = meanOver(b, hs, in.Mask)
	case "max":
		y = maxOver(b, hs, in.Mask)
	}
	if in.Keys != nil {
		// the key of the first step: the stream is another
		y = b.Dropout(y, r.Dropout, b.Reshape(b.Slice(in.Keys, 0, 0, 1), 4))
	}
	return y
}

// meanOver is the mean of the valid steps, T×B×D -> B×D; 0 if there are none.
func meanOver(b *op.Builder, hs, mask *G.Node) *G.Node {
	if mask == nil {
		return b.Mean(hs, 0)
	}
	valid := b.Expand(b.Cast(mask, hs), -1)                          // T×B×1
	count := b.Max(b.Sum(valid, 0), b.Fill(hs, 1))                   // B×1
	return b.Div(b.Sum(b.Where(valid, hs, b.Fill(hs, 0)), 0), count) // B×D
}

// maxOver is the largest of each unit over the valid steps, T×B×D -> B×D; 0 if there are none.
func maxOver(b *op.Builder, hs, mask *G.Node) *G.Node {
	if mask == nil {
		return b.MaxOver(hs, 0)
	}
	valid := b.Expand(b.Cast(mask, hs), -1)                               // T×B×1
	largest := b.MaxOver(b.Where(valid, hs, b.Fill(hs, math.Inf(-1))), 0) // B×D
	return b.Where(b.Sum(valid, 0), largest, b.Fill(hs, 0))
}
