package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

func TestEval(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "12")
	log := jsonLines(t, readFile(t, "run/log.jsonl"))
	valid := log[len(log)-2]
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte(rhyme(100)))
	w.Close()
	writeFile(t, "copy.gz", z.String())
	writeFile(t, "other.txt", rhyme(100)+"the hen.\n")
	for _, c := range []struct {
		args, split, text string
		tokens            float64
	}{
		{"", "validation", "rhyme.txt", 229},
		{"--text rhyme.txt", "validation", "rhyme.txt", 229},
		{"--text copy.gz", "validation", "copy.gz", 229},
		{"--valid-text rhyme.txt", "all", "rhyme.txt", 2299},
		{"--text other.txt", "all", "other.txt", 2308},
		{"--valid-text other.txt", "all", "other.txt", 2308},
	} {
		out := must(t, append([]string{"eval", "run", "--json"}, strings.Fields(c.args)...)...)
		o := jsonLines(t, out)[0]
		if strings.Count(out, "\n") != 1 || o["split"] != c.split || !strings.HasSuffix(o["text"].(string), c.text) ||
			o["tokens"] != c.tokens ||
			o["step"] != 12.0 || o["checkpoint"] != "best" || o["seconds"].(float64) <= 0 {
			t.Errorf("eval run %s: %s", c.args, out)
		}
		if c.split == "validation" &&
			(o["loss"] != valid["valid_loss"] || o["accuracy"] != valid["accuracy"] || o["top2"] != valid["top2"]) {
			t.Errorf("eval run %s gives %v, training measured %v", c.args, o, valid)
		}
	}
	out := must(t, "eval", "run")
	for _, want := range []string{
		"run/best after step 12, on the validation part of /", "/rhyme.txt, its last 10%:\nloss ", "\n229 characters in 0.",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if out := must(t, "eval", "run", "--text", "other.txt"); !strings.Contains(out, "on all of other.txt:\n") {
		t.Error(out)
	}
}

// A run that was given a text to measure on has no tenth to hold out.
func TestEvalWithValidText(t *testing.T) {
	small(t, nil)
	writeFile(t, "valid.txt", rhyme(7))
	trainSmall(t, "--steps", "3", "--valid-text", "valid.txt")
	for _, c := range []struct {
		args, split string
		tokens      float64
	}{
		{"", "validation", 160},
		{"--text valid.txt", "validation", 160},
		{"--text rhyme.txt", "all", 2299},
		{"--valid-text valid.txt", "all", 160},
	} {
		o := jsonLines(t, must(t, append([]string{"eval", "run", "--json"}, strings.Fields(c.args)...)...))[0]
		if o["split"] != c.split || o["tokens"] != c.tokens {
			t.Errorf("eval run %s: %v", c.args, o)
		}
	}
	if out := must(t, "eval", "run"); !strings.Contains(out, "valid.txt, the validation data of the run:\n") {
		t.Error(out)
	}
}

// A text in three parts: the last is for eval alone.
func TestSplit(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "12", "--split", "70/20/10")
	log := jsonLines(t, readFile(t, "run/log.jsonl"))
	if valid := log[len(log)-2]; valid["tokens"] != 459.0 { // 20% of 2,300 characters
		t.Errorf("measured in training: %v", valid)
	}
	o := jsonLines(t, must(t, "eval", "run", "--json"))[0]
	if o["split"] != "test" || o["tokens"] != 229.0 {
		t.Errorf("eval: %v", o)
	}
	writeFile(t, "end.txt", rhyme(100)[2070:])
	if end := jsonLines(t, must(t, "eval", "run", "--text", "end.txt", "--json"))[0]; end["loss"] != o["loss"] ||
		end["split"] != "all" {
		t.Errorf("the last tenth by itself: %v, by the split %v", end, o)
	}
	if out := must(t, "eval", "run"); !strings.Contains(out, "/rhyme.txt, which were kept for this:\n") {
		t.Error(out)
	}
	const numbers = ": it must be two or three numbers "
	for split, why := range map[string]string{
		"80/20/10": numbers + "that add up to 100", "100": numbers + "that add up to 100", "40/30/20/10": numbers + "that add up to 100",
		"a/b": numbers + "of percents with slashes between, such as 80/10/10", "110/-10": numbers + "of percents with slashes between, such as 80/10/10",
	} {
		want(t, exitUsage, "--split is \""+split+"\""+why, "train", "lm", "--text", "rhyme.txt", "--split", split)
	}
	want(t, exitUsage, "--split and --valid-text both say what is measured on: leave one of them out", "train", "lm",
		"--text", "rhyme.txt", "--valid-text", "rhyme.txt", "--split", "90/10")
}

// Windows that begin every so many characters instead of streams: in training, and for measuring.
func TestStride(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "rhyme.txt", rhyme(100))
	const args = "train lm --text rhyme.txt --batch 4 --seq 40 --stride 15 --hidden 8 --embed 4 --log-every 5 " +
		"--threads 1 --steps "
	resumeExactly(t, 15, args+"40 --json")
	// of 136 windows
	if out := must(t, strings.Fields(args+"1 --out run")...); !strings.Contains(out,
		"\nbatch 4, seq 40, stride 15: 34 steps an epoch; ") {
		t.Error(out)
	}
	if config := readFile(t, "run/config.yaml"); !strings.Contains(config, "  stride: 15\n") {
		t.Error(config)
	}
	eval := func(flags string) map[string]any {
		t.Helper()
		return jsonLines(t, must(t, strings.Fields("eval straight --json "+flags)...))[0]
	}
	// 7 windows of 230 characters
	if o := eval("--stride 30"); o["tokens"] != 280.0 || o["stride"] != 30.0 || o["split"] != "validation" {
		t.Errorf("eval --stride 30: %v", o)
	}
	if out := must(t, strings.Fields("eval straight --stride 30")...); !strings.Contains(out,
		", its last 10%, in windows of 40 characters that begin every 30:\nloss ") {
		t.Error(out)
	}
	writeFile(t, "window.txt", rhyme(100)[11:52])
	one := eval("--text window.txt")
	for _, flags := range []string{"--stride 7", "--stride 1000"} {
		if o := eval(flags + " --text window.txt"); o["loss"] != one["loss"] || o["tokens"] != 40.0 {
			t.Errorf("eval %s of one window: %v, as a stream %v", flags, o, one)
		}
	}
	writeFile(t, "two.txt", rhyme(100)[11:92]) // ends where two windows do: together what they are alone
	writeFile(t, "second.txt", rhyme(100)[51:92])
	second, two := eval("--text second.txt"), eval("--stride 40 --text two.txt")
	if mean := (one["loss"].(float64) + second["loss"].(float64)) / 2; math.Abs(two["loss"].(float64)-mean) > 1e-6 ||
		two["tokens"] != 80.0 {
		t.Errorf("two windows have %v, each by itself %v and %v", two, one, second)
	}
	writeFile(t, "short.txt", rhyme(100)[:40])
	want(t, exitData, "short.txt: 40 tokens to measure on, at least 41 are needed for a window: use a longer text",
		"eval", "straight", "--text", "short.txt", "--stride", "1")
	want(t, exitUsage, "--stride is -1: it must be at least 0", "eval", "straight", "--stride", "-1")
	want(t, exitUsage, "--stride is -1: it must be at least 0", "train", "lm", "--stride", "-1")
	want(t, exitData, "rhyme.txt (2300 characters, 10% of them held out): 2070 characters to train on, but --batch "+
		"300, --seq 40 and --stride 15 need at least 40+1+(300-1)*15 = 4526: use a longer text, or --batch 136",
		"train", "lm", "--text", "rhyme.txt", "--batch", "300", "--seq", "40",
		"--stride", "15")
	want(t, exitData, "rhyme.txt (2300 characters, 10% of them held out): 2070 characters to train on, but --batch "+
		"16, --accumulate 8 and --seq 40 need at least (40+1)*128 = 5248: use a longer text, or --batch 6 or --seq 15",
		"train", "lm", "--text", "rhyme.txt", "--batch", "16", "--accumulate",
		"8", "--seq", "40")
	want(t, exitUsage, "--stride is 9223372036854775807: at most 1,000,000,000 are supported", "train", "lm",
		"--stride", "9223372036854775807")
	want(t, exitUsage, "--batch 32, --accumulate 1000000 and --seq 64 make a training step of 2.0e+09 tokens: at "+
		"most 1e+09 are supported", "train", "lm", "--accumulate", "1000000")
	want(t, exitUsage, "--threads is 1000000: at most 1,024 are supported", "train", "lm", "--threads", "1000000")
}

// A language model of words or of byte pairs: it knows the units of what it learns from, and writes in them.
func TestUnits(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "rhyme.txt", rhyme(100))
	const flags = " --text rhyme.txt --batch 4 --seq 8 --hidden 8 --embed 4 --threads 1"
	for kind, vocab := range map[string]float64{"word": 4 + 10, "bpe": 30} {
		resumeExactly(t, 15, "train lm --tokens "+kind+" --max-vocab 30"+flags+" --log-every 5 --json --steps 40")
		valid := jsonLines(t, readFile(t, "straight/log.jsonl"))
		measured := valid[len(valid)-2]
		for _, args := range []string{"", " --text rhyme.txt"} {
			o := jsonLines(t, must(t, strings.Fields("eval straight --json"+args)...))[0]
			if o["loss"] != measured["valid_loss"] || o["split"] != "validation" || o["tokens"] != measured["tokens"] {
				t.Errorf("%s: eval%s gives %v, training measured %v", kind, args, o, measured)
			}
		}
		if out := must(t, "eval", "straight"); !strings.Contains(out, " nats per token  ") ||
			!strings.Contains(out, " tokens in 0.") {
			t.Error(out)
		}
		config := readFile(t, "straight/config.yaml")
		if want := fmt.Sprintf("  vocab: %g\n", vocab); !strings.Contains(config, want) ||
			!strings.Contains(config, "  tokens: "+kind+"\n") {
			t.Errorf("%q is not in\n%s", want, config)
		}
		text := jsonLines(t, must(t, "sample", "straight", "--prompt", "the cat", "--length", "20",
			"--json"))[0]["text"].(string)
		if strings.Contains(text, "<") || strings.Contains(text, "\ufffd") {
			t.Errorf("%s: a reserved token was written: %q", kind, text)
		}
		if n := len(strings.Fields(text)) + strings.Count(text, "\n"); kind == "word" && n != 20 {
			t.Errorf("%d words and lines, want 20: %q", n, text)
		}
		if whole := must(t, "sample", "straight", "--prompt", "the cat", "--length", "20"); whole != "the cat"+text+"\n" {
			t.Errorf("%s: token by token %q, together %q", kind, whole, text)
		}
	}
	out := must(t, strings.Fields("train lm --tokens word --min-freq 50 --steps 1 --out run"+flags)...)
	if !strings.HasPrefix(out, "training on rhyme.txt: ") || !strings.Contains(out, " tokens, and ") ||
		!strings.Contains(out, "unroll sample run --prompt ") {
		t.Error(out)
	}
	out = must(t, "eval", "run", "--valid-text", "rhyme.txt")
	if !strings.Contains(out, "\n699 tokens in 0.") || !strings.HasSuffix(out, "\ntext: 200 of 700 tokens (28.6%) are "+
		"unknown\nthe run was trained on these data: how well it does on others stays unknown\n") {
		t.Error(out)
	}
	if r := unroll("sample", "run", "--prompt", "the yak sat", "--length", "1"); r.code != exitOK ||
		r.stderr != "unroll: --prompt: 2 of 3 tokens (66.7%) are unknown\n" {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
	want(t, exitData, "rhyme.txt: with --min-freq 1000 and --max-vocab 0 every token is unknown, so there is "+
		"nothing to learn: choose others, or other data", "train", "lm", "--text", "rhyme.txt", "--tokens", "word",
		"--min-freq", "1000")
	want(t, exitData, "rhyme.txt: with --min-freq 1 and --max-vocab 5 every token but \"the\" is unknown, so there "+
		"is nothing to learn: choose others, or other data", "train", "lm", "--text", "rhyme.txt", "--tokens", "word",
		"--max-vocab", "5")
	writeFile(t, "pairs.tsv", "a b\tc d\ne f\tg h\ni j\tk l\n")
	for task, data := range map[string]string{"seq2seq": "--pairs", "classify": "--table"} {
		r := unroll("train", task, data, "pairs.tsv", "--tokens", "word", "--min-freq", "1000")
		if r.code != exitData || task == "seq2seq" &&
			!strings.HasPrefix(r.stderr, "unroll: pairs.tsv: with --min-freq 1000 and --max-vocab 0 every token is unknown, ") {
			t.Errorf("%s: %d, %s", task, r.code, r.stderr)
		}
	}
	writeFile(t, "blank.txt", strings.Repeat(" ", 5000))
	want(t, exitData, "blank.txt (5000 characters, 10% of them held out): 0 tokens to train on, but --batch 4 and "+
		"--seq 8 need at least (8+1)*4 = 36: use a longer text",
		strings.Fields("train lm --text blank.txt --tokens word --batch 4 --seq 8")...)
}

func TestUseErrors(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "3")
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, "strange.txt", "the cat\nis ön the mat\n")
	writeFile(t, "one.txt", "t")
	const unknown = "is not in the vocabulary of 17 characters that the model was trained with: remove or replace it, " +
		"or leave out such characters with --skip-unknown"
	want(t, exitData, "strange.txt:2:4: the character 'ö' (U+00F6) "+unknown, "eval", "run", "--text", "strange.txt")
	want(t, exitData, "--prompt:1:5: the character 'C' (U+0043) "+unknown, "sample", "run", "--prompt", "the Cat")
	want(t, exitData, "--prompt:2:1: the character '\ufffd' (U+FFFD) "+unknown, "sample", "run", "--prompt", "the\n\xff")
	want(t, exitData, "one.txt: 1 token to measure on, at least 2 are needed: use a longer text", "eval", "run",
		"--text", "one.txt")
	want(t, exitNoInput, "--valid-text: none.txt does not exist: check the path", "eval", "run", "--valid-text",
		"none.txt")

	writeFile(t, "rhyme.txt", rhyme(100)+"!")
	sha := field(t, "run/config.yaml", "text_sha256")
	r := unroll("eval", "run")
	if got := r.stderr; r.code != exitData ||
		!strings.HasPrefix(got, "unroll: "+dir+"/rhyme.txt has changed since the run was trained on it (sha256 ") ||
		!strings.HasSuffix(got,
			" now, "+sha[:12]+" in run/config.yaml): restore it, or measure on all of it with --valid-text\n") {
		t.Errorf("%d, %s", r.code, got)
	}
	if err := os.Remove("rhyme.txt"); err != nil {
		t.Fatal(err)
	}
	want(t, exitNoInput, "run/config.yaml: "+dir+"/rhyme.txt does not exist: check the path, or name a text with "+
		"--text", "eval", "run")
	must(t, "sample", "run") // needs no text

	vocab := readFile(t, "run/vocab.json")
	writeFile(t, "run/vocab.json", strings.Replace(vocab, `"a"`, `"A"`, 1))
	want(t, exitData, "run/vocab.json is not the vocabulary that run/config.yaml names (17 tokens with sha256 "+
		"f74360ccf0ab, 17 with 7f904df3bc36 there): they are of different runs", "sample", "run")
	writeFile(t, "run/vocab.json", vocab[:20])
	want(t, exitData, "run/vocab.json: not a JSON vocabulary (unexpected end of JSON input): the vocabulary is "+
		"damaged, restore it from a copy of the run", "sample", "run")
	if err := os.Remove("run/vocab.json"); err != nil {
		t.Fatal(err)
	}
	want(t, exitData, "run/vocab.json is missing: restore it from a copy of the run, or train again", "sample", "run")
}

func TestSample(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "60")
	sample := func(args ...string) string {
		return must(t, append([]string{"sample", "run", "--prompt", "the c", "--length", "40"}, args...)...)
	}
	if got := sample("--temperature", "0"); !strings.HasPrefix(got, "the cat") || len(got) != 5+40+1 || got[45] != '\n' {
		t.Errorf("got %q", got)
	}
	if a, b := sample(), sample(); a != b {
		t.Errorf("the same seed gave %q and %q", a, b)
	}
	if a, b := sample("--seed", "1", "--temperature", "2"), sample("--seed", "2", "--temperature", "2"); a == b {
		t.Errorf("seeds 1 and 2 both gave %q", a)
	}
	// Without a prompt it begins after a line break, which it does not write.
	if got := must(t, "sample", "run", "--length", "4", "--temperature", "0"); got != "the \n" {
		t.Errorf("got %q", got)
	}
}

func TestSampleCuts(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "60")
	sample := func(args string) string {
		return must(t, append([]string{"sample", "run", "--prompt", "the c"}, strings.Fields("--length 40 "+args)...)...)
	}
	likeliest := sample("--temperature 0")
	for _, args := range []string{"--temperature 5 --top-k 1", "--temperature 1 --top-p 1e-9"} {
		if got := sample(args); got != likeliest {
			t.Errorf("sample %s gives %q, want the likeliest %q", args, got, likeliest)
		}
	}
	if got := sample("--temperature 5 --top-k 3"); got == likeliest {
		t.Errorf("three tokens to choose from give the likeliest, %q", got)
	}
	o := jsonLines(t, sample("--temperature 0 --json"))[0]
	if o["prompt"] != "the c" || "the c"+o["text"].(string)+"\n" != likeliest {
		t.Errorf("in JSON: %v, in words %q", o, likeliest)
	}
}
