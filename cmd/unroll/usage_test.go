package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/unroll-ml/unroll/trainer/run"
)

var update = flag.Bool("update", false, "write the golden files")

func TestHelp(t *testing.T) {
	golden := func(name string) string {
		path, err := filepath.Abs(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	files := map[string][]string{
		golden("help.txt"):                {"--help"},
		golden("help-train.txt"):          {"train", "--help"},
		golden("help-train-lm.txt"):       {"train", "lm", "--help"},
		golden("help-eval.txt"):           {"eval", "--help"},
		golden("help-sample.txt"):         {"sample", "--help"},
		golden("help-train-classify.txt"): {"train", "classify", "--help"},
		golden("help-train-tag.txt"):      {"train", "tag", "--help"},
		golden("help-train-regress.txt"):  {"train", "regress", "--help"},
		golden("help-regress.txt"):        {"regress", "--help"},
		golden("help-tag.txt"):            {"tag", "--help"},
		golden("help-classify.txt"):       {"classify", "--help"},
		golden("help-train-seq2seq.txt"):  {"train", "seq2seq", "--help"},
		golden("help-translate.txt"):      {"translate", "--help"},
		golden("help-train-forecast.txt"): {"train", "forecast", "--help"},
		golden("help-forecast.txt"):       {"forecast", "--help"},
		golden("help-serve.txt"):          {"serve", "--help"},
		golden("help-export.txt"):         {"export", "--help"},
		golden("help-data.txt"):           {"data", "--help"},
		golden("help-bench.txt"):          {"bench", "kernels", "--help"},
		golden("help-doctor.txt"):         {"doctor", "--help"},
	}
	small(t, nil)
	for path, args := range files {
		got := must(t, args...)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(readFile(t, path), got); diff != "" {
			t.Errorf("unroll %s: %s", strings.Join(args, " "), diff)
		}
	}
}

func TestVersion(t *testing.T) {
	for built, devices := range map[bool]string{false: "cpu, ref", true: "cpu, ref, cuda"} {
		onGPU(t, built, noDriver)
		got := must(t, "version")
		if !strings.HasPrefix(got, "unroll ") || !strings.HasSuffix(got, ", devices: "+devices+"\n") ||
			strings.Count(got, "\n") != 1 {
			t.Errorf("built with GPU support: %v: got %q", built, got)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	small(t, nil)
	writeFile(t, "a.txt", rhyme(100))
	for _, c := range []struct{ args, want string }{
		{"trin", `unexpected argument trin, did you mean "train"?; see unroll --help`},
		{"train foo", `unexpected argument foo; see unroll train --help`},
		{"train --hiden 3", `unknown flag --hiden, did you mean "--hidden"?; see unroll train seq2seq --help`},
		{"train --seq 3 --hiden 3", `unknown flag --hiden, did you mean "--hidden"?; see unroll train lm --help`},
		{"train --table 3 --hiden 3", `unknown flag --hiden, did you mean "--hidden"?; see unroll train classify --help`},
		{"train lm --hiden 3", `unknown flag --hiden, did you mean "--hidden"?; see unroll train lm --help`},
		{"train lm --cell elman", `--cell must be one of "` + strings.Join(run.Cells, `","`) + `" but got "elman"; see unroll train lm --help`},
		{"train lm --optimizer adamax", `--optimizer must be one of "adam","adamw","sgd","nesterov","adagrad","rmsprop" but got "adamax"; see unroll train lm --help`},
		{"train lm --resume maybe", `--resume must be one of "auto","never","must" but got "maybe"; see unroll train lm --help`},
		{"train lm --hidden x", `--hidden: expected a valid 64 bit int but got "x"; see unroll train lm --help`},
		{"train lm --hidden 0", `--hidden is 0: it must be at least 1`},
		{"train lm --hidden -3", `--hidden is -3: it must be at least 1`},
		{"train lm --layers 0", `--layers is 0: it must be at least 1`},
		{"train lm --embed=-1", `--embed is -1: it must be at least 0`},
		{"train lm --batch=-3", `--batch is -3: it must be at least 1`},
		{"train lm --seq 0", `--seq is 0: it must be at least 1`},
		{"train lm --steps 0", `--steps is 0: it must be at least 1`},
		{"train lm --epochs=-1", `--epochs is -1: it must be at least 1`},
		{"train lm --minutes 0", `--minutes is 0: it must be larger than 0`},
		{"train lm --minutes NaN", `--minutes is NaN: it must be larger than 0`},
		{"train lm --minutes Inf", `--minutes is +Inf: it must be larger than 0`},
		{"train lm --steps 5 --epochs 2", `--steps and --epochs can't be used together; see unroll train lm --help`},
		{"train lm --valid-every 0", `--valid-every is 0: it must be at least 1`},
		{"train lm --checkpoint-every 0", `--checkpoint-every is 0: it must be at least 1`},
		{"train lm --log-every 0", `--log-every is 0: it must be at least 1`},
		{"train lm --threads 0", `--threads is 0: it must be at least 1`},
		{"train lm --lr 0", `--lr is 0: it must be larger than 0`},
		{"train lm --lr NaN", `--lr is NaN: it must be larger than 0`},
		{"train lm --clip=-1", `--clip is -1: it must be larger than 0, or 0 for no clipping`},
		{"train lm --momentum 0.9", `--momentum works with --optimizer sgd or nesterov or rmsprop only, the optimizer is adam: leave one of them out`},
		{"train lm --optimizer nesterov --momentum 0", `--momentum is 0: it must be greater than 0 with Nesterov, which is nothing without it`},
		{"train lm --clip-value=-1", `--clip-value is -1: it must be larger than 0, or 0 for no clipping`},
		{"train lm --weight-decay=-1", `--weight-decay is -1: it must be at least 0`},
		{"train lm --accumulate 0", `--accumulate is 0: it must be at least 1`},
		{"train lm --max-skipped 0", `--max-skipped is 0: it must be at least 1`},
		{"train lm --patience=-1", `--patience is -1: it must be at least 0`},
		{"train lm --warmup=-1", `--warmup is -1: it must be at least 0`},
		{"train lm --schedule exponential", `--schedule must be one of "constant","step","plateau","cosine","inverse-sqrt","linear" but got "exponential"; see unroll train lm --help`},
		{"train lm --schedule-steps 5", `--schedule-steps is for --schedule step or cosine or linear, and it is constant: leave one of them out`},
		{"train lm --schedule cosine --schedule-patience 5", `--schedule-patience is for --schedule plateau, and it is cosine: leave one of them out`},
		{"train lm --schedule step --schedule-steps 0", `--schedule-steps is 0: it must be at least 1`},
		{"train lm --schedule step --schedule-factor 1", `--schedule-factor is 1: for --schedule step it must be larger than 0 and less than 1`},
		{"train lm --schedule cosine --schedule-factor 1.5", `--schedule-factor is 1.5: it must be at least 0 and at most 1`},
		{"train lm --schedule cosine --minutes 1", `--schedule cosine ends with the last step, and --minutes does not say which that is: say when with --schedule-steps`},
		{"train lm --schedule linear --warmup 9 --steps 9", `--warmup 9 leaves none of 9 steps for --schedule linear: a shorter warm-up, or more steps`},
		{"train lm --ema 1", `--ema is 1: it must be in [0, 1)`},
		{"train lm --best bleu", `--best is bleu: for a language model it must be one of loss, perplexity, bits_per_token, accuracy, top2`},
		{"train lm --valid-every 5 --valid-epochs 1", `--valid-every and --valid-epochs can't be used together; see unroll train lm --help`},
		{"train --teacher-decay linear", `--teacher-decay linear needs --teacher-steps, at least 1: after how many steps teacher forcing is half of what it was`},
		{"train --teacher-steps 5", `--teacher-steps says how fast teacher forcing decays, and --teacher-decay is none: leave it out, or choose one`},
		{"train --valid-translate 0", `--valid-translate is 0: it must be at least 1`},
		{"train lm --optimizer sgd --momentum 1", `--momentum is 1: it must be in [0, 1)`},
		{"train lm --seed=-1", `--seed: expected a valid 64 bit uint but got "-1"; see unroll train lm --help`},
		{"train lm --hidden 1000000", `--hidden 1000000, --layers 2 and --embed 32 make a model of 3.0e+12 weights: at most 1e+09 are supported`},
		{"train lm --hidden 1000000000 --layers 1000000000", `--layers is 1000000000: at most 4,096 are supported`},
		{"train --hidden 1000000000 --bidirectional", `--hidden 1000000000, --layers 1 and --embed 32 make a model of 1.7e+19 weights: at most 1e+09 are supported`},
		{"train lm --batch 1000000 --seq 1000000", `--batch 1000000 and --seq 1000000 make a training step of about 1.1e+15 numbers: at most 4e+09 are supported`},
		{"train lm --valid-text a.txt", `--valid-text needs --text: the built-in text has a validation part of its own`},
		{"train lm --overwrite", `--overwrite needs --out: without it a new folder is made`},
		{"eval", `expected "<RUN> ..."; see unroll eval --help`},
		{"eval run --text a --valid-text b", `--text and --valid-text both name a text to measure on: leave one of them out`},
		{"eval run --threads 0", `--threads is 0: it must be at least 1`},
		{"eval run --checkpoint first", `--checkpoint is "first": it must be best, last, or the step of one that was kept`},
		{"sample run --top-k -2", `--top-k is -2: it must be at least 0`},
		{"sample run --top-p 1.5", `--top-p is 1.5: it must be in [0, 1]`},
		{"train lm --layers 1 --dropout 0.2", `--dropout is between layers, and there is one: --layers 2 at least, or leave it out`},
		{"train lm --embed 0 --tie", `--tie must be left out with --embed 0: there is no embedding to share`},
		{"train lm --cell gru --nonlinearity relu", `--nonlinearity is "relu": it must be left out, but for the cell rnn`},
		{"train lm --peepholes", `--peepholes must be left out, but for the cell lstm`},
		{"train classify --layer-norm --table a", `--layer-norm must be left out, but for the cell lstm`},
		{"train --cell lstm --forget-bias 1 --no-bias", `--forget-bias is 1: it must be 0 with --no-bias: it needs a cell with bias`},
		{"train --cell lstm --forget-bias Inf", `--forget-bias is +Inf: it must be a finite number`},
		{"train --attention none --attention-before", `--attention-before must be left out without --attention`},
		{"train --attention-before --input-feeding", `--input-feeding must be left out with --attention-before: the cell sees the context already`},
		{"train --context-every-step", `--context-every-step must be left out with --attention, with which every step sees the source already`},
		{"sample run --length 0", `--length is 0: it must be at least 1`},
		{"sample run --temperature=-1", `--temperature is -1: it must be at least 0`},
		{"sample run --temperature NaN", `--temperature is NaN: it must be at least 0`},
	} {
		want(t, exitUsage, c.want, strings.Fields(c.args)...)
	}
	if _, err := os.Stat("runs"); err == nil {
		t.Error("a wrong command line has left a folder")
	}
}

// What is wrong with inputs and outputs, and where.
func TestBadInputs(t *testing.T) {
	small(t, nil)
	writeFile(t, "empty.txt", "")
	writeFile(t, "one.txt", "x")
	writeFile(t, "same.txt", strings.Repeat("x", 10_000))
	writeFile(t, "short.txt", rhyme(20))
	writeFile(t, "latin1.txt", "first line\nol\xe9!\n")
	writeFile(t, "binary.txt", "ELF\x00\x01")
	writeFile(t, "broken.gz", "\x1f\x8b\x08\x00")
	writeFile(t, "good.txt", rhyme(100))
	writeFile(t, "foreign/letter.txt", "Dear")
	writeFile(t, "odd/config.yaml", "hidden: 3\n")
	if err := os.MkdirAll("folder", 0o755); err != nil {
		t.Fatal(err)
	}
	const sizes = " --batch 4 --seq 40 --steps 3 --out run"
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"train --text none.txt", 66, "--text: none.txt does not exist: check the path"},
		{"train --text folder", 66, "--text: folder is a folder: give a file"},
		{"train --text good.txt --valid-text none.txt", 66, "--valid-text: none.txt does not exist: check the path"},
		{"train --text empty.txt", 65, "empty.txt: the text is empty: choose another file"},
		{"train --text good.txt --valid-text empty.txt", 65, "empty.txt: the text is empty: choose another file"},
		{"train --text latin1.txt", 65, "latin1.txt:2:3: byte 13 (0xe9) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
		{"train --text binary.txt", 65, "binary.txt:1:4: byte 3 is NUL, so this is not text: choose another file"},
		{"train --text broken.gz", 65, "broken.gz: damaged gzip data (unexpected EOF): copy or download it again"},
		{"train --text one.txt", 65, "one.txt (1 character, 10% of them held out): 0 characters to train on, but --batch 32 and --seq 64 need at least (64+1)*32 = 2080: use a longer text"},
		{"train --text same.txt", 65, "same.txt: every character is \"x\", so there is nothing to learn: use another text"},
		{"train --text short.txt", 65, "short.txt (460 characters, 10% of them held out): 414 characters to train on, but --batch 32 and --seq 64 need at least (64+1)*32 = 2080: use a longer text, or --batch 6 or --seq 11"},
		{"train --text good.txt --valid-text one.txt" + sizes, 65, "one.txt: 1 token to measure on, at least 2 are needed: use a longer text"},
		{"train --out good.txt", 73, "good.txt is a file: choose another folder with --out"},
		{"train --out good.txt/run", 73, "good.txt/run cannot be written (not a directory): choose another folder with --out"},
		{"train --out foreign", 73, "foreign holds letter.txt and no run: choose another folder with --out"},
		{"train --out foreign --overwrite", 73, "foreign holds letter.txt and no run: choose another folder with --out"},
		{"train --out odd --overwrite", 73, "odd/config.yaml: not the configuration of a run (line 1: field hidden not found): restore it from a copy of the run, or choose another folder with --out"},
		{"eval none", 66, "RUN: none does not exist: check the path"},
		{"eval good.txt", 65, "RUN: good.txt is a file: give the folder that unroll train wrote"},
		{"eval folder", 65, "RUN: folder is no run, it holds no config.yaml: give the folder that unroll train wrote"},
		{"sample folder", 65, "RUN: folder is no run, it holds no config.yaml: give the folder that unroll train wrote"},
		{"sample odd", 65, "odd/config.yaml: not the configuration of a run (line 1: field hidden not found): restore it from a copy of the run"},
	} {
		want(t, c.code, c.want, strings.Fields(c.args)...)
	}
	for _, name := range []string{"run", "runs"} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("a failed training has left the folder %s", name)
		}
	}
	if got := readFile(t, "foreign/letter.txt"); got != "Dear" {
		t.Errorf("a foreign file holds %q", got)
	}
}

// Without flags the command asks for what a Go program begins with.
func TestDefaults(t *testing.T) {
	for task, args := range map[string][]string{
		run.TaskLM:       {"train", "lm", "--text", "a.txt"},
		run.TaskClassify: {"train", "classify", "--table", "a.tsv"},
		run.TaskSeq2Seq:  {"train", "seq2seq", "--pairs", "a.tsv"},
	} {
		var c cli
		parser, err := newParser(&c, io.Discard, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(args); err != nil {
			t.Fatal(err)
		}
		config := map[string]func() (*run.Config, error){
			run.TaskLM: c.Train.LM.config, run.TaskClassify: c.Train.Classify.config, run.TaskSeq2Seq: c.Train.Seq2Seq.config,
		}[task]
		got, err := config()
		if err != nil {
			t.Fatal(err)
		}
		want := run.Defaults(task)
		got.Data, got.Format = run.Data{}, want.Format
		if diff := cmp.Diff(string(want.Encode()), string(got.Encode())); diff != "" {
			t.Errorf("%s: %s", task, diff)
		}
	}
}
