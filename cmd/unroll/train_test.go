package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/internal/runlog"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/trainer/checkpoint"
	"github.com/unroll-ml/unroll/trainer/run"
)

func TestTrainWritesARun(t *testing.T) {
	small(t, nil)
	out := trainSmall(t, "--epochs", "3", "--json", "--log-every", "5")
	begin, out, _ := strings.Cut(out, "\n") // the first event is on stdout only
	start := jsonLines(t, begin)[0]
	for key, want := range map[string]any{
		"event": "start", "run": "run", "config": "run/config.yaml", "task": "lm", "device": "fake", "weights": 578.0,
		"steps_per_epoch": 12.0, "after_step": 0.0, "steps": 36.0,
	} {
		if start[key] != want {
			t.Errorf("%s of the start is %v, want %v", key, start[key], want)
		}
	}
	if notes := fmt.Sprint(start["notes"]); !strings.Contains(notes, "training on rhyme.txt: 2,070 characters") {
		t.Error(notes)
	}
	var logged, shown []string
	for _, o := range jsonLines(t, readFile(t, "run/log.jsonl")) {
		delete(o, "tokens_per_second")
		logged = append(logged, fmt.Sprint(o))
	}
	if len(logged) != 36+4+1 {
		t.Errorf("%d records in log.jsonl, want 36 steps, 4 measurements and the end", len(logged))
	}
	for _, o := range jsonLines(t, out) {
		delete(o, "tokens_per_second")
		shown = append(shown, fmt.Sprint(o))
	}
	for _, o := range shown {
		if !slices.Contains(logged, o) {
			t.Errorf("not in log.jsonl: %s", o)
		}
	}
	var events []string
	var losses []float64
	for _, o := range jsonLines(t, out) {
		events = append(events, fmt.Sprint(o["event"], o["step"]))
		switch o["event"] {
		case "step":
			for _, key := range []string{
				"epoch", "loss", "tokens_per_second", "grad_norm", "lr", "peak_memory_bytes", "seconds",
			} {
				if x, ok := o[key].(float64); !ok || x < 0 {
					t.Errorf("step %v: %s is %v", o["step"], key, o[key])
				}
			}
			losses = append(losses, o["loss"].(float64))
		case "valid":
			if loss := o["valid_loss"].(float64); math.Abs(o["perplexity"].(float64)-math.Exp(loss)) > 1e-9*math.Exp(loss) ||
				math.Abs(o["bits_per_token"].(float64)-loss/math.Ln2) > 1e-12 || o["tokens"].(float64) != 229 {
				t.Errorf("measures do not agree: %v", o)
			}
		}
	}
	// 100 lines of 23 characters, 2070 to train on: 4 streams of 517, ⌊516/40⌋ = 12 steps an epoch.
	want := "valid0 step1 step5 step10 valid12 step15 step20 valid24 step25 step30 step35 step36 valid36 done36"
	if got := strings.Join(events, " "); got != want {
		t.Errorf("events\ngot  %s\nwant %s", got, want)
	}
	if first, last := losses[0], losses[len(losses)-1]; math.Abs(first-math.Log(17)) > 0.05 || last > first/2 {
		t.Errorf("the loss went from %g, want ln 17, to %g", first, last)
	}
	for _, name := range []string{"best", "last"} {
		f, err := checkpoint.Open(filepath.Join("run", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var at run.Position
		if err := f.State(&at); err != nil {
			t.Error(err)
		} else if at.Step != 36 || at.BestStep != 36 {
			t.Errorf("%s stands at %+v", name, at)
		}
	}
	c, err := run.ReadConfig("run/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	abs, err := filepath.Abs("rhyme.txt")
	if err != nil {
		t.Fatal(err)
	}
	if c.Data.Text != abs || c.Training.Epochs != 3 || c.Training.LR != 5 || c.Model.Vocab != 17 {
		t.Errorf("config is %+v", c)
	}
}

func TestTrainInWords(t *testing.T) {
	small(t, nil)
	out := trainSmall(t, "--steps", "14", "--log-every", "7", "--valid-every", "7")
	for _, want := range []string{
		"training on rhyme.txt: 2,070 characters, and 230 for validation; 17 different ones\n",
		"batch 4, seq 40: 12 steps an epoch; sgd, learning rate 5\ndevice: fake, for this program is built without GPUs\nrun folder: run\n",
		"\nvalidation before the first step: loss 2.8333", "\nstep  1/14  epoch 1  loss 2.8",
		"step  7/14  epoch 1  loss ", "\nvalidation after step 7: loss ", "  best so far\n", "step 14/14  epoch 2  loss ",
		"\n14 steps in 0:00; best after step 14, with a validation loss of ",
		"\ncurves: run/curves.svg\n\n", "\nnext:\n  unroll eval run\n  unroll sample run --prompt a\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// With nothing, dates are learned with attention; here for few steps only.
func TestTrainWithNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, want := range []string{"run folder: runs/seq2seq-1\n", "run folder: runs/seq2seq-2\n"} {
		out := must(t, "train", "--steps", "2", "--hidden", "8")
		for _, want := range []string{want, "training on task dates: 10,000 pairs, and ", "attention additive; ", "  ->  ",
			", it is ", " --attention look.html\n"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is not in\n%s", want, out)
			}
		}
	}
}

// A language model without a text learns the built-in one.
func TestTrainLMWithNothing(t *testing.T) {
	small(t, nil)
	for _, want := range []string{"run folder: runs/lm-1\n", "run folder: runs/lm-2\n"} {
		// Few steps only, for the small model is slow.
		if out := must(t, "train", "lm", "--steps", "2"); !strings.Contains(out, want) ||
			!strings.Contains(out, "--prompt 'The '\n") {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	c, err := run.ReadConfig("runs/lm-1/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.Training.ValidEvery != demoValid || c.Data.Text != "" {
		t.Errorf("config is %+v", c)
	}
}

// What the flags say of a language model is in its configuration, and the model that was trained is the one
// that is used.
func TestTrainLMFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "rhyme.txt", rhyme(100))
	must(t, strings.Fields("train lm --text rhyme.txt --batch 4 --seq 40 --hidden 8 --embed 4 --layers 2 --dropout 0.2 "+
		"--tie --cell lstm --forget-bias 1 --peepholes --layer-norm --steps 3 --threads 1 --out run")...)
	config := readFile(t, "run/config.yaml")
	for _, want := range []string{
		"  dropout: 0.2\n", "  tie: true\n", "  forget_bias: 1\n", "  peepholes: true\n", "  layer_norm: true\n",
	} {
		if !strings.Contains(config, want) {
			t.Errorf("%q is not in\n%s", want, config)
		}
	}
	log := jsonLines(t, readFile(t, "run/log.jsonl"))
	if o := jsonLines(t, must(t, "eval", "run", "--json"))[0]; o["loss"] != log[len(log)-2]["valid_loss"] {
		t.Errorf("measured %v, in training %v", o["loss"], log[len(log)-2])
	}
	must(t, "sample", "run", "--length", "5")
	resumeExactly(t, 5, "train lm --text rhyme.txt --batch 4 --seq 40 --hidden 8 --embed 4 --layers 2 --dropout 0.2 "+
		"--cell rnn --nonlinearity relu --no-bias --steps 20 --log-every 5 --json --threads 1")
}

func TestTrainForMinutes(t *testing.T) {
	small(t, nil)
	objects := jsonLines(t, trainSmall(t, "--minutes", "0.005", "--json"))
	end := objects[len(objects)-1]
	if s := end["seconds"].(float64); end["event"] != "done" || end["step"].(float64) < 1 || s < 0.3 || s > 3 {
		t.Errorf("ended with %v", end)
	}
	if before := objects[len(objects)-2]; before["event"] != "valid" || before["step"] != end["step"] {
		t.Errorf("the last step was not measured: %v", before)
	}
}

func TestBestIsNotLast(t *testing.T) {
	small(t, nil)
	backwards := []byte(rhyme(20)) // the same letters, which helps at first, in an order that it learns never to expect
	slices.Reverse(backwards)
	writeFile(t, "valid.txt", string(backwards))
	trainSmall(t, "--steps", "40", "--valid-every", "1", "--valid-text", "valid.txt")
	entries, err := runlog.Read("run/log.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	best, lowest := 0, math.Inf(1)
	for _, e := range entries {
		if e.Event != "valid" {
			continue
		}
		o := jsonLines(t, string(e.Line))[0]
		isBest := o["valid_loss"].(float64) < lowest && e.Step > 0
		if isBest {
			best, lowest = e.Step, o["valid_loss"].(float64)
		}
		if o["best"] != isBest {
			t.Errorf("step %d: best is %v", e.Step, o["best"])
		}
	}
	if best == 40 {
		t.Fatal("the last step was the best: this test shows nothing")
	}
	for _, name := range []string{"best", "last"} {
		o := jsonLines(t, must(t, "eval", "run", "--checkpoint", name, "--json"))[0]
		if wantStep := map[string]int{"best": best, "last": 40}[name]; o["step"] != float64(wantStep) {
			t.Errorf("%s is of step %v, want %d", name, o["step"], wantStep)
		}
		if name == "best" && math.Abs(o["loss"].(float64)-lowest) > 1e-12 {
			t.Errorf("loss %v, want %g", o["loss"], lowest)
		}
	}
}

func TestDiverged(t *testing.T) {
	small(t, func(m *pairLM) { m.explodeAt = 15 })
	writeFile(t, "rhyme.txt", rhyme(100))
	args := strings.Fields(
		"train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run --json --steps 30 --max-skipped 1",
	)
	r := unroll(args...)
	const message = "unroll: diverged at step 15: the gradient of w is not finite, the loss is NaN and the norm of the " +
		"gradient +Inf; run/best is of step 12: try a smaller --lr (it is 5)\n"
	if r.code != exitDiverged || r.stderr != message {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	objects := jsonLines(t, r.stdout)
	if end := objects[len(objects)-1]; end["event"] != "diverged" || end["step"] != 15.0 || end["why"] == nil {
		t.Errorf("the last object is %v", end)
	}
	log := jsonLines(t, readFile(t, "run/log.jsonl"))
	if bad := log[len(log)-2]; bad["loss"] != "NaN" || bad["grad_norm"] != "Infinity" || bad["step"] != 15.0 {
		t.Errorf("logged %v", bad)
	}
	for _, name := range []string{"best", "last"} {
		if o := jsonLines(t, must(t, "eval", "run", "--checkpoint", name, "--json"))[0]; o["step"] != 12.0 {
			t.Errorf("%s is of step %v", name, o["step"])
		}
	}
}

// Weights that are no longer finite are never saved, even if the losses were.
func TestNotFiniteIsNotSaved(t *testing.T) {
	small(t, func(m *pairLM) {
		m.onStep = func(step int) {
			if step == 12 {
				m.dw[5] = float32(math.Inf(1))
			}
		}
	})
	writeFile(t, "rhyme.txt", rhyme(100))
	r := unroll(strings.Fields("train --text rhyme.txt --batch 4 --seq 40 --optimizer sgd --momentum 0.5 --out run " +
		"--steps 13 --checkpoint-every 12 --valid-every 13")...)
	if r.code != exitDiverged || !strings.Contains(r.stderr,
		`diverged at step 12: element 5 of tensor "w" is not finite; nothing was saved yet`) {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	want(t, exitData, "run/last: there is no such checkpoint: train until the first one is saved", "eval", "run",
		"--checkpoint", "last")
}

func TestOutIsTaken(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "3")
	weights := readFile(t, "run/last/weights.safetensors")
	same := "train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run"
	writeFile(t, "other.txt", rhyme(30))
	for _, c := range []struct {
		code       int
		args, want string
	}{
		{exitNoOutput, same + " --steps 3", "run holds a run that is finished (3 steps): more --steps, --epochs or --minutes to train on, --overwrite to replace it, or choose another folder with --out"},
		{exitNoOutput, same + " --steps 9 --resume never", "run holds a run, which --overwrite replaces: choose another folder with --out"},
		{exitData, same + " --steps 9 --hidden 64", "run holds a run with other settings (hidden: 128 there, hidden: 64 here): --overwrite to replace it, or choose another folder with --out; --from run begins there with its weights"},
		{exitData, same + " --steps 9 --valid-text other.txt", "run holds a run with other settings (valid_text_sha256: abc here, not there): --overwrite to replace it, or choose another folder with --out; --from run begins there with its weights"},
		{exitData, "train lm --out run", "run holds a run with other settings (batch: 4 there, batch: 32 here): --overwrite to replace it, or choose another folder with --out; --from run begins there with its weights"},
	} {
		r := unroll(strings.Fields(c.args)...)
		if got := shortSHA(r.stderr); r.code != c.code || got != shortSHA("unroll: "+c.want+"\n") {
			t.Errorf("unroll %s\ngot  %d, %swant %s", c.args, r.code, got, c.want)
		}
		if readFile(t, "run/last/weights.safetensors") != weights {
			t.Fatalf("unroll %s changed the run", c.args)
		}
	}
	writeFile(t, "rhyme.txt", rhyme(99)+"the dog is on the mat.\n") // of the same length and letters
	if r := unroll(strings.Fields(same + " --steps 9")...); r.code != exitData ||
		!regexp.MustCompile(`^unroll: run holds a run with other settings \(other data, or data that have changed: sha256 [0-9a-f]{12} there, [0-9a-f]{12} here\): `).MatchString(r.stderr) {
		t.Errorf("the text has changed: %d, %s", r.code, r.stderr)
	}
	writeFile(t, "run/notes.txt", "mine")
	must(t, strings.Fields(same+" --steps 4 --overwrite")...)
	if got := jsonLines(t, must(t, "eval", "run", "--json"))[0]["step"]; got != 4.0 {
		t.Errorf("the new run is of step %v", got)
	}
	if n := strings.Count(readFile(t, "run/log.jsonl"), `"event":"done"`); n != 1 {
		t.Errorf("the log tells of %d runs", n)
	}
	if got := readFile(t, "run/notes.txt"); got != "mine" {
		t.Errorf("a foreign file holds %q", got)
	}

	in, err := os.OpenRoot("run")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	lock, err := safefile.TryLock(in, ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	want(t, exitNoOutput, fmt.Sprintf("run: process %d trains there: wait for it, stop it, or choose another "+
		"folder with --out", os.Getpid()),
		strings.Fields(same+" --steps 9")...)
	must(t, "eval", "run") // reading needs no lock
}

func field(t *testing.T, file, key string) string {
	t.Helper()
	_, rest, ok := strings.Cut(readFile(t, file), key+": ")
	if !ok {
		t.Fatalf("%s has no %s", file, key)
	}
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// shortSHA leaves nothing of checksums but that there is one.
func shortSHA(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		if i > 0 && strings.HasSuffix(words[i-1], "sha256:") {
			words[i] = fmt.Sprintf("SHA(%t)", len(strings.Trim(w, "0123456789abcdef")) == 0)
		}
	}
	return strings.Join(words, " ")
}
