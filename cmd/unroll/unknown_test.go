package main

import (
	"fmt"
	"strings"
	"testing"
)

// How much of the data is unknown is said when training begins, by eval, and of what is translated; accuracy leaves
// it out.
func TestUnknownWordsAreSaid(t *testing.T) {
	t.Chdir(t.TempDir())
	var pairs strings.Builder
	for i := range 40 {
		fmt.Fprintf(&pairs, "name%d sees it\tnom%d le voit\n", i, i)
	}
	writeFile(t, "names.tsv", pairs.String())
	out := must(t, strings.Fields("train seq2seq --pairs names.tsv --tokens word --min-freq 2 --hidden 16 --embed 8 "+
		"--batch 8 --buckets 1 --threads 1 --lr 0.02 --epochs 12 --out run")...)
	for _, want := range []string{
		"\nunknown in training: 33.3% of the tokens of sources and 33.3% of those of targets; accuracy is that of the others\n",
		"\nunknown in validation: 33.3% of", "  ->  <unk> le voit  wrong, it is nom",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	out = must(t, "eval", "run")
	for _, want := range []string{
		"  accuracy 100.00%  exactly right 0.00%", "\n4 tokens of the sources are unknown\n",
		"\n4 of 16 tokens of the targets are unknown: unknown ones count in the loss, and neither for nor against accuracy\n",
		"\n4 of 4 translations with words that the model does not know: --replace-unk writes those of the source\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	for args, want := range map[string]string{
		"":                          "<unk> le voit\n",
		"--replace-unk":             "Otto le voit\n",
		"--unk-dictionary otto.tsv": "Othon le voit\n",
	} {
		writeFile(t, "otto.tsv", "Otto\tOthon\n")
		if got, _ := answersAndRemarks(t, "Otto sees it\n", strings.Fields("translate run "+args)...); got != want {
			t.Errorf("translate run %s: %q, want %q", args, got, want)
		}
	}
}
