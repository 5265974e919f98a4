package run

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// Run is a folder of a run, opened for reading.
type Run struct {
	dir     string
	config  *Config
	vocab   *datasets.Vocab  // nil: the inputs are images
	labels  *datasets.Labels // of a classifier or a tagger
	chars   *datasets.Vocab  // of a tagger that reads words
	forms   *datasets.Vocab  // of a tagger: see TagModel.Forms
	target  *datasets.Vocab  // of a sequence-to-sequence model
	columns *seriesColumns   // of a forecaster
	others  []*Run           // that answer together with this one
	at      Position         // where the checkpoint stands that was loaded last
}

// StepCost is that of the device, once a model of the run is ready.
func (r *Run) StepCost() tape.StepCost { return tape.StepCostOf(r.config.with.device) }

// Open reads what the folder of a run says of its model. A folder that holds none gives a *NotARunError, one
// that is not there an *InputError, a damaged one a *checkpoint.CorruptError.
func Open(dir string, opts ...Option) (*Run, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, NewInputError("", err)
	}
	if !info.IsDir() {
		return nil, &NotARunError{dir, "is a file"}
	}
	r := &Run{dir: dir}
	if r.config, err = ReadConfig(filepath.Join(dir, ConfigName), opts...); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &NotARunError{dir, "is no run, it holds no " + ConfigName}
		}
		return nil, err
	}
	return r, r.readFiles()
}

// modelFile is a file in the folder of a run that a model needs besides its weights.
type modelFile struct {
	name string
	of   func(m *Model) bool // whether a model has one
	read func(r *Run) error
}

var modelFiles = []modelFile{
	{vocabName, func(m *Model) bool { return m.Vocab > 0 }, (*Run).readVocab},
	{targetName, func(m *Model) bool { return m.TargetVocab > 0 }, (*Run).readTarget},
	{labelsName, func(m *Model) bool { return m.Classes > 0 }, (*Run).readLabels},
	{charsName, func(m *Model) bool { return m.Tag != nil && m.Tag.Chars > 0 }, (*Run).readChars},
	{formsName, func(m *Model) bool { return m.Tag != nil && m.Tag.Forms > 0 }, (*Run).readForms},
	{columnsName, func(m *Model) bool { return m.Forecast != nil }, (*Run).readColumns},
}

// readFiles reads the files that the model needs.
func (r *Run) readFiles() error {
	for _, f := range modelFiles {
		if f.of(&r.config.Model) {
			if err := f.read(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// verifyFiles says whether the files in a folder are those of the model of a configuration, and whole.
func verifyFiles(dir string, c *Config) error { return (&Run{dir: dir, config: c}).readFiles() }

// Dir is the folder, and Config what its configuration says.
func (r *Run) Dir() string     { return r.dir }
func (r *Run) Config() *Config { return r.config }

// Want is a *TaskError unless the run is of one of some tasks; any will do if none are named.
func (r *Run) Want(tasks ...string) error {
	if len(tasks) == 0 || slices.Contains(tasks, r.config.Task) {
		return nil
	}
	return &TaskError{r.dir, r.config.Task, tasks}
}

// Use gives the run, and those that joined it, more options.
func (r *Run) Use(opts ...Option) {
	for _, x := range r.Members() {
		x.config.use(opts)
	}
}

// At is where the run stood at the checkpoint of the model that was made last.
func (r *Run) At() Position { return r.at }

// Vocab is the vocabulary of the inputs, nil for images; Target that of the outputs of a sequence-to-sequence
// model, else nil.
func (r *Run) Vocab() *datasets.Vocab  { return r.vocab }
func (r *Run) Target() *datasets.Vocab { return r.target }

func (r *Run) readVocab() (err error) {
	m := &r.config.Model
	r.vocab, err = readModelFile(r.dir, vocabName, "is not the vocabulary", "%d tokens", datasets.ReadVocab, m.Vocab,
		m.VocabSHA256)
	return err
}

func (r *Run) readTarget() (err error) {
	m := &r.config.Model
	r.target, err = readModelFile(r.dir, targetName, "is not the vocabulary", "%d tokens", datasets.ReadVocab,
		m.TargetVocab, m.TargetSHA256)
	return err
}

func (r *Run) readLabels() (err error) {
	m := &r.config.Model
	r.labels, err = readModelFile(r.dir, labelsName, "are not the labels", "%d", datasets.ReadLabels, m.Classes,
		m.LabelsSHA256)
	return err
}

func (r *Run) readChars() (err error) {
	m := r.config.Model.Tag
	r.chars, err = readModelFile(r.dir, charsName, "is not the vocabulary", "%d characters", datasets.ReadVocab, m.Chars,
		m.CharsSHA256)
	return err
}

func (r *Run) readForms() (err error) {
	m := r.config.Model.Tag
	r.forms, err = readModelFile(r.dir, formsName, "is not the vocabulary", "%d words", datasets.ReadVocab, m.Forms,
		m.FormsSHA256)
	return err
}

// readModelFile reads what a model knows by name, of which the configuration notes the number and the checksum.
func readModelFile[T interface {
	Len() int
	JSON() []byte
}](dir, name, not, count string, read func(path string) (T, error), size int, sha256 string) (x T, err error) {
	path := filepath.Join(dir, name)
	if x, err = read(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return x, corrupt("%s is missing: restore it from a copy of the run, or train again", path)
		}
		return x, err
	}
	if sum := sha256Hex(x.JSON()); x.Len() != size || sum != sha256 {
		return x, corrupt("%s %s that %s names ("+count+
			" with sha256 %.12s, %d with %.12s there): they are of different runs",
			path, not, filepath.Join(dir, ConfigName), x.Len(), sum, size, sha256)
	}
	return x, nil
}

// checkpoint is the folder of the run's checkpoint that is used.
func (r *Run) checkpoint() string { return filepath.Join(r.dir, r.Checkpoint()) }

// Checkpoint is the name of the run's checkpoint that is used: the one that the option of this name chose, else
// the best one or, before the first validation, the last one.
func (r *Run) Checkpoint() string {
	name := r.config.with.checkpoint
	if step, err := strconv.Atoi(name); err == nil {
		return r.ofStep(step)
	}
	if name == "" && !r.holds(Best) && r.holds(Last) {
		return Last
	}
	return cmp.Or(name, Best)
}

// ofStep is the name of the checkpoint of a step, whether there is one or not.
func (r *Run) ofStep(step int) string {
	for _, name := range []string{Last, Best} {
		if f, err := checkpoint.Open(filepath.Join(r.dir, name)); err == nil {
			f.Close()
			if f.Step() == step {
				return name
			}
		}
	}
	return fmt.Sprintf("%s-%d", Last, step)
}

// holds says whether there is a checkpoint of that name, whole or damaged.
func (r *Run) holds(name string) bool {
	f, err := checkpoint.Open(filepath.Join(r.dir, name))
	if err == nil {
		f.Close()
	}
	return !errors.Is(err, fs.ErrNotExist)
}

// Load reads the weights of the run's checkpoint into a model, and says where the run stood.
func (r *Run) Load(m Learner) (Position, error) {
	if err := setting.Set("Learner", m != nil, "a model, such as a *trainer.Learner"); err != nil {
		return Position{}, err
	}
	f, err := openCheckpoint(r.checkpoint())
	if err != nil {
		return Position{}, err
	}
	defer f.Close()
	return loadCheckpoint(f, r.checkpoint(), r.config, m, false)
}

// fits says whether the run's checkpoint is of the model that its configuration describes, before that is built.
func (r *Run) fits() error {
	f, err := openCheckpoint(r.checkpoint())
	if err != nil {
		return err
	}
	defer f.Close()
	return r.config.fits(f)
}

// fits says whether a checkpoint is of the model that the configuration describes.
func (c *Config) fits(f *checkpoint.Folder) error {
	model, err := kindOf(c.Task).model(c)
	if err != nil || model == nil || c.with.lm != nil { // the weights of another model are its own affair
		return err
	}
	weights, err := trainer.Weights(model)
	if err != nil {
		return err
	}
	return f.Fits(weights)
}

// checkpointsIn names the checkpoints in the folder of a run.
func checkpointsIn(dir string) (names []string) {
	for _, pattern := range []string{Best, Last, Last + "-*"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern)) // an error means a wrong pattern
		for _, path := range found {
			names = append(names, filepath.Base(path))
		}
	}
	return names
}

func openCheckpoint(dir string) (*checkpoint.Folder, error) {
	f, err := checkpoint.Open(dir)
	return f, noCheckpoint(dir, err)
}

// noCheckpoint says what to do if there is no checkpoint in the folder dir; any other error it leaves as it is.
func noCheckpoint(dir string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if others := checkpointsIn(filepath.Dir(dir)); len(others) > 0 {
		return corrupt("%s: there is no such checkpoint: choose one of %s", dir, strings.Join(others, ", "))
	}
	return corrupt("%s: there is no such checkpoint: train until the first one is saved", dir)
}

// loadCheckpoint reads a checkpoint, opened from the folder dir, into the model of a configuration, with what
// the next training step needs if training is true.
func loadCheckpoint(f *checkpoint.Folder, dir string, c *Config, m Learner, training bool) (Position, error) {
	var at Position
	if err := f.State(&at); err != nil {
		return at, err
	}
	if what := at.wrong(f.Step()); what != "" {
		return at, &checkpoint.CorruptError{File: dir, What: what}
	}
	if err := c.fits(f); err != nil {
		return at, err
	}
	weights, err := f.Weights()
	if err != nil {
		return at, err
	}
	var state []checkpoint.Tensor
	if training {
		if state, err = f.Optimizer(); err != nil {
			return at, err
		}
	}
	if err := m.Load(weights, state); err != nil {
		return at, &checkpoint.CorruptError{File: dir,
			What: fmt.Sprintf("%v: the checkpoint and %s are of different runs", err, ConfigName)}
	}
	return at, nil
}

// corrupt says that files of a run are not whole, or of different runs.
func corrupt(format string, args ...any) error {
	return &checkpoint.CorruptError{What: fmt.Sprintf(format, args...)}
}
