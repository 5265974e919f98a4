package run

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/models/decode"
)

// reader is a model whose state cannot be set aside.
type reader struct{ LM }

// A text that is written in parts is the one that is written at once, whatever is written between the parts, and
// whether the state can be set aside or the text is read again.
func TestTextInParts(t *testing.T) {
	r := trained(t, TaskLM)
	m, err := r.LanguageModel()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	prompt, _, err := r.Prompt("prompt", "line 4", false)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	greedy := decode.Sampling{}
	var whole strings.Builder
	if err := m.Write(ctx, prompt, 30, greedy, 1, func(s string) error { whole.WriteString(s); return nil }); err != nil {
		t.Fatal(err)
	}
	again := &LanguageModel{vocab: m.vocab, model: reader{m.model}}
	for name, model := range map[string]*LanguageModel{"state": m, "read again": again} {
		var parts strings.Builder
		text, other := model.Text(prompt...), model.Text()
		take := func(w Written) error {
			if !(w.Probability > 0 && w.Probability <= 1) {
				t.Errorf("%s: %q has the probability %g", name, w.Text, w.Probability)
			}
			parts.WriteString(w.Text)
			return nil
		}
		stop := errors.New("stop")
		for _, n := range []int{1, 0, 12, 16} {
			if err := text.Write(ctx, nil, n, greedy, 1, take); err != nil {
				t.Fatal(err)
			}
			if err := other.Write(ctx, nil, 3, greedy, 1, func(Written) error { return stop }); err != stop {
				t.Fatalf("%s: %v", name, err)
			}
		}
		done, cancel := context.WithCancel(ctx)
		cancel()
		if err := text.Write(done, nil, 5, greedy, 1, take); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if err := text.Write(ctx, nil, 1, greedy, 1, take); err != nil {
			t.Fatal(err)
		}
		if parts.String() != whole.String() {
			t.Errorf("%s: %q in parts, %q at once", name, parts.String(), whole.String())
		}
		if got := len(text.Tokens()); got != len(prompt)+30 {
			t.Errorf("%s: %d tokens", name, got)
		}
	}
}

// failing is a model whose n-th Next from now on fails: with an error, when its state is another, or with logits that
// are no numbers.
type failing struct {
	LM
	stateful
	n       int
	numbers bool
}

func (f *failing) Next(token int32) ([]float32, error) {
	f.n--
	logits, err := f.LM.Next(token)
	if f.n != 0 || err != nil {
		return logits, err
	}
	if f.numbers {
		return slices.Repeat([]float32{float32(math.NaN())}, len(logits)), nil
	}
	if _, err := f.LM.Next(token); err != nil {
		return nil, err
	}
	return nil, errors.New("the device is lost")
}

// A text whose model has failed goes on as if it had not: what was read is read again.
func TestTextGoesOn(t *testing.T) {
	r := trained(t, TaskLM)
	m, err := r.LanguageModel()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	prompt, _, err := r.Prompt("prompt", "line 4", false)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text *Text, n int) (all []Written, err error) {
		err = text.Write(context.Background(), nil, n, decode.Sampling{}, 1, func(w Written) error {
			all = append(all, w)
			return nil
		})
		return all, err
	}
	const n, at = 12, 5
	want, err := write(m.Text(prompt...), n)
	if err != nil {
		t.Fatal(err)
	}
	for _, numbers := range []bool{false, true} {
		model := &failing{m.model, m.model.(stateful), len(prompt) + at, numbers}
		text := (&LanguageModel{vocab: m.vocab, model: model}).Text(prompt...)
		got, err := write(text, n)
		if err == nil || len(got) != at {
			t.Fatalf("%d tokens, %v", len(got), err)
		}
		rest, err := write(text, n-at)
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, rest...); !slices.Equal(got, want) {
			t.Errorf("%v, and %v of a model that does not fail", got, want)
		}
	}
}

// The probability of what is written is that of the softmax, whatever it is drawn with.
func TestWrittenProbability(t *testing.T) {
	m, err := trained(t, TaskLM).LanguageModel()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	prompt := []int32{m.start()}
	if err := m.model.ResetSample(); err != nil {
		t.Fatal(err)
	}
	logits, err := m.model.Next(prompt[0])
	if err != nil {
		t.Fatal(err)
	}
	sum, most := 0.0, math.Inf(-1)
	for _, x := range logits {
		sum += math.Exp(float64(x))
		most = max(most, float64(x))
	}
	err = m.Text(prompt...).Write(context.Background(), nil, 1, decode.Sampling{}, 1, func(w Written) error {
		if want := math.Exp(most) / sum; math.Abs(w.Probability-want) > 1e-9 {
			t.Errorf("the probability %g, and it is %g", w.Probability, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A long prompt takes memory in proportion to its length: it comes from anybody who asks a server.
func TestLongPrompt(t *testing.T) {
	m, err := trained(t, TaskLM).LanguageModel()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	const n = 50_000
	prompt := make([]int32, n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	text := m.Text(prompt...)
	runtime.ReadMemStats(&after)
	if got := len(text.Tokens()); got != n {
		t.Errorf("%d tokens", got)
	}
	if most := uint64(100 * n); after.TotalAlloc-before.TotalAlloc > most {
		t.Errorf("%d bytes for %d tokens, want at most %d", after.TotalAlloc-before.TotalAlloc, n, most)
	}
}
