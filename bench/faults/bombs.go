//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"strings"
)

// dataBombs are files that become far more than they are on the disk: compressed rows, or cells of nothing.
func dataBombs(h *harness, r *record) {
	r.what = "files"
	packed := func(name, piece string, times int) {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		if !r.must(err) {
			return
		}
		for range times {
			if _, err := z.Write([]byte(piece)); err != nil {
				r.must(err)
			}
		}
		r.must(z.Close())
		r.tried -= 2
		h.write(name, b.String())
	}
	const kilo = 1000
	packed("text.gz", strings.Repeat("many words\n", kilo), 60*kilo)
	packed("rows.tsv.gz", strings.Repeat("a\tb\nc\td\n", kilo), 2*kilo)
	packed("lines.gz", strings.Repeat("a\n", kilo), 3*kilo)
	packed("words.conllu.gz", strings.Repeat("1\ta\ta\tX\t_\t_\t0\tr\t_\t_\n\n", kilo), 2*kilo)
	packed("series.csv.gz", strings.Repeat("a,1\n", kilo), kilo)
	h.write("commas.csv", strings.Repeat(",", 10*kilo*kilo))
	for args, word := range map[string]string{
		"lm --text text.gz":                           "more than any data do",
		"classify --table rows.tsv.gz":                "bytes of memory, and on the disk there are",
		"seq2seq --pairs rows.tsv.gz":                 "bytes of memory, and on the disk there are",
		"seq2seq --pairs rows.tsv.gz --quoted":        "bytes of memory, and on the disk there are",
		"seq2seq --src lines.gz --tgt lines.gz":       "bytes of memory, and on the disk there are",
		"tag --conllu words.conllu.gz":                "bytes of memory, and on the disk there are",
		"forecast --series series.csv.gz --horizon 2": "the most that are held in memory",
		"forecast --series commas.csv --horizon 2":    "the row is longer than",
	} {
		o := h.measured("train " + args + " --hidden 4 --threads 1 --steps 1 --out run")
		if r.ended(o, exitData, word) {
			r.check((o.wall < hostileTime || busy()) && o.peak < hostileMemory, "%s: %v and %d MB", args, o.wall, o.peak>>20)
		}
	}
}
