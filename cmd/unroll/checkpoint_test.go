package main

import (
	"strings"
	"testing"
)

// A run that was stopped before its first validation can be used, and it is said that it was not validated.
func TestUseBeforeValidation(t *testing.T) {
	small(t, func(m *pairLM) {
		m.onStep = func(step int) {
			if step == 4 {
				terminate(t)
			}
		}
	})
	writeFile(t, "rhyme.txt", rhyme(100))
	if r := unroll(strings.Fields(
		"train --text rhyme.txt --batch 4 --seq 40 --out run --steps 20 --valid-every 20",
	)...); r.code != exitStopped {
		t.Fatalf("%d, %s", r.code, r.stderr)
	}
	for _, command := range []string{"eval run", "sample run --length 5"} {
		r := unroll(strings.Fields(command)...)
		if want := "unroll: run was not validated yet, so there is no best checkpoint: the " +
			"last one is used\n"; r.code != 0 || r.stderr != want {
			t.Errorf("%s: %d, %s", command, r.code, r.stderr)
		}
	}
	if out := must(t, "eval", "run", "--checkpoint", "last"); !strings.HasPrefix(out, "run/last after step 4,") {
		t.Error(out)
	}
	want(t, exitData, "run/best: there is no such checkpoint: choose one of last", "eval", "run", "--checkpoint", "best")
}

func TestCheckpointOfAStep(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "12", "--valid-every", "4", "--keep", "2")
	for step, name := range map[string]string{"12": "last", "8": "last-8"} {
		if out := must(t, "eval", "run", "--checkpoint", step); !strings.HasPrefix(out, "run/"+name+" after step "+step+",") {
			t.Errorf("%s: %s", step, out)
		}
	}
	want(t, exitData, "run/last-7: there is no such checkpoint: choose one of best, last, last-8", "eval", "run",
		"--checkpoint", "7")
}
