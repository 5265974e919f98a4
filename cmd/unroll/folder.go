package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// The names in a run folder.
const (
	configName = "config.yaml"
	vocabName  = "vocab.json"
	labelsName = "labels.json"
	targetName = "target-vocab.json"
	logName    = "log.jsonl"
	lastName   = "last"
	bestName   = "best"
	lockName   = ".lock"
	probeName  = "probe" // a file that is made to see whether files can be made
)

// runFiles are the files of a run folder, whatever its task.
var runFiles = []string{logName, vocabName, targetName, labelsName, configName}

// position is where a run stands: state.json of its checkpoints.
type position struct {
	Step     int      `json:"step"`            // steps taken
	Seconds  float64  `json:"seconds"`         // of training, over all times that it was continued
	BestLoss *float64 `json:"best_valid_loss"` // of the best; nil: never measured
	BestStep int      `json:"best_step"`

	BestScore *float64       `json:"best_score,omitempty"`  // see metrics.score; nil: BestLoss
	Worse     int            `json:"worse"`                 // measurements in a row without a better one
	Due       bool           `json:"measure_due,omitempty"` // this step is to be measured
	Skipped   int            `json:"skipped"`               // steps in a row that were not applied, overflows of the loss scaling aside
	Events    []string       `json:"events,omitempty"`      // TensorBoard's files of the run
	Plateau   *optim.Plateau `json:"plateau,omitempty"`     // nil: not begun, or another schedule
}

// better says whether a score is the best so far.
func (p *position) better(score float64) bool {
	best := p.BestScore
	if best == nil {
		best = p.BestLoss // before there were other scores
	}
	return best == nil || score < *best
}

// runFolder is a folder that this process may write a run into.
type runFolder struct {
	dir    string
	lock   *safefile.Lock
	made   []string // folders that this process made, the innermost last
	before *config  // of the run that is there already, or nil
}

func (f *runFolder) path(name string) string { return filepath.Join(f.dir, name) }

// openRunFolder makes a folder ready to be written: it exists, can be written, no other process writes to it, and it holds
// nothing but, at most, a run. With dir "" it takes the first free of runs/TASK-1, runs/TASK-2, ...
func openRunFolder(dir, task string) (*runFolder, error) {
	if dir == "" {
		return newRunFolder(task)
	}
	f := &runFolder{dir: dir}
	switch info, err := os.Stat(dir); {
	case err == nil && !info.IsDir():
		return nil, fail(exitNoOutput, "--out %s is a file: give a folder", dir)
	case errors.Is(err, fs.ErrNotExist):
		if err := f.makeAll(dir); err != nil {
			f.remove()
			return nil, outputError(dir, err)
		}
	case err != nil:
		return nil, outputError(dir, err)
	}
	return f.open()
}

func newRunFolder(task string) (*runFolder, error) {
	const parent = "runs"
	f := &runFolder{}
	if err := f.makeAll(parent); err != nil {
		return nil, outputError(parent, err)
	}
	for n := 1; ; n++ {
		f.dir = filepath.Join(parent, fmt.Sprintf("%s-%d", task, n))
		err := os.Mkdir(f.dir, 0o755)
		if err == nil {
			f.made = append(f.made, f.dir)
			return f.open()
		}
		if !errors.Is(err, fs.ErrExist) {
			f.remove()
			return nil, outputError(f.dir, err)
		}
	}
}

// makeAll is os.MkdirAll that notes what it makes.
func (f *runFolder) makeAll(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := f.makeAll(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return errors.WithStack(err)
	}
	f.made = append(f.made, dir)
	return nil
}

func (f *runFolder) open() (*runFolder, error) {
	err := f.inspect() // before anything in it is touched
	if err == nil {
		err = f.take()
	}
	if err != nil {
		f.abandon()
		return nil, err
	}
	return f, nil
}

// take locks the folder and makes sure that it can be written.
func (f *runFolder) take() error {
	lock, err := safefile.TryLock(f.path(lockName))
	var held *safefile.LockedError
	if errors.As(err, &held) {
		return fail(exitNoOutput, "%s: process %d trains there: wait for it, stop it, or choose another folder with --out", f.dir, held.PID)
	} else if err != nil {
		return outputError(f.dir, err)
	}
	f.lock = lock
	if err := f.inspect(); err != nil { // another process may have trained there until now
		return err
	}
	probe, err := safefile.CreateTemp(f.dir, "."+probeName+".tmp-") // permissions alone do not tell of a read-only file system
	if err != nil {
		return outputError(f.dir, err)
	}
	probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return outputError(f.dir, err)
	}
	if err := checkpoint.Sweep(f.dir, append(runFiles, probeName)...); err != nil { // what a kill has left
		return outputError(f.dir, err)
	}
	return nil
}

// inspect finds out what the folder holds, and refuses one that holds anything but a run. It changes nothing.
func (f *runFolder) inspect() (err error) {
	f.before, err = readConfig(f.path(configName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(exitNoOutput, "%v, or choose another folder with --out", err)
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return outputError(f.dir, err)
	}
	for _, e := range entries {
		if f.before == nil && !strings.HasPrefix(e.Name(), ".") {
			return fail(exitNoOutput, "%s holds %s and no run: choose an empty or a new folder with --out", f.dir, e.Name())
		}
	}
	for _, name := range []string{lockName, logName} { // these are written in their place
		if err := safefile.Ours(f.path(name)); err != nil {
			return err
		}
	}
	for _, name := range []string{bestName, lastName} {
		if err := checkpoint.Foreign(f.path(name)); err != nil {
			return err
		}
	}
	return nil
}

func outputError(dir string, err error) error {
	var inTheWay *safefile.Error
	if errors.As(err, &inTheWay) {
		return err
	}
	reason := errors.Cause(err)
	var path *fs.PathError
	if errors.As(err, &path) {
		reason = path.Err
	}
	return fail(exitNoOutput, "%s cannot be written (%v): choose another folder with --out", dir, reason)
}

// clear removes the run that is there, and nothing that it did not write, to make room for these files.
func (f *runFolder) clear(files map[string][]byte) error {
	written := f.written()
	for name := range files {
		if _, err := os.Lstat(f.path(name)); err == nil && !slices.Contains(written, name) {
			return &safefile.Error{Path: f.path(name), What: "the run that is to be replaced did not write it", Writing: true}
		}
	}
	for _, name := range written {
		if info, err := os.Lstat(f.path(name)); err == nil && info.IsDir() {
			return &safefile.Error{Path: f.path(name), What: "it is a folder", Writing: true}
		}
	}
	for _, name := range []string{bestName, lastName} {
		if err := checkpoint.Remove(f.path(name)); err != nil {
			return outputError(f.dir, err)
		}
	}
	for _, name := range written {
		if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return outputError(f.dir, err)
		}
	}
	f.before = nil
	return nil
}

// written are the names of the files that the run in the folder has written. The configuration is the last, so that what remains
// after a crash of clear can be replaced or continued, too.
func (f *runFolder) written() []string {
	if f.before == nil {
		return nil
	}
	names := append(f.eventFiles(), logName)
	if f.before.Model.Vocab > 0 {
		names = append(names, vocabName)
	}
	switch f.before.Task {
	case taskClassify:
		names = append(names, labelsName)
	case taskSeq2Seq:
		names = append(names, targetName)
	}
	return append(names, configName)
}

// eventFiles are TensorBoard's files that the run has written, by its checkpoints.
func (f *runFolder) eventFiles() []string {
	for _, name := range []string{lastName, bestName} {
		c, err := checkpoint.Open(f.path(name))
		if err != nil {
			continue
		}
		defer c.Close()
		var at position
		if c.State(&at) == nil {
			return slices.DeleteFunc(at.Events, func(name string) bool { return !isEvents(name) })
		}
	}
	return nil
}

// abandon gives the folder back as it was, before a run has begun in it.
func (f *runFolder) abandon() {
	f.close()
	f.remove()
}

// remove removes what this process made: nothing, if the folder was there before.
func (f *runFolder) remove() {
	if slices.Contains(f.made, f.dir) {
		for _, name := range append(runFiles, lockName) {
			os.Remove(f.path(name))
		}
	}
	for _, dir := range slices.Backward(f.made) {
		os.Remove(dir) // only if it is empty
	}
}

func (f *runFolder) close() {
	if f.lock != nil {
		f.lock.Unlock()
	}
}

// trained is a run folder opened for reading.
type trained struct {
	dir    string
	config *config
	vocab  *datasets.Vocab  // nil: the inputs are images
	labels *datasets.Labels // of a classifier
	target *datasets.Vocab  // of a sequence-to-sequence model
}

// openTrained reads what a run folder says of its model, which must be of one of the given tasks.
func openTrained(dir string, tasks ...string) (*trained, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, inputError("RUN", err)
	}
	if !info.IsDir() {
		return nil, fail(exitData, "RUN: %s is a file: give the folder that unroll train wrote", dir)
	}
	r := &trained{dir: dir}
	if r.config, err = readConfig(filepath.Join(dir, configName)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fail(exitData, "RUN: %s is no run, it holds no %s: give the folder that unroll train wrote", dir, configName)
		}
		return nil, err
	}
	if !slices.Contains(tasks, r.config.Task) {
		return nil, fail(exitData, "RUN: %s holds %s: this command is for %s", dir, taskNames[r.config.Task], joined(tasks, func(t string) string { return taskNames[t] }))
	}
	if r.config.Model.Vocab > 0 {
		if r.vocab, err = readRunVocab(dir, r.config); err != nil {
			return nil, err
		}
	}
	if r.config.Task == taskSeq2Seq {
		if r.target, err = readTargetVocab(dir, r.config); err != nil {
			return nil, err
		}
	}
	if r.config.Task == taskClassify {
		if r.labels, err = readRunLabels(dir, r.config); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// joined lists names.
func joined(items []string, name func(string) string) string {
	var names []string
	for _, i := range items {
		names = append(names, name(i))
	}
	return strings.Join(names, " or ")
}

func readRunLabels(dir string, c *config) (*datasets.Labels, error) {
	path := filepath.Join(dir, labelsName)
	l, err := datasets.ReadLabels(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fail(exitData, "%s is missing: restore it from a copy of the run, or train again", path)
		}
		return nil, err
	}
	if l.Len() != c.Model.Classes || sha256Hex(l.JSON()) != c.Model.LabelsSHA256 {
		return nil, fail(exitData, "%s are not the labels that %s names (%d with sha256 %.12s, %d with %.12s there): they are of different runs", path, filepath.Join(dir, configName),
			l.Len(), sha256Hex(l.JSON()), c.Model.Classes, c.Model.LabelsSHA256)
	}
	return l, nil
}

func readRunVocab(dir string, c *config) (*datasets.Vocab, error) {
	return readVocab(dir, vocabName, c.Model.Vocab, c.Model.VocabSHA256)
}

func readTargetVocab(dir string, c *config) (*datasets.Vocab, error) {
	return readVocab(dir, targetName, c.Model.TargetVocab, c.Model.TargetSHA256)
}

func readVocab(dir, name string, size int, sha256 string) (*datasets.Vocab, error) {
	path := filepath.Join(dir, name)
	v, err := datasets.ReadVocab(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fail(exitData, "%s is missing: restore it from a copy of the run, or train again", path)
		}
		return nil, err
	}
	if v.Len() != size || sha256Hex(v.JSON()) != sha256 {
		return nil, fail(exitData, "%s is not the vocabulary that %s names (%d tokens with sha256 %.12s, %d with %.12s there): they are of different runs", path, filepath.Join(dir, configName),
			v.Len(), sha256Hex(v.JSON()), size, sha256)
	}
	return v, nil
}

// load reads the weights of one of the run's checkpoints into a model, and says where the run stood.
func (r *trained) load(m learner, name string) (position, error) {
	return loadCheckpoint(filepath.Join(r.dir, name), m, false)
}

// loadCheckpoint reads a checkpoint into a model, with what the next training step needs if training is true.
func loadCheckpoint(dir string, m learner, training bool) (position, error) {
	var at position
	f, err := checkpoint.Open(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return at, fail(exitData, "%s: there is no such checkpoint: train until the first one is saved", dir)
		}
		return at, err
	}
	defer f.Close()
	if err := f.State(&at); err != nil {
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
		return at, &checkpoint.CorruptError{File: dir, What: fmt.Sprintf("%v: the checkpoint and %s are of different runs", err, configName)}
	}
	return at, nil
}
