package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer/runlog"
)

// evalCmd measures a trained model.
type evalCmd struct {
	Dir       string `arg:"" name:"RUN" help:"Folder that unroll train wrote."`
	Text      string `placeholder:"FILE" help:"Measure on this text. Of the text that the run was trained on: on the part that was held out. Without it: on what the run held out."`
	ValidText string `placeholder:"FILE" help:"Measure on the whole of this text, whatever it is."`
	JSON      bool   `name:"json" help:"Write one JSON object instead of text."`
	useFlags
}

// The splits that eval can measure.
const (
	splitHeldOut = "held-out" // the last tenth of the training text, or the text that was given for measuring
	splitAll     = "all"      // a whole text
)

// evalRecord is what eval --json writes.
type evalRecord struct {
	Loss         runlog.Float `json:"loss"`
	Perplexity   runlog.Float `json:"perplexity"`
	BitsPerToken runlog.Float `json:"bits_per_token"`
	Accuracy     runlog.Float `json:"accuracy"`
	Top2         runlog.Float `json:"top2"`
	Tokens       int          `json:"tokens"`
	Seconds      float64      `json:"seconds"`
	Text         string       `json:"text"`
	Split        string       `json:"split"`
	Run          string       `json:"run"`
	Checkpoint   string       `json:"checkpoint"`
	Step         int          `json:"step"`
}

func (e *evalCmd) Run(a *app) error {
	if e.Text != "" && e.ValidText != "" {
		return usage("--text and --valid-text both name a text to measure on: leave one of them out")
	}
	if err := e.check(); err != nil {
		return err
	}
	r, err := openTrained(e.Dir)
	if err != nil {
		return err
	}
	text, split, err := e.text(r)
	if err != nil {
		return err
	}
	tokens, err := r.vocab.Encode(text)
	if err != nil {
		return err
	}
	if split == splitHeldOut && r.config.Data.ValidSHA256 == "" {
		_, tokens = datasets.Split(tokens)
	}
	windows, err := datasets.NewEvalWindows(tokens, r.config.Training.Batch, r.config.Training.Seq)
	if err != nil {
		return &datasets.Error{File: text.Name, What: err.Error()}
	}
	lm, at, err := e.model(r)
	if err != nil {
		return err
	}
	defer lm.Close()
	begin := time.Now()
	m, err := measure(lm, windows)
	if err != nil {
		return err
	}
	rec := evalRecord{
		Loss: runlog.Float(m.loss), Perplexity: runlog.Float(m.perplexity), BitsPerToken: runlog.Float(m.bits),
		Accuracy: runlog.Float(m.accuracy), Top2: runlog.Float(m.top2), Tokens: m.tokens, Seconds: time.Since(begin).Seconds(),
		Text: text.Name, Split: split, Run: e.Dir, Checkpoint: e.Checkpoint, Step: at.Step,
	}
	if e.JSON {
		return json.NewEncoder(a.stdout).Encode(rec)
	}
	return rec.print(a, r)
}

func (rec *evalRecord) print(a *app, r *trained) error {
	what := "all of " + rec.Text
	if rec.Split == splitHeldOut {
		what = "the part of " + rec.Text + " that training held out, its last tenth"
		if r.config.Data.ValidSHA256 != "" {
			what = rec.Text + ", which training held out"
		}
	}
	_, err := fmt.Fprintf(a.stdout, "%s after step %s, on %s:\n"+
		"loss %.4f nats per character  perplexity %.3f  %.3f bits  accuracy %.2f%%  in the two likeliest %.2f%%\n"+
		"%s characters in %.2f s\n",
		filepath.Join(rec.Run, rec.Checkpoint), thousands(rec.Step), what,
		float64(rec.Loss), float64(rec.Perplexity), float64(rec.BitsPerToken), 100*float64(rec.Accuracy), 100*float64(rec.Top2),
		thousands(rec.Tokens), rec.Seconds)
	return err
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
