package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
)

// measureLM measures a language model.
func (e *evalCmd) measureLM(a *app, r *trained) (*evaluated, error) {
	text, split, err := e.text(r)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	units := r.config.Model.units()
	v := &evaluated{name: text.Name, split: split, what: "all of " + text.Name, unit: strings.TrimSuffix(units, "s"), count: units}
	if split == splitHeldOut {
		v.what = text.Name + ", which training held out"
		if r.config.Data.ValidSHA256 == "" {
			parts, err := r.config.cut(text)
			if err != nil {
				return nil, err
			}
			text = parts[len(parts)-1]
			v.what, v.split = r.config.Data.last(text.Name)
		}
	}
	tokens, err := r.vocab.Encode(text)
	if err != nil {
		return nil, err
	}
	v.unknown = r.vocab.Unknown(tokens)
	if e.Stride > 0 {
		v.what += fmt.Sprintf(", in windows of %d %s that begin every %d", r.config.Training.Seq, units, e.Stride)
	}
	windows, err := e.windows(tokens, &r.config.Training)
	if err != nil {
		return nil, &datasets.Error{File: text.Name, What: err.Error()}
	}
	lm, at, err := e.lm(a, r)
	if err != nil {
		return nil, err
	}
	defer lm.Close()
	v.at = at
	return v, v.time(func() (metrics, error) { return measure(lm, windows, &r.config.Training, never) })
}

// windows cuts tokens to measure on.
func (e *evalCmd) windows(tokens datasets.Sequence, c *trainingConfig) (evalWindows, error) {
	if e.Stride > 0 {
		return datasets.NewSlidingEvalWindows(tokens, c.Batch, c.Seq, e.Stride)
	}
	return datasets.NewEvalWindows(tokens, c.Batch, c.Seq)
}

// text is the text to measure on, and which part of it.
func (e *evalCmd) text(r *trained) (*datasets.Text, string, error) {
	d := &r.config.Data
	switch {
	case e.ValidText != "":
		t, err := datasets.ReadText(e.ValidText)
		return t, splitAll, inputError("--valid-text", err)
	case e.Text != "":
		t, err := datasets.ReadText(e.Text)
		if err != nil {
			return nil, "", inputError("--text", err)
		}
		if t.SHA256 == d.TextSHA256 && d.ValidSHA256 == "" || t.SHA256 == d.ValidSHA256 {
			return t, splitHeldOut, nil
		}
		return t, splitAll, nil
	case d.ValidSHA256 != "":
		t, err := r.ownText(d.Valid, d.ValidSHA256)
		return t, splitHeldOut, err
	}
	t, err := r.ownText(d.Text, d.TextSHA256)
	return t, splitHeldOut, err
}

// ownText reads a text again that the run was trained with.
func (r *trained) ownText(path, sha256 string) (*datasets.Text, error) {
	what := filepath.Join(r.dir, configName)
	if path == "" {
		t := datasets.Builtin()
		if t.SHA256 != sha256 {
			return nil, fail(exitData, "%s: the run was trained on the built-in text of another version of unroll: use that one, or name a text with --text", what)
		}
		return t, nil
	}
	t, err := datasets.ReadText(path)
	if err != nil {
		if coded := inputError(what, err); exitCode(coded) == exitNoInput {
			return nil, fail(exitNoInput, "%v, or name a text with --text", coded)
		}
		return nil, err
	}
	if t.SHA256 != sha256 {
		return nil, fail(exitData, "%s has changed since the run was trained on it (sha256 %.12s now, %.12s in %s): restore it, or measure on all of it with --valid-text", path, t.SHA256, sha256, what)
	}
	return t, nil
}
