package serve

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// writer writes texts.
type writer struct {
	run      *run.Run
	model    *run.LanguageModel
	sessions *sessions
}

func openWriter(r *run.Run) (task, error) {
	m, err := r.LanguageModel()
	if err != nil {
		return nil, err
	}
	return &writer{r, m, &sessions{by: map[string]*session{}}}, nil
}

// The sessions that are kept: the longest unused ones are dropped for others.
const (
	maxSessions   = 256
	sessionTokens = 4096    // that are read again by a newer checkpoint
	longSession   = 1 << 18 // tokens of a text that is not continued any more: it takes a megabyte
	newSession    = "new"
)

// session is a text that can be continued.
type session struct {
	text *run.Text
	used time.Time
}

// sessions are texts by their names.
type sessions struct {
	mu sync.Mutex
	by map[string]*session
}

// put keeps a text under a name.
func (s *sessions) put(name string, text *run.Text) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.by[name]; !ok && len(s.by) >= maxSessions {
		oldest := ""
		for other, x := range s.by {
			if oldest == "" || x.used.Before(s.by[oldest].used) {
				oldest = other
			}
		}
		delete(s.by, oldest)
	}
	s.by[name] = &session{text, time.Now()}
}

// get is the text of a name; nil if there is none.
func (s *sessions) get(name string) *run.Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x, ok := s.by[name]; ok {
		return x.text
	}
	return nil
}

// takeOver continues the texts of another checkpoint of the same vocabulary: it reads their ends again.
func (w *writer) takeOver(before *writer) {
	if before.run.Config().Model.VocabSHA256 != w.run.Config().Model.VocabSHA256 {
		return
	}
	before.sessions.mu.Lock()
	defer before.sessions.mu.Unlock()
	for name, x := range before.sessions.by {
		tokens := x.text.Tokens()
		w.sessions.by[name] = &session{w.model.Text(tokens[max(0, len(tokens)-sessionTokens):]...), x.used}
	}
}

func (w *writer) input(raw json.RawMessage) (any, error) {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return nil, errors.New("it must be a text in quotes")
	}
	if strings.ContainsRune(*text, 0) {
		return nil, errors.New("it has the character NUL, so this is not text: remove it")
	}
	return *text, nil
}

func (w *writer) check(o *options) error {
	if o.Temperature == nil {
		o.Temperature = some(0.8)
	}
	return nil
}

// together: a language model writes one text at a time.
func (w *writer) together(*options) bool { return false }
func (w *writer) close() error           { return w.model.Close() }
func (w *writer) steps(any) int          { return 1 }

func (w *writer) predict(ctx context.Context, o *options, inputs []any, emit func(token)) ([]output, error) {
	outputs := make([]output, len(inputs))
	for i, x := range inputs {
		out, err := w.write(ctx, o, x.(string), emit)
		if err != nil {
			return nil, err
		}
		outputs[i] = out
	}
	return outputs, nil
}

// write goes on from a prompt, or in a session.
func (w *writer) write(ctx context.Context, o *options, prompt string, emit func(token)) (out output, err error) {
	text := w.model.Text()
	switch o.Session {
	case "", newSession:
	default:
		if text = w.sessions.get(o.Session); text == nil {
			return out, &callError{404,
				"there is no such session: it ended, or it was begun with another model; \"session\": \"new\" begins one"}
		}
		if n := len(text.Tokens()); n >= longSession {
			return out, &callError{400, fmt.Sprintf("the session has %d tokens, and is not continued after %d: "+
				"\"session\": \"new\" begins one", n, longSession)}
		}
	}
	var tokens []int32
	if prompt != "" {
		var known datasets.Coverage
		if tokens, known, err = w.run.Prompt("the prompt", prompt, o.SkipUnknown); err != nil {
			return out, callerFault(err)
		}
		out.Unknown = known.Unknown
	}
	if out.Session = o.Session; o.Session == newSession {
		out.Session = rand.Text()
	}
	var written []byte
	how := decode.Sampling{Temperature: *o.Temperature, TopK: o.TopK, TopP: o.TopP}
	err = text.Write(ctx, tokens, o.Length, how, o.Seed, func(x run.Written) error {
		written = append(written, x.Text...)
		t := token{x.Text, run.Float(x.Probability)}
		if o.Probabilities {
			out.Tokens = append(out.Tokens, t)
		}
		if emit != nil {
			emit(t)
		}
		return nil
	})
	if out.Session != "" {
		w.sessions.put(out.Session, text)
	}
	out.Text = some(string(written))
	return out, err
}
