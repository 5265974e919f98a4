package doors

import (
	"maps"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer"
	"github.com/unroll-ml/unroll/trainer/optim"
)

var (
	training = trainer.Training{Seed: 1, Optimizer: optim.DefaultAdam, Clip: 1, ClipValue: 1, Accumulate: 1,
		Average: 0.9, Scaling: optim.DefaultLossScaling}
	lmConfig  = trainer.LMConfig{Model: lm, Seq: 3, Batch: 2, Training: training, Device: ref.New()}
	inputs    = []int32{0, 1, 2, 3, 4, 0}
	targets   = []int32{2, 3, 4, 0, 1, 2}
	ones      = []float32{1, 1, 1, 1, 1, 1}
	forTokens = trainer.Sequences{Steps: 3, Batch: 2, Tokens: inputs, Mask: ones}
	classes   = []int32{0, 2}
	pairs     = trainer.Translations{SourceSteps: 3, TargetSteps: 2, Batch: 2, Source: []int32{4, 5, 5, 3, 3, 0},
		Target: []int32{4, 6, 3, 3}}
)

// together are two models that translate together.
func together(t *testing.T) trainer.Seq2Seqs { return trainer.Seq2Seqs{newSeq2Seq(t), newSeq2Seq(t)} }

func newLM(t *testing.T) *trainer.LM { return opened(t, trainer.NewLM, lmConfig) }
func newClassifier(t *testing.T) *trainer.Classifier {
	return opened(t, trainer.NewClassifier, classifierConfig())
}
func newRegressor(t *testing.T) *trainer.Regressor {
	return opened(t, trainer.NewRegressor, regressorConfig())
}
func newSeq2Seq(t *testing.T) *trainer.Seq2Seq { return opened(t, trainer.NewSeq2Seq, seq2seqConfig()) }

func classifierConfig() trainer.ClassifierConfig {
	return trainer.ClassifierConfig{Model: classifier, Training: training, Device: ref.New()}
}

func regressorConfig() trainer.RegressorConfig {
	return trainer.RegressorConfig{Model: regressor, Training: training, Device: ref.New()}
}

func seq2seqConfig() trainer.Seq2SeqConfig {
	return trainer.Seq2SeqConfig{Model: seq2seq, TeacherForcing: 0.5, Training: training, Device: ref.New()}
}

// opened gives what a constructor of trainer gives, or fails.
func opened[M interface{ Close() error }, C any](t *testing.T, make func(C) (M, error), c C) M {
	t.Helper()
	m, err := make(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// learnerConfig is a model of w·x, where a shape is the length of x.
func learnerConfig() trainer.LearnerConfig[int] {
	return trainer.LearnerConfig[int]{
		Declare: func(b *op.Builder, p *models.Params, n int) (*trainer.Graph, error) {
			x := G.NewVector(b.Graph(), tensor.Float32, G.WithShape(n), G.WithName("x"))
			return &trainer.Graph{Inputs: G.Nodes{x}, Loss: b.Mean(b.Square(b.Mul(x, p.Uniform("w", 1, 1))))}, nil
		},
		Shape: 2, Training: training, Device: ref.New(),
	}
}

func newLearner(t *testing.T) *trainer.Learner[int] {
	return opened(t, trainer.NewLearner, learnerConfig())
}

// loss is a loss of a parameter of two numbers in a graph of its own.
func loss(of tensor.Dtype) (b *op.Builder, loss, w *G.Node) {
	b = op.New(G.NewGraph())
	w = G.NewVector(b.Graph(), of, G.WithShape(2), G.WithName("w"))
	return b, b.Mean(b.Square(w)), w
}

func stepConfig() (*op.Builder, optim.StepConfig) {
	b, loss, w := loss(tensor.Float32)
	state := G.NewVector(b.Graph(), tensor.Float32, G.WithShape(2), G.WithName("state"))
	return b, optim.StepConfig{
		Device: ref.New(), Loss: loss, Params: G.Nodes{w}, Carried: []graph.Update{{State: state, Value: b.Add(state, w)}},
		Optimizer: optim.Decoupled(optim.DefaultAdam, 0.1), Clip: 1, ClipValue: 1, Average: 0.9,
		Scaling: optim.DefaultLossScaling,
	}
}

func newStep(t *testing.T) *optim.Step {
	b, c := stepConfig()
	s, err := optim.NewStep(b, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// probe is an optimizer that tries a method of States.
type probe struct {
	f func(s *optim.States, p optim.Param) error
}

func (p probe) Updates(b *op.Builder, s *optim.States, params []optim.Param) []graph.Update {
	if err := p.f(s, params[0]); err != nil {
		b.Fail(err)
	}
	return nil
}

func updates(o optim.Optimizer) func(*testing.T) call {
	return func(*testing.T) call {
		return call{func(o optim.Optimizer) error {
			return updatesOf(o)
		}, []any{o}}
	}
}

func init() {
	doors = append(doors, door{"trainer", map[string]func(t *testing.T) call{
		"NewLM": func(*testing.T) call {
			return call{func(c trainer.LMConfig) error {
				m, err := trainer.NewLM(c)
				if err != nil {
					return err
				}
				defer m.Close()
				_, _, err = m.Train(inputs, targets, 0, 0.1)
				return err
			}, []any{lmConfig}}
		},
		"NewClassifier": func(*testing.T) call {
			return call{func(c trainer.ClassifierConfig) error {
				m, err := trainer.NewClassifier(c)
				if err != nil {
					return err
				}
				defer m.Close()
				_, _, err = m.Train(forTokens, classes, ones[:2], 0, 0.1)
				return err
			}, []any{classifierConfig()}}
		},
		"NewRegressor": func(*testing.T) call {
			return call{func(c trainer.RegressorConfig) error {
				m, err := trainer.NewRegressor(c)
				if err != nil {
					return err
				}
				defer m.Close()
				_, _, err = m.Train(forTokens, ones[:2], ones[:2], 0, 0.1)
				return err
			}, []any{regressorConfig()}}
		},
		"Regressor.Train": func(t *testing.T) call {
			return call{newRegressor(t).Train, []any{forTokens, ones[:2], ones[:2], 0, 0.1}}
		},
		"Regressor.Predict": func(t *testing.T) call { return call{newRegressor(t).Predict, []any{forTokens}} },
		"Regressor.Eval":    func(t *testing.T) call { return call{newRegressor(t).Eval, []any{forTokens, ones[:2], ones[:2]}} },
		"NewSeq2Seq": func(*testing.T) call {
			return call{func(c trainer.Seq2SeqConfig) error {
				m, err := trainer.NewSeq2Seq(c)
				if err != nil {
					return err
				}
				defer m.Close()
				_, _, err = m.Train(pairs, 0, 0.1)
				return err
			}, []any{seq2seqConfig()}}
		},
		"NewLearner": func(*testing.T) call {
			return call{func(c trainer.LearnerConfig[int]) error {
				m, err := trainer.NewLearner(c)
				if err != nil {
					return err
				}
				defer m.Close()
				_, _, err = m.Train(2, 0, 0.1, []any{[]float32{1, 2}})
				return err
			}, []any{learnerConfig()}}
		},
		"Learner.Train": func(t *testing.T) call {
			return call{newLearner(t).Train, []any{2, 0, 0.1, [][]any{{[]float32{1, 2}}}}}
		},
		"Learner.Run":    func(t *testing.T) call { return call{newLearner(t).Run, []any{2, []any{[]float32{1, 2}}}} },
		"LM.Train":       func(t *testing.T) call { return call{newLM(t).Train, []any{inputs, targets, 0, 0.1}} },
		"LM.Eval":        func(t *testing.T) call { return call{newLM(t).Eval, []any{inputs, targets, ones}} },
		"LM.Next":        func(t *testing.T) call { return call{newLM(t).Next, []any{int32(1)}} },
		"LM.ResetTrain":  func(t *testing.T) call { return call{newLM(t).ResetTrain, nil} },
		"LM.ResetEval":   func(t *testing.T) call { return call{newLM(t).ResetEval, nil} },
		"LM.ResetSample": func(t *testing.T) call { return call{newLM(t).ResetSample, nil} },
		"LM.SampleState": func(t *testing.T) call { return call{sampled(t).SampleState, nil} },
		"LM.SetSampleState": func(t *testing.T) call {
			m := sampled(t)
			state, err := m.SampleState()
			if err != nil {
				t.Fatal(err)
			}
			return call{m.SetSampleState, []any{state}}
		},
		"shared.Plan": func(t *testing.T) call {
			m := newLM(t)
			return call{m.Plan, []any{func() error { _, _, err := m.Train(inputs, targets, 0, 0.1); return err }}}
		},
		"shared.Params":     func(t *testing.T) call { return call{newLM(t).Params, nil} },
		"shared.TrainState": func(t *testing.T) call { return call{newLM(t).TrainState, nil} },
		"shared.NonFinite": func(t *testing.T) call {
			m := newLM(t)
			if _, _, err := m.Train(inputs, targets, 0, 0.1); err != nil {
				t.Fatal(err)
			}
			return call{m.NonFinite, nil}
		},
		"shared.Load": func(t *testing.T) call {
			m := newLM(t)
			if _, _, err := m.Train(inputs, targets, 0, 0.1); err != nil {
				t.Fatal(err)
			}
			weights, err := m.Params()
			if err != nil {
				t.Fatal(err)
			}
			state, err := m.TrainState()
			if err != nil {
				t.Fatal(err)
			}
			return call{m.Load, []any{weights, state}}
		},
		"Classifier.Train": func(t *testing.T) call {
			return call{newClassifier(t).Train, []any{forTokens, classes, ones[:2], 0, 0.1}}
		},
		"Classifier.Eval":  func(t *testing.T) call { return call{newClassifier(t).Eval, []any{forTokens, classes, ones[:2]}} },
		"Classifier.Judge": func(t *testing.T) call { return call{newClassifier(t).Judge, []any{forTokens, classes, ones[:2]}} },
		"Classifiers.Judge": func(t *testing.T) call {
			m := trainer.Classifiers{newClassifier(t), newClassifier(t)}
			return call{m.Judge, []any{forTokens, classes, ones[:2]}}
		},
		"Classifiers.LogProbs": func(t *testing.T) call {
			return call{trainer.Classifiers{newClassifier(t), newClassifier(t)}.LogProbs, []any{forTokens}}
		},
		"Classifier.Logits": func(t *testing.T) call { return call{newClassifier(t).Logits, []any{forTokens}} },
		"Seq2Seq.Train":     func(t *testing.T) call { return call{newSeq2Seq(t).Train, []any{pairs, 0, 0.1}} },
		"Seq2Seq.Eval":      func(t *testing.T) call { return call{newSeq2Seq(t).Eval, []any{pairs}} },
		"Seq2Seq.Greedy":    func(t *testing.T) call { return call{newSeq2Seq(t).Greedy, []any{pairs.Source, 2, 3}} },
		"Seq2Seq.Search": func(t *testing.T) call {
			return call{newSeq2Seq(t).Search, []any{pairs.Source, 2,
				decode.Beam{Width: 2, Best: 1, MaxLength: 3, Limits: []int{2, 3}, Length: 1, Coverage: 1}}}
		},
		"Seq2Seq.Sample": func(t *testing.T) call {
			random := []*rand.Rand{rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(1, 2))}
			return call{newSeq2Seq(t).Sample, []any{pairs.Source, 2, 2, []int{3, 3},
				decode.Sampling{Temperature: 1, TopK: 3, TopP: 0.9}, random}}
		},
		"Seq2Seqs.Search": func(t *testing.T) call {
			return call{together(t).Search, []any{pairs.Source, 2, decode.Beam{Width: 2, Best: 1, MaxLength: 3}}}
		},
		"Seq2Seqs.Sample": func(t *testing.T) call {
			random := []*rand.Rand{rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(1, 2))}
			return call{together(t).Sample, []any{pairs.Source, 2, 2, []int{3, 3},
				decode.Sampling{Temperature: 1, TopK: 3, TopP: 0.9}, random}}
		},
		"Training.Check": func(*testing.T) call {
			return call{func(c trainer.Training) error { return c.Check() }, []any{training}}
		},
		"LMConfig.Check": func(*testing.T) call {
			return call{func(c trainer.LMConfig) error { return c.Check() }, []any{lmConfig}}
		},
		"Seq2SeqConfig.Check": func(*testing.T) call {
			return call{func(c trainer.Seq2SeqConfig) error { return c.Check() },
				[]any{trainer.Seq2SeqConfig{TeacherForcing: 1, Training: training}}}
		},
		"Weights": func(*testing.T) call { return call{trainer.Weights, []any{any(lm)}} },
		"CheckGradients": func(*testing.T) call {
			b, loss, w := loss(tensor.Float64)
			return call{trainer.CheckGradients, []any{b, loss, G.Nodes{w}, trainer.GradientCheck{}}}
		},
	}}, door{"trainer/optim", map[string]func(t *testing.T) call{
		"NewStep":  func(*testing.T) call { b, c := stepConfig(); return call{optim.NewStep, []any{b, c}} },
		"Step.Set": func(t *testing.T) call { s := newStep(t); return call{s.Set, []any{s.Rate, []float32{0.1}}} },
		"Step.Run": func(t *testing.T) call {
			s := newStep(t)
			if err := s.Set(s.Rate, []float32{0.1}); err != nil {
				t.Fatal(err)
			}
			return call{s.Run, nil}
		},
		"StepConfig.CheckSettings": func(*testing.T) call {
			_, c := stepConfig()
			return call{func(c optim.StepConfig) error { return c.CheckSettings() }, []any{c}}
		},
		"StepConfig.DeclareStates": func(*testing.T) call {
			b, c := stepConfig()
			return call{func(b *op.Builder, c optim.StepConfig) error { _, err := c.DeclareStates(b); return err }, []any{b, c}}
		},
		"States.ScalarFrom": func(*testing.T) call {
			return call{func(x float64, name string) error {
				return updatesOf(probe{func(s *optim.States, p optim.Param) error {
					_, err := s.ScalarFrom(x, name, p.Weight.Dtype())
					return err
				}})
			}, []any{1.0, "state"}}
		},
		"Adam.Updates":    updates(optim.DefaultAdam),
		"Adam.Check":      func(*testing.T) call { return call{optim.Adam.Check, []any{optim.DefaultAdam}} },
		"SGD.Updates":     updates(optim.SGD{Momentum: 0.9, Nesterov: true}),
		"SGD.Check":       func(*testing.T) call { return call{optim.SGD.Check, []any{optim.SGD{}}} },
		"RMSProp.Updates": updates(optim.DefaultRMSProp),
		"RMSProp.Check":   func(*testing.T) call { return call{optim.RMSProp.Check, []any{optim.DefaultRMSProp}} },
		"Adagrad.Updates": updates(optim.DefaultAdagrad),
		"Adagrad.Check":   func(*testing.T) call { return call{optim.Adagrad.Check, []any{optim.DefaultAdagrad}} },
		"Groups.Updates":  updates(optim.Decoupled(optim.DefaultAdam, 0.1)),
		"Group.Check":     func(*testing.T) call { return call{optim.Group.Check, []any{optim.Group{Rate: 1}}} },
		"Groups.Check":    func(*testing.T) call { return call{optim.Groups.Check, []any{optim.Decoupled(optim.DefaultAdam, 0.1)}} },
	}})
	maps.Copy(doors[len(doors)-2].calls, trainedForecasterDoors())
}

// updatesOf compiles a step with an optimizer.
func updatesOf(o optim.Optimizer) error {
	b, c := stepConfig()
	c.Optimizer, c.Average = o, 0
	_, err := c.DeclareStates(b)
	return err
}

// sampled is a language model that has read a token.
func sampled(t *testing.T) *trainer.LM {
	t.Helper()
	m := newLM(t)
	if _, err := m.Next(1); err != nil {
		t.Fatal(err)
	}
	return m
}
