package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
)

// corpus is a text to train on and one to measure on, as tokens.
type corpus struct {
	vocab       *datasets.Vocab
	train, held []int32
	windows     trainWindows
	evalWindows evalWindows
	name        string // of the text
}

// trainWindows are what a language model learns from: for each step a T×B window, which goes on from that of the step before unless it
// begins anew. Len is the number of steps of an epoch.
type trainWindows interface {
	Len() int
	Fill(step int, inputs, targets []int32) (anew bool)
}

// evalWindows are those it is measured on, Len in all.
type evalWindows interface {
	Len() int
	Fill(i int, inputs, targets []int32, mask []float32) (anew bool)
}

// windows cuts tokens to train on.
func (c *trainingConfig) windows(tokens []int32) (trainWindows, error) {
	if c.Stride > 0 {
		return datasets.NewSlidingWindows(tokens, c.Accumulate*c.Batch, c.Seq, c.Stride, c.Seed)
	}
	return datasets.NewWindows(tokens, c.Accumulate*c.Batch, c.Seq)
}

// loadCorpus reads what the flags --text and --valid-text name, and writes into c which texts they are. The vocabulary is that of
// all characters of both.
func loadCorpus(textPath, validPath string, c *config) (*corpus, error) {
	text, err := readOrBuiltin(textPath)
	if err != nil {
		return nil, inputError("--text", err)
	}
	d := &corpus{name: text.Name}
	c.Data.TextSHA256 = text.SHA256
	if textPath != "" {
		if c.Data.Text, err = filepath.Abs(textPath); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	texts := []*datasets.Text{text}
	if validPath != "" {
		valid, err := datasets.ReadText(validPath)
		if err != nil {
			return nil, inputError("--valid-text", err)
		}
		c.Data.ValidSHA256 = valid.SHA256
		if c.Data.Valid, err = filepath.Abs(validPath); err != nil {
			return nil, errors.WithStack(err)
		}
		texts = append(texts, valid)
	}
	d.vocab = datasets.NewVocab(texts...)
	c.Model.Vocab, c.Model.VocabSHA256 = d.vocab.Len(), sha256Hex(d.vocab.JSON())
	if d.train, err = d.vocab.Encode(text); err != nil {
		return nil, err
	}
	if validPath != "" {
		if d.held, err = d.vocab.Encode(texts[1]); err != nil {
			return nil, err
		}
	} else {
		parts := c.Data.cut(d.train)
		d.train, d.held = parts[0], parts[1]
		if len(parts) == 3 {
			if _, err := datasets.NewEvalWindows(parts[2], c.Training.Batch, c.Training.Seq); err != nil {
				return nil, &datasets.Error{File: text.Name, What: "the last part: " + err.Error()}
			}
		}
	}
	if d.vocab.Len() < 2 && len(d.train) > 1 {
		return nil, &datasets.Error{File: text.Name, What: fmt.Sprintf("every character is %q, so there is nothing to learn: use another text", text.Runes[0])}
	}
	if d.windows, err = c.Training.windows(d.train); err != nil {
		part := ""
		if validPath == "" {
			percents, err := c.Data.percents()
			if err != nil {
				return nil, err
			}
			part = fmt.Sprintf(", %d%% of them held out", 100-percents[0])
		}
		return nil, errors.WithMessagef(err, "%s (%d characters%s)", text.Name, len(text.Runes), part)
	}
	if d.evalWindows, err = datasets.NewEvalWindows(d.held, c.Training.Batch, c.Training.Seq); err != nil {
		return nil, &datasets.Error{File: texts[len(texts)-1].Name, What: err.Error()}
	}
	return d, nil
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
