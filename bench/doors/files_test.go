package doors

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	G "gorgonia.org/gorgonia"

	"github.com/unroll-ml/unroll/graph"
	"github.com/unroll-ml/unroll/graph/op"
	"github.com/unroll-ml/unroll/graph/ref"
	"github.com/unroll-ml/unroll/internal/events"
	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/models"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/metrics"
)

func contents() checkpoint.Contents {
	return checkpoint.Contents{
		Step:      3,
		Weights:   []checkpoint.Tensor{{Name: "w", Shape: []int{2, 1}, Data: []float32{1, 2}}},
		Optimizer: []checkpoint.Tensor{{Name: "m", Shape: []int{2}, Data: []float32{1, 2}}},
		State:     map[string]int{"a": 1},
	}
}

// here is the folder in which the test stands.
func here(t *testing.T) *os.Root { return held(t, ".") }

func held(t *testing.T, dir string) *os.Root {
	t.Helper()
	in, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

// saved is where the checkpoint "saved" is.
func saved(t *testing.T) checkpoint.Dir {
	t.Helper()
	d := checkpoint.In(here(t))
	if err := d.Save("saved", 2, contents()); err != nil {
		t.Fatal(err)
	}
	return d
}

func folder(t *testing.T) *checkpoint.Folder {
	t.Helper()
	f, err := saved(t).Open("saved")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func init() {
	doors = append(doors, door{"trainer/checkpoint", map[string]func(t *testing.T) call{
		"Open":        func(t *testing.T) call { saved(t); return call{checkpoint.Open, []any{"saved"}} },
		"Dir.Save":    func(t *testing.T) call { return call{saved(t).Save, []any{"saved", 2, contents()}} },
		"Dir.Open":    func(t *testing.T) call { return call{saved(t).Open, []any{"saved"}} },
		"Dir.Drop":    func(t *testing.T) call { return call{saved(t).Drop, []any{"saved"}} },
		"Dir.Foreign": func(t *testing.T) call { return call{saved(t).Foreign, []any{"saved"}} },
		"Dir.GoBack":  func(t *testing.T) call { return call{saved(t).GoBack, []any{"saved", []string(nil)}} },
		"Dir.Past":    func(t *testing.T) call { return call{saved(t).Past, []any{"saved"}} },
		"Dir.Recover": func(t *testing.T) call { return call{saved(t).Recover, []any{"saved", 1}} },
		"Dir.Remove":  func(t *testing.T) call { return call{saved(t).Remove, []any{"saved"}} },
		"Dir.Scratch": func(t *testing.T) call { return call{saved(t).Scratch, []any{"file"}} },
		"Dir.Sweep":   func(t *testing.T) call { return call{saved(t).Sweep, []any{[]string{"log"}}} },
		"Unwritten":   func(*testing.T) call { return call{checkpoint.Unwritten, []any{"file", int64(3), nil}} },
		"Dir.Write": func(t *testing.T) call {
			return call{saved(t).Write, []any{"file", func(w io.Writer) error { _, err := w.Write([]byte("text")); return err }}}
		},
		"Dir.WriteFile": func(t *testing.T) call { return call{saved(t).WriteFile, []any{"file", []byte("text")}} },
		"WriteTensors": func(*testing.T) call {
			return call{checkpoint.WriteTensors, []any{&bytes.Buffer{}, contents().Weights}}
		},
		"Folder.Optimizer": func(t *testing.T) call { return call{folder(t).Optimizer, nil} },
		"Folder.Weights":   func(t *testing.T) call { return call{folder(t).Weights, nil} },
		"Folder.Fits":      func(t *testing.T) call { return call{folder(t).Fits, []any{contents().Weights}} },
		"Folder.Verify":    func(t *testing.T) call { return call{folder(t).Verify, nil} },
		"Folder.State":     func(t *testing.T) call { return call{folder(t).State, []any{&map[string]int{}}} },
		"ReadTensors": func(t *testing.T) call {
			var b bytes.Buffer
			if err := checkpoint.WriteTensors(&b, contents().Weights); err != nil {
				t.Fatal(err)
			}
			return call{checkpoint.ReadTensors, []any{&b, int64(b.Len())}}
		},
	}}, door{"internal/runlog", map[string]func(t *testing.T) call{
		"Read": func(t *testing.T) call {
			return call{runlog.Read, []any{file(t, "log", "{\"event\":\"step\",\"step\":1}\n")}}
		},
		"Open": func(t *testing.T) call {
			return call{runlog.Open, []any{here(t), file(t, "log", "{\"event\":\"step\",\"step\":1}\n"), 1}}
		},
		"Float.MarshalJSON":   func(*testing.T) call { return call{runlog.Float.MarshalJSON, []any{runlog.Float(1)}} },
		"Float.UnmarshalJSON": func(*testing.T) call { return call{new(runlog.Float).UnmarshalJSON, []any{[]byte("1.5")}} },
		"Log.Append": func(t *testing.T) call {
			return call{logged(t).Append, []any{any(map[string]any{"event": "step", "step": 2})}}
		},
		"Follower.Next": func(t *testing.T) call {
			return call{func(path string) ([]runlog.Entry, bool, error) { return runlog.Follow(path).Next() },
				[]any{file(t, "log", "{\"event\":\"step\",\"step\":1}\n")}}
		},
		"Log.Sync": func(t *testing.T) call { return call{logged(t).Sync, nil} },
	}}, door{"internal/events", map[string]func(t *testing.T) call{
		"Create": func(t *testing.T) call { return call{events.Create, []any{here(t), 0}} },
		"Writer.Write": func(t *testing.T) call {
			w, err := events.Create(here(t), 0)
			if err != nil {
				t.Fatal(err)
			}
			return call{w.Write, []any{1, []events.Scalar{{Tag: "loss", Value: 1}}}}
		},
	}}, door{"trainer/metrics", map[string]func(t *testing.T) call{
		"Tops": func(*testing.T) call {
			x := newBench()
			return call{metrics.Tops, []any{x.b, x.vector, x.at, []int{1, 2}}}
		},
		"NewForecasts": func(*testing.T) call {
			return call{metrics.NewForecasts, []any{24, []float64{0.1, 0.9}}}
		},
		"Forecasts.Add": func(*testing.T) call {
			return call{func(season int, id string, history, actual, forecast []float64, quantiles [][]float64) error {
				f, err := metrics.NewForecasts(season, []float64{0.1, 0.9})
				if err != nil {
					return err
				}
				if err := f.Add(id, history, actual, forecast, quantiles); err != nil {
					return err
				}
				f.Total()
				return nil
			}, []any{2, "a", []float64{1, 5, 1, 5, 1, 5}, []float64{1, 5}, []float64{2, 4}, [][]float64{{1, 3}, {3, 6}}}}
		},
		"BLEU.Check": func(*testing.T) call { return call{metrics.BLEU.Check, []any{metrics.BLEU{}}} },
		"BLEU.Corpus": func(*testing.T) call {
			return call{metrics.BLEU.Corpus, []any{metrics.BLEU{}, []string{"a b c d e"}, metrics.One([]string{"a b c d e"})}}
		},
		"BLEU.Sentence": func(*testing.T) call {
			return call{metrics.BLEU.Sentence, []any{metrics.BLEU{}, "a b c d e", []string{"a b c d e"}}}
		},
		"ChrF.Corpus": func(*testing.T) call {
			return call{metrics.ChrF.Corpus, []any{metrics.ChrF{}, []string{"a b c"}, metrics.One([]string{"a b c"})}}
		},
	}}, door{"models/decode", map[string]func(t *testing.T) call{
		"CheckFinite":            func(*testing.T) call { return call{decode.CheckFinite[float32], []any{[]float32{1, 2}}} },
		"Sampling.Check":         func(*testing.T) call { return call{decode.Sampling.Check, []any{sampling}} },
		"Sampling.Probabilities": func(*testing.T) call { return call{decode.Sampling.Probabilities, []any{sampling, []float64{1, 2, 3}}} },
		"Sampling.Draw": func(*testing.T) call {
			return call{decode.Sampling.Draw, []any{sampling, []float64{1, 2, 3}, rand.New(rand.NewPCG(1, 1))}}
		},
		"Lengths.Check": func(*testing.T) call {
			return call{func(l decode.Lengths) error { return l.Check() }, []any{decode.Lengths{Mean: 1, Deviation: 0.1,
				Longest: []decode.Reach{{Source: 2, Target: 3}, {Source: 4, Target: 5}}}}}
		},
		"Beam.Check": func(*testing.T) call {
			return call{decode.Beam.Check, []any{decode.Beam{Width: 2, Best: 1, MaxLength: 3, Tokens: models.DefaultTokens}}}
		},
		"Beam.Search": func(t *testing.T) call {
			s, lengths := stepper(t)
			return call{decode.Beam.Search, []any{decode.Beam{Width: 2, Best: 1, MaxLength: 3, Tokens: models.DefaultTokens},
				s, lengths}}
		},
		"Sampling.Sequences": func(t *testing.T) call {
			s, lengths := stepper(t)
			random := []*rand.Rand{rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(1, 2))}
			return call{decode.Sampling.Sequences, []any{sampling, s, lengths, 2, []int{3, 3}, models.DefaultTokens, random}}
		},
		"SourceStepper.Read":   func(t *testing.T) call { s, _ := stepper(t); return call{s.Read, []any{pairs.Source}} },
		"SourceStepper.Narrow": func(t *testing.T) call { s, _ := stepper(t); return call{s.Narrow, []any{[]int{1}}} },
		"SourceStepper.Step": func(t *testing.T) call {
			s, _ := stepper(t)
			return call{s.Step, []any{[]int32{2, 2, 2, 2}, []int32{0, 1, 2, 3}}}
		},
	}})
}

var sampling = decode.Sampling{Temperature: 1, TopK: 2, TopP: 0.9}

func logged(t *testing.T) *runlog.Log {
	t.Helper()
	l, err := runlog.Open(held(t, t.TempDir()), "log", 0) // one of its own: what is tried may not be a line of a log
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// stepper stands at the beginning of the sources of pairs, in two rows each.
func stepper(t *testing.T) (*decode.SourceStepper, []int) {
	t.Helper()
	b := op.New(G.NewGraph())
	m := made(t, models.NewParams(b, G.Float32, 1), models.NewSeq2Seq, seq2seq)
	w, err := m.Stepwise(b, 3, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	compile := func(outputs G.Nodes, updates ...graph.Update) *graph.Program {
		p, err := graph.Compile(graph.Config{Device: ref.New(), Outputs: outputs, Updates: updates})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var carried []graph.Update
	for i, s := range w.States {
		carried = append(carried, graph.Update{State: s, Value: w.Next[i]})
	}
	s := decode.NewStepper(w, compile(w.Encoded), compile(w.Outputs(), carried...))
	if err := s.Read(pairs.Source); err != nil {
		t.Fatal(err)
	}
	return s, []int{3, 2}
}
