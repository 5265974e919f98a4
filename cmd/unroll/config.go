package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"go.yaml.in/yaml/v3"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/device"
)

const configFormat = "unroll-run-1"

// The tasks that a model can be trained for.
const (
	taskLM       = "lm"
	taskClassify = "classify"
	taskSeq2Seq  = "seq2seq"
)

var taskNames = map[string]string{taskLM: "a language model", taskClassify: "a classifier", taskSeq2Seq: "a sequence-to-sequence model"}

// config is config.yaml: everything that is needed to repeat a run. What a task has no use for is left out of the file.
type config struct {
	Format   string         `yaml:"format"`
	Task     string         `yaml:"task"`
	Data     dataConfig     `yaml:"data"`
	Model    modelConfig    `yaml:"model"`
	Training trainingConfig `yaml:"training"`
	Running  runningConfig  `yaml:"running"`
}

type dataConfig struct {
	Text        string `yaml:"text,omitempty"` // absolute path; "" is the built-in text
	TextSHA256  string `yaml:"text_sha256,omitempty"`
	Split       string `yaml:"split,omitempty"`      // percents with slashes between; "": the last tenth of the text is held out
	Valid       string `yaml:"valid_text,omitempty"` // "": see Split
	ValidSHA256 string `yaml:"valid_text_sha256,omitempty"`

	Train *sourceConfig `yaml:"train,omitempty"` // of other tasks than a language model's
	Held  *sourceConfig `yaml:"valid,omitempty"` // nil: a part of Train is held out

	HoldOut float64 `yaml:"hold_out,omitempty"` // how large it is; 0: a tenth
}

// sourceConfig says where examples are.
type sourceConfig struct {
	Kind   string   `yaml:"kind"`       // the flag that names them
	Paths  []string `yaml:"paths,flow"` // absolute
	SHA256 string   `yaml:"sha256"`

	SkipBad bool `yaml:"skip_bad,omitempty"` // leave out lines that cannot be used
}

// fits says whether it may be a source of a task; nil may.
func (s *sourceConfig) fits(task string) bool {
	if s == nil {
		return true
	}
	paths := 1
	if s.Kind == kindParallel {
		paths = 2
	}
	return slices.Contains(dataKinds[task], s.Kind) && len(s.Paths) == paths
}

// withoutPaths is s for examples that may lie elsewhere.
func (s *sourceConfig) withoutPaths() *sourceConfig {
	if s == nil {
		return nil
	}
	return &sourceConfig{Kind: s.Kind, SHA256: s.SHA256}
}

type modelConfig struct {
	Cell        string `yaml:"cell"`
	Hidden      int    `yaml:"hidden"`
	Layers      int    `yaml:"layers"`
	Embed       int    `yaml:"embed"`
	Vocab       int    `yaml:"vocab,omitempty"`
	VocabSHA256 string `yaml:"vocab_sha256,omitempty"` // of vocab.json

	Tokens        string  `yaml:"tokens,omitempty"` // a datasets.Kind; "" of a language model: char
	MinFreq       int     `yaml:"min_freq,omitempty"`
	Input         int     `yaml:"input,omitempty"`        // columns of an image
	Nonlinearity  string  `yaml:"nonlinearity,omitempty"` // "": tanh
	NoBias        bool    `yaml:"no_bias,omitempty"`
	ForgetBias    float64 `yaml:"forget_bias,omitempty"`
	Peepholes     bool    `yaml:"peepholes,omitempty"`
	LayerNorm     bool    `yaml:"layer_norm,omitempty"`
	Bidirectional bool    `yaml:"bidirectional,omitempty"`
	Dropout       float64 `yaml:"dropout,omitempty"`
	Pooling       string  `yaml:"pooling,omitempty"`
	MaxVocab      int     `yaml:"max_vocab,omitempty"`
	Attention     string  `yaml:"attention,omitempty"`
	Before        bool    `yaml:"attention_before,omitempty"`
	EveryStep     bool    `yaml:"context_every_step,omitempty"`
	Feeding       bool    `yaml:"input_feeding,omitempty"`
	Tied          bool    `yaml:"tie,omitempty"`
	Classes       int     `yaml:"classes,omitempty"`
	LabelsSHA256  string  `yaml:"labels_sha256,omitempty"` // of labels.json
	TargetVocab   int     `yaml:"target_vocab,omitempty"`
	TargetSHA256  string  `yaml:"target_vocab_sha256,omitempty"` // of target-vocab.json
}

// kind is what texts are cut into.
func (m *modelConfig) kind() datasets.Kind {
	return datasets.Kind(cmp.Or(m.Tokens, string(datasets.Char)))
}

// kinds is what texts are cut into, in words.
func (m *modelConfig) kinds() string {
	if m.kind() == datasets.BPE {
		return "byte pairs"
	}
	return string(m.kind()) + "s"
}

// units is what a token is called in words, of several.
func (m *modelConfig) units() string {
	if m.kind() == datasets.Char {
		return "characters"
	}
	return "tokens"
}

type trainingConfig struct {
	Batch           int     `yaml:"batch"`
	Seq             int     `yaml:"seq,omitempty"`     // of a language model
	Stride          int     `yaml:"stride,omitempty"`  // from window to window; 0: streams that go on
	Longest         int     `yaml:"longest,omitempty"` // tokens of an example
	Buckets         int     `yaml:"buckets,omitempty"` // different shapes of batches
	TeacherForcing  float64 `yaml:"teacher_forcing,omitempty"`
	TeacherDecay    string  `yaml:"teacher_decay,omitempty"`
	TeacherSteps    int     `yaml:"teacher_steps,omitempty"`
	Smoothing       float64 `yaml:"label_smoothing,omitempty"`
	Optimizer       string  `yaml:"optimizer"`
	LR              float64 `yaml:"lr"`
	Momentum        float64 `yaml:"momentum"`
	WeightDecay     float64 `yaml:"weight_decay"`
	Clip            float64 `yaml:"clip"`
	ClipValue       float64 `yaml:"clip_value"`
	Accumulate      int     `yaml:"accumulate"`
	Schedule        string  `yaml:"schedule"`
	Warmup          int     `yaml:"warmup"`                      // steps
	ScheduleSteps   int     `yaml:"schedule_steps,omitempty"`    // see trainingConfig.schedule
	ScheduleFactor  float64 `yaml:"schedule_factor,omitempty"`   // likewise
	ScheduleWait    int     `yaml:"schedule_patience,omitempty"` // of the schedule plateau
	EMA             float64 `yaml:"ema"`
	LossScaling     bool    `yaml:"loss_scaling"`
	MaxSkipped      int     `yaml:"max_skipped"`
	Best            string  `yaml:"best"` // one of taskScores
	Patience        int     `yaml:"patience"`
	Seed            uint64  `yaml:"seed"`
	ValidEvery      int     `yaml:"valid_every"`            // steps; 0: after epochs
	ValidEpochs     int     `yaml:"valid_epochs,omitempty"` // 0: 1
	ValidPairs      int     `yaml:"valid_pairs,omitempty"`  // that are translated
	CheckpointEvery int     `yaml:"checkpoint_every"`       // steps; 0: only when validated
	Steps           int     `yaml:"steps"`                  // one of steps, epochs and minutes is not 0
	Epochs          int     `yaml:"epochs"`
	Minutes         float64 `yaml:"minutes"`
}

type runningConfig struct {
	Device    string `yaml:"device"`
	Threads   int    `yaml:"threads"`             // 0: as many as there are processors
	Precision string `yaml:"precision,omitempty"` // "": fp32

	on tape.Device // nil: not yet open
}

// lm is the model that a config asks for.
func (c *config) lm() LMConfig {
	return LMConfig{
		Vocab: c.Model.Vocab, Cell: c.Model.cell(), Hidden: c.Model.Hidden, Layers: c.Model.Layers, Embed: c.Model.Embed,
		Dropout: c.Model.Dropout, Tied: c.Model.Tied,
		Batch: c.Training.Batch, Seq: c.Training.Seq,
		Training: c.Training.moves(),
		Device:   c.Running.on,
	}
}

// The most that one model may ask for, so that a slip of the finger does not take the machine down.
const (
	maxWeights     = 1e9 // numbers
	maxActivations = 4e9 // numbers of one training step
	maxTokens      = 1e9 // tokens of one training step, with all its parts
	maxInteger     = 1_000_000_000
)

// check says what is wrong with a config, in the terms of the flags. The vocabulary may still be 0, for not known.
func (c *config) check() error {
	m, t := &c.Model, &c.Training
	seq, examples := 1, 0
	if c.Task != taskLM {
		seq, examples = 0, 1
	}
	for _, f := range []struct {
		flag       string
		value, min int
	}{
		{"hidden", m.Hidden, 1}, {"layers", m.Layers, 1}, {"embed", m.Embed, 0}, {"batch", t.Batch, 1}, {"seq", t.Seq, seq}, {"stride", t.Stride, 0},
		{"longest", t.Longest, examples}, {"buckets", t.Buckets, examples}, {"min-freq", m.MinFreq, 0}, {"max-vocab", m.MaxVocab, 0},
		{"valid-every", t.ValidEvery, 0}, {"valid-epochs", t.ValidEpochs, 0}, {"checkpoint-every", t.CheckpointEvery, 0},
		{"accumulate", t.Accumulate, 1}, {"warmup", t.Warmup, 0}, {"schedule-steps", t.ScheduleSteps, 0}, {"schedule-patience", t.ScheduleWait, 0},
		{"max-skipped", t.MaxSkipped, 1}, {"patience", t.Patience, 0}, {"teacher-steps", t.TeacherSteps, 0},
		{"steps", t.Steps, 0}, {"epochs", t.Epochs, 0}, {"threads", c.Running.Threads, 0}, {"vocab", m.Vocab, 0},
	} {
		if f.value < f.min {
			return usage("--%s is %d: it must be at least %d", f.flag, f.value, f.min)
		}
		if f.value > maxInteger {
			return usage("--%s is %d: at most %s are supported", f.flag, f.value, thousands(maxInteger))
		}
	}
	for _, f := range []struct {
		flag, value string
		valid       []string
	}{
		{"cell", m.Cell, cells}, {"optimizer", t.Optimizer, optimizers}, {"schedule", t.Schedule, schedules}, {"device", c.Running.Device, device.Names},
		{"precision", cmp.Or(c.Running.Precision, device.FP32), device.Precisions},
	} {
		if !slices.Contains(f.valid, f.value) {
			return usage("--%s is %q: it must be one of %s", f.flag, f.value, strings.Join(f.valid, ", "))
		}
	}
	if _, err := c.Data.percents(); err != nil {
		return err
	}
	if err := m.checkCell(); err != nil {
		return err
	}
	if err := c.Running.checkPrecision(); err != nil {
		return err
	}
	if err := t.checkMoves(c.Task); err != nil {
		return err
	}
	switch {
	case !(t.Minutes >= 0) || math.IsInf(t.Minutes, 0):
		return usage("--minutes is %g: it must be larger than 0", t.Minutes)
	case !(m.Dropout >= 0 && m.Dropout < 1):
		return usage("--dropout is %g: it must be at least 0 and less than 1", m.Dropout)
	}
	switch c.Task {
	case taskClassify:
		if !slices.Contains(models.Poolings, m.Pooling) {
			return usage("--pooling is %q: it must be one of %s", m.Pooling, strings.Join(models.Poolings, ", "))
		}
		return c.checkClassifierSize(1)
	case taskSeq2Seq:
		return c.checkSeq2Seq()
	}
	switch kind := m.kind(); {
	case !slices.Contains(datasets.Kinds, kind):
		return usage("--tokens is %q: it must be one of %s", kind, strings.Join(vocabKinds(), ", "))
	case kind == datasets.Char && (m.MinFreq > 1 || m.MaxVocab > 0):
		return usage("--min-freq and --max-vocab are for --tokens word and bpe: a model of characters knows all that there are")
	case !(c.Data.HoldOut >= 0 && c.Data.HoldOut < 1):
		return usage("--hold-out is %g: it must be larger than 0 and less than 1", c.Data.HoldOut)
	case m.Dropout > 0 && m.Layers == 1:
		return usage("--dropout is between layers, and there is one: --layers 2 at least, or leave it out")
	case m.Tied && m.Embed == 0:
		return usage("--tie gives the output the embedding's weights, and --embed 0 is none: choose an --embed, or leave it out")
	}
	return c.checkSize()
}

// checkSeq2Seq is what check says of a sequence-to-sequence model.
func (c *config) checkSeq2Seq() error {
	m, t := &c.Model, &c.Training
	switch {
	case m.Embed < 1:
		return usage("--embed is %d: it must be at least 1", m.Embed)
	case !slices.Contains(attentions, m.Attention):
		return usage("--attention is %q: it must be one of %s", m.Attention, strings.Join(attentions, ", "))
	case m.Feeding && m.Attention == noAttention:
		return usage("--input-feeding feeds what the attention found: choose an --attention, or leave it out")
	case m.Before && m.Attention == noAttention:
		return usage("--attention-before says when the attention looks: choose an --attention, or leave it out")
	case m.Before && m.Feeding:
		return usage("--attention-before and --input-feeding: the cell sees what the attention finds already, leave one of them out")
	case m.EveryStep && m.Attention != noAttention:
		return usage("--context-every-step is for --attention none: with attention every step sees the source already, leave one of them out")
	case m.Attention == "dot" && m.Bidirectional:
		return usage("--attention dot compares vectors of one size, and --bidirectional makes those of the source twice as long: use --attention general")
	case !(t.TeacherForcing >= 0 && t.TeacherForcing <= 1):
		return usage("--teacher-forcing is %g: it must be at least 0 and at most 1", t.TeacherForcing)
	case t.ValidPairs < 1:
		return usage("--valid-translate is %d: it must be at least 1", t.ValidPairs)
	case !slices.Contains(teacherDecays, t.TeacherDecay):
		return usage("--teacher-decay is %q: it must be one of %s", t.TeacherDecay, strings.Join(teacherDecays, ", "))
	case t.TeacherDecay != noDecay && t.TeacherSteps < 1:
		return usage("--teacher-decay %s needs --teacher-steps, at least 1: after how many steps teacher forcing is half of what it was", t.TeacherDecay)
	case t.TeacherDecay == noDecay && t.TeacherSteps != 0:
		return usage("--teacher-steps says how fast teacher forcing decays, and --teacher-decay is none: leave it out, or choose one")
	case !(t.Smoothing >= 0 && t.Smoothing < 1):
		return usage("--label-smoothing is %g: it must be at least 0 and less than 1", t.Smoothing)
	}
	return c.checkSeq2SeqSize(1)
}

// checkSeq2SeqSize is checkSize of a sequence-to-sequence model whose longest source and target have so many tokens together.
func (c *config) checkSeq2SeqSize(tokens int) error {
	if err := c.checkWeights(); err != nil {
		return err
	}
	hidden, embed, layers, target := float64(c.Model.Hidden), float64(c.Model.Embed), float64(c.Model.Layers), float64(c.Model.TargetVocab)
	return c.checkExamples(tokens, 3*gates*hidden*layers+embed+target+float64(tokens)*hidden)
}

func (c *config) checkSize() error {
	if err := c.checkWeights(); err != nil {
		return err
	}
	m, t := &c.Model, &c.Training
	activations := float64(t.Batch) * float64(t.Seq) * (gates*float64(m.Hidden)*float64(m.Layers) + c.width() + float64(m.Vocab))
	if activations > maxActivations {
		return usage("--batch %d and --seq %d make a training step of about %.1e numbers: at most %.0e are supported", t.Batch, t.Seq, activations, float64(maxActivations))
	}
	return c.checkTokens(t.Seq, fmt.Sprintf("--seq %d", t.Seq))
}

// checkTokens is for training steps of sequences of so many tokens, which what names.
func (c *config) checkTokens(each int, what string) error {
	t := &c.Training
	if tokens := float64(t.Batch) * float64(t.Accumulate) * float64(each); tokens > maxTokens {
		return usage("--batch %d, --accumulate %d and %s make a training step of %.1e tokens: at most %.0e are supported", t.Batch, t.Accumulate, what, tokens, float64(maxTokens))
	}
	return nil
}

// gates are those of the largest cell.
const gates = 4

// width is the size of what the first layer reads.
func (c *config) width() float64 {
	if c.Model.Embed > 0 && c.Model.Input == 0 {
		return float64(c.Model.Embed)
	}
	return float64(c.Model.Vocab + c.Model.Input)
}

// weights is how many weights a model has at most.
func (c *config) weights() float64 {
	m := &c.Model
	hidden, embed, layers, vocab, target := float64(m.Hidden), float64(m.Embed), float64(m.Layers), float64(m.Vocab), float64(m.TargetVocab)
	switch c.Task {
	case taskSeq2Seq:
		return (vocab+target)*embed + 3*gates*hidden*(embed+layers*(3*hidden+2)) + (3*hidden+embed)*(hidden+target)
	case taskClassify:
		directions := c.directions()
		return vocab*embed + directions*gates*hidden*(c.width()+layers*((directions+1)*hidden+2))
	}
	return vocab*embed + gates*hidden*(c.width()+layers*(2*hidden+1)) + (hidden+1)*vocab
}

func (c *config) directions() float64 {
	if c.Model.Bidirectional {
		return 2
	}
	return 1
}

func (c *config) checkWeights() error {
	if weights := c.weights(); weights > maxWeights {
		return usage("--hidden %d, --layers %d and --embed %d make a model of up to %.1e weights: at most %.0e are supported", c.Model.Hidden, c.Model.Layers, c.Model.Embed, weights, float64(maxWeights))
	}
	return nil
}

// checkExamples is for batches of examples of so many tokens; each takes so many numbers for each token.
func (c *config) checkExamples(tokens int, numbers float64) error {
	if err := c.checkTokens(tokens, fmt.Sprintf("examples of %s tokens", thousands(tokens))); err != nil {
		return err
	}
	if activations := float64(c.Training.Batch) * float64(tokens) * numbers; activations > maxActivations {
		return usage("--batch %d and examples of %s tokens make a training step of about %.1e numbers: at most %.0e are supported, so a smaller --batch or --longest is needed",
			c.Training.Batch, thousands(tokens), activations, float64(maxActivations))
	}
	return nil
}

// checkClassifierSize is checkSize of a classifier of examples of so many tokens.
func (c *config) checkClassifierSize(tokens int) error {
	if err := c.checkWeights(); err != nil {
		return err
	}
	return c.checkExamples(tokens, c.directions()*gates*float64(c.Model.Hidden)*float64(c.Model.Layers)+c.width())
}

// encode is the text of config.yaml.
func (c *config) encode() []byte {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil { // strings and numbers always encode
		panic(err)
	}
	return b.Bytes()
}

// maxConfig is how many bytes of a config.yaml are read: far more than any run writes, and few enough for YAML's slowest case.
const maxConfig = 1 << 17

// readConfig reads a config.yaml, strictly. What is wrong with its contents is an exitError with exitData.
func readConfig(path string) (*config, error) {
	data, err := safefile.ReadIn(filepath.Dir(path), filepath.Base(path), maxConfig)
	if err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) (*config, error) {
		return nil, fail(exitData, "%s: %s: restore it from a copy of the run", path, fmt.Sprintf(format, args...))
	}
	c := &config{}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(c); err != nil {
		return bad("not the configuration of a run (%s)", yamlReason(err))
	}
	if err := dec.Decode(&config{}); err != io.EOF {
		return bad("more than one configuration")
	}
	t := &c.Training
	t.olden(c.Task)
	limits := 0
	for _, given := range []bool{t.Steps != 0, t.Epochs != 0, t.Minutes != 0} {
		if given {
			limits++
		}
	}
	switch {
	case c.Format != configFormat:
		return bad("format %q, this version reads %q", c.Format, configFormat)
	case taskNames[c.Task] == "":
		return bad("task %q, this version knows %s", c.Task, strings.Join(slices.Sorted(maps.Keys(taskNames)), ", "))
	case c.Model.Vocab < 1 && c.Model.Input < 1:
		return bad("a vocabulary of %d", c.Model.Vocab)
	case c.Task != taskLM && c.Data.Train == nil:
		return bad("no data")
	case !c.Data.Train.fits(c.Task) || !c.Data.Held.fits(c.Task):
		return bad("data of another task, or without their paths")
	case c.Task == taskSeq2Seq && c.Model.TargetVocab < 1:
		return bad("a target vocabulary of %d", c.Model.TargetVocab)
	case c.Task == taskClassify && c.Model.Classes < 2:
		return bad("%d classes", c.Model.Classes)
	case limits != 1:
		return bad("%d of steps, epochs and minutes, want one", limits)
	}
	if err := c.check(); err != nil {
		return bad("%s", err)
	}
	return c, nil
}

// yamlReason is the first thing that is wrong, without the names of Go types.
func yamlReason(err error) string {
	var t *yaml.TypeError
	if errors.As(err, &t) {
		reason, _, _ := strings.Cut(t.Errors[0], " in type ")
		return reason
	}
	return strings.TrimPrefix(err.Error(), "yaml: ")
}

// repeats says whether a run with config d would take the same steps as c, and if not, the first setting that differs. How long
// to train, how often to save and what to run on may differ.
func (c config) repeats(d config) (difference string, same bool) {
	for _, x := range []*config{&c, &d} {
		x.Data.Text, x.Data.Valid = "", "" // the same data may lie elsewhere
		x.Data.Train, x.Data.Held = x.Data.Train.withoutPaths(), x.Data.Held.withoutPaths()
		x.Training.Steps, x.Training.Epochs, x.Training.Minutes, x.Training.CheckpointEvery, x.Training.Patience, x.Training.MaxSkipped = 0, 0, 0, 0, 0, 0
		x.Running = runningConfig{}
	}
	// What follows from the data, or from other settings, says least.
	there, here := c, d
	for _, x := range []*config{&there, &here} {
		x.Data.forget()
		x.Model.Vocab, x.Model.VocabSHA256, x.Model.TargetVocab, x.Model.TargetSHA256, x.Model.Classes, x.Model.LabelsSHA256 = 0, "", 0, "", 0, ""
	}
	if x := there.differs(&here); x != nil {
		return x.words(), false
	}
	if x := c.differs(&d); x != nil {
		return x.words(), false
	}
	return "", true
}

// forget removes what tells data from others.
func (d *dataConfig) forget() {
	d.TextSHA256, d.ValidSHA256 = "", ""
	for _, s := range []**sourceConfig{&d.Train, &d.Held} {
		if *s != nil {
			*s = &sourceConfig{Kind: (*s).Kind}
		}
	}
}

// difference is a setting that two configs have differently: its key, and its lines; "" where there is none.
type difference struct{ key, there, here string }

// differs is the first setting that is not the same in both; nil if there is none.
func (c *config) differs(d *config) *difference {
	a, b := strings.Split(string(c.encode()), "\n"), strings.Split(string(d.encode()), "\n")
	for i := range min(len(a), len(b)) { // the same order of settings, a line each
		if a[i] == b[i] {
			continue
		}
		x := &difference{there: strings.TrimSpace(a[i]), here: strings.TrimSpace(b[i])}
		key, _, _ := strings.Cut(a[i], ":")
		x.key = strings.TrimSpace(key)
		other, _, _ := strings.Cut(b[i], ":")
		switch {
		case key == other:
		case slices.ContainsFunc(b[i:], func(line string) bool { return strings.HasPrefix(line, key+":") }): // b has a setting more
			x.there = ""
		default:
			x.here = ""
		}
		return x
	}
	return nil
}

func (x *difference) words() string {
	value := func(line string) string { return strings.TrimPrefix(line, x.key+": ") }
	switch {
	case x.there == "":
		return x.here + " here, not there"
	case x.here == "":
		return x.there + " there, not here"
	case strings.HasSuffix(x.key, "sha256"):
		return fmt.Sprintf("other data, or data that have changed: sha256 %.12s there, %.12s here", value(x.there), value(x.here))
	}
	return fmt.Sprintf("%s there, %s here", x.there, x.here)
}
