package main

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"unicode"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
)

// sampleCmd writes text with a trained language model.
type sampleCmd struct {
	Dir         string  `arg:"" name:"RUN" help:"Folder that unroll train wrote."`
	Prompt      string  `placeholder:"TEXT" help:"Go on from this text. Without it: from the start of a line."`
	Length      int     `default:"500" help:"Tokens to write after the prompt: characters, unless the model was trained on words or byte pairs."`
	Temperature float64 `default:"0.8" help:"Divide the logits by this: less is safer, more is wilder, 0 always takes the likeliest."`
	TopK        int     `name:"top-k" default:"0" help:"Choose from the so many likeliest tokens only; 0: from all."`
	TopP        float64 `name:"top-p" default:"1" help:"Choose from the fewest tokens only that have this probability together; 1: from all."`
	Seed        uint64  `default:"1" help:"Seed of the random choices: another seed, another text."`
	JSON        bool    `name:"json" help:"Write one JSON object with the prompt and the text after it, when all of it is there."`
	useFlags
}

// useFlags are what all commands share that use a trained model.
type useFlags struct {
	Checkpoint string `enum:"best,last" default:"best" help:"Which checkpoint of the run: ${enum}."`
	deviceFlags
}

// lm builds the language model of a run and loads the checkpoint that the flags name.
func (u *useFlags) lm(a *app, r *trained) (LM, position, error) {
	if err := u.runOn(a, r.config); err != nil {
		return nil, position{}, err
	}
	lm, err := newLM(r.config.lm())
	if err != nil {
		return nil, position{}, err
	}
	at, err := u.load(r, lm)
	return lm, at, err
}

// runOn makes a config run on what the flags name.
func (u *useFlags) runOn(a *app, c *config) error {
	c.Running = u.running()
	return c.Running.open(a.stderr)
}

// load loads the checkpoint that the flags name, or closes the model.
func (u *useFlags) load(r *trained, m learner) (position, error) {
	at, err := r.load(m, u.Checkpoint)
	if err != nil {
		m.Close()
	}
	return at, err
}

func (s *sampleCmd) Run(a *app) error {
	if s.Length < 1 {
		return usage("--length is %d: it must be at least 1", s.Length)
	}
	how := decode.Sampling{Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP}
	if err := checkSampling(how); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	r, err := openTrained(s.Dir, taskLM)
	if err != nil {
		return err
	}
	var prompt []int32
	if s.Prompt != "" {
		// A prompt that the model cannot read is bad data, not a wrong command line: it depends on what the run has learned.
		if prompt, err = readPrompt(r.vocab, s.Prompt); err != nil {
			return err
		}
		if n := r.vocab.Unknown(datasets.Slice(prompt)); n > 0 {
			fmt.Fprintf(a.stderr, "unroll: of the %s of the prompt the model does not know %s\n", count(len(prompt), "token", "tokens"), thousands(n))
		}
	}
	lm, _, err := s.lm(a, r)
	if err != nil {
		return err
	}
	defer lm.Close()
	out := bufio.NewWriter(a.stdout)
	if s.JSON {
		var text strings.Builder
		err := generate(lm, r.vocab, prompt, s.Length, how, s.Seed, func(s string) error {
			text.WriteString(s)
			return nil
		})
		if err != nil {
			return err
		}
		out.WriteString(jsonLine(sampled{s.Prompt, text.String()}))
		return out.Flush()
	}
	out.WriteString(r.vocab.Decode(prompt))
	err = generate(lm, r.vocab, prompt, s.Length, how, s.Seed, func(s string) error {
		out.WriteString(s)
		return out.Flush() // each token as it comes
	})
	if err != nil {
		return err
	}
	out.WriteByte('\n')
	return out.Flush()
}

// sampled is what sample --json writes.
type sampled struct {
	Prompt string `json:"prompt"`
	Text   string `json:"text"`
}

// readPrompt is the tokens of a prompt.
func readPrompt(v *datasets.Vocab, prompt string) ([]int32, error) {
	text, err := datasets.NewText("--prompt", prompt)
	if err != nil {
		return nil, err
	}
	s, err := v.Encode(text)
	if err != nil {
		return nil, err
	}
	tokens := make([]int32, s.Len())
	return tokens, s.Read(0, tokens)
}

// generate reads the prompt and emits the text of n tokens after it; reserved tokens are none of them. Without a prompt it reads a line
// break, or the first token of the vocabulary if that has none.
func generate(lm LM, v *datasets.Vocab, prompt []int32, n int, how decode.Sampling, seed uint64, emit func(string) error) error {
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
		for k, x := range logits {
			wide[k] = float64(x)
		}
		for k := range v.Reserved() {
			wide[k] = math.Inf(-1)
		}
		t, err := how.Draw(wide, random)
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

// somePrompt is a prompt that a model of the vocabulary can read: an English word, or else a word or a letter of it.
func somePrompt(v *datasets.Vocab) string {
	const prompt = "The "
	if _, unknown := v.EncodeLine(prompt); unknown == 0 {
		return prompt
	}
	letter := func(r rune) bool { return unicode.IsLetter(r) }
	for token := v.Reserved(); int(token) < v.Len(); token++ { // the most frequent words come first
		if s := v.Decode([]int32{token}); strings.ContainsFunc(s, letter) && !strings.ContainsFunc(s, unicode.IsControl) {
			return s
		}
	}
	return v.Decode([]int32{int32(v.Len() - 1)})
}
