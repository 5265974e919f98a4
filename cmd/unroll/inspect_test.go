package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// The commands that look at runs, as a person would use them; what is written fits into 80 columns.
func TestLookingAtRuns(t *testing.T) {
	t.Chdir(t.TempDir())
	text := ""
	for i := range 80 {
		text += fmt.Sprintf("%c%c\t%d\n", 'a'+i%13, 'c'+i%7, i%2)
	}
	writeFile(t, "table.tsv", text)
	must(t, strings.Fields("train classify --table table.tsv --hidden 8 --batch 8 --steps 6 --valid-every 2 --keep 3 --threads 1 --out run")...)
	for _, c := range []struct{ args, want string }{
		{"runs run", "a classifier: 1 run, the best first by the loss of a validation\n"},
		{"runs run --by accuracy --json", `"task":"classify","state":"done","steps":6,`},
		{"graph run", "loop of "},
		{"graph run", "\nlaunches of a step on an NVIDIA GPU, about: fp32 "},
		{"graph run --before", "Scan"},
		{"graph run --full", "buffers of inputs, states and outputs"},
		{"profile run --time 50ms", "the whole step"},
		{"average run --last 2", "run-averaged: the mean of the weights after steps 6 4\n\nnext:\n  unroll eval run-averaged\n" +
			"  # to compare\n  unroll eval run\n"},
		{"eval run-averaged --threads 1", "run-averaged/best after step 6, on "},
		{"train --config run-averaged --threads 1 --out again", "run folder: again"},
	} {
		out := must(t, strings.Fields(c.args)...)
		if !strings.Contains(out, c.want) {
			t.Errorf("%s: no %q in\n%s", c.args, c.want, out)
		}
		for _, line := range strings.Split(out, "\n") {
			if utf8.RuneCountInString(line) > 80 && !strings.Contains(c.args, "json") &&
				!strings.HasPrefix(c.args, "eval") && !strings.HasPrefix(c.args, "train") {
				t.Errorf("%s: longer than 80: %s", c.args, line)
			}
		}
	}
	for args, file := range map[string]string{
		"runs run --picture runs.png": "runs.png", "graph run --out step.svg": "step.svg", "graph run --out step.dot": "step.dot",
		"profile run --time 50ms --picture step.png": "step.png",
	} {
		r := unroll(strings.Fields(args)...)
		if info, err := os.Stat(file); err != nil || info.Size() < 500 || r.stderr != "unroll: drawn: "+file+"\n" {
			t.Errorf("%s: %s, %v", args, r.stderr, err)
		}
	}
	writeFile(t, "damaged/config.yaml", readFile(t, "run/config.yaml"))
	writeFile(t, "damaged/log.jsonl", "{}\n")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"runs nowhere", exitNoInput, "nowhere does not exist: check the path"},
		{"runs run --by beauty", exitUsage, `--by is "beauty": it must be loss, perplexity, `},
		{"graph run --out step.gif", exitUsage, `--out is "step.gif": its name must end with .svg or .dot`},
		{"runs run --picture no/where.svg", exitNoOutput, "--picture: no/where.svg cannot be written (no such file or directory): "},
		{"runs run-averaged --picture none.svg", exitData, "none.svg: no run was validated by what is to be drawn: name others"},
		{"runs run --by bleu --picture none.svg", exitData, "none.svg: no run was validated by what is to be drawn: name others"},
		{"profile run --threads 0", exitUsage, "--threads is 0: it must be from 1 to "},
		{"profile run --time 1ms", exitUsage, "--time is 1ms: it must be from 10ms to 1h"},
		{"average run --last 4", exitUsage, "run keeps 3 checkpoints besides the best, and 4 are to be averaged: train with --keep 4"},
		{"average run --last 2", exitNoOutput, "run-averaged holds a run: choose another folder with --out"},
		{"export run --onnx run/best/weights.safetensors", exitNoOutput,
			"--onnx: run/best/weights.safetensors is a part of a run, which could not be used without it: name another file"},
		{"export run --onnx run/config.yaml", exitNoOutput, "--onnx: run/config.yaml is a part of a run, which could not be"},
		{"runs damaged", exitData, "damaged/log.jsonl: not the log of a run, from byte 0 on: move it away, and the run goes on"},
		{"translate run run", exitData, "RUN: run holds a classifier: this command is for a sequence-to-sequence model"},
	} {
		r := unroll(strings.Fields(c.args)...)
		if r.code != c.code || !strings.HasPrefix(r.stderr, "unroll: "+c.want) || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: %d, %s; want %d, %s", c.args, r.code, r.stderr, c.code, c.want)
		}
	}
}

// A model of a program's own has no program that could be looked at.
func TestNoProgram(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "2")
	want(t, exitData, "the model of run has no program for the CPU", "graph", "run")
}
