package run

import (
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// The names in the folder of a run.
const (
	ConfigName = "config.yaml"
	vocabName  = "vocab.json"
	labelsName = "labels.json"
	targetName = "target-vocab.json"
	charsName  = "chars.json"
	formsName  = "forms.json"
	lockName   = ".lock"
	probeName  = "probe" // a file that is made to see whether files can be made

	LogName = "log.jsonl"

	Best = "best" // the checkpoint that validation found best
	Last = "last" // the newest checkpoint
)

// runFiles are the files of a run folder, whatever its task.
var runFiles = slices.Concat(curveFiles,
	[]string{LogName, vocabName, targetName, labelsName, charsName, formsName, trainTokens, validTokens, ConfigName})

// Position is where a run stands: state.json of its checkpoints.
type Position struct {
	Step     int      `json:"step"`            // steps taken
	Seconds  float64  `json:"seconds"`         // of training, over all times that it was continued
	BestLoss *float64 `json:"best_valid_loss"` // of the best; nil: never measured
	BestStep int      `json:"best_step"`

	FirstLoss *float64       `json:"first_loss,omitempty"`  // of the first step; nil: not known
	BestScore *float64       `json:"best_score,omitempty"`  // see metrics.score; nil: BestLoss
	Worse     int            `json:"worse"`                 // measurements in a row without a better one
	Due       bool           `json:"measure_due,omitempty"` // this step is to be measured
	Skipped   int            `json:"skipped"`               // steps in a row that were not applied, overflows of the loss scaling aside
	Events    []string       `json:"events,omitempty"`      // TensorBoard's files of the run
	Plateau   *optim.Plateau `json:"plateau,omitempty"`     // nil: not begun, or another schedule
}

// wrong says what of a position cannot be, in a checkpoint of a step.
func (p *Position) wrong(step int) string {
	for _, n := range []*float64{&p.Seconds, p.BestLoss, p.BestScore, p.FirstLoss} {
		if n != nil && (math.IsNaN(*n) || math.IsInf(*n, 0)) {
			return fmt.Sprintf("a number of its state is %g", *n)
		}
	}
	switch {
	case p.Step != step:
		return fmt.Sprintf("its state is of step %d, its manifest of step %d", p.Step, step)
	case step > MaxInteger:
		return fmt.Sprintf("step %d: at most %d are supported", step, MaxInteger)
	case p.BestStep < 0 || p.BestStep > step:
		return fmt.Sprintf("the best of step %d, at step %d", p.BestStep, step)
	case p.Worse < 0 || p.Worse > step || p.Skipped < 0 || p.Skipped > step:
		return fmt.Sprintf("%d measurements without a better one and %d steps left out, at step %d", p.Worse, p.Skipped, step)
	case !(p.Seconds >= 0):
		return fmt.Sprintf("%g seconds of training", p.Seconds)
	}
	return ""
}

// better says whether a score is the best so far.
func (p *Position) better(score float64) bool {
	best := p.BestScore
	if best == nil {
		best = p.BestLoss // before there were other scores
	}
	return best == nil || score < *best
}

// Folder is a folder that this process may write a run into. It is held open, so that nothing is written
// elsewhere, whatever becomes of its path meanwhile.
type Folder struct {
	dir    string
	root   *os.Root
	lock   *safefile.Lock
	made   *made   // on the way to it; nil: it was there before
	before *Config // of the run that is there already, or nil
}

// Dir is the path of the folder.
func (f *Folder) Dir() string { return f.dir }

// Holds says whether there is a run in the folder.
func (f *Folder) Holds() bool { return f.before != nil }

func (f *Folder) path(name string) string { return filepath.Join(f.dir, name) }

// checkpoints writes the checkpoints and whole files of the run.
func (f *Folder) checkpoints() checkpoint.Dir { return checkpoint.In(f.root) }

// OpenFolder makes a folder ready to be written: it exists, can be written, no other process writes to it, and
// it holds nothing but, at most, a run. Close it. What is wrong with the folder is an *OutputError; a
// *checkpoint.LockedError says that another process trains there.
func OpenFolder(dir string) (f *Folder, err error) {
	const tries = 100 // each time another process may have given the folder back meanwhile
	for range tries {
		if f, err = openFolder(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return f, err
}

func openFolder(dir string) (*Folder, error) {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return nil, &OutputError{Dir: dir, What: "is a file"}
	case errors.Is(err, fs.ErrNotExist):
		f, err := makeFolder(dir)
		if _, other := os.Stat(dir); err == nil || other != nil {
			return f, err
		} // else another process has made it meanwhile
	case err != nil:
		return nil, outputError(dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, outputError(dir, err)
	}
	return accept(&Folder{dir: dir, root: root})
}

// runsFolder is where runs are whose folder nobody names.
const runsFolder = "runs"

func numbered(task string, n int) string {
	return filepath.Join(runsFolder, fmt.Sprintf("%s-%d", task, n))
}

// NewFolder is OpenFolder of the first free of runs/TASK-1, runs/TASK-2, ...
func NewFolder(task string) (*Folder, error) {
	for n := 1; ; n++ {
		dir := numbered(task, n)
		f, err := makeFolder(dir)
		if _, other := os.Lstat(dir); err == nil || other != nil {
			return f, err
		}
	}
}

// makeFolder makes a folder that is not there, and those that it is in, and opens it.
func makeFolder(dir string) (*Folder, error) {
	m, err := mkdirAll(dir)
	if err != nil {
		return nil, outputError(dir, err)
	}
	root, err := m.open()
	if err != nil {
		m.remove()
		return nil, outputError(dir, err)
	}
	return accept(&Folder{dir: dir, root: root, made: m})
}

// accept takes the folder if it may be written.
func accept(f *Folder) (*Folder, error) {
	err := f.inspect() // before anything in it is touched
	if err == nil {
		err = f.take()
	}
	if err != nil {
		f.Abandon()
		return nil, err
	}
	return f, nil
}

// take locks the folder and makes sure that it can be written.
func (f *Folder) take() error {
	lock, err := safefile.TryLock(f.root, lockName)
	var held *safefile.LockedError
	if errors.As(err, &held) {
		return err
	} else if err != nil {
		return outputError(f.dir, err)
	}
	f.lock = lock
	if err := f.inspect(); err != nil { // another process may have trained there until now
		return err
	}
	if err := safefile.Probe(f.root, "."+probeName+".tmp-"); err != nil {
		return outputError(f.dir, err)
	}
	if err := f.checkpoints().Sweep(slices.Concat(runFiles, []string{probeName})...); err != nil { // what a kill has left
		return outputError(f.dir, err)
	}
	return nil
}

// inspect finds out what the folder holds, and refuses one that holds anything but a run. It changes nothing.
func (f *Folder) inspect() (err error) {
	f.before, err = readBefore(f.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &OutputError{Dir: f.dir, Err: err}
	}
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return outputError(f.dir, err)
	}
	for _, e := range entries {
		if f.before == nil && !strings.HasPrefix(e.Name(), ".") {
			return &OutputError{Dir: f.dir, What: fmt.Sprintf("holds %s and no run", e.Name())}
		}
	}
	for _, name := range []string{lockName, LogName} { // these are written in their place
		if err := safefile.Ours(f.root, name); err != nil {
			return err
		}
	}
	for _, name := range []string{Best, Last} {
		if err := f.checkpoints().Foreign(name); err != nil {
			return err
		}
	}
	return nil
}

// Clear removes the run that is there, and nothing that it did not write.
func (f *Folder) Clear() error { return f.clear(nil) }

// clear removes the run that is there, and nothing that it did not write, to make room for these files.
func (f *Folder) clear(files map[string][]byte) error {
	written := f.written()
	for name := range files {
		if _, err := f.root.Lstat(name); err == nil && !slices.Contains(written, name) {
			return &safefile.Error{Path: f.path(name), What: "the run that is to be replaced did not write it", Writing: true}
		}
	}
	for _, name := range written {
		if info, err := f.root.Lstat(name); err == nil && info.IsDir() {
			return &safefile.Error{Path: f.path(name), What: "it is a folder", Writing: true}
		}
	}
	for _, name := range []string{Best, Last} {
		if err := f.checkpoints().Remove(name); err != nil {
			return outputError(f.dir, err)
		}
	}
	for _, name := range written {
		if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return outputError(f.dir, err)
		}
	}
	f.before = nil
	return nil
}

// written are the names of the files that the run in the folder has written. The configuration is the last, so
// that what remains after a crash of clear can be replaced or continued, too.
func (f *Folder) written() []string {
	if f.before == nil {
		return nil
	}
	names := slices.Concat(f.eventFiles(), curveFiles, f.keptTokens(), []string{LogName})
	for _, x := range modelFiles {
		if x.of(&f.before.Model) {
			names = append(names, x.name)
		}
	}
	return append(names, ConfigName)
}

// eventFiles are TensorBoard's files that the run has written, by its checkpoints.
func (f *Folder) eventFiles() []string {
	for _, name := range []string{Last, Best} {
		c, err := f.checkpoints().Open(name)
		if err != nil {
			continue
		}
		defer c.Close()
		var at Position
		if c.State(&at) == nil {
			return slices.DeleteFunc(at.Events, func(name string) bool { return !isEvents(name) })
		}
	}
	return nil
}

// fill writes the configuration of a run, in its text, and the files of its model.
func (f *Folder) fill(c *Config, text []byte, files map[string][]byte) error {
	if err := f.checkpoints().WriteFile(ConfigName, text); err != nil {
		return err
	}
	f.before = c
	for name, data := range files {
		if err := f.checkpoints().WriteFile(name, data); err != nil {
			return err
		}
	}
	return nil
}

// writeRun writes a run that has no training of its own into a folder that is new or empty: its configuration, the files
// of its model, and the best checkpoint. If that fails, nothing of it stays. A folder that holds a run is an
// *OutputError.
func writeRun(dir string, c *Config, files map[string][]byte, best checkpoint.Contents) error {
	f, err := OpenFolder(dir)
	if err != nil {
		return err
	}
	if f.Holds() {
		f.Close()
		return &OutputError{Dir: dir, What: "holds a run"}
	}
	if err = f.fill(c, c.Encode(), files); err == nil {
		err = f.checkpoints().Save(Best, 1, best)
	}
	if err != nil {
		f.Clear()
		f.Abandon()
		return err
	}
	f.Close()
	return nil
}

// Abandon gives the folder back as it was, before a run has begun in it: what this process made is removed, unless
// another process has locked the folder first. The lock is held until its file is gone, so that whoever waits for it
// finds that it stands for nothing.
func (f *Folder) Abandon() {
	if f.made == nil || f.lock == nil {
		f.Close()
		return
	}
	for _, name := range slices.Concat(runFiles, []string{lockName}) {
		f.root.Remove(name)
	}
	f.release()
	f.made.remove()
}

// Close lets other processes use the folder.
func (f *Folder) Close() {
	f.release()
	f.made.close()
}

func (f *Folder) release() {
	if f.lock != nil {
		f.lock.Unlock()
	}
	f.root.Close()
}

// Load loads a checkpoint of the run, Best or Last, into the model of a task.
func (f *Folder) Load(t Task, name string) (Position, error) {
	if err := given(t); err != nil {
		return Position{}, err
	}
	return f.load(name, t.Config(), t, false)
}

func (f *Folder) load(name string, c *Config, m Learner, training bool) (Position, error) {
	opened, err := f.checkpoints().Open(name)
	if err != nil {
		return Position{}, noCheckpoint(f.path(name), err)
	}
	defer opened.Close()
	return loadCheckpoint(opened, f.path(name), c, m, training)
}

// IsPart says whether there is a file that a run cannot do without: its configuration, its log, what its model needs
// besides weights, or a file of a checkpoint.
func IsPart(path string) bool {
	dir, name := filepath.Split(path)
	needed := name == LogName || name == ConfigName ||
		slices.ContainsFunc(modelFiles, func(f modelFile) bool { return f.name == name })
	for _, name := range []string{name, ConfigName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			needed = false
		}
	}
	return needed || checkpoint.IsPart(path)
}

// WriteFile writes a file: all of it or, if that fails, nothing.
func WriteFile(path string, data []byte) error {
	return Write(path, func(to io.Writer) error {
		_, err := to.Write(data)
		return err
	})
}

// Write is WriteFile of what fill writes.
func Write(path string, fill func(io.Writer) error) error {
	dir, name := filepath.Split(path)
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return checkpoint.Unwritten(path, 0, err)
	}
	defer root.Close()
	return checkpoint.In(root).Write(name, fill)
}
