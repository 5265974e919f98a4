package trainer

import (
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
)

// TagStream tags words one after the other, as they come: what the model remembers is carried from word to word, so
// that a word costs the same however long the sentence is. It is for one goroutine at a time, and not while the model
// trains.
type TagStream struct {
	forward
	model   *Tagger
	letters int
	word    *G.Node // 1×1
	which   *G.Node // 1×1; nil: words are not read
	chars   *G.Node // L×1; likewise
	mask    *G.Node // L×1; likewise
	scores  *G.Node // 1×1×K
}

// Stream is a stream at the beginning of a sentence; words are read up to so many characters. Close it. A model that
// must see whole sentences, because it reads them in both directions or has a CRF, is a *models.SettingError.
func (m *Tagger) Stream(letters int) (*TagStream, error) {
	switch {
	case m.model.Bidirectional:
		return nil, &setting.Error{Setting: "Bidirectional", Value: true,
			Want: "left out for tags word by word: the model sees whole sentences"}
	case m.model.CRF:
		return nil, &setting.Error{Setting: "CRF", Value: true,
			Want: "left out for tags word by word: the likeliest tags depend on what follows"}
	case m.model.Chars > 0 && letters < 1:
		return nil, setting.AtLeast("letters", letters, 1)
	}
	b := op.New(G.NewGraph())
	net, err := models.NewTagger(models.DeclareParams(b, tensor.Float32), m.model)
	if err != nil {
		return nil, err
	}
	s := &TagStream{model: m, letters: letters, word: tokens(b, "word", 1, 1)}
	in := models.TaggerInput{Words: s.word, States: net.States(b, 1)}
	if m.model.Chars > 0 {
		s.which, s.chars = tokens(b, "which", 1, 1), tokens(b, "chars", letters, 1)
		s.mask = G.NewMatrix(b.Graph(), tensor.Float32, G.WithShape(letters, 1), G.WithName("char mask"))
		in.Which, in.Chars, in.CharMask = s.which, s.chars, s.mask
	}
	s.carried = in.States
	var last []*G.Node
	s.scores, last = net.Scores(b, in)
	s.applied, err = apply(graph.Config{Device: m.using}, b, net.Params.Nodes(), G.Nodes{s.scores},
		carry(s.carried, last)...)
	return s, err
}

// Reset begins a sentence.
func (s *TagStream) Reset() error {
	if err := s.model.open(); err != nil {
		return err
	}
	return begin(s.Program, s.carried)
}

// Next gives the scores of the tags of the next word, K: its likeliest tag is that of the largest, and their softmax
// are the probabilities. chars are not looked at if the model does not read words; characters too many are left out at
// the end.
func (s *TagStream) Next(word int32, chars []int32) ([]float32, error) {
	if err := s.model.sync(&s.applied); err != nil {
		return nil, err
	}
	inputs := []any{s.word, []int32{word}}
	if s.chars != nil {
		padded, mask := make([]int32, s.letters), make([]float32, s.letters)
		for i := range copy(padded, chars) {
			mask[i] = 1
		}
		inputs = append(inputs, s.which, []int32{0}, s.chars, padded, s.mask, mask)
	}
	if err := set(s.Program, inputs...); err != nil {
		return nil, err
	}
	if err := s.Run(); err != nil {
		return nil, err
	}
	scores := make([]float32, s.model.model.Tags)
	if err := s.Get(s.scores, scores); err != nil {
		return nil, err
	}
	return scores, decode.CheckFinite(scores)
}

// Close frees the stream's memory, not the model's.
func (s *TagStream) Close() error { return errors.WithStack(s.model.forget(s.Program)) }
