package run

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

func weightsIn(t *testing.T, dir string) []checkpoint.Tensor {
	t.Helper()
	f, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	weights, err := f.Weights()
	if err != nil {
		t.Fatal(err)
	}
	return weights
}

// The mean of checkpoints is that of each of their weights, in a run that opens and is measured as others are.
func TestAverage(t *testing.T) {
	device := On(cpu.New(cpu.Threads(1)))
	dir := seeded(t, TaskClassify, 1, nil)
	r, err := Open(dir, device)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "mean")
	steps, err := r.Average(3, out)
	if err != nil || !reflect.DeepEqual(steps, []int{6, 4, 2}) {
		t.Fatalf("steps %v, %v", steps, err)
	}
	var all [][]checkpoint.Tensor
	for _, name := range []string{"last", "last-4", "last-2"} {
		all = append(all, weightsIn(t, filepath.Join(dir, name)))
	}
	for i, got := range weightsIn(t, filepath.Join(out, Best)) {
		if got.Name != all[0][i].Name {
			t.Fatalf("tensor %d is %s, want %s", i, got.Name, all[0][i].Name)
		}
		for k, x := range got.Data.([]float32) {
			sum := 0.0
			for _, weights := range all {
				sum += float64(weights[i].Data.([]float32)[k])
			}
			if x != float32(sum/3) {
				t.Fatalf("%s, element %d: %g, want %g", got.Name, k, x, sum/3)
			}
		}
	}
	mean := joined(t, device, out)
	if p := labelsOf(t, mean, []string{"a text"}); len(p[0]) < 2 {
		t.Errorf("it says %v", p)
	}
	if c := mean.Config().Averaged; !reflect.DeepEqual(c.Steps, steps) || c.Run != dir || mean.At().Step != 6 {
		t.Errorf("%+v, at %+v", c, mean.At())
	}
	var last Position // of the newest checkpoint
	f, err := checkpoint.Open(filepath.Join(dir, Last))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.State(&last); err != nil {
		t.Fatal(err)
	}
	if at := mean.At(); !(last.Seconds > 0) || at.Seconds != last.Seconds || *at.FirstLoss != *last.FirstLoss || at.BestLoss != nil {
		t.Errorf("at %+v, and its newest checkpoint at %+v", at, last)
	}
	var other *OtherSettingsError
	if _, err := Train(context.Background(), out, newCounter(3), Options{}); !errors.As(err, &other) {
		t.Errorf("another task trains in the folder: %v", err)
	}
}

// Of fewer than there are, it takes the newest; without the last one, those before it.
func TestAverageTakesTheNewest(t *testing.T) {
	dir := seeded(t, TaskClassify, 1, nil)
	for _, want := range [][]int{{6}, {6, 4}, {4, 2}} {
		if want[0] == 4 {
			if err := os.RemoveAll(filepath.Join(dir, Last)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := Open(dir, On(cpu.New(cpu.Threads(1))))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Average(len(want), filepath.Join(t.TempDir(), "mean")); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("steps %v, %v; want %v", got, err, want)
		}
	}
}

func TestAverageRefuses(t *testing.T) {
	dir := seeded(t, TaskClassify, 1, nil)
	r, err := Open(dir, On(cpu.New(cpu.Threads(1))))
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	out := filepath.Join(parent, "mean")
	for n, want := range map[int]string{
		0: "the mean of 0 checkpoints: it must be at least 1",
		4: "keeps 3 checkpoints besides the best, and 4 are to be averaged: train with `keep` 4, or average fewer",
	} {
		if _, err := r.Average(n, out); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%d: %v", n, err)
		}
	}
	if _, err := r.Average(2, dir); err == nil || !strings.Contains(err.Error(), "holds a run") {
		t.Errorf("into itself: %v", err)
	}
	path := filepath.Join(dir, "last-4", "weights.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	var damaged *CorruptError
	if _, err := r.Average(2, out); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "last-4") {
		t.Errorf("a damaged checkpoint: %v", err)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// What could not be written whole leaves nothing behind, and a folder that was there stays.
func TestRunThatCannotBeWritten(t *testing.T) {
	r := trained(t, TaskLM)
	files, err := r.ownFiles()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for path, stays := range map[string]bool{dir: true, filepath.Join(dir, "new"): false} {
		if err := writeRun(path, r.config, files, checkpoint.Contents{State: math.NaN()}); err == nil {
			t.Fatalf("%s: a state that is no JSON was written", path)
		}
		entries, err := os.ReadDir(path)
		if stays != (err == nil) {
			t.Errorf("%s: %v", path, err)
		}
		for _, e := range entries {
			if e.Name() != lockName {
				t.Errorf("%s: left behind: %s", path, e.Name())
			}
		}
	}
}

// What a run needs is not replaced by what is written somewhere else; other files are no part of one.
func TestIsPart(t *testing.T) {
	dir := trained(t, TaskLM).Dir()
	for name, want := range map[string]bool{
		"config.yaml": true, "log.jsonl": true, "vocab.json": true, "best/weights.safetensors": true,
		"best/manifest.json": true, "last/optimizer.safetensors": true,
		"labels.json": false, "best/other.onnx": false, "model.onnx": false, "curves.svg": false, "nowhere/config.yaml": false,
	} {
		if got := IsPart(filepath.Join(dir, name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	other := t.TempDir()
	for _, name := range []string{"vocab.json", "weights.safetensors", "log.jsonl"} {
		path := filepath.Join(other, name)
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if IsPart(path) {
			t.Errorf("%s lies in no run", name)
		}
	}
}
