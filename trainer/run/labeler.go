package run

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/trainer"
)

// Classifier is the classifier of texts of a run, with its vocabulary and its labels. Several goroutines may use it: they take turns.
type Classifier struct {
	vocab   *datasets.Vocab
	labels  *datasets.Labels
	longest int // tokens that are read of a text
	mu      sync.Mutex
	model   *trainer.Classifier
}

// Label is a label with its probability.
type Label struct {
	Name        string
	Probability float64
}

// Classifier makes the model of the run ready to classify texts. Close it. A run of another task is a *TaskError, a classifier of images a
// *DataError.
func (r *Run) Classifier() (*Classifier, error) {
	if err := r.Want(TaskClassify); err != nil {
		return nil, err
	}
	if r.vocab == nil {
		return nil, badData("%s classifies images, not texts", r.dir)
	}
	if err := r.config.open(); err != nil {
		return nil, err
	}
	m, err := r.classifier(nil)
	if err != nil {
		return nil, err
	}
	return &Classifier{vocab: r.vocab, labels: r.labels, longest: r.config.Training.Longest, model: m}, nil
}

// Close frees the model.
func (c *Classifier) Close() error { return c.model.Close() }

// MostTexts is how many texts are classified at once: more are not faster.
const MostTexts = 64

// Classify gives all labels of each text with their probabilities, the likeliest first. Texts are read together. One of blanks has none.
func (c *Classifier) Classify(ctx context.Context, texts []string) ([][]Label, error) {
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
	for _, g := range group(sizes(tokens), MostTexts) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x := trainer.Sequences{Steps: g.steps, Batch: g.rows, Mask: make([]float32, g.steps*g.rows)}
		var lengths []int
		x.Tokens, lengths = g.fill(tokens)
		for row, n := range lengths {
			for s := range n {
				x.Mask[s*g.rows+row] = 1
			}
		}
		logits, err := c.model.Logits(x)
		if err != nil {
			return nil, err
		}
		for row, i := range g.which {
			all[i] = c.ranked(logits[row*c.labels.Len():][:c.labels.Len()])
		}
	}
	return all, nil
}

func (c *Classifier) ranked(logits []float32) []Label {
	labels := make([]Label, len(logits))
	for i, ln := range trainer.LogSoftmax(logits) {
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
