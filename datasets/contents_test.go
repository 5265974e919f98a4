package datasets

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/pkg/errors"
)

// Examples take no more memory than their files let expect; what stays on the disk may have more.
func TestHeldExamples(t *testing.T) {
	before := leastHeld
	t.Cleanup(func() { leastHeld = before })
	leastHeld = 1 << 15
	const fit = 1 << 15 / (heldExample + 2) // or a few more, of those with less text
	rows := func(n int) string { return strings.Repeat("a\tb\n", n-1) + "a\tc\n" }
	lines := strings.Repeat("a\n", 2*fit)
	for name, read := range map[string]func(n int) (string, error){
		"table": func(n int) (string, error) {
			path := write(t, "a.tsv.gz", zip(t, rows(n)))
			_, err := ReadTable(path, Format{Header: "no"})
			return path, err
		},
		"pairs": func(n int) (string, error) {
			path := write(t, "a.tsv.gz", zip(t, rows(n)))
			_, err := ReadPairs(path, Format{Header: "no"})
			return path, err
		},
		"pairs in quotes": func(n int) (string, error) {
			path := write(t, "a.tsv.gz", zip(t, rows(n)))
			_, err := ReadPairs(path, Format{Header: "no", Quoted: true})
			return path, err
		},
		"parallel": func(n int) (string, error) {
			path := write(t, "a.gz", zip(t, lines[:2*n]))
			_, err := ReadParallel(path, write(t, "b.gz", zip(t, lines[:2*n])), false)
			return path, err
		},
	} {
		if _, err := read(fit); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := read(2 * fit)
		var e *Error
		if !errors.As(err, &e) || e.Line <= fit || e.Line > fit+3 ||
			!strings.Contains(e.What, "bytes of memory, and on the disk there are") {
			t.Errorf("%s: %v", name, err)
		}
	}
	bomb := zip(t, strings.Repeat("many words ", 1<<12))
	path := write(t, "a.txt.gz", bomb)
	_, err := ReadText(path)
	wantError(t, "a text", path, err, fmt.Sprintf("FILE: %d bytes become %d in memory, more than any data do: "+
		"uncompress it, or use a part of it",
		len(bomb), len("many words ")<<12))
	if _, err := ReadTable(write(t, "a.tsv", []byte(rows(2*fit)+strings.Repeat("a long text\tb\n", 2*fit))),
		Format{Header: "no"}); err != nil {
		t.Errorf("of a file that is as large as it seems: %v", err)
	}
	p, err := readPairs(write(t, "a.tsv", []byte(rows(2*fit))), Format{Header: "no"}, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Len() != 2*fit {
		t.Errorf("%d pairs on the disk", p.Len())
	}
}

// A record that is too long is refused before its cells are in memory, which take 50 times as much; the next
// one is read.
func TestRecordMemory(t *testing.T) {
	data := []byte("a,b\n" + strings.Repeat(",", 1<<24) + "\nc,d\n")
	r := NewRecords("x.csv", data, 0, MaxLineBytes)
	var was, now runtime.MemStats
	runtime.ReadMemStats(&was)
	for _, want := range []string{"a", "", "c"} {
		cells, line, err := r.Read()
		if want != "" && (err != nil || string(cells[0]) != want) {
			t.Errorf("line %d: %q, %v; want %q", line, cells, err, want)
		}
		if want == "" {
			wantError(t, "a long record", "x.csv", err,
				"FILE:2: the row is longer than 1048576 bytes, the most that an example can have: a quotation mark may be missing")
		}
	}
	if runtime.ReadMemStats(&now); now.TotalAlloc-was.TotalAlloc > 200<<20 {
		t.Errorf("reading 16 MiB took %d MiB", (now.TotalAlloc-was.TotalAlloc)>>20)
	}
}

// Compressed data that are too long are refused before they are in memory.
func TestGunzipMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a GiB is compressed")
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range MaxTextBytes>>20 + 1 {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := write(t, "a.gz", b.Bytes())
	var was, now runtime.MemStats
	runtime.ReadMemStats(&was)
	_, err = ReadText(path)
	runtime.ReadMemStats(&now)
	wantError(t, "a GiB", path, err,
		"FILE: longer than 1073741824 bytes, the most that is read at once: uncompress it, or use a part of it")
	if took := now.TotalAlloc - was.TotalAlloc; took > 64<<20 {
		t.Errorf("%d bytes to refuse it", took)
	}
}
