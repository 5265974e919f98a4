//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/unroll-ml/unroll/trainer/run"
)

const smallTrain = "train --text rhyme.txt --batch 4 --seq 40 --lr 5 --optimizer sgd --out run --steps "

// What is written in its place is never reached through a link, nor made before the folder is accepted.
func TestObstaclesStay(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	for _, name := range []string{".lock", run.LogName} {
		for kind, put := range map[string]func(path string) error{
			"a link":              func(path string) error { return os.Symlink("../else/precious.txt", path) },
			"a link to nothing":   func(path string) error { return os.Symlink("../else/none", path) },
			"a link in the run":   func(path string) error { return os.Symlink("vocab.json", path) },
			"a hard link":         func(path string) error { return os.Link("else/precious.txt", path) },
			"a pipe":              func(path string) error { return syscall.Mkfifo(path, 0o666) },
			"a folder":            func(path string) error { return os.Mkdir(path, 0o777) },
			"a text":              func(path string) error { return os.WriteFile(path, []byte("years\nof work\n"), 0o666) },
			"refused: a link":     func(path string) error { return os.Symlink("../else/precious.txt", path) },
			"refused: to nothing": func(path string) error { return os.Symlink("../else/none", path) },
		} {
			for _, dir := range []string{"run", "else"} {
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
			}
			must(t, strings.Fields(smallTrain+"3")...)
			if strings.HasPrefix(kind, "refused") {
				if err := os.Remove("run/config.yaml"); err != nil {
					t.Fatal(err)
				}
			}
			writeFile(t, "else/precious.txt", "years of work")
			path := filepath.Join("run", name)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := put(path); err != nil {
				t.Fatal(err)
			}
			before := contentsOf(t, ".")
			r := unroll(strings.Fields(smallTrain + "5")...)
			if r.code != exitNoOutput || strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("%s is %s: %d, %s", name, kind, r.code, r.stderr)
			}
			if after := contentsOf(t, "."); after != before &&
				!(name == run.LogName && strings.Contains(after, "years of work")) {
				t.Errorf("%s is %s: then\n%s\nwant\n%s", name, kind, after, before)
			}
		}
	}
}

// contentsOf lists the files under a folder, with what small ones hold.
func contentsOf(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(path + " " + d.Type().String())
		if info, err := d.Info(); err == nil && d.Type().IsRegular() && info.Size() < 100 {
			b.WriteString(" " + readFile(t, path))
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Neither going on nor --overwrite removes what a person has put into a run folder.
func TestForeignFilesStay(t *testing.T) {
	small(t, nil)
	writeFile(t, "rhyme.txt", rhyme(100))
	must(t, strings.Fields(smallTrain+"9 --checkpoint-every 2 --keep 3")...)
	foreign := []string{"best-1", "best-2", "best-100", "last-3", "last-11", "last-2024", "last-999999", "labels.json",
		"events.out.tfevents.other", "events.out.tfevents.0000000001.host", ".config.yaml.tmp-x", ".labels.json.tmp-dir"}
	for _, name := range foreign {
		writeFile(t, filepath.Join("run", name, "precious.txt"), "years of work")
	}
	if err := os.CopyFS("run/best-99", os.DirFS("run/best")); err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{"14 --checkpoint-every 2 --keep 3", "15 --keep 1", "4 --overwrite"} {
		if r := unroll(strings.Fields(smallTrain + more)...); r.code != 0 || r.stderr != "" {
			t.Errorf("%s: %d, %s", more, r.code, r.stderr)
		}
		for _, name := range foreign {
			if got := readFile(t, filepath.Join("run", name, "precious.txt")); got != "years of work" {
				t.Errorf("%s: %s holds %q", more, name, got)
			}
		}
	}
	if got := names(t, "run/best-99"); got != names(t, "run/best") {
		t.Errorf("a copy of the best holds %s", got)
	}
	if got, _ := filepath.Glob("run/last-*"); len(got) != 4 {
		t.Errorf("the past is %v", got)
	}
}

// What is in the way of a checkpoint is named before anything is changed.
func TestForeignFileInTheWay(t *testing.T) {
	small(t, nil)
	trainSmall(t, "--steps", "3")
	for _, name := range []string{
		"run/best/precious.txt", "run/last/precious.txt", "run/last/manifest.json/precious.txt",
		"run/vocab.json/precious.txt",
	} {
		for _, flag := range []string{"", " --overwrite"} {
			if err := os.RemoveAll("run"); err != nil {
				t.Fatal(err)
			}
			must(t, strings.Fields(smallTrain+"3")...)
			if err := os.Remove(filepath.Dir(name)); err != nil && filepath.Base(filepath.Dir(name)) != "best" &&
				filepath.Base(filepath.Dir(name)) != "last" {
				t.Fatal(err)
			}
			writeFile(t, name, "years of work")
			before := contentsOf(t, "run")
			r := unroll(strings.Fields(smallTrain + "5" + flag)...)
			named := strings.Contains(r.stderr, strings.TrimSuffix(name, "/precious.txt"))
			if r.code != exitNoOutput && r.code != exitData || !named || strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("%s%s: %d, %s", name, flag, r.code, r.stderr)
			}
			if after := contentsOf(t, "run"); after != before {
				t.Errorf("%s%s: then\n%s\nwant\n%s", name, flag, after, before)
			}
		}
	}
}

// The umask says who may read a run, and who may write to it.
func TestUmask(t *testing.T) {
	small(t, nil)
	shared := syscall.Umask(0o002)
	trainSmall(t, "--steps", "3", "--out", "group/run")
	syscall.Umask(shared)
	for _, path := range []string{"group", "group/run", "group/run/last"} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o775 {
			t.Errorf("%s is %v, %v", path, info.Mode(), err)
		}
	}
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	trainSmall(t, "--steps", "3", "--tensorboard")
	err := filepath.WalkDir("run", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v, %v", path, info.Mode(), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
