package run

import (
	"context"
	"sync"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/translate"
	"github.com/unroll-ml/unroll/trainer"
)

// TranslateOptions say how to translate. The zero value takes the likeliest token at every step. The fields:
//
//	Beam         decode.Beam        how to search, and how many translations of a line; MaxLength 0: as in training
//	Sampling     *decode.Sampling   draws translations instead; nil: searches
//	Seed         uint64             of what is drawn
//	Weights      bool               the weights of the attention are wanted, in Translation.Weights
//	Unknown      *Replacement       of words that the model does not know; nil: what stands for one
//	JoinSubwords bool               makes words of parts that are marked as such, see metrics.Subwords
type TranslateOptions = translate.Options

// Translation is what was written for a line: its Text, and the decode.Hypothesis of which that was made, with
// Tokens, LogProb in nats, Score and Weights. Unknowns is how many of the tokens are unknown ones.
type Translation = translate.Translation

// Replacement writes for a word that the model does not know the word of the source that the attention looked at most
// (Luong et al., 2015) or, if it is a key of Words, a map[string]string, what that says.
type Replacement = translate.Replacement

// Translator is the sequence-to-sequence model of a run, with its vocabularies; or those of runs that were joined. Several goroutines may use it: they
// take turns.
type Translator struct {
	config     *Config
	mu         sync.Mutex
	models     trainer.Seq2Seqs
	translator *translate.Translator
}

// Translator makes the model of the run ready to translate. Close it. A run of another task is a *TaskError.
func (r *Run) Translator() (*Translator, error) {
	if err := r.Want(TaskSeq2Seq); err != nil {
		return nil, err
	}
	all, err := modelsOf(r, func(r *Run) (*trainer.Seq2Seq, error) { return r.seq2seq(nil) })
	if err != nil {
		return nil, err
	}
	m := trainer.Seq2Seqs(all)
	return &Translator{config: r.config, models: m, translator: r.config.translator(m, r.vocab, r.target)}, nil
}

// Keep is trainer.Seq2Seqs.Keep, for batches of all lengths in any order.
func (t *Translator) Keep(bytes int) { t.models.Keep(bytes) }

// Close frees the models, when it is its turn.
func (t *Translator) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.models.Close()
}

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
