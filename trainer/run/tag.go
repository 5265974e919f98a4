package run

import (
	"context"
	"math"
	"sync"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer"
)

// Tagger is the tagger of a run, with its vocabularies and its tags. Several goroutines may use it: they take turns.
type Tagger struct {
	config  *Config
	lexicon *lexicon
	labels  *datasets.Labels
	mu      sync.Mutex
	model   *trainer.Tagger
}

// Tagger makes the model of the run ready to tag. Close it. A run of another task is a *TaskError.
func (r *Run) Tagger() (*Tagger, error) {
	if err := r.Want(TaskTag); err != nil {
		return nil, err
	}
	if err := r.config.open(); err != nil {
		return nil, err
	}
	m, err := r.tagger(nil)
	if err != nil {
		return nil, err
	}
	return &Tagger{config: r.config, lexicon: r.lexicon(), labels: r.labels, model: m}, nil
}

// Close frees the model, when it is its turn.
func (t *Tagger) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.model.Close()
}

// Known says whether a word is in the data that the run was trained on, as it is written.
func (t *Tagger) Known(word string) bool { return t.lexicon.spell(word).known }

// Tag gives each word of each sentence a tag. Sentences are read together, as many as are fast.
func (t *Tagger) Tag(ctx context.Context, sentences [][]string) ([][]string, error) {
	var s spelled
	lengths := make([]int, len(sentences))
	for i, words := range sentences {
		s.add(t.lexicon, words)
		lengths[i] = len(words)
		if err := t.config.checkSize(max(lengths[i], 1)); err != nil {
			return nil, badData("sentence %d has %d words: %v", i+1, lengths[i], err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	tags := make([][]string, len(sentences))
	for i, n := range lengths {
		tags[i] = make([]string, n)
	}
	for _, g := range group(lengths, t.model.StepCost()) {
		if err := done(ctx); err != nil {
			return nil, err
		}
		which := make([]int32, g.Rows)
		for row := range which {
			which[row] = -1
			if row < len(g.Which) {
				which[row] = int32(g.Which[row])
			}
		}
		parts := []trainer.Sentences{s.sentences(which, g.Steps, nil)}
		alike(parts)
		best, _, err := t.model.Tag(parts[0])
		if err != nil {
			return nil, err
		}
		for row, i := range g.Which {
			for at := range tags[i] {
				tags[i][at] = t.labels.Name(best[at*g.Rows+row])
			}
		}
	}
	return tags, nil
}

// TagStream tags words one after the other, as they come: see trainer.TagStream. It is for one goroutine at a time.
type TagStream struct {
	tagger *Tagger
	stream *trainer.TagStream
}

// Stream is a stream at the beginning of a sentence. Close it. It is for models that read in one direction and have no
// CRF.
func (t *Tagger) Stream() (*TagStream, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.model.Stream(max(t.config.Model.Tag.Letters, 1))
	if err != nil {
		return nil, t.config.ownWords(err)
	}
	return &TagStream{t, s}, nil
}

// Next is the likeliest tag of the next word, given those before it, with its probability.
func (s *TagStream) Next(word string) (Label, error) {
	s.tagger.mu.Lock()
	defer s.tagger.mu.Unlock()
	w := s.tagger.lexicon.spell(word)
	scores, err := s.stream.Next(w.word, w.chars)
	if err != nil {
		return Label{}, err
	}
	best, ln := 0, trainer.LogSoftmax(scores)
	for tag, x := range ln {
		if x > ln[best] {
			best = tag
		}
	}
	return Label{s.tagger.labels.Name(int32(best)), math.Exp(ln[best])}, nil
}

// Reset begins a sentence.
func (s *TagStream) Reset() error {
	s.tagger.mu.Lock()
	defer s.tagger.mu.Unlock()
	return s.stream.Reset()
}

// Close frees the stream, not the tagger.
func (s *TagStream) Close() error {
	s.tagger.mu.Lock()
	defer s.tagger.mu.Unlock()
	return s.stream.Close()
}
