package run

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/models/decode"
)

// users are models of runs as their users have them: how to use one, and how to close it.
var users = map[string]func(t *testing.T) (use, end func() error){
	TaskLM: func(t *testing.T) (use, end func() error) {
		m, err := trained(t, TaskLM).LanguageModel()
		if err != nil {
			t.Fatal(err)
		}
		return func() error {
			return m.Write(context.Background(), nil, 2, decode.Sampling{}, 1, func(string) error { return nil })
		}, m.Close
	},
	TaskClassify: func(t *testing.T) (use, end func() error) {
		m, err := trained(t, TaskClassify).Classifier()
		if err != nil {
			t.Fatal(err)
		}
		return func() error { _, err := m.Classify(context.Background(), []string{"4"}); return err }, m.Close
	},
	TaskTag: func(t *testing.T) (use, end func() error) {
		m, err := trained(t, TaskTag).Tagger()
		if err != nil {
			t.Fatal(err)
		}
		return func() error { _, err := m.Tag(context.Background(), [][]string{{"Rome"}}); return err }, m.Close
	},
	TaskSeq2Seq: func(t *testing.T) (use, end func() error) {
		m, err := trained(t, TaskSeq2Seq).Translator()
		if err != nil {
			t.Fatal(err)
		}
		return func() error {
			_, err := m.Translate(context.Background(), 1, []string{"15.5.39"}, TranslateOptions{})
			return err
		}, m.Close
	},
	TaskForecast: func(t *testing.T) (use, end func() error) {
		dir := once(t, TaskForecast, func(dir string) {
			if err := trainIn(t, dir, Options{})(NewForecaster(smallForecaster(4), seasons(40, 25))); err != nil {
				t.Fatal(err)
			}
		})
		r, err := Open(dir, On(cpu.New(cpu.Threads(1))))
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.Forecaster()
		if err != nil {
			t.Fatal(err)
		}
		return func() error { _, err := m.Forecast(context.Background(), seasons(40)); return err }, m.Close
	},
}

// Who closes a model waits for those who use it, and those who come later are told.
func TestClosedAtOnce(t *testing.T) {
	for name, make := range users {
		t.Run(name, func(t *testing.T) {
			use, end := make(t)
			var wait sync.WaitGroup
			used := sync.OnceFunc(func() {
				if err := end(); err != nil {
					t.Error(err)
				}
			})
			for range 3 {
				wait.Go(func() {
					var err error
					for err == nil {
						if err = use(); err == nil {
							go used()
						}
					}
					if !strings.Contains(err.Error(), "the model is closed") {
						t.Errorf("after it was closed: %v", err)
					}
				})
			}
			wait.Wait()
			used() // waits for it
			if err := end(); err != nil {
				t.Errorf("closed again: %v", err)
			}
		})
	}
}
