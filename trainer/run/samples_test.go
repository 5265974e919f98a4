package run

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each task shows what its model makes; the same from the same weights, and nothing that training goes on from changes.
func TestSamples(t *testing.T) {
	for _, task := range []string{TaskLM, TaskClassify, TaskSeq2Seq} {
		r := trained(t, task)
		work, err := begun(t, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer work.Close()
		validate := func() []Sample {
			m, err := work.Validate(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return m.Samples
		}
		step := func(before int) (loss float64) {
			loss, _, _, err := work.Step(before, 0)
			if err != nil {
				t.Fatal(err)
			}
			return loss
		}
		first := step(0)
		samples := validate()
		if diff := cmp.Diff(samples, validate()); diff != "" {
			t.Errorf("%s: %s", task, diff)
		}
		other, err := begun(t, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		for before, want := range []float64{first, step(1)} { // the same steps, without a validation between
			if got, _, _, err := other.Step(before, 0); err != nil || got != want {
				t.Errorf("%s: step %d has the loss %g, %v, and with validations %g", task, before+1, got, err, want)
			}
		}
		switch task {
		case TaskLM:
			if len(samples) != 1 || len(samples[0].Output) != 80 {
				t.Errorf("%+v", samples)
			}
			continue
		case TaskClassify:
			parity := map[byte]string{'0': "even", '1': "odd", '4': "even", '5': "odd", '6': "even", '9': "odd"}
			for _, s := range samples {
				if s.Wanted != parity[s.Input[len(s.Input)-1]] || s.Output != "even" && s.Output != "odd" {
					t.Errorf("%+v", s)
				}
			}
		}
		if len(samples) != 3 || samples[0].Input == samples[1].Input {
			t.Errorf("%s: %+v", task, samples)
		}
		log, err := os.ReadFile(filepath.Join(r.Dir(), LogName))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(log), `"samples":[{"input":"`+samples[0].Input+`","output":"`) {
			t.Errorf("%s: no samples in the log", task)
		}
	}
}

// What a classifier is taken for, of the samples, is what it is measured by.
func TestSamplesOfClassifier(t *testing.T) {
	r := trained(t, TaskClassify)
	work, err := begun(t, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	c := work.(*ClassifierTask)
	all, err := c.valid.samples(context.Background(), c.Classifier, c.labels, 1000)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for _, s := range all {
		if s.Output == s.Wanted {
			right++
		}
	}
	m, err := work.Validate(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != m.Examples || float64(right)/float64(len(all)) != float64(*m.Accuracy) {
		t.Errorf("%d of %d samples are right, the accuracy is %g", right, len(all), *m.Accuracy)
	}
}

// A batch has no more rows than there are examples, in equal parts.
func TestBatchesOfFew(t *testing.T) {
	for _, x := range []struct{ batch, parts, examples, want int }{
		{32, 1, 1000, 32}, {5000, 1, 53, 53}, {5000, 4, 53, 56}, {8, 4, 5, 8}, {32, 1, 0, 1},
	} {
		c := Config{Training: Training{Batch: x.batch, Accumulate: x.parts, Buckets: 3}}
		if got := c.batches(x.examples); got.Batch != x.want || got.Buckets != 3 {
			t.Errorf("%+v: %+v", x, got)
		}
	}
}

// Numbers that differ little from each other are seen to differ.
func TestSampleNumbers(t *testing.T) {
	numbers := []float64{1004550, 1002796.4, 0.00012345678}
	if got, want := sampleNumbers(numbers), "1004550 1002800 0.000123457"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := sampleNumbers([]float64{-2.5, math.NaN(), 3e20, 7}), "-2.5 NaN 3e+20 …"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
