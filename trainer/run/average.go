package run

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// Averaged says of which checkpoints the weights of a run are the mean.
type Averaged struct {
	Run   string `yaml:"run"`        // absolute path
	Steps []int  `yaml:"steps,flow"` // the newest first
}

// Average writes a run whose weights are the means of those of the newest checkpoints of this one, so many as n: a new
// folder, which opens everywhere. Sums are in float64. The best checkpoint is not among them, unless it is one of the
// newest. It gives the steps of the checkpoints, the newest first.
//
// There are as many as Options.Keep let the training keep; fewer than n are a *SettingsError, a damaged one is a
// *CorruptError, and a folder that cannot be written, or holds a run, an *OutputError.
func (r *Run) Average(n int, out string) (steps []int, err error) {
	if n < 1 {
		return nil, settings("the mean of %d checkpoints: it must be at least 1", n)
	}
	if err := r.alone("averaged"); err != nil {
		return nil, err
	}
	names, err := r.newest(n)
	if err != nil {
		return nil, err
	}
	var sum mean
	var at Position
	for i, name := range names {
		own, err := sum.add(r, name)
		if err != nil {
			return nil, err
		}
		if steps = append(steps, own.Step); i == 0 {
			at = own
		}
	}
	return steps, r.writeAveraged(out, steps, checkpoint.Contents{
		Weights: sum.weights(), Step: at.Step,
		State: Position{Step: at.Step, Seconds: at.Seconds, FirstLoss: at.FirstLoss},
	})
}

// newest are the names of the n newest checkpoints that were kept, the newest first.
func (r *Run) newest(n int) ([]string, error) {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, NewInputError("", err)
	}
	defer root.Close()
	past, err := checkpoint.In(root).Past(Last)
	if err != nil {
		return nil, err
	}
	names := slices.Concat([]string{Last}, past)
	if !r.holds(Last) {
		names = past
	}
	if len(names) < n {
		return nil, settings("%s keeps %s besides the best, and %d are to be averaged: train with `keep` %d, or average fewer",
			r.dir, words.Count(len(names), "checkpoint", "checkpoints"), n, n)
	}
	return names[:n], nil
}

// mean adds up weights.
type mean struct {
	first []checkpoint.Tensor
	sums  [][]float64
	n     int
}

// add adds the weights of a checkpoint of a run, and gives where it stands.
func (m *mean) add(r *Run, name string) (at Position, err error) {
	dir := filepath.Join(r.dir, name)
	f, err := openCheckpoint(dir)
	if err != nil {
		return at, err
	}
	defer f.Close()
	if err := f.State(&at); err != nil {
		return at, err
	}
	if err := r.config.fits(f); err != nil {
		return at, err
	}
	weights, err := f.Weights()
	if err != nil {
		return at, err
	}
	if m.first == nil {
		m.first, m.sums = weights, make([][]float64, len(weights))
	}
	if len(weights) != len(m.first) {
		return at, corrupt("%s: it has %d tensors, the checkpoint after it %d: they are of different models", dir,
			len(weights), len(m.first))
	}
	for i, t := range weights {
		if t.Name != m.first[i].Name || !slices.Equal(t.Shape, m.first[i].Shape) {
			return at, corrupt("%s: its tensor %s has shape %v, and the checkpoint after it %s of %v: they are of different "+
				"models", dir, t.Name, t.Shape, m.first[i].Name, m.first[i].Shape)
		}
		if err := m.addTensor(i, t.Data); err != nil {
			return at, errors.Wrap(err, dir+": "+t.Name)
		}
	}
	m.n++
	return at, nil
}

func (m *mean) addTensor(i int, data any) error {
	switch x := data.(type) {
	case []float32:
		m.sums[i] = plus(m.sums[i], x)
	case []float64:
		m.sums[i] = plus(m.sums[i], x)
	default:
		return fmt.Errorf("it is of %T, which has no mean", data)
	}
	return nil
}

func plus[T float32 | float64](sum []float64, x []T) []float64 {
	if sum == nil {
		sum = make([]float64, len(x))
	}
	for i, v := range x {
		sum[i] += float64(v)
	}
	return sum
}

// weights are the means, in the types of what was added.
func (m *mean) weights() []checkpoint.Tensor {
	all := slices.Clone(m.first)
	for i := range all {
		if _, double := all[i].Data.([]float64); double {
			all[i].Data = divided[float64](m.sums[i], m.n)
		} else {
			all[i].Data = divided[float32](m.sums[i], m.n)
		}
	}
	return all
}

func divided[T float32 | float64](sum []float64, n int) []T {
	x := make([]T, len(sum))
	for i, v := range sum {
		x[i] = T(v / float64(n))
	}
	return x
}

// writeAveraged writes the folder of a run with the files of this one.
func (r *Run) writeAveraged(out string, steps []int, contents checkpoint.Contents) error {
	from, err := filepath.Abs(r.dir)
	if err != nil {
		return errors.WithStack(err)
	}
	files, err := r.ownFiles()
	if err != nil {
		return err
	}
	c := *r.config
	c.Averaged = &Averaged{Run: from, Steps: steps}
	return writeRun(out, &c, files, contents)
}

// ownFiles are the files of the model besides its weights, by name.
func (r *Run) ownFiles() (map[string][]byte, error) {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, NewInputError("", err)
	}
	defer root.Close()
	const most = 1 << 30 // more than a vocabulary may have
	files := map[string][]byte{}
	for _, x := range modelFiles {
		if !x.of(&r.config.Model) {
			continue
		}
		data, err := safefile.ReadIn(root, x.name, most)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, corrupt("%s is missing: restore it from a copy of the run", filepath.Join(r.dir, x.name))
		}
		if err != nil {
			return nil, err
		}
		files[x.name] = data
	}
	return files, nil
}
