package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const tagSmall = "train tag --task places --cell gru --hidden 8 --embed 6 --char-embed 4 --char-hidden 6 --letters 6 " +
	"--batch 8 --buckets 2 --threads 1 "

// kinds are sentences in CoNLL-U of words whose ends say what they are: n sentences of 3 words.
func kinds(n int) string {
	var b strings.Builder
	for i := range n {
		stem := []string{"bal", "dor", "kim", "lun", "nar"}[i%5]
		fmt.Fprintf(&b, "# sent_id = %d\n", i)
		for at, word := range [][2]string{{"le", "DET"}, {fmt.Sprintf("%s%dus", stem, i/5), "NOUN"},
			{fmt.Sprintf("%s%der", stem, i/7), "VERB"}} {
			fmt.Fprintf(&b, "%d\t%s\t_\t%s\t_\t_\t_\t_\t_\t_\n", at+1, word[0], word[1])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestTag(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "kinds.conllu", kinds(120))
	out := must(t,
		strings.Fields("train tag --conllu kinds.conllu --cell gru --hidden 8 --embed 6 --char-embed 4 --char-hidden 8 "+
			"--letters 6 --dropout 0 --batch 8 --buckets 2 --threads 1 --epochs 12 --lr 0.02 --out run")...)
	for _, want := range []string{
		"training on kinds.conllu: 108 sentences with 3 different tags, and 12 sentences for validation\n",
		" characters, embedding 4, hidden 8 in both directions; gru, layers 1, hidden 8 in both directions; softmax; ",
		"\n100.0% of the words of the validation data have the right tag, and 100.0% of those that are not in the " +
			"training data\n\n" +
			"next:\n  unroll eval run\n  # reads a word a line or CoNLL-U, and writes it with its tags\n  unroll tag run\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	for args, words := range map[string]float64{"": 36, "--conllu kinds.conllu": 36, "--valid-conllu kinds.conllu": 360} {
		o := jsonLines(t, must(t, append(strings.Fields("eval run --json"), strings.Fields(args)...)...))[0]
		if o["tokens"] != words || o["accuracy"] != 1.0 || o["known_accuracy"] != 1.0 || o["span_f1"] != nil {
			t.Errorf("eval run %s: %v", args, o)
		}
	}
	if out := must(t, strings.Fields("eval run --by-class")...); !strings.Contains(out, "NOUN   100.00%") ||
		!strings.Contains(out, "of unknown words 100.00%") {
		t.Error(out)
	}

	words := "Le\nfarus\nparder\n\n\nfarus\n"
	got, remarks := answersAndRemarks(t, words, "tag", "run")
	if diff := cmp.Diff("Le\tDET\nfarus\tNOUN\nparder\tVERB\n\nfarus\tNOUN\n\n", got); diff != "" || remarks != "" {
		t.Error(diff, remarks)
	}
	conllu := "# text = du parus\n1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_\n1\tle\t_\t_\t_\t_\t_\t_\t_\tx=y\n" +
		"2\tparus\t_\tX\t_\t_\t_\t_\t_\t_\n2.1\tle\t_\t_\t_\t_\t_\t_\t_\t_\n\n"
	got, remarks = answersAndRemarks(t, strings.ReplaceAll(conllu, "\n", "\r\n"), "tag", "run")
	want := strings.Replace(strings.Replace(conllu, "1\tle\t_\t_", "1\tle\t_\tDET", 1), "\tX\t", "\tNOUN\t", 1)
	if diff := cmp.Diff(want, got); diff != "" ||
		remarks != "unroll: stdin: 1 range of words is no word\nunroll: stdin: 1 empty node is no word\n" {
		t.Error(diff, remarks)
	}
	got, _ = answersAndRemarks(t, words, "tag", "run", "--json")
	const first = `{"words":["Le","farus","parder"],"tags":["DET","NOUN","VERB"],"unknown":[0,1,2]}` + "\n"
	if !strings.HasPrefix(got, first) {
		t.Error(got)
	}
	_, remarks = answersAndRemarks(t, "le farus\nle\tDET\n", "tag", "run")
	if want := "unroll: stdin: lines with tabs, of which the part before is the word: 1\n" +
		"unroll: stdin: lines with blanks, each of which was read as one word: 1\n"; remarks != want {
		t.Error(remarks)
	}
	if got := answers(t, "", "tag", "run"); got != "" {
		t.Errorf("nothing is tagged %q", got)
	}
}

// Of columns the tag is written behind each line, for a scoring program; spans are measured.
func TestTagColumns(t *testing.T) {
	t.Chdir(t.TempDir())
	var b strings.Builder
	b.WriteString("-DOCSTART- -X- O\n\n")
	for i := range 60 {
		fmt.Fprintf(&b, "in X B-LOC\nNew%d X I-LOC\nlives X O\n\n", i%20)
	}
	writeFile(t, "spans.txt", b.String())
	out := must(t,
		strings.Fields("train --columns spans.txt --cell gru --hidden 8 --embed 6 --char-embed 4 --char-hidden 6 --batch 8 "+
			"--epochs 8 --lr 0.03 --threads 1 --dropout 0 --crf --best span_f1 --out run")...)
	if !strings.Contains(out, "F1 of spans 100.0%") || !strings.Contains(out,
		"spans.txt: 1 time -DOCSTART-, which is no word") || !strings.Contains(out, "; CRF; ") {
		t.Error(out)
	}
	o := jsonLines(t, must(t, "eval", "run", "--json", "--columns", "spans.txt"))[0]
	if f1, ok := o["span_f1"].(float64); !ok || math.Abs(f1-1) > 1e-9 || o["split"] != "validation" {
		t.Errorf("%v", o)
	}
	got, _ := answersAndRemarks(t, "in X B-LOC\nNew3 X I-LOC\n\n-DOCSTART- -X- O\n\nlives\n", "tag", "run")
	if got != "in X B-LOC B-LOC\nNew3 X I-LOC I-LOC\n\n-DOCSTART- -X- O\n\nlives O\n\n" {
		t.Errorf("got %q", got)
	}
	if r := unrollOn("in\x00 X\n", "tag", "run"); r.code != exitData ||
		!strings.HasPrefix(r.stderr, "unroll: stdin:1:3: byte 2 is NUL") {
		t.Errorf("%d, %s", r.code, r.stderr)
	}
}

func TestTagUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "x.conllu", kinds(20))
	writeFile(t, "x.txt", "a B\nb O\n")
	for args, problem := range map[string]string{
		"--conllu x.conllu --columns x.txt":       "--conllu and --columns both name data: leave one of them out",
		"--conllu x.conllu --valid-columns x.txt": "--conllu and --valid-columns are of different kinds: both must be the same",
		"--valid-conllu x.conllu":                 "--valid-conllu is to measure on, and nothing is there to train on: name sentences with --conllu",
		"--conllu x.conllu --column HEAD":         `--column is "FORM,HEAD": it must be FORM and one of UPOS, XPOS, FEATS, DEPREL`,
		"--columns x.txt --column UPOS":           `--column is "1,UPOS": it must be two different numbers from 1 to 10000, that of the words and that of the tags`,
		"--conllu x.conllu --word-column 2":       "--word-column is for --columns, and the words of CoNLL-U are in FORM: leave it out",
		"--columns x.txt --word-column 2":         "--word-column 2 needs --column, that of the tags",
		"--task towns":                            `--task is "towns": it must be one of places`,
		"--task places --hold-out 0.2":            "--hold-out and --task both say what is measured on: leave one of them out",
		"--conllu x.conllu --word-dropout -1":     "--word-dropout is -1: it must be at least 0",
		"--conllu x.conllu --letters 0":           "--letters is 0: it must be at least 1",
		"--conllu x.conllu --char-hidden -1":      "--char-hidden is -1: it must be at least 0",
		"--conllu x.conllu --best bleu":           "--best is bleu: for a tagger it must be one of loss, accuracy, known_accuracy, unknown_accuracy, macro_f1, span_f1",
		"--conllu x.conllu --embed 0":             "--embed is 0: it must be at least 1",
	} {
		want(t, exitUsage, problem, append([]string{"train", "tag", "--out", "run"}, strings.Fields(args)...)...)
	}
	want(t, exitData, `x.conllu: every tag in column XPOS is "_", so there is nothing to learn: choose another column`,
		"train", "tag", "--conllu", "x.conllu", "--column", "XPOS", "--out", "run")
	want(t, exitNoInput, "--conllu: none.conllu does not exist: check the path", "train", "tag", "--conllu", "none.conllu",
		"--out", "run")
	if _, err := os.Stat(filepath.Join("run")); err == nil {
		t.Error("a folder was made for nothing")
	}
}
