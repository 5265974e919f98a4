package main

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
)

// answers runs a command with something on stdin that should succeed, and returns its stdout. It may say that
// it does not know all of it.
func answers(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	stdout, stderr := answersAndRemarks(t, stdin, args...)
	if known := strings.HasPrefix(stderr, "unroll: stdin: ") && strings.Contains(stderr, " unknown"); stderr != "" &&
		!known {
		t.Fatalf("unroll %s: %s", strings.Join(args, " "), stderr)
	}
	return stdout
}

// answersAndRemarks are what is written for lines of stdin, and what is said of it.
func answersAndRemarks(t *testing.T, stdin string, args ...string) (answers, remarks string) {
	t.Helper()
	r := unrollOn(stdin, args...)
	if r.code != exitOK {
		t.Fatalf("unroll %s: exit code %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r.stdout, r.stderr
}

// parities is a table of n words of a and b with a label that says with which they begin.
func parities(n int) string {
	var b strings.Builder
	for i := range n {
		word := strings.NewReplacer("0", "a", "1", "b").Replace(fmt.Sprintf("%b", i+2))
		if i/2%2 == 0 {
			word = "b" + word
		} else {
			word = "a" + word
		}
		fmt.Fprintf(&b, "%s\tbegins with %c\n", word, word[0])
	}
	return b.String()
}

const classifySmall = "train classify --table words.tsv --hidden 8 --embed 4 --batch 8 --buckets 2 --threads 1 "

func TestClassify(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "words.tsv", parities(120))
	out := must(t, strings.Fields(classifySmall+"--epochs 8 --lr 0.03 --out run")...)
	for _, want := range []string{
		"training on words.tsv: 108 examples of 2 classes, and 12 for validation\n",
		"model: chars, 6 different ones, embedding 4; gru, layers 1, hidden 8, pooling last; ",
		"\nof the validation examples 100.0% are classified right:\n  ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	log := jsonLines(t, readFile(t, "run/log.jsonl"))
	valid := log[len(log)-2]
	for _, c := range []struct {
		args, split string
		examples    float64
	}{{"", "validation", 12}, {"--table words.tsv", "validation", 12}, {"--valid-table words.tsv", "all", 120}} {
		o := jsonLines(t, must(t, append(strings.Fields("eval run --json"), strings.Fields(c.args)...)...))[0]
		if o["split"] != c.split || o["examples"] != c.examples || o["accuracy"] != 1.0 || o["top2"] != 1.0 ||
			o["perplexity"] != nil ||
			o["tokens"].(float64) < 2*c.examples {
			t.Errorf("eval run %s: %v", c.args, o)
		}
		if c.split == "validation" && o["loss"] != valid["valid_loss"] {
			t.Errorf("eval run %s gives %v, training measured %v", c.args, o["loss"], valid["valid_loss"])
		}
	}
	if out := must(t, "eval", "run"); !strings.Contains(out, "on the validation part of /") || !strings.Contains(out,
		" nats per example  accuracy 100.00%  macro F1 100.00%  in the two likeliest 100.00%\n12 examples in ") {
		t.Error(out)
	}
	table := must(t, "eval", "run", "--by-class", "--valid-table", "words.tsv")
	if want := "\nbegins with a  100.00%    100.00%  100.00%  60        begins with a 60\n"; !strings.Contains(table,
		want) {
		t.Errorf("%q is not in\n%s", want, table)
	}
	o := jsonLines(t, must(t, "eval", "run", "--by-class", "--json"))[0]
	classes, confusion := o["classes"].([]any), o["confusion"].([]any)
	first := classes[0].(map[string]any)
	if o["macro_f1"] != 1.0 || len(classes) != 2 || first["label"] != "begins with a" || first["f1"] != 1.0 ||
		first["examples"] != first["predicted"] ||
		confusion[0].([]any)[0] != first["examples"] || confusion[0].([]any)[1] != 0.0 {
		t.Errorf("by class: %v", o)
	}
	lines := strings.Split(answers(t, "abba\r\n\n  \nbab?\n"+strings.Repeat("ba", 900), "classify", "run"), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[0], "begins with a\t0.") || lines[1] != "" || lines[2] != "" ||
		!strings.HasPrefix(lines[3], "begins with b\t") || !strings.HasPrefix(lines[4], "begins with ") || lines[5] != "" {
		t.Errorf("classified as %q", lines)
	}
	if got := strings.Split(answers(t, "abba\n", "classify", "run", "--top", "3"), "\t"); len(got) != 4 ||
		got[0] != "begins with a" || got[2] != "begins with b" {
		t.Errorf("both labels are %q", got)
	}
	objects := jsonLines(t, answers(t, "abba\n\n", "classify", "run", "--top", "2", "--json"))
	labels := objects[0]["labels"].([]any)
	first, second := labels[0].(map[string]any), labels[1].(map[string]any)
	if sum := first["probability"].(float64) + second["probability"].(float64); first["label"] != "begins with a" ||
		math.Abs(sum-1) > 1e-6 || len(objects[1]["labels"].([]any)) != 0 {
		t.Errorf("classified as %v", objects)
	}
	want(t, exitUsage, "--top is 0: it must be at least 1", "classify", "run", "--top", "0")
}

// What is said of settings when a training begins names flags.
func TestLinesNameFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "words.tsv", parities(120))
	out := must(t, strings.Fields(classifySmall+"--steps 1 --longest 3 --out run")...)
	if !strings.Contains(out, " examples are longer than 3 tokens, of which the first are read: see --longest\n") {
		t.Error(out)
	}
	start := jsonLines(t, must(t, strings.Fields(classifySmall+"--steps 1 --longest 3 --json --out json")...))[0]
	if notes := fmt.Sprint(start["notes"]); !strings.Contains(notes, "see --longest") {
		t.Error(notes)
	}
}

// A part is held out, the same one whenever it is measured, and nothing of it is learned.
func TestHoldOut(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "words.tsv", parities(120))
	out := must(t, strings.Fields(classifySmall+"--steps 5 --hold-out 0.25 --out run")...)
	if !strings.Contains(out, "words.tsv: 90 examples of 2 classes, and 30 for validation\n") {
		t.Error(out)
	}
	log := jsonLines(t, readFile(t, "run/log.jsonl"))
	if o := jsonLines(t, must(t, "eval", "run", "--checkpoint", "last", "--json"))[0]; o["examples"] != 30.0 ||
		o["loss"] != log[len(log)-2]["valid_loss"] {
		t.Errorf("eval: %v, in training %v", o, log[len(log)-2])
	}
	want(t, exitUsage, "--hold-out is 1: it must be larger than 0 and less than 1",
		strings.Fields(classifySmall+"--hold-out 1")...)
	want(t, exitUsage, "--hold-out and --valid-table both say what is measured on: leave one of them out",
		strings.Fields(classifySmall+"--valid-table words.tsv --hold-out 0.2")...)
	want(t, exitUsage, "--hold-out and --task both say what is measured on: leave one of them out", "train",
		"--hold-out", "0.2")
}

func TestClassifyResumes(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "words.tsv", parities(120))
	resumeExactly(t, 5, classifySmall+"--dropout 0.2 --steps 20 --log-every 5 --json")
}

func TestClassifyImages(t *testing.T) {
	t.Chdir(t.TempDir())
	idx := func(name string, dims []byte, data []byte) {
		s := []byte{0, 0, 8, byte(len(dims))}
		for _, d := range dims {
			s = append(s, 0, 0, 0, d)
		}
		writeFile(t, "images/"+name, string(append(s, data...)))
	}
	for part, n := range map[string]byte{"train": 20, "t10k": 4} {
		var pixels, labels []byte
		for i := range n {
			label := i % 2
			pixels, labels = append(pixels, 255*label, 0, 0, 255, 255*label, 0), append(labels, 3+label)
		}
		idx(part+"-images-idx3-ubyte", []byte{n, 3, 2}, pixels)
		idx(part+"-labels-idx1-ubyte", []byte{n}, labels)
	}
	must(t, strings.Fields("train classify --idx images --hidden 8 --batch 8 --epochs 20 --lr 0.03 --pooling mean "+
		"--bidirectional --out run")...)
	o := jsonLines(t, must(t, "eval", "run", "--json"))[0]
	if o["split"] != "validation" || o["examples"] != 4.0 || o["accuracy"] != 1.0 || o["tokens"] != 12.0 {
		t.Errorf("eval: %v", o)
	}
	want(t, exitData, "RUN: run classifies images, and stdin has lines of text: name images with --idx", "classify", "run")
	if got := must(t, "classify", "run", "--idx",
		"images"); !regexp.MustCompile(`^(3\t[01]\.\d{4}\n4\t[01]\.\d{4}\n){2}$`).MatchString(got) {
		t.Errorf("the test images are taken for %q", got)
	}
	objects := jsonLines(t, must(t, "classify", "run", "--idx", "images/train-images-idx3-ubyte", "--json"))
	if len(objects) != 20 || objects[19]["image"] != 20.0 ||
		objects[19]["labels"].([]any)[0].(map[string]any)["label"] != "4" {
		t.Errorf("%d images, the last is %v", len(objects), objects[len(objects)-1])
	}
	idx("wide-train-images-idx3-ubyte", []byte{1, 2, 3}, make([]byte, 6))
	want(t, exitData, "images/wide-train-images-idx3-ubyte holds images of 3 columns, and run reads those of 2: "+
		"choose others",
		"classify", "run", "--idx", "images/wide")
	want(t, exitNoInput, "--idx: nothing does not exist: check the path", "classify", "run", "--idx", "nothing")
	writeFile(t, "words.tsv", "a\t3\nb\t4\n")
	want(t, exitData, "words.tsv holds texts, and the model reads images: name images with --idx", "eval", "run",
		"--table", "words.tsv")
}

func TestClassifyErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, "words.tsv", parities(30))
	writeFile(t, "same.tsv", "a\tx\nb\tx\n")
	writeFile(t, "other.tsv", "a\tx\nb\ty\n")
	writeFile(t, "bad.tsv", "a\tx\nb\n")
	must(t, strings.Fields(classifySmall+"--steps 2 --out run")...)
	for _, c := range []struct {
		code        int
		args, error string
	}{
		{exitUsage, "train classify", "nothing to train on: name data with --table, --folder, --idx or --series"},
		{exitUsage, "train classify --table a --idx b", "--table and --idx both name data: leave one of them out"},
		{exitUsage, "train classify --table a --valid-idx b", "--table and --valid-idx are texts and images: both must be the same"},
		{exitUsage, "train classify --table words.tsv --dropout 1", "--dropout is 1: it must be in [0, 1)"},
		{exitUsage, "train classify --table words.tsv --longest 0", "--longest is 0: it must be at least 1"},
		{exitUsage, "train classify --table words.tsv --buckets 0", "--buckets is 0: it must be at least 1"},
		{exitUsage, "train classify --table words.tsv --pooling sum", `--pooling must be one of "last","mean","max" but got "sum"; see unroll train classify --help`},
		{exitUsage, "eval run --text words.tsv", "--text is not for a classifier, which run holds: see unroll eval --help"},
		{exitUsage, "eval run --table words.tsv --valid-table words.tsv", "--table and --valid-table both name data to measure on: leave one of them out"},
		{exitNoInput, "train classify --table none", "--table: none does not exist: check the path"},
		{exitData, "train classify --table bad.tsv", "bad.tsv:2: no tab: a line is a text, a tab and its label"},
		{exitData, "train classify --table same.tsv", `same.tsv: every label is "x", so there is nothing to learn: use other data`},
		{exitData, "eval run --table other.tsv", `other.tsv: none of its labels ("x", ...) is among the 2 of the training data ("begins with a", ...): use data with the same labels`},
		{exitData, "sample run", "RUN: run holds a classifier: this command is for a language model"},
		{exitData, classifySmall + "--steps 5 --out run --cell rnn", "run holds a run with other settings (cell: gru there, cell: rnn here): --overwrite to replace it, or choose another folder with --out; --from run begins there with its weights"},
		{exitData, classifySmall + "--steps 5 --out run --bidirectional", "run holds a run with other settings (bidirectional: true here, not there): --overwrite to replace it, or choose another folder with --out; --from run begins there with its weights"},
	} {
		want(t, c.code, c.error, strings.Fields(c.args)...)
	}
	for stdin, problem := range map[string]string{
		"a\n\xff\n": "stdin:2:1: byte 2 (0xff) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file",
		strings.Repeat("a", 1<<20) + "b": "stdin:1: the line is longer than 1048576 bytes, the most that an " +
			"example can have: cut it, or choose another file",
	} {
		var stdout, stderr strings.Builder
		code := execute([]string{"classify", "run"}, strings.NewReader(stdin), &stdout, &stderr)
		if code != exitData || stderr.String() != "unroll: "+problem+"\n" ||
			strings.Count(stdout.String(), "\n") != strings.Count(stdin, "\n")/2 {
			t.Errorf("%d, %s%s", code, stdout.String(), stderr.String())
		}
	}
	labels := readFile(t, "run/labels.json")
	writeFile(t, "run/labels.json", strings.Replace(labels, "begins with a", "begins with A", 1))
	want(t, exitData, "run/labels.json are not the labels that run/config.yaml names (2 with sha256 f866822c551a, "+
		"2 with 06aba2dde42a there): they are of different runs", "classify", "run")
	writeFile(t, "run/labels.json", labels)
	if err := os.Remove("words.tsv"); err != nil {
		t.Fatal(err)
	}
	want(t, exitNoInput, "run/config.yaml: "+dir+"/words.tsv does not exist: check the path, or name data with "+
		"--table", "eval", "run")
}

// On request, lines that cannot be used are left out, and counted; eval, which reads the data again, leaves out
// the same.
func TestSkipBad(t *testing.T) {
	small(t, nil)
	writeFile(t, "bad.tsv", parities(40)+"no tab\n\tno text\n"+parities(20))
	want(t, exitData, "bad.tsv:41: no tab: a line is a text, a tab and its label",
		strings.Fields(classifySmall+"--table bad.tsv --steps 2 --out run")...)
	out := must(t, strings.Fields(classifySmall+"--table bad.tsv --steps 2 --out run --skip-bad")...)
	if !strings.Contains(out, "left out of bad.tsv: 2 lines that cannot be used, the first because: bad.tsv:41: no tab: "+
		"a line is a text, a tab and its label\n") {
		t.Error(out)
	}
	must(t, "eval", "run")
	must(t, strings.Fields(classifySmall+"--table bad.tsv --steps 3 --out run --skip-bad")...)
	writeFile(t, "bad.pairs", strings.Repeat("one two\teins zwei\nthree\tdrei\nfour\n", 20))
	out = must(t,
		strings.Fields("train seq2seq --pairs bad.pairs --batch 4 --hidden 8 --embed 4 --steps 2 --out pairs --skip-bad")...)
	if !strings.Contains(out, "left out of bad.pairs: 20 lines that cannot be used, the first because: bad.pairs:3: no "+
		"tab: a line is a source, a tab and its target\n") {
		t.Error(out)
	}
	must(t, "eval", "pairs")
}
