package trainer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/internal/setting"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
	"github.com/unroll-ml/unroll/trainer/parallel"
)

// shareRows is how many examples, or streams, a batch of these tests has.
const shareRows = 4

// sharedModel is a model that several processes train.
type sharedModel interface {
	Params() ([]graph.Tensor, error)
	TrainState() ([]graph.Tensor, error)
	Load(weights, state []graph.Tensor) error
	Close() error
}

// sharedTask makes a model, and takes its step k.
type sharedTask func(c Training) (m sharedModel, take func(k int) (loss, norm float64, err error), err error)

// sharedTasks are all tasks, each with parts that have different numbers of what a loss is a mean of: rows of padding
// alone, missing values, sentences of different lengths.
var sharedTasks = map[string]sharedTask{
	"language model": func(c Training) (sharedModel, func(int) (float64, float64, error), error) {
		m, err := NewLM(LMConfig{
			Model: models.LMConfig{Vocab: vocab, Cell: models.CellConfig{Kind: "lstm"}, Hidden: 6, Layers: 2, Embed: 4, Dropout: 0.4},
			Seq:   seq, Batch: shareRows / max(c.Accumulate, 1), Training: c, Device: cpu.New(cpu.Threads(1)),
		})
		return m, func(k int) (float64, float64, error) {
			in, out := make([]int32, seq*shareRows), make([]int32, seq*shareRows)
			for i := range in {
				in[i], out[i] = int32((k*13+i*i)%vocab), int32((k+3*i)%vocab)
			}
			return m.Train(in, out, k, 0.05)
		}, err
	},
	"classifier": func(c Training) (sharedModel, func(int) (float64, float64, error), error) {
		m, err := NewClassifier(ClassifierConfig{
			Model: models.ClassifierConfig{Vocab: 3, Embed: 4, Cell: models.CellConfig{Kind: "gru"}, Hidden: 6, Layers: 1, Classes: 3,
				Dropout: 0.4},
			Training: c, Device: cpu.New(cpu.Threads(1)),
		})
		return m, func(k int) (float64, float64, error) {
			x, classes, weights := shareExamples(k)
			return m.Train(x, classes, weights, k, 0.05)
		}, err
	},
	"regressor": func(c Training) (sharedModel, func(int) (float64, float64, error), error) {
		m, err := NewRegressor(RegressorConfig{
			Model: models.RegressorConfig{Vocab: 3, Embed: 4, Cell: models.CellConfig{Kind: "gru"}, Hidden: 6, Layers: 1,
				Dropout: 0.4},
			Training: c, Device: cpu.New(cpu.Threads(1)),
		})
		return m, func(k int) (float64, float64, error) {
			x, classes, weights := shareExamples(k)
			right := make([]float32, shareRows)
			for i, c := range classes {
				right[i] = float32(c)
			}
			return m.Train(x, right, weights, k, 0.05)
		}, err
	},
	"sequence to sequence": func(c Training) (sharedModel, func(int) (float64, float64, error), error) {
		m, err := NewSeq2Seq(Seq2SeqConfig{
			Model: models.Seq2SeqConfig{
				Source: 8, Target: 8, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "gru"}, Embed: 6, Hidden: 6,
				Layers: 1, Attention: models.General{}, Smoothing: 0.1, Dropout: 0.3,
			},
			TeacherForcing: 0.5, Training: c, Device: cpu.New(cpu.Threads(1)),
		})
		return m, func(k int) (float64, float64, error) {
			x := reversals(k, 1)
			for s := range x.TargetSteps { // a row that is no example: of four ranks one has nothing else
				x.Target[s*x.Batch+k%x.Batch] = models.DefaultTokens.Padding
			}
			return m.Train(x, k, 0.05)
		}, err
	},
	"tagger": func(c Training) (sharedModel, func(int) (float64, float64, error), error) {
		m, err := NewTagger(TaggerConfig{
			Model: models.TaggerConfig{Words: 9, Embed: 4, Cell: models.CellConfig{Kind: "gru"}, Hidden: 6, Layers: 1, Tags: 4,
				Bidirectional: true, CRF: true, Dropout: 0.3},
			Training: c, Device: cpu.New(cpu.Threads(1)),
		})
		return m, func(k int) (float64, float64, error) {
			r, n := rand.New(rand.NewPCG(1, uint64(k))), max(c.Accumulate, 1)
			parts := make([]Sentences, n)
			for i := range parts {
				lengths := slices.Repeat([]int{1 + i}, shareRows/n)
				lengths[0] = 5
				parts[i] = sentences(r, lengths...)
				parts[i].Different, parts[i].Letters, parts[i].Which, parts[i].Chars, parts[i].CharMask = 0, 0, nil, nil, nil
				parts[i].Weights = slices.Repeat([]float32{float32(i % 2)}, shareRows/n)
			}
			return m.Train(k, 0.05, parts...)
		}, err
	},
	"forecaster": func(c Training) (sharedModel, func(int) (float64, float64, error), error) {
		config := sineConfig()
		config.Model.Hidden, config.Model.Autoregressive, config.Model.Dropout = 6, true, 0.2
		config.TeacherForcing, config.Training = 0.5, c
		m, err := NewForecaster(config)
		return m, func(k int) (float64, float64, error) {
			windows := sines(rand.New(rand.NewPCG(2, uint64(k))), shareRows)
			windows[0].Future[0] = []float64{1, missing, missing, missing, missing, missing, missing, missing}
			x, err := m.Batch(windows)
			if err != nil {
				return 0, 0, err
			}
			return m.Train(x, k, 0.05)
		}, err
	},
}

// shareExamples are some of 2 to 4 tokens; the last two are none.
func shareExamples(k int) (x Sequences, classes []int32, weights []float32) {
	const steps = 4
	x = Sequences{Steps: steps, Batch: shareRows, Tokens: make([]int32, steps*shareRows), Mask: make([]float32, steps*shareRows)}
	classes, weights = make([]int32, shareRows), make([]float32, shareRows)
	for b := range shareRows - 1 {
		for s := range 2 + b%3 {
			x.Tokens[s*shareRows+b], x.Mask[s*shareRows+b] = int32((k+s*s+b)%3), 1
		}
		classes[b], weights[b] = int32((k+b)%3), 1
	}
	return x, classes, weights
}

// hard has all that looks at gradients of a whole batch, or at weights: clipping, an average, the scaling of the loss.
var hard = Training{
	Seed: 3, Optimizer: optim.DefaultAdam, Clip: 0.05, ClipValue: 0.02, Average: 0.9, Scaling: optim.DefaultLossScaling,
}

// moment is what a training has after a step.
type moment struct {
	loss, norm     float64
	weights, state []graph.Tensor
}

// train takes steps of a task in so many parts, which so many processes share; it gives what each has after each step.
// from, if it is not nil, is where it goes on.
func (task sharedTask) train(t *testing.T, c Training, parts, ranks, first, last int, from *moment) [][]moment {
	t.Helper()
	c.Accumulate = parts
	world := parallel.Local(ranks)
	moments, errs := make([][]moment, ranks), make([]error, ranks)
	var all sync.WaitGroup
	for r, communicator := range world {
		all.Go(func() {
			c := c
			c.World = communicator
			moments[r], errs[r] = task.steps(c, first, last, from)
			if errs[r] != nil {
				communicator.Abort(errs[r])
			}
		})
	}
	all.Wait()
	for r, err := range errs {
		if err != nil {
			t.Fatalf("rank %d of %d: %v", r, ranks, err)
		}
	}
	return moments
}

func (task sharedTask) steps(c Training, first, last int, from *moment) (after []moment, err error) {
	m, take, err := task(c)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if from != nil {
		if err := m.Load(from.weights, from.state); err != nil {
			return nil, err
		}
	}
	for k := first; k < last; k++ {
		var at moment
		if at.loss, at.norm, err = take(k); err != nil {
			return nil, err
		}
		if at.weights, err = m.Params(); err != nil {
			return nil, err
		}
		if at.state, err = m.TrainState(); err != nil {
			return nil, err
		}
		after = append(after, at)
	}
	return after, nil
}

// differ says in what two moments differ by more than a tolerance, relative for numbers larger than 1; "" if in nothing.
func (a moment) differ(b moment, tolerance float64) string {
	far := func(x, y float64) bool { return x != y && !(abs64(x-y) <= tolerance*max(1, abs64(x))) }
	if far(a.loss, b.loss) || far(a.norm, b.norm) {
		return fmt.Sprintf("loss %v and %v, norm %v and %v", a.loss, b.loss, a.norm, b.norm)
	}
	all := slices.Concat(a.weights, a.state)
	others := slices.Concat(b.weights, b.state)
	if len(all) != len(others) {
		return fmt.Sprintf("%d and %d tensors", len(all), len(others))
	}
	for i, x := range all {
		y := others[i]
		if x.Name != y.Name || !slices.Equal(x.Shape, y.Shape) {
			return fmt.Sprintf("%s %v and %s %v", x.Name, x.Shape, y.Name, y.Shape)
		}
		for k, v := range x.Data.([]float32) {
			if w := y.Data.([]float32)[k]; far(float64(v), float64(w)) {
				return fmt.Sprintf("%s[%d]: %v and %v", x.Name, k, v, w)
			}
		}
	}
	return ""
}

func abs64(x float64) float64 { return max(x, -x) }

// Processes that share the parts of batches train as one that computes all: to the bit where parts are added up in the
// same order, and after every step all have the same.
func TestWorld(t *testing.T) {
	const steps = 5
	for name, task := range sharedTasks {
		t.Run(name, func(t *testing.T) {
			all := []int{2, 4}
			if testing.Short() {
				all = all[:1]
			}
			for _, parts := range all {
				want := task.train(t, hard, parts, 1, 0, steps, nil)[0]
				if want[0].loss == want[steps-1].loss || !(want[0].norm > hard.Clip) {
					t.Fatalf("losses %v and %v, norm %v: nothing is learned or clipped", want[0].loss, want[steps-1].loss, want[0].norm)
				}
				for ranks := 2; ranks <= parts; ranks *= 2 {
					exact := 0.0
					if ranks < parts { // (1+2)+(3+4), not ((1+2)+3)+4
						exact = 1e-6
					}
					got := task.train(t, hard, parts, ranks, 0, steps, nil)
					for r := range got {
						for k, m := range got[r] {
							if d := m.differ(want[k], exact); d != "" {
								t.Fatalf("%d parts, rank %d of %d, step %d: %s", parts, r, ranks, k, d)
							}
							if d := m.differ(got[0][k], 0); d != "" {
								t.Fatalf("%d parts, ranks 0 and %d of %d, step %d: %s", parts, r, ranks, k, d)
							}
						}
					}
				}
			}
		})
	}
}

// A training goes on with another number of processes: 4, then 2, then 1.
func TestWorldGoesOn(t *testing.T) {
	for name, task := range sharedTasks {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "language model" {
				t.Skip("the one that carries a state, in short tests")
			}
			want := task.train(t, hard, 4, 1, 0, 6, nil)[0]
			four := task.train(t, hard, 4, 4, 0, 2, nil)[0]
			two := task.train(t, hard, 4, 2, 2, 4, &four[1])[1]
			one := task.train(t, hard, 4, 1, 4, 6, &two[1])[0]
			for k, m := range slices.Concat(four, two, one) {
				tolerance := 1e-6
				if k < 2 {
					tolerance = 0
				}
				if d := m.differ(want[k], tolerance); d != "" {
					t.Fatalf("step %d: %s", k, d)
				}
			}
		})
	}
}

// Parts that cannot be shared equally are refused.
func TestWorldRefuses(t *testing.T) {
	c := hard
	c.Accumulate, c.World = 4, parallel.Local(3)[1]
	var wrong *setting.Error
	if err := c.Check(); !errors.As(err, &wrong) || wrong.Setting != "Accumulate" {
		t.Errorf("4 parts for 3 processes: %v", err)
	}
	c.World = parallel.Local(1)[0]
	if err := c.Check(); err != nil || c.apart() {
		t.Errorf("a world of one: %v, apart %v", err, c.apart())
	}
	c = Training{Optimizer: optim.DefaultAdam, RowUpdates: true, Accumulate: 2, World: parallel.Local(2)[0]}
	if err := c.Check(); !errors.As(err, &wrong) || wrong.Setting != "Rows" {
		t.Errorf("updates of rows by two processes: %v", err)
	}
}

// A number that is not finite on one process keeps all of them from taking the step, and it is said on which it was.
func TestWorldNotFinite(t *testing.T) {
	c := Training{Seed: 1, Optimizer: optim.SGD{}, Accumulate: 3}
	var all sync.WaitGroup
	for _, communicator := range parallel.Local(3) {
		all.Go(func() {
			c := c
			c.World = communicator
			m, err := NewRegressor(RegressorConfig{
				Model:    models.RegressorConfig{Input: 1, Cell: models.CellConfig{Kind: "gru"}, Hidden: 3, Layers: 1},
				Training: c, Device: cpu.New(cpu.Threads(1)),
			})
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Close()
			before, _ := m.Params()
			infinite := float32(math.Inf(1))
			x := Sequences{Steps: 1, Batch: 3, Vectors: []float32{1, 1, 1}}
			loss, _, err := m.Train(x, []float32{0, infinite, 0}, []float32{1, 1, 1}, 0, 0.1)
			if err != nil || !(math.IsInf(loss, 1) || math.IsNaN(loss)) {
				t.Errorf("rank %d: the loss is %v, %v", communicator.Rank(), loss, err)
			}
			what, _, err := m.NonFinite()
			if err != nil || !strings.HasSuffix(what, " on rank 1") {
				t.Errorf("rank %d: %q, %v", communicator.Rank(), what, err)
			}
			if after, _ := m.Params(); farthest(before, after) != 0 {
				t.Errorf("rank %d has taken the step", communicator.Rank())
			}
		})
	}
	all.Wait()
}

// hollow is a model of v and w with a loss that is finite at x = 0, where its derivative by w is not.
func hollow(b *op.Builder, p *models.Params, _ struct{}) (*Graph, error) {
	x := G.NewVector(b.Graph(), tensor.Float32, G.WithShape(1), G.WithName("x"))
	v, w := p.Constant("v", 1, 1), p.Constant("w", 1, 1)
	loss := b.Sum(b.Add(b.Sqrt(b.Mul(b.Square(x), w)), b.Square(b.Sub(x, v))))
	return &Graph{Inputs: G.Nodes{x}, Loss: loss}, nil
}

// Of a gradient that is not finite on one process, though all losses are, it is said whose it is, and on which. That this
// is looked at costs no memory: gradients are still summed where they are, unless they are sums of several parts.
func TestWorldGradientNotFinite(t *testing.T) {
	for _, xs := range [][]float32{{1, 0}, {1, 2, 0, 3}} {
		var all sync.WaitGroup
		for _, communicator := range parallel.Local(2) {
			all.Go(func() {
				m, err := NewLearner(LearnerConfig[struct{}]{Declare: hollow, Device: cpu.New(cpu.Threads(1)),
					Training: Training{Optimizer: optim.SGD{}, Accumulate: len(xs), World: communicator}})
				if err != nil {
					t.Error(err)
					communicator.Abort(err)
					return
				}
				defer m.Close()
				var parts [][]any
				for _, x := range xs {
					parts = append(parts, []any{[]float32{x}})
				}
				loss, norm, err := m.Train(struct{}{}, 0, 0.1, parts...)
				if err != nil || loss-loss != 0 || norm-norm == 0 {
					t.Errorf("rank %d: loss %v, norm %v, %v", communicator.Rank(), loss, norm, err)
				}
				if what, _, err := m.NonFinite(); err != nil || what != "the gradient of w on rank 1" {
					t.Errorf("rank %d: %q, %v", communicator.Rank(), what, err)
				}
				at := slices.IndexFunc(m.trained.Tape().Code, func(i tape.Instr) bool { _, is := i.(*tape.AllReduce); return is })
				sum := m.trained.Tape().Code[at].(*tape.AllReduce)
				if len(xs) == 2 && fmt.Sprint(sum.In) != fmt.Sprint(sum.Out) {
					t.Errorf("gradients are not summed where they are: %v", sum)
				}
			})
		}
		all.Wait()
	}
}
