package checkpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// precious makes a file that a person has put at a path, and returns what checks that it is still there.
func precious(t *testing.T, path string) (check func()) {
	t.Helper()
	const text = "years of work"
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

// Folders of a person stay, whatever their names look like.
func TestForeignFoldersStay(t *testing.T) {
	run := t.TempDir()
	last, best := filepath.Join(run, "last"), filepath.Join(run, "best")
	mustSave(t, best, 5)
	for step := 1; step <= 5; step++ {
		if err := save(last, 3, contents(step)); err != nil {
			t.Fatal(err)
		}
	}
	var checks []func()
	for _, name := range []string{"best-1", "best-2", "best-100", "last-1", "last-2", "last-10", "last-2024",
		"last-999999", ".best.tmp-1",
		".last.tmp-x", ".last-7.gone-7"} {
		checks = append(checks, precious(t, filepath.Join(run, name, "precious.txt")))
	}
	for _, copied := range []string{"best-5", "best-4", "last-0", "last-777"} { // of a person, too: cp -r best best-5
		if err := os.CopyFS(filepath.Join(run, copied), os.DirFS(best)); err != nil {
			t.Fatal(err)
		}
		checks = append(checks, func() { wantStep(t, filepath.Join(run, copied), 5) })
	}
	for step := 6; step <= 9; step++ {
		for dir, keep := range map[string]int{last: 2, best: 1} {
			if err := recovered(dir, 1); err != nil {
				t.Fatal(err)
			}
			if err := save(dir, keep, contents(step)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, dir := range []string{last, best} {
		if err := removed(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, check := range checks {
		check()
	}
	if got, err := filepath.Glob(filepath.Join(run, "last-[3-9]")); err != nil || len(got) > 0 {
		t.Errorf("not removed: %v, %v", got, err)
	}
}

// What is in the way is named, and stays.
func TestInTheWay(t *testing.T) {
	for _, name := range []string{"last", ".last.old/precious.txt", "last-2", "last-2/manifest.json"} {
		run := t.TempDir()
		dir := filepath.Join(run, "last")
		if name != "last" {
			mustSave(t, dir, 1)
		}
		check := precious(t, filepath.Join(run, name))
		var err error
		for step := 2; step <= 4 && err == nil; step++ {
			err = save(dir, 3, contents(step))
		}
		var e *safefile.Error
		if !errors.As(err, &e) || !e.Writing ||
			!strings.HasPrefix(e.Path, filepath.Join(run, strings.TrimSuffix(name, "/manifest.json"))) {
			t.Errorf("%s: %v", name, err)
		}
		check()
	}
}

// A file that a person has put into a checkpoint's folder outlives the checkpoint.
func TestForeignFileInACheckpoint(t *testing.T) {
	run := t.TempDir()
	dir := filepath.Join(run, "best")
	mustSave(t, dir, 1)
	precious(t, filepath.Join(dir, "notes.txt"))
	var e *safefile.Error
	if err := removed(dir); !errors.As(err, &e) || e.Path != filepath.Join(dir, "notes.txt") {
		t.Errorf("removed: %v", err)
	}
	mustSave(t, dir, 2)
	mustSave(t, dir, 3)
	wantOnly(t, run, "best", "best-1")
	wantOnly(t, filepath.Join(run, "best-1"), "manifest.json", "notes.txt", "optimizer.safetensors", "state.json",
		"weights.safetensors")
}

// A link in the place of a checkpoint is replaced or removed, and what it points to stays.
func TestLinkedCheckpointStays(t *testing.T) {
	run, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "other")
	mustSave(t, elsewhere, 7)
	dir := filepath.Join(run, "last")
	for _, name := range []string{"last", ".last.gone-1"} {
		if err := os.Symlink(elsewhere, filepath.Join(run, name)); err != nil {
			t.Fatal(err)
		}
		if err := save(dir, 1, contents(8)); err != nil {
			t.Fatal(err)
		}
		if err := removed(dir); err != nil {
			t.Fatal(err)
		}
		wantStep(t, elsewhere, 7)
	}
}

// What is damaged is removed, the newest that is left takes its place.
func TestGoBack(t *testing.T) {
	saved := func(t *testing.T) (run, dir string) {
		run = t.TempDir()
		dir = filepath.Join(run, "last")
		for step := 10; step <= 40; step += 10 {
			if err := save(dir, 4, contents(step)); err != nil {
				t.Fatal(err)
			}
		}
		return run, dir
	}
	damage := func(t *testing.T, path, name string) {
		if err := os.WriteFile(filepath.Join(path, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		damaged []string
		want    []string
	}{
		{weightsFile, []string{"last", "last-30"}, []string{"last", "last-10"}},
		{weightsFile, []string{"last", "last-30", "last-20", "last-10"}, nil},
		{weightsFile, []string{"last-30"}, []string{"last", "last-10", "last-20"}},
		{weightsFile, []string{"best"}, []string{"last", "last-10", "last-20", "last-30"}},
		// Nothing says any more whether the others are ours.
		{manifestFile, []string{"last", "last-30"}, []string{"last-10", "last-20", "last-30"}},
	} {
		run, dir := saved(t)
		damage(t, dir, c.name)
		damage(t, pastName(dir, 30), stateFile)
		if err := within(dir, func(d Dir, name string) error { return d.GoBack(name, c.damaged) }); err != nil {
			t.Fatal(err)
		}
		wantOnly(t, run, c.want...)
	}
}
