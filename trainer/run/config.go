package run

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"go.yaml.in/yaml/v3"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/device"
)

// ConfigFormat is the form of config.yaml that this version reads and writes.
const ConfigFormat = "unroll-run-1"

// Config is config.yaml: everything that is needed to repeat a run. What a task has no use for is left out of the file.
type Config struct {
	Format   string    `yaml:"format"`
	Task     string    `yaml:"task"`
	From     *Origin   `yaml:"from,omitempty"`     // nil: fresh weights
	Averaged *Averaged `yaml:"averaged,omitempty"` // nil: the weights are those of a training
	Data     Data      `yaml:"data"`

	Vectors       *Vectors `yaml:"vectors,omitempty"`        // of the tokens that a model reads; nil: drawn
	TargetVectors *Vectors `yaml:"target_vectors,omitempty"` // of those that a sequence-to-sequence model writes

	Model    Model    `yaml:"model"`
	Training Training `yaml:"training"`
	Running  Running  `yaml:"running"`

	with with // what a file can only name
}

// Data says what a model learns from and is validated on.
type Data struct {
	Text        string `yaml:"text,omitempty"` // absolute path; "" is the built-in text
	TextSHA256  string `yaml:"text_sha256,omitempty"`
	Split       string `yaml:"split,omitempty"`      // percents with slashes between; "": the last tenth of the text is for validation
	Valid       string `yaml:"valid_text,omitempty"` // "": see Split
	ValidSHA256 string `yaml:"valid_text_sha256,omitempty"`

	Train *Source `yaml:"train,omitempty"` // of other tasks than a language model's
	Held  *Source `yaml:"valid,omitempty"` // nil: a part of Train is for validation

	HoldOut float64 `yaml:"hold_out,omitempty"` // how large it is; 0: a tenth

	Reading int `yaml:"reading,omitempty"` // how examples are read and divided: see currentReading; not of a language model
}

// currentReading is the number of the rules by which examples are read and divided. They decide what a run
// learns from and what it is measured on, beside the files' contents. 0: white space of some kinds stayed
// around texts, validation parts could be larger than asked for, and of a folder of images to measure
// on the first file was taken. 1: headers that stand again were examples, ids sources, and names of columns words.
const currentReading = 2

// Source says where examples are: see the constants such as Table.
type Source struct {
	Kind   string   `yaml:"kind"`       // the flag that names them
	Paths  []string `yaml:"paths,flow"` // absolute
	SHA256 string   `yaml:"sha256"`

	Format datasets.Format `yaml:",inline"`
	Series *series.Options `yaml:"options,omitempty"`     // of series; nil: none
	Column int             `yaml:"text_column,omitempty"` // that of the texts in lines with tabs, from 1; 0: tabs are part of texts
}

// like is the source with what its format does not say completed by that of the data of the same kind that a run was
// trained on.
func (s *Source) like(trained *Source) *Source {
	if s == nil || trained == nil || s.Kind != trained.Kind {
		return s
	}
	own := *s
	if own.Series == nil {
		own.Series = trained.Series
	}
	f, t := &own.Format, trained.Format
	if f.Kind == "" && !f.Quoted {
		f.Kind, f.Quoted = t.Kind, t.Quoted
	}
	if f.Columns == nil {
		f.Columns = t.Columns
	}
	if f.Header == "" {
		f.Header = t.Header
	}
	if f.Labels == nil {
		f.Labels = t.Labels
	}
	f.Transpose = f.Transpose || t.Transpose
	return &own
}

// lacksTrain says so of data that are read from a Source; "" if there is one.
func (d *Data) lacksTrain() string {
	if d.Train == nil {
		return "no data"
	}
	return ""
}

// fits says whether it may be a source of a task; nil may.
func (s *Source) fits(task string) bool {
	if s == nil {
		return true
	}
	paths := 1
	if s.Kind == KindParallel {
		paths = 2
	}
	known := slices.Contains(DataKinds[task], s.Kind) || s.Kind == KindImported && slices.Contains(importable, task)
	return known && len(s.Paths) == paths
}

// check says what is wrong with the format of a source, which may be nil.
func (s *Source) check() error {
	if s == nil {
		return nil
	}
	f := s.Format
	rows, tagged := s.Kind == KindTable || s.Kind == KindPairs, s.Kind == KindConllu || s.Kind == KindColumns
	switch err := f.Check(); {
	case err != nil:
		return settings("%v", err)
	case !rows && (f.Kind != "" || f.Quoted || f.Columns != nil && !tagged || f.Header != ""):
		return settings("`format`, `quoted`, `columns` and `header` are for `table` and `pairs`, and the data are "+
			"named with `%s`: leave them out", s.Kind)
	case s.Kind != KindFolder && f.Labels != nil:
		return settings("`labels` is for `folder`, and the data are named with `%s`: leave it out", s.Kind)
	case s.Kind != KindIDX && f.Transpose:
		return settings("`transpose` is for `idx`, and the data are named with `%s`: leave it out", s.Kind)
	case s.Kind != KindSeries && s.Series != nil:
		return settings("`options` are for `series`, and the data are named with `%s`: leave them out", s.Kind)
	case s.Series != nil:
		return (&Config{}).ownWords(s.Series.Check())
	}
	return nil
}

// withoutPaths is s for examples that may lie elsewhere.
func (s *Source) withoutPaths() *Source {
	if s == nil {
		return nil
	}
	f := s.Format
	f.SkipBad = false // what could not be read otherwise
	return &Source{Kind: s.Kind, SHA256: s.SHA256, Format: f, Series: s.Series}
}

// Model says which model it is.
type Model struct {
	Cell        string `yaml:"cell"`
	Hidden      int    `yaml:"hidden"`
	Layers      int    `yaml:"layers"`
	Embed       int    `yaml:"embed"`
	Vocab       int    `yaml:"vocab,omitempty"`
	VocabSHA256 string `yaml:"vocab_sha256,omitempty"` // of vocab.json

	Tokens        string  `yaml:"tokens,omitempty"` // a datasets.Kind; "" of a language model: char
	MinFreq       int     `yaml:"min_freq,omitempty"`
	Normalize     string  `yaml:"normalize,omitempty"`    // a datasets.Form that texts are brought to
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
	Softmax       string  `yaml:"softmax,omitempty"`         // one of Softmaxes; "": the first
	Cutoffs       []int   `yaml:"cutoffs,omitempty,flow"`    // of an adaptive softmax; none: chosen from the data
	Samples       int     `yaml:"softmax_samples,omitempty"` // of a sampled softmax; 0: DefaultSamples
	Classes       int     `yaml:"classes,omitempty"`
	LabelsSHA256  string  `yaml:"labels_sha256,omitempty"` // of labels.json
	TargetVocab   int     `yaml:"target_vocab,omitempty"`
	TargetSHA256  string  `yaml:"target_vocab_sha256,omitempty"` // of target-vocab.json

	Tag *TagModel `yaml:"tag,omitempty"` // of a tagger

	// Lengths say how long translations may be; nil: a run of an early version, which does not know.
	Lengths *decode.Lengths `yaml:"target_lengths,omitempty,flow"`

	Series   *SeriesModel   `yaml:"series,omitempty"`   // of a classifier or a regressor that reads series
	Number   *NumberModel   `yaml:"number,omitempty"`   // of a regressor
	Forecast *ForecastModel `yaml:"forecast,omitempty"` // of a forecaster
}

// lacksVocab says so of a model that reads tokens or images; "" if it has what it reads.
func (m *Model) lacksVocab() string {
	if m.Vocab < 1 && m.Input < 1 {
		return fmt.Sprintf("a vocabulary of %d", m.Vocab)
	}
	return ""
}

// tokenKind is what texts are cut into.
func (m *Model) tokenKind() datasets.Kind {
	return datasets.Kind(cmp.Or(m.Tokens, string(datasets.Char)))
}

// vocab is the vocabulary that is to be made.
func (m *Model) vocab() datasets.VocabConfig {
	return datasets.VocabConfig{Kind: m.tokenKind(), Least: m.MinFreq, Size: m.MaxVocab, Form: datasets.Form(m.Normalize)}
}

// tokenKinds is what texts are cut into, in words.
func (m *Model) tokenKinds() string {
	if m.tokenKind() == datasets.BPE {
		return "byte pairs"
	}
	return string(m.tokenKind()) + "s"
}

// unit is what a token is called in words.
func (m *Model) unit() string {
	if m.tokenKind() == datasets.Char {
		return "character"
	}
	return "token"
}

// Training says how it learns.
type Training struct {
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
	ScheduleSteps   int     `yaml:"schedule_steps,omitempty"`    // see Training.schedule
	ScheduleFactor  float64 `yaml:"schedule_factor,omitempty"`   // likewise
	ScheduleWait    int     `yaml:"schedule_patience,omitempty"` // of the schedule plateau
	EMA             float64 `yaml:"ema"`
	SparseUpdates   bool    `yaml:"sparse_updates,omitempty"` // of embeddings: see optim.StepConfig.Rows
	LossScaling     bool    `yaml:"loss_scaling"`
	MaxSkipped      int     `yaml:"max_skipped"`
	Best            string  `yaml:"best"` // one of TaskScores
	Patience        int     `yaml:"patience"`
	Seed            uint64  `yaml:"seed"`
	ValidEvery      int     `yaml:"valid_every"`             // steps; 0: after epochs
	ValidEpochs     int     `yaml:"valid_epochs,omitempty"`  // 0: 1
	ValidPairs      int     `yaml:"valid_pairs,omitempty"`   // that are translated
	MaxLength       int     `yaml:"max_length,omitempty"`    // tokens of a translation; 0: see Model.Lengths
	Tokenize        string  `yaml:"bleu_tokenize,omitempty"` // for BLEU, one of metrics.Tokenizers; "": the first
	ClassWeights    string  `yaml:"class_weights,omitempty"` // of the loss, one of ClassWeights; "": none
	CheckpointEvery int     `yaml:"checkpoint_every"`        // steps; 0: only when validated
	Steps           int     `yaml:"steps"`                   // one of steps, epochs and minutes is not 0
	Epochs          int     `yaml:"epochs"`
	Minutes         float64 `yaml:"minutes"`
}

// Running says what a run is computed on.
type Running struct {
	Device    string `yaml:"device"`
	Threads   int    `yaml:"threads"`             // 0: as many as there are processors
	Precision string `yaml:"precision,omitempty"` // "": fp32
	Recompute int    `yaml:"recompute,omitempty"` // see trainer.Training
	Memory    int64  `yaml:"memory,omitempty"`    // bytes that training may take, this process with all that it has; 0: any
}

// precision is the arithmetic of products.
func (c *Config) precision() string { return cmp.Or(c.Running.Precision, device.FP32) }

// Encode is the text of config.yaml.
func (c *Config) Encode() []byte {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil { // strings and numbers always encode
		panic(err)
	}
	return b.Bytes()
}

// maxConfig is how many bytes of a config.yaml are read: far more than any run writes, and few enough for
// YAML's slowest case.
const maxConfig = 1 << 17

// ReadConfig reads a config.yaml, strictly. What is wrong with its contents is a *checkpoint.CorruptError.
func ReadConfig(path string, opts ...Option) (*Config, error) {
	in, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer in.Close()
	return readConfig(in, filepath.Base(path), opts...)
}

func readConfig(in *os.Root, name string, opts ...Option) (*Config, error) {
	c, err := parseConfig(in, name, opts...)
	if err != nil {
		return nil, err
	}
	if err := c.checkGiven(); err != nil {
		return nil, err
	}
	return c, c.checkRead(in, name)
}

// readBefore reads the configuration of the run that a folder holds. What it names and only some programs have, such as
// a cell of one's own, need not be known to replace that run, or to say that it is another one than a task's: the run
// itself is continued by nothing but a task that names, and has, the same.
func readBefore(in *os.Root) (*Config, error) {
	c, err := parseConfig(in, ConfigName)
	if err != nil || c.checkGiven() != nil {
		return c, err
	}
	return c, c.checkRead(in, ConfigName)
}

// checkRead is Check of a configuration that was read: a model is used without the optimizer, which may be one of a
// program's own.
func (c *Config) checkRead(in *os.Root, name string) error {
	used := *c
	if !slices.Contains(Optimizers, used.Training.Optimizer) {
		used.Training.Optimizer = Optimizers[0]
	}
	if err := used.Check(); err != nil {
		return badConfig(safefile.Path(in, name), "%s", err)
	}
	return nil
}

// badConfig says what is wrong with a config.yaml.
func badConfig(path, format string, args ...any) error {
	return &checkpoint.CorruptError{File: path,
		What: fmt.Sprintf(format, args...) + ": restore it from a copy of the run"}
}

// infinite is the line of a number in YAML that is not finite, and how it is written; 0: there is none. As an integer
// the decoder takes -.inf for the least one.
func infinite(data []byte) (line int, value string) {
	var root yaml.Node
	if !mayBeInfinite.Match(data) || yaml.Unmarshal(data, &root) != nil {
		return 0, ""
	}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!float" && strings.Contains(n.Value, ".") {
			if x := 0.0; n.Decode(&x) == nil && !finite(x) {
				line, value = n.Line, n.Value
			}
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(&root)
	return line, value
}

// mayBeInfinite is in every file with such a number, and in hardly any other, which then is parsed once.
var mayBeInfinite = regexp.MustCompile(`(?i)\.(inf|nan)`)

// parseConfig is ReadConfig without a look at whether this program has a model for it.
func parseConfig(in *os.Root, name string, opts ...Option) (*Config, error) {
	path := safefile.Path(in, name)
	data, err := safefile.ReadIn(in, name, maxConfig)
	if err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) (*Config, error) {
		return nil, badConfig(path, format, args...)
	}
	c := &Config{}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(c); err != nil {
		return bad("not the configuration of a run (%s)", yamlReason(err))
	}
	if err := dec.Decode(&Config{}); err != io.EOF {
		return bad("more than one configuration")
	}
	if line, value := infinite(data); line > 0 {
		return bad("not the configuration of a run (line %d: %s is no number that a setting can be)", line, value)
	}
	kind, t := kindOf(c.Task), &c.Training
	t.applyDefaults(c.Task)
	c.use(opts)
	limits := 0
	for _, given := range []bool{t.Steps != 0, t.Epochs != 0, t.Minutes != 0} {
		if given {
			limits++
		}
	}
	switch {
	case c.Format != ConfigFormat:
		return bad("format %q, this version reads %q", c.Format, ConfigFormat)
	case kind == nil:
		return bad("task %q, this version knows %s", c.Task, strings.Join(taskNames(), ", "))
	case kind.lacks(c) != "":
		return bad("%s", kind.lacks(c))
	case !c.Data.Train.fits(c.Task) || !c.Data.Held.fits(c.Task):
		return bad("data of another task, or without their paths")
	case c.Model.Lengths != nil && c.Model.Lengths.Check() != nil:
		return bad("%v", c.Model.Lengths.Check())
	case len(c.pretrained()) > 0 && c.Model.Embed < 1:
		return bad("vectors for an embedding of %d", c.Model.Embed)
	case limits != 1:
		return bad("%d of steps, epochs and minutes, want one", limits)
	}
	return c, nil
}

// checkGiven says what a configuration names and this program does not have: it must be given as an option.
func (c *Config) checkGiven() error {
	m := &c.Model
	cells := []string{m.Cell}
	if m.Forecast != nil {
		cells = append(cells, m.Forecast.DecoderCell)
	}
	for _, cell := range cells {
		if cell != "" && !slices.Contains(Cells, cell) && c.with.cells[cell] == nil {
			return badData("the model has a cell of its own, %q: a program that has it gives it as run.Cell(%q, ...)", cell, cell)
		}
	}
	if m.Attention != "" && !slices.Contains(Attentions, m.Attention) && c.with.attentions[m.Attention] == nil {
		return badData("the model has an attention of its own, %q: a program that has it gives it as "+
			"run.Attention(%q, ...)", m.Attention, m.Attention)
	}
	return nil
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
