package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// twoFiles is a set of two files, whose archive has the second one first.
func twoFiles(t *testing.T, second string) (set *Set, archive string) {
	t.Helper()
	one, two := fileOf("one", []byte("uno\n")), fileOf("two", []byte("dos\n"))
	one.Member, two.Member = "in/one", "in/two"
	archive = filepath.Join(t.TempDir(), "x.tgz")
	data := tarOf(t, entry{name: "in/two", data: second}, entry{name: "in/one", data: "uno\n"})
	if err := os.WriteFile(archive, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return &Set{Name: "x", Archive: "https://example.org/x.tgz", Files: []File{one, two}}, archive
}

func TestUnpack(t *testing.T) {
	set, archive := twoFiles(t, "dos\n")
	files, err := set.Unpack(archive)
	if err != nil || len(files) != 2 || string(files[0]) != "uno\n" || string(files[1]) != "dos\n" {
		t.Errorf("%q, %v", files, err)
	}
	set, archive = twoFiles(t, "due\n")
	if files, err = set.Unpack(archive); files != nil || err == nil ||
		!strings.HasPrefix(err.Error(), archive+": the contents of two are wrong") {
		t.Errorf("%q, %v", files, err)
	}
	set.Files[1].Member = "in/three"
	if files, err = set.Unpack(archive); files != nil || err == nil ||
		!strings.Contains(err.Error(), "has no in/three: it is not what https://example.org/x.tgz has") {
		t.Errorf("%q, %v", files, err)
	}
}

// TestRead: files are read whether they are compressed or not, and not if they are damaged.
func TestRead(t *testing.T) {
	set, _ := twoFiles(t, "")
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.MkdirAll(set.Folder(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(set.Folder(dir), name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one.gz", gzipped(t, []byte("uno\n")))
	if files, err := set.Read(dir); files != nil || !os.IsNotExist(err) {
		t.Errorf("%q, %v", files, err)
	}
	write("two", []byte("dos\n"))
	files, err := set.Read(dir)
	if err != nil || string(files[0]) != "uno\n" || string(files[1]) != "dos\n" {
		t.Errorf("%q, %v", files, err)
	}
	write("two", []byte("due\n"))
	files, err = set.Read(dir)
	if files != nil || err == nil || !strings.Contains(err.Error(), "contents of two are wrong") {
		t.Errorf("%q, %v", files, err)
	}
}
