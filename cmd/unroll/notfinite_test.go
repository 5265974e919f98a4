package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/run"
)

// rewrite changes the weights of a checkpoint, whose checksums are right afterwards.
func rewrite(t *testing.T, dir string, change func(weights []checkpoint.Tensor)) {
	t.Helper()
	rewriteAll(t, dir, func(weights []checkpoint.Tensor, _ *run.Position) { change(weights) })
}

// rewriteAll changes the weights of a checkpoint and where its run stood, and writes them as a checkpoint is written.
func rewriteAll(t *testing.T, dir string, change func(weights []checkpoint.Tensor, at *run.Position)) {
	t.Helper()
	f, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var at run.Position
	if err := f.State(&at); err != nil {
		t.Fatal(err)
	}
	weights, err := f.Weights()
	if err != nil {
		t.Fatal(err)
	}
	state, err := f.Optimizer()
	if err != nil {
		t.Fatal(err)
	}
	change(weights, &at)
	in, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	changed := checkpoint.Contents{Weights: weights, Optimizer: state, State: at, Step: f.Step()}
	if err := checkpoint.In(in).Save(filepath.Base(dir), 1, changed); err != nil {
		t.Fatal(err)
	}
}

// everywhere changes all weights.
func everywhere(x float32) func([]checkpoint.Tensor) {
	return func(weights []checkpoint.Tensor) {
		for _, w := range weights {
			for i := range w.Data.([]float32) {
				w.Data.([]float32)[i] = x
			}
		}
	}
}

// threeTasks trains a small real model of each task, in the folders lm, classify and seq2seq.
func threeTasks(t *testing.T) (uses map[string][]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeFile(t, "text.txt", strings.Repeat("abcde", 400))
	writeFile(t, "words.tsv", parities(128))
	writeFile(t, "swaps.tsv", swaps(60))
	must(t, strings.Fields("train lm --text text.txt --hidden 8 --batch 4 --seq 8 --steps 2 --threads 1 --out lm")...)
	must(t, strings.Fields(classifySmall+"--steps 2 --out classify")...)
	must(t, strings.Fields(seq2seqSmall+"--steps 2 --out seq2seq")...)
	return map[string][]string{
		"lm":       {"eval lm", "eval lm --json", "sample lm --length 3", "sample lm --length 3 --temperature 0 --json"},
		"classify": {"eval classify", "classify classify", "classify classify --json --top 1"},
		"seq2seq":  {"eval seq2seq --json", "translate seq2seq", "translate seq2seq --beam 5", "translate seq2seq --json", "translate seq2seq --temperature 1"},
	}
}

// Weights that are not finite are refused by everything that uses them, with the tensor and the element.
func TestWeightsThatAreNotFinite(t *testing.T) {
	for dir, uses := range threeTasks(t) {
		best := filepath.Join(dir, "best")
		for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			if err := os.RemoveAll(best); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(best, os.DirFS(filepath.Join(dir, "last"))); err != nil {
				t.Fatal(err)
			}
			var first checkpoint.Tensor
			rewrite(t, best, func(weights []checkpoint.Tensor) {
				first = weights[len(weights)/2]
				first.Data.([]float32)[1] = float32(x)
			})
			want := fmt.Sprintf("unroll: %s/weights.safetensors: tensor %q: element 1 is not finite: use another checkpoint\n",
				best, first.Name)
			for _, use := range uses {
				if r := given("a12\n", use); r.code != exitData || r.stderr != want || r.stdout != "" {
					t.Errorf("%s, %g: %+v", use, x, r)
				}
			}
		}
	}
}

// given is what a command makes of a stdin.
func given(stdin, args string) result {
	var stdout, stderr strings.Builder
	code := execute(strings.Fields(args), strings.NewReader(stdin), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// Nothing is written by what cannot be computed.
func TestWeightsThatAreTooLarge(t *testing.T) {
	for dir, uses := range threeTasks(t) {
		rewrite(t, filepath.Join(dir, "best"), func(weights []checkpoint.Tensor) {
			for _, w := range weights {
				for i, x := range w.Data.([]float32) {
					w.Data.([]float32)[i] = float32(math.Copysign(3e38, float64(x)))
				}
			}
		})
		for _, use := range uses {
			if r := given("a12\n", use); r.code != exitDiverged || strings.Count(r.stderr, "\n") != 1 || r.stdout != "" {
				t.Errorf("%s: %+v", use, r)
			}
		}
	}
}

// A model without an opinion is right as often as what it writes: it writes the first class or token.
func TestConstantModel(t *testing.T) {
	threeTasks(t)
	for _, dir := range []string{"lm", "classify", "seq2seq"} {
		rewrite(t, filepath.Join(dir, "best"), everywhere(0))
	}
	for args, want := range map[string][2]float64{
		"eval lm --json --text text.txt":                       {0.2, 0.4}, // five characters
		"eval classify --json --valid-table words.tsv":         {0.5, 1},   // two classes
		"eval seq2seq --json --valid-pairs swaps.tsv":          {0, 0},     // the first tokens are reserved
		"eval seq2seq --json --valid-pairs swaps.tsv --beam 2": {0, 0},
	} {
		o := jsonLines(t, must(t, strings.Fields(args)...))[0]
		if a, b := o["accuracy"].(float64), o["top2"].(float64); math.Abs(a-want[0]) > 0.01 || math.Abs(b-want[1]) > 0.01 {
			t.Errorf("%s: accuracy %g, top 2 %g; want %v", args, a, b, want)
		}
	}
	right := 0
	words := strings.Split(strings.TrimSpace(parities(128)), "\n")
	for _, line := range words {
		word, class, _ := strings.Cut(line, "\t")
		if strings.HasPrefix(answers(t, word+"\n", "classify", "classify"), class+"\t") {
			right++
		}
	}
	if 2*right != len(words) {
		t.Errorf("%d of %d are classified right", right, len(words))
	}
}
