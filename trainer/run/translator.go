package run

import (
	"context"
	"sync"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/trainer"
)

// How to translate, and what comes of it.
type (
	TranslateOptions = translate.Options
	Translation      = translate.Translation
	Replacement      = translate.Replacement // of words that a model does not know
)

// Translator is the sequence-to-sequence model of a run, with its vocabularies. Several goroutines may use it: they
// take turns.
type Translator struct {
	config     *Config
	mu         sync.Mutex
	model      *trainer.Seq2Seq
	translator *translate.Translator
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
	return &Translator{config: r.config, model: m, translator: r.config.translator(m, r.vocab, r.target)}, nil
}

// Close frees the model.
func (t *Translator) Close() error { return t.model.Close() }

// Source are the tokens of a text that is to be translated, the end token included. Those that the vocabulary does
// not have are unknown.
func (t *Translator) Source(text string) []int32 {
	tokens, _ := t.translator.Source.EncodeLine(text)
	return append(tokens, datasets.End)
}

// Translate gives the best translations of each text, the best first. Texts are read together, as many as are fast,
// and one of blanks has none. first is the number of the first text among all, on which depends what is drawn.
// Without a MaxLength a translation has at most as many tokens as the pairs say that the run was trained on.
func (t *Translator) Translate(
	ctx context.Context, first int, texts []string, o translate.Options,
) ([][]translate.Translation, error) {
	o, err := t.config.limited(o)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.translator.Lines(ctx, first, texts, o)
}
