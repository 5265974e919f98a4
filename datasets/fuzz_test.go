package datasets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
)

// What is read is text without a byte order mark, NUL or CRLF, and every vocabulary of it gives it back.
func FuzzReadText(f *testing.F) {
	path := write(f, "a.txt", nil) // one for all: making files is most of the work
	f.Add([]byte("\ufeffone\r\ntwo\rthree \u2581 a1b2\n"))
	f.Add([]byte("a\x00b"))
	f.Add([]byte("a\xff"))
	f.Add(zip(f, "one\ntwo"))
	f.Add(zip(f, "one\ntwo")[:20])
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		text, err := ReadText(path)
		disk, diskErr := readText(path, 0) // from the disk
		if (err == nil) != (diskErr == nil) || err != nil && err.Error() != diskErr.Error() {
			t.Fatalf("in memory %v, on the disk %v", err, diskErr)
		}
		if err != nil {
			oneLine(t, path, err)
			return
		}
		defer disk.Close()
		s := whole(t, text)
		if whole(t, disk) != s || disk.SHA256 != text.SHA256 || disk.Len() != text.Len() {
			t.Fatalf("in memory %q, on the disk %q", s, whole(t, disk))
		}
		if s == "" || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			t.Fatalf("read %q", s)
		}
		if again, err := NewText("x", s); err == nil && !strings.HasPrefix(s, "\ufeff") && !strings.Contains(s, "\r\n") &&
			whole(t, again) != s {
			t.Fatalf("read %q, then %q", s, whole(t, again))
		}
		v := NewVocab(text)
		if tokens := v.mustEncode(t, text); v.Decode(tokens) != s {
			t.Fatalf("%q decodes as %q", s, v.Decode(tokens))
		}
		if len(s) > 2000 {
			return // byte pairs take their time
		}
		for _, kind := range Kinds {
			v, err := BuildVocab(VocabConfig{Kind: kind, Size: 300}, func(yield func(string) bool) { yield(s) })
			if err != nil {
				var e *Error
				if !errors.As(err, &e) {
					t.Fatal(err)
				}
				continue
			}
			back, err := parseVocab("x", v.JSON())
			if err != nil {
				t.Fatalf("the %s vocabulary of %q: %v", kind, s, err)
			}
			a, _ := v.EncodeLine(s)
			b, _ := back.EncodeLine(s)
			if diff := cmp.Diff(a, b); diff != "" {
				t.Fatal(diff)
			}
			for _, token := range a {
				if token < 0 || int(token) >= v.Len() {
					t.Fatalf("token %d of %d", token, v.Len())
				}
			}
		}
	})
}

// A folder of two labels, one of them perhaps compressed.
func FuzzReadFolder(f *testing.F) {
	dir := f.TempDir()
	f.Add([]byte("\ufeffAng\r\n\nBo\n"), []byte("Aoki"), false)
	f.Add([]byte("a\x00\n\xff\nc"), []byte(nil), true)
	f.Add([]byte("\n\n"), zip(f, "a\nb"), true)
	f.Fuzz(func(t *testing.T, one, two []byte, skip bool) {
		for name, data := range map[string][]byte{"one.txt": one, "two.txt": two} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		table, err := ReadFolder(dir, Format{SkipBad: skip})
		if err != nil {
			oneLine(t, dir, err)
			return
		}
		for _, r := range table.Rows {
			if r.Text == "" || r.Text != strings.TrimSpace(r.Text) || strings.ContainsAny(r.Text, "\n\x00") ||
				!utf8.ValidString(r.Text) ||
				r.Line < 1 || r.File != filepath.Join(dir, r.Label+".txt") {
				t.Fatalf("row %+v", r)
			}
		}
	})
}

// Two texts line for line, in memory and on the disk.
func FuzzReadParallel(f *testing.F) {
	dir := f.TempDir()
	source, target := filepath.Join(dir, "a.en"), filepath.Join(dir, "a.de")
	f.Add([]byte("\ufeffa b\r\n\nc\n"), []byte("d\n\né"), false)
	f.Add([]byte("a\nb\n"), []byte("c\n"), true)
	f.Add([]byte("a\n\xff\n\x00\n"), []byte("c\nd\n\n"), true)
	f.Fuzz(func(t *testing.T, a, b []byte, skip bool) {
		for path, data := range map[string][]byte{source: a, target: b} {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		held, err := readParallel(source, target, skip, MaxHeldBytes)
		if err != nil {
			oneLine(t, dir, err)
		}
		disk, diskErr := readParallel(source, target, skip, 0)
		if (err == nil) != (diskErr == nil) || err != nil && err.Error() != diskErr.Error() {
			t.Fatalf("in memory %v, on the disk %v", err, diskErr)
		}
		if err != nil {
			return
		}
		defer disk.Close()
		want := allPairs(t, held)
		if diff := cmp.Diff(want, allPairs(t, disk)); diff != "" {
			t.Fatal(diff)
		}
		for _, p := range want {
			if p.Source == "" || p.Target == "" || strings.ContainsAny(p.Source+p.Target, "\n\x00") ||
				!utf8.ValidString(p.Source+p.Target) {
				t.Fatalf("%q", p)
			}
		}
	})
}

func FuzzReadNEWS(f *testing.F) {
	f.Add(newsXML)
	f.Add(strings.Replace(newsXML, "DEOGAN", "&#x0;<![CDATA[x]]>", 1))
	f.Add(`<?xml version="1.0" encoding="ISO-8859-1"?><TransliterationCorpus><Name><SourceName>a</SourceName></Name></TransliterationCorpus>`)
	f.Fuzz(func(t *testing.T, data string) {
		p, err := readNEWS("a.xml", []byte(data))
		if err != nil {
			oneLine(t, "a.xml", err)
			return
		}
		for i, pair := range allPairs(t, p) {
			if pair.Source == "" || pair.Target == "" || !utf8.ValidString(pair.Source+pair.Target) || p.Line(i) < 1 {
				t.Fatalf("line %d: %q", p.Line(i), pair)
			}
		}
	})
}
