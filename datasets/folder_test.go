package datasets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A folder for each label, with a file for each text.
func TestReadFolderOfFolders(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "pos/0_9.txt", "a fine\r\nfilm\n\n")
	put(t, dir, "pos/1_9.TXT.gz", string(zip(t, "\ufeffgood")))
	put(t, dir, "pos/old/2_9.txt", "older")
	put(t, dir, "pos/pos.csv", "x")
	put(t, dir, "neg/49960", "bad")
	put(t, dir, "neg/.hidden", "x")
	put(t, dir, "none/a.csv", "x")
	put(t, dir, "labels.feat", "x")
	put(t, dir, "README", "x")
	table, err := ReadFolder(dir, Format{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	want := []Row{{"bad", "neg", at("neg/49960"), 1}, {"a fine film", "pos", at("pos/0_9.txt"), 1},
		{"good", "pos", at("pos/1_9.TXT.gz"), 1}}
	if diff := cmp.Diff(want, table.Rows); diff != "" {
		t.Error(diff)
	}
	if got, want := strings.ReplaceAll(strings.Join(table.Notes, "\n"), dir, "DIR"),
		"DIR: left out labels.feat, none/; a label is a folder\n"+
			"DIR/pos: left out old, pos.csv; a text is a file NAME.txt or without a suffix"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	put(t, dir, "neg/empty.txt", "\n")
	_, err = ReadFolder(dir, Format{})
	wantError(t, "an empty text", dir, err, "FILE/neg/empty.txt: the text is empty: remove the file or complete it")
	if table, err = ReadFolder(dir, Format{SkipBad: true}); err != nil || len(table.Rows) != 3 ||
		table.Skipped.Count != 1 {
		t.Error(table, err)
	}
	put(t, dir, "neg/empty.txt", "\xe9")
	_, err = ReadFolder(dir, Format{})
	wantError(t, "Latin-1", dir, err, "FILE/neg/empty.txt:1:1: byte 0 (0xe9) is not UTF-8: convert the text to UTF-8, "+
		"for example with iconv, or choose another file")

	// Lists beside the folders could be labels, too.
	put(t, dir, "urls_pos.txt", "http://example.org\n")
	_, err = ReadFolder(dir, Format{})
	wantError(t, "both forms", dir, err, "FILE: files urls_pos.txt and folders neg, pos could all be labels: name the "+
		"labels with --labels, or move away what are none")
	if table, err = ReadFolder(dir, Format{Labels: []string{"pos", "neg"}, SkipBad: true}); err != nil ||
		len(table.Rows) != 3 {
		t.Error(table, err)
	}
	_, err = ReadFolder(dir, Format{Labels: []string{"pos", "unsup"}})
	wantError(t, "a label that there is not", dir, err, `FILE: it has no texts of the label "unsup": correct --labels`)

	// The folder above that of the labels.
	above := t.TempDir()
	put(t, above, "train/pos/1.txt", "x")
	put(t, above, "test/pos/1.txt", "x")
	_, err = ReadFolder(above, Format{})
	wantError(t, "the folder above", above, err,
		"FILE: its folder test has folders and no texts: name the folder that holds the labels, such as FILE/test")
}

// What a folder of files holds besides LABEL.txt is named; the suffix may be in capitals.
func TestReadFolderNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"Calish.txt", "Dorish.TXT", "Eirish.Txt.GZ", "Espish", "list.csv", "README.txt"} {
		data := "a\nb\n"
		if strings.HasSuffix(name, "GZ") {
			data = string(zip(t, data))
		}
		put(t, dir, name, data)
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	table, err := ReadFolder(dir, Format{})
	if err != nil {
		t.Fatal(err)
	}
	labels, err := table.Labels()
	if diff := cmp.Diff([]string{"Calish", "Dorish", "Eirish"}, labels.names); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if want := dir + ": left out Espish, list.csv, empty/; a label is a file LABEL.txt"; len(table.Notes) != 1 ||
		table.Notes[0] != want {
		t.Errorf("got  %q\nwant %q", table.Notes, want)
	}
}
