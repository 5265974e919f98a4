package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/unroll-ml/unroll/trainer/runlog"
)

// evalCmd measures a trained model.
type evalCmd struct {
	Dir       string `arg:"" name:"RUN" help:"Folder that unroll train wrote."`
	Text      string `placeholder:"FILE" help:"Measure on this text. Of the text that the run was trained on: on the part that was held out. Without it: on what the run held out."`
	ValidText string `placeholder:"FILE" help:"Measure on the whole of this text, whatever it is."`

	Stride int `group:"Of a language model:" placeholder:"N" help:"Measure windows of as many tokens as in a training step, which begin every N tokens, each from a state of zero. Default 0: long streams that carry their state on, so that each token is predicted once and from all that came before."`

	Examples      classifyFlags `embed:"" group:"Of a classifier:" set:"use=As --text, on"`
	ValidExamples classifyFlags `embed:"" prefix:"valid-" group:"Of a classifier:" set:"use=As --valid-text, on"`

	beamFlags `embed:"" group:"Of a sequence-to-sequence model:"`

	Pairs      pairsFlags `embed:"" group:"Of a sequence-to-sequence model:" set:"use=As --text, on"`
	ValidPairs pairsFlags `embed:"" prefix:"valid-" group:"Of a sequence-to-sequence model:" set:"use=As --valid-text, on"`

	SkipBad bool `help:"Leave out lines of named data that cannot be used instead of stopping at the first."`

	JSON bool `name:"json" help:"Write one JSON object instead of text."`
	useFlags
}

// The splits that eval can measure.
const (
	splitHeldOut = "held-out" // what training held out, or was given for measuring
	splitTest    = "test"     // what training never saw
	splitAll     = "all"      // whatever it is, the whole of it
)

// evalRecord is what eval --json writes.
type evalRecord struct {
	Loss runlog.Float `json:"loss"`
	measures
	Beam       int     `json:"beam,omitempty"`
	Stride     int     `json:"stride,omitempty"`
	Unknown    int     `json:"unknown,omitempty"` // of the tokens of a text
	Seconds    float64 `json:"seconds"`
	Text       string  `json:"text"` // or other data
	Split      string  `json:"split"`
	Run        string  `json:"run"`
	Checkpoint string  `json:"checkpoint"`
	Step       int     `json:"step"`
}

// evaluated is what eval found.
type evaluated struct {
	metrics
	name, split string // of the data
	what        string // the data in words
	unit        string // that the loss is for, and what is counted
	count       string
	unknown     int // of the tokens of a text
	at          position
	seconds     float64
}

// time measures, and notes how long that took.
func (v *evaluated) time(measure func() (metrics, error)) (err error) {
	begin := time.Now()
	v.metrics, err = measure()
	v.seconds = time.Since(begin).Seconds()
	return err
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
	if e.Stride > maxInteger {
		return usage("--stride is %d: at most %s are supported", e.Stride, thousands(maxInteger))
	}
	source, valid, err := e.sources()
	if err != nil {
		return err
	}
	r, err := openTrained(e.Dir, taskLM, taskClassify, taskSeq2Seq)
	if err != nil {
		return err
	}
	if err := e.fits(r, source, valid); err != nil {
		return err
	}
	var v *evaluated
	switch r.config.Task {
	case taskLM:
		v, err = e.measureLM(a, r)
	case taskClassify:
		v, err = e.measureClassifier(a, r, source, valid)
	case taskSeq2Seq:
		v, err = e.measureSeq2Seq(a, r, source, valid)
	}
	if err != nil {
		return err
	}
	if !finite(v.loss) {
		return fail(exitDiverged, "the loss of %s on %s is %g: its weights are too large to compute with, measure another checkpoint",
			filepath.Join(e.Dir, e.Checkpoint), v.what, v.loss)
	}
	rec := evalRecord{
		Loss: runlog.Float(v.loss), measures: v.measures, Stride: e.Stride, Unknown: v.unknown, Seconds: v.seconds,
		Text: v.name, Split: v.split, Run: e.Dir, Checkpoint: e.Checkpoint, Step: v.at.Step,
	}
	if r.config.Task == taskSeq2Seq {
		rec.Beam = e.Beam
	}
	if e.JSON {
		return json.NewEncoder(a.stdout).Encode(rec)
	}
	number := v.Examples
	if number == 0 {
		number = v.Tokens
	}
	unknown := ""
	if v.unknown > 0 {
		unknown = fmt.Sprintf(", %s of them unknown,", thousands(v.unknown))
	}
	_, err = fmt.Fprintf(a.stdout, "%s after step %s, on %s:\nloss %.4f nats per %s%s\n%s %s%s in %.2f s\n",
		filepath.Join(e.Dir, e.Checkpoint), thousands(v.at.Step), v.what, v.loss, v.unit, v.words(3, 2)+v.further(), thousands(number), v.count, unknown, v.seconds)
	return err
}

// sources are the data that flags name but a text; nil if none do.
func (e *evalCmd) sources() (source, valid *sourceConfig, err error) {
	if source, err = oneSource("", append(e.Examples.sources(), e.Pairs.sources()...)...); err != nil {
		return nil, nil, err
	}
	if valid, err = oneSource("valid-", append(e.ValidExamples.sources(), e.ValidPairs.sources()...)...); err != nil {
		return nil, nil, err
	}
	skip := skipFlags{SkipBad: e.SkipBad}
	skip.mark(source, valid)
	switch {
	case source != nil && valid != nil:
		return nil, nil, usage("--%s and --valid-%s both name data to measure on: leave one of them out", source.Kind, valid.Kind)
	case e.Pairs.incomplete():
		return nil, nil, usage("--src and --tgt name two files that belong together: give both")
	case e.ValidPairs.incomplete():
		return nil, nil, usage("--valid-src and --valid-tgt name two files that belong together: give both")
	}
	return source, valid, nil
}

// fits says whether the flags name data of the run's task.
func (e *evalCmd) fits(r *trained, source, valid *sourceConfig) error {
	fit := func(s *sourceConfig) bool { return s == nil || slices.Contains(dataKinds[r.config.Task], s.Kind) }
	flag := ""
	switch {
	case !fit(source):
		flag = source.Kind
	case !fit(valid):
		flag = "valid-" + valid.Kind
	case r.config.Task != taskLM && e.Text != "":
		flag = "text"
	case r.config.Task != taskLM && e.ValidText != "":
		flag = "valid-text"
	case r.config.Task != taskLM && e.Stride > 0:
		flag = "stride"
	case r.config.Task != taskSeq2Seq && e.Beam > 1:
		flag = "beam"
	case r.config.Task != taskSeq2Seq && e.MaxLength != nil:
		flag = "max-length"
	case r.config.Task != taskSeq2Seq && e.CoveragePenalty > 0:
		flag = "coverage-penalty"
	default:
		return nil
	}
	return usage("--%s is not for %s, which %s holds: see unroll eval --help", flag, taskNames[r.config.Task], r.dir)
}

// dataKinds are the kinds of sources that tasks have.
var dataKinds = map[string][]string{taskClassify: {kindTable, kindFolder, kindIDX}, taskSeq2Seq: {kindPairs, kindParallel, kindTask}}
