package runlog

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
)

// stepsOf are the steps of what a follower finds.
func stepsOf(t *testing.T, f *Follower) (found []int, again bool) {
	t.Helper()
	entries, again, err := f.Next()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		found = append(found, e.Step)
	}
	return found, again
}

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log.jsonl")
	f := Follow(path)
	expect := func(what string, wantAgain bool, want ...int) {
		t.Helper()
		got, again := stepsOf(t, f)
		if diff := cmp.Diff(want, got); diff != "" || again != wantAgain {
			t.Errorf("%s: from the beginning: %v; %s", what, again, diff)
		}
	}
	write := func(from, to int, rest string) {
		t.Helper()
		file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for step := from; step <= to; step++ {
			fmt.Fprintf(file, `{"event":"step","step":%d}`+"\n", step)
		}
		fmt.Fprint(file, rest)
	}
	expect("no log yet", false)
	write(1, 3, `{"event":"st`)
	expect("three steps and a half", false, 1, 2, 3)
	expect("nothing new", false)
	write(1, 0, `ep","step":4}`+"\n")
	expect("the line is whole now", false, 4)

	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	cut := func(step int) {
		t.Helper()
		log, err := Open(root, "log.jsonl", step)
		if err != nil {
			t.Fatal(err)
		}
		log.Close()
	}
	cut(2)
	expect("the run goes on from step 2", true, 1, 2)
	cut(1)
	write(1, 0, `{"event":"most","step":2}`+"\n") // as long
	write(3, 3, "")
	expect("from step 1, with another step 2", true, 1, 2, 3)
	cut(1)
	write(1, 0, `{"event":"step","step":2,"x":0}`+"\n") // longer
	write(3, 9, "")
	expect("and from step 1, and the log is longer again", true, 1, 2, 3, 4, 5, 6, 7, 8, 9)

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	expect("the log is gone", true)
	write(1, 1, "")
	expect("another run", false, 1)

	if err := os.WriteFile(path, []byte("a diary\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Follow(path).Next(); err == nil {
		t.Error("a diary is followed")
	}
}

// A line that is none is found wherever it is, once what is before it was read, and it stays so.
func TestFollowDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	long := `{"event":"step","step":2,"of":"` + strings.Repeat("x", 900_000) + "\"}\n"
	for _, bad := range []string{"junk\n", "{}\n", `{"event":"step","step":1}` + "\n"} {
		for _, before := range []int{0, 1, 10} { // more than is read at once
			text := strings.Repeat(long, before) + bad + `{"event":"step","step":3}` + "\n"
			if before == 0 && strings.Contains(bad, "event") {
				continue // which is a log
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			f, read, failed := Follow(path), 0, 0
			for range before + 2 {
				entries, again, err := f.Next()
				read += len(entries)
				if damaged := (*DamagedError)(nil); errors.As(err, &damaged) && damaged.At == int64(before*len(long)) {
					failed++
				}
				if again {
					t.Errorf("%q after %d lines: it is read again", bad, before)
				}
			}
			if read != before || failed == 0 {
				t.Errorf("%q after %d lines: %d were read, and it was found %d times", bad, before, read, failed)
			}
		}
	}
}
