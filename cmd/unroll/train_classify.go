package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/batches"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
)

// trainClassifyCmd trains a classifier.
type trainClassifyCmd struct {
	Data  classifyFlags `embed:"" group:"Data:" set:"use=Train on"`
	Valid classifyFlags `embed:"" prefix:"valid-" group:"Data:" set:"use=Measure on"`
	skipFlags

	holdOutFlags

	Tokens        string `group:"Model:" enum:"${tokenKinds}" default:"char" help:"What a text is cut into: ${enum}."`
	MinFreq       int    `group:"Model:" default:"1" help:"Tokens that occur less often are unknown."`
	cellFlags     `embed:"" group:"Model:" set:"cell=gru"`
	Hidden        int     `group:"Model:" default:"128" help:"Units of a layer in one direction."`
	Layers        int     `group:"Model:" default:"1" help:"Layers."`
	Embed         int     `group:"Model:" default:"32" help:"Width of the embedding of a token; 0: one-hot, straight into the first layer. Images have none."`
	Bidirectional bool    `group:"Model:" help:"Read from both ends."`
	Pooling       string  `group:"Model:" enum:"${poolings}" default:"last" help:"What stands for the sequence: the ${enum} of the outputs."`
	Dropout       float64 `group:"Model:" default:"0" help:"Probability with which an input of a layer or of the output is dropped in training."`

	Batch   int `group:"Training:" default:"32" help:"Examples in a step."`
	Longest int `group:"Training:" default:"500" help:"Tokens that are read of an example, then and later."`
	Buckets int `group:"Training:" default:"4" help:"Different lengths of batches, at most: more of them are less padding and more programs."`

	trainFlags `kong:"embed,set='task=classify',set='data=examples',set='is=are',set='seedNote=, of the order of the examples, of what is held out and of what is dropped',set='epochsNote=',set='validNote='"`
}

func (t *trainClassifyCmd) Run(a *app) error {
	if err := t.check(); err != nil {
		return err
	}
	train, err := oneSource("", t.Data.sources()...)
	if err != nil {
		return err
	}
	held, err := oneSource("valid-", t.Valid.sources()...)
	switch {
	case err != nil:
		return err
	case train == nil:
		return usage("nothing to train on: name data with --table, --folder or --idx")
	case held != nil && (held.Kind == kindIDX) != (train.Kind == kindIDX):
		return usage("--%s and --valid-%s are texts and images: both must be the same", train.Kind, held.Kind)
	}
	t.mark(train, held)
	c := t.trainFlags.config(taskClassify)
	c.Model = modelConfig{
		Hidden: t.Hidden, Layers: t.Layers, Embed: t.Embed, Tokens: t.Tokens, MinFreq: t.MinFreq,
		Bidirectional: t.Bidirectional, Dropout: t.Dropout, Pooling: t.Pooling,
	}
	t.cellFlags.into(&c.Model)
	own := ""
	if held != nil {
		own = "--valid-" + held.Kind
	}
	if err := t.holdOutFlags.into(&c.Data, own); err != nil {
		return err
	}
	c.Training.Batch, c.Training.Longest, c.Training.Buckets = t.Batch, t.Longest, t.Buckets
	if err := c.check(); err != nil {
		return err
	}
	return t.train(a, c, func() (task, error) { return loadClassify(c, train, held) })
}

// loadClassify reads the data and writes into c which they are.
func loadClassify(c *config, train, held *sourceConfig) (*classifyTask, error) {
	raw, err := readExamples("--"+train.Kind, train)
	if err != nil {
		return nil, err
	}
	if train.Paths, err = absolute(train.Paths); err != nil {
		return nil, err
	}
	train.SHA256 = raw.sha256
	c.Data.Train, c.Data.Held = train, held
	t := &classifyTask{config: c, skipped: raw.skipped}
	learn := raw.all()
	var measure part
	if held == nil {
		if learn, measure, err = raw.divide(c); err != nil {
			return nil, err
		}
	} else {
		other, err := readExamples("--valid-"+held.Kind, held)
		if err != nil {
			return nil, err
		}
		if held.Paths, err = absolute(held.Paths); err != nil {
			return nil, err
		}
		held.SHA256 = other.sha256
		measure = other.all()
		t.skipped = append(t.skipped, other.skipped...)
	}
	if t.labels, err = raw.labels(); err != nil {
		return nil, err
	}
	c.Model.Classes, c.Model.LabelsSHA256 = t.labels.Len(), sha256Hex(t.labels.JSON())
	if raw.table != nil {
		if t.vocab, err = datasets.BuildVocab(datasets.VocabConfig{Kind: datasets.Kind(c.Model.Tokens), Least: c.Model.MinFreq}, learn.texts()); err != nil {
			return nil, err
		}
		if err := c.Model.enough(t.vocab, 1, raw.name); err != nil {
			return nil, err
		}
		c.Model.Vocab, c.Model.VocabSHA256 = t.vocab.Len(), sha256Hex(t.vocab.JSON())
	} else {
		c.Model.Input, c.Model.Embed, c.Model.Tokens, c.Model.MinFreq = raw.images.Cols, 0, "", 0
	}
	if t.data, err = learn.ready(c.accumulated(), t.vocab, t.labels); err != nil {
		return nil, err
	}
	if t.held, err = measure.ready(c, t.vocab, t.labels); err != nil {
		return nil, err
	}
	t.feed.fill = planned(t.data.plan, c.Training.Seed, t.data.fill)
	return t, c.checkClassifierSize(t.data.longest)
}

// newClassifier is the classifier that a config asks for, with fresh weights.
func newClassifier(c *config) (*trainer.Classifier, error) {
	return trainer.NewClassifier(trainer.ClassifierConfig{
		Model: models.ClassifierConfig{
			Vocab: c.Model.Vocab, Input: c.Model.Input, Embed: c.Model.Embed, Cell: c.Model.cell(),
			Hidden: c.Model.Hidden, Layers: c.Model.Layers, Bidirectional: c.Model.Bidirectional, Dropout: c.Model.Dropout,
			Pooling: c.Model.Pooling, Classes: c.Model.Classes,
		},
		Training: c.Training.moves(), Device: c.Running.on,
	})
}

// classifyTask is a classifier and its examples.
type classifyTask struct {
	*trainer.Classifier
	config     *config
	vocab      *datasets.Vocab // nil: images
	labels     *datasets.Labels
	data, held *examples
	skipped    []string // of the data
	feed       feed[*classifyBatch]
}

func (t *classifyTask) build() (err error) {
	t.Classifier, err = newClassifier(t.config)
	return err
}

func (t *classifyTask) epoch() int { return t.data.plan.Len() }

func (t *classifyTask) step(before int, rate float64) (loss, norm float64, tokens int, err error) {
	b, err := t.feed.next(before)
	if err != nil {
		return 0, 0, 0, err
	}
	loss, norm, err = t.Train(b.Sequences, b.classes, b.weights, before, rate)
	return loss, norm, b.tokens, err
}

func (t *classifyTask) Close() error {
	t.feed.close()
	return t.Classifier.Close()
}

func (t *classifyTask) measure(stop func() bool) (metrics, error) {
	return t.held.measure(t.Classifier, stop)
}

func (t *classifyTask) heldOut() string { return "the held-out examples" }

func (t *classifyTask) files() map[string][]byte {
	files := map[string][]byte{labelsName: t.labels.JSON()}
	if t.vocab != nil {
		files[vocabName] = t.vocab.JSON()
	}
	return files
}

func (t *classifyTask) verify(dir string) error {
	if t.vocab != nil {
		if _, err := readRunVocab(dir, t.config); err != nil {
			return err
		}
	}
	_, err := readRunLabels(dir, t.config)
	return err
}

func (t *classifyTask) describe(weights int) []string {
	c := t.config
	input := fmt.Sprintf("images of %d rows of %d", t.data.longest, c.Model.Input)
	if t.vocab != nil {
		input = fmt.Sprintf("%s, %s different ones, embedding %d", c.Model.kinds(), thousands(t.vocab.Len()), c.Model.Embed)
		if c.Model.Embed == 0 {
			input = strings.Replace(input, "embedding 0", "one-hot", 1)
		}
	}
	lines := []string{
		fmt.Sprintf("training on %s: %s examples of %d classes, and %s held out to measure on", t.data.name, thousands(t.data.plan.Examples()), t.labels.Len(), thousands(t.held.plan.Examples())),
		fmt.Sprintf("model: %s; %s, layers %d, hidden %d%s, pooling %s; %s weights, on %s", input, c.Model.Cell, c.Model.Layers, c.Model.Hidden, ways(c), c.Model.Pooling, thousands(weights), t.Device()),
		fmt.Sprintf("batch %d, lengths %s: %s steps an epoch; %s", c.Training.Batch, sourceLengths(t.data.plan), thousands(t.epoch()), c.Training.words()),
	}
	if t.data.cut > 0 {
		lines = append(lines, fmt.Sprintf("%s examples are longer than %s tokens, of which the first are read; --longest for more", thousands(t.data.cut), thousands(c.Training.Longest)))
	}
	return append(lines, t.skipped...)
}

func ways(c *config) string {
	if c.Model.Bidirectional {
		return " in both directions"
	}
	return ""
}

// sourceLengths lists the lengths of a plan's batches.
func sourceLengths(p *batches.Plan) string {
	var lengths []string
	for _, s := range p.Shapes() {
		lengths = append(lengths, thousands(s.Source))
	}
	return strings.Join(lengths, ", ")
}

func (t *classifyTask) farewell(w io.Writer, run string) error {
	m, err := t.measure(never)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "of the held-out examples %.1f%% are classified right\n\nnext:\n  unroll eval %s\n", 100*float64(*m.Accuracy), run); err != nil {
		return err
	}
	if t.vocab == nil {
		return nil
	}
	_, err = fmt.Fprintf(w, "  unroll classify %s    reads a text a line, and writes its label and the probability of that\n", run)
	return err
}
