package run

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
)

// corpus is a text to train on and one to measure on, as tokens.
type corpus struct {
	vocab        *datasets.Vocab
	train, valid datasets.Sequence
	windows      trainWindows
	evalWindows  evalWindows
	name         string           // of the text
	texts        []*datasets.Text // whole; the tokens may be read from them
	notes        []string         // what was lost of them
}

// noteUnknown says how much of the parts is unknown, if anything is.
func (d *corpus) noteUnknown(learn, validText *datasets.Text) error {
	for _, x := range []struct {
		name   string
		text   *datasets.Text
		tokens datasets.Sequence
	}{{"training text", learn, d.train}, {"validation text", validText, d.valid}} {
		note, err := unknownInText(x.name, d.vocab, x.text, x.tokens)
		if err != nil {
			return err
		}
		d.notes = append(d.notes, known(note)...)
	}
	return nil
}

func (d *corpus) close() error {
	for _, tokens := range []datasets.Sequence{d.train, d.valid} {
		if x, ok := tokens.(*datasets.Encoded); ok {
			x.Close() // it was only read
		}
	}
	for _, t := range d.texts {
		if err := t.Close(); err != nil {
			return err
		}
	}
	return nil
}

// trainWindows are what a language model learns from: for each step a T×B window, which goes on from that of
// the step before unless it begins with a state of zero. Len is the number of steps of an epoch.
type trainWindows interface {
	Len() int
	Fill(step int, inputs, targets []int32) (reset bool, err error)
}

// evalWindows are those it is measured on, Len in all.
type evalWindows interface {
	Len() int
	Fill(i int, inputs, targets []int32, mask []float32) (reset bool, err error)
}

// windows cuts tokens to train on.
func (c *Training) windows(tokens datasets.Sequence) (trainWindows, error) {
	if c.Stride > 0 {
		return datasets.NewSlidingWindows(tokens, c.Accumulate*c.Batch, c.Seq, c.Stride, c.Seed)
	}
	return datasets.NewWindows(tokens, c.Accumulate*c.Batch, c.Seq)
}

// readCorpus reads the texts that a configuration names, and writes into it which they are.
func readCorpus(c *Config) (*corpus, error) {
	text, err := readOrBuiltin(c.Data.Text)
	if err != nil {
		return nil, NewInputError("`text`", err)
	}
	if c.Data.Valid == "" {
		return newCorpus(c, text, nil)
	}
	valid, err := datasets.ReadText(c.Data.Valid)
	if err != nil {
		text.Close()
		return nil, NewInputError("`valid_text`", err)
	}
	return newCorpus(c, text, valid)
}

// newCorpus makes windows of a text and of one to validate on, of which nil is a part of the text; close closes
// them. It writes into c which texts they are. A vocabulary of characters is that of all characters of both;
// another is that of what is trained on.
func newCorpus(c *Config, text, valid *datasets.Text) (_ *corpus, err error) {
	d := &corpus{name: cmp.Or(text.Name, inMemory), texts: []*datasets.Text{text}}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	c.Data.TextSHA256, c.Data.Text = text.SHA256, ""
	if text.Name != datasets.BuiltinName {
		paths, err := absolute([]string{d.name})
		if err != nil {
			return nil, err
		}
		c.Data.Text = paths[0]
	}
	learn, validText, part := text, valid, "" // part says in words what is not in learn
	if valid != nil {
		d.texts = append(d.texts, validText)
		c.Data.ValidSHA256 = validText.SHA256
		paths, err := absolute([]string{cmp.Or(valid.Name, inMemory)})
		if err != nil {
			return nil, err
		}
		c.Data.Valid = paths[0]
	} else {
		parts, err := c.cut(text)
		if err != nil {
			return nil, err
		}
		learn, validText = parts[0], parts[1]
		if len(parts) == 3 && parts[2].Len() < 2 {
			return nil, &datasets.Error{File: text.Name,
				What: fmt.Sprintf("the last part has %s, at least 2 are needed to measure on: use a longer text",
					words.Count(parts[2].Len(), "character", "characters"))}
		}
		percents, err := c.Data.percents()
		if err != nil {
			return nil, err
		}
		part = fmt.Sprintf(", %d%% of them held out", 100-percents[0])
	}
	var lost spaces
	if d.vocab, _ = c.vocabs(); d.vocab != nil {
		d.vocab = d.vocab.With(d.texts...)
	} else if d.vocab, err = c.Model.vocabOf(learn, d.texts, &lost); err != nil {
		return nil, err
	}
	c.Model.Vocab, c.Model.VocabSHA256 = d.vocab.Len(), sha256Hex(d.vocab.JSON())
	if d.train, err = d.vocab.EncodeKept(learn, c.tokenFiles(trainTokens)); err != nil {
		return nil, err
	}
	if d.valid, err = d.vocab.EncodeKept(validText, c.tokenFiles(validTokens)); err != nil {
		return nil, err
	}
	vectors, err := c.readTextVectors(d.vocab, learn)
	if err != nil {
		return nil, err
	}
	d.notes = append(known(c.origin(d.vocab), lost.note(), sameText(c)), vectors...)
	for _, t := range d.texts {
		d.notes = append(d.notes, t.Notes()...)
	}
	if err := d.noteUnknown(learn, validText); err != nil {
		return nil, err
	}
	if d.train.Len() > 1 {
		if err := c.Model.checkVocabSize(d.vocab, 2, text.Name); err != nil {
			return nil, err
		}
	}
	if d.windows, err = c.Training.windows(d.train); err != nil {
		var short *datasets.TooShortError
		if errors.As(err, &short) {
			short.Units, short.Parts = c.Model.unit()+"s", c.Training.Accumulate
		}
		return nil, errors.WithMessagef(err, "%s (%d %s%s)", text.Name, text.Len(),
			words.Which(text.Len(), "character", "characters"), part)
	}
	if d.evalWindows, err = datasets.NewEvalWindows(d.valid, c.Training.Batch, c.Training.Seq); err != nil {
		return nil, &datasets.Error{File: validText.Name, What: err.Error()}
	}
	return d, nil
}

// readTextVectors is readVectors of a language model that learns a text.
func (c *Config) readTextVectors(v *datasets.Vocab, learn *datasets.Text) ([]string, error) {
	var failed error
	notes, err := c.readVectors(c.sourceVectors(), v, learn.Blocks(&failed))
	if failed != nil {
		return nil, failed
	}
	return notes, err
}

// checkVocabSize says whether a vocabulary has so many tokens of its own: a text of one token has nothing to
// teach, but a translation may end.
func (m *Model) checkVocabSize(v *datasets.Vocab, least int, name string) error {
	known := v.Len() - int(v.Reserved())
	switch {
	case known >= least:
		return nil
	case m.MinFreq > 1 || m.MaxVocab > 0:
		but := ""
		if known == 1 {
			but = fmt.Sprintf(" but %q", v.Name(v.Reserved()))
		}
		return &datasets.Error{File: name,
			What: fmt.Sprintf("with --min-freq %d and --max-vocab %d every token%s is unknown, so there is nothing to learn: "+
				"choose others, or other data", max(m.MinFreq, 1), m.MaxVocab, but)}
	case known == 1:
		unit := m.unit()
		return &datasets.Error{File: name,
			What: fmt.Sprintf("every %s is %q, so there is nothing to learn: use another text", unit, v.Name(v.Reserved()))}
	}
	return &datasets.Error{File: name, What: "it has no words, so there is nothing to learn: use other data"}
}

// vocabOf makes the vocabulary of a language model that learns from a part of texts.
func (m *Model) vocabOf(learn *datasets.Text, texts []*datasets.Text, n *spaces) (*datasets.Vocab, error) {
	if m.tokenKind() == datasets.Char && m.MinFreq <= 1 && m.MaxVocab == 0 && m.Normalize == "" {
		return datasets.NewVocab(texts...), nil
	}
	var failed error
	c := m.vocab()
	c.UnkIsUnknown = true
	v, err := datasets.BuildVocab(c, n.count(m.tokenKind(), learn.Blocks(&failed)))
	if failed != nil {
		return nil, failed
	}
	return v, err
}

func readOrBuiltin(path string) (*datasets.Text, error) {
	if path == "" {
		return datasets.Builtin(), nil
	}
	return datasets.ReadText(path)
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
