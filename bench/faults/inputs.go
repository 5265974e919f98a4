//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"github.com/unroll-ml/unroll/internal/bench/trial"
)

// bad is a file that cannot be used, or a good one, and what is said of it.
type bad struct {
	args  string // after train, with FILE for the path of a file with the contents
	data  string
	code  int
	words []string // with FILE, too
}

const (
	lm       = "lm --batch 2 --seq 8 --hidden 8 --layers 1 --threads 1 --steps 1 --text FILE"
	classify = "classify --batch 2 --hidden 8 --embed 4 --layers 1 --threads 1 --steps 1"
	seq2seq  = "seq2seq --batch 2 --hidden 8 --embed 4 --threads 1 --steps 1"
	table    = classify + " --table FILE"
	pairs    = seq2seq + " --pairs FILE"
	parallel = seq2seq + " --src FILE --tgt good.de"
)

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

// idx is a file of bytes as MNIST has it.
func idx(data []byte, dims ...int) string {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return string(append(b, data...))
}

// badFiles are bad files of every kind, and good ones that look bad.
func badFiles() []bad {
	text := trial.Rhyme(30)
	long := strings.Repeat("x", 10<<20)
	rows := strings.Repeat("Ang\tChinese\nBianchi\tItalian\nLi\tChinese\nRossi\tItalian\n", 4)
	lines := strings.Repeat("one two\teins zwei\nthree\tdrei\n", 8)
	en := strings.Repeat("one two\nthree\n", 8)
	names := `<?xml version="1.0"?>` + "\n<TransliterationCorpus>\n" +
		strings.Repeat("<Name><SourceName>A B</SourceName>\n<TargetName>C</TargetName></Name>\n"+
			"<Name><SourceName>D</SourceName>\n<TargetName>E</TargetName></Name>\n", 8) + "</TransliterationCorpus>\n"
	list := []bad{
		{lm, "", exitData, []string{"FILE: the text is empty"}},
		{lm, "\ufeff", exitData, []string{"FILE: the text is empty"}},
		{lm, "one line\n", exitData, []string{"FILE", "characters to train on", "need at least"}},
		{lm, text + "\x00\x01\x02", exitData, []string{"FILE:31:1: ", "is NUL, so this is not text"}},
		{lm, "abc\xff\xfe" + text, exitData, []string{"FILE:1:4: ", "not UTF-8"}},
		{lm, "\xff\xfea\x00b\x00", exitData, []string{"FILE:1:1: ", "looks like UTF-16"}},
		{lm, strings.Repeat("a", 1000), exitData, []string{"FILE: ", "there is nothing to learn"}},
		{lm, zipped(text)[:40], exitData, []string{"FILE: damaged gzip data"}},
		{lm, "\x1f\x8b\x08", exitData, []string{"FILE: damaged gzip data"}},
		{lm, "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n"), 0, nil},
		{lm, zipped(text), 0, nil},
		{lm, long[:100_000] + text, 0, nil},
		{strings.Replace(lm, "FILE", "none.txt", 1), "", exitNoInput, []string{"--text: none.txt does not exist: check the path"}},
		{strings.Replace(lm, "FILE", ".", 1), "", exitNoInput, []string{"--text: . is a folder: give a file"}},

		{table, "", exitData, []string{"FILE: no examples: a line is a text, a tab and its label"}},
		{table, "Ang\tChinese\n", exitData, []string{"FILE: 1 different example, at least 2 are needed"}},
		{table, strings.ReplaceAll(rows, "Italian", "Chinese"), exitData, []string{`FILE: every label is "Chinese"`}},
		{table, rows + "Ang Chinese\n", exitData, []string{"FILE:17: no tab"}},
		{table, rows + "Ang\tA\tB\n", exitData, []string{"FILE:17: 3 columns, and the first row has 2: remove what is too much"}},
		{table, rows + "\tA\n", exitData, []string{"FILE:17: the text before the tab is empty"}},
		{table, rows + "a\x00\tA\n", exitData, []string{"FILE:17:2: ", "is NUL"}},
		{table, rows + "a\xff\tA\n", exitData, []string{"FILE:17:2: ", "not UTF-8"}},
		{table, rows + long + "\tA\n", exitData, []string{"FILE:17: the line is longer than 1048576 bytes"}},
		{table, zipped(rows)[:40], exitData, []string{"FILE: damaged gzip data"}},
		{table + " --valid-table odd.tsv", rows, 0, nil}, // an unknown label counts as wrong
		{table, "\ufeff" + strings.ReplaceAll(rows, "\n", "\r\n"), 0, nil},
		{table + " --skip-bad", rows + "Ang Chinese\n" + long + "\n", 0, nil},
		{strings.Replace(table, "FILE", "none.tsv", 1), "", exitNoInput, []string{"--table: none.tsv does not exist"}},

		{classify + " --folder labels", "", 0, nil},
		{classify + " --folder onelabel", "", exitData, []string{"onelabel: every label is"}},
		{classify + " --folder emptylabel", "", exitData, []string{"emptylabel/two.txt: no examples of this label"}},
		{classify + " --folder badlabel", "", exitData, []string{"badlabel/two.txt:2:1: ", "not UTF-8"}},
		{classify + " --folder nothing", "", exitData, []string{"nothing: no examples: the folder should hold a file LABEL.txt"}},
		{classify + " --folder none", "", exitNoInput, []string{"--folder: none does not exist"}},

		{pairs, "", exitData, []string{"FILE: no pairs: a line is a source, a tab and its target"}},
		{pairs, "one\teins\n", exitData, []string{"FILE: 1 different example, at least 2 are needed"}},
		{pairs, lines + "one eins\n", exitData, []string{"FILE:17: no tab"}},
		{pairs, lines + "one\t\n", exitData, []string{"FILE:17: the target after the tab is empty"}},
		{pairs, lines + "one\tei\x00ns\n", exitData, []string{"FILE:17:7: ", "is NUL"}},
		{pairs, lines + "one\tei\xe9ns\n", exitData, []string{"FILE:17:7: ", "not UTF-8"}},
		{pairs, lines + "one\t" + long + "\n", exitData, []string{"FILE:17: the line is longer than 1048576 bytes"}},
		{pairs, zipped(lines)[:40], exitData, []string{"FILE: damaged gzip data"}},
		{pairs, "\ufeff" + strings.ReplaceAll(lines, "\n", "\r\n"), 0, nil},
		{pairs + " --skip-bad", lines + "one eins\n" + long + "\n", 0, nil},
		{pairs, names, 0, nil},
		{pairs, names[:len(names)/2], exitData, []string{"FILE:", "not valid XML", "copy or download it again"}},
		{pairs, "<?xml version=\"1.0\"?>\n<svg/>\n", exitData, []string{"FILE: it is marked up, and begins with <svg>"}},
		{strings.Replace(pairs, "FILE", "none.tsv", 1), "", exitNoInput, []string{"--pairs: none.tsv does not exist"}},

		{parallel, en, 0, nil},
		{parallel, "\ufeff" + strings.ReplaceAll(en, "\n", "\r\n"), 0, nil},
		{parallel, en + "one more\n", exitData, []string{"FILE: 17 lines, and good.de has 16"}},
		{parallel, en[:len(en)-6], exitData, []string{"FILE: 15 lines, and good.de has 16"}},
		{parallel, "", exitData, []string{"FILE: 0 lines, and good.de has 16"}},
		{parallel, strings.Replace(en, "three", "", 1), exitData, []string{"FILE:2: the line is blank, and its counterpart in good.de is not"}},
		{parallel, strings.Replace(en, "three", "thr\xff", 1), exitData, []string{"FILE:2:4: ", "not UTF-8"}},
		{parallel, long + "\n" + en[8:], exitData, []string{"FILE:1: the line is longer than 1048576 bytes"}},
		{strings.Replace(parallel, "FILE", "none.en", 1), "", exitNoInput, []string{"--src: none.en does not exist"}},
	}
	images := idx(make([]byte, 16*16), 16, 4, 4)
	for _, c := range []struct {
		images, labels string
		word           string // of what is said, "" if nothing
	}{
		{images, idx(append(make([]byte, 8), bytes.Repeat([]byte{1}, 8)...), 16), ""},
		{images[:len(images)-1], idx(make([]byte, 16), 16), "truncated: 255 bytes of the 256 that its header announces"},
		{images + "x", idx(make([]byte, 16), 16), "1 bytes after the 256"},
		{images[:9], idx(make([]byte, 16), 16), "truncated: 9 bytes of a header of 16"},
		{"", idx(make([]byte, 16), 16), "not an idx file"},
		{"not an idx file", idx(make([]byte, 16), 16), "not an idx file"},
		{images, idx(make([]byte, 15), 15), "16 images, and "},
		{idx(nil, 1<<31, 1<<31, 1<<31), idx(make([]byte, 16), 16), "a damaged header"},
		{images, idx(make([]byte, 16), 16), "every example has the same label"},
		{zipped(images)[:30], idx(make([]byte, 16), 16), "damaged gzip data"},
	} {
		b := bad{args: classify + " --idx IDX", data: c.images + "\x00SPLIT\x00" + c.labels, code: exitData,
			words: []string{"idx", c.word}}
		b.args = strings.Replace(b.args, " --embed 4", "", 1)
		if c.word == "" {
			b.code, b.words = 0, nil
		}
		list = append(list, b)
	}
	return list
}

// badInputs trains on each, and looks at what is said.
func badInputs(h *harness, r *record) {
	r.what = "files"
	h.write("good.de", strings.Repeat("eins zwei\ndrei\n", 8))
	h.write("odd.tsv", "Ang\tChinese\nZorg\tMartian\n")
	for name, data := range map[string]string{
		"labels/one.txt": "a\nb\nc\nd\n", "labels/two.txt": "\ufeffe\r\nf\r\ng\r\nh\r\n", "labels/README": "x",
		"onelabel/one.txt":   "a\nb\nc\nd\n",
		"emptylabel/one.txt": "a\nb\n", "emptylabel/two.txt": "\n \n",
		"badlabel/one.txt": "a\nb\n", "badlabel/two.txt": "a\n\xc3\n",
		"nothing/notes.md": "a",
	} {
		h.write(name, data)
	}
	for i, b := range badFiles() {
		file, folder := fmt.Sprint("file", i), fmt.Sprint("idx", i)
		if images, labels, ok := strings.Cut(b.data, "\x00SPLIT\x00"); ok {
			h.write(folder+"/train-images-idx3-ubyte", images)
			h.write(folder+"/train-labels-idx1-ubyte", labels)
		} else {
			h.write(file, b.data)
		}
		out := fmt.Sprint("run", i)
		o := h.unroll("train " + strings.Replace(strings.Replace(b.args, "FILE", file, 1), "IDX", folder, 1) +
			" --out " + out)
		var words []string
		for _, w := range b.words {
			words = append(words, strings.Replace(w, "FILE", file, 1))
		}
		r.ended(o, b.code, words...)
		if b.code != 0 && trial.Exists(h.path(out)) {
			r.check(false, "%v; it left a folder behind", o)
		}
		os.Remove(h.path(file))
	}
}

// mismatches mixes files of runs that have nothing to do with each other.
func mismatches(h *harness, r *record) {
	r.what = "checks"
	h.write("text.txt", trial.Rhyme(400))
	h.write("other.txt", strings.ToUpper(trial.Rhyme(400)))
	wide := strings.Replace(small, "--hidden 24", "--hidden 32", 1)
	other := strings.Replace(small, "text.txt", "other.txt", 1)
	for run, args := range map[string]string{"run": small, "wide": wide, "other": other} {
		if !r.ended(h.unroll(args+" --steps 5 --out "+run), 0) {
			return
		}
	}
	swap := func(name, from string, f func()) {
		kept := h.path("kept-" + name)
		if !r.must(os.Rename(h.path("run", name), kept)) {
			return
		}
		r.tried--
		if info, err := os.Stat(h.path(from, name)); err == nil && info.IsDir() {
			err = os.CopyFS(h.path("run", name), os.DirFS(h.path(from, name)))
			r.must(err)
			r.tried--
		} else if data, err := os.ReadFile(h.path(from, name)); r.must(err) {
			r.tried--
			h.write("run/"+name, string(data))
		}
		f()
		os.RemoveAll(h.path("run", name))
		r.must(os.Rename(kept, h.path("run", name)))
		r.tried--
	}
	both := func(o *outcome, code int, words ...string) {
		r.ended(o, code, words...)
		r.check(!strings.Contains(o.stdout, "step "), "it took steps: %s", o.stdout)
	}
	more := " --steps 9 --out run"
	swap("last", "wide", func() {
		r.ended(h.unroll("eval run --checkpoint last"), exitData, "run/last: ", "has shape", "the model wants",
			"the checkpoint is of another model")
	})
	swap("best", "wide", func() {
		swap("last", "wide", func() {
			both(h.unroll(small+more), exitData, "has shape", "the model wants", "the checkpoint is of another model")
		})
	})
	for _, name := range []string{"vocab.json", "config.yaml"} {
		swap(name, "other", func() {
			r.ended(h.unroll("eval run"), exitData, "vocab.json", "config.yaml", "are of different runs")
			both(h.unroll(small+more), exitData, "")
		})
	}
	both(h.unroll(wide+more), exitData, "hidden: 24 there, hidden: 32 here")
	both(h.unroll(other+more), exitData, "there", "here")
	both(h.unroll(strings.Replace(small, "gru", "lstm", 1)+more), exitData, "cell: gru there, cell: lstm here")
	both(h.unroll(small+" --seed 7"+more), exitData, "seed: 1 there, seed: 7 here")
	r.ended(h.unroll(small+more), 0) // and the right ones go on
}
