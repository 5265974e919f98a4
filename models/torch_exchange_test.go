package models_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/unroll-ml/unroll/graph/cpu"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
)

// TestPyTorchReadsOurs writes initial parameters of float32 and float64 as checkpoints do, lets PyTorch load
// them and compute with them, and holds the models against what it answers.
func TestPyTorchReadsOurs(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Python")
	}
	t.Parallel()
	all := torchModels()
	cases := map[string]tensor.Dtype{
		"rnn-1": tensor.Float32, "gru-2-both-packed": tensor.Float32, "lstm-2-both": tensor.Float64,
		"bahdanau": tensor.Float64, "luong-general": tensor.Float32,
	}
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name+".safetensors") }
	for name, dtype := range cases {
		r := newReplay(t, readGolden(t, filepath.Join("testdata", name+".safetensors")), dtype)
		r.declare(all[name])
		if err := writeQuestion(path(name), r); err != nil {
			t.Fatal(err)
		}
	}
	answerWithTorch(t, folder)
	for name, dtype := range cases {
		t.Run(fmt.Sprintf("%s/%v", name, dtype), func(t *testing.T) {
			r := newReplay(t, readGolden(t, path(name)), dtype)
			r.declare(all[name])
			r.check(arithmetic{cpu.New(), false, dtype})
		})
	}
}

// writeQuestion writes a model's initial parameters, and inputs: those of the file, with other numbers.
func writeQuestion(path string, r *replay) error {
	draw := rand.New(rand.NewPCG(8, 9))
	var tensors []checkpoint.Tensor
	for _, n := range r.p.Nodes() {
		tensors = append(tensors, checkpoint.Tensor{Name: "param." + n.Name(), Shape: n.Shape(), Data: n.Value().Data()})
	}
	for name, x := range r.want {
		if !strings.HasPrefix(name, "input.") {
			continue
		}
		if floats, ok := x.Data.([]float64); ok {
			other := make([]float64, len(floats))
			for i := range other {
				other[i] = draw.NormFloat64()
			}
			x.Data = in(r.dtype, other)
		}
		tensors = append(tensors, x)
	}
	var b bytes.Buffer
	if err := checkpoint.WriteTensors(&b, tensors); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}

// answerWithTorch runs testdata/pytorch.py answer on a folder, with the first Python that has PyTorch: the
// environment's choice, PYTHON, or else the one on the path or Debian's. Where there is none it skips the test.
func answerWithTorch(t *testing.T, folder string) {
	t.Helper()
	pythons := []string{"python3", "/usr/bin/python3"}
	if p := os.Getenv("PYTHON"); p != "" {
		pythons = []string{p}
	}
	for _, python := range pythons {
		if _, err := exec.LookPath(python); err != nil {
			continue
		}
		said, err := exec.CommandContext(t.Context(), python, "testdata/pytorch.py", "answer", folder).CombinedOutput()
		if err == nil {
			return
		}
		if !bytes.Contains(said, []byte("No module named 'torch'")) {
			t.Fatalf("%s: %v\n%s", python, err, said)
		}
	}
	t.Skipf("none of %v can import torch; set PYTHON to one that can", pythons)
}
