package run

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
)

// LanguageModel is the language model of a run, with its vocabulary. Several goroutines may use it: they take
// turns, each for a whole part of a text.
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

// Close frees the model, when it is its turn.
func (m *LanguageModel) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.model.Close()
}

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
func (m *LanguageModel) Write(
	ctx context.Context, prompt []int32, n int, s decode.Sampling, seed uint64, emit func(text string) error,
) error {
	return m.Text().Write(ctx, prompt, n, s, seed, textOnly(emit))
}

// Write is LanguageModel.Write, of the model as it is now, without a prompt.
func (t *LMTask) Write(ctx context.Context, n int, s decode.Sampling, seed uint64, emit func(text string) error) error {
	m := &LanguageModel{vocab: t.data.vocab, model: t.LM}
	return m.Write(ctx, nil, n, s, seed, emit)
}

func textOnly(emit func(text string) error) func(Written) error {
	if emit == nil {
		return nil
	}
	return func(w Written) error { return emit(w.Text) }
}

// Text is a text that a language model reads and writes in parts: it goes on where the part before ended. Several
// texts of a model may be written in turns. A Text is for one goroutine at a time.
type Text struct {
	model   *LanguageModel
	tokens  []int32 // all of the text
	read    int     // tokens that the state has read
	state   [][]float32
	decoder *datasets.Decoder
}

// Written is a token that a language model wrote.
type Written struct {
	Text        string  // what it adds to the text; "" in the middle of a character of several bytes
	Probability float64 // that the model gave it, before the distribution was sharpened and cut
}

// Text is a text of a model that begins with some tokens, which are read when it goes on.
func (m *LanguageModel) Text(tokens ...int32) *Text {
	t := &Text{model: m, decoder: m.vocab.Decoder()}
	t.take(tokens)
	return t
}

// Tokens are all tokens of the text.
func (t *Text) Tokens() []int32 { return slices.Clone(t.tokens) }

// take takes up tokens.
func (t *Text) take(tokens []int32) {
	t.tokens = slices.Grow(t.tokens, len(tokens))
	for _, token := range tokens {
		t.add(token)
	}
}

// add takes up a token; text is what it adds to the text.
func (t *Text) add(token int32) (text string) {
	t.tokens = append(t.tokens, token)
	return t.decoder.Next(token)
}

// Write reads more tokens, if there are any, and goes on with n of its own, which it gives to emit as they come;
// reserved tokens are none of them. A text without a token begins with a line break that is not written, or with the
// first token of the vocabulary if that has none. After an error of emit or of the context the text has the tokens
// that were given to emit.
func (t *Text) Write(
	ctx context.Context, more []int32, n int, s decode.Sampling, seed uint64, emit func(Written) error,
) error {
	if err := cmp.Or(
		s.Check(), setting.AtLeast("n", n, 0), setting.Set("emit", emit != nil, "a function that takes what is written"),
	); err != nil {
		return err
	}
	for _, token := range slices.Concat(t.tokens[t.read:], more) {
		if token < 0 || int(token) >= t.model.vocab.Len() {
			return badData("there is no token %d: those of the vocabulary are 0 to %d", token, t.model.vocab.Len()-1)
		}
	}
	t.take(more)
	if len(t.tokens) == 0 {
		t.tokens = append(t.tokens, t.model.start()) // not through the decoder: it is not written
	}
	t.model.mu.Lock()
	defer t.model.mu.Unlock()
	if err := t.resume(); err != nil {
		return err
	}
	return t.write(ctx, n, s, rand.New(rand.NewPCG(seed, 0)), emit)
}

// start is the token before a text.
func (m *LanguageModel) start() int32 {
	if token, ok := m.vocab.Token('\n'); ok {
		return token
	}
	return m.vocab.Reserved()
}

// stateful is a model whose state can be set aside.
type stateful interface {
	SampleState() ([][]float32, error)
	SetSampleState(state [][]float32) error
}

// resume brings the model to where the text stands. One whose state cannot be set aside reads the text again.
func (t *Text) resume() error {
	if m, ok := t.model.model.(stateful); ok && t.read > 0 {
		return m.SetSampleState(t.state)
	}
	t.read = 0
	return t.model.model.ResetSample()
}

// suspend sets the state aside.
func (t *Text) suspend() (err error) {
	if m, ok := t.model.model.(stateful); ok {
		t.state, err = m.SampleState()
	}
	return err
}

func (t *Text) write(ctx context.Context, n int, s decode.Sampling, random *rand.Rand, emit func(Written) error) error {
	for range n {
		if err := t.writeToken(ctx, s, random, emit); err != nil {
			return cmp.Or(t.suspend(), err)
		}
	}
	return t.suspend()
}

// writeToken reads what is not read yet, and writes one token, which is not read.
func (t *Text) writeToken(ctx context.Context, s decode.Sampling, random *rand.Rand, emit func(Written) error) error {
	var logits []float32
	for _, token := range t.tokens[t.read:] {
		if err := done(ctx); err != nil {
			return err
		}
		var err error
		if logits, err = t.model.model.Next(token); err != nil {
			t.read = 0 // the state is not known
			return err
		}
		t.read++
	}
	wide := make([]float64, len(logits))
	for k, x := range logits {
		wide[k] = float64(x)
	}
	for k := range t.model.vocab.Reserved() {
		wide[k] = math.Inf(-1)
	}
	token, err := s.Draw(wide, random)
	if err != nil {
		t.read = 0 // no token is left whose logits could be drawn from
		return err
	}
	p := math.Exp(trainer.LogSoftmax(logits)[token])
	return emit(Written{t.add(token), p})
}
