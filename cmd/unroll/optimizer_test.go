package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/internal/runlog"
)

// Steps that are not finite are left out, each with what is to blame, and training goes on, until there are too
// many in a row.
func TestSkippedSteps(t *testing.T) {
	small(t, func(m *pairLM) { m.explodeAt, m.explodeFor = 5, 3 })
	writeFile(t, "rhyme.txt", rhyme(100))
	const args = "train lm --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --steps 12 --max-skipped "
	out := must(t, strings.Fields(args+"4 --out run")...)
	if n := strings.Count(out, " is left out: the gradient of w is not finite\n"); n != 3 {
		t.Errorf("%d lines of 3 say what was left out:\n%s", n, out)
	}
	var skipped []int
	for _, o := range jsonLines(t, readFile(t, "run/log.jsonl")) {
		if o["skipped"] == "the gradient of w" && o["loss"] == "NaN" {
			skipped = append(skipped, int(o["step"].(float64)))
		}
	}
	if !slices.Equal(skipped, []int{5, 6, 7}) {
		t.Errorf("logged as left out: %v", skipped)
	}
	if o := jsonLines(t, must(t, "eval", "run", "--checkpoint", "last", "--json"))[0]; o["step"] != 12.0 {
		t.Errorf("ended at step %v", o["step"])
	}
	r := unroll(strings.Fields(args + "3 --out short")...)
	if want := "unroll: diverged at step 7: 3 steps in a row could not be applied; in this one the gradient of w is not " +
		"finite, the loss is NaN and the norm of the gradient +Inf; nothing was saved yet: try a smaller " +
		"--lr (it is 5)\n"; r.code != exitDiverged || r.stderr != want {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
}

// Overflows of the loss's factor are no faults, however many.
func TestOverflowsAreNotCounted(t *testing.T) {
	small(t, func(m *pairLM) { m.explodeAt, m.explodeFor, m.overflow = 5, 5, true })
	out := trainSmall(t, "--steps", "12", "--max-skipped", "2")
	if n := strings.Count(out,
		" is left out: the gradient of w overflows, so from now on the loss is multiplied by less\n"); n != 5 {
		t.Errorf("%d lines of 5 say what was left out:\n%s", n, out)
	}
	if n := strings.Count(readFile(t, "run/log.jsonl"), `"overflow":true`); n != 5 {
		t.Errorf("%d overflows of 5 are logged", n)
	}
}

// The count of steps that were left out survives a stop.
func TestSkippedStepsAreCountedOn(t *testing.T) {
	small(t, func(m *pairLM) { m.explodeAt, m.explodeFor = 1, 2 }) // of each process
	writeFile(t, "rhyme.txt", rhyme(100))
	const args = "train lm --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --max-skipped 3 --out run --steps "
	must(t, strings.Fields(args+"2")...)
	if r := unroll(strings.Fields(args + "4")...); r.code != exitDiverged ||
		!strings.Contains(r.stderr, "diverged at step 3: 3 steps in a row") {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
}

// rates are the learning rates that a run has logged.
func rates(t *testing.T, dir string) (lr []float64) {
	t.Helper()
	entries, err := runlog.Read(dir + "/log.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Event == "step" {
			lr = append(lr, jsonLines(t, string(e.Line))[0]["lr"].(float64))
		}
	}
	return lr
}

func TestSchedulesOfRuns(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	cosine := func(k float64) float64 { return (1 + math.Cos(math.Pi*k)) / 2 }
	for flags, want := range map[string][]float64{
		"--warmup 2 --steps 4":                                                         {1, 2, 2, 2},
		"--schedule cosine --steps 4":                                                  {2, 2 * cosine(0.25), 1, 2 * cosine(0.75)},
		"--schedule cosine --schedule-factor 0.5 --warmup 2 --steps 4":                 {1, 2, 2, 1.5},
		"--schedule linear --schedule-steps 2 --schedule-factor 0.1 --steps 4":         {2, 1.1, 0.2, 0.2},
		"--schedule step --schedule-steps 2 --schedule-factor 0.1 --steps 5":           {2, 2, 0.2, 0.2, 0.02},
		"--schedule inverse-sqrt --warmup 2 --steps 4":                                 {1, 2, 2 * math.Sqrt(2./3), 2 * math.Sqrt(2./4)},
		"--schedule inverse-sqrt --steps 3":                                            {2, 2 * math.Sqrt(1./2), 2 * math.Sqrt(1./3)},
		"--schedule plateau --schedule-patience 1 --valid-every 1 --steps 3 --lr 1e-9": {1e-9, 1e-9, 1e-9},
	} {
		must(t, strings.Fields("train lm --text rhyme.txt --batch 4 --seq 40 --optimizer sgd --lr 2 --out run --overwrite "+
			flags)...)
		got := rates(t, "run")
		if !slices.EqualFunc(got, want, func(x, y float64) bool { return math.Abs(x-y) < 1e-12 }) {
			t.Errorf("%s: %v, want %v", flags, got, want)
		}
	}
	// A step of an epoch, 12 steps.
	must(t, strings.Fields("train lm --text rhyme.txt --batch 4 --seq 40 --optimizer sgd --lr 2 --schedule step "+
		"--epochs 2 --out run --overwrite")...)
	if got := rates(t, "run"); got[11] != 2 || got[12] != 1 {
		t.Errorf("after an epoch the learning rate went from %v to %v", got[11], got[12])
	}
}

// What learns for a while and then only gets worse is stopped, and its learning rate falls on the way.
func TestPatienceAndPlateau(t *testing.T) {
	small(t, nil)
	backwards := []byte(rhyme(20))
	slices.Reverse(backwards)
	writeFile(t, "valid.txt", string(backwards))
	out := trainSmall(t, "--steps", "1000", "--valid-every", "2", "--valid-text", "valid.txt", "--patience", "5",
		"--schedule", "plateau", "--schedule-patience", "1", "--json")
	objects := jsonLines(t, out)
	end := objects[len(objects)-1]
	if end["event"] != "done" || end["why"] != "5 validations in a row without a better one" ||
		end["step"] != end["best_step"].(float64)+10 {
		t.Errorf("the end is %v", end)
	}
	got := rates(t, "run")
	if n := len(got); float64(n) != end["step"] || got[0] != 5 || got[n-1] != 1.25 || got[n-7] != 5 || got[n-6] != 2.5 {
		t.Errorf("the learning rates are %v", got)
	}
	words := must(t, strings.Fields("train lm --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out words "+
		"--steps 1000 --valid-every 2 --valid-text valid.txt --patience 5 --best accuracy")...)
	if !strings.Contains(words, ", ended by 5 validations in a row without a better one; best by accuracy after step ") {
		t.Errorf("the end in words is %s", words)
	}
	r := unroll(strings.Fields("train lm --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run --steps " +
		"2000 --valid-every 2 --valid-text valid.txt --patience 5 --schedule plateau --schedule-patience 1")...)
	if r.code != exitNoOutput || !strings.Contains(r.stderr, "run holds a run that is finished (") ||
		!strings.Contains(r.stderr, "5 validations in a row without a better one") {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	// With more patience it goes on.
	must(t, strings.Fields("train lm --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run --steps 2000 "+
		"--valid-every 2 --valid-text valid.txt --patience 7 --schedule plateau --schedule-patience 1")...)
	if got := jsonLines(t, must(t, "eval", "run", "--checkpoint", "last",
		"--json"))[0]["step"]; got != end["step"].(float64)+4 {
		t.Errorf("went on to step %v from %v", got, end["step"])
	}
}

// The best checkpoint is chosen by any measure, in its direction.
func TestBestBy(t *testing.T) {
	small(t, nil)
	for metric, better := range map[string]func(x, y float64) bool{
		"accuracy":   func(x, y float64) bool { return x > y },
		"perplexity": func(x, y float64) bool { return x < y },
	} {
		best := -1.0
		at := 0.0
		for _, o := range jsonLines(t, trainSmall(t, "--steps", "30", "--valid-every", "3", "--best", metric, "--json",
			"--overwrite")) {
			if o["event"] != "valid" || o["step"] == 0.0 {
				continue
			}
			x := o[metric].(float64)
			isBest := best < 0 || better(x, best)
			if isBest {
				best, at = x, o["step"].(float64)
			}
			if o["best"] != isBest {
				t.Errorf("%s, step %v: best is %v", metric, o["step"], o["best"])
			}
		}
		if got := jsonLines(t, must(t, "eval", "run", "--json"))[0]; got["step"] != at || got[metric] != best {
			t.Errorf("%s: the best is of step %v, want %v", metric, got["step"], at)
		}
	}
}

func TestValidEpochs(t *testing.T) {
	small(t, nil)
	var at []string
	for _, o := range jsonLines(t, trainSmall(t, "--epochs", "5", "--valid-epochs", "2", "--json")) {
		if o["event"] == "valid" {
			at = append(at, fmt.Sprint(o["step"]))
		}
	}
	if got := strings.Join(at, " "); got != "0 24 48 60" {
		t.Errorf("measured at %s", got)
	}
}
