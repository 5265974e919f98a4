package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// Without --out the same command goes on with the run that was stopped, and begins a new one after it has finished.
func TestRepeatWithoutOut(t *testing.T) {
	small(t, func(m *pairLM) {
		m.onStep = func(step int) {
			if step == 4 {
				terminate(t)
			}
		}
	})
	writeFile(t, "rhyme.txt", rhyme(100))
	args := strings.Fields("train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --steps 20")
	if r := unroll(args...); r.code != exitStopped || !strings.Contains(r.stderr,
		"saved in runs/lm-1/last: continue with unroll "+strings.Join(args, " ")+" --out runs/lm-1\n") {
		t.Fatalf("%d, %s", r.code, r.stderr)
	}
	withPairLM(nil)
	other := must(t, append(args, "--seed", "2")...)
	if !strings.Contains(other, "run folder: runs/lm-2\n") {
		t.Errorf("with another seed: %s", other)
	}
	r := unroll(args...)
	const says = "unroll: runs/lm-1 has the same settings and is not finished: it goes on; --resume never " +
		"begins a new run\n"
	if r.code != 0 || r.stderr != says || !strings.Contains(r.stdout, "run folder: runs/lm-1\ncontinuing after step 4\n") {
		t.Errorf("%d, %s%s", r.code, r.stderr, r.stdout)
	}
	if out := must(t, args...); !strings.Contains(out, "run folder: runs/lm-3\n") {
		t.Errorf("after it has finished: %s", out)
	}
	must(t,
		strings.Fields("train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --steps 20 --out straight")...)
	if readFile(t, "runs/lm-1/last/weights.safetensors") != readFile(t, "straight/last/weights.safetensors") {
		t.Error("the weights are not those of a run that was not stopped")
	}
}

// With --resume must nothing begins: a path that is wrong, or a disk that is not there, is said and stays as it is.
func TestResumeMust(t *testing.T) {
	small(t, func(m *pairLM) {
		m.onStep = func(step int) {
			if step == 4 {
				terminate(t)
			}
		}
	})
	writeFile(t, "rhyme.txt", rhyme(100))
	const args = "train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --steps 20 --resume must"
	want(t, exitNoInput, "there is no unfinished run with these settings in runs: name its folder with --out",
		strings.Fields(args)...)
	want(t, exitNoInput,
		"a/run holds no checkpoint: check --out; --resume auto begins a run where there is none",
		strings.Fields(args+" --out a/run")...)
	want(t, exitUsage, "--overwrite replaces a run and --resume must continues it: leave one of them out",
		strings.Fields(args+" --out a/run --overwrite")...)
	if got := names(t, "."); got != "rhyme.txt" {
		t.Errorf("the folder holds %s", got)
	}
	for _, out := range []string{"", " --out a/run"} {
		auto := strings.Replace(args, "must", "auto", 1)
		if r := unroll(strings.Fields(auto + out)...); r.code != exitStopped {
			t.Fatalf("%d, %s", r.code, r.stderr)
		}
	}
	withPairLM(nil)
	for _, out := range []string{"", " --out a/run"} {
		if r := unroll(strings.Fields(args + out)...); r.code != 0 || !strings.Contains(r.stdout, "continuing after step 4\n") {
			t.Errorf("%d, %s%s", r.code, r.stderr, r.stdout)
		}
	}
}

// A signal while a checkpoint is written waits for it: the checkpoint is whole, and the end that of a training that
// nobody stopped.
func TestStopWhileSaving(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	const args = "train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --checkpoint-every 6 --steps 20 --out "
	must(t, strings.Fields(args+"straight")...)
	withPairLM(func(m *pairLM) {
		m.onSave = func() {
			if m.steps == 6 {
				m.onSave = nil
				terminate(t)
			}
		}
	})
	r := unroll(strings.Fields(args + "run")...)
	if r.code != exitStopped || !strings.Contains(r.stderr, "unroll: stopped after step 6, saved in run/last: ") {
		t.Fatalf("%d, %s", r.code, r.stderr)
	}
	withPairLM(nil)
	must(t, strings.Fields(args+"run")...)
	if readFile(t, "run/last/weights.safetensors") != readFile(t, "straight/last/weights.safetensors") {
		t.Error("the weights are not those of a run that was not stopped")
	}
}

// --minutes are those of all processes of a run together.
func TestMinutesOverRestarts(t *testing.T) {
	const (
		step    = 50 * time.Millisecond
		minutes = 0.01 // 12 steps
	)
	stopAt := 8
	small(t, func(m *pairLM) {
		m.onStep = func(n int) {
			time.Sleep(step)
			if n == stopAt {
				terminate(t)
			}
		}
	})
	writeFile(t, "rhyme.txt", rhyme(100))
	args := strings.Fields(fmt.Sprintf("train --text rhyme.txt --batch 4 --seq 40 --json --out run --minutes %g", minutes))
	if r := unroll(args...); r.code != exitStopped {
		t.Skipf("the machine is too slow for %d steps in time: %d, %s", stopAt, r.code, r.stderr)
	}
	stopAt = 0
	objects := jsonLines(t, must(t, args...))
	end := objects[len(objects)-1]
	most := math.Ceil(minutes * float64(time.Minute/step)) // as many as fit, and none that begins after that
	if n, s := end["step"].(float64), end["seconds"].(float64); end["event"] != "done" || n > most || s < minutes*60 {
		t.Errorf("ended with %v: want at most %g steps in all", end, most)
	}
}

// A job that starts again with an unroll that writes runs in another way leaves the run as it is.
func TestRunOfAnotherVersion(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "3")
	config := strings.Replace(readFile(t, "run/config.yaml"), "format: unroll-run-1\n", "format: unroll-run-2\n", 1)
	writeFile(t, "run/config.yaml", config)
	weights := readFile(t, "run/last/weights.safetensors")
	for _, resume := range []string{"auto", "must", "never"} {
		want(t, exitNoOutput, `run/config.yaml: format "unroll-run-2", this version reads "unroll-run-1": restore it from a `+
			"copy of the run, or choose another folder with --out",
			strings.Fields("train --text rhyme.txt --batch 4 --seq 40 --out run --steps 9 --resume "+resume)...)
	}
	if readFile(t, "run/config.yaml") != config || readFile(t, "run/last/weights.safetensors") != weights {
		t.Error("the run has changed")
	}
}
