package main

import (
	"fmt"
	"strings"
	"testing"
)

// lines is a .ts file of n series of 4 or 5 values, rising with the label 1 and falling with -1.
func lines(n int) string {
	var b strings.Builder
	b.WriteString("@problemName lines\n@classLabel true 1 -1\n@data\n")
	for i := range n {
		slope := 1 - i%2*2
		for s := range 4 + i%3%2 {
			fmt.Fprintf(&b, "%d,", i%7+s*slope)
		}
		fmt.Fprintf(&b, "%d:%d\n", i%7+5*slope, slope)
	}
	return b.String()
}

// Series are classified, and the same labels predicted as numbers; files without labels are read for use.
func TestSeries(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "lines.ts", lines(60))
	writeFile(t, "numbers.ts", strings.Replace(lines(60), "@classLabel true 1 -1", "@targetLabel true", 1))
	writeFile(t, "new.ts", "@problemName lines\n@classLabel false\n@data\n1,2,3,4\n4,3,2,1,0\n")
	const small = " --series lines.ts --hidden 8 --batch 8 --lr 0.03 --epochs 12 --threads 1 "
	out := must(t, strings.Fields("train classify --out classes"+small)...)
	for _, want := range []string{
		"training on lines.ts: 54 examples of 2 classes, and 6 for validation\n", "model: series of 1 channel, scaled by channel; gru, layers 1, ",
		"\n  # series, in files as that of the training data\n  unroll classify classes --series FILE\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if out := must(t, "classify", "classes", "--series", "new.ts", "--threads",
		"1"); !strings.HasPrefix(out, "1\t0.") && !strings.HasPrefix(out, "1\t1.") ||
		!strings.Contains(out, "\n-1\t") {
		t.Error(out)
	}
	if o := jsonLines(t, must(t, "eval", "classes", "--valid-series", "lines.ts", "--json", "--threads",
		"1"))[0]; o["accuracy"] != 1.0 || o["examples"] != 60.0 {
		t.Error(o)
	}
	// What becomes of missing values is said, also where the training data had none.
	writeFile(t, "gaps.ts", strings.Replace(lines(60), "\n1,2,", "\n1,?,", 3))
	const gaps = "gaps.ts: 3 values are missing: the value before stands for each\n"
	if out := must(t, "eval", "classes", "--valid-series", "gaps.ts", "--threads", "1"); !strings.HasSuffix(out, gaps) {
		t.Error(out)
	}
	if r := unroll("classify", "classes", "--series", "gaps.ts", "--threads", "1"); r.code != exitOK ||
		r.stderr != "unroll: "+gaps {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	out = must(t, strings.Fields("train regress --out numbers"+strings.Replace(small, "lines.ts", "numbers.ts", 1))...)
	if !strings.Contains(out, "validation: RMSE ") {
		t.Error(out)
	}
	if o := jsonLines(t, must(t, "eval", "numbers", "--json", "--threads", "1"))[0]; o["rmse"].(float64) > 0.5 ||
		o["baseline_rmse"].(float64) < 0.9 {
		t.Error(o)
	}
	if out := must(t, "eval", "numbers", "--threads", "1"); !strings.Contains(out, "\nalways the mean: RMSE ") ||
		strings.Contains(out, "nats") {
		t.Error(out)
	}
	again := must(t,
		strings.Fields("train regress --series numbers.ts --from numbers --steps 1 --threads 1 --out again")...)
	if !strings.Contains(again, "beginning with the model of numbers, as it is after step ") {
		t.Error(again)
	}
	if o := jsonLines(t, must(t, "regress", "numbers", "--series", "new.ts", "--json", "--threads", "1")); len(o) != 2 ||
		o[0]["number"].(float64) < 0.5 ||
		o[1]["number"].(float64) > -0.5 {
		t.Error(o)
	}
}

func TestSeriesErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "lines.ts", lines(30))
	writeFile(t, "words.tsv", parities(60))
	must(t, strings.Fields("train classify --series lines.ts --hidden 4 --steps 2 --threads 1 --out classes")...)
	must(t, strings.Fields(classifySmall+"--steps 2 --out texts")...)
	for _, c := range []struct {
		code        int
		args, error string
	}{
		{exitUsage, "train regress", "nothing to train on: name data with --series, or a task with --task"},
		{exitUsage, "train regress --task adding --series x.ts", "--series and --task both name data: leave one of them out"},
		{exitUsage, "train classify --table words.tsv --patch 2",
			"--patch, --differences, --scale, --missing and --noise are for data that --series names, and there are none: leave them out"},
		{exitUsage, "train classify --table words.tsv --label x", "--label, --id, --time and --layout are for data that --series names, and there are none: leave them out"},
		{exitUsage, "train classify --series lines.ts --patch 0 --noise -1", "--noise is -1: it must be at least 0"},
		{exitUsage, "train classify --series lines.ts --patch -1", "--patch is -1: it must be at least 0"},
		{exitUsage, "train classify --series lines.ts --valid-table words.tsv", "--series and --valid-table are series and texts: both must be the same"},
		{exitNoInput, "train regress --series none.ts", "--series: none.ts does not exist: check the path"},
		{exitUsage, "train regress --task adding-1", "--task: there is no task \"adding-1\" on series; there is adding, of 200 steps, or with a number from 2 to 100000 as in adding-50"},
		{exitData, "classify classes", "RUN: classes classifies series: name them with --series"},
		{exitData, "classify texts --series lines.ts", "--series: texts classifies no series: leave it out"},
		{exitData, "regress classes --series lines.ts", "RUN: classes holds a classifier: this command is for a regressor"},
	} {
		want(t, c.code, c.error, strings.Fields(c.args)...)
	}
}
