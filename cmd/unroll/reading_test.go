package main

import (
	"fmt"
	"strings"
	"testing"
)

// The lines of the standard input are read as those of the files were that a run learned from.
func TestStdinIsReadAsFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "words.tsv", parities(120))
	must(t, strings.Fields(classifySmall+"--steps 20 --out run")...)
	first := answers(t, "abab\n", "classify", "run")
	for _, line := range []string{"abab", " abab \r", "\ufeffabab", "\u00a0abab\u3000", "abab"} {
		if got := answers(t, line+"\n", "classify", "run"); got != first {
			t.Errorf("%q: %swant %s", line, got, first)
		}
	}
	if r := unrollOn("abab\tbegins with a\nabab\n", "classify", "run"); r.stdout != first+first ||
		r.stderr != "unroll: stdin: 1 line has tabs, of which column 1 was read\n" {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	if r := unrollOn("abcd\n\nab\n", "classify", "run",
		"--json"); r.stderr != "unroll: stdin: 2 of 6 tokens (33.3%) are unknown\n" ||
		!strings.HasPrefix(r.stdout, `{"text":"abcd","unknown":2,"labels":[{`) || strings.Count(r.stdout, "unknown") != 1 {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	if r := unrollOn("<srcset>\n", "classify", "run"); r.code != exitData {
		t.Errorf("%d, %s", r.code, r.stderr)
	}

	// With the label in front, it is the second column.
	writeFile(t, "swapped.tsv", "label\ttext\n"+swapColumns(parities(120)))
	must(t, strings.Fields("train classify --table swapped.tsv --hidden 8 --embed 4 --batch 8 --buckets 2 --threads 1 "+
		"--steps 20 --out swapped")...)
	first = answers(t, "abab\n", "classify", "swapped")
	if r := unrollOn("begins with a\tabab\n", "classify", "swapped"); r.stdout != first ||
		r.stderr != "unroll: stdin: 1 line has tabs, of which column 2 was read\n" {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
}

// Data may be written in many ways: what is read of them is the same, in training and in measuring.
func TestFormats(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "words.tsv", parities(120))
	writeFile(t, "words.csv", "label;words\n"+strings.ReplaceAll(swapColumns(parities(120)), "\t", ";"))
	writeFile(t, "few.tsv", parities(10))
	const small = " --hidden 8 --embed 4 --batch 8 --buckets 2 --threads 1 --steps 20 --overwrite --out run"
	plain := jsonLines(t, must(t, strings.Fields("train classify --table words.tsv --json"+small)...))
	csv := jsonLines(t, must(t, strings.Fields("train classify --table words.csv --columns words,label --json"+small)...))
	if a, b := plain[len(plain)-1]["best_valid_loss"], csv[len(csv)-1]["best_valid_loss"]; a != b || a == nil {
		t.Errorf("the loss is %v, and of the same rows as CSV %v", a, b)
	}
	must(t, "eval", "run")
	if o := jsonLines(t, must(t, "eval", "run", "--table", "words.csv", "--json"))[0]; o["split"] != "validation" ||
		o["examples"] != 12.0 {
		t.Errorf("%v", o)
	}
	// What the flags say for one file they need not say for another that has none of it.
	o := jsonLines(t, must(t, "eval", "run", "--valid-table", "few.tsv", "--columns", "1,2", "--header", "no",
		"--json"))[0]
	if o["examples"] != 10.0 || o["unknown"] != nil {
		t.Errorf("%v", o)
	}
	for _, c := range []struct{ args, error string }{
		{"train classify --folder . --columns 2,1", "--format, --quoted, --columns and --header are for data that --table or --pairs names, and there are none: leave them out"},
		{"train classify --table words.tsv --labels a,b", "--labels is for data that --folder names, and there are none: leave it out"},
		{"train classify --table words.tsv --transpose", "--transpose is for data that --idx names, and there are none: leave it out"},
		{"train classify --table words.tsv --columns 1", "--columns 1 names 1 columns: name two, as in --columns 2,1"},
		{"eval run --columns 2,1", "--format, --quoted, --columns and --header are for data that --table or --pairs names, and there are none: leave them out"},
	} {
		want(t, exitUsage, c.error, strings.Fields(c.args)...)
	}
}

// swapColumns writes the second column of a table before the first.
func swapColumns(table string) string {
	var b strings.Builder
	for line := range strings.Lines(table) {
		text, label, _ := strings.Cut(strings.TrimSpace(line), "\t")
		fmt.Fprintf(&b, "%s\t%s\n", label, text)
	}
	return b.String()
}

// Examples whose label the model does not have count as wrong; on request they are left out. Neither ends a
// measurement.
func TestUnknownLabels(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "words.tsv", parities(120))
	must(t, strings.Fields(classifySmall+"--epochs 8 --lr 0.03 --out run")...)
	writeFile(t, "more.tsv", parities(6)+"ab\tbegins with c\nba\tbegins with d\n")
	const words = `more.tsv: 2 examples have labels that are not among the 2 of the training data ("begins with c", "begins with d"): `
	const wrong = "counted as wrong, and left out of the loss, F1 and what examples are taken for"
	for _, c := range []struct {
		flag               string
		examples, accuracy float64
		note               string
	}{{"--json", 8, 0.75, words + wrong}, {"--skip-bad", 6, 1, words + "left out"}} {
		o := jsonLines(t, must(t, "eval", "run", "--json", "--valid-table", "more.tsv", c.flag))[0]
		if o["examples"] != c.examples || o["accuracy"] != c.accuracy || o["unknown_labels"] != 2.0 ||
			o["notes"].([]any)[0] != c.note {
			t.Errorf("%s: %v", c.flag, o)
		}
	}
	out := must(t, strings.Fields(classifySmall+"--valid-table more.tsv --steps 2 --out other")...)
	if !strings.Contains(out, "\n"+words+wrong+"\n") {
		t.Error(out)
	}
}

// A model of characters meets one that it does not know.
func TestUnknownCharacters(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "3")
	writeFile(t, "strange.txt", "the cat\nis ön the m’at\n")
	o := jsonLines(t, must(t, "eval", "run", "--valid-text", "strange.txt", "--skip-unknown", "--json"))[0]
	if o["left_out"] != 2.0 || o["tokens"] != 20.0 {
		t.Errorf("%v", o)
	}
	if r := unroll("sample", "run", "--prompt", "thé", "--skip-unknown", "--length", "1", "--json"); r.code != exitOK ||
		r.stderr != "unroll: --prompt: 1 of 3 tokens (33.3%) is unknown\n" ||
		!strings.HasPrefix(r.stdout, `{"prompt":"thé","unknown":1,`) {
		t.Errorf("%d, %s%s", r.code, r.stdout, r.stderr)
	}
	// With --min-freq there is a token for those.
	trainSmall(t, "--steps", "3", "--min-freq", "2", "--overwrite")
	o = jsonLines(t, must(t, "eval", "run", "--valid-text", "strange.txt", "--json"))[0]
	if o["unknown"].(float64) < 2 || o["tokens"] != 22.0 {
		t.Errorf("%v", o)
	}
}

// What is measured on says what it is, if that is what the model has learned.
func TestMeasuredData(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "words.tsv", parities(120))
	out := must(t, strings.Fields(classifySmall+"--valid-table words.tsv --steps 2 --out run")...)
	if !strings.Contains(out,
		"\nthe validation data are those that the model learns from: how well it does on others stays unknown\n") {
		t.Error(out)
	}
	if out := must(t, "eval", "run", "--valid-table", "words.tsv"); !strings.HasSuffix(out,
		"\nthe run was trained on these data: how well it does on others stays unknown\n") {
		t.Error(out)
	}
	// A run of before has no rules of reading in its configuration: what it held out is not known.
	must(t, strings.Fields(classifySmall+"--steps 2 --out old")...)
	config := strings.Replace(readFile(t, "old/config.yaml"), "  reading: 2\n", "", 1)
	writeFile(t, "old/config.yaml", config)
	want(t, exitData, "the run was made by another version of unroll, which held out other examples: measure on "+
		"data that it has not seen with --valid-table", "eval", "old")
	must(t, "eval", "old", "--valid-table", "words.tsv")
	want(t, exitData, "old holds a run with other settings (made by another version, which read and divided data "+
		"by other rules): --overwrite to replace it, or choose another folder with --out; --from old begins there "+
		"with its weights",
		strings.Fields(classifySmall+"--steps 4 --out old")...)
}
