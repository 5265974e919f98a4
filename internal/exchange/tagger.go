package exchange

import (
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/export"
	"github.com/unroll-ml/unroll/models"
)

// tagger gives each word of a sentence a tag:
//
//	words batch×time, lengths batch -> scores batch×time×tags, tags batch×time
//
// With characters also, of each different word, chars different×letters and char_lengths different; and which
// batch×time, which of them a word is.
func tagger(c models.TaggerConfig) declaration {
	return func(e *export.Model, p *models.Params) error {
		m, err := models.NewTagger(p, c)
		if err != nil {
			return err
		}
		b, batch, time := e.Builder, e.Size("batch"), e.Size("time")
		in := models.TaggerInput{Words: b.Transpose(e.Input("words", tensor.Int32, batch, time), 1, 0)}
		in.Mask = valid(b, e.Input("lengths", tensor.Int32, batch), time)
		if c.Chars > 0 {
			different, letters := e.Size("different"), e.Size("letters")
			in.Which = b.Transpose(e.Input("which", tensor.Int32, batch, time), 1, 0)
			in.Chars = b.Transpose(e.Input("chars", tensor.Int32, different, letters), 1, 0)
			in.CharMask = valid(b, e.Input("char_lengths", tensor.Int32, different), letters)
		}
		scores, _ := m.Scores(b, in)
		e.Output("scores", b.Transpose(scores, 1, 0, 2))
		if c.CRF { // one more step that is none, for a Scan of the steps but the first needs one
			scores, in.Mask = b.Pad(scores, 0, 0, 1), b.Pad(in.Mask, 0, 0, 1)
		}
		tags := b.Slice(m.Best(b, scores, in.Mask), 0, 0, time)
		e.Output("tags", b.Transpose(tags, 1, 0))
		return b.Err()
	}
}
