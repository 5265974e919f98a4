package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// apart trains runs a and b, from two seeds.
func apart(t *testing.T, train string) {
	t.Helper()
	for seed, name := range []string{"a", "b"} {
		must(t, strings.Fields(fmt.Sprintf("%s --threads 1 --seed %d --out %s", train, seed+1, name))...)
	}
}

// evaluated measures runs together.
func evaluated(t *testing.T, runs, on string) map[string]any {
	t.Helper()
	return jsonLines(t, must(t, strings.Fields("eval "+runs+" --json --threads 1 "+on)...))[0]
}

// togetherIs compares what was measured with what it should be, and a run beside itself with that run.
func togetherIs(t *testing.T, on, measure string, wanted float64) {
	t.Helper()
	both, once, twice := evaluated(t, "a b", on), evaluated(t, "a", on), evaluated(t, "a a", on)
	if x := both[measure].(float64); math.Abs(x-wanted) > 1e-5*max(1, math.Abs(wanted)) || x == once[measure] {
		t.Errorf("%s is %v together, want %v; of one run %v", measure, x, wanted, once[measure])
	}
	if names := fmt.Sprint(both["together"]); names != "[a b]" || once["together"] != nil {
		t.Errorf("together are %s and %v", names, once["together"])
	}
	for key, x := range once {
		if y := twice[key]; key != "seconds" && key != "notes" && fmt.Sprint(x) != fmt.Sprint(y) {
			t.Errorf("%s is %v, and of the run beside itself %v", key, x, y)
		}
	}
	out := must(t, strings.Fields("eval a b --threads 1 "+on)...)
	if !strings.HasPrefix(out, "a/best, b/best together, on ") {
		t.Error(out)
	}
}

// meanLoss is that of the loss of runs by themselves.
func meanLoss(t *testing.T, on string) float64 {
	t.Helper()
	return (evaluated(t, "a", on)["loss"].(float64) + evaluated(t, "b", on)["loss"].(float64)) / 2
}

// Classifiers are measured by the mean of their probabilities.
func TestEvalClassifiersTogether(t *testing.T) {
	t.Chdir(t.TempDir())
	var table, texts strings.Builder
	var labels []string
	for i := range 40 {
		labels = append(labels, []string{"even", "odd"}[i%2])
		fmt.Fprintf(&table, "number %d\t%s\n", i, labels[i])
		fmt.Fprintf(&texts, "number %d\n", i)
	}
	writeFile(t, "words.tsv", table.String())
	apart(t, "train classify --table words.tsv --hidden 6 --embed 4 --batch 8 --steps 9 --lr 0.05")
	loss := 0.0
	answers := jsonLines(t, unrollOn(texts.String(), "classify", "a", "b", "--json", "--top", "2").stdout)
	for i, line := range answers {
		for _, l := range line["labels"].([]any) {
			if of := l.(map[string]any); of["label"] == labels[i] {
				loss -= math.Log(of["probability"].(float64)) / float64(len(labels))
			}
		}
	}
	togetherIs(t, "--valid-table words.tsv", "loss", loss)
	out := must(t, "eval", "a", "b", "--threads", "1")
	if !strings.Contains(out, "\nb has other data than a, or divided them otherwise, and may have learned from ") {
		t.Errorf("that one may have learned from the validation part of the other is not in\n%s", out)
	}
}

// Regressors and forecasters are measured by the mean of what they say; their loss is the mean.
func TestEvalNumbersTogether(t *testing.T) {
	t.Chdir(t.TempDir())
	numbers := strings.Replace(lines(30), "@classLabel true 1 -1", "@targetLabel true", 1)
	writeFile(t, "numbers.ts", numbers)
	apart(t, "train regress --series numbers.ts --valid-series numbers.ts --hidden 6 --batch 8 --steps 9")
	sum, n := 0.0, 0.0
	rows := strings.Split(strings.TrimSpace(numbers[strings.Index(numbers, "@data\n")+6:]), "\n")
	for i, o := range jsonLines(t, must(t, "regress", "a", "b", "--series", "numbers.ts", "--json", "--threads", "1")) {
		var right float64
		fmt.Sscan(rows[i][strings.LastIndex(rows[i], ":")+1:], &right)
		sum, n = sum+math.Abs(o["number"].(float64)-right), n+1
	}
	const on = "--valid-series numbers.ts"
	togetherIs(t, on, "mae", sum/n)
	togetherIs(t, on, "loss", meanLoss(t, on))
}

func TestEvalForecastersTogether(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "sales.csv", sales(3, 0, 40))
	writeFile(t, "followed.csv", sales(3, 40, 7))
	apart(t, "train forecast --series sales.csv --horizon 7 --hidden 6 --batch 8 --steps 9 --quantiles 0.1,0.5,0.9")
	var came []float64
	for _, row := range strings.Split(strings.TrimSpace(sales(3, 40, 7)), "\n")[1:] {
		var y float64
		fmt.Sscan(row[strings.LastIndex(row, ",")+1:], &y)
		came = append(came, y)
	}
	sum := 0.0
	for i, o := range jsonLines(t, must(t, "forecast", "a", "b", "--json", "--threads", "1")) {
		for h, y := range o["forecast"].([]any) {
			sum += math.Abs(y.(float64) - came[7*i+h])
		}
	}
	const on = "--future followed.csv"
	togetherIs(t, on, "mae", sum/float64(len(came)))
	togetherIs(t, on, "loss", meanLoss(t, on))
}

// Translators are measured by what they write together; the loss of tokens is the mean.
func TestEvalTranslatorsTogether(t *testing.T) {
	t.Chdir(t.TempDir())
	var pairs, sources strings.Builder
	var targets []string
	for i := range 24 {
		targets = append(targets, strings.Repeat("x", i%3+1))
		fmt.Fprintf(&pairs, "%s\t%s\n", strings.Repeat("a", i%3+1), targets[i])
		fmt.Fprintln(&sources, strings.Repeat("a", i%3+1))
	}
	writeFile(t, "pairs.tsv", pairs.String())
	apart(t, "train seq2seq --pairs pairs.tsv --hidden 12 --embed 6 --batch 8 --lr 0.05 --steps 12")
	written := strings.Split(unrollOn(sources.String(), "translate", "a", "b").stdout, "\n")[:len(targets)]
	right := 0.0
	for i := range targets {
		if written[i] == targets[i] {
			right++
		}
	}
	const on = "--valid-pairs pairs.tsv"
	if x := evaluated(t, "a b", on)["exact_match"].(float64); math.Abs(x-right/float64(len(targets))) > 1e-9 {
		t.Errorf("%v are right, and of %v %v were", x, written, right)
	}
	togetherIs(t, on, "loss", meanLoss(t, on))
	notes := fmt.Sprint(evaluated(t, "a b", on)["notes"])
	if !strings.Contains(notes, "the loss and the accuracy of tokens: the mean of those of the models by themselves") {
		t.Error(notes)
	}
}
