package run

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
)

// LanguageModel is the language model of a run, with its vocabulary. Several goroutines may use it: they take
// turns, each for a whole text.
type LanguageModel struct {
	vocab *datasets.Vocab
	mu    sync.Mutex
	model LM
}

// LanguageModel makes the model of the run ready to write. Close it. A run of another task is a *TaskError.
func (r *Run) LanguageModel() (*LanguageModel, error) {
	if err := r.Want(TaskLM); err != nil {
		return nil, err
	}
	if err := r.config.open(); err != nil {
		return nil, err
	}
	m, err := r.lm(nil)
	if err != nil {
		return nil, err
	}
	return &LanguageModel{vocab: r.vocab, model: m}, nil
}

// Close frees the model.
func (m *LanguageModel) Close() error { return m.model.Close() }

// Prompt is the tokens of a text that the model is to go on from; name is what errors call it. A model of
// characters knows those of its vocabulary only; others know unknown words.
//
// With skip, characters that a model of characters does not know and cannot call unknown are left out; known
// counts them, too.
func (r *Run) Prompt(name, text string, skip bool) (tokens []int32, known datasets.Coverage, err error) {
	t, err := datasets.NewText(name, text)
	if err != nil {
		return nil, known, err
	}
	encode := r.vocab.Encode
	if skip {
		encode = func(t *datasets.Text) (datasets.Sequence, error) {
			s, _, err := r.vocab.EncodeKnown(t)
			return s, err
		}
	}
	s, err := encode(t)
	if err != nil {
		return nil, known, err
	}
	known.Encode(r.vocab, text)
	tokens = make([]int32, s.Len())
	return tokens, known, s.Read(0, tokens)
}

// Write goes on from a prompt, which may be empty, with n tokens. It gives their text to emit, as it comes.
func (m *LanguageModel) Write(ctx context.Context, prompt []int32, n int, s decode.Sampling, seed uint64, emit func(text string) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return write(ctx, m.model, m.vocab, prompt, n, s, seed, emit)
}

// Write is LanguageModel.Write, of the model as it is now, without a prompt.
func (t *LMTask) Write(ctx context.Context, n int, s decode.Sampling, seed uint64, emit func(text string) error) error {
	return write(ctx, t.LM, t.data.vocab, nil, n, s, seed, emit)
}

// write reads the prompt and emits the text of n tokens after it; reserved tokens are none of them. Without a
// prompt it reads a line break, or the first token of the vocabulary if that has none.
func write(ctx context.Context, lm LM, v *datasets.Vocab, prompt []int32, n int, s decode.Sampling, seed uint64, emit func(string) error) error {
	if err := s.Check(); err != nil {
		return err
	}
	if err := lm.ResetSample(); err != nil {
		return err
	}
	text := v.Decoder()
	if len(prompt) == 0 {
		start, ok := v.Token('\n')
		if !ok {
			start = v.Reserved()
		}
		prompt = []int32{start}
	} else {
		for _, t := range prompt {
			text.Next(t)
		}
	}
	var logits []float32
	var err error
	for _, t := range prompt {
		if logits, err = lm.Next(t); err != nil {
			return err
		}
	}
	random := rand.New(rand.NewPCG(seed, 0))
	wide := make([]float64, len(logits))
	for i := range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		for k, x := range logits {
			wide[k] = float64(x)
		}
		for k := range v.Reserved() {
			wide[k] = math.Inf(-1)
		}
		t, err := s.Draw(wide, random)
		if err != nil {
			return err
		}
		if err := emit(text.Next(t)); err != nil {
			return err
		}
		if i == n-1 {
			break
		}
		if logits, err = lm.Next(t); err != nil {
			return err
		}
	}
	return nil
}
