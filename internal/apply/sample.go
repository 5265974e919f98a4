package apply

import (
	"bufio"
	"context"
	"io"
	"strings"

	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Sampler writes text with a language model.
type Sampler struct {
	Model    *run.LanguageModel
	Sampling decode.Sampling
	Seed     uint64
	Length   int // tokens after the prompt
	To       io.Writer
}

// Prompt is what a text goes on from.
type Prompt struct {
	Given   string  // by whom it was asked for
	Tokens  []int32 // of it
	Text    string  // of the tokens
	Unknown int     // tokens that the model does not know
}

// sampled is the JSON of a text.
type sampled struct {
	Prompt  string `json:"prompt"`
	Unknown int    `json:"unknown,omitempty"` // of the prompt's tokens
	Text    string `json:"text"`
}

// JSON writes an object with the prompt and the text after it, when all of it is there.
func (s *Sampler) JSON(ctx context.Context, p Prompt) error {
	var text strings.Builder
	err := s.Model.Write(ctx, p.Tokens, s.Length, s.Sampling, s.Seed, func(token string) error {
		text.WriteString(token)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(s.To, jsonLine(sampled{p.Given, p.Unknown, text.String()}))
	return err
}

// Text writes the prompt and the text after it, each token as it comes.
func (s *Sampler) Text(ctx context.Context, p Prompt) error {
	out := bufio.NewWriter(s.To)
	out.WriteString(p.Text)
	err := s.Model.Write(ctx, p.Tokens, s.Length, s.Sampling, s.Seed, func(token string) error {
		out.WriteString(token)
		return out.Flush()
	})
	if err != nil {
		return err
	}
	out.WriteByte('\n')
	return out.Flush()
}
