package datasets

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
)

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func zip(t testing.TB, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadText(t *testing.T) {
	for _, c := range []struct {
		name, file string
		data       []byte
		want       string
	}{
		{"plain", "a.txt", []byte("one\ntwo"), "one\ntwo"},
		{"no ASCII", "a.txt", []byte("日本é"), "日本é"},
		{"byte order mark", "a.txt", []byte("\ufeffone"), "one"},
		{"mark in the middle is a character", "a.txt", []byte("o\ufeffne"), "o\ufeffne"},
		{"CRLF", "a.txt", []byte("one\r\ntwo\r\n"), "one\ntwo\n"},
		{"lone CR", "a.txt", []byte("one\rtwo\r\nthree\r"), "one\rtwo\nthree\r"},
		{"the replacement character itself", "a.txt", []byte("a\ufffdb"), "a\ufffdb"},
		{"gzip", "a.txt.gz", zip(t, "one\r\ntwo"), "one\ntwo"},
		{"gzip by contents", "a.txt", zip(t, "one"), "one"},
		{"a line of 10 MB", "a.txt", bytes.Repeat([]byte("x"), 10<<20), strings.Repeat("x", 10<<20)},
	} {
		got, err := ReadText(write(t, c.file, c.data))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if whole(t, got) != c.want {
			t.Errorf("%s: got %.40q, want %.40q", c.name, whole(t, got), c.want)
		}
	}
}

// A compressed copy is the same text.
func TestSHA256(t *testing.T) {
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of "abc", from FIPS 180-2
	for _, path := range []string{write(t, "a.txt", []byte("abc")), write(t, "a.gz", zip(t, "abc"))} {
		text, err := ReadText(path)
		if err != nil {
			t.Fatal(err)
		}
		if text.SHA256 != want {
			t.Errorf("%s: %s, want %s", path, text.SHA256, want)
		}
	}
}

func TestReadTextRefuses(t *testing.T) {
	zipped := zip(t, strings.Repeat("one two three ", 100))
	flipped := bytes.Clone(zipped)
	flipped[len(flipped)-6] ^= 1 // in the checksum
	for _, c := range []struct {
		name, file string
		data       []byte
		want       string // after the path
	}{
		{"empty", "a.txt", nil, ": the text is empty: choose another file"},
		{"only a mark", "a.txt", []byte("\ufeff"), ": the text is empty: choose another file"},
		{"empty gzip", "a.gz", zip(t, ""), ": the text is empty: choose another file"},
		{"empty with .gz", "a.gz", nil, ": the text is empty: choose another file"},
		{"not UTF-8", "a.txt", []byte("ab\ncd\xffe"), ":2:3: byte 5 (0xff) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
		{"not UTF-8 after mark, CRLF and a long character", "a.txt", []byte("\ufeffé\r\n日\xc3("), ":2:2: byte 10 (0xc3) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
		{"UTF-16", "a.txt", []byte("\xff\xfea\x00"), ":1:1: byte 0 (0xff) is not UTF-8, it looks like UTF-16: convert it, for example with iconv -f UTF-16 -t UTF-8"},
		{"binary", "a.txt", []byte("ELF\x00"), ":1:4: byte 3 is NUL, so this is not text: choose another file"},
		{"not UTF-8 in gzip", "a.gz", zip(t, "ab\xff"), ":1:3: byte 2 (0xff) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
		{"not gzip", "a.gz", []byte("abc"), ": the name ends in .gz, the contents are not gzip: download it again, or rename it if it is not compressed"},
		{"truncated gzip", "a.gz", zipped[:len(zipped)-9], ": damaged gzip data (unexpected EOF): copy or download it again"},
		{"gzip header only", "a.gz", zipped[:5], ": damaged gzip data (unexpected EOF): copy or download it again"},
		{"flipped gzip", "a.gz", flipped, ": damaged gzip data (gzip: invalid checksum): copy or download it again"},
	} {
		path := write(t, c.file, c.data)
		_, err := ReadText(path)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want an *Error", c.name, err)
		} else if got := err.Error(); got != path+c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, path+c.want)
		}
	}
	if _, err := ReadText(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: got %v, want os.ErrNotExist", err)
	}
	if _, err := ReadText(t.TempDir()); err == nil {
		t.Error("a folder was read as a text")
	}
}

func TestPosition(t *testing.T) {
	text, err := NewText("x", "ab\n\ncd")
	if err != nil {
		t.Fatal(err)
	}
	var got [][2]int
	for i := range text.Len() {
		line, col, err := text.Position(i)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, [2]int{line, col})
	}
	if diff := cmp.Diff([][2]int{{1, 1}, {1, 2}, {1, 3}, {2, 1}, {3, 1}, {3, 2}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBuiltin(t *testing.T) {
	text := Builtin()
	if n := text.Len(); n < 12_000 || n > 20_000 {
		t.Errorf("%d characters", n)
	}
	if n := NewVocab(text).Len(); n > 70 {
		t.Errorf("%d different characters: a small model learns from fewer", n)
	}
	if _, err := NewWindows(NewVocab(text).mustEncode(t, text), 16, 64); err != nil {
		t.Error(err)
	}
}

// fataler is a test, or one of a property.
type fataler interface{ Fatal(...any) }

// whole is all of a text.
func whole(t fataler, text *Text) string {
	var failed error
	s := strings.Join(slices.Collect(text.Blocks(&failed)), "")
	if failed != nil {
		t.Fatal(failed)
	}
	return s
}

func (v *Vocab) mustEncode(t fataler, text *Text) Slice {
	tokens, err := v.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	all := make(Slice, tokens.Len())
	if err := tokens.Read(0, all); err != nil {
		t.Fatal(err)
	}
	return all
}
