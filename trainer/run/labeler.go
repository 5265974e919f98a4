package run

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/batches"
	"github.com/unroll-ml/unroll/trainer"
)

// Classifier is the classifier of a run, with its vocabulary and its labels; or those of runs that were joined. Several goroutines may use it:
// they take turns.
type Classifier struct {
	name    string // of the run
	config  *Config
	vocab   *datasets.Vocab // nil: of images or series
	columns int             // of images
	labels  *datasets.Labels
	longest int // tokens that are read of a text
	mu      sync.Mutex
	models  trainer.Classifiers
}

// Label is a label with its probability.
type Label struct {
	Name        string
	Probability float64
}

// Classifier makes the model of the run ready to classify. Close it. A run of another task is a *TaskError.
func (r *Run) Classifier() (*Classifier, error) {
	if err := r.Want(TaskClassify); err != nil {
		return nil, err
	}
	all, err := modelsOf(r, func(r *Run) (*trainer.Classifier, error) { return r.classifier(nil) })
	if err != nil {
		return nil, err
	}
	return &Classifier{
		name: r.dir, config: r.config, vocab: r.vocab, columns: r.config.Model.Input, labels: r.labels,
		longest: r.config.Training.Longest, models: all,
	}, nil
}

// Close frees the models, when it is its turn.
func (c *Classifier) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return closeAll(c.models)
}

// MostTexts is how many texts, or images, are classified at once: more are not faster.
const MostTexts = 64

// Classify gives all labels of each text with their probabilities, the likeliest first. Texts are read
// together. One of blanks has none. A classifier of images gives a *DataError.
func (c *Classifier) Classify(ctx context.Context, texts []string) ([][]Label, error) {
	if c.vocab == nil {
		return nil, badData("%s classifies %s, not texts", c.name, c.config.Model.kindRead())
	}
	tokens := make([][]int32, len(texts))
	for i, text := range texts {
		if !blank(text) {
			all, _ := c.vocab.EncodeLine(text)
			tokens[i] = all[:min(len(all), c.longest)]
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([][]Label, len(texts))
	for _, g := range group(sizes(tokens), c.models[0].StepCost()) {
		if err := done(ctx); err != nil {
			return nil, err
		}
		x := trainer.Sequences{Steps: g.Steps, Batch: g.Rows, Mask: make([]float32, g.Steps*g.Rows)}
		var lengths []int
		x.Tokens, lengths = g.fill(tokens)
		for row, n := range lengths {
			for s := range n {
				x.Mask[s*g.Rows+row] = 1
			}
		}
		ln, err := c.models.LogProbs(x)
		if err != nil {
			return nil, err
		}
		for row, i := range g.Which {
			all[i] = c.ranked(ln[row])
		}
	}
	return all, nil
}

// ClassifyImages gives all labels of the images from one number to before another with their probabilities, the
// likeliest first. A classifier of texts, or of images that are not as wide, gives a *DataError.
func (c *Classifier) ClassifyImages(ctx context.Context, m *datasets.Images, from, to int) ([][]Label, error) {
	switch {
	case c.vocab != nil:
		return nil, badData("%s classifies texts, not images", c.name)
	case c.config.Model.Series != nil:
		return nil, badData("%s classifies series, not images", c.name)
	case m.Cols != c.columns:
		return nil, badData("%s holds images of %d columns, and %s reads those of %d: choose others", m.Name, m.Cols,
			c.name, c.columns)
	case from < 0 || to < from || to > m.Len():
		return nil, badData("images %d to %d of the %d of %s: there are no such", from, to, m.Len(), m.Name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([][]Label, 0, to-from)
	for ; from < to; from += MostTexts {
		if err := done(ctx); err != nil {
			return nil, err
		}
		n := min(MostTexts, to-from)
		which := make([]int32, batches.RowsInUse(n, c.models[0].StepCost())) // those after n are of no use
		for i := range which {
			which[i] = -1
			if i < n {
				which[i] = int32(from + i)
			}
		}
		x := trainer.Sequences{Steps: m.Rows, Batch: len(which), Vectors: make([]float32, m.Rows*len(which)*m.Cols)}
		m.Fill(which, x.Vectors)
		ln, err := c.models.LogProbs(x)
		if err != nil {
			return nil, err
		}
		for i := range n {
			all = append(all, c.ranked(ln[i]))
		}
	}
	return all, nil
}

// ranked are the labels whose ln p are given, the likeliest first.
func (c *Classifier) ranked(logProbs []float64) []Label {
	labels := make([]Label, len(logProbs))
	for i, ln := range logProbs {
		labels[i] = Label{c.labels.Name(int32(i)), math.Exp(ln)}
	}
	slices.SortStableFunc(labels, func(a, b Label) int { return cmp.Compare(b.Probability, a.Probability) })
	return labels
}

func sizes(texts [][]int32) []int {
	n := make([]int, len(texts))
	for i, t := range texts {
		n[i] = len(t)
	}
	return n
}
