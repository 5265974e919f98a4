package apply

import (
	"context"
	"io"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Tagger writes sentences as they came, with a tag for each word, or as lines of JSON.
type Tagger struct {
	Model *run.Tagger
	JSON  bool
	To    io.Writer
}

// tagged is the JSON of a sentence.
type tagged struct {
	Words   []string `json:"words"`
	Tags    []string `json:"tags"`
	Unknown []int    `json:"unknown,omitempty"` // words that are not in the training data, counted from 0
}

// NewSentences are the sentences of a reader with a name, written as those that a run was trained on: words alone, or
// CoNLL-U, unless that had columns.
func NewSentences(name string, from io.Reader, r *run.Run) (*datasets.Sentences, error) {
	source := r.Config().Data.Train
	form := datasets.Plain
	if source.Kind == run.KindColumns {
		form = datasets.Columns
	}
	return datasets.NewSentences(name, form, source.Format, from)
}

// Sentences tags the sentences of a reader with a name.
func (t *Tagger) Sentences(ctx context.Context, name string, in *datasets.Sentences) error {
	return eachBlock(name, in, t.To, run.MostTexts, func(_ int, sentences []*datasets.Sentence) (string, error) {
		return t.answer(ctx, sentences)
	})
}

// answer is what is written for sentences.
func (t *Tagger) answer(ctx context.Context, sentences []*datasets.Sentence) (string, error) {
	words := make([][]string, len(sentences))
	for i, s := range sentences {
		words[i] = s.Words
	}
	tags, err := t.Model.Tag(ctx, words)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, s := range sentences {
		switch {
		case !t.JSON:
			text, err := s.Fill(tags[i])
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		case len(s.Words) > 0:
			b.WriteString(jsonLine(tagged{Words: s.Words, Tags: tags[i], Unknown: t.unknown(s.Words)}))
		}
	}
	return b.String(), nil
}

// unknown are the places of words that are not in the training data.
func (t *Tagger) unknown(words []string) (places []int) {
	for at, word := range words {
		if !t.Model.Known(word) {
			places = append(places, at)
		}
	}
	return places
}
