package serve

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/trainer/run"
)

// tagger gives the words of sentences tags.
type tagger struct{ model *run.Tagger }

func openTagger(r *run.Run) (task, error) {
	m, err := r.Tagger()
	if err != nil {
		return nil, err
	}
	return &tagger{m}, nil
}

// maxWords is how many words a sentence has at most.
const maxWords = 2000

// input reads a sentence: its words, or a text with white space between them.
func (t *tagger) input(raw json.RawMessage) (any, error) {
	var words []string
	if json.Unmarshal(raw, &words) != nil || words == nil {
		text, err := textInput(raw)
		if err != nil {
			return nil, errors.New("it must be a text in quotes, or an array of words")
		}
		words = strings.Fields(text)
	}
	switch {
	case len(words) > maxWords:
		return nil, errors.Errorf("it has %d words, and at most %d are tagged: cut it", len(words), maxWords)
	case slices.ContainsFunc(words, func(w string) bool { return strings.TrimSpace(w) == "" }):
		return nil, errors.New("a word is blank")
	}
	return words, nil
}

func (t *tagger) steps(input any) int    { return len(input.([]string)) }
func (t *tagger) check(*options) error   { return nil }
func (t *tagger) together(*options) bool { return true }
func (t *tagger) close() error           { return t.model.Close() }

func (t *tagger) predict(ctx context.Context, _ *options, inputs []any, _ func(token)) ([]output, error) {
	sentences := make([][]string, len(inputs))
	for i, x := range inputs {
		sentences[i] = x.([]string)
	}
	tags, err := t.model.Tag(ctx, sentences)
	if err != nil {
		return nil, callerFault(err)
	}
	outputs := make([]output, len(inputs))
	for i, words := range sentences {
		outputs[i].Words, outputs[i].Tags = words, tags[i]
		for _, word := range words {
			if !t.model.Known(word) {
				outputs[i].Unknown++
			}
		}
	}
	return outputs, nil
}
