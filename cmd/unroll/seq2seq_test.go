package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	scores "github.com/unroll-ml/unroll/trainer/metrics"
)

// swaps are n pairs of a letter and one to three digits, and the digits and the letter, in capitals.
func swaps(n int) string {
	var b strings.Builder
	for i := range n {
		letter, digits := string(rune('a'+i%4)), fmt.Sprint(i*37%500)
		fmt.Fprintf(&b, "%s%s\t%s%s\n", letter, digits, digits, strings.ToUpper(letter))
	}
	return b.String()
}

const seq2seqSmall = "train seq2seq --pairs swaps.tsv --hidden 24 --embed 8 --batch 16 --buckets 2 --threads 1 "

func TestSeq2Seq(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "swaps.tsv", swaps(400))
	out := must(t, strings.Fields(seq2seqSmall+"--epochs 12 --lr 0.02 --log-every 10 --out run")...)
	for _, want := range []string{
		"training on swaps.tsv: 360 pairs, and 40 for validation\n",
		"model: chars, 18 different ones of sources and 18 of targets, embedding 8; gru, layers 1, hidden 24, attention additive; ",
		"  perplexity 1.", "  exactly right 100.0%  BLEU undefined  chrF 100.0  best so far\n",
		"\nvalidation pairs, translated:\n  c74   ->  74C   right\n",
		"\n\nnext:\n  unroll eval run\n  # a source a line, and its translation\n  echo c74 | unroll translate run\n",
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
	}{{"", "validation", 40}, {"--pairs swaps.tsv", "validation", 40}, {"--valid-pairs swaps.tsv", "all", 400}} {
		o := jsonLines(t, must(t, append(strings.Fields("eval run --checkpoint last --json"),
			strings.Fields(c.args)...)...))[0]
		exact, wrong := o["exact_match"].(float64), o["char_error_rate"].(float64)
		if o["split"] != c.split || o["examples"] != c.examples || exact < 0.9 || wrong > 0.05 || o["chrf"].(float64) < 90 ||
			o["bleu"] != "NaN" ||
			o["bleu_undefined"] != "targets have fewer than 4 words" || o["cut"] != 0.0 || o["translated"] != c.examples ||
			o["tokens"].(float64) < 3*c.examples {
			t.Errorf("eval run %s: %v", c.args, o)
		}
		if c.split == "validation" && o["loss"] != valid["valid_loss"] {
			t.Errorf("eval run %s gives %v, training measured %v", c.args, o["loss"], valid["valid_loss"])
		}
	}
	if out := must(t, "eval", "run"); !strings.Contains(out, "on the validation part of /") ||
		!strings.Contains(out, "  exactly right ") || !strings.Contains(out, "\n40 pairs in ") {
		t.Error(out)
	}
	for _, args := range []string{"", " --beam 3", " --beam 3 --length-penalty 0", " --max-length 9"} {
		if got := answers(t, "b213\n\n \r\na370", strings.Fields("translate run"+args)...); got != "213B\n\n\n370A\n" {
			t.Errorf("translate%s: %q", args, got)
		}
	}
	// What is cut is said, and is no translation that has ended.
	got, remarks := answersAndRemarks(t, "b213\na370\n", "translate", "run", "--max-length", "2", "--beam", "3")
	if got != "21\n37\n" ||
		remarks != "unroll: 2 of 2 translations cut at the greatest length, unfinished: --max-length for more\n" {
		t.Errorf("two tokens are %q: %s", got, remarks)
	}
	got, _ = answersAndRemarks(t, "b213\n", "translate", "run", "--max-length", "2", "--json")
	if x := jsonLines(t, got)[0]["translations"].([]any)[0].(map[string]any); x["finished"] != false {
		t.Errorf("two tokens are %v", x)
	}
	if o := jsonLines(t, must(t, "eval", "run", "--max-length", "2", "--json"))[0]; o["cut"] != 40.0 ||
		o["exact_match"] != 0.0 {
		t.Errorf("with two tokens each eval measures %v", o)
	}
	greedy, beam := jsonLines(t, must(t, "eval", "run", "--json"))[0],
		jsonLines(t, must(t, strings.Fields("eval run --json --beam 3")...))[0]
	if greedy["beam"] != 1.0 || beam["beam"] != 3.0 || greedy["loss"] != beam["loss"] ||
		beam["exact_match"].(float64) < greedy["exact_match"].(float64)-0.05 {
		t.Errorf("greedy %v, with a beam %v", greedy, beam)
	}
	// Several for each line, with the line's number; a blank line has none.
	got = answers(t, "b213\n\na370\n", "translate", "run", "--beam", "3", "--n-best", "2")
	if lines := strings.Split(got, "\n"); len(lines) != 5 || !strings.HasSuffix(lines[0], "\t213B") ||
		!strings.HasPrefix(lines[1], "1\t-") || !strings.HasPrefix(lines[2], "3\t-") {
		t.Errorf("two translations each are %q", got)
	}
	objects := jsonLines(t, answers(t, "b213\n\n", "translate", "run", "--json", "--temperature", "0.1", "--top-k", "2",
		"--top-p", "0.9", "--n-best", "3"))
	if texts := objects[0]["translations"].([]any); objects[0]["source"] != "b213" || len(texts) != 3 ||
		texts[0].(map[string]any)["text"] != "213B" {
		t.Errorf("three that were drawn are %v", objects[0])
	}
	if len(objects) != 2 || len(objects[1]["translations"].([]any)) != 0 {
		t.Errorf("a blank line gives %v", objects)
	}
	draw := func(seed string) string {
		drawn, _ := answersAndRemarks(t, "b213\n", "translate", "run", "--temperature", "3", "--n-best", "4", "--seed", seed)
		return drawn
	}
	if one, again, two := draw("1"), draw("1"), draw("2"); one != again || one == two {
		t.Errorf("drawn are %q, again %q, and with another seed %q", one, again, two)
	}
	// longer than any that was learned, and a character that was not
	answersAndRemarks(t, strings.Repeat("a", 300)+"λ\n", "translate", "run", "--beam", "2")
}

// What eval measures is what translate writes, whatever stands beside a source in a batch.
func TestEvalMeasuresTranslations(t *testing.T) {
	t.Chdir(t.TempDir())
	var lines, sources, targets strings.Builder
	for i := range 60 {
		a := strings.Repeat("ab"[i%2:i%2+1], 1+i*7%40)
		fmt.Fprintf(&lines, "%s\t%s\n", a, a)
		fmt.Fprintln(&sources, a)
		fmt.Fprintln(&targets, a)
	}
	writeFile(t, "pairs.tsv", lines.String())
	// it never ends what it writes
	must(t, strings.Fields("train seq2seq --pairs pairs.tsv --hidden 8 --embed 4 --batch 8 --buckets 1 --threads 1 "+
		"--steps 6 --out run")...)
	for _, args := range []string{"", " --beam 3", " --max-length 3", " --beam 2 --max-length 7"} {
		o := jsonLines(t, must(t, strings.Fields("eval run --json --valid-pairs pairs.tsv"+args)...))[0]
		all, _ := answersAndRemarks(t, sources.String(), strings.Fields("translate run"+args)...)
		written := strings.Split(strings.TrimSuffix(all, "\n"), "\n")
		if want := scores.CharErrorRate(written,
			scores.One(strings.Fields(targets.String()))); math.Abs(o["char_error_rate"].(float64)-want) > 1e-12 {
			t.Errorf("eval%s measures a character error rate of %v, what translate writes has %v", args,
				o["char_error_rate"], want)
		}
	}
}

func TestSeq2SeqResumes(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "swaps.tsv", swaps(400))
	resumeExactly(t, 5, seq2seqSmall+"--bidirectional --input-feeding --dropout 0.2 --teacher-forcing 0.7 "+
		"--label-smoothing 0.1 --tie --steps 20 --log-every 5 --json")
}

// All sources of data, vocabularies and attentions go through training, measuring and translating.
func TestSeq2SeqKinds(t *testing.T) {
	t.Chdir(t.TempDir())
	var sources, targets strings.Builder
	for i := range 40 {
		fmt.Fprintf(&sources, "the %s sees %d\n", []string{"cat", "hen", "dog"}[i%3], i)
		fmt.Fprintf(&targets, "%d sees the %s\n", i, []string{"cat", "hen", "dog"}[i%3])
	}
	writeFile(t, "s.txt", sources.String())
	writeFile(t, "t.txt", targets.String())
	small := " --hidden 8 --embed 4 --batch 8 --buckets 1 --steps 3 --threads 1 --overwrite --out run"
	for _, args := range []string{
		"--src s.txt --tgt t.txt --tokens word --min-freq 2 --attention none --context-every-step",
		"--src s.txt --tgt t.txt --valid-src s.txt --valid-tgt t.txt --tokens bpe --max-vocab 40 --attention concat --attention-before --cell lstm --peepholes --layer-norm --forget-bias 1",
		"--task addition --attention dot --cell rnn --nonlinearity relu --no-bias --layers 2",
	} {
		must(t, strings.Fields("train seq2seq "+args+small)...)
		o := jsonLines(t, must(t, "eval", "run", "--json"))[0]
		if o["split"] != "validation" || o["loss"].(float64) <= 0 {
			t.Errorf("%s: %v", args, o)
		}
		if got, _ := answersAndRemarks(t, "the cat sees 3\n7+8\n", "translate", "run"); strings.Count(got, "\n") != 2 {
			t.Errorf("%s: translated as %q", args, got)
		}
	}
}

func TestSeq2SeqErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "swaps.tsv", swaps(60))
	writeFile(t, "bad.tsv", "a\tb\nc\n")
	writeFile(t, "two.txt", "a\nb\n")
	writeFile(t, "three.txt", "a\nb\nc\n")
	must(t, strings.Fields(seq2seqSmall+"--steps 2 --out run")...)
	for _, c := range []struct {
		code        int
		args, error string
	}{
		{exitUsage, "train seq2seq --valid-pairs a", "--valid-pairs is to measure on, and nothing is there to train on: name data with --pairs, with --src and --tgt, or with --task"},
		{exitUsage, "train seq2seq --pairs a --task dates", "--pairs and --task both name data: leave one of them out"},
		{exitUsage, "train seq2seq --src a", "--src and --tgt name two files that belong together: give both"},
		{exitUsage, "train seq2seq --pairs a --valid-tgt a", "--valid-src and --valid-tgt name two files that belong together: give both"},
		{exitUsage, "train seq2seq --task poems", `--task is "poems": it must be one of dates, copy, reverse, addition`},
		{exitUsage, "train seq2seq --task copy --teacher-forcing 2", "--teacher-forcing is 2: it must be in [0, 1]"},
		{exitUsage, "train seq2seq --task copy --label-smoothing 1", "--label-smoothing is 1: it must be in [0, 1)"},
		{exitUsage, "train seq2seq --task copy --embed 0", "--embed is 0: it must be at least 1"},
		{exitUsage, "train seq2seq --task copy --attention none --input-feeding", "--input-feeding must be left out without --attention"},
		{exitUsage, "train seq2seq --task copy --attention dot --bidirectional", "--attention is \"dot\": it must be another, such as general, where the query has 128 numbers and the memory 256"},
		{exitUsage, "translate run --beam 0", "--beam is 0: it must be at least 1"},
		{exitUsage, "translate run --beam 2 --length-penalty -1", "--length-penalty is -1: it must be at least 0"},
		{exitUsage, "translate run --beam 2 --coverage-penalty -1", "--coverage-penalty is -1: it must be at least 0"},
		{exitUsage, "eval run --beam 0", "--beam is 0: it must be at least 1"},
		{exitUsage, "translate run --n-best 0", "--n-best is 0: it must be at least 1"},
		{exitUsage, "translate run --beam 2 --n-best 3", "--n-best is 3: it must be at most --beam, which is 2"},
		{exitUsage, "translate run --top-k 3", "--top-k and --top-p are for sampling: give a --temperature, too, or leave them out"},
		{exitUsage, "translate run --beam 2 --temperature 1", "--beam searches for the most likely translation and --temperature samples one: leave one of them out"},
		{exitUsage, "translate run --temperature -1", "--temperature is -1: it must be at least 0"},
		{exitUsage, "translate run --temperature 1 --top-k -1", "--top-k is -1: it must be at least 0"},
		{exitUsage, "translate run --temperature 1 --top-p -1", "--top-p is -1: it must be in [0, 1]"},
		{exitUsage, "translate run --max-length 0", "--max-length is 0: it must be at least 1"},
		{exitUsage, "translate run --no-repeat-ngram -1", "--no-repeat-ngram is -1: it must be at least 0"},
		{exitNoInput, "translate run --unk-dictionary none.tsv", "--unk-dictionary: none.tsv does not exist: check the path"},
		{exitUsage, "eval run --by-class", "--by-class is not for a sequence-to-sequence model, which run holds: see unroll eval --help"},
		{exitUsage, seq2seqSmall + "--best bleu --steps 2",
			"--best is bleu, and that is undefined for these data: the validation targets have fewer than 4 words; " +
				"choose chrf or exact_match, or another way to cut them with --bleu-tokenize, such as char"},
		{exitUsage, "eval run --table swaps.tsv", "--table is not for a sequence-to-sequence model, which run holds: see unroll eval --help"},
		{exitUsage, "eval run --valid-src a", "--valid-src and --valid-tgt name two files that belong together: give both"},
		{exitNoInput, "train seq2seq --src none --tgt two.txt", "--src: none does not exist: check the path"},
		{exitData, "train seq2seq --pairs bad.tsv", "bad.tsv:2: no tab: a line is a source, a tab and its target"},
		{exitData, "train seq2seq --src two.txt --tgt three.txt", "two.txt: 2 lines, and three.txt has 3: line for line, one must be the translation of the other"},
		{exitData, "classify run", "RUN: run holds a sequence-to-sequence model: this command is for a classifier"},
		{exitData, seq2seqSmall + "--steps 5 --out run --attention dot", "run holds a run with other settings (attention: additive there, attention: dot here): --overwrite to replace it, or choose another folder with --out; --from run begins there with its weights"},
	} {
		want(t, c.code, c.error, strings.Fields(c.args)...)
	}
	// A run of an early version does not know how long translations may be.
	var config []string
	for line := range strings.Lines(readFile(t, "run/config.yaml")) {
		if !strings.HasPrefix(line, "  target_lengths:") {
			config = append(config, line)
		}
	}
	writeFile(t, "run/config.yaml", strings.Join(config, ""))
	unknown := "the run is of an early version, which did not note how long its targets are: name the most tokens of a " +
		"translation with --max-length"
	want(t, exitUsage, unknown, "eval", "run")
	must(t, "eval", "run", "--max-length", "9")
	if err := os.Remove("run/target-vocab.json"); err != nil {
		t.Fatal(err)
	}
	want(t, exitData, "run/target-vocab.json is missing: restore it from a copy of the run, or train again",
		"translate", "run")
}
