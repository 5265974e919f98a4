package checkpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// faultyDisk is the operating system's, of which one call fails. It waits for no disk, but checks that no
// checkpoint is removed while the one in dir could still be lost with the power.
type faultyDisk struct {
	osDisk
	dir    string // of the checkpoint
	calls  int
	failAt int  // this call fails, counted from 1; a write after half of its bytes
	dead   bool // and so do all after it, as if the process were gone
	full   bool // and so do all writes after it, as on a disk that is full
	failed bool

	instead func() // if it is not nil, the call does not fail: this happens before it

	volatile map[string]bool // files whose contents, and folders whose new name, have not reached the disk
	early    []string        // what was removed too early
}

var errFault = &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}

func (d *faultyDisk) fails(writes bool) bool {
	d.calls++
	if d.calls == d.failAt && d.instead != nil {
		d.failed = true
		d.instead()
		return false
	}
	if d.calls == d.failAt {
		d.failed = true
	}
	return d.calls == d.failAt || d.failed && (d.dead || d.full && writes)
}

func (d *faultyDisk) opened(f diskFile, err error) (diskFile, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, d}, nil
}

func (d *faultyDisk) create(in *os.Root, name string) (diskFile, error) {
	if d.fails(true) {
		return nil, errFault
	}
	return d.opened(d.osDisk.create(in, name))
}

func (d *faultyDisk) createTemp(in *os.Root, prefix string) (diskFile, error) {
	if d.fails(true) {
		return nil, errFault
	}
	return d.opened(d.osDisk.createTemp(in, prefix))
}

func (d *faultyDisk) mkdirTemp(in *os.Root, prefix string) (string, error) {
	if d.fails(true) {
		return "", errFault
	}
	return d.osDisk.mkdirTemp(in, prefix)
}

func (d *faultyDisk) rename(in *os.Root, fromName, toName string) error {
	if d.fails(false) {
		return errFault
	}
	from, to := safefile.Path(in, fromName), safefile.Path(in, toName)
	_, whole := os.Stat(filepath.Join(from, manifestFile))
	if strings.Contains(to, goneMark) && whole == nil && len(d.volatile) > 0 {
		d.early = append(d.early, from)
	}
	err := d.osDisk.rename(in, fromName, toName)
	if err == nil && to == d.dir {
		moved := map[string]bool{to: true}
		for path := range d.volatile {
			moved[strings.Replace(path, from, to, 1)] = true
		}
		d.volatile = moved
	}
	return err
}

func (d *faultyDisk) remove(in *os.Root, name string) error {
	if d.fails(false) {
		return errFault
	}
	return d.osDisk.remove(in, name)
}

func (d *faultyDisk) syncDir(in *os.Root) error {
	if d.fails(false) {
		return errFault
	}
	for path := range d.volatile {
		if stat, err := os.Stat(path); err == nil && stat.IsDir() && filepath.Dir(path) == in.Name() {
			delete(d.volatile, path)
		}
	}
	return nil
}

type faultyFile struct {
	diskFile
	d *faultyDisk
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.d.fails(true) {
		n := 0
		if !f.d.dead {
			n, _ = f.diskFile.Write(p[:len(p)/2])
		}
		return n, errFault
	}
	f.d.volatile[f.Name()] = true
	return f.diskFile.Write(p)
}

func (f *faultyFile) Sync() error {
	if f.d.fails(true) {
		return errFault
	}
	delete(f.d.volatile, f.Name())
	return nil
}

func (f *faultyFile) Close() error {
	err := f.diskFile.Close()
	if f.d.fails(false) {
		return errFault
	}
	return err
}

// onDisk calls save with a disk that fails as d says; never, if it says nothing.
func onDisk(d *faultyDisk, save func() error) error {
	d.volatile = map[string]bool{}
	files = d
	defer func() { files = osDisk{} }()
	return save()
}

// Whichever call to the disk fails, alone, with all writes after it, or because the process dies there: a whole
// checkpoint is there, with a whole past. An error means the old one, success the new one. Nothing is removed
// before its successor is durable.
func TestEveryCallFails(t *testing.T) {
	faults, calls := 0, 0
	for _, mode := range []faultyDisk{{}, {full: true}, {dead: true}} {
		for keep := 1; keep <= 2; keep++ {
			for failAt := 1; ; failAt++ {
				run := t.TempDir()
				dir := filepath.Join(run, "last")
				for step := 4 - keep; step <= 4; step++ {
					if err := onDisk(&faultyDisk{dir: dir}, func() error { return save(dir, keep, contents(step)) }); err != nil {
						t.Fatal(err)
					}
				}
				d := mode
				d.dir, d.failAt = dir, failAt
				what := fmt.Sprintf("call %d, keep %d, full %v, dead %v", failAt, keep, d.full, d.dead)
				err := onDisk(&d, func() error { return save(dir, keep, contents(5)) })
				if len(d.early) > 0 {
					t.Fatalf("%s: removed before the new checkpoint was durable: %v", what, d.early)
				}
				var e *WriteError
				if err != nil && !errors.As(err, &e) {
					t.Fatalf("%s: %v, want a *WriteError", what, err)
				}
				want := 5
				if err != nil {
					want = 4
				}
				got, loadErr := load(dir) // as another process would, before anything is recovered
				if loadErr != nil || got != want && !(d.dead && got == 5) {
					t.Fatalf("%s: Save: %v; then step %d, %v", what, err, got, loadErr)
				}
				if _, err := os.Stat(dir); err != nil && !d.dead {
					t.Fatalf("%s: %v", what, err)
				}
				wantPast(t, what, dir, got)
				if err := recovered(dir, keep); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				wantStep(t, dir, got)
				wantOnly(t, run, kept(got, keep)...)
				if err := onDisk(&faultyDisk{dir: dir}, func() error { return save(dir, keep, contents(6)) }); err != nil {
					t.Fatalf("%s: then %v", what, err)
				}
				wantStep(t, dir, 6)
				if !d.failed {
					calls = max(calls, failAt-1)
					break
				}
				faults++
			}
		}
	}
	t.Logf("%d faults, at each of up to %d calls", faults, calls)
}

// kept are the names in a run after a checkpoint of each step was saved.
func kept(step, keep int) []string {
	names := []string{"last"}
	for s := max(1, step-keep+1); s < step; s++ {
		names = append(names, fmt.Sprint("last-", s))
	}
	return names
}

// wantPast checks that what there is of the past is whole.
func wantPast(t *testing.T, what, dir string, step int) {
	t.Helper()
	names, err := past(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range names {
		if got, err := load(beside(dir, path)); err != nil || pastName("last", got) != path || got >= step {
			t.Fatalf("%s: %s is of step %d: %v", what, path, got, err)
		}
	}
}

// The same for a single file: it has its old contents or the new.
func TestEveryCallFailsForAFile(t *testing.T) {
	for _, mode := range []faultyDisk{{}, {full: true}, {dead: true}} {
		for failAt := 1; ; failAt++ {
			run := t.TempDir()
			path := filepath.Join(run, "a.json")
			if err := writeFile(path, "old"); err != nil {
				t.Fatal(err)
			}
			d := mode
			d.failAt = failAt
			err := onDisk(&d, func() error { return writeFile(path, "newer") })
			got, readErr := os.ReadFile(path)
			if readErr != nil || err == nil && string(got) != "newer" || string(got) != "old" && string(got) != "newer" {
				t.Fatalf("call %d: %v; then %q, %v", failAt, err, got, readErr)
			}
			if err := within(path, func(d Dir, name string) error { return d.Sweep(name) }); err != nil {
				t.Fatal(err)
			}
			wantOnly(t, run, "a.json")
			if !d.failed {
				break
			}
		}
	}
}

// The past is what was saved before, whatever order the steps had; a run that went on from an earlier one
// forgets what came after.
func TestPast(t *testing.T) {
	run := t.TempDir()
	dir := filepath.Join(run, "last")
	save := func(keep, step int, want ...string) {
		t.Helper()
		if err := save(dir, keep, contents(step)); err != nil {
			t.Fatal(err)
		}
		wantOnly(t, run, append([]string{"last"}, want...)...)
	}
	save(3, 10)
	save(3, 20, "last-10")
	save(3, 30, "last-10", "last-20")
	save(3, 40, "last-20", "last-30")
	save(3, 25, "last-20")
	save(3, 25, "last-20") // of the same step: the later one
	save(3, 26, "last-20", "last-25")
	names, err := past(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"last-25", "last-20"}, names); diff != "" {
		t.Error(diff)
	}
	save(1, 27)
	save(2, 30, "last-27")
	if err := removed(dir); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, run)
}

// If the newest is damaged while the one before it still lies aside, that one is kept.
func TestRecoverOfADamagedOne(t *testing.T) {
	run := t.TempDir()
	dir := filepath.Join(run, "last")
	mustSave(t, dir, 1)
	if err := os.Rename(dir, beside(dir, ".last.old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := recovered(dir, 1); err != nil {
		t.Fatal(err)
	}
	names, err := past(dir)
	if want := []string{".last.old"}; err != nil || !slices.Equal(names, want) {
		t.Fatalf("to go back to: %v, %v; want %v", names, err, want)
	}
	mustSave(t, dir, 2)
	wantStep(t, dir, 2)
	wantOnly(t, run, "last")
}

// BenchmarkSave saves a language model of two LSTM layers of 512 on 65 characters, with Adam's state: 3.3
// million weights, 40 MB.
func BenchmarkSave(b *testing.B) {
	var c Contents
	for i, shape := range [][]int{{65, 2048}, {512, 2048}, {2048}, {512, 2048}, {512, 2048}, {2048}, {512, 65}, {65}} {
		n, _ := product(shape)
		for j, prefix := range []string{"", "m/", "v/"} {
			t := Tensor{Name: fmt.Sprint(prefix, i), Shape: shape, Data: make([]float32, n)}
			if j == 0 {
				c.Weights = append(c.Weights, t)
			} else {
				c.Optimizer = append(c.Optimizer, t)
			}
		}
	}
	c.State = state{Step: 1}
	b.SetBytes(contentBytes(c))
	dir := filepath.Join(b.TempDir(), "last")
	for i := range b.N {
		c.Step = i
		if err := save(dir, 2, c); err != nil {
			b.Fatal(err)
		}
	}
}

// A folder that is gone is named: how many bytes are free is of no use then.
func TestMissingFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	want := path + ": the folder " + filepath.Dir(path) + " does not exist: make it first"
	err := within(path, func(d Dir, name string) error {
		if err := os.Remove(filepath.Dir(path)); err != nil {
			return err
		}
		if err := d.Save(name, 1, Contents{}); err == nil || err.Error() != want {
			t.Errorf("Save: %v, want %s", err, want)
		}
		return d.WriteFile(name, []byte("x"))
	})
	if err == nil || err.Error() != want {
		t.Errorf("WriteFile: %v, want %s", err, want)
	}
}
