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

// From begins with the weights and the vocabularies of a run, instead of fresh ones: of its best checkpoint, or
// of the one that the run was opened with. All else is new: data, learning rate, the state of the optimizer.
//
// The model is that of r. Settings of it that are neither those of r nor the defaults are a *SettingsError, and
// so is each of those named in meant that differs from that of r. Dropout may be another. A classifier whose
// data have other labels gets a new output layer.
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
	"dropout", "series", "number", "vocab", "vocab_sha256", "input", "classes", "labels_sha256", "target_vocab", "target_vocab_sha256", "target_lengths",
	"word_dropout", "chars", "chars_sha256", "forms", "forms_sha256",
	"targets", "known", "static", "columns_sha256", "naive2_smape", "naive2_mase", "train_on_all",
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
	if err := b.differs(reflect.ValueOf(c.Model), reflect.ValueOf(theirs), reflect.ValueOf(usual)); err != nil {
		return err
	}
	theirs.Dropout = c.Model.Dropout
	if theirs.Tag != nil {
		tag := *theirs.Tag
		if theirs.Tag = &tag; c.Model.Tag != nil {
			tag.Forget = c.Model.Tag.Forget
		}
	}
	if err := theirs.takeSeries(&c.Model, b.run.dir); err != nil {
		return err
	}
	if theirs.Forecast != nil {
		model := *theirs.Forecast
		if theirs.Forecast = &model; c.Model.Forecast != nil {
			model.TrainAll = c.Model.Forecast.TrainAll
		}
	}
	c.Model = theirs
	return b.read(c)
}

// differs says which setting of a model, or of a part of it, is neither that of the run nor the usual one.
func (b *beginning) differs(mine, theirs, usual reflect.Value) error {
	for i := range mine.NumField() {
		name, _, _ := strings.Cut(mine.Type().Field(i).Tag.Get("yaml"), ",")
		x, y, standard := mine.Field(i), theirs.Field(i), usual.Field(i)
		if x.Kind() == reflect.Pointer && x.Type().Elem().Kind() == reflect.Struct && !slices.Contains(fromData, name) {
			if x.IsNil() || y.IsNil() || standard.IsNil() { // another task has no such part, and another task is refused
				continue
			}
			if err := b.differs(x.Elem(), y.Elem(), standard.Elem()); err != nil {
				return err
			}
			continue
		}
		same := func(other reflect.Value) bool { return reflect.DeepEqual(x.Interface(), other.Interface()) }
		unsaid := !slices.Contains(b.meant, name) && (x.IsZero() || same(standard))
		if slices.Contains(fromData, name) || same(y) || unsaid {
			continue
		}
		return settings("`%s` is %v, and the model of %s has %s: leave it out, for the model comes from there",
			name, settingWords(x), b.run.dir, settingWords(y))
	}
	return nil
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

// nameList are names that have numbers in a model: the labels of a classifier, or the tokens of a vocabulary.
type nameList interface {
	Len() int
	Name(number int32) string
}

// start gives a new model the weights that it begins with, and closes it if that fails. names are its labels
// or, of a model without, its tokens; nil: it has neither.
func (c *Config) start(t Task, names nameList) error {
	var weights []checkpoint.Tensor
	var err error
	b := c.with.from
	switch {
	case b != nil:
		weights, err = b.forModel(t, names)
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

// names are those of the run for what a model calls names.
func (b *beginning) names() nameList {
	if b.run.labels != nil {
		return b.run.labels
	}
	return b.run.vocab
}

// from says for each of the names which number it has in the run, or -1, and how many have one; same: the
// numbers are the same.
func (b *beginning) from(names nameList) (numbers []int, known int, same bool) {
	if names == nil {
		return nil, 0, true
	}
	theirs, have := map[string]int{}, b.names()
	for i := range int32(have.Len()) {
		theirs[have.Name(i)] = int(i)
	}
	same = have.Len() == names.Len()
	for i := range names.Len() {
		n, ok := theirs[names.Name(int32(i))]
		if !ok {
			n = -1
		} else {
			known++
		}
		numbers, same = append(numbers, n), same && n == i
	}
	return numbers, known, same
}

// outputPrefix begins the names of the weights of the output layer, in which each label has a row.
const outputPrefix = "output."

// forModel are the weights for the model of a task: those of the run, and where the model has other names those
// of the names that the run has, too, and fresh ones for the others.
func (b *beginning) forModel(t Task, names nameList) ([]checkpoint.Tensor, error) {
	numbers, _, same := b.from(names)
	if same {
		return b.weights, nil
	}
	fresh, err := t.Params()
	if err != nil {
		return nil, err
	}
	byName := map[string]checkpoint.Tensor{}
	for _, w := range fresh {
		byName[w.Name] = w
	}
	weights := slices.Clone(b.weights)
	for i, old := range weights {
		w, ok := byName[old.Name]
		if ofNames := !slices.Equal(w.Shape, old.Shape) ||
			b.run.labels != nil && strings.HasPrefix(old.Name, outputPrefix); ok && ofNames {
			weights[i] = renumbered(w, old, numbers)
		}
	}
	return weights, nil
}

// renumbered is fresh with the parts of old: along the axes of names, part i is part numbers[i] there. Where
// that is -1, it stays fresh. Those are the axes along which they differ, or else the first; of the transitions
// of a CRF, from name to name, both. Tensors that differ otherwise stay as they are, which an error says when
// they are loaded.
func renumbered(fresh, old checkpoint.Tensor, numbers []int) checkpoint.Tensor {
	to, ok := fresh.Data.([]float32)
	_, ok2 := old.Data.([]float32)
	if !ok || !ok2 || len(fresh.Shape) != len(old.Shape) {
		return old
	}
	axes := axesOfNames(fresh, old)
	for _, axis := range axes {
		if fresh.Shape[axis] != len(numbers) {
			return old
		}
	}
	fresh.Data = slices.Clone(to)
	place(fresh, old, axes, numbers)
	return fresh
}

// place puts parts of a tensor where they belong: along the axes, part i becomes part numbers[i] of old. Where that is
// -1, it stays.
func place(fresh, old checkpoint.Tensor, axes, numbers []int) {
	data, from := fresh.Data.([]float32), old.Data.([]float32)
	for i := range data {
		at, stride, rest := 0, 1, i // where the element is in old
		for axis, n := range slices.Backward(fresh.Shape) {
			k := rest % n
			rest /= n
			if slices.Contains(axes, axis) {
				k = numbers[k]
			}
			if k < 0 {
				at = -1
				break
			}
			at += k * stride
			stride *= old.Shape[axis]
		}
		if at >= 0 {
			data[i] = from[at]
		}
	}
}

// axesOfNames are the axes of a tensor that has a part for each name.
func axesOfNames(fresh, old checkpoint.Tensor) (axes []int) {
	if fresh.Name == transitionsName {
		return []int{0, 1}
	}
	for i, n := range fresh.Shape {
		if n != old.Shape[i] {
			axes = append(axes, i)
		}
	}
	if len(axes) == 0 {
		return []int{0}
	}
	return axes
}

// transitionsName is the name of the transitions of a tagger's CRF, K×K.
const transitionsName = outputPrefix + "crf.transitions"

// origin says in a line what a model of these names, nil for a model without, begins with; "" if everything is fresh.
func (c *Config) origin(names nameList) string {
	if c.From == nil {
		return ""
	}
	s := fmt.Sprintf("beginning with the model of %s, as it is after step %s", filepath.Base(c.From.Run),
		words.Thousands(c.From.Step))
	b := c.with.from
	if b == nil || names == nil {
		return s
	}
	_, known, same := b.from(names)
	fresh := names.Len() - known
	switch {
	case same:
	case b.run.labels == nil:
		s += fmt.Sprintf("; %s of these data are new to it: their weights are fresh, those of the others stay",
			words.Count(fresh, "character", "characters"))
	case known == 0:
		s += "; its labels are others, so the output layer is new"
	default:
		s += fmt.Sprintf("; it has %d of the %s: their weights stay", known, words.Count(names.Len(), "label", "labels"))
		if fresh > 0 {
			s += ", those of the others are new"
		}
	}
	return s
}
