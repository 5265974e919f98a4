package run

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
)

// Translator is the sequence-to-sequence model of a run, with its vocabularies. Several goroutines may use it: they take turns.
type Translator struct {
	source, target *datasets.Vocab
	mu             sync.Mutex
	model          *trainer.Seq2Seq
}

// Translation is a text that a Translator wrote.
type Translation struct {
	Text    string
	Tokens  []int32     // of the target vocabulary; the last is the end token, unless there was no room for it
	LogProb float64     // ln p of the tokens together
	Score   float64     // by which those of a beam are ranked
	Weights [][]float64 // by token: the weights of the attention over the tokens of the source, the end token included; nil without
}

// Translator makes the model of the run ready to translate. Close it. A run of another task is a *TaskError.
func (r *Run) Translator() (*Translator, error) {
	if err := r.Want(TaskSeq2Seq); err != nil {
		return nil, err
	}
	if err := r.config.open(); err != nil {
		return nil, err
	}
	m, err := r.seq2seq(nil)
	if err != nil {
		return nil, err
	}
	return &Translator{source: r.vocab, target: r.target, model: m}, nil
}

// Close frees the model.
func (t *Translator) Close() error { return t.model.Close() }

// Source are the tokens of a text that is to be translated, the end token included. Those that the vocabulary does not have are unknown.
func (t *Translator) Source(text string) []int32 {
	tokens, _ := t.source.EncodeLine(text)
	return append(tokens, datasets.End)
}

// Translate searches for the beam.Best likeliest translations of each text, the best first. Texts are read together, as many as are
// fast. A text of blanks has none. Without a MaxLength a translation has at most twice as many tokens as its source, and 20.
func (t *Translator) Translate(ctx context.Context, texts []string, beam decode.Beam) ([][]Translation, error) {
	sources := make([][]int32, len(texts))
	for i, text := range texts {
		if !blank(text) {
			sources[i] = t.Source(text)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([][]Translation, len(texts))
	for _, g := range group(sizes(sources), max(1, maxRows/max(beam.Width, 1))) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		tokens, lengths := g.fill(sources)
		found, err := t.model.Search(tokens, g.rows, limited(beam, lengths))
		if err != nil {
			return nil, err
		}
		for row, i := range g.which {
			all[i] = t.written(found[row])
		}
	}
	return all, nil
}

// Draw draws n translations of a text at random, each token from what the model predicts. MaxLength 0 is as for Translate.
func (t *Translator) Draw(text string, n, maxLength int, s decode.Sampling, random *rand.Rand) ([]Translation, error) {
	if blank(text) {
		return nil, nil
	}
	sources := [][]int32{t.Source(text)}
	t.mu.Lock()
	defer t.mu.Unlock()
	g := group(sizes(sources), 1)[0]
	tokens, lengths := g.fill(sources)
	drawn, err := t.model.Sample(tokens, 1, n, []int{limit(maxLength).of(lengths[0])}, s, []*rand.Rand{random})
	if err != nil {
		return nil, err
	}
	return t.written(drawn[0]), nil
}

func (t *Translator) written(hs []decode.Hypothesis) []Translation {
	all := make([]Translation, len(hs))
	for i, h := range hs {
		text := strings.ReplaceAll(t.target.Decode(h.Tokens), "\n", " ")
		all[i] = Translation{text, h.Tokens, h.LogProb, h.Score, h.Weights}
	}
	return all
}

func sizes(texts [][]int32) []int {
	n := make([]int, len(texts))
	for i, t := range texts {
		n[i] = len(t)
	}
	return n
}
