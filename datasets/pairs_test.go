package datasets

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func allPairs(t *testing.T, p *Pairs) []Pair {
	t.Helper()
	pairs := make([]Pair, p.Len())
	for i := range pairs {
		var err error
		if pairs[i], err = p.Pair(i); err != nil {
			t.Fatal(err)
		}
	}
	return pairs
}

// Pairs are the same whether the file stays on the disk or not.
func TestReadPairs(t *testing.T) {
	want := []Pair{{"Go.", "Va !"}, {"Hi  there.", "Salut !"}}
	for _, data := range []string{
		"Go.\tVa !\n\nHi  there.\tSalut !\n",
		"\ufeffGo.\tVa !\r\n\r\nHi  there.\tSalut !",
		" Go. \t Va !\tCC-BY 2.0\t#1\n\t\nHi  there.\tSalut !\t\n",
	} {
		path := write(t, "a.tsv", []byte(data))
		for _, hold := range []int64{0, MaxHeldBytes} {
			p, err := readPairs(path, Format{}, hold)
			if err != nil {
				t.Errorf("%q: %v", data, err)
				continue
			}
			if p.InMemory() != (hold > 0) {
				t.Errorf("in memory: %v, with %d bytes allowed", p.InMemory(), hold)
			}
			if diff := cmp.Diff(want, allPairs(t, p)); diff != "" || p.Line(0) != 1 || p.Line(1) != 3 {
				t.Errorf("%q: %s", data, diff)
			}
			if p.SHA256 != sha256Hex([]byte(data)) {
				t.Error("the hash is not that of the contents")
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		zipped, err := ReadPairs(write(t, "a.tsv.gz", zip(t, data)), Format{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, allPairs(t, zipped)); diff != "" {
			t.Errorf("gzip %q: %s", data, diff)
		}
	}
}

func TestReadPairsRefuses(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "FILE: no pairs: a line is a source, a tab and its target"},
		{"no tab", "a\tb\nc\n", "FILE:2: no tab: a line is a source, a tab and its target"},
		{"no source", "\tb\n", "FILE:1: the source before the tab is empty: remove the line or complete it"},
		{"no target", "a\tb\nc\t\td\n", "FILE:2: the target after the tab is empty: remove the line or complete it"},
		{"bad UTF-8", "a\tb\nc\t\xc3(\n", "FILE:2:3: byte 6 (0xc3) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
		{"binary", "a\x00", "FILE:1:2: byte 1 is NUL, so this is not text: choose another file"},
		{"a line of 10 MB", strings.Repeat("b", 10<<20), "FILE:1: the line is longer than 1048576 bytes, the most that an example can have: cut it, or choose another file"},
	} {
		path := write(t, "a.tsv", []byte(c.data))
		for _, hold := range []int64{0, MaxHeldBytes} {
			_, err := readPairs(path, Format{}, hold)
			wantError(t, c.name, path, err, c.want)
		}
	}
	p, err := ReadPairs(write(t, "a.tsv", []byte("a\nb\tc\n\xff\tx\n")), Format{SkipBad: true})
	if err != nil || p.Len() != 1 || p.Skipped.Count != 2 || p.Skipped.First.Line != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	path := write(t, "a.tsv", []byte("a\n"))
	_, err = ReadPairs(path, Format{SkipBad: true})
	wantError(t, "nothing remains", path, err,
		"FILE: the only line had to be left out, because: FILE:1: no tab: a line is a source, a tab and its target")
}

func TestReadParallel(t *testing.T) {
	source := write(t, "a.de", []byte("\ufeffZwei Männer\r\n \r\nEin\tHund\r\n"))
	target := write(t, "a.en.gz", zip(t, "Two men\n\nA dog"))
	want := []Pair{{"Zwei Männer", "Two men"}, {"Ein\tHund", "A dog"}}
	for _, hold := range []int64{0, MaxHeldBytes} {
		p, err := readParallel(source, target, false, hold)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, allPairs(t, p)); diff != "" || p.Line(1) != 3 {
			t.Error(diff)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	back, err := ReadParallel(target, source, false)
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := ReadParallel(source, target, false); p.SHA256 == back.SHA256 {
		t.Error("both directions have the same hash")
	}
}

func TestReadParallelRefuses(t *testing.T) {
	for _, c := range []struct{ name, source, target, want string }{
		{"both empty", "", "", "SRC and TGT: no pairs, both files are empty: choose others"},
		{"longer source", "a\nb\nc\n", "x\ny", "SRC: 3 lines, and TGT has 2: line for line, one must be the translation of the other"},
		{"longer target", "a\n", "x\n\n\xff\n", "SRC: 1 line, and TGT has 3: line for line, one must be the translation of the other"},
		{"empty target", "a\n", "", "SRC: 1 line, and TGT has 0: line for line, one must be the translation of the other"},
		{"blank source", "a\n \n", "x\ny\n", "SRC:2: the line is blank, and its counterpart in TGT is not: remove both or complete it"},
		{"blank target", "a\nb\n", "x\n\n", "TGT:2: the line is blank, and its counterpart in SRC is not: remove both or complete it"},
		{"bad UTF-8", "a\nb\n", "x\ny\xff\n", "TGT:2:2: byte 3 (0xff) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
	} {
		source, target := write(t, "a.src", []byte(c.source)), write(t, "a.tgt", []byte(c.target))
		want := strings.ReplaceAll(strings.ReplaceAll(c.want, "SRC", source), "TGT", target)
		for _, hold := range []int64{0, MaxHeldBytes} {
			_, err := readParallel(source, target, false, hold)
			wantError(t, c.name, "?", err, want)
		}
	}
	p, err := ReadParallel(write(t, "a", []byte("a\n\nc\nd\n")), write(t, "b", []byte("x\ny\n\xff\nz\n")), true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Pair{{"a", "x"}, {"d", "z"}}, allPairs(t, p)); diff != "" || p.Skipped.Count != 2 {
		t.Error(diff, p.Skipped)
	}
}

// A file that shrinks while it is used is an error, not a crash.
func TestPairsOfAFileThatShrinks(t *testing.T) {
	path := write(t, "a.tsv", []byte("a\tb\nc\td\n"))
	p, err := readPairs(path, Format{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := os.Truncate(path, 4); err != nil {
		t.Fatal(err)
	}
	_, err = p.Pair(0) // is still there, but who knows what else has changed
	wantError(t, "changed", path, err,
		"FILE:1: the file has changed while it was used: leave it as it is, and repeat the command")
	_, err = p.Pair(1)
	wantError(t, "shrunk", path, err,
		"FILE:2: the file has become shorter while it was used: leave it as it is, and repeat the command")
}

const newsXML = `<?xml version="1.0" encoding="UTF-8"?><TransliterationCorpus CorpusID="x" CorpusSize="2">
<Name ID="1">
<SourceName>DEOGAN ROAD</SourceName>
<TargetName ID="1">देवगन रोड</TargetName>
</Name>
<Name ID="2"><SourceName>BILL &amp; CO</SourceName>
<TargetName ID="1"> बिल </TargetName><TargetName ID="2">बील</TargetName></Name>
</TransliterationCorpus>
`

func TestReadNEWS(t *testing.T) {
	want := []Pair{{"DEOGAN ROAD", "देवगन रोड"}, {"BILL & CO", "बिल"}, {"BILL & CO", "बील"}}
	for _, path := range []string{write(t, "a.xml", []byte(newsXML)), write(t, "a.xml.gz", zip(t, "\ufeff"+newsXML))} {
		p, err := ReadPairs(path, Format{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, allPairs(t, p)); diff != "" || p.Line(0) != 2 || p.Line(2) != 6 {
			t.Error(diff, p.Line(0), p.Line(2))
		}
	}
	for _, c := range []struct{ name, data, want string }{
		{"another document", "<?xml version=\"1.0\"?>\n<svg/>", "FILE: it is marked up, and begins with <svg>; of markup only test sets of WMT are read: convert it to texts, a line each"},
		{"no names", "<?xml version=\"1.0\"?><TransliterationCorpus/>", "FILE: no names, so there is nothing to learn: copy or download it again"},
		{"truncated", newsXML[:300], "FILE:7: not valid XML (XML syntax error on line 7: unexpected EOF): copy or download it again"},
		{"no source", strings.Replace(newsXML, "DEOGAN ROAD", " ", 1), "FILE:5: a name without a source or without a target: remove or complete it"},
		{"empty target", strings.Replace(newsXML, "बील", " ", 1), "FILE:6: a target is empty: remove or complete it"},
	} {
		path := write(t, "a.xml", []byte(c.data))
		_, err := ReadPairs(path, Format{})
		wantError(t, c.name, path, err, c.want)
	}
}

func FuzzReadPairs(f *testing.F) {
	path := write(f, "a.tsv", nil) // one for all: making files is most of the work
	f.Add([]byte("\ufeffa\tb\r\n\nc d\té\tnote\n"), true)
	f.Add([]byte("a\n\tb\nc\t\n\xff\t\x00\n"), true)
	f.Add([]byte(newsXML), false)
	f.Fuzz(func(t *testing.T, data []byte, skip bool) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		held, err := readPairs(path, Format{SkipBad: skip}, MaxHeldBytes)
		if err != nil {
			oneLine(t, path, err)
		}
		disk, diskErr := readPairs(path, Format{SkipBad: skip}, 0)
		if fmt.Sprint(err) != fmt.Sprint(diskErr) {
			t.Fatalf("in memory %v, on the disk %v", err, diskErr)
		}
		if err != nil {
			return
		}
		defer disk.Close()
		want := allPairs(t, held)
		if diff := cmp.Diff(want, allPairs(t, disk)); diff != "" {
			t.Error(diff)
		}
		for _, p := range want {
			if p.Source == "" || p.Target == "" || strings.ContainsAny(p.Source+p.Target, "\t\n\x00") {
				t.Errorf("%q", p)
			}
		}
	})
}
