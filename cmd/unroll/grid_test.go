package main

import (
	"os"
	"strings"
	"testing"
)

// A task of an array trains its line, in a folder of its own, as the command that --dry-run writes does.
func TestGrid(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	writeFile(t, "grid.txt", "# rates\n--lr 5\n\nlm --lr 3 --seed 2   # another seed\nlast: --hidden no\n")
	const args = "train --text rhyme.txt --batch 4 --seq 40 --optimizer sgd --steps 7 --grid grid.txt --out sweep"
	want(t, exitUsage, `grid.txt:5: --hidden: expected a valid 64 bit int but got "no"; see unroll train lm --help`,
		strings.Fields(args+" --dry-run")...)
	if names(t, ".") != "grid.txt rhyme.txt" {
		t.Errorf("there are %s", names(t, "."))
	}
	writeFile(t, "grid.txt", "# rates\n--lr 5\n\nlm --lr 3 --seed 2   # another seed\nlast: --hidden 4\n")
	commands := strings.Split(must(t, strings.Fields(args+" --dry-run")...), "\n")
	if len(commands) != 3+1 {
		t.Fatalf("commands: %q", commands)
	}
	must(t, strings.Fields(args+" --task-id 1")...)
	t.Setenv("SLURM_ARRAY_TASK_ID", "2")
	must(t, strings.Fields(args)...)
	if got := names(t, "sweep"); got != "lm,lr=3,seed=2 lr=5" {
		t.Errorf("the sweep holds %s", got)
	}
	for i, name := range []string{"lr=5", "lm,lr=3,seed=2"} {
		if !strings.HasSuffix(commands[i], " --out sweep/"+name) {
			t.Errorf("line %d is %s", i+1, commands[i])
		}
		weights := readFile(t, "sweep/"+name+"/last/weights.safetensors")
		if err := os.RemoveAll("sweep/" + name); err != nil {
			t.Fatal(err)
		}
		must(t, strings.Fields(commands[i])[1:]...)
		if readFile(t, "sweep/"+name+"/last/weights.safetensors") != weights {
			t.Errorf("%s is not what its command trains", name)
		}
	}
	r := unroll(strings.Fields(args)...)
	const says = "unroll: grid.txt:4: sweep/lm,lr=3,seed=2 holds a run that is finished (7 steps): nothing to do\n"
	if r.code != 0 || r.stderr != says {
		t.Errorf("a task that is done: %d, %s", r.code, r.stderr)
	}
}

// What goes wrong in a task says in which line of the grid.
func TestGridErrors(t *testing.T) {
	small(t, nil)
	writeFile(t, "grid.txt", "--lr 5 --text missing.txt\n--lr 0 --text grid.txt\nother: --nothing\n")
	for _, c := range []struct {
		code       int
		args, want string
	}{
		{exitNoInput, "--grid none.txt --task-id 1", "--grid: none.txt does not exist: check the path"},
		{exitUsage, "--grid grid.txt", "which training of grid.txt? --task-id 1 to 3, or a job array with as many tasks; --dry-run shows all"},
		{exitUsage, "--grid grid.txt --task-id 4", "--task-id is 4: the trainings of grid.txt are 1 to 3"},
		{exitNoInput, "--grid grid.txt --task-id 1", "grid.txt:1: --text: missing.txt does not exist: check the path"},
		{exitUsage, "--grid grid.txt --task-id 2", "grid.txt:2: --lr is 0: it must be larger than 0"},
		{exitUsage, "--grid grid.txt --task-id 3", "grid.txt:3: unknown flag --nothing; see unroll train seq2seq --help"},
	} {
		want(t, c.code, c.want, strings.Fields("train "+c.args)...)
	}
	if names(t, ".") != "grid.txt" {
		t.Errorf("there are %s", names(t, "."))
	}
}

// What a task prints when it is stopped needs neither the grid nor the array.
func TestGridIsStopped(t *testing.T) {
	small(t, func(m *pairLM) {
		m.onStep = func(step int) {
			if step == 4 {
				terminate(t)
			}
		}
	})
	writeFile(t, "rhyme.txt", rhyme(100))
	writeFile(t, "grid.txt", "--seed 2\n")
	r := unroll(strings.Fields("train --text rhyme.txt --batch 4 --seq 40 --steps 9 --grid grid.txt --task-id 1 --overwrite --out sweep")...)
	_, command, ok := strings.Cut(r.stderr, "unroll: grid.txt:1: stopped after step 4, saved in sweep/seed=2/last: continue with unroll ")
	const want = "train --text rhyme.txt --batch 4 --seq 40 --steps 9 --seed 2 --out sweep/seed=2\n"
	if r.code != exitStopped || !ok || command != want {
		t.Fatalf("%d, %s", r.code, r.stderr)
	}
	withPairLM(nil)
	if out := must(t, strings.Fields(command)...); !strings.Contains(out, "continuing after step 4\n") {
		t.Error(out)
	}
}
