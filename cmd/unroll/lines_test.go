package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/unroll-ml/unroll/datasets"
)

// block answers a block of lines with its size and the number of each line.
func block(first int, lines []string) (string, error) {
	var b strings.Builder
	for i, line := range lines {
		fmt.Fprintf(&b, "%d of %d: %s\n", first+i, len(lines), line)
	}
	return b.String(), nil
}

func TestEachBlock(t *testing.T) {
	var out strings.Builder
	if err := eachBlock(datasets.NewLines(stdinName, strings.NewReader("a\nb\r\n\nc\nd")), &out, 2, block); err != nil {
		t.Fatal(err)
	}
	if want := "1 of 2: a\n2 of 2: b\n3 of 2: \n4 of 2: c\n5 of 1: d\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	// What stands before a line that cannot be read is answered.
	out.Reset()
	if err := eachBlock(datasets.NewLines(stdinName, strings.NewReader("a\nb\n\xff\nc\n")), &out, 9, block); err == nil || !strings.Contains(err.Error(), "3") {
		t.Errorf("%v: the third line is not UTF-8", err)
	}
	if want := "1 of 2: a\n2 of 2: b\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// Who writes a line and waits for the answer before the next gets it.
func TestEachBlockAnswersAtOnce(t *testing.T) {
	in, write := io.Pipe()
	read, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- eachBlock(datasets.NewLines(stdinName, in), out, 100, block)
		out.Close()
	}()
	answers := bufio.NewReader(read)
	for i := range 3 {
		fmt.Fprintf(write, "line\n")
		answer, err := answers.ReadString('\n')
		if want := fmt.Sprintf("%d of 1: line\n", i+1); err != nil || answer != want {
			t.Fatalf("%q, %v, want %q", answer, err, want)
		}
	}
	write.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// How much of the data is unknown is said when training begins, by eval, and of what is translated; accuracy leaves
// it out.
func TestUnknownWordsAreSaid(t *testing.T) {
	t.Chdir(t.TempDir())
	var pairs strings.Builder
	for i := range 40 {
		fmt.Fprintf(&pairs, "name%d sees it\tnom%d le voit\n", i, i)
	}
	writeFile(t, "names.tsv", pairs.String())
	out := must(t, strings.Fields("train seq2seq --pairs names.tsv --tokens word --min-freq 2 --hidden 16 --embed 8 --batch 8 --buckets 1 --threads 1 --lr 0.02 --epochs 12 --out run")...)
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
	for args, want := range map[string]string{"": "<unk> le voit\n", "--replace-unk": "Otto le voit\n", "--unk-dictionary otto.tsv": "Othon le voit\n"} {
		writeFile(t, "otto.tsv", "Otto\tOthon\n")
		if got, _ := answersAndRemarks(t, "Otto sees it\n", strings.Fields("translate run "+args)...); got != want {
			t.Errorf("translate run %s: %q, want %q", args, got, want)
		}
	}
}
