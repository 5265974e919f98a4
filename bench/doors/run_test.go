package doors

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/models/decode"
	"github.com/unroll-ml/unroll/trainer/run"
)

func init() {
	silent := func(string) error { return nil }
	doors = append(doors, door{"trainer/run", map[string]func(t *testing.T) call{
		"NewLM": func(t *testing.T) call {
			return call{run.NewLM, []any{settings(run.TaskLM), aText(t), aText(t), oneCore}}
		},
		"NewClassifier": func(*testing.T) call {
			return call{run.NewClassifier, []any{settings(run.TaskClassify), aTable(), aTable(), oneCore}}
		},
		"NewSeriesClassifier": func(*testing.T) call {
			return call{run.NewSeriesClassifier, []any{settings(run.TaskClassify), cases(), cases(), oneCore}}
		},
		"NewRegressor": func(*testing.T) call {
			return call{run.NewRegressor, []any{settings(run.TaskRegress), numbersOf(), numbersOf(), oneCore}}
		},
		"NewSeq2Seq": func(*testing.T) call {
			return call{run.NewSeq2Seq, []any{settings(run.TaskSeq2Seq), fewPairs(), fewPairs(), oneCore}}
		},
		"NewTagger": func(t *testing.T) call {
			return call{run.NewTagger, []any{settings(run.TaskTag), someTagged(t), someTagged(t), oneCore}}
		},
		"NewForecaster": func(*testing.T) call {
			return call{run.NewForecaster, []any{settings(run.TaskForecast), aSet(), oneCore}}
		},
		"Load": func(*testing.T) call { return call{run.Load, []any{settings(run.TaskLM), oneCore}} },
		"Config.Check": func(*testing.T) call {
			return call{func(c run.Config) error { return c.Check() }, []any{settings(run.TaskForecast)}}
		},
		"Running.Check": func(*testing.T) call {
			return call{func(r run.Running) error { return r.Check() }, []any{run.Defaults(run.TaskLM).Running}}
		},
		"ReadConfig": func(t *testing.T) call {
			return call{run.ReadConfig, []any{filepath.Join(openedRun(t, run.TaskLM).Dir(), run.ConfigName), oneCore}}
		},

		"Train": func(t *testing.T) call {
			return call{run.Train, []any{ctx, filepath.Join(t.TempDir(), "run"), task(t, run.TaskLM), run.Options{}}}
		},
		"Follow": func(t *testing.T) call {
			return call{func(ctx context.Context, m run.Task, o run.Options) error {
				_, err := run.Follow(ctx, m, o)
				if alone := (*run.SettingsError)(nil); errors.As(err, &alone) { // rank 0 follows none
					return nil
				}
				return err
			}, []any{ctx, task(t, run.TaskLM), run.Options{}}}
		},
		"Folder.Train": func(t *testing.T) call {
			return call{aFolder(t).Train, []any{ctx, task(t, run.TaskClassify), run.Options{}}}
		},
		"OpenFolder": func(*testing.T) call {
			return call{func(dir string) error {
				f, err := run.OpenFolder(dir)
				if err == nil {
					f.Close()
				}
				return err
			}, []any{"new"}}
		},
		"NewFolder": func(*testing.T) call {
			return call{func(task string) error {
				f, err := run.NewFolder(task)
				if err == nil {
					f.Close()
				}
				return err
			}, []any{run.TaskLM}}
		},
		"FolderFor": func(*testing.T) call {
			return call{func(task, dir, resume string, overwrite bool) error {
				f, err := run.FolderFor(task, dir, resume, overwrite)
				if err == nil {
					f.Close()
				}
				return err
			}, []any{run.TaskLM, "new", run.ResumeAuto, false}}
		},
		"Folder.Clear":       func(t *testing.T) call { return call{full(t).Clear, nil} },
		"Folder.Checkpoints": func(t *testing.T) call { return call{full(t).Checkpoints, nil} },
		"Folder.Load":        func(t *testing.T) call { return call{full(t).Load, []any{task(t, run.TaskLM), run.Last}} },

		"Own.Step":     func(t *testing.T) call { return call{ownTask(t).Step, []any{0, 0.1}} },
		"Own.Validate": func(t *testing.T) call { return call{ownTask(t).Validate, []any{ctx}} },
		"LMTask.Plan": func(t *testing.T) call {
			return call{task(t, run.TaskLM).(*run.LMTask).Plan, []any{func() error { return nil }}}
		},
		"LMTask.Write": func(t *testing.T) call {
			return call{task(t, run.TaskLM).(*run.LMTask).Write, []any{ctx, 2, decode.Sampling{}, uint64(1), silent}}
		},
		"Seq2SeqTask.Translated": func(t *testing.T) call {
			return call{task(t, run.TaskSeq2Seq).(*run.Seq2SeqTask).Translated, []any{ctx, 1}}
		},
		"ForecastTask.Draw": func(t *testing.T) call {
			return call{task(t, run.TaskForecast).(*run.ForecastTask).Draw, []any{t.TempDir()}}
		},

		"Open": func(t *testing.T) call { return call{run.Open, []any{openedRun(t, run.TaskLM).Dir(), oneCore}} },
		"OpenEnsemble": func(t *testing.T) call {
			dir := openedRun(t, run.TaskClassify).Dir()
			return call{run.OpenEnsemble, []any{[]string{dir, dir}, oneCore}}
		},
		"Run.Join": func(t *testing.T) call {
			return call{openedRun(t, run.TaskClassify).Join, []any{[]*run.Run{openedRun(t, run.TaskClassify)}}}
		},
		"Run.Want": ofRun(run.TaskLM, func(r *run.Run) any { return r.Want }, []string{run.TaskLM}),
		"Run.Load": func(t *testing.T) call { return call{openedRun(t, run.TaskLM).Load, []any{task(t, run.TaskLM)}} },
		"Run.Average": func(t *testing.T) call {
			return call{openedRun(t, run.TaskLM).Average, []any{1, filepath.Join(t.TempDir(), "mean")}}
		},
		"Run.Evaluate": func(t *testing.T) call {
			return call{openedRun(t, run.TaskClassify).Evaluate, []any{ctx, run.EvalConfig{
				Data: &run.Source{Kind: run.KindTable, Paths: []string{file(t, "more.tsv", "1\todd\n2\teven\n")}}, Whole: true,
			}}}
		},
		"Run.Series": ofRun(run.TaskForecast, func(r *run.Run) any {
			return func() error { r.Series(); return nil } // its series were never in a file
		}),
		"Run.ReadSeries": func(t *testing.T) call {
			return call{openedRun(t, run.TaskForecast).ReadSeries, []any{file(t, "more.csv", "y\n1\n2\n3\n1\n2\n3\n")}}
		},
		"Import": func(t *testing.T) call {
			c := run.ImportConfig{
				Weights: filepath.Join(openedRun(t, run.TaskLM).Dir(), run.Last, "weights.safetensors"),
				Config:  file(t, "model.yaml", "task: lm\nmodel:\n  cell: gru\n"), Vocab: file(t, "vocab.txt", "a\nb\n"),
			}
			return call{func(dir string, c run.ImportConfig) error { run.Import(dir, c); return nil }, []any{"imported", c}}
		},
		"NewInputError": func(*testing.T) call {
			return call{func(name string, err error) error { run.NewInputError(name, err); return nil }, []any{"x", fs.ErrNotExist}}
		},
		"Classifier.ClassifyImages": func(t *testing.T) call {
			m := used(t, run.TaskClassify, (*run.Run).Classifier)
			return call{func(ctx context.Context, x *datasets.Images, from, to int) error {
				m.ClassifyImages(ctx, x, from, to) // it classifies texts
				return nil
			}, []any{ctx, &datasets.Images{}, 0, 1}}
		},
		"Run.ONNXParts":     ofRun(run.TaskSeq2Seq, func(r *run.Run) any { return r.ONNXParts }),
		"Run.WriteONNX":     ofRun(run.TaskSeq2Seq, func(r *run.Run) any { return r.WriteONNX }, io.Discard, "step"),
		"Run.Classifier":    ofRun(run.TaskClassify, func(r *run.Run) any { return r.Classifier }),
		"Run.Translator":    ofRun(run.TaskSeq2Seq, func(r *run.Run) any { return r.Translator }),
		"Run.LanguageModel": ofRun(run.TaskLM, func(r *run.Run) any { return r.LanguageModel }),
		"Run.Tagger":        ofRun(run.TaskTag, func(r *run.Run) any { return r.Tagger }),
		"Run.Forecaster":    ofRun(run.TaskForecast, func(r *run.Run) any { return r.Forecaster }),
		"Run.Regressor":     ofRun(run.TaskRegress, func(r *run.Run) any { return r.Regressor }),
		"Run.Prompt":        ofRun(run.TaskLM, func(r *run.Run) any { return r.Prompt }, "prompt", "a line", false),

		"Classifier.Classify": func(t *testing.T) call {
			return call{used(t, run.TaskClassify, (*run.Run).Classifier).Classify, []any{ctx, []string{"1", "22"}}}
		},
		"Classifier.ClassifyCases": func(t *testing.T) call {
			return call{used(t, "series", (*run.Run).Classifier).ClassifyCases, []any{ctx, cases()}}
		},
		"Regressor.Predict": func(t *testing.T) call {
			return call{used(t, run.TaskRegress, (*run.Run).Regressor).Predict, []any{ctx, cases()}}
		},
		"Translator.Translate": func(t *testing.T) call {
			return call{used(t, run.TaskSeq2Seq, (*run.Run).Translator).Translate, []any{ctx, 1, []string{"a", "b a"},
				run.TranslateOptions{Beam: decode.Beam{Width: 2, Best: 2, MaxLength: 3}, Sampling: &decode.Sampling{Temperature: 1}}}}
		},
		"LanguageModel.Write": func(t *testing.T) call {
			return call{used(t, run.TaskLM, (*run.Run).LanguageModel).Write, []any{ctx, []int32{1, 2}, 2,
				decode.Sampling{Temperature: 1}, uint64(1), silent}}
		},
		"Text.Write": func(t *testing.T) call {
			return call{used(t, run.TaskLM, (*run.Run).LanguageModel).Text(1).Write, []any{ctx, []int32{1, 2}, 2,
				decode.Sampling{Temperature: 1}, uint64(1), func(run.Written) error { return nil }}}
		},
		"Tagger.Tag": func(t *testing.T) call {
			return call{used(t, run.TaskTag, (*run.Run).Tagger).Tag, []any{ctx, [][]string{{"a", "b"}, {"c"}}}}
		},
		"Tagger.Stream":   func(t *testing.T) call { return call{used(t, run.TaskTag, (*run.Run).Tagger).Stream, nil} },
		"TagStream.Next":  func(t *testing.T) call { return call{stream(t).Next, []any{"a"}} },
		"TagStream.Reset": func(t *testing.T) call { return call{stream(t).Reset, nil} },
		"Forecaster.Forecast": func(t *testing.T) call {
			return call{used(t, run.TaskForecast, (*run.Run).Forecaster).Forecast, []any{ctx, aSet()}}
		},
		"Forecaster.CheckQuantile": func(t *testing.T) call {
			return call{func(p float64) error { used(t, run.TaskForecast, (*run.Run).Forecaster).CheckQuantile(p); return nil }, []any{0.5}}
		},
		"Run.Draw": func(t *testing.T) call {
			r := openedRun(t, run.TaskForecast)
			m, err := r.Forecaster()
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			all, err := m.Forecast(ctx, aSet())
			if err != nil {
				t.Fatal(err)
			}
			return call{r.Draw, []any{&all[0], []float64{}}}
		},

		"ReadAccount": func(t *testing.T) call { return call{run.ReadAccount, []any{openedRun(t, run.TaskLM).Dir()}} },
		"ReadAccounts": func(t *testing.T) call {
			return call{run.ReadAccounts, []any{[]string{openedRun(t, run.TaskLM).Dir()}}}
		},
		"FindRuns": func(t *testing.T) call {
			return call{run.FindRuns, []any{filepath.Dir(openedRun(t, run.TaskLM).Dir())}}
		},
		"DrawRuns": func(t *testing.T) call {
			a, err := run.ReadAccount(openedRun(t, run.TaskLM).Dir())
			if err != nil {
				t.Fatal(err)
			}
			return call{run.DrawRuns, []any{io.Discard, "svg", run.Compare([]*run.Account{a}, "")}}
		},
		"WriteFile": func(*testing.T) call { return call{run.WriteFile, []any{"x", []byte("y")}} },
		"Write": func(*testing.T) call {
			return call{run.Write, []any{"x", func(w io.Writer) error { _, err := bytes.NewBufferString("y").WriteTo(w); return err }}}
		},
	}})
	for _, name := range []string{run.TaskLM, run.TaskClassify, run.TaskSeq2Seq, run.TaskTag, run.TaskForecast, run.TaskRegress} {
		type verified interface{ Verify(dir string) error }
		typ := map[string]string{run.TaskLM: "LMTask", run.TaskClassify: "ClassifierTask", run.TaskSeq2Seq: "Seq2SeqTask",
			run.TaskTag: "TaggerTask", run.TaskForecast: "ForecastTask", run.TaskRegress: "RegressorTask"}[name]
		addDoors("trainer/run", map[string]func(t *testing.T) call{
			typ + ".Step":     func(t *testing.T) call { return call{task(t, name).Step, []any{0, 0.1}} },
			typ + ".Validate": func(t *testing.T) call { return call{task(t, name).Validate, []any{ctx}} },
			typ + ".Verify": func(t *testing.T) call {
				v, ok := task(t, name).(verified)
				if !ok {
					return call{func() error { return nil }, nil}
				}
				return call{v.Verify, []any{openedRun(t, name).Dir()}}
			},
		})
	}
}
