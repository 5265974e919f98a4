package datasets

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The lines of the standard input are the texts that the same lines of files are.
func TestLines(t *testing.T) {
	read := func(data string, column int) (texts []string, tabs int, err error) {
		l := NewLines("stdin", strings.NewReader(data))
		l.Column = column
		for {
			s, err := l.Read()
			if err == io.EOF {
				return texts, l.Tabs, nil
			}
			if err != nil {
				return texts, l.Tabs, err
			}
			texts = append(texts, s)
		}
	}
	for _, c := range []struct {
		data   string
		column int
		want   []string
		tabs   int
	}{
		{"\ufeff8\r\n 8 \n\u00a08\u3000\n\n\ufeff8", 1, []string{"8", "8", "8", "", "8"}, 0},
		{"a\tx\n\tb\tx\nc\n", 1, []string{"a", "", "c"}, 2},
		{"x\t a \ty\nb\n", 2, []string{"a", "b"}, 1},
		{"a\tx\n", 0, []string{"a\tx"}, 0},
		{"a\u0085b\u2028c\x0bd\re\n", 1, []string{"a\u0085b\u2028c\x0bd\re"}, 0}, // only LF ends lines, as in files
	} {
		got, tabs, err := read(c.data, c.column)
		if diff := cmp.Diff(c.want, got); diff != "" || tabs != c.tabs || err != nil {
			t.Errorf("%q: %s %d lines with tabs, %v", c.data, diff, tabs, err)
		}
		if c.column == 1 && c.tabs == 0 { // a file of pairs with these sources
			var pairs strings.Builder
			for line := range strings.SplitSeq(strings.TrimSuffix(c.data, "\n"), "\n") {
				if strings.TrimFunc(line, isBlank) != "" {
					fmt.Fprintf(&pairs, "%s\tx\n", strings.TrimSuffix(line, "\r"))
				}
			}
			p, err := ReadPairs(write(t, "a.tsv", []byte(pairs.String())), Format{})
			if err != nil {
				t.Fatal(err)
			}
			for i, pair := range allPairs(t, p) {
				if want := c.want[min(i, 2)]; pair.Source != want {
					t.Errorf("in a file %q, in stdin %q", pair.Source, want)
				}
			}
		}
	}
	for _, c := range []struct{ name, data, want string }{
		{"NUL", "a\nb\x00\n", "FILE:2:2: byte 3 is NUL, so this is not text: choose another file"},
		{"UTF-16", "\xff\xfea\x00\n\x00", "FILE:1:1: byte 0 (0xff) is not UTF-8, it looks like UTF-16: convert it, for example with iconv -f UTF-16 -t UTF-8"},
		{"UTF-32", "\xff\xfe\x00\x00a\x00\x00\x00", "FILE:1:1: byte 0 (0xff) is not UTF-8, it looks like UTF-32: convert it, for example with iconv -f UTF-32 -t UTF-8"},
		{"UTF-16 without a mark", "a\x00b\x00", "FILE:1:2: byte 1 is NUL, it looks like UTF-16: convert it, for example with iconv -f UTF-16LE -t UTF-8"},
		{"big-endian UTF-16 without a mark", "\x00a\x00b", "FILE:1:1: byte 0 is NUL, it looks like UTF-16: convert it, for example with iconv -f UTF-16BE -t UTF-8"},
		{"CR", "a\rb\r", `FILE: its lines end in CR alone, as those of old Macs do: convert it, for example with tr '\r' '\n'`},
		{"markup", "\n<srcset>\n", "FILE:2: it begins with <srcset, which is markup, and a text is wanted, a line each: convert it"},
		{"a long line", strings.Repeat("x", MaxLineBytes+1), "FILE:1: the line is longer than 1048576 bytes, the most that an example can have: cut it, or choose another file"},
	} {
		_, _, err := read(c.data, 1)
		wantError(t, c.name, "stdin", err, c.want)
	}
	_, _, err := read("a\tb\n", 3)
	wantError(t, "too few columns", "stdin", err,
		"FILE:1: 2 columns, and the text of a line with tabs is column 3, as in the training data: complete it")
}

// Lines that end in CR alone are no text for a reader of whole texts, either.
func TestTextOfForeignBreaks(t *testing.T) {
	for data, want := range map[string]string{"a\rb\r": crBreaks, "a\u0085b": nelBreaks} {
		path := write(t, "a.txt", []byte(data))
		_, err := ReadText(path)
		wantError(t, "a text", path, err, "FILE: "+want)
	}
}
