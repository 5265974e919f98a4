package main

import (
	"strings"
	"testing"
)

// Fine-tuning: the new run begins where the other ended.
func TestTrainFrom(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "rhyme.txt", rhyme(100))
	writeFile(t, "other.txt", rhyme(60)+strings.Repeat("the dog is on the mat.\n", 40))
	const flags = "train lm --batch 4 --seq 20 --threads 1 --device cpu "
	must(t, strings.Fields(flags+"--text rhyme.txt --hidden 16 --layers 1 --embed 8 --steps 40 --out run")...)
	valid := func(out string) []float64 {
		var losses []float64
		for _, o := range jsonLines(t, readFile(t, out+"/log.jsonl")) {
			if o["event"] == "valid" {
				losses = append(losses, o["valid_loss"].(float64))
			}
		}
		return losses
	}
	before := valid("run")
	tune := flags + "--from run --lr 1e-9 --text rhyme.txt --steps 1 --out tuned"
	if out := must(t, strings.Fields(tune)...); !strings.Contains(out,
		"beginning with the model of run, as it is after step ") {
		t.Error(out)
	}
	if got, want := valid("tuned")[0], before[len(before)-1]; got-want > 1e-4 || want-got > 1e-4 {
		t.Errorf("begins with %g, the run ended with %g", got, want)
	}
	must(t, strings.Fields(strings.Replace(tune, "--steps 1", "--steps 3", 1))...) // goes on
	must(t, strings.Fields(flags+"--from run --lr 0.0001 --text other.txt --steps 2 --out more")...)
	must(t, "eval", "more")
	want(t, exitUsage, "--hidden is 128, and the model of run has 16: leave it out, for the model comes from there",
		strings.Fields(flags+"--from run --hidden 128 --text rhyme.txt --out no")...)
	want(t, exitData, "--from: run holds a language model: this command is for a classifier",
		"train", "classify", "--table", "rhyme.txt", "--from", "run")
	want(t, exitNoInput, "--from: nothing does not exist: check the path",
		strings.Fields(flags+"--from nothing --text rhyme.txt")...)
	want(t, exitData, "run holds a run with other settings (from: here, not there): --overwrite to replace it, or "+
		"choose another folder with --out; --from run begins there with its weights",
		strings.Fields(flags+"--from run --text rhyme.txt --steps 1 --out run")...)
}
