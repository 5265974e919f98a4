//go:build unix

package datasets

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// zipf is a text of about n bytes: lines of words of which few are frequent and many are rare, repeated in other orders.
func zipf(n int) string {
	r := rand.New(rand.NewPCG(1, 0))
	word := rand.NewZipf(r, 1.1, 2, 1<<16-1)
	lines := make([]string, 20_000)
	for i := range lines {
		for range 14 {
			for x := word.Uint64() + 1; x > 0; x /= 90 {
				lines[i] += string("bcdfghjklmnprstvwz"[x%18]) + string("aeiou"[x/18%5])
			}
			lines[i] += " "
		}
		lines[i] += "\n"
	}
	var b strings.Builder
	for b.Len() < n {
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		for _, line := range lines {
			b.WriteString(line)
		}
	}
	return b.String()
}

// BenchmarkEpoch reads an epoch of a text of 100 MB on the disk: with the text encoded while it is read, and from the
// file of its tokens. It tells the time of the processor, which other work on the machine hardly changes. "streams" is an epoch of 64 streams; "shuffled" is 2,000 windows of 64 tokens in random order.
func BenchmarkEpoch(b *testing.B) {
	text := onDisk(b, zipf(100<<20))
	var failed error
	for _, kind := range Kinds {
		v, err := BuildVocab(VocabConfig{Kind: kind, Size: 8000}, text.Blocks(&failed))
		if err != nil || failed != nil {
			b.Fatal(err, failed)
		}
		x := encodedOn(b, v, text)
		b.Run(string(kind)+"/write", func(b *testing.B) {
			timed(b, func() { writeTokens(b, x) })
		})
		for _, from := range []string{"text", "file"} {
			if from == "file" {
				if err := x.Use(writeTokens(b, x)); err != nil {
					b.Fatal(err)
				}
			}
			b.Run(string(kind)+"/streams/"+from, func(b *testing.B) {
				w, err := NewWindows(x, 64, 64)
				if err != nil {
					b.Fatal(err)
				}
				readWindows(b, w.Fill, w.Len(), 64*64)
			})
			b.Run(string(kind)+"/shuffled/"+from, func(b *testing.B) {
				w, err := NewSlidingWindows(x, 1, 64, 64, 1)
				if err != nil {
					b.Fatal(err)
				}
				readWindows(b, w.Fill, 2000, 64)
			})
		}
		x.Close()
	}
}

// BenchmarkStart is what a training does before its first step with the tokens of 20 MB of a text, and of pairs, on the
// disk, if they are to be kept: "first" time with a scratch file, and without one, and "again", when they were kept.
func BenchmarkStart(b *testing.B) {
	data := zipf(20 << 20)
	lines := strings.Split(data, "\n")
	var rows strings.Builder
	for i := 0; i < len(lines)-2; i += 2 {
		rows.WriteString(lines[i] + "\t" + lines[i+1] + "\n")
	}
	text := onDisk(b, data)
	pairs, err := OpenPairs(write(b, "pairs.tsv", []byte(rows.String())), Format{Header: "no"})
	if err != nil {
		b.Fatal(err)
	}
	defer pairs.Close()
	for _, kind := range Kinds {
		v, err := BuildVocab(VocabConfig{Kind: kind, Size: 8000}, slices.Values(lines[:40_000]))
		if err != nil {
			b.Fatal(err)
		}
		for data, encode := range map[string]func(files TokenFiles) (kept, error){
			"text": func(files TokenFiles) (kept, error) {
				x, err := v.EncodeKept(text, files)
				return x.(*Encoded), err
			},
			"pairs": func(files TokenFiles) (kept, error) {
				x, err := EncodePairs(pairs, v, v, files)
				for i := 0; err == nil && i < x.Len(); i++ {
					_, err = x.Tokens(i)
				}
				return x, err
			},
		} {
			last := ""
			for _, c := range []struct {
				name  string
				files func() TokenFiles
			}{
				{"first, without a scratch file", func() TokenFiles { return nil }},
				{"first", func() TokenFiles { return &tokenFiles{dir: b.TempDir(), room: 1 << 40} }},
				{"again", func() TokenFiles { return &tokenFiles{kept: last} }},
			} {
				b.Run(string(kind)+"/"+data+"/"+c.name, func(sub *testing.B) {
					timed(sub, func() {
						x, err := encode(c.files())
						if err != nil {
							b.Fatal(err)
						}
						if c.name != "again" {
							f := writeTokens(b, x)
							last = f.Name()
							err = x.Use(f)
						}
						if err != nil {
							b.Fatal(err)
						}
						x.Close()
					})
				})
			}
		}
	}
}

// BenchmarkPairsEpoch is the same of pairs, 20 MB of both sides together, in random order; "line by line" is each pair
// encoded by itself.
func BenchmarkPairsEpoch(b *testing.B) {
	lines := strings.Split(zipf(20<<20), "\n")
	lines = lines[:len(lines)/2*2]
	var all strings.Builder
	for i := 0; i < len(lines)-2; i += 2 {
		all.WriteString(lines[i] + "\t" + lines[i+1] + "\n")
	}
	pairs, err := OpenPairs(write(b, "pairs.tsv", []byte(all.String())), Format{Header: "no"})
	if err != nil {
		b.Fatal(err)
	}
	defer pairs.Close()
	order := rand.New(rand.NewPCG(1, 1)).Perm(pairs.Len())
	for _, kind := range Kinds {
		v, err := BuildVocab(VocabConfig{Kind: kind, Size: 8000}, slices.Values(lines[:40_000]))
		if err != nil {
			b.Fatal(err)
		}
		x, err := EncodePairs(pairs, v, v, nil)
		if err != nil {
			b.Fatal(err)
		}
		epoch := func(b *testing.B, name string, read func(i int) error) {
			b.Run(string(kind)+"/"+name, func(b *testing.B) {
				timed(b, func() {
					for _, i := range order {
						if err := read(i); err != nil {
							b.Fatal(err)
						}
					}
				})
			})
		}
		tokens := func(i int) error { _, err := x.Tokens(i); return err }
		epoch(b, "line by line", func(i int) error {
			p, err := pairs.Pair(i)
			v.EncodeLine(p.Source)
			v.EncodeLine(p.Target)
			return err
		})
		epoch(b, "pairs", tokens)
		b.Run(string(kind)+"/write", func(b *testing.B) { timed(b, func() { writeTokens(b, x) }) })
		if err := x.Use(writeTokens(b, x)); err != nil {
			b.Fatal(err)
		}
		epoch(b, "file", tokens)
		x.Close()
	}
}

// writeTokens is an open file of the tokens.
func writeTokens(b *testing.B, x interface {
	Write(context.Context, io.Writer) error
}) *os.File {
	f, err := os.Create(filepath.Join(b.TempDir(), "tokens"))
	if err == nil {
		err = x.Write(context.Background(), f)
	}
	if err != nil {
		b.Fatal(err)
	}
	return f
}

func readWindows(b *testing.B, fill func(int, []int32, []int32) (bool, error), n, size int) {
	inputs, targets := make([]int32, size), make([]int32, size)
	timed(b, func() {
		for i := range n {
			if _, err := fill(i, inputs, targets); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// timed is a benchmark that tells the time of the processor, too.
func timed(b *testing.B, f func()) {
	spent := func() int64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := spent()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(spent()-before)/1e6/float64(b.N), "cpu-ms/op")
}
