package cuda_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/unroll-ml/unroll/cuda"
	"github.com/unroll-ml/unroll/cuda/driver/sim"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// A training is a small reference model: step trains it once and gives the loss and the norm of the gradients.
type training struct {
	name string
	open func(t testing.TB, d tape.Device, settings ...setting) (step func() (loss, norm float64, err error))
}

// A setting changes how a model is trained.
type setting func(*trainer.Training)

func set(c *trainer.Training, settings []setting) {
	for _, s := range settings {
		s(c)
	}
}

var trainings = []training{
	{"rnn", languageModel(models.LMConfig{Vocab: 11, Cell: models.CellConfig{Kind: "rnn"}, Hidden: 12, Layers: 1}, 0)},
	{"lstm", languageModel(models.LMConfig{Vocab: 11, Cell: models.CellConfig{Kind: "lstm"}, Hidden: 16, Layers: 2, Embed: 8}, 1)},
	{"gru", languageModel(models.LMConfig{Vocab: 11, Cell: models.CellConfig{Kind: "gru"}, Hidden: 8, Layers: 2}, 1)},
	{"classifier", classifier},
	{"regressor", regressor},
	{"tagger", tagger},
	{"seq2seq gru", seq2seq("gru", models.General{}, true, 0.5)},
	{"seq2seq lstm", seq2seq("lstm", models.Additive{}, false, 1)},
}

func languageModel(
	c models.LMConfig, clip float64,
) func(testing.TB, tape.Device, ...setting) func() (float64, float64, error) {
	return func(t testing.TB, d tape.Device, settings ...setting) func() (float64, float64, error) {
		const seq, batch = 6, 5
		config := trainer.LMConfig{Model: c, Seq: seq, Batch: batch, Device: d}
		config.Seed, config.Optimizer, config.Clip = 3, optim.DefaultAdam, clip
		set(&config.Training, settings)
		m, err := trainer.NewLM(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		rng := rand.New(rand.NewPCG(1, 1))
		k := -1
		return func() (float64, float64, error) {
			k++
			return m.Train(tokens(rng, c.Vocab, seq*batch), tokens(rng, c.Vocab, seq*batch), k, 0.01)
		}
	}
}

// softmaxes are of large vocabularies, with embeddings that are updated by the rows that a batch reads.
var softmaxes = []training{
	{"adaptive, by rows", languageModel(models.LMConfig{
		Vocab: 11, Cell: models.CellConfig{Kind: "gru"}, Hidden: 8, Layers: 1, Embed: 4, Softmax: models.Softmax{Cutoffs: []int{3, 6}},
	}, 1)},
	{"sampled, by rows", languageModel(models.LMConfig{
		Vocab: 11, Cell: models.CellConfig{Kind: "gru"}, Hidden: 8, Layers: 1, Embed: 8,
		Softmax: models.Softmax{Samples: 4}, Tied: true,
	}, 1)},
}

func tokens(rng *rand.Rand, vocab, n int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(rng.IntN(vocab))
	}
	return x
}

// classifier is bidirectional, drops out, and takes the largest of each unit over time.
func classifier(t testing.TB, d tape.Device, settings ...setting) func() (float64, float64, error) {
	const steps, batch, vocab, classes = 5, 4, 7, 3
	c := trainer.ClassifierConfig{Device: d}
	c.Seed, c.Optimizer, c.Clip = 3, optim.DefaultAdam, 1
	set(&c.Training, settings)
	c.Model = models.ClassifierConfig{Vocab: vocab, Embed: 4, Hidden: 8, Layers: 1, Bidirectional: true, Dropout: 0.3,
		Pooling: "max", Classes: classes}
	c.Model.Cell = models.CellConfig{Kind: "lstm"}
	m, err := trainer.NewClassifier(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	rng := rand.New(rand.NewPCG(3, 1))
	k := 0
	return func() (float64, float64, error) {
		x := trainer.Sequences{Steps: steps, Batch: batch, Tokens: tokens(rng, vocab, steps*batch),
			Mask: make([]float32, steps*batch)}
		for i := range x.Mask {
			if i/batch < 2+i%batch {
				x.Mask[i] = 1
			}
		}
		k++
		return m.Train(x, tokens(rng, classes, batch), []float32{1, 1, 1, 0}, k, 0.01)
	}
}

// regressor reads vectors in parts of batches, and has a loss that is not the same everywhere.
func regressor(t testing.TB, d tape.Device, settings ...setting) func() (float64, float64, error) {
	const steps, batch, input = 5, 4, 3
	c := trainer.RegressorConfig{Device: d}
	c.Seed, c.Optimizer, c.Clip = 3, optim.DefaultAdam, 1
	set(&c.Training, settings)
	c.Model = models.RegressorConfig{Input: input, Hidden: 8, Layers: 1, Bidirectional: true, Dropout: 0.3,
		Pooling: "mean", Loss: "huber"}
	c.Model.Cell = models.CellConfig{Kind: "gru"}
	m, err := trainer.NewRegressor(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	rng := rand.New(rand.NewPCG(5, 1))
	k := 0
	return func() (float64, float64, error) {
		x := trainer.Sequences{Steps: steps, Batch: batch, Vectors: make([]float32, steps*batch*input),
			Mask: make([]float32, steps*batch)}
		for i := range x.Vectors {
			x.Vectors[i] = rng.Float32() - 0.5
		}
		for i := range x.Mask {
			if i/batch < 2+i%batch {
				x.Mask[i] = 1
			}
		}
		k++
		return m.Train(x, []float32{0.1, -0.5, 2, 0}, []float32{1, 1, 1, 0}, k, 0.01)
	}
}

// tagger reads the characters of words, and has a CRF.
func tagger(t testing.TB, d tape.Device, settings ...setting) func() (float64, float64, error) {
	c := trainer.TaggerConfig{Device: d}
	c.Seed, c.Optimizer, c.Clip = 3, optim.DefaultAdam, 1
	set(&c.Training, settings)
	c.Model = models.TaggerConfig{
		Words: 7, Embed: 4, Chars: 5, CharEmbed: 3, CharHidden: 4, Cell: models.CellConfig{Kind: "lstm"},
		Hidden: 8, Layers: 1,
		Bidirectional: true, Dropout: 0.3, Tags: 3, CRF: true,
	}
	m, err := trainer.NewTagger(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	rng := rand.New(rand.NewPCG(4, 1))
	k := 0
	return func() (float64, float64, error) {
		x := trainer.Sentences{SentenceShape: trainer.SentenceShape{Steps: 4, Batch: 3, Different: 5, Letters: 3},
			Weights: []float32{1, 1, 0}}
		x.Words, x.Which, x.Tags = tokens(rng, 7, 12), tokens(rng, 5, 12), tokens(rng, 3, 12)
		x.Chars, x.Mask, x.CharMask = tokens(rng, 5, 15), make([]float32, 12), make([]float32, 15)
		for i := range x.Mask {
			if i/3 < 4-i%3 {
				x.Mask[i] = 1
			}
		}
		for i := range x.CharMask {
			if i/5 <= i%3 {
				x.CharMask[i] = 1
			}
		}
		k++
		return m.Train(k, 0.01, x)
	}
}

func seq2seq(
	cell string, attention models.AttentionKind, feeding bool, forcing float64,
) func(testing.TB, tape.Device, ...setting) func() (float64, float64, error) {
	return translator(12, cell, attention, feeding, forcing)
}

// translator is seq2seq with so many hidden units.
func translator(
	hidden int, cell string, attention models.AttentionKind, feeding bool, forcing float64,
) func(testing.TB, tape.Device, ...setting) func() (float64, float64, error) {
	return func(t testing.TB, d tape.Device, settings ...setting) func() (float64, float64, error) {
		c := trainer.Seq2SeqConfig{Device: d, TeacherForcing: forcing}
		c.Seed, c.Optimizer, c.Clip = 3, optim.DefaultAdam, 1
		set(&c.Training, settings)
		c.Model = models.Seq2SeqConfig{Source: 9, Target: 10, Tokens: models.DefaultTokens, Attention: attention,
			Feeding: feeding}
		c.Model.Cell, c.Model.Embed, c.Model.Hidden, c.Model.Layers = models.CellConfig{Kind: cell}, 8, hidden, 1
		m, err := trainer.NewSeq2Seq(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		rng := rand.New(rand.NewPCG(2, 1))
		k := 0
		return func() (float64, float64, error) {
			const steps, batch = 5, 4
			x := trainer.Translations{SourceSteps: steps, TargetSteps: steps, Batch: batch, Source: make([]int32, steps*batch),
				Target: make([]int32, steps*batch)}
			for b := range batch {
				n := 1 + rng.IntN(steps-1)
				for s := range n {
					x.Source[s*batch+b], x.Target[s*batch+b] = int32(4+rng.IntN(5)), int32(4+rng.IntN(6))
				}
				x.Source[n*batch+b], x.Target[n*batch+b] = models.DefaultTokens.End, models.DefaultTokens.End
			}
			k++
			return m.Train(x, k, 0.01)
		}
	}
}

const trainingSteps = 5

// Training on the GPU gives the losses, and the norms of gradients, that it gives on the reference device.
func TestModels(t *testing.T) {
	for _, c := range trainings {
		t.Run(c.name, func(t *testing.T) {
			follows(t, c.open(t, cuda.New(sim.New(sim.Config{}))), c.open(t, ref.New()), trainingSteps, 1e-5)
		})
	}
}

func TestModelsByRows(t *testing.T) {
	rows := func(c *trainer.Training) { c.RowUpdates = true }
	for _, c := range softmaxes {
		t.Run(c.name, func(t *testing.T) {
			follows(t, c.open(t, cuda.New(sim.New(sim.Config{})), rows), c.open(t, ref.New(), rows), trainingSteps, 1e-5)
		})
	}
}

// follows checks that one training takes the steps of another: losses that differ by a part of at most the
// tolerance, and norms by ten times as much.
func follows(t *testing.T, got, want func() (loss, norm float64, err error), steps int, tolerance float64) {
	t.Helper()
	worst := 0.0
	for k := range steps {
		loss, norm, err := got()
		if err != nil {
			t.Fatal(err)
		}
		wantLoss, wantNorm, err := want()
		if err != nil {
			t.Fatal(err)
		}
		worst = math.Max(worst, math.Abs(loss-wantLoss)/wantLoss)
		if !(math.Abs(loss-wantLoss) <= tolerance*wantLoss) || !(math.Abs(norm-wantNorm) <= 10*tolerance*wantNorm) {
			t.Errorf("step %d: loss %v, norm %v, want %v and %v", k, loss, norm, wantLoss, wantNorm)
		}
	}
	t.Logf("the losses of %d steps differ by %.1e at most", steps, worst)
}
