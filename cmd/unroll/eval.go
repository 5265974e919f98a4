package main

import (
	"context"
	"math"
	"path/filepath"
	"slices"

	"github.com/unroll-ml/unroll/internal/cmdline"
	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/run"
)

// evalCmd measures a trained model.
type evalCmd struct {
	Dirs      []string `arg:"" name:"RUN" help:"Folder that unroll train wrote. Several of classifiers, translators, forecasters or regressors are measured together, on the data of the first."`
	Text      string   `placeholder:"FILE" help:"Measure on this text; of the text that the run was trained on, on the validation part. Without it: on the validation data of the run."`
	ValidText string   `placeholder:"FILE" help:"Measure on the whole of this text, whatever it is."`

	Stride int `group:"Of a language model:" placeholder:"N" help:"Measure windows of as many tokens as in a training step, which begin every N tokens, each from a state of zero. Default 0: long streams that carry their state on, so that each token is predicted once and from all that came before."`

	Examples      classifyFlags `embed:"" group:"Of a classifier:" set:"use=As --text, on"`
	ValidExamples classifyFlags `embed:"" prefix:"valid-" group:"Of a classifier:" set:"use=As --valid-text, on"`

	beamFlags `embed:"" group:"Of a sequence-to-sequence model:"`

	Pairs      pairsFlags `embed:"" group:"Of a sequence-to-sequence model:" set:"use=As --text, on"`
	ValidPairs pairsFlags `embed:"" prefix:"valid-" group:"Of a sequence-to-sequence model:" set:"use=As --valid-text, on"`

	BleuTokenize      string `group:"Of a sequence-to-sequence model:" enum:"run, ${bleuTokenizers}" default:"run" help:"How texts are cut into words for BLEU: ${enum}. run: as the run was trained with."`
	SeveralReferences bool   `group:"Of a sequence-to-sequence model:" help:"Translate a source that has several targets once, and take each of them for right."`

	Tagged      taggedFlagsOfEval `embed:"" group:"Of a tagger:" set:"use=As --text, on"`
	ValidTagged taggedFlags       `embed:"" prefix:"valid-" group:"Of a tagger:" set:"use=As --valid-text, on"`

	ByClass bool `group:"Of a classifier:" help:"Write precision, recall and F1 of each class, too, and what its examples are taken for."`

	backtestFlags `embed:"" group:"Of a forecaster:"`

	exampleFlags `set:"columnsNote= Of a tagger: the file to measure on, as --columns of train tag names it."`
	SkipUnknown  bool `group:"Of a language model:" help:"Leave out characters that a model of characters does not know, and say how many, instead of stopping at the first."`

	JSON bool `name:"json" help:"Write one JSON object instead of text."`
	useFlags
}

func (e *evalCmd) Run(a *app) error {
	if e.Text != "" && e.ValidText != "" {
		return usage("--text and --valid-text both name a text to measure on: leave one of them out")
	}
	if err := e.useFlags.check(); err != nil {
		return err
	}
	if err := e.beamFlags.check(); err != nil {
		return err
	}
	if e.Stride < 0 {
		return usage("--stride is %d: it must be at least 0", e.Stride)
	}
	if e.Stride > run.MaxInteger {
		return usage("--stride is %d: at most %s are supported", e.Stride, words.Thousands(run.MaxInteger))
	}
	config := run.EvalConfig{Backtest: e.backtest(), Stride: e.Stride, Several: e.SeveralReferences, Skip: e.SkipUnknown}
	if e.BleuTokenize != "run" {
		config.Tokenize = e.BleuTokenize
	}
	var err error
	if config.Translate, err = e.options(); err != nil {
		return err
	}
	if err := e.data(&config); err != nil {
		return err
	}
	r, err := e.openAll(a, e.Dirs)
	if err != nil {
		return err
	}
	if err := e.fits(r, config); err != nil {
		return err
	}
	if err := e.compute(a, r); err != nil {
		return err
	}
	v, err := r.Evaluate(context.Background(), config)
	if err != nil {
		return err
	}
	if math.IsNaN(v.Loss) || math.IsInf(v.Loss, 0) {
		return fail(exitDiverged,
			"the loss of %s on %s is %g: its weights are too large to compute with, measure another checkpoint",
			filepath.Join(r.Dir(), r.Checkpoint()), v.What, v.Loss)
	}
	shown := report.Evaluation{Evaluation: v, Run: r, Stride: e.Stride, ByClass: e.ByClass}
	if r.Config().Task == run.TaskSeq2Seq {
		shown.Beam = e.Beam
	}
	if e.JSON {
		return shown.JSON(a.texts())
	}
	remarks := shown.Remarks(config.Translate.Unknown != nil)
	for i, remark := range remarks {
		remarks[i] = cmdline.Flags(remark)
	}
	return shown.Text(a.prose(), remarks)
}

// taggedFlagsOfEval are taggedFlags without --columns, which names columns here, too.
type taggedFlagsOfEval struct {
	Conllu string `placeholder:"FILE" help:"${use} the sentences of this file in CoNLL-U, plain or .gz."`
}

// tagged are the sentences that flags may name. --columns with one name is a file, as train tag has it: of
// tables it names two columns.
func (e *evalCmd) tagged() []run.Source {
	file := ""
	if len(e.Columns) == 1 {
		file, e.Columns = e.Columns[0], nil
	}
	return (&taggedFlags{Conllu: e.Tagged.Conllu, Columns: file}).sources()
}

// data writes into a config the data that flags name.
func (e *evalCmd) data(c *run.EvalConfig) error {
	text := func(path string) run.Source { return run.Source{Kind: run.KindText, Paths: []string{path}} }
	source, err := oneSource("", slices.Concat(e.Examples.sources(), e.Pairs.sources(), e.tagged(),
		[]run.Source{text(e.Text)})...)
	if err != nil {
		return err
	}
	valid, err := oneSource("valid-", slices.Concat(e.ValidExamples.sources(), e.ValidPairs.sources(),
		e.ValidTagged.sources(), []run.Source{text(e.ValidText)})...)
	if err != nil {
		return err
	}
	switch {
	case source != nil && valid != nil:
		return usage("--%s and --valid-%s both name data to measure on: leave one of them out", source.Kind, valid.Kind)
	case e.Pairs.incomplete():
		return usage("--src and --tgt name two files that belong together: give both")
	case e.ValidPairs.incomplete():
		return usage("--valid-src and --valid-tgt name two files that belong together: give both")
	}
	if err := setFormat(e.format(), source, valid); err != nil {
		return err
	}
	if c.Data = source; valid != nil {
		c.Data, c.Whole = valid, true
	}
	return nil
}

// fits says whether the flags are for the run's task.
func (e *evalCmd) fits(r *run.Run, c run.EvalConfig) error {
	task, flag := r.Config().Task, ""
	if c.Data != nil && !slices.Contains(run.DataKinds[task], c.Data.Kind) {
		if flag = c.Data.Kind; c.Whole {
			flag = "valid-" + flag
		}
	}
	for _, f := range []struct {
		flag  string
		given bool
		tasks []string
	}{
		{"stride", e.Stride > 0, []string{run.TaskLM}},
		{"skip-unknown", e.SkipUnknown, []string{run.TaskLM}},
		{"beam", e.Beam > 1, []string{run.TaskSeq2Seq}},
		{"max-length", e.MaxLength != nil, []string{run.TaskSeq2Seq}},
		{"coverage-penalty", e.CoveragePenalty > 0, []string{run.TaskSeq2Seq}},
		{"no-repeat-ngram", e.NoRepeatNgram > 0, []string{run.TaskSeq2Seq}},
		{"replace-unk", e.ReplaceUnk, []string{run.TaskSeq2Seq}},
		{"unk-dictionary", e.UnkDictionary != "", []string{run.TaskSeq2Seq}},
		{"bleu-tokenize", e.BleuTokenize != "run", []string{run.TaskSeq2Seq}},
		{"several-references", e.SeveralReferences, []string{run.TaskSeq2Seq}},
		{"by-class", e.ByClass, []string{run.TaskClassify, run.TaskTag}},
		{e.backtestFlags.given(), e.backtestFlags.given() != "", []string{run.TaskForecast}},
	} {
		if flag == "" && f.given && !slices.Contains(f.tasks, task) {
			flag = f.flag
		}
	}
	switch {
	case flag != "":
		return usage("--%s is not for %s, which %s holds: see %s eval --help", flag, run.TaskName(task), r.Dir(), calledAs)
	case task == run.TaskSeq2Seq:
		return e.beamFlags.fits(r)
	}
	return nil
}
