package run

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
)

// evaluateLM measures a language model.
func (r *Run) evaluateLM(ctx context.Context, e EvalConfig) (*Evaluation, error) {
	text, split, err := r.evalText(e)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	unit := r.config.Model.unit()
	v := &Evaluation{Name: text.Name, Split: split, What: "all of " + text.Name, Unit: unit, Count: unit + "s"}
	if split == SplitValidation {
		v.What = whichPart(text.Name, split, r.config)
		if r.config.Data.ValidSHA256 == "" {
			parts, err := r.config.cut(text)
			if err != nil {
				return nil, err
			}
			text = parts[len(parts)-1]
			v.What, v.Split = r.config.Data.last(text.Name)
		}
	}
	var tokens datasets.Sequence
	if e.Skip {
		tokens, v.LeftOut, err = r.vocab.EncodeKnown(text)
	} else {
		tokens, err = r.vocab.Encode(text)
	}
	if err != nil {
		return nil, err
	}
	note, err := unknownInText("text", r.vocab, text, tokens)
	if err != nil {
		return nil, err
	}
	v.Unknown, v.Notes = r.vocab.Unknown(tokens), known(note)
	if v.Split == SplitAll && text.SHA256 == r.config.Data.TextSHA256 {
		v.Notes = append(v.Notes, learnedWords)
	}
	if v.LeftOut > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("text: %s that the model does not know left out",
			words.Count(v.LeftOut, "character", "characters")))
	}
	if e.Stride > 0 {
		v.What += fmt.Sprintf(", in windows of %d %ss that begin every %d", r.config.Training.Seq, unit, e.Stride)
	}
	windows, err := e.windows(tokens, &r.config.Training)
	if err != nil {
		return nil, &datasets.Error{File: text.Name, What: err.Error()}
	}
	lm, err := r.lm(v)
	if err != nil {
		return nil, err
	}
	defer lm.Close()
	return v.time(func() (Metrics, error) { return validateLM(ctx, lm, windows, &r.config.Training) })
}

// lm makes the language model of the run, and notes in v, which may be nil, where it stands.
func (r *Run) lm(v *Evaluation) (LM, error) {
	if err := r.fits(); err != nil {
		return nil, err
	}
	m, err := r.config.newLM()
	if err != nil {
		return nil, err
	}
	return m, r.loadFor(m, v)
}

// loadFor loads the run's checkpoint into a model, which it closes if that fails.
func (r *Run) loadFor(m Learner, v *Evaluation) error {
	at, err := r.Load(m)
	if err != nil {
		m.Close()
		return err
	}
	r.at = at
	if v != nil {
		v.At = at
	}
	return nil
}

// windows cuts tokens to measure on.
func (e *EvalConfig) windows(tokens datasets.Sequence, c *Training) (evalWindows, error) {
	if e.Stride > 0 {
		return datasets.NewSlidingEvalWindows(tokens, c.Batch, c.Seq, e.Stride)
	}
	return datasets.NewEvalWindows(tokens, c.Batch, c.Seq)
}

// evalText is the text to measure on, and which part of it.
func (r *Run) evalText(e EvalConfig) (*datasets.Text, string, error) {
	d := &r.config.Data
	switch {
	case e.Data != nil && e.Whole:
		t, err := datasets.ReadText(e.Data.Paths[0])
		return t, SplitAll, NewInputError("`valid_text`", err)
	case e.Data != nil:
		t, err := datasets.ReadText(e.Data.Paths[0])
		if err != nil {
			return nil, "", NewInputError("`text`", err)
		}
		if t.SHA256 == d.TextSHA256 && d.ValidSHA256 == "" || t.SHA256 == d.ValidSHA256 {
			return t, SplitValidation, nil
		}
		return t, SplitAll, nil
	case d.Train.notOwn(r.dir) != nil:
		return nil, "", d.Train.notOwn(r.dir)
	case d.ValidSHA256 != "":
		t, err := r.ownText(d.Valid, d.ValidSHA256)
		return t, SplitValidation, err
	}
	t, err := r.ownText(d.Text, d.TextSHA256)
	return t, SplitValidation, err
}

// ownText reads a text again that the run was trained with.
func (r *Run) ownText(path, sha256 string) (*datasets.Text, error) {
	if err := readAgain(r.dir, path); err != nil {
		return nil, err
	}
	what := filepath.Join(r.dir, ConfigName)
	if path == "" {
		t := datasets.Builtin()
		if t.SHA256 != sha256 {
			return nil, badData("%s: the run was trained on the built-in text of another version of unroll: use that one, or "+
				"name a text with `text`", what)
		}
		return t, nil
	}
	t, err := datasets.ReadText(path)
	if err != nil {
		var input *InputError
		if errors.As(NewInputError(what, err), &input) {
			return nil, &InputError{input.Name, input.What + ", or name a text with `text`"}
		}
		return nil, err
	}
	if t.SHA256 != sha256 {
		return nil, badData("%s has changed since the run was trained on it (sha256 %.12s now, %.12s in %s): restore it, "+
			"or measure on all of it with `valid_text`", path, t.SHA256, sha256, what)
	}
	return t, nil
}
