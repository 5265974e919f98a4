package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/internal/terminal"
)

// Whoever comes from another program is told the name that things have here.
func TestMisread(t *testing.T) {
	for args, problem := range map[string]string{
		"train lm --learning-rate 3":        "unknown flag --learning-rate, its name is --lr; see unroll train lm --help",
		"train lm --learning_rate=3":        "unknown flag --learning_rate, its name is --lr; see unroll train lm --help",
		"train classify --batch_size 3":     "unknown flag --batch_size, its name is --batch; see unroll train classify --help",
		"train lm --weight_decay 3":         "unknown flag --weight_decay, its name is --weight-decay; see unroll train lm --help",
		"train --output x":                  "unknown flag --output, its name is --out; see unroll train seq2seq --help",
		"train --num-epochs 2":              "unknown flag --num-epochs, its name is --epochs; see unroll train seq2seq --help",
		"translate run --num-beams 2":       "unknown flag --num-beams, its name is --beam; see unroll translate --help",
		"train lm --dataset x":              "unknown flag --dataset, the data of train lm are named with --text; see unroll train lm --help",
		"train classify --dataset x":        "unknown flag --dataset, the data of train classify are named with --table, --folder, --idx; see unroll train classify --help",
		"train --text f --pairs p":          "--text is for train lm, and this is train seq2seq: leave it out, or the flags of the other; see unroll train seq2seq --help",
		"eval run --learning-rate 3":        "unknown flag --learning-rate, --lr is for train, and this is eval: leave it out; see unroll eval --help",
		"sample run --epochs 3":             "--epochs is for train, and this is sample: leave it out; see unroll sample --help",
		"eval run --data x":                 "unknown flag --data, the data of eval are named with --text, --pairs, --src, --table, --folder, --idx, --conllu; see unroll eval --help",
		"translate run --input x":           "unknown flag --input, texts are read from stdin, as in unroll translate RUN < FILE; see unroll translate --help",
		"train lm --beam-size 3":            "unknown flag --beam-size, --beam is for eval, translate, and this is train lm: leave it out; see unroll train lm --help",
		"train lm --device gpu":             `--device is "gpu": the name of a GPU is cuda; see unroll train lm --help`,
		"eval run --bleu-tokenize ja-mecab": `--bleu-tokenize is "ja-mecab": that needs a dictionary, which unroll does not have; char cuts such texts, too; see unroll eval --help`,
		"train lm --epochs 0.5":             "--epochs is 0.5: it must be a whole number; --steps is for a part of an epoch; see unroll train lm --help",
		"train lm --hidden 1.5":             "--hidden is 1.5: it must be a whole number; see unroll train lm --help",
		"train lm --nothing-like-it":        "unknown flag --nothing-like-it; see unroll train lm --help",
	} {
		want(t, exitUsage, problem, strings.Fields(args)...)
	}
	help := must(t, "--help")
	for _, args := range []string{"", "help"} {
		if got := must(t, strings.Fields(args)...); got != help {
			t.Errorf("unroll %s: %s", args, got)
		}
	}
	if got := must(t, "help", "train", "lm"); got != must(t, "train", "lm", "--help") {
		t.Error(got)
	}
	if got := must(t, "--version"); got != must(t, "version") {
		t.Error(got)
	}
}

// A command that waits for somebody to type says so.
func TestInviteTyping(t *testing.T) {
	before := terminal.Is
	t.Cleanup(func() { terminal.Is = before })
	for _, typed := range []bool{true, false} {
		terminal.Is = func(any) bool { return typed }
		var stderr bytes.Buffer
		(&app{stdin: strings.NewReader(""), stderr: &stderr}).inviteTyping()
		want := ""
		if typed {
			want = "unroll: reading stdin: type a text and Enter; Ctrl-D ends\n"
		}
		if got := stderr.String(); got != want {
			t.Errorf("%v: %q", typed, got)
		}
	}
}
