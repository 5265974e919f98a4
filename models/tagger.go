package models

import (
	"cmp"
	"math"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
)

// TaggerConfig describes a model that gives each word of a sentence a tag.
type TaggerConfig struct {
	Words int // number of different words
	Embed int // size of their embedding

	Chars      int // number of different characters that words are made of; 0: words are not read
	CharEmbed  int // size of their embedding
	CharHidden int // units of the layer that reads words, in each direction

	Cell          CellKind // of both networks
	Hidden        int      // units of a layer over sentences, in one direction
	Layers        int
	Bidirectional bool
	Dropout       float64 // of what stands for a word, between layers, and before the tags
	Tags          int
	CRF           bool // neighbouring tags depend on each other
}

// Tagger gives each word of a sentence a tag (Huang et al., 2015; Lample et al., 2016):
//
//	c_w = [→g ; ←g]                 the last states of two layers over the characters of the word w
//	x_t = [E[w_t] ; c_{w_t}]
//	h_t = layers(x_t, h_{t-1})
//	e_t = h_t·Wᵀ + b
//	p(tag_t) = softmax(e_t), or with a CRF p(tags) as that has it
//
// A word that occurs several times in a batch is read once.
type Tagger struct {
	TaggerConfig
	Params *Params

	words, chars *G.Node    // V×E; C×E_c, nil: words are not read
	reader       *Recurrent // of characters
	layers       *Recurrent // of words
	output       *Linear    // K×D
	crf          *CRF       // nil: softmax
}

// check says what is wrong with the configuration; what concerns the layers alone, NewRecurrent says.
func (c TaggerConfig) check() error {
	least := 0
	if c.Chars > 0 {
		least = 1
	}
	if err := cmp.Or(
		setting.AtLeast("Words", c.Words, 1), setting.AtLeast("Embed", c.Embed, 1), setting.AtLeast("Chars", c.Chars, 0),
		setting.AtLeast("CharEmbed", c.CharEmbed, least), setting.AtLeast("CharHidden", c.CharHidden, least),
		setting.AtLeast("Tags", c.Tags, 2),
	); err != nil {
		return err
	}
	for name, value := range map[string]int{"CharEmbed": c.CharEmbed, "CharHidden": c.CharHidden} {
		if c.Chars == 0 && value > 0 {
			return &setting.Error{Setting: name, Value: value, Want: "0 with Chars 0: words are not read"}
		}
	}
	return nil
}

// NewTagger declares the model's parameters.
func NewTagger(p *Params, c TaggerConfig) (*Tagger, error) {
	m, err := newTagger(p, c)
	return m, errors.Wrap(err, "tagger")
}

func newTagger(p *Params, c TaggerConfig) (*Tagger, error) {
	err := cmp.Or(p.usable(), c.check())
	if err != nil {
		return nil, err
	}
	m := &Tagger{TaggerConfig: c, Params: p}
	// What vectors of other words know is given to these rows after they were declared.
	m.words = p.Normal(TaggerWords, embeddingDeviation(c.Embed), c.Words, c.Embed)
	in := c.Embed
	if c.Chars > 0 {
		m.chars = p.Normal("chars.embedding.weight", embeddingDeviation(c.CharEmbed), c.Chars, c.CharEmbed)
		m.reader, err = NewRecurrent(p, "chars.rnn", RecurrentConfig{
			Cell: c.Cell, Input: c.CharEmbed, Hidden: c.CharHidden, Layers: 1, Bidirectional: true,
		})
		if err != nil {
			return nil, err
		}
		in += m.reader.Output()
	}
	m.layers, err = NewRecurrent(p, "rnn", RecurrentConfig{
		Cell: c.Cell, Input: in, Hidden: c.Hidden, Layers: c.Layers, Bidirectional: c.Bidirectional, Dropout: c.Dropout,
	})
	if err != nil {
		return nil, err
	}
	m.output = NewLinear(p, "output", m.layers.Output(), c.Tags)
	if c.CRF {
		if m.crf, err = NewCRF(p, "output.crf", c.Tags); err != nil {
			return nil, err
		}
	}
	return m, p.b.Err()
}

// TaggerWords is the name of the embedding of words among the parameters of a Tagger, Words×Embed.
const TaggerWords = "embedding.weight"

// embeddingDeviation is that of the vectors of an embedding, which then have a length of about 1, as what they stand
// beside.
func embeddingDeviation(embed int) float64 { return 1 / math.Sqrt(float64(embed)) }

// TaggerInput is a batch of B sentences of T steps, with U different words of L characters. Where a mask is 0 there is
// nothing.
type TaggerInput struct {
	Words    *G.Node // T×B
	Which    *G.Node // T×B: which of the U words; not used without characters
	Chars    *G.Node // L×U; likewise
	CharMask *G.Node // L×U; likewise
	Mask     *G.Node // T×B; nil: all are words
	Keys     *G.Node // T×4: the random keys of the steps (see op.Keys); nil: nothing is dropped
	States   []*G.Node
}

// States declares the states of the layers over sentences: inputs of B×H each, zero at first, layer after layer.
func (m *Tagger) States(b *op.Builder, batch int) []*G.Node { return m.layers.States(b, batch) }

// Scores gives the scores e of the tags, T×B×K, and the states after the last step.
func (m *Tagger) Scores(b *op.Builder, in TaggerInput) (scores *G.Node, last []*G.Node) {
	x := b.Gather(m.words, in.Words) // T×B×E
	if m.chars != nil {
		_, ends := m.reader.Apply(b, Input{X: b.Gather(m.chars, in.Chars), Mask: in.CharMask})
		x = b.Concat(-1, x, b.Gather(m.reader.Top(b, ends), in.Which)) // T×B×(E+2·H_c)
	}
	x = dropout(b, x, m.Dropout, in.Keys)
	hs, last := m.layers.Apply(b, Input{X: x, Mask: in.Mask, Keys: in.Keys, States: in.States}) // T×B×D
	return m.output.Apply(b, dropout(b, hs, m.Dropout, in.Keys)), last
}

// NLL is -ln p(tags) of each sentence, B, for scores T×B×K, tags T×B and a mask T×B.
func (m *Tagger) NLL(b *op.Builder, scores, tags, mask *G.Node) *G.Node {
	if m.crf != nil {
		return m.crf.NLL(b, scores, tags, mask)
	}
	return b.Sum(b.CrossEntropy(scores, tags, mask, 0), 0)
}

// Best are the likeliest tags, T×B integers, for scores T×B×K and a mask T×B. With a CRF they are the likeliest
// sequence.
func (m *Tagger) Best(b *op.Builder, scores, mask *G.Node) *G.Node {
	if m.crf == nil {
		return b.Argmax(scores)
	}
	tags, _ := m.crf.Viterbi(b, scores, mask)
	return tags
}

// Weights is the number of weights of the model; see LMConfig.Weights.
func (c TaggerConfig) Weights() (float64, error) {
	return weights(c.Layers, func(p *Params, layers int) error {
		c.Layers = layers
		return c.Declare(p)
	})
}

// Declare declares the parameters of the model.
func (c TaggerConfig) Declare(p *Params) error {
	_, err := NewTagger(p, c)
	return err
}
