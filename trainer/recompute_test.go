package trainer

import (
	"math/rand/v2"
	"reflect"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/tape"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/trainer/optim"
)

// leaky is a cell of a user, with a state that is not what the next layer reads:
//
//	m' = 0.9·m + tanh(x·W + h·U)
//	h' = tanh(m')
type leaky struct{ W, U *models.Linear }

func (leaky) NewCell(p *models.Params, in, hidden int) (models.Cell, error) {
	return leaky{models.NewLinear(p, "w", in, hidden), models.NewLinear(p, "u", hidden, hidden)}, nil
}

func (leaky) States() int { return 2 }

func (c leaky) Step(b *op.Builder, x *G.Node, states []*G.Node) []*G.Node {
	h, m := states[0], states[1]
	m = b.Add(b.Affine(m, 0.9, 0), b.Tanh(b.Add(c.W.Apply(b, x), c.U.Apply(b, h))))
	return []*G.Node{b.Tanh(m), m}
}

type forecasterStepper struct{ *Forecaster }

func (m forecasterStepper) take(t *testing.T, k int) (loss, norm float64) {
	t.Helper()
	x, err := m.Batch(sines(rand.New(rand.NewPCG(7, uint64(k))), 6))
	if err != nil {
		t.Fatal(err)
	}
	if loss, norm, err = m.Train(x, k, 0.5); err != nil {
		t.Fatal(err)
	}
	return loss, norm
}

// recomputed are models of all kinds that have a loop, with what is drawn, normalised, masked and left to the user.
var recomputed = map[string]func(Training, tape.Device) (stepper, *shared, error){
	"own cell":   recomputedLM(leaky{}),
	"layer norm": recomputedLM(models.CellConfig{Kind: "lstm", LayerNorm: true}),
	"bidirectional, scheduled sampling": func(c Training, d tape.Device) (stepper, *shared, error) {
		m, err := NewSeq2Seq(Seq2SeqConfig{
			Model: models.Seq2SeqConfig{
				Source: 8, Target: 8, Tokens: models.DefaultTokens, Cell: models.CellConfig{Kind: "lstm", LayerNorm: true},
				Embed: 8, Hidden: 16, Layers: 2, Bidirectional: true, Dropout: 0.3, Attention: models.Additive{},
				Feeding: true,
			},
			TeacherForcing: 0.5, Training: c, Device: d,
		})
		return seq2seqStepper{m}, m.shared, err
	},
	"masked": func(c Training, d tape.Device) (stepper, *shared, error) {
		m, err := NewClassifier(ClassifierConfig{
			Model: models.ClassifierConfig{
				Vocab: 3, Embed: 4, Cell: leaky{}, Hidden: 8, Layers: 2, Bidirectional: true, Dropout: 0.3,
				Pooling: "mean", Classes: 3,
			},
			Training: c, Device: d,
		})
		return classifierStepper{m}, m.shared, err
	},
	"forecaster":                recomputedForecaster(false, models.CellConfig{Kind: "gru"}),
	"autoregressive forecaster": recomputedForecaster(true, leaky{}),
}

func recomputedLM(cell models.CellKind) func(Training, tape.Device) (stepper, *shared, error) {
	return func(c Training, d tape.Device) (stepper, *shared, error) {
		m, err := NewLM(LMConfig{
			Model: models.LMConfig{Vocab: vocab, Cell: cell, Hidden: 8, Layers: 2, Embed: 4, Dropout: 0.3},
			Seq:   seq, Batch: 3, Training: c, Device: d,
		})
		return lmStepper{m}, m.shared, err
	}
}

func recomputedForecaster(
	autoregressive bool, cell models.CellKind,
) func(Training, tape.Device) (stepper, *shared, error) {
	return func(c Training, d tape.Device) (stepper, *shared, error) {
		config := sineConfig()
		config.Model.Cell, config.Model.Hidden, config.Model.Layers, config.Model.Dropout = cell, 8, 2, 0.3
		config.Model.Autoregressive, config.Model.Patch, config.Steps = autoregressive, 2, 12
		config.Training, config.Device = c, d
		if autoregressive {
			config.TeacherForcing = 0.5
		}
		m, err := NewForecaster(config)
		return forecasterStepper{m}, m.shared, err
	}
}

// Training in two parts that keeps every K-th state only gives the losses, norms and weights of training that keeps all,
// to the bit, for any number of threads.
func TestRecomputeInParts(t *testing.T) {
	for name, open := range recomputed {
		t.Run(name, func(t *testing.T) {
			train := func(k, threads int) (all []any) {
				c := Training{Seed: 3, Optimizer: optim.DefaultAdam, Clip: 1, Accumulate: 2, Recompute: k}
				m, s, err := open(c, cpu.New(cpu.Threads(threads)))
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				for step := range 2 {
					loss, norm := m.take(t, step)
					all = append(all, loss, norm)
				}
				if got := s.trained.Recompute(); got != k {
					t.Errorf("every %d-th state is kept, not every %d-th", got, k)
				}
				weights, err := m.Params()
				if err != nil {
					t.Fatal(err)
				}
				return append(all, weights)
			}
			want := train(0, 1)
			for _, k := range []int{1, 3} {
				if got := train(k, k); !reflect.DeepEqual(got, want) {
					t.Errorf("with segments of %d steps: %v, want %v", k, got[:4], want[:4])
				}
			}
		})
	}
}
