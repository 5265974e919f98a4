package datasets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
)

// wantError checks that an error is an *Error with a text, in which FILE stands for the path.
func wantError(t *testing.T, name, path string, err error, want string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%s: got %v, want an *Error", name, err)
	} else if got := strings.ReplaceAll(err.Error(), path, "FILE"); got != want {
		t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
	}
}

func TestReadTable(t *testing.T) {
	want := []Row{{Text: "Ang  Li", Label: "Chinese", Line: 1}, {Text: "Óg", Label: "Irish", Line: 3}}
	for _, data := range []string{
		"Ang  Li\tChinese\n\nÓg\tIrish\n",
		"\ufeffAng  Li\tChinese\r\n\r\nÓg\tIrish", // as Windows writes it
		"  Ang  Li \t Chinese \n \t\nÓg\tIrish\n\n\n",
	} {
		for _, path := range []string{write(t, "a.tsv", []byte(data)), write(t, "a.tsv.gz", zip(t, data))} {
			table, err := ReadTable(path, Format{})
			if err != nil {
				t.Errorf("%q: %v", data, err)
				continue
			}
			if want[0].File, want[1].File = path, path; !cmp.Equal(want, table.Rows) {
				t.Errorf("%q: %s", data, cmp.Diff(want, table.Rows))
			}
			if table.SHA256 != sha256Hex([]byte(data)) {
				t.Error("the hash is not that of the contents")
			}
		}
	}
}

func TestReadTableRefuses(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "FILE: no examples: a line is a text, a tab and its label"},
		{"blank", "\n \t \n\n", "FILE: no examples: a line is a text, a tab and its label"},
		{"no tab", "a\tx\nb x\n", "FILE:2: no tab: a line is a text, a tab and its label"},
		{"two tabs", "a\tb\nc\td\te\n", "FILE:2: 3 columns, and the first row has 2: remove what is too much"},
		{"no text", "a\tx\n \tx\n", "FILE:2: the text before the tab is empty: remove the line or complete it"},
		{"no label", "a\tx\nb\t\n", "FILE:2: the label after the tab is empty: remove the line or complete it"},
		{"bad UTF-8", "a\tx\néb\xff\tx\n", "FILE:2:3: byte 7 (0xff) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
		{"bad UTF-8 after mark and CRLF", "\ufeffa\tx\r\n\xff\tx\n", "FILE:2:1: byte 8 (0xff) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
		{"UTF-16", "\xff\xfea\x00\t\x00x\x00", "FILE:1:1: byte 0 (0xff) is not UTF-8, it looks like UTF-16: convert it, for example with iconv -f UTF-16 -t UTF-8"},
		{"Latin-1", "\xc4rger\tx\n", "FILE:1:1: byte 0 (0xc4) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"},
		{"binary", "\x7fELF\x02\x00", "FILE:1:6: byte 5 is NUL, so this is not text: choose another file"},
		{"a line of 10 MB", "a\tx\n" + strings.Repeat("b", 10<<20) + "\tx\n", "FILE:2: the line is longer than 1048576 bytes, the most that an example can have: cut it, or choose another file"},
	} {
		path := write(t, "a.tsv", []byte(c.data))
		_, err := ReadTable(path, Format{})
		wantError(t, c.name, path, err, c.want)
	}
	path := write(t, "a.tsv.gz", zip(t, "a\tx\nb")[:20])
	_, err := ReadTable(path, Format{})
	wantError(t, "damaged gzip", path, err, "FILE: damaged gzip data (unexpected EOF): copy or download it again")
	if _, err := ReadTable(filepath.Join(t.TempDir(), "none"), Format{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// Lines around the longest length and the reader's buffer come through whole, and what is longer spoils only itself.
func TestLongLines(t *testing.T) {
	var data strings.Builder
	lengths := []int{1, 1<<16 - 3, 1<<16 - 2, 1<<16 - 1, 1 << 16, 3<<16 + 1, MaxLineBytes - 2, MaxLineBytes - 1, 5 << 20,
		7}
	for _, n := range lengths {
		data.WriteString(strings.Repeat("x", n) + "\ty\r\n")
	}
	table, err := ReadTable(write(t, "a.tsv", []byte(data.String())), Format{SkipBad: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, r := range table.Rows {
		got = append(got, len(r.Text))
	}
	want := append(append([]int{}, lengths[:7]...), 7)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := table.Skipped; s.Count != 2 || s.First.Line != 8 {
		t.Errorf("skipped %d, first %v", s.Count, s.First)
	}
}

func TestReadTableSkips(t *testing.T) {
	path := write(t, "a.tsv", []byte("a\tx\nb\nc\xff\tx\n\nd\ty\n"))
	table, err := ReadTable(path, Format{SkipBad: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 2 || table.Skipped.Count != 2 || table.Skipped.First.Line != 2 {
		t.Errorf("%d rows, skipped %+v", len(table.Rows), table.Skipped)
	}
	path = write(t, "a.tsv", []byte("a\nb\n"))
	_, err = ReadTable(path, Format{SkipBad: true})
	wantError(t, "nothing remains", path, err,
		"FILE: all 2 lines had to be left out, the first because: FILE:1: no tab: a line is a text, a tab and its label")
}

func TestReadFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name, data string) { put(t, dir, name, data) }
	put("Greek.txt", "Adamou\n\n Close \n")
	put("Irish.txt.gz", string(zip(t, "Ó Dónaill\r\n")))
	put("PROVENANCE.txt", "from somewhere\n")
	put("README", "read me\n")
	put("notes.md", "notes\n")
	put(".hidden.txt", "x\n")
	if err := os.Mkdir(filepath.Join(dir, "folder.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	table, err := ReadFolder(dir, Format{})
	if err != nil {
		t.Fatal(err)
	}
	greek, irish := filepath.Join(dir, "Greek.txt"), filepath.Join(dir, "Irish.txt.gz")
	want := []Row{{"Adamou", "Greek", greek, 1}, {"Close", "Greek", greek, 3}, {"Ó Dónaill", "Irish", irish, 1}}
	if diff := cmp.Diff(want, table.Rows); diff != "" {
		t.Error(diff)
	}

	before := table.SHA256
	put("Irish.txt.gz", string(zip(t, "Ó Dónaill\n")))
	if table, err = ReadFolder(dir, Format{}); err != nil || table.SHA256 == before {
		t.Errorf("another file, and the hash is the same; %v", err)
	}
	put("Empty.txt", "\n")
	_, err = ReadFolder(dir, Format{})
	wantError(t, "an empty file", dir, err, "FILE/Empty.txt: no examples of this label: remove it or complete it")
	put("Greek.txt.gz", string(zip(t, "x")))
	_, err = ReadFolder(dir, Format{SkipBad: true})
	wantError(t, "a label twice", dir, err, `FILE/Greek.txt.gz: a second file of the label "Greek": remove one of them`)
	put("Greek.txt.gz", "")
	put("Greek.txt", "x\xff\n")
	_, err = ReadFolder(dir, Format{})
	if dir = t.TempDir(); err == nil {
		t.Error("read a bad file")
	}
	_, err = ReadFolder(dir, Format{})
	wantError(t, "an empty folder", dir, err, "FILE: no examples: the folder should hold a file LABEL.txt or "+
		"LABEL.txt.gz for each label, or a folder LABEL with a file for each text")
}

func TestClasses(t *testing.T) {
	read := func(data string) *Table {
		t.Helper()
		table, err := ReadTable(write(t, "a.tsv", []byte(data)), Format{})
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	table := read("a\ty\nb\tx\nc\ty\n")
	l, err := table.Labels()
	if err != nil {
		t.Fatal(err)
	}
	classes, unknown, err := table.Classes(l)
	if diff := cmp.Diff([]int32{1, 0, 1}, classes); diff != "" || unknown.Examples != 0 || err != nil {
		t.Error(diff, unknown, err)
	}
	test := read("a\ty\n\nb\tz\nc\tw\nd\tz\n")
	classes, unknown, err = test.Classes(l)
	if diff := cmp.Diff([]int32{1, NoClass, NoClass, NoClass}, classes); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if got, want := unknown.Words(l), `3 examples have labels that are not among the 2 of the training data ("z", "w")`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	other := read("a\tz\nb\tw\n")
	_, _, err = other.Classes(l)
	wantError(t, "no label that was ever seen", other.Name, err,
		`FILE: none of its labels ("z", ...) is among the 2 of the training data ("x", ...): use data with the same labels`)
	one := read("a\ty\nb\ty\n")
	_, err = one.Labels()
	wantError(t, "one label", one.Name, err, `FILE: every label is "y", so there is nothing to learn: use other data`)
}

func FuzzReadTable(f *testing.F) {
	path := write(f, "a.tsv", nil) // one for all: making files is most of the work
	f.Add([]byte("\ufeffAng\tChinese\r\n\nÓg\tIrish"), true)
	f.Add([]byte("a\n\tb\nc\t\n\xff\t\x00\n"), true)
	f.Add(zip(f, "a\tb\nc\td\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, skip bool) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		table, err := ReadTable(path, Format{SkipBad: skip})
		if err != nil {
			oneLine(t, path, err)
			return
		}
		for _, r := range table.Rows {
			if r.Text == "" || r.Label == "" || strings.ContainsAny(r.Text+r.Label, "\t\n\x00") || r.Line < 1 {
				t.Errorf("row %+v", r)
			}
		}
	})
}

// oneLine checks that an error is an *Error of one line.
func oneLine(t *testing.T, path string, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Error(), path) || strings.ContainsAny(e.Error(), "\n\r") {
		t.Errorf("got %v, want an *Error of one line", err)
	}
}
