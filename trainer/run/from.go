package run

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// Origin says which weights a run began with.
type Origin struct {
	Run     string `yaml:"run"` // absolute path of its folder
	Step    int    `yaml:"step"`
	Weights string `yaml:"weights"` // SHA-256 of the file that has them
}

// From begins with the weights and the vocabularies of a run, instead of fresh ones: of its best checkpoint, or of the one that the run was
// opened with. All else is new: data, learning rate, the state of the optimizer.
//
// The model is that of r. Settings of it that are neither those of r nor the defaults are a *SettingsError, and so is each of those named in
// meant that differs from that of r. Dropout may be another. A classifier whose data have other labels gets a new output layer.
func From(r *Run, meant ...string) Option {
	return func(w *with) { w.from = &beginning{run: r, meant: meant} }
}

// beginning is what a new run takes from another.
type beginning struct {
	run     *Run
	meant   []string
	weights []checkpoint.Tensor
}

// fromData are the settings of a model that follow from the data, and Dropout, which shapes no weights.
var fromData = []string{
	"dropout", "vocab", "vocab_sha256", "input", "classes", "labels_sha256", "target_vocab", "target_vocab_sha256", "target_lengths",
}

// inherit takes the model from the run that this one begins with.
func (c *Config) inherit() error {
	b := c.with.from
	if b == nil {
		return nil
	}
	if err := b.run.Want(c.Task); err != nil {
		return err
	}
	theirs, usual := b.run.config.Model, Defaults(c.Task).Model
	mine, other, standard := reflect.ValueOf(c.Model), reflect.ValueOf(theirs), reflect.ValueOf(usual)
	for i := range mine.NumField() {
		name, _, _ := strings.Cut(mine.Type().Field(i).Tag.Get("yaml"), ",")
		x, y := mine.Field(i), other.Field(i)
		unsaid := !slices.Contains(b.meant, name) && (x.IsZero() || x.Equal(standard.Field(i)))
		if slices.Contains(fromData, name) || x.Equal(y) || unsaid {
			continue
		}
		return settings("`%s` is %v, and the model of %s has %s: leave it out, for the model comes from there",
			name, x, b.run.dir, settingWords(y))
	}
	theirs.Dropout = c.Model.Dropout
	c.Model = theirs
	return b.read(c)
}

// settingWords is the value of a setting in words.
func settingWords(x reflect.Value) string {
	if x.IsZero() && x.Kind() == reflect.String {
		return "none"
	}
	return fmt.Sprint(x)
}

// read reads the weights, and notes which they are.
func (b *beginning) read(c *Config) error {
	dir := b.run.checkpoint()
	f, err := openCheckpoint(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := b.run.config.fits(f); err != nil {
		return err
	}
	if b.weights, err = f.Weights(); err != nil {
		return err
	}
	c.From = &Origin{Step: f.Step(), Weights: f.WeightsSHA256()}
	paths, err := absolute([]string{b.run.dir})
	if err == nil {
		c.From.Run = paths[0]
	}
	return err
}

// vocabs are the vocabularies of the run that this one begins with; nil if there is none, or it has none.
func (c *Config) vocabs() (source, target *datasets.Vocab) {
	if b := c.with.from; b != nil {
		return b.run.vocab, b.run.target
	}
	return nil, nil
}

// labels are those of the run that this one begins with, if the data have the same, or else those of the data.
func (c *Config) labels(own *datasets.Labels) *datasets.Labels {
	if b := c.with.from; b != nil && sameLabels(b.run.labels, own) {
		return b.run.labels
	}
	return own
}

func sameLabels(a, b *datasets.Labels) bool {
	for class := range int32(a.Len()) {
		if _, ok := b.Class(a.Name(class)); !ok {
			return false
		}
	}
	return a.Len() == b.Len()
}

// start gives a new model the weights that it begins with, and closes it if that fails.
func (c *Config) start(t Task) error {
	var weights []checkpoint.Tensor
	var err error
	b := c.with.from
	switch {
	case b != nil:
		weights, err = b.forModel(c, t)
	case c.with.vectors != nil:
		weights, err = c.withVectors(t)
	default:
		return nil
	}
	if err == nil {
		err = t.Load(weights, nil)
	}
	if err != nil {
		t.Close()
	}
	if err != nil && b != nil {
		return &checkpoint.CorruptError{File: b.run.checkpoint(), What: err.Error()}
	}
	if b != nil {
		b.weights = nil // the model has them
	}
	c.with.vectors = nil // likewise
	return err
}

// newOutput says whether a classifier has other labels than the run that it begins with.
func (b *beginning) newOutput(c *Config) bool {
	return c.Model.LabelsSHA256 != b.run.config.Model.LabelsSHA256
}

// outputPrefix begins the names of the weights of the output layer.
const outputPrefix = "output."

// forModel are the weights for the model of a task: those of the run, but for an output layer that is new.
func (b *beginning) forModel(c *Config, t Task) ([]checkpoint.Tensor, error) {
	if !b.newOutput(c) {
		return b.weights, nil
	}
	fresh, err := t.Params()
	if err != nil {
		return nil, err
	}
	var weights []checkpoint.Tensor
	for _, w := range b.weights {
		if !strings.HasPrefix(w.Name, outputPrefix) {
			weights = append(weights, w)
		}
	}
	for _, w := range fresh {
		if strings.HasPrefix(w.Name, outputPrefix) {
			weights = append(weights, w)
		}
	}
	return weights, nil
}

// origin says in a line what the model begins with; "" if everything is fresh.
func (c *Config) origin() string {
	if c.From == nil {
		return ""
	}
	s := fmt.Sprintf("beginning with the model of %s, as it is after step %s", filepath.Base(c.From.Run), words.Thousands(c.From.Step))
	if b := c.with.from; b != nil && b.newOutput(c) {
		s += "; its labels are others, so the output layer is new"
	}
	return s
}
